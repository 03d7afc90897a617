//===- CompilerOptions.h - What a compilation is asked for ------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Plain data, handed down: no stage keeps options of its own.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_DRIVER_COMPILEROPTIONS_H
#define LATHE_DRIVER_COMPILEROPTIONS_H

#include "lathe/Compress/Options.h"
#include "lathe/Compress/Samples.h"
#include "lathe/Import/Import.h"
#include "lathe/Target/TargetSelection.h"
#include <string>
#include <vector>

namespace lathe::driver {

/// The stages of a compilation, in order; each names the form it leaves.
enum class Stage { Import, Graph, Compress, Lower, Kernel, Codegen, LLVM };

/// "import", "graph" ...
llvm::StringRef stageName(Stage S);

struct CompilerOptions {
  target::TargetRequest Target;
  /// Prefix of the C functions; made a C identifier.
  std::string Name = "model";
  /// 0: no fusion, generic tier. 1: graph passes. 2: emitters and layouts.
  /// 3: also what changes rounding more than reordering a sum.
  unsigned OptLevel = 3;
  /// No reordering of sums, no contraction, no rewrite that changes a rounding.
  bool StrictFloats = false;
  /// False: every kernel by the generic tier.
  bool Emitters = true;
  /// Bytes of a constant computed while compiling; 0: none is.
  int64_t FoldLimitBytes = 64 << 20;
  import::ImportOptions Import;
  compress::Options Compress;
  /// Folder with samples to calibrate with; empty: none.
  std::string Calibrate;
  std::shared_ptr<compress::SampleSource> Samples;

  /// Names of passes to leave out.
  std::vector<std::string> DisabledPasses;
  /// Threads to compile with; 0: as many as this process may use. The output
  /// does not depend on it.
  unsigned Jobs = 0;
  /// Prints the counters of the passes to the error stream.
  bool PassStatistics = false;
  /// Passes report what they left undone, and why.
  bool Remarks = false;
  /// Reports the time of each pass to the error stream.
  bool TimePasses = false;
  /// Names of passes to print the IR after.
  std::vector<std::string> PrintIRAfter;
  /// Where to keep IR and pipeline if a pass fails. Empty: nowhere.
  std::string Reproducer;
  /// Stages are announced on the error stream.
  bool ShowProgress = false;
  /// The options that make a difference to the artefacts, which record them: a
  /// command line that repeats the compilation on any machine. The machine and
  /// the level, whether asked for or not, are put before it by Compiler.
  std::string Recorded;
};

} // namespace lathe::driver

#endif // LATHE_DRIVER_COMPILEROPTIONS_H

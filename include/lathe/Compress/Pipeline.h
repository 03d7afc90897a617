//===- Pipeline.h - The pipeline of the stage Compress ------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_COMPRESS_PIPELINE_H
#define LATHE_COMPRESS_PIPELINE_H

#include "lathe/Compress/ByteCost.h"
#include "lathe/Compress/Options.h"
#include "lathe/ONNX/Evaluator.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace lathe::compress {

class SampleSource;

struct PipelineOptions {
  Options Compress;
  /// What the target has for sums of bytes.
  ByteUnit Unit;
  /// Computes values while compiling; null: what needs it is left undone.
  onnx::Evaluator *Evaluator = nullptr;
  /// What to calibrate with; null: nothing.
  SampleSource *Samples = nullptr;
  /// Report what stays, and why.
  bool Remarks = false;
  /// False (-O0): models that arrive quantized are compiled as they are.
  bool Integers = true;
  /// False: sums of floats keep the order of their terms.
  bool Reorder = true;
};

/// From the simplified graph to a compressed one, as far as \\p Options ask for
/// it.
void buildPipeline(mlir::OpPassManager &PM, const PipelineOptions &Options);

} // namespace lathe::compress

#endif // LATHE_COMPRESS_PIPELINE_H

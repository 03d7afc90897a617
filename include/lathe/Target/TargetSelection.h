//===- TargetSelection.h - From --target and --cpu to a machine -*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Resolves what a user writes into LLVM's triple, CPU and a feature list that
// is complete. Every name is checked here, against LLVM's own tables, before
// LLVM's code generators see it: they end the process on names or pairs they
// dislike.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_TARGET_TARGETSELECTION_H
#define LATHE_TARGET_TARGETSELECTION_H

#include "lathe/Support/TargetDescription.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <optional>
#include <string>

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace lathe::target {

/// What the user asked for.
struct TargetRequest {
  /// "native", a level of x86-64 ("x86-64" ... "x86-64-v4"), or a triple.
  std::string Target = "native";
  /// A CPU of the target, "native", or empty: the target's own baseline.
  std::string CPU;
  /// "+avx2,-fma": added to or taken from what the CPU has.
  std::string Features;
};

/// A machine that LLVM can generate code for; all names are valid.
struct TargetSpec {
  std::string Triple;
  std::string CPU;
  /// Relative to CPU; with it, complete.
  std::string Features;
  /// The shortest list that, asked for beside Triple and CPU, gives this very
  /// machine.
  std::string FeatureChanges;
  /// Of the machine that runs the kernels.
  TargetDescription Description;
  /// Where that is a device, of whose program Triple, CPU and Features are the
  /// host: the device's own.
  struct DeviceSpec {
    std::string Triple, CPU;
  };
  std::optional<DeviceSpec> Device;
};

/// The machine that \p Request names, or an error that says which name is wrong
/// and what comes near it.
llvm::Expected<TargetSpec> resolveTarget(const TargetRequest &Request);

/// A machine for code generation. \p LargeData: data may lie more than 2 GB
/// from the code. \p ForText: assembly inside of the module is passed on
/// unread.
std::unique_ptr<llvm::TargetMachine> createTargetMachine(const TargetSpec &Spec,
                                                         bool Optimize,
                                                         bool LargeData,
                                                         bool ForText = false);

} // namespace lathe::target

#endif // LATHE_TARGET_TARGETSELECTION_H

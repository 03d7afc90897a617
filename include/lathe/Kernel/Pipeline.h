//===- Pipeline.h - The pipeline of the stage Kernel ------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_KERNEL_PIPELINE_H
#define LATHE_KERNEL_PIPELINE_H

#include "lathe/Kernel/Tabulator.h"
#include "lathe/Support/TargetDescription.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace lathe::kernel {

struct PipelineOptions {
  /// Fuse elementwise ops and epilogues (off at -O0).
  bool Fuse = true;
  /// Channels last for convolutions, packed weights (from -O2 on).
  bool Layouts = true;
  /// Ask the choose functions for schedules; without, all kernels compile by
  /// the generic tier.
  bool Schedules = true;
  /// Evaluates functions of a byte; without, none becomes a table.
  Tabulator ByteValues;
  /// The machine to schedule for.
  TargetDescription Target;
};

/// From linalg on tensors to kernels and their calls.
void buildPipeline(mlir::OpPassManager &PM, const PipelineOptions &Options);

} // namespace lathe::kernel

#endif // LATHE_KERNEL_PIPELINE_H

//===- Pipeline.h - The pipeline of the stage Graph ------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_GRAPH_PIPELINE_H
#define LATHE_GRAPH_PIPELINE_H

#include "lathe/ONNX/Evaluator.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace lathe::graph {

struct PipelineOptions {
  /// False (-O0): only what is needed for correctness.
  bool Optimize = true;
  /// Rewrites that change a rounding (scales into weights, sums in another
  /// order) are left out.
  bool KeepRounding = false;
  /// Queries, keys and values stay apart: something later treats each by
  /// itself.
  bool KeepAttended = false;
  /// Constants larger than this are not computed, unless they take the place of
  /// others; 0: none is.
  int64_t FoldLimitBytes = 64 << 20;
  /// Passes report what they left undone, and why.
  bool Remarks = false;
  /// Computes values while compiling; null: what needs it is left undone.
  onnx::Evaluator *Evaluator = nullptr;
};

/// From the graph as imported to the smallest equal one; shapes inferred.
void buildPipeline(mlir::OpPassManager &PM, const PipelineOptions &Options);

} // namespace lathe::graph

#endif // LATHE_GRAPH_PIPELINE_H

//===- MovementPatterns.h - Patterns of graph-merge-movement ----*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each pattern leaves fewer nodes that move or copy than it found, or as many
// and smaller tensors, so the greedy rewriter ends.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_MOVEMENTPATTERNS_H
#define LATHE_LIB_GRAPH_MOVEMENTPATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace lathe::graph {

/// Chains of Reshape, Flatten, Squeeze and Unsqueeze; reductions beside them;
/// chains of Cast.
void populateViewPatterns(mlir::RewritePatternSet &Patterns);
/// Transpositions that meet, also with elementwise ops in between.
void populateTransposePatterns(mlir::RewritePatternSet &Patterns);
/// Slice, Split, Concat and Pad.
void populatePartPatterns(mlir::RewritePatternSet &Patterns);
/// Expand before what broadcasts anyway, uniform constants as scalars.
void populateBroadcastPatterns(mlir::RewritePatternSet &Patterns);

/// Transpositions around LSTM, GRU and RNN; initial states that are zero.
void populateRecurrentPatterns(mlir::RewritePatternSet &Patterns);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_MOVEMENTPATTERNS_H

//===- RecurrentLoop.h - Cells that a Loop or Scan repeats ------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_RECURRENTLOOP_H
#define LATHE_LIB_GRAPH_RECURRENTLOOP_H

#include "mlir/IR/PatternMatch.h"

namespace lathe::graph {

/// \p Op, a Loop or Scan, does nothing but run LSTM and GRU nodes of one step,
/// each on an element of a sequence and on the state of the last iteration:
/// nodes over the whole sequence take its place, and it is erased.
bool liftRecurrentLoop(mlir::Operation *Op, mlir::IRRewriter &Rewriter);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_RECURRENTLOOP_H

//===- ParallelCost.h - Whether parallel contractions are one ---*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_GRAPH_PARALLELCOST_H
#define LATHE_GRAPH_PARALLELCOST_H

#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace lathe::graph {

/// Contractions of one matrix of Rows times Depth, each with columns of its
/// own.
struct ParallelShape {
  int64_t Rows = 1, Depth = 1;
  llvm::SmallVector<int64_t> Columns;
  /// Who reads the parts reads them where they lie, a row at a time: attention
  /// does, of heads.
  bool PartsStay = false;
};

/// True if one contraction whose result is split afterwards costs less.
bool paysToMerge(const ParallelShape &Shape);

} // namespace lathe::graph

#endif // LATHE_GRAPH_PARALLELCOST_H

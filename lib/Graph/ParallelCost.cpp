//===- ParallelCost.cpp - Whether parallel contractions are one -----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The unit is the time of one copied element. Contractions of many rows run
// near the machine's peak alone, so what a merged one saves is little:
// BERT-base with Q, K and V as one of 2304 columns was slower than with three
// of 768 (128 rows, AMD EPYC, Zen 5), for its parts are copied. One row is
// another matter: the parts of its result lie side by side as they are.
//
//===----------------------------------------------------------------------===//

#include "lathe/Graph/ParallelCost.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe;

/// Columns that a register tile holds at least; fewer leave lanes idle.
static constexpr int64_t TileColumns = 32;
/// A multiply-add, a read of an element of the data, the start of a kernel.
static constexpr double MultiplyAdd = 1.0 / 16, Read = 1.0 / 8, Start = 500;

bool graph::paysToMerge(const ParallelShape &Shape) {
  int64_t Apart = 0, Total = 0, Count = Shape.Columns.size();
  for (int64_t Columns : Shape.Columns) {
    Apart += llvm::alignTo(Columns, TileColumns);
    Total += Columns;
  }
  int64_t Idle = Apart - int64_t(llvm::alignTo(Total, TileColumns));
  double Rows = Shape.Rows, Depth = Shape.Depth;
  double Saved =
      Rows * Depth * (double(Idle) * MultiplyAdd + double(Count - 1) * Read) +
      double(Count - 1) * Start;
  double Copied = Shape.Rows == 1 ? 0 : 2 * Rows * double(Total);
  return Count > 1 && Saved > Copied;
}

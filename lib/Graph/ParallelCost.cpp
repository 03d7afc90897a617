//===- ParallelCost.cpp - Whether parallel contractions are one -----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The unit is the time of one copied element. Contractions of many rows run
// near the machine's peak alone, so what a merged one saves is little, and less
// than a copy of its parts where somebody wants those in one piece. Attention
// reads heads out of wider rows as they lie: with Q, K and V as one, BERT-base,
// ViT-B/16, Swin-T and GPT-2 take 1.00, 1.01, 1.00 and 1.01 of the time (AMD
// EPYC, Zen 5) in two calls less for each attention. One row has its parts side
// by side.
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
  double Copied =
      Shape.Rows == 1 || Shape.PartsStay ? 0 : 2 * Rows * double(Total);
  return Count > 1 && Saved > Copied;
}

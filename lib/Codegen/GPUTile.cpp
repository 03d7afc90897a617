//===- GPUTile.cpp - Sizes that a GPU kernel is cut into ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Codegen/GPUTile.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe::codegen;

/// What stands for a size that only the run knows.
static constexpr int64_t Typical = 128;

static int64_t orTypical(int64_t Size) { return Size < 0 ? Typical : Size; }

GPUTile lathe::codegen::chooseGPUTile(int64_t Batch, int64_t Rows,
                                      int64_t Columns, int64_t Depth,
                                      unsigned Multiprocessors) {
  Batch = orTypical(Batch);
  Rows = orTypical(Rows);
  Columns = orTypical(Columns);
  Depth = orTypical(Depth);
  // Largest first: elements per thread, threads along the columns.
  static constexpr struct {
    unsigned PerThread, Depth, ThreadColumns;
  } Candidates[] = {{8, 8, 16},  {4, 16, 16}, {4, 16, 8}, {4, 16, 32},
                    {2, 16, 16}, {2, 16, 8},  {2, 16, 32}};
  GPUTile Best;
  double BestCost = 0;
  for (const auto &C : Candidates) {
    GPUTile T{C.PerThread, C.Depth, C.ThreadColumns};
    int64_t Blocks = Batch * llvm::divideCeil(Rows, T.rows()) *
                     llvm::divideCeil(Columns, T.columns());
    // Waves of blocks, each as long as a block's work: sums, and what is loaded
    // for them (shared memory gives two values in the time of a few sums).
    double Waves = double(llvm::divideCeil(Blocks, Multiprocessors));
    double PerTerm = T.PerThread * T.PerThread + 2.0 * T.PerThread +
                     8.0 * (T.rows() + T.columns()) / GPUThreads;
    double Cost = Waves * llvm::alignTo(Depth, T.Depth) * PerTerm;
    if (BestCost == 0 || Cost < BestCost) {
      BestCost = Cost;
      Best = T;
    }
  }
  return Best;
}

bool lathe::codegen::sharesReduction(int64_t Points, int64_t Depth,
                                     bool Contiguous) {
  Points = orTypical(Points);
  Depth = orTypical(Depth);
  if (Depth < int64_t(GPUWarp))
    return false;
  // Neighbouring threads at neighbouring points read neighbours where the terms
  // are not; then only too few points are a reason.
  return Contiguous || Depth >= 16 * Points;
}

unsigned lathe::codegen::chooseThreadsPerRow(int64_t Rows, int64_t Depth) {
  Depth = orTypical(Depth);
  Rows = orTypical(Rows);
  // A warp takes up to 32 terms a thread; few rows are not worth waiting for.
  if (Depth <= 1024 || (Depth <= 4096 && Rows >= 1024))
    return GPUWarp;
  return GPUThreads;
}

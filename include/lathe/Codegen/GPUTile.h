//===- GPUTile.h - Sizes that a GPU kernel is cut into ----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Pure functions of sizes, negative where only the run knows them.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_CODEGEN_GPUTILE_H
#define LATHE_CODEGEN_GPUTILE_H

#include <cstdint>

namespace lathe::codegen {

/// Threads of a block, of every kernel that is no single thread's.
inline constexpr unsigned GPUThreads = 256;
inline constexpr unsigned GPUWarp = 32;
/// Blocks beyond which a kernel strides over its work.
inline constexpr int64_t GPUMaxBlocks = 65535;

/// Scratch memory, in bytes, that all threads of a kernel have together in
/// global memory.
inline constexpr int64_t GPUMostScratch = int64_t(8) << 20;

/// A tile of a contraction: GPUThreads threads in a square, each with
/// PerThread x PerThread elements in registers, Depth terms of the sums at a
/// time in shared memory.
struct GPUTile {
  unsigned PerThread = 4;
  unsigned Depth = 16;
  /// Threads along the columns; along the rows there are the others.
  unsigned ThreadColumns = 16;

  unsigned threadRows() const { return GPUThreads / ThreadColumns; }
  unsigned rows() const { return threadRows() * PerThread; }
  unsigned columns() const { return ThreadColumns * PerThread; }
};

/// The largest tile that still gives every multiprocessor a block, and wastes
/// least of itself at the edges.
GPUTile chooseGPUTile(int64_t Batch, int64_t Rows, int64_t Columns,
                      int64_t Depth, unsigned Multiprocessors);

/// Whether a reduction of \p Depth terms at \p Points points is shared among
/// threads rather than each thread's own. \p Contiguous: its terms are
/// neighbours in memory.
bool sharesReduction(int64_t Points, int64_t Depth, bool Contiguous);

/// A warp, or a whole block where the terms are many.
unsigned chooseThreadsPerRow(int64_t Rows, int64_t Depth);

} // namespace lathe::codegen

#endif // LATHE_CODEGEN_GPUTILE_H

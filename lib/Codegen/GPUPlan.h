//===- GPUPlan.h - How a nest lies on blocks and threads --------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Decides which form a nest takes on a GPU. All forms run over numbered pieces
// of work, a block at a time, so that any number of blocks is right:
//
//   Points  a thread computes one element (or a short vector) of the results,
//           reductions included;
//   Rows    a warp or a block computes what shares long reductions: its threads
//           cut them among themselves and meet in shuffles and shared memory;
//   Tiles   a block computes a tile of a contraction or convolution: operands
//           pass through shared memory, each thread keeps a tile in registers.
//
// The numbers are chosen by pure functions of sizes.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_GPUPLAN_H
#define LATHE_LIB_CODEGEN_GPUPLAN_H

#include "NestPlan.h"
#include "lathe/Codegen/GPUTile.h"

namespace lathe::codegen {

struct GPUPlan {
  enum class Form { Points, Rows, Tiles };
  Form Kind = Form::Points;

  /// Points: elements of the innermost dimension that a thread takes together.
  unsigned Width = 1;
  int VectorDim = -1;

  /// Rows: the parallel dimensions that number them, those inside of one, the
  /// reductions that its threads share, and how many threads there are.
  llvm::SmallVector<unsigned> Outer, Inner;
  llvm::SmallBitVector Shared;
  unsigned ThreadsPerRow = GPUWarp;

  /// Tiles: the reduction, its operands on the side of the rows and of the
  /// columns, the dimensions of each side.
  unsigned Reduction = 0;
  unsigned RowOperand = 0, ColumnOperand = 1;
  llvm::SmallVector<unsigned> Batch, Rows, Columns, Depth;
  /// Neighbouring threads load neighbours along the depth (else along the other
  /// dimension).
  bool RowsAlongDepth = true, ColumnsAlongDepth = false;
  /// Products of bytes: four neighbouring terms are one term of the tile, a word
  /// each, which one instruction adds. Bytes have signs or not, and may have
  /// their uppermost bit turned before that counts.
  struct Bytes {
    bool Signed = false, Flipped = false;
  };
  bool Dots = false;
  Bytes RowBytes, ColumnBytes;
  GPUTile Tile;
};

/// \p TypeOf as for planNest. \p G has its dimensions merged. With \p Ordered,
/// each sum is one thread's, in the order of its op's loops.
GPUPlan planGPU(const NestGraph &G,
                llvm::function_ref<mlir::MemRefType(mlir::Value)> TypeOf,
                const TargetDescription &Target, bool Ordered);

/// The plan of the scalar code of one thread, which the nest emitter obeys.
NestPlan planThread(const NestGraph &G);

/// Elements \p At of memory of \p Type, \p Width at a time along \p D, begin at
/// multiples of Width elements if the memory does; or all are the same one.
bool movesInVectors(llvm::ArrayRef<mlir::AffineExpr> At, mlir::MemRefType Type,
                    unsigned D, unsigned Width);

/// Product of the extents of \p Dims; kDynamic if one of them is.
int64_t extentOf(const NestGraph &G, llvm::ArrayRef<unsigned> Dims);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_GPUPLAN_H

//===- GPUEmitter.h - Blocks and threads for one nest -----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Executes a GPUPlan on a NestGraph. What one thread computes for one element
// is the nest emitter's scalar code; here stands who computes which elements,
// what is shared and where threads wait for each other.
//
// Invariant: a barrier or shuffle is reached by all threads of a block or warp,
// whatever the sizes: loops around them run equally often for all of them, and
// coordinates beyond an edge are clamped to it rather than skipped.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_GPUEMITTER_H
#define LATHE_LIB_CODEGEN_GPUEMITTER_H

#include "GPUPlan.h"
#include "Halo.h"
#include "NestEmitter.h"

namespace lathe::codegen {

class GPUEmitter : NestEmitter {
public:
  GPUEmitter(KernelContext &Ctx, const NestGraph &G, const NestPlan &Thread,
             const GPUPlan &Plan)
      : NestEmitter(Ctx, G, Thread), Plan(Plan) {}

  /// Emits the nest at the builder's insertion point.
  void emit();
  /// The groups of blocks that it is made for; the sizes that they name are the
  /// first store's out's.
  llvm::SmallVector<kernel::BlocksAttr> blocks() const;

private:
  const GPUPlan &Plan;
  mlir::Value Thread;

  void emitPoints();
  /// Elements from number First of each Stride on, \p Width at a time.
  void emitElements(unsigned Width);
  void emitRows();
  void emitTiles();

  /// Runs \p Body for each piece of work of this block.
  void overBlocks(mlir::Value Count,
                  llvm::function_ref<void(mlir::Value)> Body);
  void ifThen(mlir::Value Condition, llvm::function_ref<void()> Body);
  mlir::Value product(llvm::ArrayRef<unsigned> Dims);
  /// Sets the coordinates of \p Dims, the last one fastest, from a number.
  void spread(mlir::Value Number, llvm::ArrayRef<unsigned> Dims, Point &Pt);
  /// The number of the point that \p Pt is at.
  Point origin() const;
  mlir::Value less(mlir::Value L, mlir::Value R);
  mlir::Value ceilDiv(mlir::Value L, int64_t R);

  // Rows (GPURows.cpp).
  /// The shared reduction \p R at \p Pt, of which this thread is number \p
  /// Lane.
  void shareReduction(unsigned R, Point Pt, mlir::Value Lane);
  mlir::Value combine(mlir::Operation *Combiner, mlir::Value X, mlir::Value Y);
  mlir::Value shuffled(mlir::Value V, int64_t Distance);
  /// Values of the threads of a row, combined, in all of them.
  mlir::Value meet(mlir::Operation *Combiner, mlir::Value V);

  // Tiles (GPUTiles.cpp).
  struct Side;
  void planCopies(Side &S);
  void setPieces(Side &S);
  Point pointOf(const Side &S, mlir::Value First, mlir::Value Term, Point Pt);
  llvm::SmallVector<mlir::Value> startSide(const Side &S, mlir::Value First,
                                           mlir::Value Buffer);
  void finishSide(const Side &S, mlir::ValueRange Loaded, mlir::Value Buffer);
  llvm::SmallVector<mlir::Value> term(mlir::Value Buffer, mlir::Value K,
                                      const Side &A, const Side &C,
                                      const Points &Tile, mlir::ValueRange Acc);
};

/// This thread's number of \p Threads, this block's, and how many blocks there
/// are, with bounds: arithmetic on them can be narrow.
mlir::Value threadNumber(mlir::OpBuilder &B, mlir::Location Loc,
                         int64_t Threads);
mlir::Value blockNumber(mlir::OpBuilder &B, mlir::Location Loc);
mlir::Value numBlocks(mlir::OpBuilder &B, mlir::Location Loc);

/// Fills \p H, all threads an element at a time.
void fillByAll(KernelContext &Ctx, const Halo &H);

/// Elements of a block's shared memory, row-major.
mlir::Value makeShared(mlir::OpBuilder &B, mlir::Location Loc,
                       llvm::ArrayRef<int64_t> Shape, mlir::Type Element);

/// The memory space of a block's shared memory.
inline constexpr unsigned SharedSpace = 3;

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_GPUEMITTER_H

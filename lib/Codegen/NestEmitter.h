//===- NestEmitter.h - Loops and vectors for one nest -----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Executes a NestPlan on a NestGraph: parallel loops with register tiles of
// points, masked or narrower tails, reductions in registers as loop-carried
// values, producers inlined where they are read, epilogues applied to the
// accumulators before they are stored.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_NESTEMITTER_H
#define LATHE_LIB_CODEGEN_NESTEMITTER_H

#include "KernelContext.h"
#include "Lanes.h"
#include "NestPlan.h"
#include "llvm/ADT/MapVector.h"

namespace lathe::codegen {

/// A run of iterations of one dimension with one register tile.
struct Segment {
  /// First element and end: a number, or the value if there is one.
  int64_t From = 0, To = 0;
  mlir::Value FromV, ToV;
  /// Elements per iteration: Points * Width unless masked.
  int64_t Step = 1;
  unsigned Points = 1;
  unsigned Width = 1;
  /// The last vector is masked: the number of its lanes that are on, or
  /// kDynamic (To - From).
  int64_t MaskCount = 0;
  /// Of a grid: all segments with Rest are one iteration, the last.
  bool Rest = false;
};

/// One element (or vector of elements) of the register tile.
struct Point {
  llvm::SmallVector<Lane> At; // per dimension of the graph
  LaneShape S;
};

class NestEmitter {
public:
  NestEmitter(KernelContext &Ctx, const NestGraph &G, const NestPlan &P)
      : Ctx(Ctx), G(G), P(P), B(Ctx.B), L(Ctx.B, Ctx.Loc) {}

  /// Emits the nest at the builder's insertion point. \p WholeInFirst: it has
  /// no range of its own, the first iteration of the kernel runs all of it.
  void emit(bool WholeInFirst);
  /// The extent of the outermost loop: result number, dimension and step; or
  /// nothing where the nest is a single iteration.
  struct Grid {
    unsigned Result;
    int64_t Dim, Step;
  };
  std::optional<Grid> grid() const;

protected:
  KernelContext &Ctx;
  const NestGraph &G;
  const NestPlan &P;
  mlir::OpBuilder &B;
  LaneBuilder L;

  // Loops (NestEmitter.cpp).
  using Points = llvm::SmallVector<Point>;
  using BodyFn = llvm::function_ref<void()>;
  llvm::SmallVector<Segment> segments(unsigned Dim);
  void emitDim(unsigned Depth, const Points &Tile, llvm::BitVector Done,
               llvm::SmallBitVector Open);
  void emitSegment(const Segment &S, mlir::Value Iv, unsigned Depth,
                   const Points &Tile, const llvm::BitVector &Done,
                   llvm::SmallBitVector Open);
  void loop(mlir::Value From, mlir::Value To, int64_t Step,
            llvm::function_ref<void(mlir::Value)> Body);
  void storePoints(const Points &Tile);
  mlir::Value extent(unsigned Dim);
  mlir::Value fromOf(const Segment &S) {
    return S.FromV ? S.FromV : L.index(S.From);
  }
  mlir::Value toOf(const Segment &S) { return S.ToV ? S.ToV : L.index(S.To); }

  // Stores behind reductions (NestEpilogue.cpp).
  /// A dimension of the register tile: the points of Tile count through these,
  /// the last fastest.
  struct TileDim {
    unsigned Dim, Points, Width;
    bool LastIsMasked;
  };
  llvm::SmallVector<TileDim> TileDims;
  /// Instructions behind the reductions at one point; -1: not counted yet.
  int EpilogueCost = -1;
  llvm::MapVector<std::pair<unsigned, unsigned>, mlir::Value> Scratch;
  unsigned epilogueCost() const;
  bool paysToLoop(const Points &Tile);
  void storeByLoop(const Points &Tile);
  /// Memory for a result of a reduction (of the graph) at all points of a tile.
  mlir::Value scratchFor(unsigned Reduction, mlir::OpResult Result);

  // Elements (NestElements.cpp).
  struct Known {
    mlir::Value Tensor;
    Coords At;
    llvm::SmallVector<std::pair<unsigned, Lane>> Where;
    unsigned Width;
    Lane Result;
  };
  std::vector<Known> Memo;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<unsigned>> MemoOf;
  size_t openScope() { return Memo.size(); }
  void closeScope(size_t Mark);
  std::optional<Lane> recall(mlir::Value T, const Coords &At, const Point &Pt);
  void remember(mlir::Value T, const Coords &At, const Point &Pt,
                const Lane &Result);
  llvm::SmallVector<std::pair<unsigned, Lane>>
  where(mlir::Value T, const Coords &At, const Point &Pt);
  Lane element(mlir::Value T, const Coords &At, const Point &Pt);
  /// Reads a square block, contiguous along TransposeDim, for this point and
  /// its neighbours along it; remembers theirs.
  std::optional<Lane> loadBlock(mlir::Value T, const Coords &At,
                                const Point &Pt);
  /// The dimension whose next Width points, from a multiple of Width on, are
  /// all computed here; or -1.
  int BlockDim = -1;
  /// Points of a dimension that are all computed here, from coordinate From on:
  /// rows of the register tile, and steps of a sum laid out in line.
  struct Run {
    int Dim = -1;
    int64_t From = 0, Count = 0;
  };
  Run TileRun, SumRun;
  /// A scalar of a sum and those beside it along a run, by one load; remembers
  /// them.
  std::optional<Lane> loadRun(mlir::Value T, const Coords &At, const Point &Pt);
  Lane loadEverySecond(mlir::Value MemRef, llvm::ArrayRef<mlir::Value> First,
                       mlir::VectorType Type, const LaneShape &S);
  Lane load(mlir::Value MemRef, llvm::ArrayRef<Lane> At, const LaneShape &S);
  void storeElement(mlir::Value MemRef, llvm::ArrayRef<Lane> At, const Lane &V,
                    const LaneShape &S);
  /// Re-creates a body; \p Args are its block arguments. Returns what it
  /// yields.
  llvm::SmallVector<Lane> body(mlir::Block &Body, llvm::ArrayRef<Lane> Args,
                               const Coords &Loops, const Point &Pt);
  void bodyOp(mlir::Operation *Op, llvm::DenseMap<mlir::Value, Lane> &Env,
              const Coords &Loops, const Point &Pt);

  // Reductions (NestReductions.cpp).
  /// The sums \p Rs, several only if they are one op's and fit the registers.
  void reduce(llvm::ArrayRef<unsigned> Rs, const Points &Tile);
  /// \p R and those behind it that may be computed in one loop with it.
  llvm::SmallVector<unsigned> together(unsigned R, const llvm::BitVector &Done,
                                       const Points &Tile);
  void reduceParallel(llvm::ArrayRef<unsigned> Rs, Points &Tile,
                      llvm::SmallVector<mlir::Value> &Acc);
  void reduceAcrossLanes(const NestGraph::Reduction &R, unsigned Dim,
                         Points &Tile, llvm::SmallVector<mlir::Value> &Acc);
  /// One iteration of the reduction at all points.
  llvm::SmallVector<mlir::Value> step(const NestGraph::Reduction &R,
                                      const Points &Tile, mlir::ValueRange Acc);
  // Sums of products of bytes (NestDot.cpp).
  void reduceDot(const NestGraph::Reduction &R, Points &Tile,
                 llvm::SmallVector<mlir::Value> &Acc);
  struct DotSum;
  void dotPiece(DotSum &D, Points &Tile, int64_t Count, int64_t Size,
                llvm::MutableArrayRef<mlir::Value> Sums);
  void dotTerms(DotSum &D, Points Tile, int64_t Count,
                llvm::MutableArrayRef<mlir::Value> Sums);
  mlir::Value loadBytes(mlir::Value Tensor, const Coords &At, const Point &Pt,
                        int Dim, int64_t Count, int64_t Size);
  bool isContiguous(mlir::Value Tensor, const Coords &At, int Dim);
  // Depthwise windows of bytes (NestWindow.cpp).
  void reduceWindow(const NestGraph::Reduction &R, Points &Tile,
                    llvm::SmallVector<mlir::Value> &Acc);
  // Sums of products with weights of few bits (NestPacked.cpp).
  void reducePacked(const NestGraph::Reduction &R, Points &Tile,
                    llvm::SmallVector<mlir::Value> &Acc);
  /// Names lines of the next panel of the packed operand, \p Terms of a sum's
  /// share of them.
  void prefetchPanel(const Point &Pt, int64_t Terms);
  using CarryFn = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value, mlir::ValueRange)>;
  llvm::SmallVector<mlir::Value> carryLoop(mlir::Value From, mlir::Value To,
                                           int64_t Step, mlir::ValueRange Init,
                                           CarryFn Body);
};

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_NESTEMITTER_H

//===- NestEpilogue.cpp - What follows the sums of a register tile --------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Cheap epilogues are laid out in line, on the accumulators where they are. One
// with functions such as Exp would be written once for each of twenty vectors,
// and again for every tile at a border: there the accumulators go through one
// or two KB of the stack to a function that has the epilogue once, in a loop
// over the tile. Tiles of several sizes share it.
//
//===----------------------------------------------------------------------===//

#include "NestEmitter.h"
#include "Outline.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe::codegen;

/// About how many instructions \p Op becomes.
static unsigned costOf(Operation *Op) {
  if (isa<math::ExpOp, math::Exp2Op, math::ExpM1Op, math::ErfOp, math::TanhOp,
          math::SinOp, math::CosOp, math::LogOp, math::Log2Op, math::Log10Op,
          math::Log1pOp, math::AtanOp, math::PowFOp, math::SinhOp, math::CoshOp,
          math::AsinOp, math::AcosOp, math::TanOp>(Op))
    return 20;
  // A table keeps many registers busy.
  if (isa<lathe::kernel::LookupOp>(Op))
    return 20;
  return 1;
}

unsigned NestEmitter::epilogueCost() const {
  unsigned Cost = 0;
  llvm::SmallPtrSet<Operation *, 8> Seen;
  SmallVector<Value> Open;
  for (const NestGraph::Store &S : G.Stores)
    Open.push_back(S.Tensor);
  while (!Open.empty()) {
    Operation *Op = Open.pop_back_val().getDefiningOp();
    if (!Op || !Seen.insert(Op).second)
      continue;
    if (auto Generic = dyn_cast<linalg::GenericOp>(Op)) {
      if (Generic.getNumReductionLoops() != 0)
        continue;
      Generic.getRegion().walk([&](Operation *X) { Cost += costOf(X); });
    }
    Open.append(Op->operand_begin(), Op->operand_end());
  }
  return Cost;
}

/// What one address of a tile's scratch memory holds.
static int64_t tileElements(const NestPlan &P) {
  int64_t N = P.Width;
  for (unsigned D : P.Order)
    N *= P.Tile[D];
  return N;
}

Value NestEmitter::scratchFor(unsigned Reduction, OpResult Result) {
  Value &Place = Scratch[{Reduction, Result.getResultNumber()}];
  if (!Place) {
    OpBuilder::InsertionGuard Guard(B);
    B.setInsertionPoint(Ctx.Prologue);
    auto Type = MemRefType::get({tileElements(P)},
                                getElementTypeOrSelf(Result.getType()));
    Place = memref::AllocaOp::create(B, L.Loc, Type, B.getI64IntegerAttr(64));
  }
  return Place;
}

bool NestEmitter::paysToLoop(const Points &Tile) {
  // Instructions of an epilogue that are worth a loop of their own.
  constexpr unsigned MinCost = 16, MinPoints = 4;
  if (Tile.size() < MinPoints || BlockDim >= 0 || G.Reductions.empty() ||
      !Ctx.Tails)
    return false;
  if (EpilogueCost < 0)
    EpilogueCost = epilogueCost();
  if (unsigned(EpilogueCost) < MinCost)
    return false;
  for (NestGraph::Reduction R : G.Reductions)
    for (Type T : R.Op->getResultTypes())
      if (!getElementTypeOrSelf(T).isIntOrFloat() ||
          getElementTypeOrSelf(T).getIntOrFloatBitWidth() < 8)
        return false;
  size_t Points = 1;
  for (const TileDim &D : TileDims)
    Points *= D.Points;
  return Points == Tile.size();
}

void NestEmitter::storeByLoop(const Points &Tile) {
  // Dimensions that the tile spans; the vector that is masked, if one is, has
  // a loop of its own.
  SmallVector<TileDim> Dims;
  int Masked = -1;
  for (const TileDim &D : TileDims) {
    if (D.LastIsMasked)
      Masked = Dims.size();
    if (D.Points > 1 || D.LastIsMasked)
      Dims.push_back(D);
  }
  SmallVector<int64_t> Step(Dims.size(), 1);
  for (size_t I = Dims.size(); I-- > 1;)
    Step[I - 1] = Step[I] * Dims[I].Points;

  // Sums that differ within the tile, all their points in the order of Tile.
  struct Spilled {
    Value Tensor, Place;
    Coords At;
    bool Vector;
  };
  SmallVector<Spilled> Spills;
  for (auto [Index, R] : llvm::enumerate(G.Reductions)) {
    linalg::GenericOp Op = R.Op;
    const llvm::SmallBitVector &Parallel = R.Parallel;
    if (llvm::none_of(Dims, [&](const TileDim &D) {
          return D.Points > 1 && Parallel.test(D.Dim);
        }))
      continue;
    for (OpResult Result : Op->getResults()) {
      Coords At = composeCoords(Op.getMatchingIndexingMap(Op.getDpsInitOperand(
                                    Result.getResultNumber())),
                                R.Loops);
      SmallVector<Lane> Values;
      for (const Point &Pt : Tile)
        Values.push_back(*recall(Result, At, Pt));
      Spilled S{Result, scratchFor(Index, Result), At, Values[0].IsVector};
      for (auto [I, V] : llvm::enumerate(Values)) {
        Value Where = L.index(I * P.Width);
        if (S.Vector)
          vector::StoreOp::create(B, L.Loc, V.V, S.Place, Where);
        else
          memref::StoreOp::create(B, L.Loc, L.scalar(V), S.Place, Where);
      }
      Spills.push_back(std::move(S));
    }
  }

  // Iterations, arguments of the function: tiles of other sizes share it.
  SmallVector<Value> Counts;
  for (size_t I = 0; I < Dims.size(); ++I)
    Counts.push_back(L.index(Dims[I].Points - (int(I) == Masked)));
  Operation *Before = Counts.back().getDefiningOp();

  /// Points that one iteration computes, and their numbers in the tile.
  struct Element {
    Point Pt;
    Value Number;
  };
  using Elements = SmallVector<Element, 4>;
  auto Body = [&](const Elements &All) {
    Points Here;
    for (const Element &E : All) {
      Value Where =
          B.createOrFold<arith::MulIOp>(L.Loc, E.Number, L.index(P.Width));
      for (const Spilled &S : Spills) {
        Type T = cast<MemRefType>(S.Place.getType()).getElementType();
        auto VTy = VectorType::get({int64_t(E.Pt.S.Width)}, T);
        Lane V = S.Vector ? Lane::vector(vector::LoadOp::create(B, L.Loc, VTy,
                                                                S.Place, Where))
                          : Lane::uniform(memref::LoadOp::create(
                                B, L.Loc, S.Place, Where));
        remember(S.Tensor, S.At, E.Pt, V);
      }
      Here.push_back(E.Pt);
    }
    storePoints(Here);
  };
  auto Move = [&](const Element &E, const TileDim &D, int64_t Step, Lane By) {
    LaneShape Scalar;
    Element Next = E;
    Next.Pt.At[D.Dim] =
        L.add(E.Pt.At[D.Dim], L.mul(By, D.Width, Scalar), Scalar);
    Next.Number = B.createOrFold<arith::AddIOp>(
        L.Loc, E.Number, L.scalar(L.mul(By, Step, Scalar)));
    return Next;
  };
  // One iteration computes a few points: their chains hide each other's
  // latency.
  constexpr int64_t Most = 4;
  auto CountOf = [&](size_t I) {
    return int64_t(Dims[I].Points) - (int(I) == Masked);
  };
  int InLine = -1;
  for (size_t I = 0; I < Dims.size(); ++I)
    if (CountOf(I) > 1 && CountOf(I) <= Most &&
        (InLine < 0 || CountOf(I) >= CountOf(InLine)))
      InLine = I;
  auto Nest = [&](auto &Self, size_t Depth, const Element &E,
                  bool OfMasked) -> void {
    if (Depth == Dims.size()) {
      Elements All{E};
      if (InLine >= 0 && !(OfMasked && InLine == Masked)) {
        All.clear();
        for (int64_t I = 0; I < CountOf(InLine); ++I)
          All.push_back(Move(E, Dims[InLine], Step[InLine], Lane::index(I)));
      }
      return Body(All);
    }
    const TileDim &D = Dims[Depth];
    int64_t Count = CountOf(Depth);
    if (OfMasked && int(Depth) == Masked)
      Self(Self, Depth + 1, Move(E, D, Step[Depth], Lane::index(Count)), true);
    else if (Count == 1 || int(Depth) == InLine)
      Self(Self, Depth + 1, E, OfMasked);
    else
      loop(L.index(0), Counts[Depth], 1, [&](Value Iv) {
        Self(Self, Depth + 1, Move(E, D, Step[Depth], Lane::uniform(Iv)),
             OfMasked);
      });
  };
  // All but the masked vectors, then these.
  auto Part = [&](const LaneShape &S, bool OfMasked) {
    size_t Mark = openScope();
    Element First{Tile.front(), L.index(0)};
    First.Pt.S = S;
    Nest(Nest, 0, First, OfMasked);
    closeScope(Mark);
  };
  if (Masked < 0 || Dims[Masked].Points > 1)
    Part(Tile.front().S, false);
  if (Masked >= 0)
    Part(Tile[(Dims[Masked].Points - 1) * Step[Masked]].S, true);
  // (The loops around this have no parent yet.)
  Ctx.Tails->later(Before->getNextNode(), &B.getInsertionBlock()->back(),
                   Counts);
}

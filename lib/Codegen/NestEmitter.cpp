//===- NestEmitter.cpp - Loops and vectors for one nest -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The parallel loops. Each dimension is cut into segments: whole register
// tiles, then smaller ones. The segments of the outermost dimension are
// numbered through as the iterations of the kernel's grid, of which a call runs
// [lo, hi).
//
//===----------------------------------------------------------------------===//

#include "NestEmitter.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/SaveAndRestore.h"
#include <numeric>

using namespace mlir;
using namespace lathe::codegen;

Value NestEmitter::extent(unsigned Dim) {
  const NestGraph::Dim &D = G.Dims[Dim];
  if (!ShapedType::isDynamic(D.Extent))
    return L.index(D.Extent);
  return Ctx.size(D.Tensor, D.Position);
}

void NestEmitter::loop(Value From, Value To, int64_t Step,
                       llvm::function_ref<void(Value)> Body) {
  scf::ForOp::create(B, L.Loc, From, To, L.index(Step), ValueRange(),
                     [&](OpBuilder &, Location, Value Iv, ValueRange) {
                       size_t Mark = openScope();
                       Body(Iv);
                       closeScope(Mark);
                       scf::YieldOp::create(B, L.Loc);
                     });
}

/// Cuts a dimension into runs of whole tiles and what is left of it.
SmallVector<Segment> NestEmitter::segments(unsigned Dim) {
  SmallVector<Segment> R;
  int64_t E = G.Dims[Dim].Extent, T = P.Tile[Dim];
  bool Dynamic = ShapedType::isDynamic(E);
  unsigned W = int(Dim) == P.VectorDim ? P.Width : 1;
  auto Add = [&](int64_t From, int64_t To, unsigned Points, unsigned Width,
                 bool Rest, int64_t Mask = 0) {
    Segment S;
    S.From = From;
    S.To = To;
    S.Step = int64_t(Points) * Width;
    S.Points = Points;
    S.Width = Width;
    S.Rest = Rest;
    S.MaskCount = Mask;
    if (From < To)
      R.push_back(S);
  };

  if (W == 1 && !Dynamic && int(Dim) == P.TransposeDim) {
    // Whole blocks; what is left over goes lane by lane.
    Add(0, E / T * T, T, 1, false);
    Add(E / T * T, E, 1, 1, true);
    return R;
  }
  if (W == 1 && !Dynamic) {
    // Balanced: tiles of two neighbouring sizes rather than a small last one.
    int64_t N = llvm::divideCeil(E, T);
    if (N == 0)
      return R;
    int64_t Q = E / N, Longer = E % N;
    Add(0, Longer * (Q + 1), Q + 1, 1, false);
    Add(Longer * (Q + 1), E, Q, 1, false);
    return R;
  }
  if (!Dynamic) {
    int64_t Whole = E / (T * W) * (T * W), Rest = E - Whole;
    Add(0, Whole, T, W, false);
    if (P.Masked || Rest % W == 0) {
      Add(Whole, E, llvm::divideCeil(Rest, W), W, true, Rest % W);
      return R;
    }
    Add(Whole, Whole + Rest / W * W, Rest / W, W, true);
    for (unsigned Half = W / 2; Half >= 1; Half /= 2) {
      int64_t From = R.empty() ? 0 : R.back().To;
      Add(From, From + (E - From) / Half * Half, 1, Half, true);
    }
    return R;
  }
  // Run-time extents: whole tiles, whole vectors, the tail.
  Value End = extent(Dim), Start;
  auto AddDynamic = [&](int64_t Points, unsigned Width) {
    Segment S;
    S.Step = Points * Width;
    S.Points = Points;
    S.Width = Width;
    S.FromV = Start;
    S.Rest = bool(Start);
    OpBuilder::InsertionGuard Guard(B);
    B.setInsertionPoint(Ctx.Prologue);
    // Counted from the end of the run before: a tile of 7 is followed by ones
    // of 3, and no multiple of 7 need be one of 3.
    Value Left = End;
    if (Start && !R.empty() && R.back().Step % S.Step != 0)
      Left = B.createOrFold<arith::SubIOp>(L.Loc, End, Start);
    S.ToV =
        S.Step == 1
            ? End
            : B.createOrFold<arith::SubIOp>(
                  L.Loc, End,
                  B.createOrFold<arith::RemUIOp>(L.Loc, Left, L.index(S.Step)));
    Start = S.ToV;
    R.push_back(S);
  };
  AddDynamic(T, W);
  if (T > 1 && W > 1)
    AddDynamic(1, W);
  else if (T >= 4)
    AddDynamic(T / 2, W);
  if (T == 1 && W == 1)
    return R;
  if (W > 1 && P.Masked) {
    Segment S;
    S.Step = S.Width = W;
    S.MaskCount = ShapedType::kDynamic;
    S.FromV = Start;
    S.ToV = End;
    S.Rest = true;
    R.push_back(S);
    return R;
  }
  AddDynamic(1, 1);
  return R;
}

void NestEmitter::storePoints(const Points &Tile) {
  // All values before the first store: an out may lie where an in does.
  SmallVector<SmallVector<Lane>> Values;
  for (const Point &Pt : Tile) {
    Values.emplace_back();
    for (const NestGraph::Store &S : G.Stores)
      Values.back().push_back(element(S.Tensor, S.At, Pt));
  }
  for (auto [Pt, Row] : llvm::zip_equal(Tile, Values))
    for (auto [S, V] : llvm::zip_equal(G.Stores, Row)) {
      SmallVector<Lane> At;
      for (AffineExpr E : S.At)
        At.push_back(L.affine(E, Pt.At, Pt.S));
      storeElement(Ctx.Outs[S.Result], At, V, Pt.S);
    }
}

void NestEmitter::emitDim(unsigned Depth, const Points &Tile,
                          llvm::BitVector Done, llvm::SmallBitVector Open) {
  // Reductions that hang on the open loops only are computed here, once.
  for (unsigned R : G.Order) {
    llvm::SmallBitVector Missing = G.Reductions[R].Parallel;
    Missing.reset(Open);
    if (Done.test(R) || Missing.any())
      continue;
    SmallVector<unsigned> Group = together(R, Done, Tile);
    reduce(Group, Tile);
    for (unsigned Each : Group)
      Done.set(Each);
  }
  if (Depth == P.Order.size()) {
    if (paysToLoop(Tile))
      storeByLoop(Tile);
    else
      storePoints(Tile);
    return;
  }
  unsigned Dim = P.Order[Depth];
  for (const Segment &S : segments(Dim)) {
    if (!S.FromV && !S.ToV && S.From + S.Step >= S.To) {
      size_t Mark = openScope();
      emitSegment(S, nullptr, Depth, Tile, Done, Open);
      closeScope(Mark);
      continue;
    }
    loop(fromOf(S), toOf(S), S.Step,
         [&](Value Iv) { emitSegment(S, Iv, Depth, Tile, Done, Open); });
  }
}

/// One iteration of \p S at \p Iv (null: at its start, a constant).
void NestEmitter::emitSegment(const Segment &S, Value Iv, unsigned Depth,
                              const Points &Tile, const llvm::BitVector &Done,
                              llvm::SmallBitVector Open) {
  unsigned Dim = P.Order[Depth];
  Open.set(Dim);
  Points Next;
  for (const Point &Pt : Tile)
    for (unsigned I = 0; I < S.Points; ++I) {
      Point New = Pt;
      Lane At = Lane::index(S.From);
      if (Iv)
        At = {Iv, false, 0, 0, S.FromV ? 1 : std::gcd<int64_t>(S.From, S.Step)};
      At.Offset += int64_t(I) * S.Width;
      At.Coef = S.Width > 1 ? 1 : 0;
      New.At[Dim] = At;
      if (S.Width > 1) {
        New.S = LaneShape();
        New.S.Width = S.Width;
      }
      Next.push_back(std::move(New));
    }
  if (S.MaskCount != 0) {
    LaneShape Mask;
    if (ShapedType::isDynamic(S.MaskCount))
      L.setMask(Mask, S.Width, -1,
                arith::SubIOp::create(B, L.Loc, toOf(S), fromOf(S)));
    else
      L.setMask(Mask, S.Width, S.MaskCount, nullptr);
    for (unsigned I = S.Points - 1; I < Next.size(); I += S.Points)
      Next[I].S = Mask;
  }
  bool Block = int(Dim) == P.TransposeDim && S.Points == P.Width;
  llvm::SaveAndRestore<int> Restore(BlockDim, Block ? int(Dim) : BlockDim);
  bool Rows = S.Width == 1 && S.Points > 1;
  llvm::SaveAndRestore<Run> RestoreRun(
      TileRun,
      Rows ? Run{int(Dim), Iv ? 0 : S.From, int64_t(S.Points)} : TileRun);
  TileDims.push_back({Dim, S.Points, S.Width, S.MaskCount != 0});
  emitDim(Depth + 1, Next, Done, Open);
  TileDims.pop_back();
}

std::optional<NestEmitter::Grid> NestEmitter::grid() const {
  if (P.Order.empty())
    return std::nullopt;
  unsigned Dim = P.Order[0];
  const NestGraph::Store &S = G.Stores[0];
  int64_t Size = cast<ShapedType>(S.Tensor.getType()).getDimSize(Dim);
  if (Size != G.Dims[Dim].Extent)
    return std::nullopt; // merged dimensions
  return Grid{S.Result, int64_t(Dim),
              P.Tile[Dim] * (int(Dim) == P.VectorDim ? P.Width : 1)};
}

void NestEmitter::emit(bool WholeInFirst) {
  Point Origin;
  for (unsigned I = 0; I < G.Dims.size(); ++I)
    Origin.At.push_back(Lane::index(0));
  llvm::BitVector Done(G.Reductions.size());
  llvm::SmallBitVector Open(G.Dims.size());
  for (unsigned I = 0; I < G.NumParallel; ++I)
    if (G.Dims[I].Extent == 1)
      Open.set(I);
  auto Max = [&](Value X, Value Y) {
    return B.createOrFold<arith::MaxSIOp>(L.Loc, X, Y);
  };
  auto Min = [&](Value X, Value Y) {
    return B.createOrFold<arith::MinSIOp>(L.Loc, X, Y);
  };

  if (WholeInFirst || !grid()) {
    // A single iteration: everything.
    loop(Max(Ctx.Lo, L.index(0)), Min(Ctx.Hi, L.index(1)), 1,
         [&](Value) { emitDim(0, {Origin}, Done, Open); });
    return;
  }

  size_t Mark = openScope();
  // Reductions over everything do not belong to one iteration.
  for (unsigned R : G.Order) {
    llvm::SmallBitVector Missing = G.Reductions[R].Parallel;
    Missing.reset(Open);
    if (Missing.none()) {
      reduce(R, {Origin});
      Done.set(R);
    }
  }
  Value First = L.index(0);
  SmallVector<Segment> Runs = segments(P.Order[0]);
  for (size_t I = 0; I < Runs.size(); ++I) {
    const Segment &S = Runs[I];
    if (S.Rest)
      break;
    // Iteration b runs the tile at From + (b - First) * Step.
    Value Count =
        S.ToV
            ? B.createOrFold<arith::DivUIOp>(
                  L.Loc, B.createOrFold<arith::SubIOp>(L.Loc, S.ToV, fromOf(S)),
                  L.index(S.Step))
            : L.index((S.To - S.From) / S.Step);
    Value Last = B.createOrFold<arith::AddIOp>(L.Loc, First, Count);
    loop(Max(Ctx.Lo, First), Min(Ctx.Hi, Last), 1, [&](Value Block) {
      Value Number = B.createOrFold<arith::SubIOp>(L.Loc, Block, First);
      Value Iv = B.createOrFold<arith::AddIOp>(
          L.Loc, fromOf(S),
          B.createOrFold<arith::MulIOp>(L.Loc, Number, L.index(S.Step)));
      emitSegment(S, Iv, 0, {Origin}, Done, Open);
    });
    First = Last;
  }
  if (llvm::none_of(Runs, [](const Segment &S) { return S.Rest; })) {
    closeScope(Mark);
    return;
  }
  Value Last = B.createOrFold<arith::AddIOp>(L.Loc, First, L.index(1));
  loop(Max(Ctx.Lo, First), Min(Ctx.Hi, Last), 1, [&](Value) {
    for (const Segment &S : Runs) {
      if (!S.Rest)
        continue;
      if (!S.FromV && !S.ToV && S.From + S.Step >= S.To) {
        size_t Mark = openScope();
        emitSegment(S, nullptr, 0, {Origin}, Done, Open);
        closeScope(Mark);
        continue;
      }
      loop(fromOf(S), toOf(S), S.Step,
           [&](Value Iv) { emitSegment(S, Iv, 0, {Origin}, Done, Open); });
    }
  });
  closeScope(Mark);
}

//===- NestDot.cpp - Sums of products of bytes ----------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The inner loop of integer contractions: bytes of the rows by signed ones of
// the packed columns, by the instruction that the schedule names. What that is
// stands in DotUnit; here stands the order in which bytes are loaded, cells of
// points multiply them, and which of them share what.
//
// Points whose width no instruction has (narrow tails) compute term by term,
// from the same packed weights. Every way gives the same bits: i32 sums wrap.
//
//===----------------------------------------------------------------------===//

#include "DotUnit.h"
#include "NestEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

namespace {
/// Numbers of the points that are multiplied together, and where their sums are
/// among all. Without a width that an instruction has: one point, its own sum.
struct Cell {
  SmallVector<unsigned, 2> Points;
  unsigned FirstSum = 0, Sums = 1;
  bool ByUnit = false;
};

/// Values that points share which agree in some dimensions.
class SharedValues {
public:
  explicit SharedValues(const llvm::SmallBitVector &Dims) : Dims(Dims) {}
  Value find(ArrayRef<const Point *> Points) const {
    for (const Entry &E : Known)
      if (E.Points.size() == Points.size() &&
          llvm::all_of(llvm::zip(E.Points, Points), [&](auto Pair) {
            auto [X, Y] = Pair;
            return X->S.Width == Y->S.Width && same(*X, *Y);
          }))
        return E.V;
    return nullptr;
  }
  void add(ArrayRef<const Point *> Points, Value V) {
    Known.push_back({llvm::to_vector<2>(Points), V});
  }
  bool same(const Point &X, const Point &Y) const {
    return llvm::all_of(Dims.set_bits(),
                        [&](unsigned D) { return X.At[D] == Y.At[D]; });
  }

private:
  struct Entry {
    SmallVector<const Point *, 2> Points;
    Value V;
  };
  const llvm::SmallBitVector &Dims;
  SmallVector<Entry> Known;
};
} // namespace

/// What stays the same over all terms of a sum.
struct NestEmitter::DotSum {
  const NestGraph::Reduction &R;
  std::unique_ptr<DotUnit> Unit;
  OpOperand *X;
  Coords XAt;
  /// The loop of the sum that groups of terms lie in, or -1.
  int Dim;
  /// Dimensions that bytes of rows and of columns depend on.
  llvm::SmallBitVector XDims, WDims;
  SmallVector<Cell> Cells;
};

/// Bytes along \p Dim from this point on, \p Count of them in a vector of \p
/// Size; the others are zero.
Value NestEmitter::loadBytes(Value Tensor, const Coords &At, const Point &Pt,
                             int Dim, int64_t Count, int64_t Size) {
  Value MemRef = Ctx.memref(Tensor);
  auto Where = [&](int64_t I) {
    Point Here = Pt;
    if (I)
      Here.At[Dim].Offset += I;
    LaneShape One;
    SmallVector<Value> R;
    for (AffineExpr E : At)
      R.push_back(L.scalar(L.affine(E, Here.At, One)));
    return R;
  };
  bool Contiguous = isContiguous(Tensor, At, Dim);
  auto Bytes = VectorType::get({Size}, B.getI8Type());
  if (Count == Size && (Contiguous || Size == 1))
    return vector::LoadOp::create(B, L.Loc, Bytes, MemRef, Where(0));
  // Pieced together in an integer.
  mlir::Type Int = B.getIntegerType(8 * Size);
  Value Sum;
  for (int64_t I = 0; I < Count;) {
    // As many as one load takes.
    int64_t N = Count - I >= 4 && Contiguous   ? 4
                : Count - I >= 2 && Contiguous ? 2
                                               : 1;
    Value Part;
    if (N == 1) {
      Part = memref::LoadOp::create(B, L.Loc, MemRef, Where(I));
    } else {
      auto Few = VectorType::get({N}, B.getI8Type());
      auto Word = VectorType::get({1}, B.getIntegerType(8 * N));
      Part = vector::LoadOp::create(B, L.Loc, Few, MemRef, Where(I));
      Part = vector::BitCastOp::create(B, L.Loc, Word, Part);
      Part = vector::ExtractOp::create(B, L.Loc, Part, int64_t(0));
    }
    if (Part.getType() != Int)
      Part = arith::ExtUIOp::create(B, L.Loc, Int, Part);
    if (I > 0)
      Part = arith::ShLIOp::create(
          B, L.Loc, Part, arith::ConstantIntOp::create(B, L.Loc, Int, 8 * I));
    Sum = Sum ? arith::OrIOp::create(B, L.Loc, Sum, Part) : Part;
    I += N;
  }
  Value One =
      vector::BroadcastOp::create(B, L.Loc, VectorType::get({1}, Int), Sum);
  return vector::BitCastOp::create(B, L.Loc, Bytes, One);
}

bool NestEmitter::isContiguous(Value Tensor, const Coords &At, int Dim) {
  auto Type = cast<MemRefType>(Ctx.memref(Tensor).getType());
  return Dim >= 0 && stepAlong(At, Type, Dim, 1) == Step::Unit;
}

/// Adds \p Count terms from where the points stand, at most the unit's
/// RowTerms: a piece of each row is loaded once, group by group multiplied.
void NestEmitter::dotPiece(DotSum &D, Points &Tile, int64_t Count, int64_t Size,
                           MutableArrayRef<Value> Sums) {
  const NestGraph::Access &Packed = G.Accesses[P.PackedAccess];
  int64_t Terms = D.Unit->Form.Terms;
  SharedValues Rows(D.XDims);
  auto PointsOf = [&](const Cell &C) {
    SmallVector<const Point *, 2> R;
    for (unsigned I : C.Points)
      R.push_back(&Tile[I]);
    return R;
  };
  SmallVector<Value> RowsOf(D.Cells.size());
  for (auto [C, Value] : llvm::zip_equal(D.Cells, RowsOf)) {
    if (!C.ByUnit)
      continue;
    SmallVector<const Point *, 2> Here = PointsOf(C);
    if (!(Value = Rows.find(Here))) {
      SmallVector<mlir::Value> Bytes;
      for (const Point *Pt : Here)
        Bytes.push_back(loadBytes(D.X->get(), D.XAt, *Pt, D.Dim, Count, Size));
      Value = D.Unit->rows(Bytes);
      Rows.add(Here, Value);
    }
  }
  // Points hold coordinates of the piece's start; groups move a copy.
  for (int64_t Group = 0; Group * Terms < Count; ++Group) {
    Points Now = Tile;
    if (Group)
      for (Point &Pt : Now)
        Pt.At[D.Dim].Offset += Group * Terms;
    SharedValues Columns(D.WDims), Groups(D.XDims);
    SmallVector<SmallVector<Value>> Operands;
    for (auto [C, RowValue] : llvm::zip_equal(D.Cells, RowsOf)) {
      const Point &Pt = Now[C.Points[0]];
      unsigned Width = Pt.S.Width;
      if (!C.ByUnit) {
        Points One = {Pt};
        for (int64_t K = Group * Terms;
             K < std::min(Count, (Group + 1) * Terms); ++K) {
          Sums[C.FirstSum] = step(D.R, One, Sums[C.FirstSum])[0];
          if (K + 1 < Count)
            ++One[0].At[D.Dim].Offset;
        }
        continue;
      }
      SmallVector<const Point *, 2> Here = PointsOf(C);
      Value Row = Groups.find(Here);
      if (!Row) {
        Row = D.Unit->group(RowValue, Group, Width);
        Groups.add(Here, Row);
      }
      Value Number = Columns.find(&Pt);
      if (!Number) {
        auto Bytes = VectorType::get({int64_t(Width) * Terms}, B.getI8Type());
        if (P.Panels || P.Group == 1) {
          // A panel is padded: all its lanes may be read, masked or not. Bytes
          // as they lie are read by machines without masks.
          SmallVector<Value> Where;
          for (AffineExpr E : Packed.At) {
            Lane At = L.affine(E, Pt.At, Pt.S);
            At.Coef = 0;
            Where.push_back(L.scalar(At));
          }
          Number = vector::LoadOp::create(B, L.Loc, Bytes,
                                          Ctx.memref(Packed.Tensor), Where);
        } else {
          // Words of terms.
          Number = vector::BitCastOp::create(
              B, L.Loc, Bytes,
              L.vector(element(Packed.Tensor, Packed.At, Pt), B.getI32Type(),
                       Pt.S));
        }
        Columns.add(&Pt, Number);
        Operands.push_back(D.Unit->columns(Number, Width));
        Operands.back().push_back(Number);
      }
      ArrayRef<Value> Parts = *llvm::find_if(
          Operands, [&](ArrayRef<Value> O) { return O.back() == Number; });
      for (unsigned I = 0; I < C.Sums; ++I)
        Sums[C.FirstSum + I] =
            D.Unit->multiply(Sums[C.FirstSum + I], Row, Parts[I]);
    }
  }
}

/// Adds \p Count terms in the largest pieces that loads take.
void NestEmitter::dotTerms(DotSum &D, Points Tile, int64_t Count,
                           MutableArrayRef<Value> Sums) {
  int64_t Terms = D.Unit->Form.Terms;
  bool Contiguous = isContiguous(D.X->get(), D.XAt, D.Dim);
  while (Count > 0) {
    int64_t Least = Contiguous ? D.Unit->LeastTerms : Terms,
            Size = Contiguous ? D.Unit->RowTerms : Terms;
    while (Size > Least && Size > Count)
      Size /= 2;
    int64_t Here = std::min(Size, Count);
    dotPiece(D, Tile, Here, Size, Sums);
    Count -= Here;
    if (Count > 0)
      for (Point &Pt : Tile)
        Pt.At[D.Dim].Offset += Here;
  }
}

/// Points of one vector of columns whose rows an instruction takes together.
static SmallVector<Cell> makeCells(ArrayRef<Point> Tile, const DotUnit &Unit,
                                   const SharedValues &SameColumns) {
  SmallVector<Cell> Cells;
  unsigned Sums = 0;
  for (unsigned I = 0; I < Tile.size(); ++I) {
    unsigned Own = Unit.sums(Tile[I].S.Width);
    auto Open = llvm::find_if(Cells, [&](const Cell &C) {
      const Point &First = Tile[C.Points[0]];
      return Own && C.ByUnit && int64_t(C.Points.size()) < Unit.Form.Rows &&
             First.S.Width == Tile[I].S.Width &&
             SameColumns.same(First, Tile[I]);
    });
    if (Open != Cells.end()) {
      Open->Points.push_back(I);
      continue;
    }
    Cells.push_back({{I}, Sums, std::max(Own, 1u), Own != 0});
    Sums += Cells.back().Sums;
  }
  return Cells;
}

void NestEmitter::reduceDot(const NestGraph::Reduction &R, Points &Tile,
                            SmallVector<Value> &Acc) {
  for (unsigned D : R.Own)
    for (Point &Pt : Tile)
      Pt.At[D] = Lane::index(0);
  linalg::GenericOp Op = R.Op;
  const NestGraph::Access &Packed = G.Accesses[P.PackedAccess];
  unsigned WI = Op.getDpsInputOperand(0)->get() == Packed.Tensor ? 0 : 1;
  OpOperand *X = Op.getDpsInputOperand(1 - WI);
  DotUnit::RowBytes Bytes = rowBytes(Op, WI);
  auto DimsOf = [&](const Coords &At) {
    llvm::SmallBitVector All(G.Dims.size());
    for (AffineExpr E : At)
      All |= G.dimsOf(E);
    return All;
  };
  Coords XAt = composeCoords(Op.getMatchingIndexingMap(X), R.Loops);
  ArrayRef<unsigned> Order = P.ReductionOrder[&R - G.Reductions.data()];
  DotSum Sum{R,
             DotUnit::create(P.Dot, Bytes, Ctx.Target, B, L.Loc),
             X,
             XAt,
             /*Dim=*/-1,
             DimsOf(XAt),
             DimsOf(Packed.At),
             {}};
  int64_t PerGroup = Sum.Unit->Form.Terms;
  // The loop whose terms are added in groups, innermost. None: a group holds
  // one term.
  if (PerGroup > 1)
    Sum.Dim = G.dimsOf(P.Panels ? Packed.At.back() : XAt.back()).find_first();
  else if (!Order.empty())
    Sum.Dim = Order.back();
  int Dim = Sum.Dim;
  Sum.Cells = makeCells(Tile, *Sum.Unit, SharedValues(Sum.WDims));

  SmallVector<unsigned> Outer;
  for (unsigned D : Order)
    if (int(D) != Dim)
      Outer.push_back(D);
  int64_t E = Dim < 0 ? 1 : G.Dims[Dim].Extent;
  int64_t Groups = llvm::divideCeil(E, PerGroup);

  // Short sums stand in line, within small windows too.
  constexpr int64_t MostInLine = 6;
  size_t InLine = Outer.size();
  for (int64_t Bodies = Groups; InLine > 0; --InLine) {
    int64_t Size = G.Dims[Outer[InLine - 1]].Extent;
    if (ShapedType::isDynamic(Size) || Bodies * Size > MostInLine)
      break;
    Bodies *= Size;
  }
  auto Terms = [&](ValueRange In) {
    SmallVector<Value> Now(In);
    // A piece of a row; two groups if they are small. (LLVM draws the rows of
    // a second group of eight forward until sums are spilled.)
    int64_t Step =
        std::max(Sum.Unit->RowTerms, std::min<int64_t>(2 * PerGroup, 8));
    int64_t Looped = Groups <= 3 || E < Step ? 0 : E / Step * Step;
    Now = carryLoop(L.index(0), L.index(Looped), Step, Now,
                    [&](Value Iv, ValueRange In) {
                      Now.assign(In.begin(), In.end());
                      for (Point &Pt : Tile)
                        Pt.At[Dim] = {Iv, false, 0, 0, PerGroup};
                      prefetchPanel(Tile[0], Step / PerGroup);
                      dotTerms(Sum, Tile, Step, Now);
                      return Now;
                    });
    size_t Mark = openScope();
    if (Dim >= 0)
      for (Point &Pt : Tile)
        Pt.At[Dim] = Lane::index(Looped);
    dotTerms(Sum, Tile, E - Looped, Now);
    closeScope(Mark);
    return Now;
  };
  auto Nest = [&](auto &Self, size_t Level,
                  ValueRange In) -> SmallVector<Value> {
    if (Level == Outer.size())
      return Terms(In);
    unsigned D = Outer[Level];
    if (Level >= InLine) {
      SmallVector<Value> Now(In);
      for (int64_t I = 0; I < G.Dims[D].Extent; ++I) {
        size_t Mark = openScope();
        for (Point &Pt : Tile)
          Pt.At[D] = Lane::index(I);
        Now = Self(Self, Level + 1, Now);
        closeScope(Mark);
      }
      return Now;
    }
    return carryLoop(L.index(0), extent(D), 1, In,
                     [&](Value Iv, ValueRange In) {
                       for (Point &Pt : Tile)
                         Pt.At[D] = Lane::uniform(Iv);
                       return Self(Self, Level + 1, In);
                     });
  };

  // Sums live as the unit holds them.
  SmallVector<Value> Sums;
  for (const Cell &C : Sum.Cells) {
    SmallVector<Value> Own;
    for (unsigned I : C.Points)
      Own.push_back(Acc[I]);
    llvm::append_range(
        Sums, C.ByUnit ? Sum.Unit->enter(Own, Tile[C.Points[0]].S.Width) : Own);
  }
  Sums = Nest(Nest, 0, Sums);
  for (const Cell &C : Sum.Cells) {
    SmallVector<Value> Own(ArrayRef(Sums).slice(C.FirstSum, C.Sums));
    if (C.ByUnit)
      Own = Sum.Unit->leave(Own, C.Points.size(), Tile[C.Points[0]].S.Width);
    for (auto [I, V] : llvm::zip_equal(C.Points, Own))
      Acc[I] = V;
  }
}

//===- CausalMask.cpp - Masks that hide what comes later ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A mask over queries i and keys j is causal if i sees j exactly for j <= i +
// offset. It is met as a part of a constant triangle, cut to the sizes of the
// run, and as a comparison of the positions of queries and keys. Offsets and
// sizes are compared as expressions, so both hold for every run.
//
//===----------------------------------------------------------------------===//

#include "AttentionScores.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;
using onnx::SizeAnalysis;
using onnx::SymExpr;

namespace {
/// Row * i + Column * j + Rest, for the last two dimensions i and j.
struct Line {
  int64_t Row = 0, Column = 0;
  SymExpr Rest;
};

/// True exactly for j <= i + Offset, or (\c Shown false) exactly elsewhere.
struct Triangle {
  SymExpr Offset, Rows, Columns;
  bool Shown = true;
};

class CausalMask {
public:
  explicit CausalMask(const SizeAnalysis &Sizes) : Sizes(Sizes) {}
  std::optional<Triangle> triangle(Value Condition, unsigned Depth = 8);

private:
  std::optional<Line> line(Value V, unsigned Depth = 8);
  std::optional<SymExpr> firstOf(Value V, unsigned Depth);
  std::optional<Triangle> comparison(Operation *Op);
  std::optional<Triangle> partOfConstant(Value V);

  const SizeAnalysis &Sizes;
};
} // namespace

//===----------------------------------------------------------------------===//
// Positions
//===----------------------------------------------------------------------===//

/// The only dimension of \p V, from the end, that may be more than one; -1 if
/// there is none.
static std::optional<int64_t> onlyDim(Value V) {
  RankedTensorType Type = getRanked(V);
  if (!Type)
    return std::nullopt;
  int64_t Found = -1;
  for (auto [I, Size] : llvm::enumerate(llvm::reverse(Type.getShape()))) {
    if (Size == 1)
      continue;
    if (Found >= 0)
      return std::nullopt;
    Found = I;
  }
  return Found;
}

/// The first of numbers that go up by one along the only dimension of \p V.
std::optional<SymExpr> CausalMask::firstOf(Value V, unsigned Depth) {
  V = peel(V);
  auto Dim = onlyDim(V);
  if (!Dim || Depth == 0)
    return std::nullopt;
  if (auto Given = getInts(V)) {
    for (auto [I, N] : llvm::enumerate(*Given))
      if (N != Given->front() + int64_t(I))
        return std::nullopt;
    return Given->empty() ? std::nullopt
                          : std::optional(SymExpr(Given->front()));
  }
  Operation *Op = V.getDefiningOp();
  if (auto Range = dyn_cast_or_null<onnx::RangeOp>(Op))
    return isUniform(Range.getDelta(), 1) ? Sizes.getElement(Range.getStart())
                                          : std::nullopt;
  bool Whole = isa_and_nonnull<onnx::ReshapeOp, onnx::UnsqueezeOp,
                               onnx::SqueezeOp, onnx::FlattenOp>(Op);
  auto Cast = dyn_cast_or_null<onnx::CastOp>(Op);
  if (Cast && getRanked(V).getElementType().isInteger() &&
      getRanked(V).getElementTypeBitWidth() >= 32)
    Whole = true;
  if (Whole)
    return firstOf(Op->getOperand(0), Depth - 1);
  if (isa_and_nonnull<onnx::AddOp, onnx::SubOp>(Op)) {
    bool Sum = isa<onnx::AddOp>(Op);
    for (unsigned I : {1u, 0u}) {
      auto Number = Sizes.getElement(Op->getOperand(I));
      if (!Number || (I == 0 && !Sum))
        continue;
      auto First = firstOf(Op->getOperand(1 - I), Depth - 1);
      if (!First)
        return std::nullopt;
      return Sum ? SymExpr::add(*First, *Number)
                 : SymExpr::sub(*First, *Number);
    }
  }
  return std::nullopt;
}

std::optional<Line> CausalMask::line(Value V, unsigned Depth) {
  V = peel(V);
  if (Depth == 0)
    return std::nullopt;
  if (auto Number = Sizes.getElement(V))
    return Line{0, 0, *Number};
  if (auto Dim = onlyDim(V); Dim && (Dim == 0 || Dim == 1))
    if (auto First = firstOf(V, 8))
      return Line{Dim == 1, Dim == 0, *First};
  Operation *Op = V.getDefiningOp();
  if (!isa_and_nonnull<onnx::AddOp, onnx::SubOp>(Op))
    return std::nullopt;
  auto A = line(Op->getOperand(0), Depth - 1),
       B = line(Op->getOperand(1), Depth - 1);
  if (!A || !B)
    return std::nullopt;
  int64_t Sign = isa<onnx::AddOp>(Op) ? 1 : -1;
  auto Rest = Sign > 0 ? SymExpr::add(A->Rest, B->Rest)
                       : SymExpr::sub(A->Rest, B->Rest);
  if (!Rest)
    return std::nullopt;
  return Line{A->Row + Sign * B->Row, A->Column + Sign * B->Column, *Rest};
}

//===----------------------------------------------------------------------===//
// Conditions
//===----------------------------------------------------------------------===//

std::optional<Triangle> CausalMask::comparison(Operation *Op) {
  bool Swapped = isa<onnx::GreaterOp, onnx::GreaterOrEqualOp>(Op),
       Strict = isa<onnx::LessOp, onnx::GreaterOp>(Op);
  auto A = line(Op->getOperand(Swapped)), B = line(Op->getOperand(!Swapped));
  Value Result = Op->getResult(0);
  int64_t Rank = getRank(Result);
  auto Rows = Sizes.getSize(Result, Rank - 2),
       Columns = Sizes.getSize(Result, Rank - 1);
  auto Rest = A && B ? SymExpr::sub(B->Rest, A->Rest) : std::nullopt;
  if (!Rest || !Rows || !Columns)
    return std::nullopt;
  int64_t Row = A->Row - B->Row, Column = A->Column - B->Column;
  // j + a < i + b is j <= i + b - a - 1; i + a < j + b hides j <= i + a - b.
  bool Shown = Row == -1 && Column == 1;
  if (!Shown && !(Row == 1 && Column == -1))
    return std::nullopt;
  std::optional<SymExpr> Offset;
  if (Shown)
    Offset = SymExpr::sub(*Rest, Strict ? 1 : 0);
  else if (auto Negated = SymExpr::sub(0, *Rest))
    Offset = SymExpr::sub(*Negated, Strict ? 0 : 1);
  if (!Offset)
    return std::nullopt;
  return Triangle{*Offset, *Rows, *Columns, Shown};
}

/// \p V tells j <= i; or (false) it tells j > i.
static std::optional<bool> isTriangle(const onnx::ConstantView &V) {
  ArrayRef<int64_t> Shape = V.getShape();
  if (Shape.size() < 2 || V.size() == 0)
    return std::nullopt;
  int64_t Rows = Shape.end()[-2], Columns = Shape.back();
  bool Shown = V.getNumber(0) != 0;
  for (int64_t I = 0; I < V.size(); ++I)
    if ((V.getNumber(I) != 0) != ((I % Columns <= I / Columns % Rows) == Shown))
      return std::nullopt;
  return Shown;
}

/// A constant triangle, cut by slices of the last two dimensions.
std::optional<Triangle> CausalMask::partOfConstant(Value V) {
  // Where a part begins, and its sizes where it is one.
  SymExpr Row = 0, Column = 0;
  std::optional<SymExpr> Extents[2];
  for (unsigned Steps = 0; Steps < 8; ++Steps) {
    V = peel(V);
    if (auto Constant = getConstant(V)) {
      auto Shown = isTriangle(*Constant);
      auto Offset = SymExpr::sub(Row, Column);
      if (!Shown || !Offset)
        return std::nullopt;
      ArrayRef<int64_t> Shape = Constant->getShape();
      return Triangle{*Offset, Extents[0].value_or(Shape.end()[-2]),
                      Extents[1].value_or(Shape.back()), *Shown};
    }
    auto Slice = V.getDefiningOp<onnx::SliceOp>();
    if (!Slice)
      return std::nullopt;
    int64_t Rank = getRank(V);
    auto Starts = Sizes.getElements(Slice.getStarts()),
         Ends = Sizes.getElements(Slice.getEnds());
    auto Axes = getInts(getOperand(Slice, 3));
    Value By = getOperand(Slice, 4);
    if (!Starts || !Ends || !Axes || Rank < 2 || (By && !isUniform(By, 1)))
      return std::nullopt;
    for (auto [I, Axis] : llvm::enumerate(*Axes)) {
      int64_t FromEnd = Rank - 1 - fromFront(Axis, Rank);
      if (FromEnd > 1)
        return std::nullopt;
      // Positions from the front only, and a part is not cut again.
      auto Start = (*Starts)[I], End = (*Ends)[I];
      auto Size = SymExpr::sub(End, Start);
      auto &Extent = Extents[1 - FromEnd];
      if (!Size || Extent || !Start.isNonNegative() || !End.isNonNegative())
        return std::nullopt;
      Extent = Size;
      (FromEnd == 1 ? Row : Column) = Start;
    }
    V = Slice.getData();
  }
  return std::nullopt;
}

std::optional<Triangle> CausalMask::triangle(Value V, unsigned Depth) {
  V = peel(V);
  if (Depth == 0)
    return std::nullopt;
  if (auto Part = partOfConstant(V))
    return Part;
  Operation *Op = V.getDefiningOp();
  if (!Op || getRank(V) < 2)
    return std::nullopt;
  if (isa<onnx::LessOp, onnx::LessOrEqualOp, onnx::GreaterOp,
          onnx::GreaterOrEqualOp>(Op))
    return comparison(Op);
  if (isa<onnx::NotOp>(Op)) {
    auto Inner = triangle(Op->getOperand(0), Depth - 1);
    if (Inner)
      Inner->Shown = !Inner->Shown;
    return Inner;
  }
  // The last two dimensions stay what they are.
  if (isa<onnx::UnsqueezeOp, onnx::ReshapeOp, onnx::ExpandOp>(Op)) {
    auto From = Sizes.getShape(Op->getOperand(0)), To = Sizes.getShape(V);
    if (!From || !To || From->size() < 2 || To->size() < From->size())
      return std::nullopt;
    bool Kept = From->back() == To->back() &&
                From->end()[-2] == To->end()[-2] &&
                llvm::all_of(ArrayRef(*From).drop_back(2),
                             [](const SymExpr &E) { return E.isConstant(1); });
    if (!Kept && !isa<onnx::UnsqueezeOp>(Op))
      return std::nullopt;
    return Kept ? triangle(Op->getOperand(0), Depth - 1) : std::nullopt;
  }
  if (isa<onnx::CastOp>(Op) && getRanked(Op->getOperand(0)))
    return triangle(Op->getOperand(0), Depth - 1);
  return std::nullopt;
}

bool graph::isCausal(const ScoreMask &M, const SymExpr &Queries,
                     const SymExpr &Keys, const SizeAnalysis &Sizes) {
  Value Condition = M.V;
  bool Hides = M.Hides;
  if (!M.Boolean) {
    // 0 where it is seen, far below any score elsewhere.
    auto Where = peel(M.V).getDefiningOp<onnx::WhereOp>();
    if (!Where)
      return false;
    Value Seen = Where.getX(), Hidden = Where.getY();
    Hides = !isUniform(Seen, 0);
    if (Hides)
      std::swap(Seen, Hidden);
    auto Filler = getUniform(Hidden);
    if (!isUniform(Seen, 0) || !Filler || *Filler > -1e4)
      return false;
    Condition = Where.getCondition();
  }
  auto Found = CausalMask(Sizes).triangle(Condition);
  auto Offset = SymExpr::sub(Keys, Queries);
  return Found && Offset && Found->Shown != Hides && Found->Offset == *Offset &&
         Found->Rows == Queries && Found->Columns == Keys;
}

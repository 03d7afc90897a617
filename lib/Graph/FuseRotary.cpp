//===- FuseRotary.cpp - The pass graph-fuse-rotary ------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// x cos + rotate(x) sin, where rotate(x) is the second of each pair of numbers
// negated, then the first; or the same as a product of complex numbers. The
// second of a pair stands half the width behind the first, or beside it. Only
// the first numbers of a head may be turned.
//
// Where x is the heads of rows, the rows are turned and the heads taken from
// the result: attention then finds its rows behind the rotation.
//
//===----------------------------------------------------------------------===//

#include "Fusion.h"
#include "RotaryTables.h"
#include "Views.h"
#include "lathe/Graph/Passes.h"

namespace lathe::graph {
#define GEN_PASS_DEF_GRAPHFUSEROTARY
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

//===----------------------------------------------------------------------===//
// Pairs
//===----------------------------------------------------------------------===//

namespace {
/// Pairs of numbers that are turned: Width numbers of each row of Base, whose
/// other dimensions are those of what is made of them.
struct Pairs {
  Value Base;
  int64_t Offset = 0, Width = 0;
  /// The second number stands beside the first, not half the width behind.
  bool Interleaved = false;
};

/// A part of the last dimension of Base.
struct Part {
  Value Base;
  int64_t Offset, Size, Stride;
};
} // namespace

/// \p V as a part of the last dimension of values of the same shape before it,
/// the nearest first.
static SmallVector<Part> findParts(Value V) {
  SmallVector<Part> Found;
  RankedTensorType Type = getRanked(V);
  if (!Type || Type.getRank() < 1)
    return Found;
  int64_t Last = Type.getRank() - 1, Size = Type.getDimSize(Last);
  if (ShapedType::isDynamic(Size))
    return Found;
  for (View &W : tracedViews(V)) {
    RankedTensorType Source = getRanked(W.Source);
    if (Source.getRank() != Last + 1 || int64_t(W.Dims.size()) != Last + 1 ||
        Source.isDynamicDim(Last))
      continue;
    bool Rows = true;
    for (int64_t D = 0; D < Last; ++D)
      Rows &= W.isWhole(D, D);
    int64_t Stride = W.Dims[Last].size() == 1 ? W.Dims[Last][0].Stride : 1;
    if (Rows && W.isPart(Last, Last, Size, Stride))
      Found.push_back({W.Source, W.Offsets[Last], Size, Stride});
  }
  return Found;
}

static std::optional<Part> findPartOf(Value V, Value Base) {
  for (Part &P : findParts(V))
    if (P.Base == Base)
      return P;
  return std::nullopt;
}

/// The first and the second numbers of pairs, from as far back as they go.
static std::optional<Pairs> findPairs(Value First, Value Second) {
  std::optional<Pairs> Found;
  auto Seconds = findParts(Second);
  for (Part &A : findParts(First))
    for (Part &B : Seconds) {
      if (A.Base != B.Base || A.Size != B.Size)
        continue;
      // A single pair is both: the first form is said to be it.
      if ((A.Size == 1 || (A.Stride == 1 && B.Stride == 1)) &&
          B.Offset == A.Offset + A.Size)
        Found = Pairs{A.Base, A.Offset, 2 * A.Size, false};
      else if (A.Stride == 2 && B.Stride == 2 && B.Offset == A.Offset + 1)
        Found = Pairs{A.Base, A.Offset, 2 * A.Size, true};
    }
  return Found;
}

/// \p V joins \p First and \p Second as pairs of one row each.
static bool matchJoin(Value V, Value &First, Value &Second, bool &Interleaved,
                      Trail &T) {
  V = peel(V);
  RankedTensorType Type = getRanked(V);
  if (!Type || Type.getRank() < 1)
    return false;
  int64_t Last = Type.getRank() - 1;
  auto Flat = V.getDefiningOp<onnx::ReshapeOp>();
  auto Join = (Flat ? peel(Flat.getData()) : V).getDefiningOp<onnx::ConcatOp>();
  if (!Join || Join->getNumOperands() != 2)
    return false;
  T.pass(Join);
  First = Join->getOperand(0);
  Second = Join->getOperand(1);
  Interleaved = bool(Flat);
  if (!Flat)
    return fromFront(Join.getAxis(), Last + 1) == Last;
  // [.., n, 1] beside [.., n, 1], as [.., 2 n].
  T.pass(Flat);
  RankedTensorType Pair = getRanked(Flat.getData());
  if (!Pair || Pair.getRank() != Last + 2 || Pair.getShape().back() != 2 ||
      fromFront(Join.getAxis(), Last + 2) != Last + 1 ||
      Pair.getDimSize(Last) * 2 != Type.getDimSize(Last) ||
      Pair.getShape().drop_back(2) != Type.getShape().drop_back())
    return false;
  for (Value *Side : {&First, &Second}) {
    auto Apart = peel(*Side).getDefiningOp<onnx::UnsqueezeOp>();
    auto Axes = Apart ? getAxes(Apart) : std::nullopt;
    if (!Axes || *Axes != SmallVector<int64_t>{Last + 1})
      return false;
    T.pass(Apart);
    *Side = Apart.getData();
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Formulas
//===----------------------------------------------------------------------===//

namespace {
struct Rotation {
  Pairs P;
  Value Cos, Sin;
  TableForm Form = TableForm::Once;
};
} // namespace

/// x cos + [-second, first] sin
static bool matchSum(Operation *Root, Rotation &R, Trail &T) {
  for (unsigned I : {0u, 1u}) {
    auto Straight = peel(Root->getOperand(I)).getDefiningOp<onnx::MulOp>(),
         Turned = peel(Root->getOperand(1 - I)).getDefiningOp<onnx::MulOp>();
    if (!Straight || !Turned)
      return false;
    for (unsigned J : {0u, 1u})
      for (unsigned K : {0u, 1u}) {
        auto Mark = T.mark();
        Value X = peel(Straight->getOperand(J)), Second, First, Positive;
        bool Interleaved;
        T.pass(Straight);
        T.pass(Turned);
        if (X.getType() == Root->getResult(0).getType() &&
            matchJoin(Turned->getOperand(K), Second, First, Interleaved, T) &&
            matches(Second, op<onnx::NegOp>(is(Positive)), T)) {
          auto P = findPairs(First, Positive);
          auto Whole = P ? findPartOf(X, P->Base) : std::nullopt;
          if (Whole && Whole->Offset == P->Offset && Whole->Stride == 1 &&
              Whole->Size == P->Width &&
              (P->Interleaved == Interleaved || P->Width == 2)) {
            R.P = *P;
            R.P.Interleaved = Interleaved;
            R.Form = Interleaved ? TableForm::Pairs : TableForm::Halves;
            R.Cos = Straight->getOperand(1 - J);
            R.Sin = Turned->getOperand(1 - K);
            return true;
          }
        }
        T.undo(Mark);
      }
  }
  return false;
}

/// a c - b s beside a s + b c: the product of complex numbers.
static bool matchProduct(Operation *Root, Rotation &R, Trail &T) {
  Value Real, Imaginary, A, B;
  if (!matchJoin(Root->getResult(0), Real, Imaginary, R.P.Interleaved, T))
    return false;
  Value Cos, Sin;
  bool Interleaved = R.P.Interleaved;
  auto Difference = Real.getDefiningOp<onnx::SubOp>();
  auto Left = Difference ? peel(Difference.getA()).getDefiningOp<onnx::MulOp>()
                         : nullptr;
  if (!Left)
    return false;
  for (unsigned I : {0u, 1u}) {
    auto Mark = T.mark();
    A = peel(Left->getOperand(I));
    Cos = peel(Left->getOperand(1 - I));
    B = Sin = {};
    if (matches(Real, sub(mul(is(A), is(Cos)), mul(is(B), is(Sin))), T)) {
      // The operands of the second product may be the other way round.
      for (bool Swapped : {false, true}) {
        auto Inner = T.mark();
        Value X = Swapped ? Sin : B, S = Swapped ? B : Sin;
        if (matches(Imaginary, add(mul(is(A), is(S)), mul(is(X), is(Cos))),
                    T)) {
          auto P = findPairs(A, X);
          if (P && (P->Interleaved == Interleaved || P->Width == 2)) {
            R.P = *P;
            R.P.Interleaved = Interleaved;
            R.Cos = Cos;
            R.Sin = S;
            return true;
          }
        }
        T.undo(Inner);
      }
    }
    T.undo(Mark);
  }
  return false;
}

//===----------------------------------------------------------------------===//
// The op
//===----------------------------------------------------------------------===//

/// What \p Root, the turned part of a row, is joined with behind it: the rest
/// of the row.
static onnx::ConcatOp findRest(Operation *Root, const Pairs &P, int64_t &Size) {
  auto Join =
      dyn_cast_or_null<onnx::ConcatOp>(getSingleUser(Root->getResult(0)));
  int64_t Rank = getRank(Root->getResult(0));
  if (!Join || Join->getNumOperands() != 2 ||
      Join->getOperand(0) != Root->getResult(0) ||
      fromFront(Join.getAxis(), Rank) != Rank - 1)
    return nullptr;
  auto Rest = findPartOf(Join->getOperand(1), P.Base);
  if (!Rest || Rest->Offset != P.Offset + P.Width ||
      (Rest->Stride != 1 && Rest->Size != 1))
    return nullptr;
  Size = Rest->Size;
  return Join;
}

static bool fuseRotation(Operation *Root, Rotation &R, Trail &T, Fuser &F) {
  Value Result = Root->getResult(0);
  RankedTensorType Type = getRanked(Result);
  if (!Type || Type.getRank() != 4 || !isFloat(Result) ||
      Type.isDynamicDim(3) || !T.isClosed(Root))
    return false;
  // Heads before their positions, or behind.
  bool Inside = false;
  for (bool Try : {false, true}) {
    auto IsTable = [&](Value V) {
      return isTable(V, Type, Try, R.P.Width, R.Form);
    };
    if (!Type.isDynamicDim(Try ? 2 : 1) && IsTable(R.Cos) && IsTable(R.Sin)) {
      Inside = Try;
      break;
    }
    if (Try)
      return false;
  }
  int64_t Size = R.P.Width, Heads = Type.getDimSize(Inside ? 2 : 1), More = 0;
  Operation *End = Root;
  if (Operation *Join = findRest(Root, R.P, More)) {
    T.pass(Root);
    End = Join;
    Size += More;
  }
  NodeBuilder B = F.at(End, T.ops());
  Value Cos = makeTable(B, R.Cos, Inside, R.Form),
        Sin = makeTable(B, R.Sin, Inside, R.Form);
  Value X = R.P.Base;
  if (R.P.Offset != 0 || getRanked(X).getDimSize(3) != Size)
    X = B.op("Slice", {X, B.ints({R.P.Offset}), B.ints({R.P.Offset + Size}),
                       B.ints({3}), B.ints({1})});
  SmallVector<NamedAttribute> Attrs;
  if (R.P.Interleaved)
    Attrs.push_back(B.attr("interleaved", int64_t(1)));
  if (More)
    Attrs.push_back(B.attr("rotary_embedding_dim", R.P.Width));
  Type = getRanked(End->getResult(0));
  HeadRows Rows = findHeadRows(X, Inside ? HeadLayout::PositionsFirst
                                         : HeadLayout::HeadsFirst);
  if (!Rows && !Inside)
    return F.replace(End, B.op("RotaryEmbedding", {X, Cos, Sin}, Attrs, Type));
  Attrs.push_back(B.attr("num_heads", Heads));
  Value Y = B.op(
      "RotaryEmbedding",
      {Rows ? Rows.part(B) : B.op("Reshape", {X, B.ints({0, 0, Heads * Size})}),
       Cos, Sin},
      Attrs);
  Y = B.op("Reshape", {Y, B.ints({0, 0, Heads, Size})}, {},
           Inside ? Type : RankedTensorType());
  if (!Inside)
    Y = B.op("Transpose", {Y}, B.attr("perm", {0, 2, 1, 3}), Type);
  return F.replace(End, Y);
}

static bool fuseSum(Operation *Root, Fuser &F) {
  Rotation R;
  Trail T;
  return matchSum(Root, R, T) && fuseRotation(Root, R, T, F);
}

static bool fuseProduct(Operation *Root, Fuser &F) {
  Rotation R;
  Trail T;
  return matchProduct(Root, R, T) && fuseRotation(Root, R, T, F);
}

namespace {
struct FuseRotaryPass : graph::impl::GraphFuseRotaryBase<FuseRotaryPass> {
  void runOnOperation() override {
    const Fusion Table[] = {
        {"onnx.Add", fuseSum, &Rotations},
        {"onnx.Concat", fuseProduct, &Rotations},
        {"onnx.Reshape", fuseProduct, &Rotations},
    };
    fuse(getOperation(), Table);
  }
};
} // namespace

//===- FuseRotary.cpp - The pass graph-fuse-rotary ------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// x cos + rotate(x) sin, where rotate(x) is the second half of the head
// negated, then the first. The op wants tables of half the width: both halves
// of what the model multiplies by must provably be the same, by how they were
// made.
//
// Where x is the heads of rows, the rows are turned and the heads taken from
// the result: attention then finds its rows behind the rotation.
//
//===----------------------------------------------------------------------===//

#include "Fusion.h"
#include "Views.h"
#include "lathe/Graph/Passes.h"

namespace lathe::graph {
#define GEN_PASS_DEF_GRAPHFUSEROTARY
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// \p V is half \p Which of the last dimension of \p X.
static bool isHalf(Value V, Value X, int64_t Which, Trail &T) {
  for (View &W : tracedViews(V)) {
    if (W.Source != X)
      continue;
    int64_t Last = getRank(X) - 1, Size = getRanked(X).getDimSize(Last);
    if (int64_t(W.Dims.size()) != Last + 1 || ShapedType::isDynamic(Size) ||
        Size % 2 || W.Offsets[Last] != Which * Size / 2 ||
        !W.isPart(Last, Last, Size / 2, 1))
      return false;
    for (int64_t D = 0; D < Last; ++D)
      if (!W.isWhole(D, D))
        return false;
    for (Operation *Op : W.Ops)
      T.pass(Op);
    return true;
  }
  return false;
}

/// \p V as [-second half of \p X, first half].
static bool isRotated(Value V, Value X, Trail &T) {
  auto Join = peel(V).getDefiningOp<onnx::ConcatOp>();
  int64_t Rank = getRank(X);
  if (!Join || Join->getNumOperands() != 2 || Rank < 1 ||
      fromFront(Join.getAxis(), Rank) != Rank - 1)
    return false;
  Value Second;
  T.pass(Join);
  return matches(Join->getOperand(0), op<onnx::NegOp>(is(Second)), T) &&
         isHalf(Second, X, 1, T) && isHalf(Join->getOperand(1), X, 0, T);
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// Both halves of the last dimension of the constant \p V are equal.
static bool repeats(Value V) {
  auto View = getConstant(V);
  if (!View || !View->isFloat() || View->getShape().empty())
    return false;
  int64_t Row = View->getShape().back();
  if (Row % 2)
    return false;
  if (View->isSplat())
    return true;
  for (int64_t I = 0; I < View->size(); I += Row)
    for (int64_t J = 0; J < Row / 2; ++J)
      if (View->getFloat(I + J) != View->getFloat(I + Row / 2 + J))
        return false;
  return true;
}

/// The first half of the last dimension of \p V, where the second repeats it;
/// null if that is not certain. Without a builder only the question is
/// answered, by \p V itself.
static Value halfOf(Value V, NodeBuilder *B, unsigned Depth = 8) {
  V = peel(V);
  RankedTensorType Type = getRanked(V);
  if (!Type || Type.getRank() < 1 || Depth == 0)
    return {};
  int64_t Last = Type.getRank() - 1;
  if (isConstant(V)) {
    if (!repeats(V) || !B)
      return repeats(V) ? V : Value();
    auto Given = *getFloats(V);
    int64_t Row = Type.getDimSize(Last);
    SmallVector<double> Half;
    for (size_t I = 0; I < Given.size(); I += Row)
      Half.append(Given.begin() + I, Given.begin() + I + Row / 2);
    SmallVector<int64_t> Shape(Type.getShape());
    Shape.back() /= 2;
    return B->constant(RankedTensorType::get(Shape, Type.getElementType()),
                       Half);
  }
  Operation *Op = V.getDefiningOp();
  if (!Op)
    return {};
  if (auto Join = dyn_cast<onnx::ConcatOp>(Op)) {
    bool Twice = Join->getNumOperands() == 2 &&
                 Join->getOperand(0) == Join->getOperand(1) &&
                 fromFront(Join.getAxis(), Last + 1) == Last;
    return Twice ? Join->getOperand(0) : Value();
  }
  auto Unary = [&](ArrayRef<NamedAttribute> Attrs) -> Value {
    Value Half = halfOf(Op->getOperand(0), B, Depth - 1);
    if (!Half || !B)
      return Half ? V : Value();
    SmallVector<Value> Operands = {Half};
    llvm::append_range(Operands, Op->getOperands().drop_front());
    return B->op(onnx::getOpName(Op), Operands, Attrs);
  };
  if (isa<onnx::CosOp, onnx::SinOp>(Op))
    return Unary({});
  if (auto Cast = dyn_cast<onnx::CastOp>(Op))
    return Unary(Cast->getAttrs());
  if (isa<onnx::UnsqueezeOp>(Op)) {
    auto Axes = getAxes(Op);
    if (!Axes || llvm::is_contained(*Axes, Last))
      return {};
    return Unary({});
  }
  if (isa<onnx::MulOp>(Op) && getUniform(Op->getOperand(1)) &&
      getRank(Op->getOperand(1)) <= Last + 1)
    return Unary({});
  if (auto Look = dyn_cast<onnx::GatherOp>(Op);
      Look && Look.getAxis() == 0 && getRank(Look.getData()) > 1)
    return Unary(B ? ArrayRef<NamedAttribute>(Look->getAttrs())
                   : ArrayRef<NamedAttribute>());
  return {};
}

/// \p V multiplies [b, h, s, d]: the same for all heads, in every half the
/// same.
static bool isTable(Value V, RankedTensorType X) {
  RankedTensorType Type = getRanked(V);
  if (!Type || Type.getRank() != 4 || Type.getDimSize(1) != 1 ||
      Type.getElementType() != X.getElementType() ||
      Type.getDimSize(3) != X.getDimSize(3))
    return false;
  for (int64_t D : {0, 2})
    if (Type.getDimSize(D) != X.getDimSize(D))
      return false;
  return bool(halfOf(V, nullptr));
}

static bool fuseRotary(Operation *Root, Fuser &F) {
  Value Products[2] = {peel(Root->getOperand(0)), peel(Root->getOperand(1))};
  RankedTensorType Type = getRanked(Root->getResult(0));
  if (!Type || Type.getRank() != 4 || !isFloat(Root->getResult(0)) ||
      Type.isDynamicDim(1) || Type.isDynamicDim(3))
    return false;
  for (unsigned I : {0u, 1u}) {
    auto Straight = Products[I].getDefiningOp<onnx::MulOp>(),
         Turned = Products[1 - I].getDefiningOp<onnx::MulOp>();
    if (!Straight || !Turned)
      return false;
    for (unsigned J : {0u, 1u})
      for (unsigned K : {0u, 1u}) {
        Value X = peel(Straight->getOperand(J)),
              Cos = Straight->getOperand(1 - J),
              Sin = Turned->getOperand(1 - K);
        Trail T;
        T.pass(Straight);
        T.pass(Turned);
        if (X.getType() != Type || !isRotated(Turned->getOperand(K), X, T) ||
            !isTable(Cos, Type) || !isTable(Sin, Type) || !T.isClosed(Root))
          continue;
        NodeBuilder B = F.at(Root, T.ops());
        auto Table = [&](Value V) {
          return B.op("Squeeze", {halfOf(V, &B), B.ints({1})});
        };
        Cos = Table(Cos);
        Sin = Table(Sin);
        int64_t Heads = Type.getDimSize(1);
        HeadRows Rows = findHeadRows(X);
        if (!Rows)
          return F.replace(Root,
                           B.op("RotaryEmbedding", {X, Cos, Sin}, {}, Type));
        Value Y = B.op("RotaryEmbedding", {Rows.part(B), Cos, Sin},
                       B.attr("num_heads", Heads));
        Y = B.op("Reshape", {Y, B.ints({0, 0, Heads, Type.getDimSize(3)})});
        return F.replace(
            Root, B.op("Transpose", {Y}, B.attr("perm", {0, 2, 1, 3}), Type));
      }
  }
  return false;
}

namespace {
struct FuseRotaryPass : graph::impl::GraphFuseRotaryBase<FuseRotaryPass> {
  void runOnOperation() override {
    const Fusion Table[] = {{"onnx.Add", fuseRotary, &Rotations}};
    fuse(getOperation(), Table);
  }
};
} // namespace

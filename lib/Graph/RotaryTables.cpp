//===- RotaryTables.cpp - Cosines and sines of positions ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See RotaryTables.h. One walk answers and builds: without a builder, whether
// there is a table of half the width; with one, that table.
//
//===----------------------------------------------------------------------===//

#include "RotaryTables.h"
#include "Pattern.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// Where the other of two equal numbers of a row stands.
static int64_t sourceOf(int64_t I, int64_t Half, TableForm Form) {
  return Form == TableForm::Halves ? I % Half : I / 2;
}

/// Every number of the constant \p V stands twice.
static bool repeats(Value V, TableForm Form) {
  auto View = getConstant(V);
  if (!View || !View->isFloat() || View->getShape().empty())
    return false;
  int64_t Row = View->getShape().back();
  if (Row % 2 || Row == 0)
    return false;
  if (View->isSplat())
    return true;
  bool Halves = Form == TableForm::Halves;
  for (int64_t I = 0; I < View->size(); I += Row)
    for (int64_t J = 0; J < Row / 2; ++J) {
      int64_t First = Halves ? J : 2 * J,
              Second = Halves ? J + Row / 2 : J * 2 + 1;
      if (View->getFloat(I + First) != View->getFloat(I + Second))
        return false;
    }
  return true;
}

static Value halveConstant(NodeBuilder &B, Value V, TableForm Form) {
  RankedTensorType Type = getRanked(V);
  auto Given = *getFloats(V);
  int64_t Row = Type.getShape().back();
  SmallVector<double> Half(Given.size() / 2);
  for (int64_t I = 0, E = Given.size(); I < E; ++I)
    Half[I / Row * (Row / 2) + sourceOf(I % Row, Row / 2, Form)] = Given[I];
  SmallVector<int64_t> Shape(Type.getShape());
  Shape.back() /= 2;
  return B.constant(RankedTensorType::get(Shape, Type.getElementType()), Half);
}

/// \p X with the sizes of \p Like but the last, which is half of it: ones may
/// come and go.
static Value viewAsHalf(Value X, RankedTensorType Like, NodeBuilder *B) {
  RankedTensorType Type = getRanked(X);
  if (!Type || Type.getShape().back() * 2 != Like.getShape().back())
    return {};
  SmallVector<int64_t> Shape(Like.getShape());
  Shape.back() /= 2;
  if (Type.getShape() == ArrayRef(Shape))
    return X;
  bool Open = false, Same = true;
  for (auto [D, Size] : llvm::enumerate(Shape)) {
    Same &= int64_t(D) < Type.getRank() && Size == Type.getDimSize(D);
    if (!ShapedType::isDynamic(Size))
      continue;
    if (Same) {
      Size = 0;
      continue;
    }
    if (Open)
      return {};
    Size = -1;
    Open = true;
  }
  return B ? B->op("Reshape", {X, B->ints(Shape)}) : X;
}

/// Adding or dropping ones in front of the last dimension, which stays.
static bool keepsLast(Operation *Op) {
  RankedTensorType From = getRanked(Op->getOperand(0)),
                   To = getRanked(Op->getResult(0));
  if (!From || !To || From.getRank() < 1 || To.getRank() < 1 ||
      From.getShape().back() != To.getShape().back())
    return false;
  auto Wide = [](RankedTensorType T) {
    return llvm::to_vector(llvm::make_filter_range(
        T.getShape(), [](int64_t D) { return D != 1; }));
  };
  return From.getShape().back() != 1 && Wide(From) == Wide(To);
}

/// A table of half the width, where \p V is of the form \p Form. Without a
/// builder only the question is answered, by \p V itself.
static Value halfOf(Value V, TableForm Form, NodeBuilder *B,
                    unsigned Depth = 10) {
  V = peel(V);
  RankedTensorType Type = getRanked(V);
  if (!Type || Type.getRank() < 1 || Depth == 0 ||
      ShapedType::isDynamic(Type.getShape().back()))
    return {};
  int64_t Last = Type.getRank() - 1;
  if (isConstant(V)) {
    if (!repeats(V, Form))
      return {};
    return B ? halveConstant(*B, V, Form) : V;
  }
  Operation *Op = V.getDefiningOp();
  if (!Op)
    return {};
  auto isTwice = [](Operation *Op, int64_t Axis) {
    auto Join = dyn_cast_or_null<onnx::ConcatOp>(Op);
    return Join && Join->getNumOperands() == 2 &&
           Join->getOperand(0) == Join->getOperand(1) &&
           fromFront(Join.getAxis(), Axis + 1) == Axis;
  };
  if (Form == TableForm::Halves && isTwice(Op, Last))
    return Op->getOperand(0);
  if (auto Flat = dyn_cast<onnx::ReshapeOp>(Op);
      Flat && Form == TableForm::Pairs) {
    // [.., n, 1] twice along the last dimension, then [.., 2 n].
    Operation *Twice = peel(Flat.getData()).getDefiningOp();
    RankedTensorType Pairs = getRanked(Flat.getData());
    if (!Twice || !Pairs || Pairs.getRank() < 2 || Pairs.getShape().back() != 2)
      return {};
    int64_t Depth = Pairs.getRank() - 1;
    RankedTensorType Single = getRanked(Twice->getOperand(0));
    bool Spread = isa<onnx::TileOp, onnx::ExpandOp>(Twice) && Single &&
                  Single.getRank() == Depth + 1 &&
                  Single.getShape().drop_back() == Pairs.getShape().drop_back();
    if (!(isTwice(Twice, Depth) || Spread) || !Single ||
        Single.getShape().back() != 1 ||
        Single.getDimSize(Depth - 1) * 2 != Type.getDimSize(Last))
      return {};
    Value Once = Twice->getOperand(0);
    if (isa_and_nonnull<onnx::UnsqueezeOp, onnx::ReshapeOp>(
            Once.getDefiningOp()) &&
        getRank(Once.getDefiningOp()->getOperand(0)) > 0) {
      Value Before = Once.getDefiningOp()->getOperand(0);
      if (Value Half = viewAsHalf(Before, Type, B))
        return Half;
    }
    return {};
  }
  auto Unary = [&](ArrayRef<NamedAttribute> Attrs) -> Value {
    Value Half = halfOf(Op->getOperand(0), Form, B, Depth - 1);
    if (!Half || !B)
      return Half ? V : Value();
    SmallVector<Value> Operands = {Half};
    llvm::append_range(Operands, Op->getOperands().drop_front());
    return B->op(onnx::getOpName(Op), Operands, Attrs);
  };
  if (isa<onnx::CosOp, onnx::SinOp>(Op))
    return Unary({});
  if (isa<onnx::CastOp>(Op))
    return Unary(Op->getAttrs());
  if (isa<onnx::UnsqueezeOp, onnx::SqueezeOp>(Op))
    return keepsLast(Op) ? Unary({}) : Value();
  if (isa<onnx::ReshapeOp>(Op)) {
    if (!keepsLast(Op) || Type.getNumDynamicDims() > 1)
      return {};
    Value Half = halfOf(Op->getOperand(0), Form, B, Depth - 1);
    if (!Half || !B)
      return Half ? V : Value();
    return viewAsHalf(Half, Type, B);
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

bool graph::isTable(Value V, RankedTensorType Heads, bool HeadsInside,
                    int64_t Width, TableForm Form) {
  RankedTensorType Type = getRanked(V);
  if (!Type || Type.getRank() > 4 || Type.getRank() < (HeadsInside ? 3 : 2) ||
      Type.getElementType() != Heads.getElementType() ||
      Type.getShape().back() != (Form == TableForm::Once ? Width / 2 : Width))
    return false;
  int64_t Head = HeadsInside ? 2 : 1, Along = HeadsInside ? 1 : 2,
          Lead = 4 - Type.getRank();
  auto Size = [&](int64_t D) {
    return D < Lead ? 1 : Type.getDimSize(D - Lead);
  };
  return Size(Head) == 1 && Size(Along) == Heads.getDimSize(Along) &&
         (Size(0) == 1 || Size(0) == Heads.getDimSize(0)) &&
         (Form == TableForm::Once || halfOf(V, Form, nullptr));
}

Value graph::makeTable(NodeBuilder &B, Value V, bool HeadsInside,
                       TableForm Form) {
  Value Half = Form == TableForm::Once ? V : halfOf(V, Form, &B);
  int64_t Lead = 4 - getRank(Half), Head = (HeadsInside ? 2 : 1) - Lead;
  // The dimension of heads goes where it is written; one of batches comes.
  if (Head >= 0)
    Half = B.op("Squeeze", {Half, B.ints({Head})});
  return getRank(Half) == 2 ? B.op("Unsqueeze", {Half, B.ints({0})}) : Half;
}

//===- Quantized.cpp - Values that are kept in integers -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Quantized.h"
#include "lathe/ONNX/Facts.h"
#include "lathe/ONNX/OnnxBuilder.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

/// The one number of a constant of one element.
static std::optional<double> only(Value V) {
  auto View = onnx::ConstantView::get(V);
  if (!View || View->isElided() || View->size() != 1)
    return std::nullopt;
  return View->getNumber(0);
}

static bool isByte(Type T) { return T.isInteger(8); }

std::optional<Parameters> compress::parametersOf(Operation *Op) {
  if (!isa_and_present<onnx::QuantizeLinearOp, onnx::DequantizeLinearOp>(Op))
    return std::nullopt;
  bool Quantizes = isa<onnx::QuantizeLinearOp>(Op);
  Type Integer =
      getElementTypeOrSelf(Quantizes ? Op->getResult(0) : Op->getOperand(0));
  Type Real =
      getElementTypeOrSelf(Quantizes ? Op->getOperand(0) : Op->getResult(0));
  std::optional<double> Scale = only(Op->getOperand(1));
  std::optional<double> Zero =
      Op->getNumOperands() > 2 ? only(Op->getOperand(2)) : 0;
  if (!Scale || !Zero || !isByte(Integer) || !Real.isF32() || !(*Scale > 0))
    return std::nullopt;
  return Parameters{float(*Scale), int64_t(*Zero), Integer};
}

onnx::DequantizeLinearOp compress::dequantizes(Value V) {
  auto Op = V ? V.getDefiningOp<onnx::DequantizeLinearOp>()
              : onnx::DequantizeLinearOp();
  return Op && parametersOf(Op) ? Op : onnx::DequantizeLinearOp();
}

onnx::QuantizeLinearOp compress::onlyQuantizer(Value V) {
  if (!V.hasOneUse())
    return {};
  auto Op = dyn_cast<onnx::QuantizeLinearOp>(*V.user_begin());
  return Op && parametersOf(Op) ? Op : onnx::QuantizeLinearOp();
}

bool compress::isComputedProduct(Operation *Op) {
  if (!isa<onnx::MatMulOp>(Op))
    return false;
  auto Left = dyn_cast<RankedTensorType>(Op->getOperand(0).getType()),
       Right = dyn_cast<RankedTensorType>(Op->getOperand(1).getType());
  auto Constant = [](Value V) {
    auto D = V.getDefiningOp<onnx::DequantizeLinearOp>();
    return onnx::ConstantView::get(V) ||
           (D && onnx::ConstantView::get(D->getOperand(0)));
  };
  return Left && Right && Left.getElementType().isF32() &&
         Right.getElementType().isF32() && Left.getRank() >= 2 &&
         Left.getRank() == Right.getRank() &&
         Left.getShape().drop_back(2) == Right.getShape().drop_back(2) &&
         !Constant(Op->getOperand(0)) && !Constant(Op->getOperand(1));
}

bool compress::isFloatAttention(Operation *Op) {
  auto Attention = dyn_cast<onnx::AttentionOp>(Op);
  if (!Attention || !getElementTypeOrSelf(Attention.getQ()).isF32())
    return false;
  auto Precision = Attention.getSoftmaxPrecision();
  Type Asked =
      Precision ? onnx::getElementType(Op->getContext(), *Precision) : Type();
  return !Asked || Asked.isF32();
}

std::optional<QuantizedWeights> compress::quantizedWeights(Value V,
                                                           unsigned Out) {
  auto Op = V ? V.getDefiningOp<onnx::DequantizeLinearOp>()
              : onnx::DequantizeLinearOp();
  if (!Op)
    return std::nullopt;
  auto Integers = onnx::ConstantView::get(Op->getOperand(0));
  auto Scales = onnx::ConstantView::get(Op->getOperand(1));
  if (!Integers || Integers->isElided() ||
      !isByte(Integers->getElementType()) || !Scales || Scales->isElided() ||
      !Scales->getElementType().isF32() || Scales->getShape().size() > 1)
    return std::nullopt;
  int64_t Rank = Integers->getShape().size();
  int64_t Axis = Op->getAttrOfType<IntegerAttr>("axis")
                     ? Op->getAttrOfType<IntegerAttr>("axis").getInt()
                     : 1;
  Axis += Axis < 0 ? Rank : 0;
  if (Scales->size() != 1 &&
      (Axis != int64_t(Out) || Scales->size() != Integers->getShape()[Out]))
    return std::nullopt;
  QuantizedWeights W{Op, *Integers, {}, true};
  for (int64_t I = 0; I < Scales->size(); ++I)
    W.Scales.push_back(Scales->getFloat(I));
  bool Unsigned = cast<IntegerType>(Integers->getElementType()).isUnsigned();
  int64_t Middle = Unsigned ? 128 : 0;
  if (Op->getNumOperands() > 2) {
    auto Zeros = onnx::ConstantView::get(Op->getOperand(2));
    if (!Zeros || Zeros->isElided() || !Zeros->isInteger())
      return std::nullopt;
    for (int64_t I = 0; I < Zeros->size(); ++I)
      W.Symmetric &= Zeros->getInt(I) == Middle;
  } else {
    W.Symmetric = !Unsigned;
  }
  return W;
}

ByteRange compress::coverRange(float Min, float Max) {
  Min = std::fmin(Min, 0.0f);
  Max = std::fmax(Max, 0.0f);
  float Scale = (Max - Min) / 255.0f;
  if (!(Scale > 0))
    return {1.0f, 0};
  float Zero = std::nearbyintf(-Min / Scale);
  return {Scale, uint8_t(std::fmin(255.0f, std::fmax(0.0f, Zero)))};
}

ByteWeights compress::toBytes(const Weights &W) {
  ArrayRef<int64_t> Shape = W.View.getShape();
  int64_t Outputs = W.outputs(), Inner = 1;
  for (int64_t Size : Shape.drop_front(W.Out + 1))
    Inner *= Size;
  ByteWeights Q;
  SmallVector<float> Most(Outputs, 0);
  readFloats(W.View, [&](int64_t I, float F) {
    float &M = Most[I / Inner % Outputs];
    M = std::fmax(M, std::fabs(F));
  });
  for (float M : Most)
    Q.Scales.push_back(coverMagnitude(M));
  Q.Integers.resize(W.View.size());
  readFloats(W.View, [&](int64_t I, float F) {
    Q.Integers[I] = toByte(F, Q.Scales[I / Inner % Outputs]);
  });
  return Q;
}

void compress::quantizeWeights(const Weights &W, onnx::ResourceUses &Uses) {
  Value Old = W.Op->getOperand(W.Operand);
  ByteWeights Q = toBytes(W);
  onnx::OnnxBuilder B(W.Op);
  B.setLoc(W.Op->getOperand(W.Operand).getLoc());
  auto Type = cast<RankedTensorType>(W.View.getType());
  Value Integers = makeConstant(
      B, B.getLoc(),
      cast<RankedTensorType>(Type.clone(mlir::Type(B.getI8Type()))),
      std::move(Q.Integers), "quantized");
  Value Scales = onnx::ConstantOp::create(
      B, DenseElementsAttr::get(
             RankedTensorType::get({int64_t(Q.Scales.size())}, B.getF32Type()),
             ArrayRef<float>(Q.Scales)));
  Value D = B.op("DequantizeLinear", {Integers, Scales},
                 B.attr("axis", int64_t(W.Out)), B.getF32Type());
  D.setType(Type);
  W.Op->setOperand(W.Operand, D);
  Uses.drop(Old);
}

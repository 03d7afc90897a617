//===- Contraction.cpp - Weights that take scales and shifts --------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "Match.h"
#include "NodeBuilder.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// Weights that others use too are copied up to this size.
static constexpr int64_t MaxCopiedElements = 64 << 10;

std::optional<Contraction> Contraction::get(Operation *Op) {
  if (!isa<onnx::ConvOp, onnx::ConvTransposeOp, onnx::GemmOp, onnx::MatMulOp>(
          Op))
    return std::nullopt;
  Contraction C;
  C.Op = Op;
  C.Data = Op->getOperand(0);
  C.Weights = Op->getOperand(1);
  if (isa<onnx::MatMulOp>(Op) && !isConstant(C.Weights)) {
    std::swap(C.Data, C.Weights);
    C.K = Kind::MatMulLeft;
  }
  auto View = getConstant(C.Weights);
  RankedTensorType DataType = getRanked(C.Data),
                   Result = getRanked(Op->getResult(0));
  if (!View || !View->isFloat() || !DataType || !Result || isConstant(C.Data))
    return std::nullopt;
  ArrayRef<int64_t> Shape = View->getShape();
  if (!isa<onnx::MatMulOp>(Op)) {
    C.Bias = getOperand(Op, 2);
    if (C.Bias && (!getConstant(C.Bias) || !isFloat(C.Bias)))
      return std::nullopt;
  }

  if (isa<onnx::ConvOp, onnx::ConvTransposeOp>(Op)) {
    C.K = isa<onnx::ConvOp>(Op) ? Kind::Conv : Kind::ConvTranspose;
    C.Groups = getIntAttr(Op, "group");
    if (Shape.size() < 3 || C.Groups < 1)
      return std::nullopt;
    bool Transposed = C.K == Kind::ConvTranspose;
    C.ResultChannels = Transposed ? Shape[1] * C.Groups : Shape[0];
    C.DataChannels = Transposed ? Shape[0] : Shape[1] * C.Groups;
    return C;
  }
  if (isa<onnx::GemmOp>(Op)) {
    C.K = Kind::Gemm;
    bool TransB = getIntAttr(Op, "transB");
    if (Shape.size() != 2)
      return std::nullopt;
    C.ResultChannels = Shape[TransB ? 0 : 1];
    C.DataChannels = Shape[TransB ? 1 : 0];
    C.DataAxis = getIntAttr(Op, "transA") ? 0 : 1;
    // A bias of rows, or of single elements, stays what it is.
    if (C.Bias) {
      ArrayRef<int64_t> BiasShape = getRanked(C.Bias).getShape();
      bool IsVector = BiasShape.empty() || BiasShape.size() == 1 ||
                      (BiasShape.size() == 2 && BiasShape[0] == 1);
      if (!IsVector)
        return std::nullopt;
    }
    return C;
  }
  if (Shape.size() != 2)
    return std::nullopt;
  int64_t Rank = DataType.getRank();
  if (C.K == Kind::MatMulLeft) {
    if (Rank < 2)
      return std::nullopt;
    C.ResultChannels = Shape[0];
    C.DataChannels = Shape[1];
    C.ResultAxis = C.DataAxis = Rank - 2;
    return C;
  }
  C.K = Kind::MatMul;
  C.ResultChannels = Shape[1];
  C.DataChannels = Shape[0];
  C.DataAxis = Rank - 1;
  C.ResultAxis = Result.getRank() - 1;
  if (Rank < 1 || Result.getRank() != Rank)
    return std::nullopt;
  return C;
}

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

bool Contraction::mayCopyWeights() const {
  // One number has been written once for all that read it: each has its own.
  return Weights.hasOneUse() || getConstant(Weights)->isSplat() ||
         getRanked(Weights).getNumElements() <= MaxCopiedElements;
}

bool Contraction::fits(const Affine &Fn, int64_t Axis, int64_t Channels) const {
  // Half-precision weights have few exponents to spare.
  if (getRanked(Weights).getElementType().isF16() &&
      llvm::any_of(Fn.Scale, [](double S) {
        return S != 0 && (std::abs(S) < 0x1p-10 || std::abs(S) > 0x1p10);
      }))
    return false;
  return Fn.isFinite() &&
         (Fn.isUniform() ||
          (Fn.Axis == Axis && int64_t(Fn.Scale.size()) == Channels));
}

bool Contraction::canFoldAfter(const Affine &Fn) const {
  return fits(Fn, ResultAxis, ResultChannels) &&
         (!Fn.hasScale() || mayCopyWeights());
}

bool Contraction::isPadded() const {
  if (K != Kind::Conv)
    return false;
  auto Conv = cast<onnx::ConvOp>(Op);
  if (Conv.getAutoPad() == "VALID")
    return false;
  if (Conv.getAutoPad() != "NOTSET")
    return true;
  auto Pads = Conv.getPads();
  return Pads && llvm::any_of(*Pads, [](int64_t P) { return P != 0; });
}

bool Contraction::canFoldBefore(const Affine &Fn) const {
  if (!fits(Fn, DataAxis, DataChannels) || (Fn.hasScale() && !mayCopyWeights()))
    return false;
  // What a transposed convolution adds up differs from place to place.
  return !Fn.hasShift() || (K != Kind::ConvTranspose && !isPadded());
}

int64_t Contraction::getResultChannel(int64_t I) const {
  ArrayRef<int64_t> Shape = getRanked(Weights).getShape();
  switch (K) {
  case Kind::Conv:
    return I / (getRanked(Weights).getNumElements() / Shape[0]);
  case Kind::ConvTranspose: {
    int64_t Window =
        getRanked(Weights).getNumElements() / (Shape[0] * Shape[1]);
    int64_t In = I / (Window * Shape[1]), Out = I / Window % Shape[1];
    return In / (Shape[0] / Groups) * Shape[1] + Out;
  }
  case Kind::Gemm:
    return getIntAttr(Op, "transB") ? I / Shape[1] : I % Shape[1];
  case Kind::MatMul:
    return I % Shape[1];
  case Kind::MatMulLeft:
    return I / Shape[1];
  }
  llvm_unreachable("all kinds are above");
}

int64_t Contraction::getDataChannel(int64_t I) const {
  ArrayRef<int64_t> Shape = getRanked(Weights).getShape();
  switch (K) {
  case Kind::Conv: {
    int64_t Window =
        getRanked(Weights).getNumElements() / (Shape[0] * Shape[1]);
    int64_t Out = I / (Window * Shape[1]), In = I / Window % Shape[1];
    return Out / (Shape[0] / Groups) * Shape[1] + In;
  }
  case Kind::ConvTranspose:
    return I / (getRanked(Weights).getNumElements() / Shape[0]);
  case Kind::Gemm:
    return getIntAttr(Op, "transB") ? I % Shape[1] : I / Shape[1];
  case Kind::MatMul:
    return I / Shape[1];
  case Kind::MatMulLeft:
    return I % Shape[1];
  }
  llvm_unreachable("all kinds are above");
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

double Contraction::getFactor(StringRef Name) const {
  if (K != Kind::Gemm)
    return 1;
  return cast<FloatAttr>(onnx::getAttrOrDefault(Op, Name)).getValueAsDouble();
}

SmallVector<double> Contraction::readBias() const {
  SmallVector<double> Values(ResultChannels, 0.0);
  if (!Bias)
    return Values;
  double Beta = getFactor("beta");
  SmallVector<double> Given = *getFloats(Bias);
  for (int64_t C = 0; C < ResultChannels; ++C)
    Values[C] = Beta * Given[Given.size() == 1 ? 0 : C];
  return Values;
}

Value Contraction::build(RewriterBase &Rewriter, Location Loc, Value X,
                         ChangeFn Change, ArrayRef<double> NewBias) const {
  NodeBuilder B(Rewriter, Loc);
  RankedTensorType Type = getRanked(Weights);
  Value W = Weights;
  if (Change) {
    onnx::ConstantView View = *getConstant(Weights);
    double Alpha = getFactor("alpha");
    W = B.generate(
        Type, [&](int64_t I) { return Change(I, Alpha * View.getFloat(I)); });
  }
  bool HasBias = llvm::any_of(NewBias, [](double V) { return V != 0; });
  StringRef Name = onnx::getOpName(Op);
  mlir::Type Result = Op->getResult(0).getType();
  if (K == Kind::MatMul || K == Kind::MatMulLeft) {
    Value Product = K == Kind::MatMul ? B.op(Name, {X, W}, {}, Result)
                                      : B.op(Name, {W, X}, {}, Result);
    if (!HasBias)
      return Product;
    Affine Fn;
    Fn.Axis = ResultAxis;
    Fn.Scale.assign(ResultChannels, 1);
    Fn.Shift.assign(NewBias.begin(), NewBias.end());
    return applyAffine(Rewriter, Loc, Product, Fn);
  }
  SmallVector<NamedAttribute> Attributes;
  for (NamedAttribute A : Op->getAttrs())
    if (A.getName() != "beta" && !(Change && A.getName() == "alpha"))
      Attributes.push_back(A);
  auto BiasType =
      RankedTensorType::get({ResultChannels}, Type.getElementType());
  Value NewB = HasBias || Bias ? B.constant(BiasType, NewBias) : Value();
  return B.op(Name, {X, W, NewB}, Attributes, Result);
}

Value Contraction::foldAfter(RewriterBase &Rewriter, const Affine &Fn,
                             Location Loc) const {
  SmallVector<double> NewBias = readBias();
  for (auto [C, V] : llvm::enumerate(NewBias))
    V = V * Fn.scale(C) + Fn.shift(C);
  auto Change = [&](int64_t I, double W) {
    return W * Fn.scale(Fn.isUniform() ? 0 : getResultChannel(I));
  };
  return build(Rewriter, Loc, Data, Fn.hasScale() ? ChangeFn(Change) : nullptr,
               NewBias);
}

Value Contraction::foldBefore(RewriterBase &Rewriter, const Affine &Fn, Value X,
                              Location Loc) const {
  SmallVector<double> NewBias = readBias();
  if (Fn.hasShift()) {
    onnx::ConstantView View = *getConstant(Weights);
    double Alpha = getFactor("alpha");
    for (int64_t I = 0, E = View.size(); I < E; ++I)
      NewBias[getResultChannel(I)] +=
          Alpha * View.getFloat(I) *
          Fn.shift(Fn.isUniform() ? 0 : getDataChannel(I));
  }
  auto Change = [&](int64_t I, double W) {
    return W * Fn.scale(Fn.isUniform() ? 0 : getDataChannel(I));
  };
  return build(Rewriter, Loc, X, Fn.hasScale() ? ChangeFn(Change) : nullptr,
               NewBias);
}

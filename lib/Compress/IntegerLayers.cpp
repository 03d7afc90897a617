//===- IntegerLayers.cpp - The pass compress-integer-layers ---------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A layer between DequantizeLinear and QuantizeLinear multiplies integers. With
// a bias in integers, or none, it is QLinearConv or QLinearMatMul. Otherwise
// the sum is ConvInteger or MatMulInteger, and what follows up to
// QuantizeLinear stays in floats: an epilogue on the accumulators, once code is
// made.
//
//===----------------------------------------------------------------------===//

#include "Quantized.h"
#include "Weights.h"
#include "lathe/Compress/Passes.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/OnnxBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe::compress {
#define GEN_PASS_DEF_INTEGERLAYERS
#include "lathe/Compress/Passes.h.inc"
} // namespace lathe::compress

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

namespace {
struct IntegerLayersPass
    : compress::impl::IntegerLayersBase<IntegerLayersPass> {
  using IntegerLayersBase::IntegerLayersBase;

  void runOnOperation() override {
    SmallVector<Operation *> All;
    getOperation().walk([&](Operation *Op) {
      if (isa<onnx::ConvOp, onnx::MatMulOp, onnx::GemmOp>(Op))
        All.push_back(Op);
    });
    for (Operation *Op : All) {
      bool Done = isa<onnx::ConvOp>(Op)   ? convolution(Op)
                  : isa<onnx::GemmOp>(Op) ? product(Op, true)
                                          : product(Op, false) || computed(Op);
      layers += Done;
    }
    // Dequantized values that nothing reads any more.
    for (bool Changed = true; Changed;) {
      Changed = false;
      getOperation().walk([&](Operation *Op) {
        if (isa<onnx::DequantizeLinearOp, onnx::ConstantOp>(Op) &&
            Op->use_empty()) {
          Op->erase();
          Changed = true;
        }
      });
    }
  }

  static RankedTensorType typeOf(Value V) {
    return dyn_cast<RankedTensorType>(V.getType());
  }
  static Value floats(onnx::OnnxBuilder &B, ArrayRef<float> Values,
                      ArrayRef<int64_t> Shape) {
    auto Type = RankedTensorType::get(Shape, B.getF32Type());
    return onnx::ConstantOp::create(B, DenseElementsAttr::get(Type, Values));
  }
  static Value zeroOf(onnx::OnnxBuilder &B, int64_t Zero, Type Element) {
    return onnx::ConstantOp::create(
        B, onnx::makeInts(RankedTensorType::get({}, Element), Zero));
  }
  /// Zero points of weights: one for all.
  static Value weightZero(onnx::OnnxBuilder &B, const QuantizedWeights &W) {
    Type Element = W.Integers.getElementType();
    return zeroOf(B, cast<IntegerType>(Element).isUnsigned() ? 128 : 0,
                  Element);
  }
  static void setType(Value V, Value Like, Type Element) {
    V.setType(cast<ShapedType>(Like.getType()).clone(Element));
  }

  /// (Sum + integer bias) * scales (of the row and of each output) + bias, in
  /// floats.
  static Value toReal(onnx::OnnxBuilder &B, Value Sum, float RowScale,
                      const QuantizedWeights &W, Value IntegerBias, Value Bias,
                      int64_t Behind) {
    auto Along = [&](Value V) {
      if (Behind == 0)
        return V;
      SmallVector<int64_t> Shape = {typeOf(V).getNumElements()};
      Shape.append(Behind, 1);
      Value R = B.reshape(V, Shape);
      R.setType(typeOf(V).clone(Shape));
      return R;
    };
    if (IntegerBias) {
      Value Whole = B.add(Sum, Along(IntegerBias));
      Whole.setType(Sum.getType());
      Sum = Whole;
      Bias = {};
    }
    SmallVector<float> Scales;
    for (float S : W.Scales)
      Scales.push_back(RowScale * S);
    SmallVector<int64_t> Shape = {int64_t(Scales.size())};
    Shape.append(Behind, 1);
    Value Real = B.cast(Sum, B.getF32Type());
    Real.setType(cast<ShapedType>(Sum.getType()).clone(B.getF32Type()));
    Value Scaled = B.mul(Real, floats(B, Scales, Shape));
    Scaled.setType(Real.getType());
    if (!Bias)
      return Scaled;
    Value Y = B.add(Scaled, Along(Bias));
    Y.setType(Real.getType());
    return Y;
  }

  /// The integers of a bias whose step is that of the sums.
  static Value integerBias(Value Bias, float RowScale,
                           const QuantizedWeights &W) {
    auto D = Bias.getDefiningOp<onnx::DequantizeLinearOp>();
    if (!D || !getElementTypeOrSelf(D->getOperand(0)).isInteger(32) ||
        !onnx::ConstantView::get(D->getOperand(0)))
      return {};
    auto Scales = onnx::ConstantView::get(D->getOperand(1));
    if (!Scales || Scales->isElided() || !Scales->isFloat())
      return {};
    if (D->getNumOperands() > 2) {
      auto Zeros = onnx::ConstantView::get(D->getOperand(2));
      if (!Zeros || Zeros->isElided())
        return {};
      for (int64_t I = 0; I < Zeros->size(); ++I)
        if (Zeros->getNumber(I) != 0)
          return {};
    }
    size_t Count = std::max<size_t>(W.Scales.size(), Scales->size());
    for (size_t I = 0; I < Count; ++I) {
      double Step = double(RowScale) * W.Scales[W.Scales.size() == 1 ? 0 : I],
             Own = Scales->getFloat(Scales->size() == 1 ? 0 : I);
      if (!(std::fabs(Own - Step) <= 1e-5 * Step))
        return {};
    }
    return D->getOperand(0);
  }

  bool convolution(Operation *Op) {
    Value X = Op->getOperand(0);
    Value Bias = Op->getNumOperands() > 2 ? Op->getOperand(2) : Value();
    auto D = dequantizes(X);
    auto W = quantizedWeights(Op->getOperand(1), /*Out=*/0);
    RankedTensorType Type = typeOf(Op->getResult(0));
    if (!D || !W || !W->Symmetric || !Type ||
        (Bias && (!typeOf(Bias) || !typeOf(Bias).hasStaticShape())))
      return false;
    Parameters P = *parametersOf(D);
    onnx::OnnxBuilder B(Op);
    SmallVector<NamedAttribute> Attrs;
    for (StringRef Name :
         {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"})
      if (Attribute A = Op->getAttr(Name))
        Attrs.push_back(B.getNamedAttr(Name, A));
    Value Integers = D->getOperand(0), Filter = W->Op->getOperand(0);
    Value XZero = zeroOf(B, P.Zero, P.Element), WZero = weightZero(B, *W);
    Value IntegerBias = Bias ? integerBias(Bias, P.Scale, *W) : Value();
    auto Q = onlyQuantizer(Op->getResult(0));
    if (Q && (!Bias || IntegerBias)) {
      B.setInsertionPoint(Q); // its scale and zero point stand before it
      B.setLoc(Op->getLoc());
      Parameters O = *parametersOf(Q);
      SmallVector<Value> In = {Integers,
                               floats(B, P.Scale, {}),
                               XZero,
                               Filter,
                               floats(B, W->Scales, scaleShape(*W)),
                               WZero,
                               floats(B, O.Scale, {}),
                               zeroOf(B, O.Zero, O.Element)};
      if (IntegerBias)
        In.push_back(IntegerBias);
      Value Y = B.op("QLinearConv", In, Attrs, O.Element);
      Y.setType(Q->getResult(0).getType());
      Q->getResult(0).replaceAllUsesWith(Y);
      Q->erase();
      Op->erase();
      return true;
    }
    Value Sum = B.op("ConvInteger", {Integers, Filter, XZero, WZero}, Attrs,
                     B.getI32Type());
    setType(Sum, Op->getResult(0), B.getI32Type());
    Value Y =
        toReal(B, Sum, P.Scale, *W, IntegerBias, Bias, Type.getRank() - 2);
    Op->getResult(0).replaceAllUsesWith(Y);
    Op->erase();
    return true;
  }

  static SmallVector<int64_t> scaleShape(const QuantizedWeights &W) {
    if (W.Scales.size() == 1)
      return {};
    return {int64_t(W.Scales.size())};
  }

  /// The weights [K, N] of a Gemm that has them as [N, K].
  static Value turned(onnx::OnnxBuilder &B, const onnx::ConstantView &View) {
    int64_t N = View.getShape()[0], K = View.getShape()[1];
    std::vector<char> From = expandBytes(View), To(From.size());
    for (int64_t I = 0; I < N; ++I)
      for (int64_t J = 0; J < K; ++J)
        To[J * N + I] = From[I * K + J];
    return makeConstant(B, B.getLoc(),
                        RankedTensorType::get({K, N}, View.getElementType()),
                        std::move(To), "turned");
  }

  /// \p Y is what \p Q makes of the result of \p Op: both go.
  static bool becomes(Value Y, Operation *Q, Operation *Op) {
    Y.setType(Q->getResult(0).getType());
    Q->getResult(0).replaceAllUsesWith(Y);
    Q->erase();
    Op->erase();
    return true;
  }

  /// A product of two computed matrices.
  bool computed(Operation *Op) {
    if (!isComputedProduct(Op))
      return false;
    auto L = dequantizes(Op->getOperand(0)), R = dequantizes(Op->getOperand(1));
    RankedTensorType Type = typeOf(Op->getResult(0));
    if (!L || !R || !Type)
      return false;
    Parameters P = *parametersOf(L), S = *parametersOf(R);
    onnx::OnnxBuilder B(Op);
    Value Left = L->getOperand(0), Right = R->getOperand(0);
    auto Q = onlyQuantizer(Op->getResult(0));
    if (Q) {
      B.setInsertionPoint(Q);
      B.setLoc(Op->getLoc());
    }
    Value LeftZero = zeroOf(B, P.Zero, P.Element),
          RightZero = zeroOf(B, S.Zero, S.Element);
    if (Q) {
      Parameters O = *parametersOf(Q);
      Value Y = B.op("QLinearMatMul",
                     {Left, floats(B, P.Scale, {}), LeftZero, Right,
                      floats(B, S.Scale, {}), RightZero, floats(B, O.Scale, {}),
                      zeroOf(B, O.Zero, O.Element)},
                     {}, O.Element);
      return becomes(Y, Q, Op);
    }
    Value Sum = B.op("MatMulInteger", {Left, Right, LeftZero, RightZero}, {},
                     B.getI32Type());
    setType(Sum, Op->getResult(0), B.getI32Type());
    Value Real = B.cast(Sum, B.getF32Type());
    Real.setType(Type);
    Value Y = B.mul(Real, floats(B, P.Scale * S.Scale, {}));
    Y.setType(Type);
    Op->getResult(0).replaceAllUsesWith(Y);
    Op->erase();
    return true;
  }

  bool product(Operation *Op, bool Gemm) {
    auto Flag = [&](StringRef Name) {
      auto A = Op->getAttrOfType<IntegerAttr>(Name);
      return A && A.getInt() != 0;
    };
    auto Factor = [&](StringRef Name) {
      auto A = Op->getAttrOfType<FloatAttr>(Name);
      return Gemm && A ? float(A.getValueAsDouble()) : 1.0f;
    };
    Value Bias = Gemm && Op->getNumOperands() > 2 ? Op->getOperand(2) : Value();
    bool Turned = Gemm && Flag("transB");
    auto D = dequantizes(Op->getOperand(0));
    auto W = quantizedWeights(Op->getOperand(1), Turned ? 0 : 1);
    RankedTensorType Type = typeOf(Op->getResult(0));
    if (!D || !W || !W->Symmetric || !Type ||
        W->Integers.getShape().size() != 2 ||
        typeOf(Op->getOperand(0)).getRank() < 2)
      return false;
    Parameters P = *parametersOf(D);
    onnx::OnnxBuilder B(Op);
    Value Integers = D->getOperand(0);
    if (Gemm && Flag("transA")) {
      auto Type = typeOf(Integers);
      Integers = B.transpose(Integers, {1, 0});
      Integers.setType(RankedTensorType::get(
          {Type.getDimSize(1), Type.getDimSize(0)}, Type.getElementType()));
    }
    // The factor of the product is one more of its scales.
    for (float &S : W->Scales)
      S *= Factor("alpha");
    if (float Beta = Factor("beta"); Bias && Beta != 1) {
      auto Type = Bias.getType();
      Bias = B.mul(Bias, B.number(Beta, B.getF32Type()));
      Bias.setType(Type);
    }
    Value Right = Turned ? turned(B, W->Integers) : W->Op->getOperand(0);
    Value XZero = zeroOf(B, P.Zero, P.Element), WZero = weightZero(B, *W);
    auto Q = onlyQuantizer(Op->getResult(0));
    if (Q && !Bias) {
      B.setInsertionPoint(Q);
      B.setLoc(Op->getLoc());
      Parameters O = *parametersOf(Q);
      Value Y = B.op("QLinearMatMul",
                     {Integers, floats(B, P.Scale, {}), XZero, Right,
                      floats(B, W->Scales, scaleShape(*W)), WZero,
                      floats(B, O.Scale, {}), zeroOf(B, O.Zero, O.Element)},
                     {}, O.Element);
      return becomes(Y, Q, Op);
    }
    Value Sum = B.op("MatMulInteger", {Integers, Right, XZero, WZero}, {},
                     B.getI32Type());
    setType(Sum, Op->getResult(0), B.getI32Type());
    Value Y = toReal(B, Sum, P.Scale, *W,
                     Bias ? integerBias(Bias, P.Scale, *W) : Value(), Bias, 0);
    Y.setType(Type);
    Op->getResult(0).replaceAllUsesWith(Y);
    Op->erase();
    return true;
  }
};
} // namespace

//===- Microsoft.cpp - Quantized and fused ops of com.microsoft ---------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The elementwise, convolutional and normalizing ones stand beside their ONNX
// relatives; here are the matrix products on integers and what works on whole
// quantized tensors.
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "Quantization.h"
#include "Softmax.h"

using namespace mlir;

namespace lathe::lower {

/// Sum * a_scale * b_scale + bias as floats; scales have one element, or b one
/// a column.
static Value scaledSum(Builder &B, Value Sum, Value ScaleA, Value ScaleB,
                       Value Bias) {
  int64_t Rank = typeOf(Sum).getRank();
  SmallVector<Value> Ins = {Sum};
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(Rank)};
  auto Add = [&](Value V) {
    if (!V)
      return;
    Maps.push_back(parameterMap(B, V, Rank, Rank - 1));
    Ins.push_back(V);
  };
  Add(ScaleA);
  Add(ScaleB);
  Add(Bias);
  Type F32 = B.getF32Type();
  return pointwise(B, dimsOf(B, Sum), Ins, Maps, F32,
                   [&](Builder &IB, ValueRange V) {
                     Value S = arith::SIToFPOp::create(IB, F32, V[0]);
                     S = scalar::mul(IB, S, scalar::mul(IB, V[1], V[2]));
                     return Bias ? scalar::add(IB, S, V[3]) : S;
                   });
}

/// A, B, a_scale, b_scale, a_zero?, b_zero?, bias?
static LogicalResult lowerMatMulIntegerToFloat(Node &N) {
  if (!N.outElem().isF32())
    return N.fail("only float32 results are supported");
  Factor X{N.in(0), {}, scalar::isUnsigned(N.inElem(0)), N.in(4)},
      Y{N.in(1), {}, scalar::isUnsigned(N.inElem(1)), N.in(5)};
  Value Sum = matmul(N.B, X, Y, N.B.getI32Type());
  return N.replace({scaledSum(N.B, Sum, N.in(2), N.in(3), N.in(6))});
}

/// A, B, b_scale, b_zero?, bias?: A is quantized first.
static LogicalResult lowerDynamicQuantizeMatMul(Node &N) {
  Builder &B = N.B;
  if (!N.inElem(0).isF32())
    return N.fail("only float32 inputs are supported");
  DynamicallyQuantized Q =
      quantizeDynamically(B, N.in(0), B.getIntegerType(8, /*isSigned=*/false));
  Factor X{Q.Integers, {}, true, Q.Zero},
      Y{N.in(1), {}, scalar::isUnsigned(N.inElem(1)), N.in(3)};
  return N.replace({scaledSum(B, matmul(B, X, Y, B.getI32Type()), Q.Scale,
                              N.in(2), N.in(4))});
}

/// A, a_scale, a_zero, B, b_scale, b_zero, C?, y_scale?, y_zero?
static LogicalResult lowerQGemm(Node &N) {
  Builder &B = N.B;
  Factor X{N.in(0), {}, scalar::isUnsigned(N.inElem(0)), N.in(2)},
      Y{N.in(3), {}, scalar::isUnsigned(N.inElem(3)), N.in(5)};
  auto OneElement = [&](Value &V) {
    if (typeOf(V).getNumElements() != 1)
      return false;
    V = dropUnitDims(
        B, V, llvm::to_vector(llvm::seq<int64_t>(0, typeOf(V).getRank())));
    return true;
  };
  if (!OneElement(X.Zero))
    return N.fail("zero points with more than one element are not supported");
  X.ZeroMap = Y.ZeroMap = dimsMap(B, 3, {});
  // Of weights there may be one for each column.
  if (!OneElement(Y.Zero)) {
    if (typeOf(Y.Zero).getRank() != 1)
      return N.fail("zero points of this shape are not supported");
    Y.ZeroMap = dimsMap(B, 3, {1});
  }
  Value Sum =
      gemm(B, X, Y, N.i64("transA", 0), N.i64("transB", 0), B.getI32Type());
  if (N.has(6))
    Sum = elementwise(
        B, {Sum, N.in(6)}, B.getI32Type(),
        [](Builder &IB, ValueRange V) { return scalar::add(IB, V[0], V[1]); });
  Value ScaleA = N.in(1);
  if (double Alpha = N.f32("alpha", 1.0); Alpha != 1.0)
    ScaleA = elementwise(
        B, {ScaleA}, B.getF32Type(), [&](Builder &IB, ValueRange V) {
          return scalar::mul(IB, V[0],
                             scalar::constant(IB, IB.getF32Type(), Alpha));
        });
  if (!N.has(7))
    return N.replace({scaledSum(B, Sum, ScaleA, N.in(4), {})});
  return N.replace({requantize(B, Sum, {ScaleA, N.in(4)}, N.in(7), N.in(8),
                               /*Axis=*/1, N.outElem())});
}

/// A pointwise op of \p X, \p Scale and, if there is one, \p Zero, the last two
/// of one element each.
static Value byParameters(Builder &B, Value X, Value Scale, Value Zero,
                          Type Result,
                          function_ref<Value(Builder &, ValueRange)> Body) {
  int64_t Rank = typeOf(X).getRank();
  SmallVector<Value> Ins = {X};
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(Rank)};
  for (Value P : {Scale, Zero})
    if (P) {
      Maps.push_back(parameterMap(B, P, Rank, 0));
      Ins.push_back(P);
    }
  return pointwise(B, dimsOf(B, X), Ins, Maps, Result, Body);
}

/// (X - zero) * scale as f32, for parameters of one element.
static Value dequantized(Builder &B, Value X, Value Scale, Value Zero,
                         Type OnnxElem) {
  Type F32 = B.getF32Type();
  return byParameters(B, X, Scale, Zero, F32, [&](Builder &IB, ValueRange V) {
    return scalar::mul(
        IB, dequantizeScalar(IB, V[0], Zero ? V[2] : Value(), OnnxElem, F32),
        V[1]);
  });
}

/// Real / scale + zero, rounded, for parameters of one element.
static Value quantized(Builder &B, Value Real, Value Scale, Value Zero,
                       Type OnnxElem) {
  Type Storage =
      IntegerType::get(B.getContext(), OnnxElem.getIntOrFloatBitWidth());
  return byParameters(
      B, Real, Scale, Zero, Storage, [&](Builder &IB, ValueRange V) {
        return quantizeReal(IB, V[0], V[1], Zero ? V[2] : Value(), OnnxElem);
      });
}

/// Y_scale, Y_zero, then (x, scale, zero) for each input.
static LogicalResult lowerQLinearConcat(Node &N) {
  Builder &B = N.B;
  ArrayRef<Value> Parts = N.ins(2);
  if (Parts.empty() || Parts.size() % 3)
    return N.fail("expects a scale and a zero point with each input");
  int64_t Axis = normalAxis(N.i64("axis", 0), typeOf(Parts[0]).getRank());
  SmallVector<Value> Same;
  for (unsigned I = 0; I < Parts.size(); I += 3) {
    Value Real =
        dequantized(B, Parts[I], Parts[I + 1], Parts[I + 2], N.inElem(2));
    Same.push_back(quantized(B, Real, N.in(0), N.in(1), N.outElem()));
  }
  return N.replace({Same.size() == 1
                        ? Same[0]
                        : Value(tensor::ConcatOp::create(B, Axis, Same))});
}

/// X, x_scale, x_zero?, y_scale, y_zero
static LogicalResult lowerQLinearSoftmax(Node &N) {
  Builder &B = N.B;
  int64_t Rank = N.inRank(0), Axis = normalAxis(N.i64("axis", -1), Rank);
  if (N.i64("opset", 13) < 13 && Axis != Rank - 1)
    return N.fail("the flattening form of opsets before 13 is only supported "
                  "on the last axis");
  Value Real = dequantized(B, N.in(0), N.in(1), N.in(2), N.inElem(0));
  Value Y = softmax(B, Real, Axis, B.getF32Type());
  return N.replace({quantized(B, Y, N.in(3), N.in(4), N.outElem())});
}

void populateMicrosoftLoweringPatterns(const StorageTypeConverter &Types,
                                       RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.ms.DynamicQuantizeMatMul", lowerDynamicQuantizeMatMul},
      {"onnx.ms.MatMulIntegerToFloat", lowerMatMulIntegerToFloat},
      {"onnx.ms.MatMulNBits", lowerMatMulNBits},
      {"onnx.ms.QGemm", lowerQGemm},
      {"onnx.ms.QLinearConcat", lowerQLinearConcat},
      {"onnx.ms.QLinearSoftmax", lowerQLinearSoftmax},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

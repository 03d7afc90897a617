//===- Quantize.cpp - Quantized values, QuantizeLinear and DequantizeLinear
//===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Quantization.h"
#include "lathe/ONNX/ConstantView.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace lathe::lower {

/// The integer that the constant \p V of ONNX's type \p OnnxElem is.
static std::optional<int64_t> knownInteger(Value V, Type OnnxElem) {
  IntegerAttr C;
  if (!matchPattern(V, m_Constant(&C)))
    return std::nullopt;
  return scalar::isUnsigned(OnnxElem) ? int64_t(C.getValue().getZExtValue())
                                      : C.getValue().getSExtValue();
}

Value quantizeScalar(Builder &B, Value X, Value Zero, Type OnnxElem,
                     bool Saturate) {
  Type Real = X.getType();
  if (isa<FloatType>(OnnxElem)) {
    if (Zero)
      X = arith::AddFOp::create(B, X, scalar::cast(B, Zero, OnnxElem, Real));
    return scalar::cast(B, X, Real, OnnxElem, Saturate);
  }
  Value R = math::RoundEvenOp::create(B, X);
  if (Zero && knownInteger(Zero, OnnxElem) != 0)
    R = arith::AddFOp::create(B, R, scalar::cast(B, Zero, OnnxElem, Real));
  unsigned Width = OnnxElem.getIntOrFloatBitWidth();
  bool Unsigned = scalar::isUnsigned(OnnxElem);
  double Low = Unsigned ? 0.0 : -std::ldexp(1.0, Width - 1),
         High = std::ldexp(1.0, Unsigned ? Width : Width - 1) - 1;
  // These forms are one max and one min, and leave no NaN.
  Value L = scalar::constant(B, Real, Low), H = scalar::constant(B, Real, High);
  R = arith::SelectOp::create(
      B, arith::CmpFOp::create(B, arith::CmpFPredicate::OGT, R, L), R, L);
  R = arith::SelectOp::create(
      B, arith::CmpFOp::create(B, arith::CmpFPredicate::OLT, R, H), R, H);
  // Through i32: that conversion is an instruction everywhere.
  Type Wide = B.getIntegerType(std::max(Width, 32u));
  Value I = arith::FPToSIOp::create(B, Wide, R);
  return Width < 32
             ? Value(arith::TruncIOp::create(B, B.getIntegerType(Width), I))
             : I;
}

Value quantizeReal(Builder &B, Value X, Value Scale, Value Zero, Type OnnxElem,
                   bool Saturate) {
  FloatAttr S;
  std::optional<int64_t> Z =
      Zero ? knownInteger(Zero, OnnxElem) : std::optional<int64_t>(0);
  // So far from the ends of the exponent nothing overflows or is denormal.
  constexpr float Least = 0x1p-60f, Most = 0x1p60f;
  if (!X.getType().isF32() || !matchPattern(Scale, m_Constant(&S)) || !Z ||
      !OnnxElem.isInteger() || OnnxElem.getIntOrFloatBitWidth() > 16 ||
      !(S.getValueAsDouble() >= Least && S.getValueAsDouble() <= Most))
    return quantizeScalar(B, arith::DivFOp::create(B, X, Scale), Zero, OnnxElem,
                          Saturate);
  // Saturated first: what lies beyond the quotients' ends gives these ends, and
  // a quotient of numbers in a range is cheaper than any (codegen-expand-math).
  unsigned Width = OnnxElem.getIntOrFloatBitWidth();
  bool Unsigned = scalar::isUnsigned(OnnxElem);
  float Factor = float(S.getValueAsDouble());
  auto End = [&](int64_t N) {
    return scalar::constant(B, X.getType(), double(Factor * float(N - *Z)));
  };
  Value Low = End(Unsigned ? 0 : -(int64_t(1) << (Width - 1))),
        High = End((int64_t(1) << (Unsigned ? Width : Width - 1)) - 1);
  X = arith::SelectOp::create(
      B, arith::CmpFOp::create(B, arith::CmpFPredicate::OGT, X, Low), X, Low);
  X = arith::SelectOp::create(
      B, arith::CmpFOp::create(B, arith::CmpFPredicate::OLT, X, High), X, High);
  Value R = arith::DivFOp::create(
      B, X, Scale,
      arith::FastMathFlagsAttr::get(B.getContext(),
                                    arith::FastMathFlags::nnan |
                                        arith::FastMathFlags::ninf));
  R = math::RoundEvenOp::create(B, R);
  if (*Z)
    R = arith::AddFOp::create(B, R,
                              scalar::constant(B, X.getType(), double(*Z)));
  return arith::TruncIOp::create(B, B.getIntegerType(Width),
                                 arith::FPToSIOp::create(B, B.getI32Type(), R));
}

Value dequantizeScalar(Builder &B, Value X, Value Zero, Type OnnxElem,
                       Type Real) {
  if (isa<FloatType>(OnnxElem)) {
    X = scalar::cast(B, X, OnnxElem, Real);
    return Zero ? Value(arith::SubFOp::create(
                      B, X, scalar::cast(B, Zero, OnnxElem, Real)))
                : X;
  }
  Type Wide = OnnxElem.getIntOrFloatBitWidth() < 32 ? Type(B.getI32Type())
                                                    : X.getType();
  X = scalar::cast(B, X, OnnxElem, Wide);
  if (Zero)
    X = arith::SubIOp::create(B, X, scalar::cast(B, Zero, OnnxElem, Wide));
  return arith::SIToFPOp::create(B, Real, X);
}

AffineMap parameterMap(Builder &B, Value &V, int64_t Rank, int64_t Axis) {
  RankedTensorType T = typeOf(V);
  if (T.getRank() == 1 && T.getDimSize(0) != 1)
    return dimsMap(B, Rank, {Axis});
  SmallVector<int64_t> All =
      llvm::to_vector(llvm::seq<int64_t>(0, T.getRank()));
  V = dropUnitDims(B, V, All);
  return dimsMap(B, Rank, {});
}

/// The product of \p Scales divided by \p OutScale, in f32 as at run time, if
/// all are constants; else null.
static Value constantFactor(Builder &B, ValueRange Scales, Value OutScale) {
  SmallVector<onnx::ConstantView> Known;
  int64_t Count = 1;
  SmallVector<Value> All(Scales);
  All.push_back(OutScale);
  for (Value V : All) {
    auto Numbers = onnx::ConstantView::get(V);
    if (!Numbers || Numbers->isElided() || Numbers->size() == 0 ||
        !Numbers->getElementType().isF32() || typeOf(V).getRank() > 1 ||
        (Count != 1 && Numbers->size() != 1 && Numbers->size() != Count))
      return {};
    Count = std::max(Count, Numbers->size());
    Known.push_back(*Numbers);
  }
  SmallVector<float> Factors;
  for (int64_t I = 0; I < Count; ++I) {
    auto At = [&](size_t K) {
      return float(Known[K].getFloat(Known[K].size() == 1 ? 0 : I));
    };
    float F = At(0);
    for (size_t K = 1; K + 1 < Known.size(); ++K)
      F *= At(K);
    Factors.push_back(F / At(Known.size() - 1));
  }
  auto Type = RankedTensorType::get({int64_t(Count)}, B.getF32Type());
  return arith::ConstantOp::create(
      B, DenseElementsAttr::get(Type, ArrayRef<float>(Factors)));
}

Value requantize(Builder &B, Value Sum, ValueRange Scales, Value OutScale,
                 Value OutZero, int64_t Axis, Type OutElem) {
  int64_t Rank = typeOf(Sum).getRank();
  SmallVector<Value> Ins = {Sum};
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(Rank)};
  auto Add = [&](Value V) {
    Maps.push_back(parameterMap(B, V, Rank, Axis));
    Ins.push_back(V);
  };
  if (Value Factor = constantFactor(B, Scales, OutScale)) {
    // One number a channel, known at compile time.
    Add(Factor);
    Scales = {};
    OutScale = {};
  } else {
    for (Value S : Scales)
      Add(S);
    Add(OutScale);
  }
  if (OutZero)
    Add(OutZero);
  unsigned Count = Scales.size();
  Type Storage =
      IntegerType::get(B.getContext(), OutElem.getIntOrFloatBitWidth());
  if (isa<FloatType>(OutElem))
    Storage = OutElem;
  return pointwise(
      B, dimsOf(B, Sum), Ins, Maps, Storage, [&](Builder &IB, ValueRange X) {
        Type F32 = IB.getF32Type();
        auto Real = [&](Value V) {
          return scalar::cast(IB, V, V.getType(), F32);
        };
        Value Scale = Real(X[1]);
        for (unsigned I = 1; I < Count; ++I)
          Scale = scalar::mul(IB, Scale, Real(X[1 + I]));
        if (OutScale)
          Scale = arith::DivFOp::create(IB, Scale, Real(X[1 + Count]));
        Value V = isa<FloatType>(X[0].getType())
                      ? X[0]
                      : Value(arith::SIToFPOp::create(IB, F32, X[0]));
        V = scalar::mul(IB, V, Scale);
        return quantizeScalar(IB, V, OutZero ? X.back() : Value(), OutElem);
      });
}

std::optional<ScaledWeights> scaledWeights(Node &N, unsigned I, int64_t Out) {
  Operation *D = N.original(I) ? N.original(I).getDefiningOp() : nullptr;
  if (!D || D->getName().getStringRef() != "onnx.DequantizeLinear" ||
      !N.inElem(I).isF32())
    return std::nullopt;
  auto Integers = onnx::ConstantView::get(D->getOperand(0));
  auto Type = cast<ShapedType>(D->getOperand(0).getType());
  auto Scales = dyn_cast<RankedTensorType>(D->getOperand(1).getType());
  if (!Integers || !Type.getElementType().isSignlessInteger(8) || !Scales ||
      !Scales.hasStaticShape() || Scales.getRank() > 1)
    return std::nullopt;
  auto Axis = D->getAttrOfType<IntegerAttr>("axis");
  int64_t At = normalAxis(Axis ? Axis.getInt() : 1, Type.getRank());
  if (Scales.getNumElements() != 1 &&
      (At != Out || Scales.getNumElements() != Type.getDimSize(Out)))
    return std::nullopt;
  if (D->getNumOperands() > 2) {
    auto Zeros = onnx::ConstantView::get(D->getOperand(2));
    if (!Zeros || Zeros->isElided())
      return std::nullopt;
    for (int64_t K = 0; K < Zeros->size(); ++K)
      if (Zeros->getInt(K) != 0)
        return std::nullopt;
  }
  ScaledWeights W{N.rewriter().getRemappedValue(D->getOperand(0)),
                  N.rewriter().getRemappedValue(D->getOperand(1))};
  if (!W.Integers || !W.Scales)
    return std::nullopt;
  return W;
}

Value scaled(Builder &B, Value Sum, Value Scales, int64_t Axis) {
  int64_t Rank = typeOf(Sum).getRank();
  AffineMap Map = parameterMap(B, Scales, Rank, Axis);
  return pointwise(
      B, dimsOf(B, Sum), {Sum, Scales}, {B.getMultiDimIdentityMap(Rank), Map},
      typeOf(Sum).getElementType(),
      [](Builder &IB, ValueRange V) { return scalar::mul(IB, V[0], V[1]); });
}

//===----------------------------------------------------------------------===//
// QuantizeLinear, DequantizeLinear
//===----------------------------------------------------------------------===//

/// Brings scales or zero points to the sizes of \p X: per tensor, per axis, or
/// per block of an axis. Sets the access in \p Map; false if the form makes no
/// sense.
static bool blockAccess(Builder &B, Value &Parameter, Value X, int64_t Axis,
                        int64_t Block, AffineMap &Map) {
  int64_t Rank = typeOf(X).getRank();
  RankedTensorType T = typeOf(Parameter);
  if (Block == 0 || T.getRank() != Rank || Rank == 0 || T.getRank() == 0) {
    if (T.getRank() > 1 && T.getNumElements() != 1)
      return false;
    Map = parameterMap(B, Parameter, Rank, Axis);
    return true;
  }
  // One row of the parameter serves a block of rows: spread it out.
  SmallVector<OpFoldResult> Sizes = dimsOf(B, X);
  Value P = Parameter;
  Parameter =
      generate(B, Sizes, T.getElementType(),
               [&](Builder &IB, ValueRange Indices) -> Value {
                 SmallVector<Value> At(Indices);
                 At[Axis] = arith::DivUIOp::create(
                     IB, At[Axis], arith::ConstantIndexOp::create(IB, Block));
                 return tensor::ExtractOp::create(IB, P, At);
               });
  Map = B.getMultiDimIdentityMap(Rank);
  return true;
}

/// The type in which a scale is applied.
static Type realType(Type T) {
  return T.isF64() ? T : Type(Float32Type::get(T.getContext()));
}

namespace {
/// Operands of an elementwise op, and how they are read: x, its scales, and
/// zero points where there are some.
struct Parameters {
  SmallVector<Value> Ins;
  SmallVector<AffineMap> Maps;
};
} // namespace

static LogicalResult readParameters(Node &N, Parameters &P) {
  Builder &B = N.B;
  Value X = N.in(0);
  int64_t Rank = N.inRank(0), Axis = normalAxis(N.i64("axis", 1), Rank),
          Block = N.i64("block_size", 0);
  P.Ins = {X};
  P.Maps = {B.getMultiDimIdentityMap(Rank)};
  for (unsigned I : {1, 2}) {
    Value V = N.in(I);
    AffineMap Map;
    if (!V)
      continue;
    if (!blockAccess(B, V, X, Axis, Block, Map))
      return N.fail(I == 1 ? "scales of this shape are not supported"
                           : "zero points of this shape are not supported");
    P.Ins.push_back(V);
    P.Maps.push_back(Map);
  }
  return success();
}

static LogicalResult lowerQuantize(Node &N) {
  Builder &B = N.B;
  Parameters P;
  if (failed(readParameters(N, P)))
    return failure();
  Type InElem = N.inElem(0), ScaleElem = N.inElem(1), OutElem = N.outElem();
  Type Real = realType(InElem.isF64() ? InElem : ScaleElem);
  bool Saturate = N.i64("saturate", 1);
  return N.replace({pointwise(
      B, dimsOf(B, P.Ins[0]), P.Ins, P.Maps, N.outType().getElementType(),
      [&](Builder &IB, ValueRange S) {
        Value V = scalar::cast(IB, S[0], InElem, Real),
              Factor = scalar::cast(IB, S[1], ScaleElem, Real);
        return quantizeReal(IB, V, Factor, S.size() > 2 ? S[2] : Value(),
                            OutElem, Saturate);
      })});
}

static LogicalResult lowerDequantize(Node &N) {
  Builder &B = N.B;
  Parameters P;
  if (failed(readParameters(N, P)))
    return failure();
  Type InElem = N.inElem(0), ScaleElem = N.inElem(1), OutElem = N.outElem(),
       Real = realType(OutElem);
  return N.replace({pointwise(
      B, dimsOf(B, P.Ins[0]), P.Ins, P.Maps, OutElem,
      [&](Builder &IB, ValueRange S) {
        Value V = dequantizeScalar(IB, S[0], S.size() > 2 ? S[2] : Value(),
                                   InElem, Real);
        V = scalar::mul(IB, V, scalar::cast(IB, S[1], ScaleElem, Real));
        return scalar::cast(IB, V, Real, OutElem);
      })});
}

DynamicallyQuantized quantizeDynamically(Builder &B, Value X, Type OutElem) {
  Type F32 = B.getF32Type(),
       Storage =
           IntegerType::get(B.getContext(), OutElem.getIntOrFloatBitWidth());
  SmallVector<int64_t> All =
      llvm::to_vector(llvm::seq<int64_t>(0, typeOf(X).getRank()));
  // The range always contains 0.
  Value Start = scalar::constant(B, F32, 0.0);
  Value Max =
      reduce(B, X, All, Start, [](Builder &IB, Value V, Value Acc) -> Value {
        return arith::MaxNumFOp::create(IB, V, Acc);
      });
  Value Min =
      reduce(B, X, All, Start, [](Builder &IB, Value V, Value Acc) -> Value {
        return arith::MinNumFOp::create(IB, V, Acc);
      });
  DynamicallyQuantized Q;
  Q.Scale =
      elementwise(B, {Max, Min}, F32, [&](Builder &IB, ValueRange S) -> Value {
        return arith::DivFOp::create(IB, arith::SubFOp::create(IB, S[0], S[1]),
                                     scalar::constant(IB, F32, 255.0));
      });
  Q.Zero =
      elementwise(B, {Min, Q.Scale}, Storage, [&](Builder &IB, ValueRange S) {
        Value V =
            arith::DivFOp::create(IB, arith::NegFOp::create(IB, S[0]), S[1]);
        return quantizeScalar(IB, V, Value(), OutElem);
      });
  Q.Integers = elementwise(
      B, {X, Q.Scale, Q.Zero}, Storage, [&](Builder &IB, ValueRange S) {
        return quantizeScalar(IB, arith::DivFOp::create(IB, S[0], S[1]), S[2],
                              OutElem);
      });
  return Q;
}

static LogicalResult lowerDynamicQuantize(Node &N) {
  DynamicallyQuantized Q = quantizeDynamically(N.B, N.in(0), N.outElem());
  return N.replace({Q.Integers, Q.Scale, Q.Zero});
}

//===----------------------------------------------------------------------===//
// Quantized elementwise ops of com.microsoft
//===----------------------------------------------------------------------===//

/// Operands in groups of (value, scale, zero); the last group is the result's.
static LogicalResult
lowerQuantizedFormula(Node &N, unsigned Count,
                      function_ref<Value(Builder &, ValueRange)> Body) {
  Builder &B = N.B;
  SmallVector<Value> Values, Ins;
  for (unsigned I = 0; I < Count; ++I)
    Values.push_back(N.in(3 * I));
  SmallVector<OpFoldResult> Sizes =
      broadcastSizes(B, Values, N.outType().getShape());
  SmallVector<AffineMap> Maps;
  auto Add = [&](Value V) {
    Maps.push_back(broadcastMap(B, V, Sizes));
    Ins.push_back(V);
  };
  auto AddParameter = [&](Value V) {
    Maps.push_back(parameterMap(B, V, Sizes.size(), /*Axis=*/0));
    Ins.push_back(V);
  };
  for (Value V : Values)
    Add(V);
  for (unsigned I = 0; I <= Count; ++I) {
    unsigned First = I == Count ? 3 * Count - 1 : 3 * I;
    if (cast<RankedTensorType>(N.in(First + 1).getType()).getNumElements() != 1)
      return N.fail("scales with more than one element are not supported");
    AddParameter(N.in(First + 1));
    if (N.has(First + 2))
      AddParameter(N.in(First + 2));
  }
  Type F32 = B.getF32Type();
  return N.replace({pointwise(
      B, Sizes, Ins, Maps, N.outType().getElementType(),
      [&](Builder &IB, ValueRange S) {
        SmallVector<Value> Reals;
        unsigned Next = Count;
        for (unsigned I = 0; I < Count; ++I) {
          Value Scale = S[Next++],
                Zero = N.has(3 * I + 2) ? S[Next++] : Value();
          Value V = dequantizeScalar(IB, S[I], Zero, N.inElem(3 * I), F32);
          Reals.push_back(scalar::mul(IB, V, Scale));
        }
        Value Scale = S[Next++],
              Zero = N.has(3 * Count + 1) ? S[Next++] : Value();
        return quantizeReal(IB, Body(IB, Reals), Scale, Zero, N.outElem());
      })});
}

static LogicalResult lowerQLinearAdd(Node &N) {
  return lowerQuantizedFormula(N, 2, [](Builder &B, ValueRange X) {
    return scalar::add(B, X[0], X[1]);
  });
}
static LogicalResult lowerQLinearMul(Node &N) {
  return lowerQuantizedFormula(N, 2, [](Builder &B, ValueRange X) {
    return scalar::mul(B, X[0], X[1]);
  });
}
static LogicalResult lowerQLinearSigmoid(Node &N) {
  return lowerQuantizedFormula(N, 1, [](Builder &B, ValueRange X) -> Value {
    Value One = scalar::constant(B, X[0].getType(), 1.0);
    Value E = math::ExpOp::create(B, arith::NegFOp::create(B, X[0]));
    return arith::DivFOp::create(B, One, scalar::add(B, One, E));
  });
}
static LogicalResult lowerQLinearLeakyRelu(Node &N) {
  double Alpha = N.f32("alpha", 0.01);
  return lowerQuantizedFormula(N, 1, [&](Builder &B, ValueRange X) -> Value {
    Value Zero = scalar::constant(B, X[0].getType(), 0.0);
    Value Negative =
        arith::CmpFOp::create(B, arith::CmpFPredicate::OLT, X[0], Zero);
    return scalar::select(
        B, Negative,
        scalar::mul(B, X[0], scalar::constant(B, X[0].getType(), Alpha)), X[0]);
  });
}

void populateQuantizeLoweringPatterns(const StorageTypeConverter &Types,
                                      RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.DequantizeLinear", lowerDequantize},
      {"onnx.DynamicQuantizeLinear", lowerDynamicQuantize},
      {"onnx.QuantizeLinear", lowerQuantize},
      {"onnx.ms.DequantizeLinear", lowerDequantize},
      {"onnx.ms.QLinearAdd", lowerQLinearAdd},
      {"onnx.ms.QLinearLeakyRelu", lowerQLinearLeakyRelu},
      {"onnx.ms.QLinearMul", lowerQLinearMul},
      {"onnx.ms.QLinearSigmoid", lowerQLinearSigmoid},
      {"onnx.ms.QuantizeLinear", lowerQuantize},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

//===- Scalar.cpp - Scalar arithmetic with ONNX's meaning ---------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lathe::lower::scalar {

bool isUnsigned(Type T) { return T.isUnsignedInteger() || T.isInteger(1); }

Value constant(Builder &B, Type T, double V) {
  if (auto Float = dyn_cast<FloatType>(T))
    return arith::ConstantOp::create(B, B.getFloatAttr(Float, V));
  return constant(B, T, static_cast<int64_t>(V));
}

Value constant(Builder &B, Type T, int64_t V) {
  if (isa<FloatType>(T))
    return constant(B, T, static_cast<double>(V));
  if (isa<IndexType>(T))
    return arith::ConstantIndexOp::create(B, V);
  unsigned Width = T.getIntOrFloatBitWidth();
  Type Signless = B.getIntegerType(Width);
  APInt Bits(64, static_cast<uint64_t>(V));
  return arith::ConstantOp::create(
      B, B.getIntegerAttr(Signless, Bits.sextOrTrunc(Width)));
}

static Value bound(Builder &B, Type T, bool Low) {
  if (auto Float = dyn_cast<FloatType>(T)) {
    const llvm::fltSemantics &S = Float.getFloatSemantics();
    bool HasInf = APFloat::semanticsHasInf(S);
    APFloat V = HasInf ? APFloat::getInf(S, Low) : APFloat::getLargest(S, Low);
    return arith::ConstantOp::create(B, B.getFloatAttr(Float, V));
  }
  unsigned Width = T.getIntOrFloatBitWidth();
  APInt V = isUnsigned(T)
                ? (Low ? APInt::getMinValue(Width) : APInt::getMaxValue(Width))
                : (Low ? APInt::getSignedMinValue(Width)
                       : APInt::getSignedMaxValue(Width));
  return arith::ConstantOp::create(
      B, B.getIntegerAttr(B.getIntegerType(Width), V));
}
Value lowest(Builder &B, Type T) { return bound(B, T, /*Low=*/true); }
Value highest(Builder &B, Type T) { return bound(B, T, /*Low=*/false); }

static bool isFloat(Value X) { return isa<FloatType>(X.getType()); }

Value add(Builder &B, Value X, Value Y) {
  if (isFloat(X))
    return arith::AddFOp::create(B, X, Y);
  if (X.getType().isInteger(1)) // the sum of booleans, as numpy has it
    return arith::OrIOp::create(B, X, Y);
  return arith::AddIOp::create(B, X, Y);
}
Value sub(Builder &B, Value X, Value Y) {
  return isFloat(X) ? Value(arith::SubFOp::create(B, X, Y))
                    : Value(arith::SubIOp::create(B, X, Y));
}
Value mul(Builder &B, Value X, Value Y) {
  return isFloat(X) ? Value(arith::MulFOp::create(B, X, Y))
                    : Value(arith::MulIOp::create(B, X, Y));
}
Value neg(Builder &B, Value X) {
  if (isFloat(X))
    return arith::NegFOp::create(B, X);
  return arith::SubIOp::create(B, constant(B, X.getType(), int64_t(0)), X);
}

/// The machine's division traps on x / 0 and on MIN / -1: replaces such a
/// divisor by 1 and lets the caller select. Returns the divisor that is always
/// safe.
static Value safeDivisor(Builder &B, Value Y, bool Unsigned) {
  Value Zero = constant(B, Y.getType(), int64_t(0)),
        One = constant(B, Y.getType(), int64_t(1));
  Value Bad = arith::CmpIOp::create(B, arith::CmpIPredicate::eq, Y, Zero);
  if (!Unsigned) {
    Value MinusOne = constant(B, Y.getType(), int64_t(-1));
    Value IsMinusOne =
        arith::CmpIOp::create(B, arith::CmpIPredicate::eq, Y, MinusOne);
    Bad = arith::OrIOp::create(B, Bad, IsMinusOne);
  }
  return arith::SelectOp::create(B, Bad, One, Y);
}

Value div(Builder &B, Value X, Value Y, Type T) {
  if (isFloat(X))
    return arith::DivFOp::create(B, X, Y);
  Value Zero = constant(B, Y.getType(), int64_t(0));
  Value ByZero = arith::CmpIOp::create(B, arith::CmpIPredicate::eq, Y, Zero);
  Value Safe = safeDivisor(B, Y, isUnsigned(T));
  if (isUnsigned(T)) {
    Value Q = arith::DivUIOp::create(B, X, Safe);
    return arith::SelectOp::create(B, ByZero, Zero, Q);
  }
  Value Q = arith::DivSIOp::create(B, X, Safe);
  Value MinusOne = constant(B, Y.getType(), int64_t(-1));
  Value IsMinusOne =
      arith::CmpIOp::create(B, arith::CmpIPredicate::eq, Y, MinusOne);
  Q = arith::SelectOp::create(B, IsMinusOne, neg(B, X), Q);
  return arith::SelectOp::create(B, ByZero, Zero, Q);
}

Value remainder(Builder &B, Value X, Value Y, Type T, bool SignOfDividend) {
  if (isFloat(X)) {
    Value R = arith::RemFOp::create(B, X, Y);
    if (SignOfDividend)
      return R;
    // Python's: a remainder of the other sign than the divisor moves by one
    // divisor.
    Value Zero = constant(B, X.getType(), 0.0);
    Value NonZero =
        arith::CmpFOp::create(B, arith::CmpFPredicate::ONE, R, Zero);
    Value RNeg = arith::CmpFOp::create(B, arith::CmpFPredicate::OLT, R, Zero);
    Value YNeg = arith::CmpFOp::create(B, arith::CmpFPredicate::OLT, Y, Zero);
    Value Differ =
        arith::AndIOp::create(B, NonZero, arith::XOrIOp::create(B, RNeg, YNeg));
    return arith::SelectOp::create(B, Differ, arith::AddFOp::create(B, R, Y),
                                   R);
  }
  Value Safe = safeDivisor(B, Y, isUnsigned(T));
  if (isUnsigned(T))
    return arith::RemUIOp::create(B, X, Safe);
  Value R = arith::RemSIOp::create(B, X, Safe);
  if (SignOfDividend)
    return R;
  Value Zero = constant(B, X.getType(), int64_t(0));
  Value NonZero = arith::CmpIOp::create(B, arith::CmpIPredicate::ne, R, Zero);
  Value SignDiffers = arith::CmpIOp::create(
      B, arith::CmpIPredicate::slt, arith::XOrIOp::create(B, R, Safe), Zero);
  Value Differ = arith::AndIOp::create(B, NonZero, SignDiffers);
  return arith::SelectOp::create(B, Differ, arith::AddIOp::create(B, R, Safe),
                                 R);
}

Value maximum(Builder &B, Value X, Value Y, Type T) {
  if (isFloat(X))
    return arith::MaximumFOp::create(B, X, Y);
  return isUnsigned(T) ? Value(arith::MaxUIOp::create(B, X, Y))
                       : Value(arith::MaxSIOp::create(B, X, Y));
}
Value minimum(Builder &B, Value X, Value Y, Type T) {
  if (isFloat(X))
    return arith::MinimumFOp::create(B, X, Y);
  return isUnsigned(T) ? Value(arith::MinUIOp::create(B, X, Y))
                       : Value(arith::MinSIOp::create(B, X, Y));
}
Value clamp(Builder &B, Value X, Value Low, Value High, Type T) {
  return minimum(B, maximum(B, X, Low, T), High, T);
}

Value compare(Builder &B, Compare C, Value X, Value Y, Type T) {
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  static constexpr F Floats[] = {F::OEQ, F::UNE, F::OLT,
                                 F::OLE, F::OGT, F::OGE};
  static constexpr I Signed[] = {I::eq, I::ne, I::slt, I::sle, I::sgt, I::sge};
  static constexpr I Unsigned[] = {I::eq,  I::ne,  I::ult,
                                   I::ule, I::ugt, I::uge};
  unsigned K = static_cast<unsigned>(C);
  if (isFloat(X))
    return arith::CmpFOp::create(B, Floats[K], X, Y);
  return arith::CmpIOp::create(B, isUnsigned(T) ? Unsigned[K] : Signed[K], X,
                               Y);
}

Value select(Builder &B, Value Condition, Value X, Value Y) {
  return arith::SelectOp::create(B, Condition, X, Y);
}
Value isNaN(Builder &B, Value X) {
  return arith::CmpFOp::create(B, arith::CmpFPredicate::UNO, X, X);
}

//===----------------------------------------------------------------------===//
// Cast
//===----------------------------------------------------------------------===//

/// Saturating conversion: arith.fptosi is poison beyond the range, so it only
/// ever sees values inside.
static Value floatToInt(Builder &B, Value X, Type To) {
  unsigned Width = To.getIntOrFloatBitWidth();
  if (Width < 32) {
    // Numpy's rule, which ONNX's own cases follow: narrow integers wrap.
    Value Wide = floatToInt(B, X, B.getI32Type());
    return arith::TruncIOp::create(B, B.getIntegerType(Width), Wide);
  }
  bool Unsigned = isUnsigned(To);
  // f16 does not hold the bounds of i32.
  if (X.getType().getIntOrFloatBitWidth() < 32)
    X = arith::ExtFOp::create(B, B.getF32Type(), X);
  Type From = X.getType(), Int = B.getIntegerType(Width);
  double Low = Unsigned ? 0.0 : -std::ldexp(1.0, Width - 1);
  double High = std::ldexp(
      1.0, Unsigned ? Width : Width - 1); // exclusive, a power of two
  // -0.75 truncates to 0: inside means above Low - 1 (exact only while that is
  // representable; elsewhere every float >= Low is an integer already).
  Value T = math::TruncOp::create(B, X);
  Value AboveLow = arith::CmpFOp::create(B, arith::CmpFPredicate::OGE, T,
                                         constant(B, From, Low));
  Value BelowHigh = arith::CmpFOp::create(B, arith::CmpFPredicate::OLT, T,
                                          constant(B, From, High));
  Value Inside = arith::AndIOp::create(B, AboveLow, BelowHigh);
  Value Safe = arith::SelectOp::create(B, Inside, T, constant(B, From, 0.0));
  Value R = Unsigned ? Value(arith::FPToUIOp::create(B, Int, Safe))
                     : Value(arith::FPToSIOp::create(B, Int, Safe));
  Value TooHigh = arith::CmpFOp::create(B, arith::CmpFPredicate::OGE, T,
                                        constant(B, From, High));
  R = arith::SelectOp::create(B, TooHigh, highest(B, To), R);
  if (Unsigned)
    return R; // below the range is 0 already
  Value TooLow = arith::CmpFOp::create(B, arith::CmpFPredicate::OLT, T,
                                       constant(B, From, Low));
  return arith::SelectOp::create(B, TooLow, lowest(B, To), R);
}

static Value floatToFloat(Builder &B, Value X, FloatType To, bool Saturate) {
  auto From = ::mlir::cast<FloatType>(X.getType());
  if (From == To)
    return X;
  if (To.getWidth() <= 8) {
    if (From.getWidth() < 32)
      X = arith::ExtFOp::create(B, B.getF32Type(), X);
    const llvm::fltSemantics &S = To.getFloatSemantics();
    bool Clamp = Saturate && !isa<Float8E8M0FNUType>(To);
    if (Clamp) {
      // maximumf and minimumf keep NaN.
      APFloat Largest = APFloat::getLargest(S);
      bool Inexact;
      Largest.convert(::mlir::cast<FloatType>(X.getType()).getFloatSemantics(),
                      APFloat::rmNearestTiesToEven, &Inexact);
      double Bound = X.getType().isF64() ? Largest.convertToDouble()
                                         : Largest.convertToFloat();
      X = clamp(B, X, constant(B, X.getType(), -Bound),
                constant(B, X.getType(), Bound), X.getType());
    }
    return arith::TruncFOp::create(B, To, X);
  }
  if (From.getWidth() < To.getWidth())
    return arith::ExtFOp::create(B, To, X);
  if (From.getWidth() > To.getWidth())
    return arith::TruncFOp::create(B, To, X);
  // f16 and bf16: neither holds the other.
  return arith::TruncFOp::create(B, To,
                                 arith::ExtFOp::create(B, B.getF32Type(), X));
}

Value cast(Builder &B, Value X, Type From, Type To, bool Saturate) {
  Type Storage = X.getType();
  if (auto Float = dyn_cast<FloatType>(To)) {
    if (isFloat(X))
      return floatToFloat(B, X, Float, Saturate);
    // Through f32 (f64 for wide integers) where the target is narrower.
    Type Wide = Float.getWidth() >= 32 ? Type(Float) : Type(B.getF32Type());
    Value R = isUnsigned(From) ? Value(arith::UIToFPOp::create(B, Wide, X))
                               : Value(arith::SIToFPOp::create(B, Wide, X));
    return floatToFloat(B, R, Float, Saturate);
  }
  unsigned Width = To.getIntOrFloatBitWidth();
  if (Width == 1) {
    Value Zero = isFloat(X) ? constant(B, Storage, 0.0)
                            : constant(B, Storage, int64_t(0));
    return Storage.isInteger(1) ? X
                                : compare(B, Compare::NotEqual, X, Zero, From);
  }
  if (isFloat(X))
    return floatToInt(B, X, To);
  unsigned Have = Storage.getIntOrFloatBitWidth();
  Type Int = B.getIntegerType(Width);
  if (Have == Width)
    return X;
  if (Have > Width)
    return arith::TruncIOp::create(B, Int, X);
  return isUnsigned(From) ? Value(arith::ExtUIOp::create(B, Int, X))
                          : Value(arith::ExtSIOp::create(B, Int, X));
}

} // namespace lathe::lower::scalar

//===- ScalarValue.cpp - Arithmetic on scalar SSA values with operators
//--------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See ScalarValue.h. Everything folds on creation: folders of arith on
// constants are what keeps static shapes free of arithmetic.
//
//===----------------------------------------------------------------------===//

#include "ScalarValue.h"
#include "mlir/IR/Matchers.h"
#include <cmath>

using namespace mlir;

namespace lathe::lower {

Scalar constantScalar(ImplicitLocOpBuilder &B, Type T, int64_t N) {
  if (auto F = dyn_cast<FloatType>(T))
    return constantScalar(B, T, static_cast<double>(N));
  if (isa<IndexType>(T))
    return Scalar(B, arith::ConstantIndexOp::create(B, N));
  unsigned Width = T.getIntOrFloatBitWidth();
  APInt Bits = APInt(64, static_cast<uint64_t>(N)).sextOrTrunc(Width);
  return Scalar(B, arith::ConstantOp::create(B, B.getIntegerAttr(T, Bits)));
}

Scalar constantScalar(ImplicitLocOpBuilder &B, Type T, double N) {
  if (auto F = dyn_cast<FloatType>(T))
    return Scalar(B, arith::ConstantOp::create(B, B.getFloatAttr(F, N)));
  return constantScalar(B, T, static_cast<int64_t>(N));
}

Scalar Scalar::sameReal(double N) const {
  return constantScalar(*B, type(), N);
}
Scalar Scalar::sameInteger(int64_t N) const {
  return constantScalar(*B, type(), N);
}

std::optional<int64_t> Scalar::constant() const {
  APInt Bits;
  if (!V || isFloat() || !matchPattern(V, m_ConstantInt(&Bits)) ||
      Bits.getSignificantBits() > 64)
    return std::nullopt;
  return Bits.getSExtValue();
}

static Scalar convert(ImplicitLocOpBuilder &B, Value V, Type T,
                      bool IsUnsigned) {
  Type From = V.getType();
  if (From == T)
    return Scalar(B, V);
  if (isa<FloatType>(From)) {
    if (auto ToFloat = dyn_cast<FloatType>(T)) {
      if (ToFloat.getWidth() > cast<FloatType>(From).getWidth())
        return Scalar(B, B.createOrFold<arith::ExtFOp>(T, V));
      if (ToFloat.getWidth() < cast<FloatType>(From).getWidth())
        return Scalar(B, B.createOrFold<arith::TruncFOp>(T, V));
      // f16 <-> bf16: through f32.
      Value Wide = B.createOrFold<arith::ExtFOp>(B.getF32Type(), V);
      return Scalar(B, B.createOrFold<arith::TruncFOp>(T, Wide));
    }
    if (isa<IndexType>(T)) {
      Value Int = B.createOrFold<arith::FPToSIOp>(B.getI64Type(), V);
      return Scalar(B, B.createOrFold<arith::IndexCastOp>(T, Int));
    }
    return Scalar(B, B.createOrFold<arith::FPToSIOp>(T, V));
  }
  // A truth value is never negative.
  IsUnsigned |= From.isInteger(1);
  if (isa<FloatType>(T)) {
    if (isa<IndexType>(From))
      V = B.createOrFold<arith::IndexCastOp>(B.getI64Type(), V);
    return Scalar(B, IsUnsigned ? B.createOrFold<arith::UIToFPOp>(T, V)
                                : B.createOrFold<arith::SIToFPOp>(T, V));
  }
  // Sizes that pass through i64 come back as they were.
  if (auto Cast = V.getDefiningOp<arith::IndexCastOp>())
    if (Cast.getIn().getType() == T && isa<IndexType>(T) && From.isInteger(64))
      return Scalar(B, Cast.getIn());
  if (isa<IndexType>(From) || isa<IndexType>(T))
    return Scalar(B, IsUnsigned ? B.createOrFold<arith::IndexCastUIOp>(T, V)
                                : B.createOrFold<arith::IndexCastOp>(T, V));
  if (T.getIntOrFloatBitWidth() < From.getIntOrFloatBitWidth())
    return Scalar(B, B.createOrFold<arith::TruncIOp>(T, V));
  return Scalar(B, IsUnsigned ? B.createOrFold<arith::ExtUIOp>(T, V)
                              : B.createOrFold<arith::ExtSIOp>(T, V));
}

Scalar Scalar::to(Type T) const { return convert(*B, V, T, false); }
Scalar Scalar::toFromUnsigned(Type T) const { return convert(*B, V, T, true); }

template <class IntOp, class FloatOp> static Scalar binary(Scalar A, Scalar B) {
  ImplicitLocOpBuilder &Builder = A.builder();
  if (A.isFloat())
    return Scalar(Builder, Builder.createOrFold<FloatOp>(A.value(), B.value()));
  return Scalar(Builder, Builder.createOrFold<IntOp>(A.value(), B.value()));
}

template <class IntOp> static Scalar binaryInt(Scalar A, Scalar B) {
  ImplicitLocOpBuilder &Builder = A.builder();
  return Scalar(Builder, Builder.createOrFold<IntOp>(A.value(), B.value()));
}

static Scalar compare(Scalar A, Scalar B, arith::CmpIPredicate Int,
                      arith::CmpFPredicate Float) {
  ImplicitLocOpBuilder &Builder = A.builder();
  if (A.isFloat())
    return Scalar(Builder, Builder.createOrFold<arith::CmpFOp>(Float, A.value(),
                                                               B.value()));
  return Scalar(Builder,
                Builder.createOrFold<arith::CmpIOp>(Int, A.value(), B.value()));
}

template <class FloatOp> static Scalar unary(Scalar A) {
  return Scalar(A.builder(), A.builder().createOrFold<FloatOp>(A.value()));
}

Scalar operator+(Scalar A, Scalar B) {
  return binary<arith::AddIOp, arith::AddFOp>(A, B);
}
Scalar operator-(Scalar A, Scalar B) {
  return binary<arith::SubIOp, arith::SubFOp>(A, B);
}
Scalar operator*(Scalar A, Scalar B) {
  return binary<arith::MulIOp, arith::MulFOp>(A, B);
}
Scalar operator/(Scalar A, Scalar B) {
  return binary<arith::DivSIOp, arith::DivFOp>(A, B);
}
Scalar operator%(Scalar A, Scalar B) {
  return binary<arith::RemSIOp, arith::RemFOp>(A, B);
}
Scalar operator-(Scalar A) { return A.same(0) - A; }
Scalar operator<(Scalar A, Scalar B) {
  return compare(A, B, arith::CmpIPredicate::slt, arith::CmpFPredicate::OLT);
}
Scalar operator<=(Scalar A, Scalar B) {
  return compare(A, B, arith::CmpIPredicate::sle, arith::CmpFPredicate::OLE);
}
Scalar operator>(Scalar A, Scalar B) {
  return compare(A, B, arith::CmpIPredicate::sgt, arith::CmpFPredicate::OGT);
}
Scalar operator>=(Scalar A, Scalar B) {
  return compare(A, B, arith::CmpIPredicate::sge, arith::CmpFPredicate::OGE);
}
Scalar operator==(Scalar A, Scalar B) {
  return compare(A, B, arith::CmpIPredicate::eq, arith::CmpFPredicate::OEQ);
}
Scalar operator!=(Scalar A, Scalar B) {
  return compare(A, B, arith::CmpIPredicate::ne, arith::CmpFPredicate::UNE);
}
Scalar operator&(Scalar A, Scalar B) { return binaryInt<arith::AndIOp>(A, B); }
Scalar operator|(Scalar A, Scalar B) { return binaryInt<arith::OrIOp>(A, B); }
Scalar operator^(Scalar A, Scalar B) { return binaryInt<arith::XOrIOp>(A, B); }

Scalar unsignedLess(Scalar A, Scalar B) {
  return compare(A, B, arith::CmpIPredicate::ult, arith::CmpFPredicate::OLT);
}
Scalar logicalNot(Scalar A) { return A ^ A.same(1); }
Scalar shiftLeft(Scalar A, int N) {
  return binaryInt<arith::ShLIOp>(A, A.same(N));
}
Scalar shiftRightLogical(Scalar A, int N) {
  return binaryInt<arith::ShRUIOp>(A, A.same(N));
}
Scalar select(Scalar C, Scalar A, Scalar B) {
  ImplicitLocOpBuilder &Builder = A.builder();
  return Scalar(Builder, Builder.createOrFold<arith::SelectOp>(
                             C.value(), A.value(), B.value()));
}
Scalar smin(Scalar A, Scalar B) {
  return binary<arith::MinSIOp, arith::MinimumFOp>(A, B);
}
Scalar smax(Scalar A, Scalar B) {
  return binary<arith::MaxSIOp, arith::MaximumFOp>(A, B);
}
Scalar floorDiv(Scalar A, Scalar B) {
  // Written out, so that it folds and needs no expansion later.
  Scalar Q = A / B, R = A % B;
  return select((R != 0) & ((R < 0) ^ (B < 0)), Q - 1, Q);
}
Scalar ceilDiv(Scalar A, Scalar B) {
  Scalar Q = A / B, R = A % B;
  return select((R != 0) & ((R < 0) == (B < 0)), Q + 1, Q);
}
Scalar floorOf(Scalar A) { return unary<math::FloorOp>(A); }
Scalar ceilOf(Scalar A) { return unary<math::CeilOp>(A); }
Scalar roundEven(Scalar A) { return unary<math::RoundEvenOp>(A); }
Scalar absOf(Scalar A) {
  return A.isFloat() ? unary<math::AbsFOp>(A) : unary<math::AbsIOp>(A);
}
Scalar sqrtOf(Scalar A) { return unary<math::SqrtOp>(A); }
Scalar cosOf(Scalar A) { return unary<math::CosOp>(A); }
Scalar sinOf(Scalar A) { return unary<math::SinOp>(A); }
Scalar expOf(Scalar A) { return unary<math::ExpOp>(A); }
Scalar logOf(Scalar A) { return unary<math::LogOp>(A); }

double floorOf(double A) { return std::floor(A); }
double ceilOf(double A) { return std::ceil(A); }
double roundEven(double A) { return std::nearbyint(A); }
double absOf(double A) { return std::fabs(A); }

} // namespace lathe::lower

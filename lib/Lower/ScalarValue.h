//===- ScalarValue.h - Arithmetic on scalar SSA values with operators -*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A Scalar is an SSA value of type index, integer or float together with the
// builder that inserts where the builder stands at the moment of the operation.
// Operators pick the arith op by the type of the operands (signed for integers;
// unsigned forms have names of their own) and fold, so that shape arithmetic on
// constants leaves nothing behind.
//
// Invariant: both operands of an operator have one type; C++ numbers adapt.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_SCALARVALUE_H
#define LATHE_LIB_LOWER_SCALARVALUE_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <optional>

namespace lathe::lower {

class Scalar {
public:
  Scalar() = default;
  Scalar(mlir::ImplicitLocOpBuilder &B, mlir::Value V) : B(&B), V(V) {}

  operator mlir::Value() const { return V; }
  mlir::Value value() const { return V; }
  mlir::Type type() const { return V.getType(); }
  mlir::ImplicitLocOpBuilder &builder() const { return *B; }
  explicit operator bool() const { return static_cast<bool>(V); }
  bool isFloat() const { return llvm::isa<mlir::FloatType>(type()); }

  /// The constant of this scalar's type with the value of N.
  template <class N> Scalar same(N Value) const {
    if constexpr (std::is_floating_point_v<N>)
      return sameReal(Value);
    else
      return sameInteger(static_cast<int64_t>(Value));
  }

  /// The value if it is an integer or index constant.
  std::optional<int64_t> constant() const;

  /// Conversion between index, signed integers and floats (toward zero).
  Scalar to(mlir::Type T) const;
  /// The same, where this scalar is an unsigned integer.
  Scalar toFromUnsigned(mlir::Type T) const;
  Scalar toIndex() const { return to(B->getIndexType()); }

private:
  Scalar sameReal(double N) const;
  Scalar sameInteger(int64_t N) const;

  mlir::ImplicitLocOpBuilder *B = nullptr;
  mlir::Value V;
};

/// A constant of type T (index, integer or float).
Scalar constantScalar(mlir::ImplicitLocOpBuilder &B, mlir::Type T, double N);
Scalar constantScalar(mlir::ImplicitLocOpBuilder &B, mlir::Type T, int64_t N);

Scalar operator+(Scalar A, Scalar B);
Scalar operator-(Scalar A, Scalar B);
Scalar operator*(Scalar A, Scalar B);
/// Integers divide toward zero.
Scalar operator/(Scalar A, Scalar B);
/// The remainder with the sign of the dividend.
Scalar operator%(Scalar A, Scalar B);
Scalar operator-(Scalar A);
Scalar operator<(Scalar A, Scalar B);
Scalar operator<=(Scalar A, Scalar B);
Scalar operator>(Scalar A, Scalar B);
Scalar operator>=(Scalar A, Scalar B);
Scalar operator==(Scalar A, Scalar B);
/// True for unordered floats, as in C.
Scalar operator!=(Scalar A, Scalar B);
Scalar operator&(Scalar A, Scalar B);
Scalar operator|(Scalar A, Scalar B);
Scalar operator^(Scalar A, Scalar B);

#define LATHE_SCALAR_MIXED(OP)                                                 \
  template <class N, class = std::enable_if_t<std::is_arithmetic_v<N>>>        \
  Scalar operator OP(Scalar A, N C) {                                          \
    return A OP A.same(C);                                                     \
  }                                                                            \
  template <class N, class = std::enable_if_t<std::is_arithmetic_v<N>>>        \
  Scalar operator OP(N C, Scalar A) {                                          \
    return A.same(C) OP A;                                                     \
  }
LATHE_SCALAR_MIXED(+)
LATHE_SCALAR_MIXED(-)
LATHE_SCALAR_MIXED(*)
LATHE_SCALAR_MIXED(/)
LATHE_SCALAR_MIXED(%)
LATHE_SCALAR_MIXED(<)
LATHE_SCALAR_MIXED(<=)
LATHE_SCALAR_MIXED(>)
LATHE_SCALAR_MIXED(>=)
LATHE_SCALAR_MIXED(==)
LATHE_SCALAR_MIXED(!=)
#undef LATHE_SCALAR_MIXED

Scalar unsignedLess(Scalar A, Scalar B);
Scalar logicalNot(Scalar A);
Scalar shiftLeft(Scalar A, int N);
Scalar shiftRightLogical(Scalar A, int N);
Scalar select(Scalar C, Scalar A, Scalar B);
/// Signed; floats propagate NaN.
Scalar smin(Scalar A, Scalar B);
Scalar smax(Scalar A, Scalar B);
inline Scalar clamp(Scalar X, Scalar Lo, Scalar Hi) {
  return smin(smax(X, Lo), Hi);
}
Scalar floorDiv(Scalar A, Scalar B);
Scalar ceilDiv(Scalar A, Scalar B);
Scalar floorOf(Scalar A);
Scalar ceilOf(Scalar A);
Scalar roundEven(Scalar A);
Scalar absOf(Scalar A);
Scalar sqrtOf(Scalar A);
Scalar cosOf(Scalar A);
Scalar sinOf(Scalar A);
Scalar expOf(Scalar A);
Scalar logOf(Scalar A);

/// The same names on numbers known at compile time, so that one formula serves
/// tables made here and tables made at run time.
inline double select(bool C, double A, double B) { return C ? A : B; }
double floorOf(double A);
double ceilOf(double A);
double roundEven(double A);
double absOf(double A);
inline double smin(double A, double B) { return A < B ? A : B; }
inline double smax(double A, double B) { return A < B ? B : A; }

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_SCALARVALUE_H

//===- Scalar.h - Scalar arithmetic with ONNX's meaning -*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Used in the bodies of generics. Values have storage types, so where the sign
// of an integer matters the ONNX element type is passed along. Nothing here is
// undefined or poison for any input: division by zero gives 0, a float beyond
// the range of an integer saturates, NaN converts to 0.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_SCALAR_H
#define LATHE_LIB_LOWER_SCALAR_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lathe::lower::scalar {

using namespace mlir;
using Builder = ImplicitLocOpBuilder;

/// True for ui8 & co and for bool.
bool isUnsigned(Type OnnxElem);

Value constant(Builder &B, Type T, double V);
Value constant(Builder &B, Type T, int64_t V);
/// Smallest and largest value of an ONNX element type (-inf and inf for
/// floats).
Value lowest(Builder &B, Type OnnxElem);
Value highest(Builder &B, Type OnnxElem);

Value add(Builder &B, Value X, Value Y);
Value sub(Builder &B, Value X, Value Y);
Value mul(Builder &B, Value X, Value Y);
/// Rounds towards zero for integers.
Value div(Builder &B, Value X, Value Y, Type OnnxElem);
/// The remainder with the sign of the dividend (C) or of the divisor (Python).
Value remainder(Builder &B, Value X, Value Y, Type OnnxElem,
                bool SignOfDividend);
Value neg(Builder &B, Value X);
/// NaN if either is NaN.
Value maximum(Builder &B, Value X, Value Y, Type OnnxElem);
Value minimum(Builder &B, Value X, Value Y, Type OnnxElem);
Value clamp(Builder &B, Value X, Value Low, Value High, Type OnnxElem);

enum class Compare {
  Equal,
  NotEqual,
  Less,
  LessOrEqual,
  Greater,
  GreaterOrEqual
};
/// Ordered compare: false if either is NaN, but NotEqual is true then.
Value compare(Builder &B, Compare C, Value X, Value Y, Type OnnxElem);
Value select(Builder &B, Value Condition, Value X, Value Y);
Value isNaN(Builder &B, Value X);

/// ONNX's Cast. \p Saturate bounds values beyond the range of a float8 type.
Value cast(Builder &B, Value X, Type FromOnnx, Type ToOnnx,
           bool Saturate = true);

} // namespace lathe::lower::scalar

#endif // LATHE_LIB_LOWER_SCALAR_H

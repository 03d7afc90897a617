//===- Activation.cpp - Activations by name -----------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Activation.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lathe::lower {

static Value lit(Builder &B, Value Like, double V) {
  return scalar::constant(B, Like.getType(), V);
}
static Value less(Builder &B, Value X, Value Y) {
  return arith::CmpFOp::create(B, arith::CmpFPredicate::OLT, X, Y);
}
static Value atLeast(Builder &B, Value X, Value Low) {
  return scalar::select(B, less(B, X, Low), Low, X);
}
static Value atMost(Builder &B, Value X, Value High) {
  return scalar::select(B, less(B, High, X), High, X);
}

static Value sigmoid(Builder &B, Value X) {
  Value One = lit(B, X, 1),
        E = math::ExpOp::create(B, arith::NegFOp::create(B, X));
  return arith::DivFOp::create(B, One, arith::AddFOp::create(B, One, E));
}
static Value affine(Builder &B, Value X, double Alpha, double Beta) {
  return scalar::add(B, scalar::mul(B, X, lit(B, X, Alpha)), lit(B, X, Beta));
}
static Value expMinusOne(Builder &B, Value X) {
  return scalar::sub(B, math::ExpOp::create(B, X), lit(B, X, 1));
}

std::optional<Activation> activationByName(StringRef Name,
                                           std::optional<double> Alpha,
                                           std::optional<double> Beta) {
  using Fn = Value (*)(Builder &, Value, double, double);
  struct Row {
    StringLiteral Name;
    double Alpha, Beta;
    Fn Body;
  };
  static constexpr Row Table[] = {
      {"Affine", 1.0, 0.0, affine},
      {"Elu", 1.0, 0.0,
       [](Builder &B, Value X, double A, double) {
         Value Negative = scalar::mul(B, expMinusOne(B, X), lit(B, X, A));
         return scalar::select(B, less(B, X, lit(B, X, 0)), Negative, X);
       }},
      {"HardSigmoid", 0.2, 0.5,
       [](Builder &B, Value X, double A, double C) {
         Value Line = affine(B, X, A, C);
         return atMost(B, atLeast(B, Line, lit(B, X, 0)), lit(B, X, 1));
       }},
      {"HardSwish", 1.0 / 6, 0.5,
       [](Builder &B, Value X, double A, double C) {
         Value Line = affine(B, X, A, C);
         return scalar::mul(
             B, X, atMost(B, atLeast(B, Line, lit(B, X, 0)), lit(B, X, 1)));
       }},
      {"LeakyRelu", 0.01, 0.0,
       [](Builder &B, Value X, double A, double) {
         return scalar::select(B, less(B, X, lit(B, X, 0)),
                               scalar::mul(B, X, lit(B, X, A)), X);
       }},
      {"Relu", 0.0, 0.0,
       [](Builder &B, Value X, double, double) {
         return atLeast(B, X, lit(B, X, 0));
       }},
      {"Clip", -std::numeric_limits<double>::infinity(),
       std::numeric_limits<double>::infinity(),
       [](Builder &B, Value X, double A, double C) {
         return atMost(B, atLeast(B, X, lit(B, X, A)), lit(B, X, C));
       }},
      {"ScaledTanh", 1.0, 1.0,
       [](Builder &B, Value X, double A, double C) {
         Value T = math::TanhOp::create(B, scalar::mul(B, X, lit(B, X, C)));
         return scalar::mul(B, T, lit(B, X, A));
       }},
      {"Sigmoid", 0.0, 0.0,
       [](Builder &B, Value X, double, double) { return sigmoid(B, X); }},
      {"Silu", 0.0, 0.0,
       [](Builder &B, Value X, double, double) {
         return scalar::mul(B, X, sigmoid(B, X));
       }},
      {"Softplus", 0.0, 0.0,
       [](Builder &B, Value X, double, double) -> Value {
         Value Abs = math::AbsFOp::create(B, X);
         Value Log = math::Log1pOp::create(
             B, math::ExpOp::create(B, arith::NegFOp::create(B, Abs)));
         return scalar::add(B, atLeast(B, X, lit(B, X, 0)), Log);
       }},
      {"Softsign", 0.0, 0.0,
       [](Builder &B, Value X, double, double) -> Value {
         return arith::DivFOp::create(
             B, X, scalar::add(B, lit(B, X, 1), math::AbsFOp::create(B, X)));
       }},
      {"Tanh", 0.0, 0.0,
       [](Builder &B, Value X, double, double) -> Value {
         return math::TanhOp::create(B, X);
       }},
      {"ThresholdedRelu", 1.0, 0.0,
       [](Builder &B, Value X, double A, double) {
         return scalar::select(B, less(B, lit(B, X, A), X), X, lit(B, X, 0));
       }},
  };
  for (const Row &R : Table)
    if (Name.equals_insensitive(R.Name)) {
      double A = Alpha.value_or(R.Alpha), C = Beta.value_or(R.Beta);
      return Activation([Body = R.Body, A, C](Builder &B, Value X) {
        return Body(B, X, A, C);
      });
    }
  return std::nullopt;
}

} // namespace lathe::lower

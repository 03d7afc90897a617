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
/// x < low ? low : x, which keeps NaN and is one instruction.
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

/// max(x, 0) + log1p(exp(-|x|)): exact where exp(x) would overflow.
static Value softplus(Builder &B, Value X) {
  Value Abs = math::AbsFOp::create(B, X);
  Value Log = math::Log1pOp::create(
      B, math::ExpOp::create(B, arith::NegFOp::create(B, Abs)));
  return scalar::add(B, atLeast(B, X, lit(B, X, 0)), Log);
}
/// x < 0 ? negative : positive
static Value orNegative(Builder &B, Value X, Value Positive, Value Negative) {
  return scalar::select(B, less(B, X, lit(B, X, 0)), Negative, Positive);
}

Value activation::gelu(Builder &B, Value X) {
  Value Erf = math::ErfOp::create(
      B, scalar::mul(B, X, lit(B, X, 0.70710678118654752440)));
  return scalar::mul(B, scalar::mul(B, X, lit(B, X, 0.5)),
                     scalar::add(B, Erf, lit(B, X, 1)));
}
Value activation::geluTanh(Builder &B, Value X) {
  Value Cube = scalar::mul(B, scalar::mul(B, X, X), X);
  Value Inner = scalar::mul(
      B, scalar::add(B, X, scalar::mul(B, Cube, lit(B, X, 0.044715))),
      lit(B, X, 0.79788456080286535588));
  return scalar::mul(
      B, scalar::mul(B, X, lit(B, X, 0.5)),
      scalar::add(B, math::TanhOp::create(B, Inner), lit(B, X, 1)));
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
      {"Celu", 1.0, 0.0,
       [](Builder &B, Value X, double A, double) {
         Value Alpha = lit(B, X, A),
               E = expMinusOne(B, arith::DivFOp::create(B, X, Alpha));
         return orNegative(B, X, X, scalar::mul(B, E, Alpha));
       }},
      {"Elu", 1.0, 0.0,
       [](Builder &B, Value X, double A, double) {
         return orNegative(B, X, X,
                           scalar::mul(B, expMinusOne(B, X), lit(B, X, A)));
       }},
      {"Gelu", 0.0, 0.0,
       [](Builder &B, Value X, double, double) {
         return activation::gelu(B, X);
       }},
      {"GeluTanh", 0.0, 0.0,
       [](Builder &B, Value X, double, double) {
         return activation::geluTanh(B, X);
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
         return orNegative(B, X, X, scalar::mul(B, X, lit(B, X, A)));
       }},
      {"Mish", 0.0, 0.0,
       [](Builder &B, Value X, double, double) {
         return scalar::mul(B, X, math::TanhOp::create(B, softplus(B, X)));
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
      {"Selu", 1.67326319217681884765625, 1.05070102214813232421875,
       [](Builder &B, Value X, double A, double C) {
         return orNegative(B, X, scalar::mul(B, X, lit(B, X, C)),
                           scalar::mul(B, expMinusOne(B, X), lit(B, X, A * C)));
       }},
      {"Sigmoid", 0.0, 0.0,
       [](Builder &B, Value X, double, double) { return sigmoid(B, X); }},
      {"Silu", 0.0, 0.0,
       [](Builder &B, Value X, double, double) {
         return scalar::mul(B, X, sigmoid(B, X));
       }},
      {"Softplus", 0.0, 0.0,
       [](Builder &B, Value X, double, double) { return softplus(B, X); }},
      {"Softsign", 0.0, 0.0,
       [](Builder &B, Value X, double, double) -> Value {
         return arith::DivFOp::create(
             B, X, scalar::add(B, lit(B, X, 1), math::AbsFOp::create(B, X)));
       }},
      {"Swish", 1.0, 0.0,
       [](Builder &B, Value X, double A, double) {
         Value Scaled = A == 1.0 ? X : scalar::mul(B, X, lit(B, X, A));
         return scalar::mul(B, X, sigmoid(B, Scaled));
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

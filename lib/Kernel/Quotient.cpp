//===- Quotient.cpp - Quotients by numbers known while compiling ----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Quotient.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;

bool lathe::kernel::isExactQuotient(arith::DivFOp Div) {
  return getElementTypeOrSelf(Div.getType()).isF32() &&
         arith::bitEnumContainsAll(Div.getFastmath(),
                                   arith::FastMathFlags::nnan |
                                       arith::FastMathFlags::ninf);
}

bool lathe::kernel::hasExactQuotient(float Divisor) {
  return std::fabs(Divisor) >= 0x1p-60f && std::fabs(Divisor) <= 0x1p60f;
}

Value lathe::kernel::exactQuotient(OpBuilder &B, Location Loc, Value X,
                                   Value Divisor, Value Reciprocal) {
  Value Q = arith::MulFOp::create(B, Loc, X, Reciprocal);
  Value Less = arith::NegFOp::create(B, Loc, Divisor);
  Value Left = math::FmaOp::create(B, Loc, Q, Less, X);
  return math::FmaOp::create(B, Loc, Left, Reciprocal, Q);
}

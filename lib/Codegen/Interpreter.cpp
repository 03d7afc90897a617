//===- Interpreter.cpp - Scalar arithmetic, evaluated ---------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interpreter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace lathe::codegen;
using llvm::APFloat;
using llvm::APInt;

namespace {
using Result = std::optional<APInt>;
constexpr auto Nearest = APFloat::rmNearestTiesToEven;

/// The operands of an op, read as integers or floats.
struct Operands {
  Operation &Op;
  SmallVector<APInt, 3> Bits;

  const APInt &i(unsigned N) const { return Bits[N]; }
  APFloat f(unsigned N) const {
    return APFloat(
        cast<FloatType>(Op.getOperand(N).getType()).getFloatSemantics(),
        Bits[N]);
  }
};

Result bitsOf(const APFloat &F) { return F.bitcastToAPInt(); }

Result rounded(const Operands &In, llvm::RoundingMode Mode) {
  APFloat X = In.f(0);
  X.roundToIntegral(Mode);
  return bitsOf(X);
}

/// The root of f32 through that of f64 is rounded right: 53 bits are more than
/// twice 24 and 2.
Result root(const Operands &In) {
  if (!In.Op.getResult(0).getType().isF32())
    return std::nullopt;
  return bitsOf(APFloat(float(std::sqrt(double(In.f(0).convertToFloat())))));
}

Result toInteger(const Operands &In, Type To, bool Signed) {
  llvm::APSInt Value(To.getIntOrFloatBitWidth(), !Signed);
  bool Exact;
  APFloat X = In.f(0);
  if (X.convertToInteger(Value, APFloat::rmTowardZero, &Exact) &
      APFloat::opInvalidOp)
    return std::nullopt;
  return Value;
}

Result toFloat(const Operands &In, Type To, bool Signed) {
  APFloat X(cast<FloatType>(To).getFloatSemantics());
  X.convertFromAPInt(In.i(0), Signed, Nearest);
  return bitsOf(X);
}

Result convert(const Operands &In, Type To) {
  APFloat X = In.f(0);
  bool Loses;
  X.convert(cast<FloatType>(To).getFloatSemantics(), Nearest, &Loses);
  return bitsOf(X);
}

Result shifted(const Operands &In, APInt (*Shift)(const APInt &, unsigned)) {
  if (In.i(1).uge(In.i(0).getBitWidth()))
    return std::nullopt;
  return Shift(In.i(0), In.i(1).getZExtValue());
}

Result byIntegers(const Operands &In) {
  Type To = In.Op.getResult(0).getType();
  unsigned Width = To.isIntOrFloat() ? To.getIntOrFloatBitWidth() : 0;
  return llvm::TypeSwitch<Operation *, Result>(&In.Op)
      .Case([&](arith::AddIOp) { return In.i(0) + In.i(1); })
      .Case([&](arith::SubIOp) { return In.i(0) - In.i(1); })
      .Case([&](arith::MulIOp) { return In.i(0) * In.i(1); })
      .Case([&](arith::AndIOp) { return In.i(0) & In.i(1); })
      .Case([&](arith::OrIOp) { return In.i(0) | In.i(1); })
      .Case([&](arith::XOrIOp) { return In.i(0) ^ In.i(1); })
      .Case([&](arith::MaxSIOp) {
        return llvm::APIntOps::smax(In.i(0), In.i(1));
      })
      .Case([&](arith::MinSIOp) {
        return llvm::APIntOps::smin(In.i(0), In.i(1));
      })
      .Case([&](arith::MaxUIOp) {
        return llvm::APIntOps::umax(In.i(0), In.i(1));
      })
      .Case([&](arith::MinUIOp) {
        return llvm::APIntOps::umin(In.i(0), In.i(1));
      })
      .Case([&](arith::ShLIOp) {
        return shifted(In, [](const APInt &X, unsigned N) { return X.shl(N); });
      })
      .Case([&](arith::ShRSIOp) {
        return shifted(In,
                       [](const APInt &X, unsigned N) { return X.ashr(N); });
      })
      .Case([&](arith::ShRUIOp) {
        return shifted(In,
                       [](const APInt &X, unsigned N) { return X.lshr(N); });
      })
      .Case([&](arith::ExtSIOp) { return In.i(0).sext(Width); })
      .Case([&](arith::ExtUIOp) { return In.i(0).zext(Width); })
      .Case([&](arith::TruncIOp) { return In.i(0).trunc(Width); })
      .Case([&](arith::CmpIOp Op) {
        return APInt(
            1, arith::applyCmpPredicate(Op.getPredicate(), In.i(0), In.i(1)));
      })
      .Case(
          [&](arith::SelectOp) { return In.i(0).isZero() ? In.i(2) : In.i(1); })
      .Default([](Operation *) { return std::nullopt; });
}

Result byFloats(const Operands &In) {
  Type To = In.Op.getResult(0).getType();
  auto Binary = [&](APFloat::opStatus (APFloat::*F)(const APFloat &,
                                                    APFloat::roundingMode)) {
    APFloat X = In.f(0);
    (X.*F)(In.f(1), Nearest);
    return bitsOf(X);
  };
  return llvm::TypeSwitch<Operation *, Result>(&In.Op)
      .Case([&](arith::AddFOp) { return Binary(&APFloat::add); })
      .Case([&](arith::SubFOp) { return Binary(&APFloat::subtract); })
      .Case([&](arith::MulFOp) { return Binary(&APFloat::multiply); })
      .Case([&](arith::DivFOp) { return Binary(&APFloat::divide); })
      .Case([&](math::FmaOp) {
        APFloat X = In.f(0);
        X.fusedMultiplyAdd(In.f(1), In.f(2), Nearest);
        return bitsOf(X);
      })
      .Case([&](arith::NegFOp) { return bitsOf(-In.f(0)); })
      .Case([&](math::AbsFOp) { return bitsOf(llvm::abs(In.f(0))); })
      .Case([&](math::CopySignOp) {
        return bitsOf(APFloat::copySign(In.f(0), In.f(1)));
      })
      .Case([&](math::SqrtOp) { return root(In); })
      .Case([&](math::RoundEvenOp) { return rounded(In, Nearest); })
      .Case(
          [&](math::FloorOp) { return rounded(In, APFloat::rmTowardNegative); })
      .Case(
          [&](math::CeilOp) { return rounded(In, APFloat::rmTowardPositive); })
      .Case([&](math::TruncOp) { return rounded(In, APFloat::rmTowardZero); })
      .Case([&](math::RoundOp) {
        return rounded(In, APFloat::rmNearestTiesToAway);
      })
      .Case([&](arith::MaximumFOp) {
        return bitsOf(llvm::maximum(In.f(0), In.f(1)));
      })
      .Case([&](arith::MinimumFOp) {
        return bitsOf(llvm::minimum(In.f(0), In.f(1)));
      })
      .Case([&](arith::MaxNumFOp) {
        return bitsOf(llvm::maxnum(In.f(0), In.f(1)));
      })
      .Case([&](arith::MinNumFOp) {
        return bitsOf(llvm::minnum(In.f(0), In.f(1)));
      })
      .Case([&](arith::CmpFOp Op) {
        return APInt(
            1, arith::applyCmpPredicate(Op.getPredicate(), In.f(0), In.f(1)));
      })
      .Case([&](arith::FPToSIOp) { return toInteger(In, To, true); })
      .Case([&](arith::FPToUIOp) { return toInteger(In, To, false); })
      .Case([&](arith::SIToFPOp) { return toFloat(In, To, true); })
      .Case([&](arith::UIToFPOp) { return toFloat(In, To, false); })
      .Case([&](arith::ExtFOp) { return convert(In, To); })
      .Case([&](arith::TruncFOp) { return convert(In, To); })
      .Default([](Operation *) { return std::nullopt; });
}
} // namespace

std::optional<APInt> Interpreter::evaluate(Operation &Op) {
  if (Op.getNumResults() != 1 || !Op.getResult(0).getType().isIntOrFloat())
    return std::nullopt;
  if (auto C = dyn_cast<arith::ConstantOp>(Op)) {
    if (auto F = dyn_cast<FloatAttr>(C.getValue()))
      return F.getValue().bitcastToAPInt();
    return cast<IntegerAttr>(C.getValue()).getValue();
  }
  Operands In{Op, {}};
  for (Value V : Op.getOperands()) {
    std::optional<APInt> Bits = get(V);
    if (!Bits || !V.getType().isIntOrFloat())
      return std::nullopt;
    In.Bits.push_back(*Bits);
  }
  if (isa<arith::BitcastOp>(Op))
    return In.i(0);
  if (Result R = byIntegers(In))
    return R;
  return byFloats(In);
}

bool Interpreter::run(Block &Body) {
  for (Operation &Op : Body.without_terminator()) {
    std::optional<APInt> R = evaluate(Op);
    if (!R)
      return false;
    set(Op.getResult(0), *R);
  }
  return true;
}

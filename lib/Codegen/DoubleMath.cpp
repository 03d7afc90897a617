//===- DoubleMath.cpp - Functions of f64 without a library ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// exp, log and pow of f64 as arithmetic, for targets that no C library is to be
// had on: a unit or two in the last place for exp and log; pow is exp(y log x),
// whose error grows with |y log x| to some 1e-13. Infinities, NaN and zeros as
// C has them. f32's pow goes through f64, and is rounded once.
//
//===----------------------------------------------------------------------===//

#include "MissingInstructions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/Sequence.h"
#include <limits>

using namespace mlir;

namespace {
using Less = arith::CmpFPredicate;

class DoubleFormula {
public:
  /// \p T: f64, or vectors of it.
  DoubleFormula(OpBuilder &B, Location Loc, Type T) : B(B), Loc(Loc), T(T) {}

  Value c(double X) { return splat(B.getF64FloatAttr(X), T); }
  Value i(int64_t X) { return splat(B.getI64IntegerAttr(X), intType()); }
  Value add(Value X, Value Y) { return arith::AddFOp::create(B, Loc, X, Y); }
  Value sub(Value X, Value Y) { return arith::SubFOp::create(B, Loc, X, Y); }
  Value mul(Value X, Value Y) { return arith::MulFOp::create(B, Loc, X, Y); }
  Value div(Value X, Value Y) { return arith::DivFOp::create(B, Loc, X, Y); }
  Value fma(Value X, Value Y, Value Z) {
    return math::FmaOp::create(B, Loc, X, Y, Z);
  }
  Value abs(Value X) { return math::AbsFOp::create(B, Loc, X); }
  Value compare(Less P, Value X, Value Y) {
    return arith::CmpFOp::create(B, Loc, P, X, Y);
  }
  Value select(Value Condition, Value X, Value Y) {
    return arith::SelectOp::create(B, Loc, Condition, X, Y);
  }
  /// Taylor's series of 1 / 0! + X / 1! + ...; 2^N (e^R) as in f32, the scale
  /// in two halves.
  Value exp(Value X) {
    X = select(compare(Less::OGT, X, c(720.0)), c(720.0), X);
    X = select(compare(Less::OLT, X, c(-760.0)), c(-760.0), X);
    Value N = math::RoundEvenOp::create(B, Loc, mul(X, c(M_LOG2E)));
    Value R = fma(N, c(-Ln2High), X);
    R = fma(N, c(-Ln2Low), R);
    // |R| <= log(2) / 2: the 14th term is less than 2^-57.
    double Factorial = 1;
    SmallVector<double> Terms = {1};
    for (int K = 1; K <= 13; ++K)
      Terms.push_back(1 / (Factorial *= K));
    Value P = c(Terms.back());
    for (double Term : llvm::drop_begin(llvm::reverse(Terms)))
      P = fma(P, R, c(Term));
    Value Ni = arith::FPToSIOp::create(B, Loc, intType(), N);
    Value Half = arith::ShRSIOp::create(B, Loc, Ni, i(1));
    Value Rest = arith::SubIOp::create(B, Loc, Ni, Half);
    return mul(mul(P, powerOfTwo(Half)), powerOfTwo(Rest));
  }
  /// X = 2^E (1 + F), 1 + F between sqrt(1/2) and sqrt(2); with S = F / (2 + F)
  /// log(1 + F) is 2 S + 2/3 S^3 + 2/5 S^5 + ... = F - S (F - R).
  Value log(Value X) {
    Value Tiny = compare(Less::OLT, X, c(0x1p-1022));
    Value Scaled = select(Tiny, mul(X, c(0x1p54)), X);
    Value Bits = arith::BitcastOp::create(B, Loc, intType(), Scaled);
    constexpr int64_t RootHalf = 0x3fe6a09e667f3bcd;
    Value E = arith::ShRSIOp::create(
        B, Loc, arith::SubIOp::create(B, Loc, Bits, i(RootHalf)), i(52));
    Value Mantissa = arith::SubIOp::create(
        B, Loc, Bits, arith::ShLIOp::create(B, Loc, E, i(52)));
    Value F =
        sub(arith::BitcastOp::create(B, Loc, T, Mantissa).getResult(), c(1));
    Value Exponent = sub(arith::SIToFPOp::create(B, Loc, T, E).getResult(),
                         select(Tiny, c(54), c(0)));
    Value S = div(F, add(F, c(2))), Square = mul(S, S);
    // |S| <= 0.1716: the 12th term is less than 2^-60.
    Value R = c(2.0 / 23);
    for (int K = 21; K >= 3; K -= 2)
      R = fma(R, Square, c(2.0 / K));
    R = mul(R, Square);
    Value Low = fma(Exponent, c(Ln2Low), mul(S, sub(R, F)));
    Value Result = fma(Exponent, c(Ln2High), add(F, Low));
    double Infinity = std::numeric_limits<double>::infinity();
    Result = select(compare(Less::OEQ, X, c(0)), c(-Infinity), Result);
    Result = select(compare(Less::OEQ, X, c(Infinity)), X, Result);
    // Below zero, and NaN itself.
    return select(compare(Less::UGE, X, c(0)),
                  select(compare(Less::UNO, X, X), X, Result),
                  c(std::numeric_limits<double>::quiet_NaN()));
  }
  Value pow(Value X, Value Y) {
    Value Size = abs(X);
    Value P = exp(mul(Y, log(Size)));
    // exp's argument is no number for 1^inf, and 0^0 is 1.
    P = select(compare(Less::OEQ, Size, c(1)), c(1), P);
    // Whole and odd: half of it is not whole.
    auto IsWhole = [&](Value V) {
      return compare(Less::OEQ, math::FloorOp::create(B, Loc, V), V);
    };
    Value Whole = IsWhole(Y), Half = mul(Y, c(0.5));
    Value Odd = arith::AndIOp::create(
        B, Loc, Whole,
        arith::XOrIOp::create(B, Loc, IsWhole(Half),
                              splat(B.getBoolAttr(true), Whole.getType())));
    // The sign of -0 counts too.
    P = select(Odd, math::CopySignOp::create(B, Loc, P, X), P);
    Value Finite =
        compare(Less::OLT, Size, c(std::numeric_limits<double>::infinity()));
    Value Bad = arith::AndIOp::create(
        B, Loc,
        arith::AndIOp::create(B, Loc, Finite, compare(Less::OLT, X, c(0))),
        arith::XOrIOp::create(B, Loc, Whole,
                              splat(B.getBoolAttr(true), Whole.getType())));
    P = select(Bad, c(std::numeric_limits<double>::quiet_NaN()), P);
    // 1 whatever the other is, NaN too.
    P = select(compare(Less::OEQ, X, c(1)), c(1), P);
    P = select(compare(Less::UNO, Y, Y),
               select(compare(Less::OEQ, X, c(1)), c(1), Y), P);
    return select(compare(Less::OEQ, Y, c(0)), c(1), P);
  }

private:
  /// log(2) in two parts, the first of 32 bits: its multiples by exponents are
  /// exact.
  static constexpr double Ln2High = 0x1.62e42feep-1,
                          Ln2Low = 0x1.a39ef35793c76p-33;
  OpBuilder &B;
  Location Loc;
  Type T;

  Type intType() {
    if (auto V = dyn_cast<VectorType>(T))
      return V.clone(B.getI64Type());
    return B.getI64Type();
  }
  Value splat(TypedAttr A, Type Of) {
    if (auto V = dyn_cast<VectorType>(Of))
      A = DenseElementsAttr::get(V, cast<Attribute>(A));
    return arith::ConstantOp::create(B, Loc, A);
  }
  Value powerOfTwo(Value N) {
    Value Bits = arith::ShLIOp::create(
        B, Loc, arith::AddIOp::create(B, Loc, N, i(1023)), i(52));
    return arith::BitcastOp::create(B, Loc, T, Bits);
  }
};

template <typename OpTy> struct ExpandDouble : OpRewritePattern<OpTy> {
  using Maker = Value (*)(DoubleFormula &, Value);
  ExpandDouble(MLIRContext *Ctx, Maker Make)
      : OpRewritePattern<OpTy>(Ctx), Make(Make) {}

  LogicalResult matchAndRewrite(OpTy Op,
                                PatternRewriter &Rewriter) const override {
    if (!getElementTypeOrSelf(Op.getType()).isF64())
      return failure();
    DoubleFormula F(Rewriter, Op.getLoc(), Op.getType());
    Rewriter.replaceOp(Op, Make(F, Op.getOperand()));
    return success();
  }

private:
  Maker Make;
};

struct ExpandPow : OpRewritePattern<math::PowFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::PowFOp Op,
                                PatternRewriter &Rewriter) const override {
    Type Element = getElementTypeOrSelf(Op.getType());
    Location Loc = Op.getLoc();
    if (Element.isF64()) {
      DoubleFormula F(Rewriter, Loc, Op.getType());
      Rewriter.replaceOp(Op, F.pow(Op.getLhs(), Op.getRhs()));
      return success();
    }
    if (!Element.isF32())
      return failure();
    Type Wide = Rewriter.getF64Type();
    if (auto V = dyn_cast<VectorType>(Op.getType()))
      Wide = V.clone(Wide);
    DoubleFormula F(Rewriter, Loc, Wide);
    Value X = arith::ExtFOp::create(Rewriter, Loc, Wide, Op.getLhs()),
          Y = arith::ExtFOp::create(Rewriter, Loc, Wide, Op.getRhs());
    Rewriter.replaceOpWithNewOp<arith::TruncFOp>(Op, Op.getType(), F.pow(X, Y));
    return success();
  }
};
} // namespace

void lathe::codegen::populateDoubleMathPatterns(RewritePatternSet &Patterns) {
  MLIRContext *Ctx = Patterns.getContext();
  Patterns.add<ExpandDouble<math::ExpOp>>(
      Ctx, [](DoubleFormula &F, Value X) { return F.exp(X); });
  Patterns.add<ExpandDouble<math::LogOp>>(
      Ctx, [](DoubleFormula &F, Value X) { return F.log(X); });
  Patterns.add<ExpandPow>(Ctx);
}

//===- DoubleMath.cpp - Functions of f64 without a library ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The functions of f64 as arithmetic, for targets that no C library is to be
// had on: a few units in the last place; pow is exp(y log x), whose error grows
// with |y log x| to some 1e-13. Infinities, NaN and zeros as C has them. What
// f32 has no formula of its own for goes through f64, and is rounded once.
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
  Value sqrt(Value X) { return math::SqrtOp::create(B, Loc, X); }
  Value negate(Value X) { return arith::NegFOp::create(B, Loc, X); }
  Value copySign(Value X, Value Sign) {
    return math::CopySignOp::create(B, Loc, X, Sign);
  }
  Value round(Value X) { return math::RoundEvenOp::create(B, Loc, X); }
  /// Lowest coefficient first.
  Value poly(Value X, ArrayRef<double> Coefficients) {
    Value P = c(Coefficients.back());
    for (double C : llvm::reverse(Coefficients.drop_back()))
      P = fma(P, X, c(C));
    return P;
  }
  /// (e^R - 1) / R for |R| <= log(2) / 2: Taylor's series, whose next term is
  /// less than 2^-57.
  Value growth(Value R) {
    double Factorial = 1;
    SmallVector<double> Terms;
    for (int K = 1; K <= 13; ++K)
      Terms.push_back(1 / (Factorial *= K));
    return poly(R, Terms);
  }
  /// P times 2^N, in two halves: down to denormals, up to infinity.
  Value scale(Value P, Value N) {
    Value Ni = arith::FPToSIOp::create(B, Loc, intType(), N);
    Value Half = arith::ShRSIOp::create(B, Loc, Ni, i(1));
    Value Rest = arith::SubIOp::create(B, Loc, Ni, Half);
    return mul(mul(P, powerOfTwo(Half)), powerOfTwo(Rest));
  }
  Value within(Value X, double Least, double Most) {
    X = select(compare(Less::OGT, X, c(Most)), c(Most), X);
    return select(compare(Less::OLT, X, c(Least)), c(Least), X);
  }
  /// 2^N e^R.
  Value exp(Value X) {
    X = within(X, -760.0, 720.0);
    Value N = round(mul(X, c(M_LOG2E)));
    Value R = fma(N, c(-Ln2Low), fma(N, c(-Ln2High), X));
    return scale(fma(growth(R), R, c(1)), N);
  }
  Value exp2(Value X) {
    X = within(X, -1090.0, 1030.0);
    Value N = round(X), R = mul(sub(X, N), c(M_LN2));
    return scale(fma(growth(R), R, c(1)), N);
  }
  /// What is subtracted matters only where e^X is close to it.
  Value expm1(Value X) {
    Value Small = compare(Less::OLT, abs(X), c(0.34));
    Value Near = select(Small, X, c(0));
    return select(Small, mul(growth(Near), Near), sub(exp(X), c(1)));
  }
  /// log(X) / log(Base); X = 2^E (1 + F), 1 + F between sqrt(1/2) and sqrt(2);
  /// with S = F / (2 + F) log(1 + F) is 2 S + 2/3 S^3 + 2/5 S^5 + ... =
  /// F - S (F - R).
  enum class Base { E, Two, Ten };
  Value log(Value X, Base Of = Base::E) {
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
    Value Correction = mul(S, sub(R, F)), Result;
    switch (Of) {
    case Base::E:
      Result = fma(Exponent, c(Ln2High),
                   add(F, fma(Exponent, c(Ln2Low), Correction)));
      break;
    case Base::Two: // whole numbers for powers of two
      Result = fma(add(F, Correction), c(M_LOG2E), Exponent);
      break;
    case Base::Ten:
      Result = fma(add(F, Correction), c(M_LOG10E),
                   mul(Exponent, c(M_LN2 * M_LOG10E)));
      break;
    }
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
    auto IsWhole = [&](Value V) {
      return compare(Less::OEQ, math::FloorOp::create(B, Loc, V), V);
    };
    Value Whole = IsWhole(Y), Half = mul(Y, c(0.5));
    // A product of whole numbers is whole (9^3 is not 728.9999), and exact as
    // long as the error of the formula is less than a half.
    Value Product = arith::AndIOp::create(
        B, Loc, IsWhole(Size),
        arith::AndIOp::create(B, Loc, Whole, compare(Less::OGE, Y, c(0))));
    P = select(Product, round(P), P);
    // Whole and odd: half of it is not whole.
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

  /// log(1 + X): what 1 + X is rounded by, its logarithm is put right by
  /// (W. Kahan's method).
  Value log1p(Value X) {
    Value Sum = add(c(1), X), Rounded = sub(Sum, c(1));
    Value L = log(Sum);
    Value Right = mul(L, div(X, Rounded));
    Right = select(compare(Less::OEQ, Rounded, c(0)), X, Right);
    return select(compare(Less::OLT, abs(Sum), c(Infinity)), Right, L);
  }
  /// sin(X), cos(X) or their quotient: X - N pi/2 in three parts, then Taylor's
  /// series; the next terms are less than 2^-55 of them.
  enum class Wave { Sine, Cosine, Tangent };
  Value wave(Value X, Wave Of) {
    Value N = round(mul(X, c(M_2_PI)));
    Value R = fma(N, c(-0x1.921fb54442d18p0), X);
    R = fma(N, c(-0x1.1a62633145c07p-54), R);
    R = fma(N, c(0x1.f1976b7ed8fbcp-110), R);
    Value S = mul(R, R);
    SmallVector<double> Sines, Cosines;
    double Term = 1;
    for (int K = 2; K <= 18; K += 2) {
      Cosines.push_back(Term = -Term / (K == 2 ? 2 : (K - 1) * K));
    }
    Term = 1;
    for (int K = 3; K <= 17; K += 2)
      Sines.push_back(Term = -Term / ((K - 1) * K));
    Value Sin = fma(mul(poly(S, Sines), S), R, R);
    Value Cos = fma(poly(S, Cosines), S, c(1));
    Value Quadrant = arith::FPToSIOp::create(B, Loc, intType(), N);
    if (Of == Wave::Cosine)
      Quadrant = arith::AddIOp::create(B, Loc, Quadrant, i(1));
    auto Bit = [&](int64_t K) {
      return arith::CmpIOp::create(
          B, Loc, arith::CmpIPredicate::ne,
          arith::AndIOp::create(B, Loc, Quadrant, i(K)), i(0));
    };
    if (Of == Wave::Tangent)
      return select(Bit(1), negate(div(Cos, Sin)), div(Sin, Cos));
    Value Y = select(Bit(1), Cos, Sin);
    return select(Bit(2), negate(Y), Y);
  }
  /// The arc of a tangent of at least zero: of its inverse above one; then the
  /// angle halved twice, and Leibniz's series.
  Value arc(Value X) {
    Value Inverts = compare(Less::OGT, X, c(1));
    Value T = select(Inverts, div(c(1), X), X);
    for (int I = 0; I < 2; ++I)
      T = div(T, add(c(1), sqrt(fma(T, T, c(1)))));
    // T <= tan(pi/16): the 13th term is less than 2^-58 of the first.
    SmallVector<double> Terms;
    for (int K = 0; K <= 12; ++K)
      Terms.push_back((K % 2 ? -4.0 : 4.0) / (2 * K + 1));
    Value A = mul(poly(mul(T, T), Terms), T);
    // pi/2 is two numbers.
    return select(Inverts, add(c(M_PI_2), sub(c(0x1.1a62633145c07p-54), A)), A);
  }
  Value atan(Value X) { return copySign(arc(abs(X)), X); }
  Value asin(Value X) {
    Value A = abs(X);
    return copySign(arc(div(A, sqrt(mul(sub(c(1), A), add(c(1), A))))), X);
  }
  /// Twice the arc of a half: exact near one, where acos vanishes.
  Value acos(Value X) {
    return mul(c(2), arc(sqrt(div(sub(c(1), X), add(c(1), X)))));
  }
  /// Of |X| beyond 700 by a half of the exponent, squared: no overflow before
  /// its time.
  Value large(Value Size) {
    Value Half = exp(mul(Size, c(0.5)));
    return mul(mul(Half, c(0.5)), Half);
  }
  Value sinh(Value X) {
    Value A = abs(X), E = expm1(A);
    Value S = mul(add(E, div(E, add(E, c(1)))), c(0.5));
    return copySign(select(compare(Less::OGT, A, c(700)), large(A), S), X);
  }
  Value cosh(Value X) {
    Value A = abs(X), E = exp(A);
    Value C = fma(E, c(0.5), div(c(0.5), E));
    return select(compare(Less::OGT, A, c(700)), large(A), C);
  }
  Value tanh(Value X) {
    Value A = within(abs(X), 0, 40.0);
    Value E = expm1(mul(A, c(2)));
    return copySign(div(E, add(E, c(2))), X);
  }
  Value asinh(Value X) {
    Value A = abs(X), S = mul(A, A);
    Value Low = log1p(add(A, div(S, add(c(1), sqrt(add(S, c(1)))))));
    Value High = add(log(A), c(M_LN2));
    return copySign(select(compare(Less::OGT, A, c(1e10)), High, Low), X);
  }
  Value acosh(Value X) {
    Value T = sub(X, c(1));
    Value Low = log1p(add(T, sqrt(mul(T, add(T, c(2))))));
    Value High = add(log(X), c(M_LN2));
    return select(compare(Less::OGT, X, c(1e10)), High, Low);
  }
  Value atanh(Value X) {
    Value A = abs(X);
    Value R = mul(log1p(div(add(A, A), sub(c(1), A))), c(0.5));
    return copySign(R, X);
  }
  /// erfc(A), A >= 1/2: T e^(-A^2 + P(T)) with T = 2 / (2 + A), where P is a
  /// series of Chebyshev's polynomials of 5/2 T - 1, found by interpolating
  /// log(erfc(A) e^(A^2) / T) in 60 digits at their zeros; what is left out is
  /// less than 2^-54.
  Value tail(Value A) {
    static constexpr double Chebyshev[] = {
        -0.78318707272406,       0.5058947933173407,
        0.020165332295700413,    -0.004150784270483714,
        -0.0006929393033131829,  8.061304448090166e-05,
        2.5850999510766174e-05,  -2.4532413619366538e-06,
        -1.0665628949056516e-06, 1.0956136201272647e-07,
        4.618283721422925e-08,   -6.305089137369667e-09,
        -1.9633309872353595e-09, 3.979371116364933e-10,
        7.359712081538667e-11,   -2.4619582503772172e-11,
        -1.769647748682444e-12,  1.3810080809606214e-12,
        -4.600206617963027e-14,  -6.380484046552098e-14,
        9.937718418245514e-15,   1.856958347210499e-15,
        -7.707956385933372e-16,  3.1621351296209296e-17};
    Value T = div(c(2), add(c(2), A)), U = fma(T, c(2.5), c(-1));
    Value Twice = add(U, U), Next = c(0), P = c(0);
    for (double C : llvm::reverse(llvm::drop_begin(Chebyshev))) {
      Value Here = fma(Twice, P, sub(c(C), Next));
      Next = P;
      P = Here;
    }
    P = fma(U, P, sub(c(Chebyshev[0]), Next));
    // The square in two parts: its error would be the result's.
    Value Square = mul(A, A), Rest = fma(A, A, negate(Square));
    Value E = mul(exp(negate(Square)), exp(sub(P, Rest)));
    return select(compare(Less::OGT, A, c(28)), c(0), mul(T, E));
  }
  /// The odd series of erf, |X| < 1/2; the next term is less than 2^-57 of it.
  Value heart(Value X) {
    SmallVector<double> Terms;
    double Factorial = 1;
    for (int K = 0; K <= 12; ++K) {
      Factorial *= K == 0 ? 1 : -K;
      Terms.push_back(M_2_SQRTPI / (Factorial * (2 * K + 1)));
    }
    return mul(poly(mul(X, X), Terms), X);
  }
  Value erf(Value X) {
    Value A = abs(X), Small = compare(Less::OLT, A, c(0.5));
    Value Far = select(Small, c(0.5), A);
    return select(Small, heart(X), copySign(sub(c(1), tail(Far)), X));
  }
  Value erfc(Value X) {
    Value A = abs(X), Small = compare(Less::OLT, A, c(0.5));
    Value Tail = tail(select(Small, c(0.5), A));
    Value Far = select(compare(Less::OLT, X, c(0)), sub(c(2), Tail), Tail);
    return select(Small, sub(c(1), heart(X)), Far);
  }

private:
  static constexpr double Infinity = std::numeric_limits<double>::infinity();
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

/// F of f64; of what is left of f32 through f64.
struct ExpandDouble : RewritePattern {
  using Maker = Value (*)(DoubleFormula &, Value);
  ExpandDouble(MLIRContext *Ctx, StringRef Name, Maker Make)
      : RewritePattern(Name, /*benefit=*/1, Ctx), Make(Make) {}

  LogicalResult matchAndRewrite(Operation *Op,
                                PatternRewriter &Rewriter) const override {
    Type T = Op->getResult(0).getType(), Element = getElementTypeOrSelf(T);
    Location Loc = Op->getLoc();
    if (Element.isF64()) {
      DoubleFormula F(Rewriter, Loc, T);
      Rewriter.replaceOp(Op, Make(F, Op->getOperand(0)));
      return success();
    }
    if (!Element.isF32())
      return failure();
    Type Wide = Rewriter.getF64Type();
    if (auto V = dyn_cast<VectorType>(T))
      Wide = V.clone(Wide);
    DoubleFormula F(Rewriter, Loc, Wide);
    Value X = arith::ExtFOp::create(Rewriter, Loc, Wide, Op->getOperand(0));
    Rewriter.replaceOpWithNewOp<arith::TruncFOp>(Op, T, Make(F, X));
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
  using F = DoubleFormula;
  static constexpr struct {
    StringLiteral Name;
    ExpandDouble::Maker Make;
  } Functions[] = {
      {"math.exp", [](F &M, Value X) { return M.exp(X); }},
      {"math.exp2", [](F &M, Value X) { return M.exp2(X); }},
      {"math.expm1", [](F &M, Value X) { return M.expm1(X); }},
      {"math.log", [](F &M, Value X) { return M.log(X); }},
      {"math.log2", [](F &M, Value X) { return M.log(X, F::Base::Two); }},
      {"math.log10", [](F &M, Value X) { return M.log(X, F::Base::Ten); }},
      {"math.log1p", [](F &M, Value X) { return M.log1p(X); }},
      {"math.sin", [](F &M, Value X) { return M.wave(X, F::Wave::Sine); }},
      {"math.cos", [](F &M, Value X) { return M.wave(X, F::Wave::Cosine); }},
      {"math.tan", [](F &M, Value X) { return M.wave(X, F::Wave::Tangent); }},
      {"math.asin", [](F &M, Value X) { return M.asin(X); }},
      {"math.acos", [](F &M, Value X) { return M.acos(X); }},
      {"math.atan", [](F &M, Value X) { return M.atan(X); }},
      {"math.sinh", [](F &M, Value X) { return M.sinh(X); }},
      {"math.cosh", [](F &M, Value X) { return M.cosh(X); }},
      {"math.tanh", [](F &M, Value X) { return M.tanh(X); }},
      {"math.asinh", [](F &M, Value X) { return M.asinh(X); }},
      {"math.acosh", [](F &M, Value X) { return M.acosh(X); }},
      {"math.atanh", [](F &M, Value X) { return M.atanh(X); }},
      {"math.erf", [](F &M, Value X) { return M.erf(X); }},
      {"math.erfc", [](F &M, Value X) { return M.erfc(X); }},
  };
  for (const auto &Row : Functions)
    Patterns.add<ExpandDouble>(Patterns.getContext(), Row.Name, Row.Make);
  Patterns.add<ExpandPow>(Patterns.getContext());
}

//===- ExpandMath.cpp - codegen-expand-math -------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Vector math without a library: f32 functions become polynomials on whatever
// vectors they stand on. MLIR's own approximations are used where they are
// exact to a few ulp on the whole domain; exp and erf are ours (theirs flush
// and clamp, or branch more than they compute), and so are sin and cos (theirs
// lose the argument's low bits). What remains calls libm lane by lane. After it
// no math op is left that the conversion to LLVM does not know.
//
//===----------------------------------------------------------------------===//

#include "MissingInstructions.h"
#include "lathe/Codegen/Passes.h"
#include "lathe/Kernel/Quotient.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Threading.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include <cmath>

namespace lathe::codegen {
#define GEN_PASS_DEF_EXPANDMATHPASS
#include "lathe/Codegen/Passes.h.inc"
} // namespace lathe::codegen

using namespace mlir;

namespace {
/// Arithmetic on f32 scalars or vectors of one type, written as formulas.
class Formula {
public:
  Formula(OpBuilder &B, Location Loc, Type T, bool HasScale)
      : B(B), Loc(Loc), T(T), HasScale(HasScale) {}

  Value c(float X) { return splat(B.getF32FloatAttr(X), T); }
  Value i(int32_t X) { return splat(B.getI32IntegerAttr(X), intType()); }
  Value add(Value X, Value Y) { return arith::AddFOp::create(B, Loc, X, Y); }
  Value sub(Value X, Value Y) { return arith::SubFOp::create(B, Loc, X, Y); }
  Value mul(Value X, Value Y) { return arith::MulFOp::create(B, Loc, X, Y); }
  Value fma(Value X, Value Y, Value Z) {
    return math::FmaOp::create(B, Loc, X, Y, Z);
  }
  Value abs(Value X) { return math::AbsFOp::create(B, Loc, X); }
  Value copySign(Value X, Value S) {
    return math::CopySignOp::create(B, Loc, X, S);
  }
  Value select(arith::CmpFPredicate P, Value X, Value Y, Value A, Value C) {
    return arith::SelectOp::create(
        B, Loc, arith::CmpFOp::create(B, Loc, P, X, Y), A, C);
  }
  /// X, but no more than Y (no less); NaN stays.
  Value atMost(Value X, Value Y) {
    return select(arith::CmpFPredicate::OGT, X, Y, Y, X);
  }
  Value atLeast(Value X, Value Y) {
    return select(arith::CmpFPredicate::OLT, X, Y, Y, X);
  }
  Value roundToEven(Value X) { return math::RoundEvenOp::create(B, Loc, X); }
  Value toInt(Value X) { return arith::FPToSIOp::create(B, Loc, intType(), X); }
  Value bits(Value X) { return arith::BitcastOp::create(B, Loc, intType(), X); }
  Value fromBits(Value X) { return arith::BitcastOp::create(B, Loc, T, X); }
  /// Highest coefficient first.
  Value poly(Value X, ArrayRef<float> Coefficients) {
    Value P = c(Coefficients[0]);
    for (float K : Coefficients.drop_front())
      P = fma(P, X, c(K));
    return P;
  }
  /// X * 2^N, N whole: by an instruction, or in two halves, so that results
  /// reach down to denormals and up to infinity.
  Value scale(Value X, Value N) {
    if (Value Scaled = HasScale ? scaleByInstruction(X, N) : Value())
      return Scaled;
    Value Ni = toInt(N);
    Value Half = arith::ShRSIOp::create(B, Loc, Ni, i(1));
    Value Rest = arith::SubIOp::create(B, Loc, Ni, Half);
    return mul(mul(X, powerOfTwo(Half)), powerOfTwo(Rest));
  }
  /// exp(X): 2^n * p(r) with |r| <= log(2)/2.
  Value exp(Value X) {
    X = atLeast(atMost(X, c(90.0f)), c(-105.0f));
    Value N = roundToEven(mul(X, c(1.44269504088896341f)));
    Value R = fma(N, c(-0.693359375f), X);
    R = fma(N, c(2.12194440e-4f), R);
    Value P = poly(R, {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                       4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f});
    return scale(add(fma(P, mul(R, R), R), c(1.0f)), N);
  }
  /// erf(X): an odd polynomial near zero, 1 - exp(polynomial) elsewhere.
  Value erf(Value X) {
    Value A = abs(X), S = mul(X, X);
    Value R = fma(c(-1.72853470e-5f), A, c(3.83197126e-4f));
    R = fma(R, S, fma(c(-3.88396438e-3f), A, c(2.42546219e-2f)));
    R = fma(R, A, c(-1.06777877e-1f));
    R = fma(R, A, c(-6.34846687e-1f));
    R = fma(R, A, c(-1.28717512e-1f));
    R = sub(mul(R, A), A);
    Value Large = copySign(sub(c(1.0f), exp(R)), X);
    Value Q = poly(S, {-5.96761703e-4f, 4.99119423e-3f, -2.67681349e-2f,
                       1.12819925e-1f, -3.76125336e-1f, 1.28379166e-1f});
    Value Small = fma(Q, X, X);
    return select(arith::CmpFPredicate::OGT, A, c(0.921875f), Large, Small);
  }
  /// sin(X) or cos(X): X - n pi/2, then one of two polynomials. The difference
  /// is of doubles, right to 1e14, where n begins to be the neighbour of the
  /// nearest number; far beyond, the result is at least one of a sine.
  Value sine(Value X, bool Cosine) {
    Formula D(B, Loc, wideType(), HasScale);
    Value Wide = arith::ExtFOp::create(B, Loc, D.T, X);
    Value Whole = D.roundToEven(D.mul(Wide, D.wide(0x1.45f306dc9c883p-1)));
    Value Rest = D.fma(Whole, D.wide(-0x1.921fb54442d18p0), Wide);
    Rest = D.fma(Whole, D.wide(-0x1.1a62633145c07p-54), Rest);
    Value Turns = D.roundToEven(D.mul(Whole, D.wide(0.25)));
    Value N = narrow(D.fma(Turns, D.wide(-4.0), Whole));
    Value R = atLeast(atMost(narrow(Rest), c(0.8f)), c(-0.8f));
    Value S = mul(R, R);
    Value Sin = poly(
        S, {2.86567956e-6f, -1.98559923e-4f, 8.33338592e-3f, -1.66666672e-1f});
    Sin = fma(mul(Sin, S), R, R);
    Value Cos = poly(
        S, {2.44677067e-5f, -1.38877297e-3f, 4.16666567e-2f, -5.00000000e-1f});
    Cos = fma(Cos, S, c(1.0f));
    Value Quadrant = toInt(N);
    if (Cosine)
      Quadrant = arith::AddIOp::create(B, Loc, Quadrant, i(1));
    Value Odd = arith::CmpIOp::create(
        B, Loc, arith::CmpIPredicate::ne,
        arith::AndIOp::create(B, Loc, Quadrant, i(1)), i(0));
    Value Y = arith::SelectOp::create(B, Loc, Odd, Cos, Sin);
    Value Sign = arith::ShLIOp::create(
        B, Loc, arith::AndIOp::create(B, Loc, Quadrant, i(2)), i(30));
    return fromBits(arith::XOrIOp::create(B, Loc, bits(Y), Sign));
  }

private:
  OpBuilder &B;
  Location Loc;
  Type T;
  bool HasScale;

  /// vscalefps, all lanes on, in the current rounding mode; null where no
  /// register is as wide as T.
  Value scaleByInstruction(Value X, Value N) {
    auto V = dyn_cast<VectorType>(T);
    int64_t Lanes = V && V.getRank() == 1 ? V.getNumElements() : 0;
    if (Lanes != 4 && Lanes != 8 && Lanes != 16)
      return nullptr;
    auto Constant = [&](unsigned Bits, int64_t Value) {
      return arith::ConstantOp::create(
          B, Loc, B.getIntegerAttr(B.getIntegerType(Bits), Value));
    };
    SmallVector<Value> Args{X, N, X, Constant(Lanes == 16 ? 16 : 8, -1)};
    if (Lanes == 16)
      Args.push_back(Constant(32, /*current direction*/ 4));
    std::string Name =
        "llvm.x86.avx512.mask.scalef.ps." + std::to_string(32 * Lanes);
    return LLVM::CallIntrinsicOp::create(B, Loc, T, B.getStringAttr(Name), Args)
        .getResult(0);
  }

  Value wide(double X) { return splat(B.getF64FloatAttr(X), T); }
  Value narrow(Value X) { return arith::TruncFOp::create(B, Loc, T, X); }
  Type wideType() {
    Type F = B.getF64Type();
    if (auto V = dyn_cast<VectorType>(T))
      return V.clone(F);
    return F;
  }
  Type intType() {
    Type I = B.getI32Type();
    if (auto V = dyn_cast<VectorType>(T))
      return V.clone(I);
    return I;
  }
  Value splat(TypedAttr A, Type Of) {
    if (auto V = dyn_cast<VectorType>(Of))
      A = DenseElementsAttr::get(V, cast<Attribute>(A));
    return arith::ConstantOp::create(B, Loc, A);
  }
  Value powerOfTwo(Value N) {
    return fromBits(arith::ShLIOp::create(
        B, Loc, arith::AddIOp::create(B, Loc, N, i(127)), i(23)));
  }
};

/// Op -> Make(formula, operand), on f32.
template <typename OpTy> struct Expand : public OpRewritePattern<OpTy> {
  using Maker = Value (*)(Formula &, Value);
  Expand(MLIRContext *Ctx, bool HasScale, Maker Make)
      : OpRewritePattern<OpTy>(Ctx, /*benefit=*/2), HasScale(HasScale),
        Make(Make) {}

  LogicalResult matchAndRewrite(OpTy Op,
                                PatternRewriter &Rewriter) const override {
    if (!getElementTypeOrSelf(Op.getType()).isF32())
      return failure();
    Formula F(Rewriter, Op.getLoc(), Op.getType(), HasScale);
    Rewriter.replaceOp(Op, Make(F, Op.getOperand()));
    return success();
  }

private:
  bool HasScale;
  Maker Make;
};

/// x maximum c, c no NaN: one instruction instead of a comparison more.
template <typename OpTy> struct NarrowExtremum : public OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy Op,
                                PatternRewriter &Rewriter) const override {
    Value X = Op.getLhs(), C = Op.getRhs();
    auto IsNumber = [](Value V) {
      FloatAttr F;
      DenseElementsAttr D;
      if (matchPattern(V, m_Constant(&F)))
        return !F.getValue().isNaN();
      if (!matchPattern(V, m_Constant(&D)) || !D.isSplat())
        return false;
      auto E = dyn_cast<FloatAttr>(D.getSplatValue<Attribute>());
      return E && !E.getValue().isNaN();
    };
    if (IsNumber(X))
      std::swap(X, C);
    if (!IsNumber(C))
      return failure();
    auto P = std::is_same_v<OpTy, arith::MaximumFOp>
                 ? arith::CmpFPredicate::OLT
                 : arith::CmpFPredicate::OGT;
    Value Beyond = arith::CmpFOp::create(Rewriter, Op.getLoc(), P, X, C);
    Rewriter.replaceOpWithNewOp<arith::SelectOp>(Op, Beyond, C, X);
    return success();
  }
};

/// The number that all elements of the constant \p V are.
std::optional<float> onlyFloat(Value V) {
  FloatAttr F;
  DenseElementsAttr D;
  if (!matchPattern(V, m_Constant(&F)) && matchPattern(V, m_Constant(&D)) &&
      D.isSplat())
    F = dyn_cast<FloatAttr>(D.getSplatValue<Attribute>());
  if (!F || !F.getType().isF32())
    return std::nullopt;
  return F.getValue().convertToFloat();
}

/// lathe/Kernel/Quotient.h.
struct DivideByConstant : public OpRewritePattern<arith::DivFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::DivFOp Op,
                                PatternRewriter &Rewriter) const override {
    std::optional<float> C = onlyFloat(Op.getRhs());
    if (!C || !lathe::kernel::isExactQuotient(Op) ||
        !lathe::kernel::hasExactQuotient(*C))
      return failure();
    Formula F(Rewriter, Op.getLoc(), Op.getType(), /*HasScale=*/false);
    Rewriter.replaceOp(
        Op, lathe::kernel::exactQuotient(Rewriter, Op.getLoc(), Op.getLhs(),
                                         Op.getRhs(), F.c(1.0f / *C)));
    return success();
  }
};

/// Where there is no fused multiply-add, libm's would be a call per lane.
struct SplitFMA : public OpRewritePattern<math::FmaOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::FmaOp Op,
                                PatternRewriter &Rewriter) const override {
    Value P =
        arith::MulFOp::create(Rewriter, Op.getLoc(), Op.getA(), Op.getB());
    Rewriter.replaceOpWithNewOp<arith::AddFOp>(Op, P, Op.getC());
    return success();
  }
};

/// The steps of the pass on what \p Root holds.
LogicalResult expand(Operation *Root,
                     const lathe::codegen::ExpandMathPassOptions &Options) {
  MLIRContext *Ctx = Root->getContext();
  RewritePatternSet Patterns(Ctx);
  Patterns.add<Expand<math::ExpOp>>(
      Ctx, Options.scale, [](Formula &F, Value X) { return F.exp(X); });
  Patterns.add<Expand<math::ErfOp>>(
      Ctx, Options.scale, [](Formula &F, Value X) { return F.erf(X); });
  Patterns.add<Expand<math::SinOp>>(
      Ctx, Options.scale, [](Formula &F, Value X) { return F.sine(X, false); });
  Patterns.add<Expand<math::CosOp>>(
      Ctx, Options.scale, [](Formula &F, Value X) { return F.sine(X, true); });
  Patterns.add<NarrowExtremum<arith::MaximumFOp>,
               NarrowExtremum<arith::MinimumFOp>>(Ctx);
  if (Options.fma)
    Patterns.add<DivideByConstant>(Ctx);
  populateMathAlgebraicSimplificationPatterns(Patterns);
  StringRef Upstream[] = {
      math::TanhOp::getOperationName(), math::LogOp::getOperationName(),
      math::Log2Op::getOperationName(), math::Log1pOp::getOperationName(),
      math::AtanOp::getOperationName(), math::Atan2Op::getOperationName(),
      math::CbrtOp::getOperationName()};
  // (Its arc tangent is right to some 40 units; f64's is better.)
  populateMathPolynomialApproximationPatterns(Patterns, [&](StringRef Name) {
    return llvm::is_contained(Upstream, Name) &&
           (Options.library || Name != math::AtanOp::getOperationName());
  });
  FrozenRewritePatternSet Formulas(std::move(Patterns));

  // What the formulas above use and the target has not.
  RewritePatternSet Missing(Ctx);
  if (!Options.fma)
    Missing.add<SplitFMA>(Ctx);
  if (!Options.rounding)
    lathe::codegen::populateRoundingPatterns(Missing);
  if (!Options.library)
    lathe::codegen::populateDoubleMathPatterns(Missing);
  if (!Options.maxNum)
    lathe::codegen::populateMaxNumPatterns(Missing);
  FrozenRewritePatternSet Rest(std::move(Missing));
  SmallVector<Operation *> Functions{Root};
  if (Root->hasTrait<OpTrait::SymbolTable>())
    Functions = llvm::map_to_vector(Root->getRegion(0).front(),
                                    [](Operation &Op) { return &Op; });
  if (failed(failableParallelForEach(
          Ctx, Functions, [&](Operation *Function) -> LogicalResult {
            if (failed(applyPatternsGreedily(Function, Formulas)) ||
                failed(applyPatternsGreedily(Function, Rest)))
              return failure();
            if (!Options.wholeLoads)
              lathe::codegen::keepLoadsWhole(Function);
            return success();
          })))
    return failure();

  // What neither a polynomial nor an instruction gives. Without a library
  // that stays, for whoever lowers it to report.
  if (!Options.library)
    return success();
  RewritePatternSet Libm(Ctx);
  populateMathToLibmConversionPatterns(Libm);
  ConversionTarget Target(*Ctx);
  Target.addIllegalOp<math::AcosOp, math::AcoshOp, math::AsinOp, math::AsinhOp,
                      math::AtanOp, math::AtanhOp, math::Atan2Op, math::CbrtOp,
                      math::CoshOp, math::ErfOp, math::ErfcOp, math::ExpM1Op,
                      math::Log1pOp, math::SinhOp, math::TanOp, math::TanhOp>();
  Target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  if (failed(applyPartialConversion(Root, Target, std::move(Libm))))
    return failure();
  return success();
}

struct ExpandMathPass
    : public lathe::codegen::impl::ExpandMathPassBase<ExpandMathPass> {
  using ExpandMathPassBase::ExpandMathPassBase;

  void runOnOperation() override {
    lathe::codegen::ExpandMathPassOptions Options;
    Options.fma = fma;
    Options.rounding = rounding;
    Options.maxNum = maxNum;
    Options.wholeLoads = wholeLoads;
    Options.library = library;
    Options.scale = scale;
    if (failed(expand(getOperation(), Options)))
      signalPassFailure();
  }
};
} // namespace

static lathe::codegen::ExpandMathPassOptions
optionsFor(const lathe::TargetDescription &Target) {
  lathe::codegen::ExpandMathPassOptions Options;
  Options.fma = Target.HasFMA;
  Options.rounding = Target.HasRounding;
  Options.maxNum = Target.HasMaxNum;
  Options.library = !Target.IsGPU;
  Options.wholeLoads = Target.KeepsLoadsWhole;
  Options.scale = Target.HasScale;
  return Options;
}

LogicalResult lathe::codegen::expandMath(Operation *Root,
                                         const TargetDescription &Target) {
  return expand(Root, optionsFor(Target));
}

std::unique_ptr<Pass>
lathe::codegen::createExpandMathPass(const TargetDescription &Target) {
  return lathe::codegen::createExpandMathPass(optionsFor(Target));
}

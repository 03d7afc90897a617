//===- ReduceStrength.cpp - The pass graph-reduce-strength ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each pattern replaces a node by cheaper ones of the same value. Those that
// round differently (a division by a constant that is no power of two) are left
// out where roundings are kept.
//
// Invariant: no pattern undoes another, so the greedy rewriter ends.
//
//===----------------------------------------------------------------------===//

#include "Match.h"
#include "NodeBuilder.h"
#include "lathe/Graph/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include <cmath>

namespace lathe::graph {
#define GEN_PASS_DEF_REDUCESTRENGTH
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// A constant of single elements that adds no dimension to \p X.
static bool isScalarBeside(Value Constant, Value X) {
  RankedTensorType Type = getStatic(Constant);
  return Type && Type.getNumElements() == 1 && getRank(X) >= Type.getRank();
}

namespace {
/// A power with a small exponent is products or a root.
struct ReducePow : OpRewritePattern<onnx::PowOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::PowOp Op,
                                PatternRewriter &Rewriter) const override {
    Value X = Op.getX();
    auto Exponent = getUniform(Op.getY());
    if (!Exponent || !isFloat(X) || X.getType() != Op.getZ().getType() ||
        !isScalarBeside(Op.getY(), X))
      return failure();
    Type Ty = X.getType();
    NodeBuilder B(Rewriter, Op.getLoc());
    Value New;
    if (*Exponent == 2)
      New = B.op("Mul", {X, X}, {}, Ty);
    else if (*Exponent == 3)
      New = B.op("Mul", {B.op("Mul", {X, X}, {}, Ty), X}, {}, Ty);
    else if (*Exponent == 0.5)
      New = B.op("Sqrt", X, {}, Ty);
    else if (*Exponent == -1)
      New = B.op("Reciprocal", X, {}, Ty);
    else if (*Exponent == -0.5)
      New = B.op("Reciprocal", B.op("Sqrt", X, {}, Ty), {}, Ty);
    else
      return failure();
    Rewriter.replaceOp(Op, New);
    return success();
  }
};

/// x / c is x * (1 / c): exactly for powers of two. x / y where y is repeated
/// along rows divides once a row. 1 / x is a reciprocal.
struct ReduceDiv : OpRewritePattern<onnx::DivOp> {
  ReduceDiv(MLIRContext *Context, bool KeepRounding)
      : OpRewritePattern(Context), KeepRounding(KeepRounding) {}
  LogicalResult matchAndRewrite(onnx::DivOp Op,
                                PatternRewriter &Rewriter) const override {
    Value X = Op.getA(), Y = Op.getB();
    Type Ty = Op.getC().getType();
    if (!isFloat(X) || isInQuantizedGroup(Op))
      return failure();
    NodeBuilder B(Rewriter, Op.getLoc());
    if (isUniform(X, 1) && Y.getType() == Ty && isScalarBeside(X, Y)) {
      Rewriter.replaceOp(Op, B.op("Reciprocal", Y, {}, Ty));
      return success();
    }
    auto Divisors = getFloats(Y);
    RankedTensorType Divisor = getStatic(Y), Result = getStatic(Op.getC());
    if (Divisors && !Divisors->empty()) {
      for (double &D : *Divisors) {
        int Exponent;
        bool Exact = std::abs(std::frexp(D, &Exponent)) == 0.5;
        double Inverse = 1 / D;
        if ((!Exact && KeepRounding) || std::abs(Inverse) > 0x1p100 ||
            std::abs(Inverse) < 0x1p-100)
          return failure();
        D = Inverse;
      }
      // Half precision has no room for the inverse of large numbers.
      if (!Divisor.getElementType().isF32() &&
          !Divisor.getElementType().isF64())
        return failure();
      Rewriter.replaceOp(
          Op, B.op("Mul", {X, B.constant(Divisor, *Divisors)}, {}, Ty));
      return success();
    }
    if (KeepRounding || !Divisor || !Result ||
        Divisor.getNumElements() * 4 > Result.getNumElements() ||
        !Divisor.getElementType().isF32())
      return failure();
    Rewriter.replaceOp(
        Op, B.op("Mul", {X, B.op("Reciprocal", Y, {}, Divisor)}, {}, Ty));
    return success();
  }
  bool KeepRounding;
};

/// Sum, Max, Min of two are binary ops that more patterns know.
struct SumToAdd : OpRewritePattern<onnx::SumOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::SumOp Op,
                                PatternRewriter &Rewriter) const override {
    if (Op->getNumOperands() != 2)
      return failure();
    NodeBuilder B(Rewriter, Op.getLoc());
    Rewriter.replaceOp(Op, B.op("Add", {Op->getOperand(0), Op->getOperand(1)},
                                {}, Op.getSum().getType()));
    return success();
  }
};

/// x + (-y) is x - y; x - (-y) is x + y.
struct AbsorbNeg : RewritePattern {
  AbsorbNeg(MLIRContext *Context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, Context) {}
  LogicalResult matchAndRewrite(Operation *Op,
                                PatternRewriter &Rewriter) const override {
    bool IsAdd = isa<onnx::AddOp>(Op);
    if (!IsAdd && !isa<onnx::SubOp>(Op))
      return failure();
    for (unsigned I : {1u, 0u}) {
      auto Neg = Op->getOperand(I).getDefiningOp<onnx::NegOp>();
      if (!Neg || (I == 0 && !IsAdd))
        continue;
      NodeBuilder B(Rewriter, Op->getLoc());
      Rewriter.replaceOp(Op, B.op(IsAdd ? "Sub" : "Add",
                                  {Op->getOperand(1 - I), Neg.getX()}, {},
                                  Op->getResult(0).getType()));
      return success();
    }
    return failure();
  }
};

/// The mean of means over other dimensions is one mean, likewise for sums and
/// extremes.
struct MergeReductions : RewritePattern {
  MergeReductions(MLIRContext *Context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, Context) {}
  LogicalResult matchAndRewrite(Operation *Op,
                                PatternRewriter &Rewriter) const override {
    if (!isa<onnx::ReduceMeanOp, onnx::ReduceSumOp, onnx::ReduceMaxOp,
             onnx::ReduceMinOp, onnx::ReduceProdOp>(Op))
      return failure();
    Value V = Op->getOperand(0);
    Operation *Inner = V.hasOneUse() ? V.getDefiningOp() : nullptr;
    if (!Inner || Inner->getName() != Op->getName())
      return failure();
    auto Outer = getAxes(Op), First = getAxes(Inner);
    bool Keep = getIntAttr(Op, "keepdims"),
         KeepInner = getIntAttr(Inner, "keepdims");
    if (!Outer || !First || Outer->empty() || First->empty() ||
        (Keep && !KeepInner))
      return failure();
    SmallVector<int64_t> Both(*First);
    for (int64_t Axis : *Outer) {
      // Counted in the operand of the first.
      if (!KeepInner)
        for (int64_t D : *First)
          Axis += D <= Axis;
      if (!llvm::is_contained(Both, Axis))
        Both.push_back(Axis);
    }
    // A kept dimension of the first that the second does not drop would go.
    if (!Keep && KeepInner)
      for (int64_t D : *First)
        if (!llvm::is_contained(*Outer, D))
          return failure();
    llvm::sort(Both);
    NodeBuilder B(Rewriter, Op->getLoc());
    Rewriter.replaceOp(Op, B.op(onnx::getOpName(Op),
                                {Inner->getOperand(0), B.ints(Both)},
                                B.attr("keepdims", int64_t(Keep)),
                                Op->getResult(0).getType()));
    return success();
  }
};

/// An average over all of the image.
struct AverageToGlobal : OpRewritePattern<onnx::AveragePoolOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::AveragePoolOp Op,
                                PatternRewriter &Rewriter) const override {
    RankedTensorType X = getRanked(Op.getX()), Y = getRanked(Op.getY());
    auto IsZero = [](int64_t P) { return P == 0; };
    if (!X || !Y ||
        (Op.getAutoPad() != "NOTSET" && Op.getAutoPad() != "VALID") ||
        (Op.getPads() && !llvm::all_of(*Op.getPads(), IsZero)) ||
        (Op.getDilations() &&
         !llvm::all_of(*Op.getDilations(), [](int64_t D) { return D == 1; })) ||
        Op.getKernelShape() != X.getShape().drop_front(2) ||
        llvm::any_of(Y.getShape().drop_front(2),
                     [](int64_t D) { return D != 1; }))
      return failure();
    NodeBuilder B(Rewriter, Op.getLoc());
    Rewriter.replaceOp(Op, B.op("GlobalAveragePool", Op.getX(), {}, Y));
    return success();
  }
};

struct ReduceStrengthPass
    : graph::impl::ReduceStrengthBase<ReduceStrengthPass> {
  using ReduceStrengthBase::ReduceStrengthBase;

  LogicalResult initialize(MLIRContext *Context) override {
    RewritePatternSet Set(Context);
    Set.add<ReducePow, SumToAdd, AbsorbNeg, MergeReductions, AverageToGlobal>(
        Context);
    Set.add<ReduceDiv>(Context, KeepRounding);
    Patterns = std::move(Set);
    return success();
  }

  void runOnOperation() override {
    struct Counter : RewriterBase::Listener {
      void notifyOperationReplaced(Operation *, ValueRange) override {
        ++Count;
      }
      unsigned Count = 0;
    } Replaced;
    GreedyRewriteConfig Config;
    Config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled)
        .setListener(&Replaced);
    // Not converged is as correct, only less simple.
    (void)applyPatternsGreedily(getOperation(), Patterns, Config);
    Reduced += Replaced.Count;
  }

private:
  FrozenRewritePatternSet Patterns;
};
} // namespace

//===- MergeViews.cpp - Chains of views and casts -------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A view is a node that gives the same elements in the same order another
// shape.
//
//===----------------------------------------------------------------------===//

#include "Elementwise.h"
#include "Match.h"
#include "MovementPatterns.h"
#include "NodeBuilder.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

static bool isView(Operation *Op) {
  return isa_and_nonnull<onnx::ReshapeOp, onnx::FlattenOp, onnx::SqueezeOp,
                         onnx::UnsqueezeOp>(Op);
}

/// \p X with the shape of \p Type; null if a Reshape with constant sizes cannot
/// say that.
static Value makeReshape(NodeBuilder &B, Value X, RankedTensorType Type) {
  if (!Type)
    return {};
  SmallVector<int64_t> Sizes(Type.getShape());
  bool HasZero = llvm::is_contained(Sizes, 0);
  unsigned Unknown = Type.getNumDynamicDims();
  if (Unknown > 1 || (Unknown == 1 && HasZero))
    return {};
  if (X.getType() == Type)
    return X;
  for (int64_t &Size : Sizes)
    if (ShapedType::isDynamic(Size))
      Size = -1;
  return B.op("Reshape", {X, B.ints(Sizes)},
              B.attr("allowzero", int64_t(HasZero)), Type);
}

namespace {
/// view(view(x)) is one view of x.
struct MergeTwoViews : RewritePattern {
  MergeTwoViews(MLIRContext *Context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, Context) {}
  LogicalResult matchAndRewrite(Operation *Op,
                                PatternRewriter &Rewriter) const override {
    if (!isView(Op))
      return failure();
    Operation *Inner = Op->getOperand(0).getDefiningOp();
    if (!isView(Inner))
      return failure();
    Value X = Inner->getOperand(0);
    RankedTensorType Type = getRanked(Op->getResult(0));
    NodeBuilder B(Rewriter,
                  Rewriter.getFusedLoc({Inner->getLoc(), Op->getLoc()}));
    if (Value New = makeReshape(B, X, Type)) {
      Rewriter.replaceOp(Op, New);
      return success();
    }
    // Computed sizes do, if none of them copies one of the operand.
    auto Reshape = dyn_cast<onnx::ReshapeOp>(Op);
    auto Sizes = Reshape ? getInts(Reshape.getShape()) : std::nullopt;
    if (!Sizes || llvm::is_contained(*Sizes, 0))
      return failure();
    Rewriter.modifyOpInPlace(Op, [&] { Op->setOperand(0, X); });
    return success();
  }
};

/// view(f(view(x))) is view(f(x)) for chains f of elementwise ops with single
/// elements.
struct MergeViewsAroundElementwise : RewritePattern {
  MergeViewsAroundElementwise(MLIRContext *Context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, Context) {}
  LogicalResult matchAndRewrite(Operation *Op,
                                PatternRewriter &Rewriter) const override {
    if (!isView(Op))
      return failure();
    SmallVector<std::pair<Operation *, unsigned>> Between;
    Value V = Op->getOperand(0);
    while (true) {
      Operation *Producer = V.getDefiningOp();
      if (!Producer || !V.hasOneUse() || Between.size() > 8)
        return failure();
      if (isView(Producer))
        break;
      if (!isElementwise(Producer))
        return failure();
      // All operands but one are single elements.
      std::optional<unsigned> Main;
      for (OpOperand &Operand : Producer->getOpOperands()) {
        if (isUniform1(Operand.get()))
          continue;
        if (Main)
          return failure();
        Main = Operand.getOperandNumber();
      }
      if (!Main || getRanked(Producer->getOperand(*Main)) == nullptr ||
          getRanked(Producer->getOperand(*Main)).getShape() !=
              getRanked(Producer->getResult(0)).getShape())
        return failure();
      Between.push_back({Producer, *Main});
      V = Producer->getOperand(*Main);
    }
    if (Between.empty())
      return failure();
    Operation *First = V.getDefiningOp();
    Value X = First->getOperand(0);
    RankedTensorType From = getRanked(X), To = getRanked(Op->getResult(0));
    if (!From || !To || To.getNumDynamicDims() > 1 ||
        (To.getNumDynamicDims() && llvm::is_contained(To.getShape(), 0)))
      return failure();
    for (auto [Producer, Main] : llvm::reverse(Between)) {
      Rewriter.setInsertionPoint(Producer);
      NodeBuilder B(Rewriter, Producer->getLoc());
      SmallVector<Value> Operands;
      for (OpOperand &Operand : Producer->getOpOperands()) {
        Value V = Operand.get();
        if (Operand.getOperandNumber() == Main)
          V = X;
        // Ones in front would raise the rank.
        else if (getRank(V) > 0)
          V = isFloat(V) && getUniform(V)
                  ? B.scalar(getRanked(V).getElementType(), *getUniform(V))
                  : B.reshape(V, {});
        Operands.push_back(V);
      }
      Operation *New = Rewriter.clone(*Producer);
      New->setOperands(Operands);
      Type Element =
          cast<TensorType>(Producer->getResult(0).getType()).getElementType();
      New->getResult(0).setType(From.clone(Element));
      X = New->getResult(0);
    }
    Rewriter.setInsertionPoint(Op);
    NodeBuilder B(Rewriter, Op->getLoc());
    Rewriter.replaceOp(Op, makeReshape(B, X, To));
    return success();
  }

  static bool isUniform1(Value V) {
    RankedTensorType Type = getStatic(V);
    return Type && Type.getNumElements() == 1 && isConstant(V);
  }
};

/// A reduction keeps its dimensions or drops them as what follows wants.
struct MergeReductionAndView : RewritePattern {
  MergeReductionAndView(MLIRContext *Context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, Context) {}
  LogicalResult matchAndRewrite(Operation *Op,
                                PatternRewriter &Rewriter) const override {
    if (!isView(Op))
      return failure();
    Value V = Op->getOperand(0);
    Operation *Reduction = V.getDefiningOp();
    if (!Reduction || !V.hasOneUse() || isa<onnx::SqueezeOp>(Reduction) ||
        !onnx::getFacts(Reduction) || Reduction->getNumOperands() == 0 ||
        !onnx::getOpName(Reduction).starts_with("Reduce"))
      return failure();
    auto Axes = getAxes(Reduction);
    RankedTensorType X = getRanked(Reduction->getOperand(0)),
                     Wanted = getRanked(Op->getResult(0));
    if (!Axes || !X || !Wanted)
      return failure();
    bool Keep = !getIntAttr(Reduction, "keepdims");
    SmallVector<int64_t> Shape;
    for (int64_t D = 0; D < X.getRank(); ++D) {
      if (!llvm::is_contained(*Axes, D))
        Shape.push_back(X.getDimSize(D));
      else if (Keep)
        Shape.push_back(1);
    }
    if (Wanted.getShape() != ArrayRef<int64_t>(Shape) ||
        Wanted.getNumDynamicDims() > 1)
      return failure();
    Operation *New = Rewriter.clone(*Reduction);
    New->setAttr("keepdims", Rewriter.getI64IntegerAttr(Keep));
    New->getResult(0).setType(Wanted);
    Rewriter.replaceOp(Op, New);
    return success();
  }
};

/// cast(cast(x)) is cast(x) where the first loses nothing.
struct MergeCasts : OpRewritePattern<onnx::CastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::CastOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Inner = Op.getInput().getDefiningOp<onnx::CastOp>();
    if (!Inner)
      return failure();
    auto Elements = [](Value V) {
      auto Type = dyn_cast<TensorType>(V.getType());
      return Type ? Type.getElementType() : mlir::Type();
    };
    Type From = Elements(Inner.getInput()),
         Middle = Elements(Inner.getOutput());
    if (!From || !Middle || !isLossless(From, Middle))
      return failure();
    if (Inner.getInput().getType() == Op.getOutput().getType()) {
      Rewriter.replaceOp(Op, Inner.getInput());
      return success();
    }
    Rewriter.modifyOpInPlace(Op, [&] { Op->setOperand(0, Inner.getInput()); });
    return success();
  }

  static bool isLossless(Type From, Type To) {
    auto Int = dyn_cast<IntegerType>(From);
    if (auto ToInt = dyn_cast<IntegerType>(To)) {
      if (!Int || ToInt.getWidth() == 1)
        return Int && Int.getWidth() == 1 && ToInt.getWidth() == 1;
      bool U = Int.isUnsigned() || Int.getWidth() == 1,
           ToU = ToInt.isUnsigned();
      if (U && !ToU)
        return Int.getWidth() < ToInt.getWidth();
      return U == ToU && Int.getWidth() <= ToInt.getWidth();
    }
    unsigned Mantissa = To.isF64()    ? 53
                        : To.isF32()  ? 24
                        : To.isF16()  ? 11
                        : To.isBF16() ? 8
                                      : 0;
    if (Int)
      return Mantissa && Int.getWidth() <= Mantissa &&
             !(To.isF16() && Int.getWidth() > 8);
    if (From == To)
      return true;
    if (From.isF16() || From.isBF16())
      return To.isF32() || To.isF64();
    return From.isF32() && To.isF64();
  }
};
} // namespace

void graph::populateViewPatterns(RewritePatternSet &Patterns) {
  Patterns.add<MergeTwoViews, MergeViewsAroundElementwise,
               MergeReductionAndView, MergeCasts>(Patterns.getContext());
}

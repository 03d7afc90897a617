//===- FoldEmpty.cpp - The pass lower-fold-empty --------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tensor of which a dimension is known to be 0 holds nothing: whatever makes
// it becomes a tensor.empty, and whatever reads it adds nothing. After this
// pass no kernel has an empty out or runs over nothing, so later stages may
// take a static size to be at least 1. Sizes that only the run knows to be 0
// need none of this: their loops do not run.
//
//===----------------------------------------------------------------------===//

#include "lathe/Lower/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace lathe::lower {

#define GEN_PASS_DEF_LOWERFOLDEMPTY
#include "lathe/Lower/Passes.h.inc"

namespace {

bool isEmpty(Type T) {
  auto Tensor = dyn_cast<RankedTensorType>(T);
  return Tensor && llvm::is_contained(Tensor.getShape(), 0);
}

/// A value of an empty type: tensor.empty.
struct EmptyResult : RewritePattern {
  explicit EmptyResult(MLIRContext *Context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/2, Context) {}

  LogicalResult matchAndRewrite(Operation *Op,
                                PatternRewriter &Rewriter) const override {
    if (isa<tensor::EmptyOp>(Op))
      return failure();
    bool Changed = false;
    for (OpResult R : Op->getResults()) {
      if (!isEmpty(R.getType()) || R.use_empty())
        continue;
      auto T = cast<RankedTensorType>(R.getType());
      SmallVector<OpFoldResult> Sizes;
      if (T.hasStaticShape()) {
        for (int64_t D : T.getShape())
          Sizes.push_back(Rewriter.getIndexAttr(D));
      } else {
        ReifiedRankedShapedTypeDims Shapes;
        if (failed(reifyResultShapes(Rewriter, Op, Shapes)))
          continue;
        Sizes = Shapes[R.getResultNumber()];
      }
      Rewriter.setInsertionPoint(Op);
      SmallVector<Value> Dynamic;
      for (auto [D, Size] : llvm::zip_equal(T.getShape(), Sizes))
        if (ShapedType::isDynamic(D))
          Dynamic.push_back(
              getValueOrCreateConstantIndexOp(Rewriter, Op->getLoc(), Size));
      Rewriter.replaceAllUsesWith(
          R, tensor::EmptyOp::create(Rewriter, Op->getLoc(), T, Dynamic));
      Changed = true;
    }
    return success(Changed);
  }
};

/// A structured op over nothing leaves its destinations as they are.
struct NoIterations : OpInterfaceRewritePattern<linalg::LinalgOp> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(linalg::LinalgOp Op,
                                PatternRewriter &Rewriter) const override {
    if (!Op.hasPureTensorSemantics() ||
        !llvm::is_contained(Op.getStaticLoopRanges(), 0))
      return failure();
    Rewriter.replaceOp(Op, Op.getDpsInits());
    return success();
  }
};

/// Nothing put into a tensor.
struct InsertNothing : OpRewritePattern<tensor::InsertSliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::InsertSliceOp Op,
                                PatternRewriter &Rewriter) const override {
    if (!isEmpty(Op.getSourceType()))
      return failure();
    Rewriter.replaceOp(Op, Op.getDest());
    return success();
  }
};

/// Nothing between other parts.
struct ConcatNothing : OpRewritePattern<tensor::ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::ConcatOp Op,
                                PatternRewriter &Rewriter) const override {
    SmallVector<Value> Parts;
    for (Value V : Op.getInputs())
      if (!isEmpty(V.getType()))
        Parts.push_back(V);
    if (Parts.empty() || Parts.size() == Op.getInputs().size())
      return failure();
    if (Parts.size() == 1 && Parts.front().getType() == Op.getType())
      Rewriter.replaceOp(Op, Parts.front());
    else if (Parts.size() == 1)
      Rewriter.replaceOpWithNewOp<tensor::CastOp>(Op, Op.getType(),
                                                  Parts.front());
    else
      Rewriter.replaceOpWithNewOp<tensor::ConcatOp>(Op, Op.getType(),
                                                    Op.getDim(), Parts);
    return success();
  }
};

/// Nothing, padded: the padding alone.
struct PadNothing : OpRewritePattern<tensor::PadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::PadOp Op,
                                PatternRewriter &Rewriter) const override {
    Value With = Op.getConstantPaddingValue();
    ReifiedRankedShapedTypeDims Shapes;
    if (!isEmpty(Op.getSourceType()) || isEmpty(Op.getType()) || !With ||
        failed(reifyResultShapes(Rewriter, Op, Shapes)))
      return failure();
    SmallVector<Value> Dynamic;
    for (auto [D, Size] :
         llvm::zip_equal(Op.getResultType().getShape(), Shapes.front()))
      if (ShapedType::isDynamic(D))
        Dynamic.push_back(
            getValueOrCreateConstantIndexOp(Rewriter, Op.getLoc(), Size));
    Value To = tensor::EmptyOp::create(Rewriter, Op.getLoc(),
                                       Op.getResultType(), Dynamic);
    Rewriter.replaceOpWithNewOp<linalg::FillOp>(Op, With, To);
    return success();
  }
};

struct LowerFoldEmptyPass : impl::LowerFoldEmptyBase<LowerFoldEmptyPass> {
  void runOnOperation() override {
    // Most models hold no empty tensor: leave those alone.
    bool Any = getOperation()
                   ->walk([](Operation *Op) {
                     return llvm::any_of(Op->getOperandTypes(), isEmpty) ||
                                    llvm::any_of(Op->getResultTypes(), isEmpty)
                                ? WalkResult::interrupt()
                                : WalkResult::advance();
                   })
                   .wasInterrupted();
    if (!Any)
      return;
    RewritePatternSet Patterns(&getContext());
    Patterns.add<EmptyResult, NoIterations, InsertNothing, ConcatNothing,
                 PadNothing>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace lathe::lower

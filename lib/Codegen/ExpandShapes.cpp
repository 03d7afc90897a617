//===- ExpandShapes.cpp - expand_shape with several unknown sizes -------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The sizes are operands of the op, so the strides follow: within a group each
// is the stride to its right times the size to its right.
//
//===----------------------------------------------------------------------===//

#include "ExpandShapes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace lathe::codegen {

namespace {
struct ExpandUnknownSizes : OpRewritePattern<memref::ExpandShapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(memref::ExpandShapeOp Op,
                                PatternRewriter &Rewriter) const override {
    MemRefType To = Op.getResultType();
    bool Several = false;
    for (ArrayRef<int64_t> Group : Op.getReassociationIndices())
      Several |= llvm::count_if(
                     Group, [&](int64_t D) { return To.isDynamicDim(D); }) > 1;
    if (!Several)
      return failure();

    Location Loc = Op.getLoc();
    auto Source =
        memref::ExtractStridedMetadataOp::create(Rewriter, Loc, Op.getSrc());
    SmallVector<OpFoldResult> Sizes = Op.getMixedOutputShape();
    SmallVector<OpFoldResult> From = Source.getConstifiedMixedStrides();
    SmallVector<OpFoldResult> Strides(Sizes.size());
    auto Times = [&](OpFoldResult X, OpFoldResult Y) -> OpFoldResult {
      std::optional<int64_t> P = getConstantIntValue(X),
                             Q = getConstantIntValue(Y);
      if (P && Q)
        return Rewriter.getIndexAttr(*P * *Q);
      return arith::MulIOp::create(
                 Rewriter, Loc,
                 getValueOrCreateConstantIndexOp(Rewriter, Loc, X),
                 getValueOrCreateConstantIndexOp(Rewriter, Loc, Y))
          .getResult();
    };
    for (auto [I, Group] : llvm::enumerate(Op.getReassociationIndices())) {
      OpFoldResult Stride = From[I];
      for (int64_t D : llvm::reverse(Group)) {
        Strides[D] = Stride;
        Stride = Times(Stride, Sizes[D]);
      }
    }
    Rewriter.replaceOpWithNewOp<memref::ReinterpretCastOp>(
        Op, To, Source.getBaseBuffer(), Source.getConstifiedMixedOffset(),
        Sizes, Strides);
    return success();
  }
};
} // namespace

void populateExpandShapePatterns(RewritePatternSet &Patterns) {
  Patterns.add<ExpandUnknownSizes>(Patterns.getContext());
}

} // namespace lathe::codegen

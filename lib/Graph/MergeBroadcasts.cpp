//===- MergeBroadcasts.cpp - Operands no larger than they need be ---------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Elementwise.h"
#include "Match.h"
#include "MovementPatterns.h"
#include "NodeBuilder.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// The shape that \p Op gives if operand \p I had the shape \p Instead is the
/// one it has.
static bool keepsShape(Operation *Op, unsigned I, ArrayRef<int64_t> Instead) {
  RankedTensorType Result = getRanked(Op->getResult(0));
  if (!Result || !Result.hasStaticShape())
    return false;
  SmallVector<int64_t> Shape;
  for (OpOperand &Operand : Op->getOpOperands()) {
    RankedTensorType Type = getStatic(Operand.get());
    if (!Type)
      return false;
    ArrayRef<int64_t> Own =
        Operand.getOperandNumber() == I ? Instead : Type.getShape();
    if (Own.size() > Shape.size())
      Shape.insert(Shape.begin(), Own.size() - Shape.size(), 1);
    for (auto [D, Size] : llvm::enumerate(Own)) {
      int64_t &To = Shape[Shape.size() - Own.size() + D];
      To = To == 1 ? Size : To;
    }
  }
  return ArrayRef<int64_t>(Shape) == Result.getShape();
}

namespace {
struct NarrowOperands : RewritePattern {
  NarrowOperands(MLIRContext *Context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, Context) {}
  LogicalResult matchAndRewrite(Operation *Op,
                                PatternRewriter &Rewriter) const override {
    if (!isElementwise(Op) || Op->getNumOperands() < 2)
      return failure();
    for (OpOperand &Operand : Op->getOpOperands()) {
      Value V = Operand.get();
      unsigned I = Operand.getOperandNumber();
      // What expands is expanded by the op itself.
      if (auto Expand = V.getDefiningOp<onnx::ExpandOp>())
        if (RankedTensorType From = getStatic(Expand.getInput());
            From && keepsShape(Op, I, From.getShape())) {
          Rewriter.modifyOpInPlace(Op, [&] { Operand.set(Expand.getInput()); });
          return success();
        }
      // One number is a scalar.
      RankedTensorType Type = getStatic(V);
      if (!Type || Type.getRank() == 0 || !isFloat(V) || !keepsShape(Op, I, {}))
        continue;
      if (auto Number = getUniform(V)) {
        NodeBuilder B(Rewriter, V.getLoc());
        Value Scalar = B.scalar(Type.getElementType(), *Number);
        Rewriter.modifyOpInPlace(Op, [&] { Operand.set(Scalar); });
        return success();
      }
    }
    return failure();
  }
};
} // namespace

void graph::populateBroadcastPatterns(RewritePatternSet &Patterns) {
  Patterns.add<NarrowOperands>(Patterns.getContext());
}

//===- MergeTransposes.cpp - Transpositions that meet ---------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A Transpose looks upwards through ops that work in any layout for others with
// one permutation; if all it finds are such, the ops in between are rebuilt in
// the layout above and one Transpose (or none) is left below. So no pattern
// ever makes more of them.
//
//===----------------------------------------------------------------------===//

#include "Elementwise.h"
#include "Match.h"
#include "MovementPatterns.h"
#include "NodeBuilder.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// Transpose by \p First, then by \p Second.
static SmallVector<int64_t> compose(ArrayRef<int64_t> First,
                                    ArrayRef<int64_t> Second) {
  SmallVector<int64_t> Both;
  for (int64_t D : Second)
    Both.push_back(First[D]);
  return Both;
}

static SmallVector<int64_t> invert(ArrayRef<int64_t> Perm) {
  SmallVector<int64_t> Inverse(Perm.size());
  for (auto [I, D] : llvm::enumerate(Perm))
    Inverse[D] = I;
  return Inverse;
}

static RankedTensorType permute(RankedTensorType Type, ArrayRef<int64_t> Perm) {
  SmallVector<int64_t> Shape;
  for (int64_t D : Perm)
    Shape.push_back(Type.getDimSize(D));
  return Type.clone(Shape);
}

namespace {
/// What lies between one Transpose and those above it.
class Sandwich {
public:
  /// Whether \p V can be had in the layout above, without another Transpose.
  bool check(Value V, int64_t Rank) {
    if (auto Above = V.getDefiningOp<onnx::TransposeOp>()) {
      SmallVector<int64_t> P = getPermutation(Above);
      if (int64_t(P.size()) != Rank || (!Perm.empty() && Perm != P))
        return false;
      Perm = P;
      return true;
    }
    if (isConstant(V))
      return isMovable(getRanked(V));
    Operation *Op = V.getDefiningOp();
    if (!Op || !V.hasOneUse() || ++Count > 16 || getRank(V) != Rank)
      return false;
    if (isa<onnx::ConcatOp, onnx::SoftmaxOp, onnx::LogSoftmaxOp>(Op) ||
        isElementwise(Op))
      return llvm::all_of(Op->getOperands(), [&](Value Operand) {
        // Other ranks would be aligned differently.
        return check(Operand, Rank);
      });
    return false;
  }

  ArrayRef<int64_t> getPerm() const { return Perm; }

  Value rebuild(RewriterBase &Rewriter, Value V, int64_t Rank) {
    if (auto Above = V.getDefiningOp<onnx::TransposeOp>())
      return Above.getData();
    if (isConstant(V))
      return moveConstant(Rewriter, V, Rank);
    Operation *Op = V.getDefiningOp();
    SmallVector<Value> Operands;
    for (Value Operand : Op->getOperands())
      Operands.push_back(rebuild(Rewriter, Operand, Rank));
    Rewriter.setInsertionPoint(Op);
    Operation *New = Rewriter.clone(*Op);
    New->setOperands(Operands);
    New->getResult(0).setType(permute(getRanked(V), invert(Perm)));
    if (Op->hasAttr("axis"))
      New->setAttr("axis", Rewriter.getI64IntegerAttr(
                               Perm[fromFront(getIntAttr(Op, "axis"), Rank)]));
    return New->getResult(0);
  }

private:
  /// At most one dimension is more than one: its elements stay in order.
  static bool isMovable(RankedTensorType Type) {
    return llvm::count_if(Type.getShape(), [](int64_t D) { return D != 1; }) <=
           1;
  }

  Value moveConstant(RewriterBase &Rewriter, Value V, int64_t Rank) {
    RankedTensorType Type = getRanked(V);
    if (Type.getNumElements() == 1 && Type.getRank() <= Rank)
      return V;
    SmallVector<int64_t> Shape(Rank, 1);
    for (auto [D, Size] : llvm::enumerate(Type.getShape()))
      if (Size != 1)
        Shape[Perm[Rank - Type.getRank() + D]] = Size;
    auto NewType = Type.clone(Shape);
    ElementsAttr Old = getConstant(V)->getAttr(), New;
    if (auto Dense = dyn_cast<DenseElementsAttr>(Old))
      New = Dense.reshape(NewType);
    else
      New = DenseResourceElementsAttr::get(
          NewType, cast<DenseResourceElementsAttr>(Old).getRawHandle());
    Rewriter.setInsertionPointAfterValue(V);
    return onnx::ConstantOp::create(Rewriter, V.getLoc(), New);
  }

  SmallVector<int64_t> Perm;
  unsigned Count = 0;
};

struct MergeSandwich : OpRewritePattern<onnx::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::TransposeOp Op,
                                PatternRewriter &Rewriter) const override {
    SmallVector<int64_t> Below = getPermutation(Op);
    int64_t Rank = Below.size();
    Value V = Op.getData();
    if (getRank(V) != Rank || isConstant(V))
      return failure();
    Sandwich Between;
    if (!Between.check(V, Rank) || Between.getPerm().empty())
      return failure();
    SmallVector<int64_t> Both = compose(Between.getPerm(), Below);
    bool Cancels = llvm::is_sorted(Both);
    auto Above = V.getDefiningOp<onnx::TransposeOp>();
    Type MovedType = Above ? Above.getData().getType()
                           : permute(getRanked(V), invert(Between.getPerm()));
    if (Cancels && MovedType != Op.getTransposed().getType())
      return failure();
    Value Moved = Between.rebuild(Rewriter, V, Rank);
    if (!Cancels) {
      Rewriter.setInsertionPoint(Op);
      NodeBuilder B(Rewriter, Op.getLoc());
      Moved = B.op("Transpose", Moved, B.attr("perm", Both),
                   Op.getTransposed().getType());
    }
    Rewriter.replaceOp(Op, Moved);
    return success();
  }
};

/// A Transpose that only moves dimensions of size one is a view.
struct TransposeToView : OpRewritePattern<onnx::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::TransposeOp Op,
                                PatternRewriter &Rewriter) const override {
    RankedTensorType From = getRanked(Op.getData()),
                     To = getRanked(Op.getTransposed());
    if (!From || !To || To.getNumDynamicDims() > 1 ||
        llvm::is_contained(To.getShape(), 0))
      return failure();
    int64_t Last = -1;
    for (int64_t D : getPermutation(Op)) {
      if (From.getDimSize(D) == 1)
        continue;
      if (D < Last)
        return failure();
      Last = D;
    }
    SmallVector<int64_t> Sizes(To.getShape());
    for (int64_t &Size : Sizes)
      if (ShapedType::isDynamic(Size))
        Size = -1;
    NodeBuilder B(Rewriter, Op);
    Rewriter.replaceOp(Op,
                       B.op("Reshape", {Op.getData(), B.ints(Sizes)}, {}, To));
    return success();
  }
};
} // namespace

void graph::populateTransposePatterns(RewritePatternSet &Patterns) {
  Patterns.add<MergeSandwich, TransposeToView>(Patterns.getContext());
}

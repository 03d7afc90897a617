//===- FoldReshapes.cpp - No reshape between a root and its epilogue ------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels are formed of ops that read each other's results. A reshape between
// two of them costs nothing by itself but keeps them apart; it moves down past
// elementwise ops, by MLIR's own patterns, or, where it only adds or drops
// dimensions of size 1, into the indexing map of its reader.
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Passes.h"
#include "lathe/Kernel/Structure.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELFOLDRESHAPESPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe::kernel;

namespace {

/// The map that reads the source of a reshape where \p Map reads its result;
/// nothing if it moves more than dimensions of size 1.
std::optional<AffineMap> throughUnits(Operation *Reshape, AffineMap Map) {
  MLIRContext *Ctx = Map.getContext();
  AffineExpr Zero = getAffineConstantExpr(0, Ctx);
  SmallVector<AffineExpr> At;
  auto Is1 = [](ShapedType T, int64_t D) { return T.getDimSize(D) == 1; };
  if (auto Expand = dyn_cast<tensor::ExpandShapeOp>(Reshape)) {
    ShapedType Type = Expand.getResultType();
    for (const ReassociationIndices &Group : Expand.getReassociationIndices()) {
      AffineExpr Here = Zero;
      int64_t Large = 0;
      for (int64_t D : Group)
        if (!Is1(Type, D)) {
          Here = Map.getResult(D);
          ++Large;
        }
      if (Large > 1)
        return std::nullopt;
      At.push_back(Here);
    }
  } else if (auto Collapse = dyn_cast<tensor::CollapseShapeOp>(Reshape)) {
    ShapedType Type = Collapse.getSrcType();
    if (Collapse.getReassociationIndices().empty()) // to a scalar
      At.assign(Type.getRank(), Zero);
    for (auto [I, Group] :
         llvm::enumerate(Collapse.getReassociationIndices())) {
      int64_t Large = 0;
      for (int64_t D : Group) {
        Large += !Is1(Type, D);
        At.push_back(Is1(Type, D) ? Zero : Map.getResult(I));
      }
      if (Large > 1)
        return std::nullopt;
    }
  } else {
    return std::nullopt;
  }
  return AffineMap::get(Map.getNumDims(), Map.getNumSymbols(), At, Ctx);
}

/// Every loop can be told from what is read and written at plain positions.
bool loopsAreKnown(linalg::GenericOp Op, ArrayRef<AffineMap> Maps) {
  llvm::SmallBitVector Known(Op.getNumLoops());
  for (AffineMap Map : Maps)
    for (AffineExpr E : Map.getResults())
      if (auto D = dyn_cast<AffineDimExpr>(E))
        Known.set(D.getPosition());
  return Known.all();
}

struct ReadThroughUnits : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp Op,
                                PatternRewriter &Rewriter) const override {
    if (!Op.hasPureTensorSemantics())
      return failure();
    // Contractions and windows are known by their maps.
    if (isRoot(Op) && kindOf(Op) != "reduction")
      return failure();
    SmallVector<AffineMap> Maps = Op.getIndexingMapsArray();
    SmallVector<Value> Inputs(Op.getInputs());
    bool Changed = false;
    for (OpOperand *Operand : Op.getDpsInputOperands()) {
      unsigned I = Operand->getOperandNumber();
      Operation *Reshape = Operand->get().getDefiningOp();
      if (!Reshape || !isa<RankedTensorType>(Operand->get().getType()))
        continue;
      std::optional<AffineMap> Map = throughUnits(Reshape, Maps[I]);
      if (!Map)
        continue;
      AffineMap Before = Maps[I];
      Maps[I] = *Map;
      if (!loopsAreKnown(Op, Maps)) {
        Maps[I] = Before;
        continue;
      }
      Inputs[I] = Reshape->getOperand(0);
      Changed = true;
    }
    if (!Changed)
      return failure();
    Rewriter.modifyOpInPlace(Op, [&] {
      Op.getInputsMutable().assign(Inputs);
      Op.setIndexingMapsAttr(Rewriter.getAffineMapArrayAttr(Maps));
    });
    return success();
  }
};

/// A copy that only moves elements: where element \p Map of its result comes
/// from; nothing for any other op.
std::optional<AffineMap> throughCopy(linalg::GenericOp Copy, AffineMap Map) {
  Block &Body = *Copy.getBody();
  if (!isElementwiseOp(Copy) || Copy.getNumDpsInputs() != 1 ||
      !llvm::hasSingleElement(Body) ||
      Body.getTerminator()->getOperand(0) != Body.getArgument(0))
    return std::nullopt;
  AffineMap In = Copy.getMatchingIndexingMap(Copy.getDpsInputOperand(0));
  AffineMap Out = Copy.getMatchingIndexingMap(Copy.getDpsInitOperand(0));
  if (!Out.isPermutation() ||
      !In.isProjectedPermutation(/*allowZeroInResults=*/true))
    return std::nullopt;
  return In.compose(inversePermutation(Out)).compose(Map);
}

/// A contraction reads what was copied for it where it lies, if innermost there
/// is a dimension of the product or of the sum, not one of the batch: one
/// operand is only broadcast from, the other read along its columns or in
/// blocks that are transposed in registers.
struct ContractionReadsInPlace : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp Op,
                                PatternRewriter &Rewriter) const override {
    if (!Op.hasPureTensorSemantics() || !isRoot(Op) ||
        kindOf(Op) != "contraction" || Op.getNumDpsInputs() != 2)
      return failure();
    for (OpOperand *Operand : Op.getDpsInputOperands()) {
      Value V = Operand->get();
      AffineMap Map = Op.getMatchingIndexingMap(Operand);
      bool Copied = false;
      while (Operation *Def = V.getDefiningOp()) {
        std::optional<AffineMap> Next;
        if (auto Generic = dyn_cast<linalg::GenericOp>(Def)) {
          Next = throughCopy(Generic, Map);
          Copied |= Next.has_value();
        } else {
          Next = throughUnits(Def, Map);
        }
        if (!Next)
          break;
        Map = *Next;
        V = Def->getOperand(0);
      }
      if (!Copied || !isWellRead(Op, Operand, Map))
        continue;
      // Dimensions of size 1 go: the maps of a contraction name loops alone.
      auto Type = cast<RankedTensorType>(V.getType());
      SmallVector<AffineExpr> At;
      SmallVector<ReassociationIndices> Groups;
      SmallVector<int64_t> Leading;
      for (auto [I, E] : llvm::enumerate(Map.getResults())) {
        if (isa<AffineDimExpr>(E)) {
          Groups.emplace_back();
          At.push_back(E);
          Groups.back().append(std::exchange(Leading, {}));
          Groups.back().push_back(I);
        } else if (Groups.empty()) {
          Leading.push_back(I);
        } else {
          Groups.back().push_back(I);
        }
      }
      if (Groups.empty())
        continue;
      AffineMap Read = AffineMap::get(Map.getNumDims(), 0, At, Op.getContext());
      SmallVector<AffineMap> Maps = Op.getIndexingMapsArray();
      Maps[Operand->getOperandNumber()] = Read;
      if (!Read.isProjectedPermutation() || !loopsAreKnown(Op, Maps))
        continue;
      if (int64_t(Groups.size()) != Type.getRank())
        V = tensor::CollapseShapeOp::create(Rewriter, Op.getLoc(), V, Groups);
      Rewriter.modifyOpInPlace(Op, [&] {
        Operand->set(V);
        Op.setIndexingMapsAttr(Rewriter.getAffineMapArrayAttr(Maps));
      });
      return success();
    }
    return failure();
  }

  static bool isWellRead(linalg::GenericOp Op, OpOperand *Operand,
                         AffineMap Map) {
    int Loop = innermostLoop(Op, Map);
    if (Loop < 0)
      return false;
    if (Op.getIteratorTypesArray()[Loop] == utils::IteratorType::reduction)
      return true;
    return llvm::all_of(Op.getDpsInputOperands(), [&](OpOperand *Other) {
      return Other == Operand ||
             !Op.getMatchingIndexingMap(Other).isFunctionOfDim(Loop);
    });
  }
};

/// A pad of joined dimensions that leaves these alone goes before the joining.
struct PadBeforeCollapse : OpRewritePattern<tensor::PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::PadOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Collapse = Op.getSource().getDefiningOp<tensor::CollapseShapeOp>();
    Value Padding = Op.getConstantPaddingValue();
    if (!Collapse || !Collapse->hasOneUse() || !Padding)
      return failure();
    SmallVector<OpFoldResult> Low, High;
    SmallVector<int64_t> Shape;
    OpFoldResult Zero = Rewriter.getIndexAttr(0);
    for (auto [I, Group] :
         llvm::enumerate(Collapse.getReassociationIndices())) {
      bool Padded = !isConstantIntValue(Op.getMixedLowPad()[I], 0) ||
                    !isConstantIntValue(Op.getMixedHighPad()[I], 0);
      if (Padded && Group.size() > 1)
        return failure();
      for (int64_t D : Group) {
        Low.push_back(Padded ? Op.getMixedLowPad()[I] : Zero);
        High.push_back(Padded ? Op.getMixedHighPad()[I] : Zero);
        Shape.push_back(Padded ? Op.getType().getDimSize(I)
                               : Collapse.getSrcType().getDimSize(D));
      }
    }
    auto Type =
        RankedTensorType::get(Shape, Collapse.getSrcType().getElementType());
    Value Wide = tensor::PadOp::create(Rewriter, Op.getLoc(), Type,
                                       Collapse.getSrc(), Low, High, Padding);
    Rewriter.replaceOpWithNewOp<tensor::CollapseShapeOp>(
        Op, Op.getType(), Wide, Collapse.getReassociationIndices());
    return success();
  }
};

/// \p V is computed by a kernel that \p User could belong to.
bool comesFrom(Value V, linalg::GenericOp User) {
  auto Producer = V.getDefiningOp<linalg::GenericOp>();
  return Producer && Producer->getBlock() == User->getBlock() && V.hasOneUse();
}

/// Other operands of full size are reshaped alike or come from far: moving the
/// reshape of \p Operand does not put another where this one was.
template <typename ReshapeOp>
bool othersAgree(linalg::GenericOp Reader, OpOperand *Operand) {
  auto Reshape = Operand->get().getDefiningOp<ReshapeOp>();
  return llvm::all_of(Reader.getDpsInputOperands(), [&](OpOperand *Other) {
    if (Other == Operand ||
        Reader.getRank(Other) != int64_t(Reader.getNumLoops()))
      return true;
    if (auto Same = Other->get().getDefiningOp<ReshapeOp>())
      return Same.getReassociationIndices() ==
             Reshape.getReassociationIndices();
    return !comesFrom(Other->get(), Reader);
  });
}

/// Joined by a reshape above, an elementwise op runs on what was joined.
bool splitsReader(OpOperand *Operand) {
  auto Reader = dyn_cast<linalg::GenericOp>(Operand->getOwner());
  auto Collapse = Operand->get().getDefiningOp<tensor::CollapseShapeOp>();
  return Reader && Collapse && isElementwiseOp(Reader) &&
         !Reader.hasIndexSemantics() && comesFrom(Collapse.getSrc(), Reader) &&
         Collapse->hasOneUse() &&
         othersAgree<tensor::CollapseShapeOp>(Reader, Operand);
}

/// Split by a reshape above, an op runs on what was split. One that moves the
/// parts stays as it is: who reads it may find them where they were.
bool joinsReader(OpOperand *Operand) {
  auto Reader = dyn_cast<linalg::GenericOp>(Operand->getOwner());
  auto Expand = Operand->get().getDefiningOp<tensor::ExpandShapeOp>();
  return Reader && Expand && isElementwiseOp(Reader) &&
         innermostLoop(Reader, Reader.getMatchingIndexingMap(Operand)) ==
             innermostLoop(Reader, Reader.getMatchingIndexingMap(
                                       Reader.getDpsInitOperand(0))) &&
         !Reader.hasIndexSemantics() && comesFrom(Expand.getSrc(), Reader) &&
         Expand->hasOneUse() &&
         othersAgree<tensor::ExpandShapeOp>(Reader, Operand);
}

struct FoldReshapesPass
    : lathe::kernel::impl::KernelFoldReshapesPassBase<FoldReshapesPass> {
  void runOnOperation() override {
    MLIRContext *Ctx = &getContext();
    RewritePatternSet Patterns(Ctx);
    Patterns.add<ReadThroughUnits, ContractionReadsInPlace, PadBeforeCollapse>(
        Ctx);
    linalg::populateFoldReshapeOpsByExpansionPatterns(Patterns, splitsReader);
    linalg::populateFoldReshapeOpsByCollapsingPatterns(Patterns, joinsReader);
    tensor::ExpandShapeOp::getCanonicalizationPatterns(Patterns, Ctx);
    tensor::CollapseShapeOp::getCanonicalizationPatterns(Patterns, Ctx);
    GreedyRewriteConfig Config;
    Config.setUseTopDownTraversal();
    if (failed(
            applyPatternsGreedily(getOperation(), std::move(Patterns), Config)))
      getOperation().emitWarning("folding of reshapes did not converge");
  }
};

} // namespace

//===- CheckShapes.cpp - The pass lower-check-shapes ----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An op on tensors takes for granted that its operands' shapes fit together. Of
// dimensions that only the run knows this pass states it: a `cf.assert` in
// front of the op wherever two sizes must agree and are not the same value.
// Without it a wrong shape would read beyond a tensor. A model whose dynamic
// sizes all come from one dimension gets no check at all, and what many ops ask
// for is checked once.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "RunTimeChecks.h"
#include "lathe/Lower/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe::lower {

#define GEN_PASS_DEF_LOWERCHECKSHAPES
#include "lathe/Lower/Passes.h.inc"

namespace {

bool isDynamic(Type T) {
  auto Tensor = dyn_cast<RankedTensorType>(T);
  return Tensor && !Tensor.hasStaticShape();
}

/// Operands that one loop walks along have one size there.
void checkLoops(linalg::LinalgOp Op, Builder &B) {
  SmallVector<OpFoldResult> Sizes(Op.getNumLoops());
  // Outs first: they are what was made for the op.
  SmallVector<OpOperand *> Operands;
  for (OpOperand &Out : Op.getDpsInitsMutable())
    Operands.push_back(&Out);
  llvm::append_range(Operands, Op.getDpsInputOperands());
  for (OpOperand *Operand : Operands) {
    if (!isa<RankedTensorType>(Operand->get().getType()))
      continue;
    AffineMap Map = Op.getMatchingIndexingMap(Operand);
    for (auto [D, E] : llvm::enumerate(Map.getResults())) {
      auto Loop = dyn_cast<AffineDimExpr>(E);
      if (!Loop)
        continue;
      OpFoldResult Size = dimOf(B, Operand->get(), D);
      OpFoldResult &Known = Sizes[Loop.getPosition()];
      if (!Known)
        Known = Size;
      else
        requireSame(B, Known, Size);
    }
  }
}

/// All parts have the sizes of the first one, but along the axis.
void checkConcat(tensor::ConcatOp Op, Builder &B) {
  Value First = Op.getInputs().front();
  for (Value Part : Op.getInputs().drop_front())
    for (int64_t D = 0; D < Op.getRank(); ++D)
      if (D != static_cast<int64_t>(Op.getDim()))
        requireSame(B, dimOf(B, First, D), dimOf(B, Part, D));
}

/// The sizes into which a dimension is split hold as many elements.
void checkExpand(tensor::ExpandShapeOp Op, Builder &B) {
  SmallVector<OpFoldResult> To = Op.getMixedOutputShape();
  for (auto [D, Group] : llvm::enumerate(Op.getReassociationIndices())) {
    OpFoldResult Product = B.getIndexAttr(1);
    for (int64_t I : Group)
      Product = mulSize(B, Product, To[I]);
    requireSame(B, dimOf(B, Op.getSrc(), D), Product);
  }
}

/// Sizes that a cast takes for known.
void checkCast(tensor::CastOp Op, Builder &B) {
  auto From = dyn_cast<RankedTensorType>(Op.getSource().getType()),
       To = dyn_cast<RankedTensorType>(Op.getType());
  if (!From || !To)
    return;
  for (int64_t D = 0; D < To.getRank(); ++D)
    if (From.isDynamicDim(D) && !To.isDynamicDim(D))
      requireSame(B, dimOf(B, Op.getSource(), D),
                  B.getIndexAttr(To.getDimSize(D)));
}

/// Drops what was checked before. \p Known: conditions that hold here.
void dropRepeated(Region &R, llvm::SmallDenseSet<Value> Known) {
  for (Block &Body : R)
    for (Operation &Op : llvm::make_early_inc_range(Body)) {
      if (auto Assert = dyn_cast<cf::AssertOp>(Op)) {
        if (!Known.insert(Assert.getArg()).second)
          Assert.erase();
        continue;
      }
      if (!isa<linalg::LinalgOp>(Op))
        for (Region &Inner : Op.getRegions())
          dropRepeated(Inner, Known);
    }
}

struct LowerCheckShapesPass : impl::LowerCheckShapesBase<LowerCheckShapesPass> {
  void runOnOperation() override {
    SmallVector<Operation *> Ops;
    getOperation()->walk<WalkOrder::PreOrder>([&](Operation *Op) {
      if (llvm::any_of(Op->getOperandTypes(), isDynamic) &&
          isa<linalg::LinalgOp, tensor::ConcatOp, tensor::ExpandShapeOp,
              tensor::CastOp>(Op))
        Ops.push_back(Op);
      // Within a body there are elements only.
      return isa<linalg::LinalgOp>(Op) || Op->hasAttr("lathe.loop_kernel")
                 ? WalkResult::skip()
                 : WalkResult::advance();
    });
    for (Operation *Op : Ops) {
      Builder B(Op->getLoc(), OpBuilder(Op));
      llvm::TypeSwitch<Operation *>(Op)
          .Case([&](linalg::LinalgOp O) { checkLoops(O, B); })
          .Case([&](tensor::ConcatOp O) { checkConcat(O, B); })
          .Case([&](tensor::ExpandShapeOp O) { checkExpand(O, B); })
          .Case([&](tensor::CastOp O) { checkCast(O, B); });
    }
    if (Ops.empty())
      return;
    // Many ops ask for the same: equal conditions become one value, and that is
    // asked for once.
    OpPassManager Same(ModuleOp::getOperationName());
    Same.addPass(createCanonicalizerPass());
    Same.addPass(createCSEPass());
    if (failed(runPipeline(Same, getOperation())))
      return signalPassFailure();
    for (auto Function : getOperation().getOps<func::FuncOp>())
      dropRepeated(Function.getBody(), {});
  }
};

} // namespace
} // namespace lathe::lower

//===- Generalize.cpp - Every structured op as linalg.generic ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// After this pass main holds linalg.generic and linalg.fill as its only
// structured ops outside loop kernels, so fusion, layout and outlining match
// one form. tensor.generate and tensor.splat, which are elementwise too, join
// them.
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/Passes.h"
#include "lathe/Kernel/Structure.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELGENERALIZEPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe::kernel;

namespace {

/// The elements of a constant under another shape: the same bytes.
ElementsAttr reshaped(ElementsAttr Elements, ShapedType Type) {
  if (auto Dense = dyn_cast<DenseElementsAttr>(Elements))
    return Dense.reshape(Type);
  if (auto Resource = dyn_cast<DenseResourceElementsAttr>(Elements))
    return DenseResourceElementsAttr::get(Type, Resource.getRawHandle());
  return nullptr;
}

/// A reshape of a constant is a constant.
void foldReshape(IRRewriter &Rewriter, Operation *Op) {
  auto Constant = Op->getOperand(0).getDefiningOp<arith::ConstantOp>();
  auto Type = cast<RankedTensorType>(Op->getResult(0).getType());
  auto Elements =
      Constant ? dyn_cast<ElementsAttr>(Constant.getValue()) : nullptr;
  if (!Elements || !Type.hasStaticShape())
    return;
  ElementsAttr New = reshaped(Elements, Type);
  if (!New)
    return;
  Rewriter.setInsertionPoint(Op);
  Rewriter.replaceOpWithNewOp<arith::ConstantOp>(Op, Type,
                                                 cast<TypedAttr>(New));
}

/// A run of whole rows of a constant is a constant too: the same bytes, or
/// some.
void foldSlice(IRRewriter &Rewriter, tensor::ExtractSliceOp Op) {
  auto Constant = Op.getSource().getDefiningOp<arith::ConstantOp>();
  auto Elements =
      Constant ? dyn_cast<ElementsAttr>(Constant.getValue()) : nullptr;
  RankedTensorType From = Op.getSourceType(), To = Op.getType();
  if (!Elements || !To.hasStaticShape() || !Op.hasUnitStride() ||
      llvm::any_of(Op.getStaticOffsets(), ShapedType::isDynamic))
    return;
  // Outer dimensions of which one element is taken, one cut, the rest whole.
  ArrayRef<int64_t> Sizes = Op.getStaticSizes(), Shape = From.getShape();
  int64_t Start = 0, Row = 1, D = From.getRank() - 1;
  for (; D >= 0 && Sizes[D] == Shape[D]; --D)
    Row *= Shape[D];
  for (int64_t Outer = 0; Outer < D; ++Outer)
    if (Sizes[Outer] != 1)
      return;
  for (int64_t I = 0; I <= D; ++I)
    Start = Start * Shape[I] + Op.getStaticOffset(I);
  Start *= Row;

  ElementsAttr New;
  if (To.getNumElements() == From.getNumElements()) {
    New = reshaped(Elements, To);
  } else if (auto Splat = dyn_cast<SplatElementsAttr>(Elements)) {
    New = Splat.resizeSplat(To);
  } else if (auto Resource = dyn_cast<DenseResourceElementsAttr>(Elements)) {
    AsmResourceBlob *Blob = Resource.getRawHandle().getBlob();
    unsigned Bits = From.getElementTypeBitWidth();
    if (!Blob || Bits % 8 != 0)
      return;
    ArrayRef<char> Part = Blob->getData().slice(
        Start * (Bits / 8), To.getNumElements() * (Bits / 8));
    New = DenseResourceElementsAttr::get(
        To, "slice", UnmanagedAsmResourceBlob::allocateWithAlign(Part, 1));
  }
  if (!New)
    return;
  Rewriter.setInsertionPoint(Op);
  Rewriter.replaceOpWithNewOp<arith::ConstantOp>(Op, To, cast<TypedAttr>(New));
}

/// A constant that a contraction or convolution multiplies by is a weight from
/// here on, even a splat: folded into the body it would hide the contraction.
void protectWeights(IRRewriter &Rewriter, linalg::LinalgOp Root) {
  StringRef Kind = kindOf(Root);
  if (Kind != "contraction" && Kind != "conv")
    return;
  for (OpOperand *Operand : Root.getDpsInputOperands()) {
    auto Constant = Operand->get().getDefiningOp<arith::ConstantOp>();
    auto Elements =
        Constant ? dyn_cast<ElementsAttr>(Constant.getValue()) : nullptr;
    if (!Elements || Root.getRank(Operand) == 0)
      continue;
    Rewriter.setInsertionPoint(Root);
    Operand->set(WeightOp::create(Rewriter, Constant.getLoc(),
                                  Constant.getType(), Elements, PackingAttr(),
                                  IntegerAttr()));
  }
}

struct GeneralizePass
    : lathe::kernel::impl::KernelGeneralizePassBase<GeneralizePass> {
  void runOnOperation() override {
    SmallVector<Operation *> Work;
    getOperation()->walk<WalkOrder::PreOrder>([&](Operation *Op) {
      if (isLoopKernel(Op))
        return WalkResult::skip();
      if (isa<linalg::LinalgOp>(Op)) {
        if (!isa<linalg::GenericOp, linalg::FillOp>(Op))
          Work.push_back(Op);
        return WalkResult::skip();
      }
      if (isa<tensor::SplatOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp,
              tensor::ExtractSliceOp>(Op))
        Work.push_back(Op);
      return WalkResult::advance();
    });
    IRRewriter Rewriter(&getContext());
    for (Operation *Op : Work) {
      Rewriter.setInsertionPoint(Op);
      if (auto Splat = dyn_cast<tensor::SplatOp>(Op)) {
        auto Type = cast<RankedTensorType>(Splat.getType());
        Value Empty = tensor::EmptyOp::create(
            Rewriter, Op->getLoc(), Type.getShape(), Type.getElementType(),
            Splat.getDynamicSizes());
        Rewriter.replaceOpWithNewOp<linalg::FillOp>(Op, Splat.getInput(),
                                                    Empty);
        continue;
      }
      if (auto Slice = dyn_cast<tensor::ExtractSliceOp>(Op)) {
        foldSlice(Rewriter, Slice);
        continue;
      }
      if (!isa<linalg::LinalgOp>(Op)) {
        foldReshape(Rewriter, Op);
        continue;
      }
      if (failed(linalg::generalizeNamedOp(Rewriter,
                                           cast<linalg::LinalgOp>(Op)))) {
        Op->emitError("has no form as linalg.generic; the stage Lower must not "
                      "produce it");
        return signalPassFailure();
      }
    }
    getOperation()->walk([&](linalg::LinalgOp Op) {
      if (isRoot(Op))
        protectWeights(Rewriter, Op);
    });
  }
};

} // namespace

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

#include "lathe/Kernel/Passes.h"
#include "lathe/Kernel/Structure.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELGENERALIZEPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe::kernel;

namespace {

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
      if (isa<tensor::SplatOp>(Op))
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
      if (failed(linalg::generalizeNamedOp(Rewriter,
                                           cast<linalg::LinalgOp>(Op)))) {
        Op->emitError("has no form as linalg.generic; the stage Lower must not "
                      "produce it");
        return signalPassFailure();
      }
    }
  }
};

} // namespace

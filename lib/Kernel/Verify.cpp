//===- Verify.cpp - The contract of the stage Kernel ---------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/Passes.h"
#include "lathe/Kernel/Structure.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELVERIFYPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe::kernel;

namespace {

struct VerifyPass : lathe::kernel::impl::KernelVerifyPassBase<VerifyPass> {
  void runOnOperation() override {
    bool Failed = false;
    for (auto Main : getOperation().getOps<func::FuncOp>())
      Main.walk<WalkOrder::PreOrder>([&](Operation *Op) {
        Failed |= failed(checkMain(Op));
        return isa<linalg::LinalgOp>(Op) ? WalkResult::skip()
                                         : WalkResult::advance();
      });
    for (auto Kernel : getOperation().getOps<FuncOp>())
      Failed |= failed(checkKernel(Kernel));
    if (Failed)
      signalPassFailure();
  }

  LogicalResult checkMain(Operation *Op) {
    if (isa<func::FuncOp, func::ReturnOp, CallOp>(Op) ||
        isa<tensor::TensorDialect, scf::SCFDialect, math::MathDialect>(
            Op->getDialect()))
      return success();
    if (auto Weight = dyn_cast<WeightOp>(Op)) {
      if (!Weight.getOffset() && !Weight->use_empty())
        return Op->emitError("weight without a place in the blob");
      return success();
    }
    if (isa<linalg::LinalgOp>(Op))
      return Op->emitError("structured op outside a kernel");
    if (isa<arith::ConstantOp>(Op) &&
        isa<ShapedType>(Op->getResult(0).getType()))
      return Op->emitError("tensor constant that is not a kernel.weight");
    if (isa<arith::ArithDialect>(Op->getDialect()) ||
        Op->getName().getStringRef() == "affine.apply" ||
        Op->getName().getStringRef() == "affine.min" ||
        Op->getName().getStringRef() == "affine.max" ||
        Op->getName().getStringRef() == "cf.assert")
      return success();
    return Op->emitError(
        "is not an op that main may hold at the end of the stage "
        "Kernel");
  }

  /// One root, or reductions over the same rows: those of a softmax.
  LogicalResult checkKernel(FuncOp Kernel) {
    SmallVector<linalg::LinalgOp> Roots;
    for (Operation &Op : Kernel.getBody().front())
      if (isRoot(&Op))
        Roots.push_back(cast<linalg::LinalgOp>(Op));
    auto Rows = [](linalg::LinalgOp Root) {
      SmallVector<int64_t> Sizes;
      for (auto [Size, Kind] : llvm::zip_equal(Root.getStaticLoopRanges(),
                                               Root.getIteratorTypesArray()))
        if (Kind == utils::IteratorType::parallel && Size != 1)
          Sizes.push_back(Size);
      llvm::sort(Sizes);
      return Sizes;
    };
    for (linalg::LinalgOp Root : Roots)
      if (Roots.size() > 1 &&
          (kindOf(Root) != "reduction" || Rows(Root) != Rows(Roots.front())))
        return Kernel.emitError("@")
               << Kernel.getSymName() << " has " << Roots.size()
               << " roots; a kernel has one, or reductions over the same rows";
    return success();
  }
};

} // namespace

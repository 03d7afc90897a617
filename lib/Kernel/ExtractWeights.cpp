//===- ExtractWeights.cpp - Tensor constants as kernel.weight ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Equal constants become one weight, at the entry of main in the order of their
// first use. Scalars stay arith constants.
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELEXTRACTWEIGHTSPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe::kernel;

namespace {

struct ExtractWeightsPass
    : lathe::kernel::impl::KernelExtractWeightsPassBase<ExtractWeightsPass> {
  void runOnOperation() override {
    for (auto Main : getOperation().getOps<func::FuncOp>()) {
      if (Main.isExternal())
        continue;
      // Attributes are unique per content (per handle for resources).
      llvm::DenseMap<std::pair<Attribute, Attribute>, WeightOp> Known;
      OpBuilder Builder(&Main.getBody().front(),
                        Main.getBody().front().begin());
      llvm::SetVector<Operation *> Constants;
      Main.walk([&](Operation *Op) {
        for (Value V : Op->getOperands())
          if (auto C = V.getDefiningOp<arith::ConstantOp>();
              C && isa<RankedTensorType>(C.getType()) &&
              isa<ElementsAttr>(C.getValue()))
            Constants.insert(C);
      });
      for (Operation *Op : Constants) {
        auto Constant = cast<arith::ConstantOp>(Op);
        WeightOp &Weight = Known[{Constant.getValue(), Attribute()}];
        if (!Weight)
          Weight =
              WeightOp::create(Builder, Constant.getLoc(), Constant.getType(),
                               cast<ElementsAttr>(Constant.getValue()),
                               PackingAttr(), IntegerAttr());
        Constant.getResult().replaceAllUsesWith(Weight.getResult());
      }
      for (Operation *Op : Constants)
        Op->erase();
      // Weights that an earlier pass made of constants, to be laid out anew.
      Main.walk([&](WeightOp Weight) {
        WeightOp &First = Known[{Weight.getValue(), Weight.getPackingAttr()}];
        if (!First || First == Weight) {
          First = Weight;
          return;
        }
        if (First->getBlock() != &Main.getBody().front())
          First->moveBefore(&Main.getBody().front().front());
        Weight.getResult().replaceAllUsesWith(First.getResult());
        Weight.erase();
      });
    }
  }
};

} // namespace

//===- PlaceWeights.cpp - Offsets of the weights in their blob -----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Execution order, each at a multiple of 64 bytes: what runs next lies next, so
// a kernel may prefetch behind the end of its own weights.
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "llvm/Support/MathExtras.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELPLACEWEIGHTSPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe::kernel;

namespace {

constexpr int64_t WeightAlignment = 64;

struct PlaceWeightsPass
    : lathe::kernel::impl::KernelPlaceWeightsPassBase<PlaceWeightsPass> {
  void runOnOperation() override {
    int64_t End = 0;
    Builder B(&getContext());
    for (auto Main : getOperation().getOps<func::FuncOp>()) {
      auto Place = [&](WeightOp Weight) {
        if (Weight.getOffset())
          return;
        auto Type = cast<ShapedType>(Weight.getType());
        // Elements lie one after the other in whole bytes; an index as i64.
        int64_t Bits = Type.getElementType().isIndex()
                           ? 64
                           : Type.getElementTypeBitWidth();
        Weight.setOffset(End);
        End += Type.getNumElements() * llvm::divideCeil(Bits, 8);
        End = llvm::alignTo(End, WeightAlignment);
      };
      Main.walk([&](Operation *Op) {
        for (Value V : Op->getOperands())
          if (auto Weight = V.getDefiningOp<WeightOp>())
            Place(Weight);
      });
    }
    getOperation()->setAttr("lathe.weights_bytes", B.getI64IntegerAttr(End));
  }
};

} // namespace

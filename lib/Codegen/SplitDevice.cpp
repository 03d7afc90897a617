//===- SplitDevice.cpp - codegen-split-device -----------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Host and device never share a module. The kernels move into a gpu.module;
// main calls them by number, and no longer reads or writes tensors: all of its
// memory (workspace, weights, arguments) lies on the device, and single
// elements that it needs are fetched or put explicitly.
//
//===----------------------------------------------------------------------===//

#include "Main.h"
#include "lathe/Codegen/Passes.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace lathe::codegen {
#define GEN_PASS_DEF_SPLITDEVICEPASS
#include "lathe/Codegen/Passes.h.inc"
} // namespace lathe::codegen

using namespace mlir;
using namespace lathe;

namespace {
struct SplitDevicePass : codegen::impl::SplitDevicePassBase<SplitDevicePass> {
  void runOnOperation() override {
    ModuleOp Module = getOperation();
    func::FuncOp Main = codegen::findMain(Module);
    if (!Main)
      return signalPassFailure();
    OpBuilder B(&getContext());
    if (failed(lowerMain(Main, B)))
      return signalPassFailure();

    B.setInsertionPointToEnd(Module.getBody());
    auto Device = gpu::GPUModuleOp::create(B, Module.getLoc(), "kernels");
    for (auto Kernel :
         llvm::make_early_inc_range(Module.getOps<kernel::FuncOp>()))
      Kernel->moveBefore(Device.getBody(), Device.getBody()->end());
    Module->setAttr("lathe.device", B.getUnitAttr());
  }

  LogicalResult lowerMain(func::FuncOp Main, OpBuilder &B) {
    llvm::DenseMap<StringAttr, std::pair<kernel::FuncOp, int64_t>> Numbers;
    for (auto [I, Kernel] :
         llvm::enumerate(getOperation().getOps<kernel::FuncOp>())) {
      if (!Kernel.getLaunchAttr())
        return Kernel.emitError("kernel @")
               << Kernel.getSymName() << " has no form for a device";
      Numbers[Kernel.getSymNameAttr()] = {Kernel, int64_t(I)};
    }
    WalkResult Result = Main.walk([&](Operation *Op) -> WalkResult {
      B.setInsertionPoint(Op);
      Location Loc = Op->getLoc();
      if (auto Call = dyn_cast<kernel::CallOp>(Op)) {
        auto [Kernel, Number] = Numbers.lookup(Call.getCalleeAttr().getAttr());
        SmallVector<Attribute> Types;
        for (Type T : Kernel.getArgumentTypes())
          Types.push_back(TypeAttr::get(T));
        kernel::LaunchOp::create(
            B, Loc, Kernel.getSymNameAttr(), B.getI64IntegerAttr(Number),
            Kernel.getLaunchAttr(), B.getArrayAttr(Types), Call.getOperands());
        Op->erase();
      } else if (auto Load = dyn_cast<memref::LoadOp>(Op)) {
        Value V = kernel::FetchOp::create(B, Loc, Load.getType(),
                                          Load.getMemRef(), Load.getIndices());
        Load.replaceAllUsesWith(V);
        Op->erase();
      } else if (auto Store = dyn_cast<memref::StoreOp>(Op)) {
        kernel::PutOp::create(B, Loc, Store.getValue(), Store.getMemRef(),
                              Store.getIndices());
        Op->erase();
      } else if (isa<memref::CopyOp, memref::AllocOp, memref::AllocaOp,
                     memref::GetGlobalOp>(Op)) {
        Op->emitError("main touches memory that lies on the device by '")
            << Op->getName() << "'";
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    return failure(Result.wasInterrupted());
  }
};
} // namespace

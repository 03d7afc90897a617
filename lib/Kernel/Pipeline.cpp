//===- Pipeline.cpp - The pipeline of the stage Kernel -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Pipeline.h"
#include "lathe/Kernel/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace lathe;

void kernel::buildPipeline(OpPassManager &PM, const PipelineOptions &Options) {
  // 1. One form for every structured op, and no more of them than needed.
  PM.addPass(createKernelGeneralizePass());
  PM.addPass(createCanonicalizerPass());
  PM.addPass(createCSEPass());
  auto Fuse = [&] {
    if (!Options.Fuse)
      return;
    PM.addPass(createKernelFoldReshapesPass());
    PM.addPass(createKernelFuseElementwisePass());
  };
  Fuse();
  if (Options.Layouts) {
    PM.addPass(createKernelAssignLayoutPass());
    PM.addPass(createCanonicalizerPass());
    PM.addPass(createCSEPass());
    Fuse();
  }
  if (Options.Fuse && Options.ByteValues)
    PM.addPass(createKernelTabulatePass(Options.ByteValues, &Options.Target));
  // 2. Larger buffers before the producers of their parts.
  // Sizes come from inputs, not from results of other kernels. No CSE from here
  // on: two padded buffers of one size must stay two.
  PM.addNestedPass<func::FuncOp>(
      memref::createResolveRankedShapeTypeResultDimsPass());
  PM.addPass(createCanonicalizerPass());
  PM.addPass(createCSEPass());
  PM.addPass(createKernelLowerPadsPass());
  PM.addNestedPass<func::FuncOp>(
      memref::createResolveRankedShapeTypeResultDimsPass());
  PM.addPass(createCanonicalizerPass());
  // 3. Kernels, each once, and the constants they take.
  PM.addPass(createKernelFormPass(KernelFormPassOptions{Options.Fuse}));
  PM.addPass(createKernelExtractWeightsPass());
  PM.addPass(createKernelDeduplicatePass());
  // Code for a GPU takes no scalars but sizes.
  if (Options.Fuse && !Options.Target.IsGPU)
    PM.addPass(createKernelSharePass({Options.Target.HasFMA}));
  if (Options.Schedules && Options.Layouts)
    PM.addPass(createKernelSchedulePass(Options.Target));
  PM.addPass(createKernelPlaceWeightsPass());
  // 4. The contract.
  PM.addPass(createKernelVerifyPass());
}

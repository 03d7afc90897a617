//===- Pipeline.cpp - The pipeline of the stage Lower
//------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Lower/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace lathe::lower {

// 1. every onnx op becomes structured ops on tensors
// 2. casts, dimensions and dead statistics fold
// 3. element types become what memory and registers hold
void buildLowerPipeline(OpPassManager &PM, const LowerOptions &Options) {
  PM.addPass(createLowerOnnxToLinalg());
  PM.addPass(createCanonicalizerPass());
  PM.addPass(createCSEPass());
  LowerLegalizeStorageOptions Storage;
  Storage.nativeHalf = Options.NativeHalf;
  PM.addPass(createLowerLegalizeStorage(Storage));
  PM.addPass(createCanonicalizerPass());
  PM.addPass(createCSEPass());
}

void registerLowerPipelines() {
  PassPipelineRegistration<>(
      "lathe-lower",
      "onnx with inferred shapes to linalg on tensors of storage types",
      [](OpPassManager &PM) { buildLowerPipeline(PM); });
}

} // namespace lathe::lower

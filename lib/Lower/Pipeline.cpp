//===- Pipeline.cpp - The pipeline of the stage Lower
//------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Lower/Passes.h"
#include "lathe/ONNX/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace lathe::lower {

// 1. what only groups values goes: sequences, optionals, names, composite ops
// 2. the new ops learn their shapes
// 3. subgraphs become regions of scf
void buildLowerPreparation(OpPassManager &PM) {
  PM.addPass(createLowerResolveSequences());
  PM.addPass(createLowerPackSequences());
  PM.addPass(createLowerCodeStrings());
  PM.addPass(createLowerExpandFunctions());
  PM.addPass(onnx::createInferShapes());
  PM.addPass(createLowerControlFlow());
}

// 1. only ops are left that have a pattern
// 2. every onnx op becomes structured ops on tensors
// 3. casts, dimensions and dead statistics fold; shapes that may not fit are
//    checked; what is empty goes
// 4. element types become what memory and registers hold
void buildLowerPipeline(OpPassManager &PM, const LowerOptions &Options) {
  buildLowerPreparation(PM);
  LowerOnnxToLinalgOptions Sums;
  Sums.signedRows = Options.SignedRows;
  Sums.byteWords = Options.ByteWords;
  PM.addPass(createLowerOnnxToLinalg(Sums));
  PM.addPass(createCanonicalizerPass());
  PM.addPass(createCSEPass());
  PM.addPass(createLowerCheckShapes());
  PM.addPass(createLowerFoldEmpty());
  LowerLegalizeStorageOptions Storage;
  Storage.nativeHalf = Options.NativeHalf;
  Storage.widenHalf = Options.WidenHalf;
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

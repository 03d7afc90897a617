//===- LoweringSteps.cpp - From loops to the LLVM dialect -----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LoweringSteps.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace lathe;

void codegen::addStructurePasses(OpPassManager &PM, bool Library) {
  PM.addPass(createConvertLinalgToLoopsPass());
  PM.addPass(createConvertVectorToSCFPass());
  PM.addPass(memref::createExpandStridedMetadataPass());
  PM.addPass(createLowerAffinePass());
  PM.addPass(createSCFToControlFlowPass());
  PM.addPass(createCanonicalizerPass());
  PM.addPass(createCSEPass());
  PM.addPass(createConvertMathToLLVMPass());
  if (Library)
    PM.addPass(createConvertMathToLibmPass());
  PM.addPass(createConvertVectorToLLVMPass());
}

void codegen::populatePlainPatterns(const LLVMTypeConverter &Types,
                                    RewritePatternSet &Patterns) {
  arith::populateCeilFloorDivExpandOpsPatterns(Patterns);
  arith::populateArithToLLVMConversionPatterns(Types, Patterns);
  cf::populateControlFlowToLLVMConversionPatterns(Types, Patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(Types, Patterns);
  index::populateIndexToLLVMConversionPatterns(Types, Patterns);
  ub::populateUBToLLVMConversionPatterns(Types, Patterns);
}

void codegen::addPlainIllegalDialects(LLVMConversionTarget &Target) {
  Target.addIllegalDialect<arith::ArithDialect, memref::MemRefDialect,
                           cf::ControlFlowDialect, kernel::KernelDialect>();
}

void codegen::addCleanPasses(OpPassManager &PM) {
  PM.addPass(createReconcileUnrealizedCastsPass());
  PM.addPass(createCanonicalizerPass());
  PM.addPass(createCSEPass());
}

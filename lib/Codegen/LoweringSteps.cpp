//===- LoweringSteps.cpp - From loops to the LLVM dialect -----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LoweringSteps.h"
#include "ExpandShapes.h"
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
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace lathe;

namespace {
struct ExpandShapes : PassWrapper<ExpandShapes, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ExpandShapes)
  LogicalResult initialize(MLIRContext *Context) override {
    RewritePatternSet Set(Context);
    codegen::populateExpandShapePatterns(Set);
    Patterns = std::move(Set);
    return success();
  }
  bool canScheduleOn(RegisteredOperationName) const override { return true; }
  void runOnOperation() override {
    if (failed(applyPatternsGreedily(getOperation(), Patterns)))
      signalPassFailure();
  }
  FrozenRewritePatternSet Patterns;
};
} // namespace

LogicalResult
codegen::lowerStructure(Operation *Module, bool Library,
                        function_ref<LogicalResult(OpPassManager &)> Run) {
  OpPassManager Loops(Module->getName());
  OpPassManager &Each = Loops.nestAny();
  Each.addPass(std::make_unique<ExpandShapes>());
  Each.addPass(createConvertLinalgToLoopsPass());
  Each.addPass(createConvertVectorToSCFPass());
  Each.addPass(memref::createExpandStridedMetadataPass());
  Each.addPass(createLowerAffinePass());
  Each.addPass(createSCFToControlFlowPass());
  Each.addPass(createCanonicalizerPass());
  Each.addPass(createCSEPass());
  Each.addPass(createConvertMathToLLVMPass());
  if (failed(Run(Loops)))
    return failure();
  OpPassManager Vectors(Module->getName());
  // It declares functions in the module, and few models need any.
  if (Library &&
      Module
          ->walk([](Operation *Op) {
            return isa_and_present<math::MathDialect>(Op->getDialect())
                       ? WalkResult::interrupt()
                       : WalkResult::advance();
          })
          .wasInterrupted())
    Vectors.addPass(createConvertMathToLibmPass());
  Vectors.nestAny().addPass(createConvertVectorToLLVMPass());
  return Run(Vectors);
}

LogicalResult codegen::checkBounded(Operation *Root) {
  WalkResult Result = Root->walk([](memref::AllocOp Op) {
    Op->emitError("allocates at run time; a kernel's scratch memory must be "
                  "bounded and on its stack");
    return WalkResult::interrupt();
  });
  return failure(Result.wasInterrupted());
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
  OpPassManager &Each = PM.nestAny();
  Each.addPass(createReconcileUnrealizedCastsPass());
  Each.addPass(createCanonicalizerPass());
  Each.addPass(createCSEPass());
}

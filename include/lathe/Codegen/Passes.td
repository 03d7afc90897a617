//===- Passes.td - Passes of the stage Codegen ------------------*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_CODEGEN_PASSES_TD
#define LATHE_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def CodegenBufferizePass : Pass<"codegen-bufferize", "::mlir::ModuleOp"> {
  let summary = "Put main on memrefs and give kernels the types of their calls";
}

def CodegenPlanArenaPass : Pass<"codegen-plan-arena", "::mlir::ModuleOp"> {
  let summary = "Replace each allocation of main by a place in the workspace";
  let dependentDialects = ["::lathe::kernel::KernelDialect", "::mlir::arith::ArithDialect"];
}

def CodegenToLLVMPass : Pass<"codegen-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Lower main and the emitted kernels to the LLVM dialect";
}

#endif // LATHE_CODEGEN_PASSES_TD

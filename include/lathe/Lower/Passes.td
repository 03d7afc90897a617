//===- Passes.td - Passes of the stage Lower ------------------*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LOWER_PASSES_TD
#define LATHE_LOWER_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerOnnxToLinalg : Pass<"lower-onnx-to-linalg", "mlir::ModuleOp"> {
  let summary = "onnx ops to linalg, tensor, scf and arith on tensors";
  let description = [{
    One pattern per op (`lathe/Lower/Patterns.h`). Types lose their signs
    (`ui8` becomes `i8`, the ops carry the sign from here on); what the model
    declared stays on each argument and result of a function as `onnx.type`.
    An op that no pattern takes is an error; all of them are listed at once.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect",
    "mlir::math::MathDialect", "mlir::scf::SCFDialect",
    "mlir::tensor::TensorDialect"];
}

#endif // LATHE_LOWER_PASSES_TD

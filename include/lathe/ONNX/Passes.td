//===- Passes.td - Passes of the stage ONNX ------------------*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_PASSES_TD
#define LATHE_ONNX_PASSES_TD

include "mlir/Pass/PassBase.td"

def InferShapes : Pass<"onnx-infer-shapes", "::mlir::ModuleOp"> {
  let summary = "Refine the types of all values and fold what computes shapes";
  let description = [{
    Propagates types, symbolic dimensions and the elements of small tensors through
    every function and its subgraphs. Types are refined, never widened; results of
    functions too. Tensors of up to 128 elements that turn out constant become
    onnx.Constant. An onnx.If of which only one branch fits what follows becomes that
    branch and a cf.assert of its condition. A contradiction is an error that names the node.

    Shapes that an ONNX file states for results (the module has `onnx.stated_shapes`, which the
    first run removes) are hints: they fix a size that nothing else tells, never one of the
    inputs; where one contradicts an inferred shape with open sizes, all
    are left out (of an inferred shape without, it is an error).
  }];
  let dependentDialects = [
    "::lathe::onnx::ONNXDialect", "::mlir::arith::ArithDialect",
    "::mlir::cf::ControlFlowDialect", "::mlir::tensor::TensorDialect"];
}

#endif // LATHE_ONNX_PASSES_TD

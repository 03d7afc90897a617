//===- ShapeInference.td - The interface of shape inference ---*- tablegen -*- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_ONNX_SHAPEINFERENCE_TD
#define LATHE_ONNX_SHAPEINFERENCE_TD

include "mlir/IR/OpBase.td"

def ONNX_ShapeInference : OpInterface<"ShapeInference"> {
  let description = [{
    Refines the types of an op's results from those of its operands, its attributes and
    what is known of the values of small integer operands. The functions are in
    tables by op (ShapeInference*.cpp), so the method has one body for all.
  }];
  let cppNamespace = "::lathe::onnx";
  let methods = [InterfaceMethod<
    "Refines the result types; on a contradiction emits an error and fails.",
    "::llvm::LogicalResult", "inferShapes", (ins "::lathe::onnx::InferenceContext &":$Context),
    [{ return ::lathe::onnx::detail::inferShapes($_op, Context); }]>];
}

#endif // LATHE_ONNX_SHAPEINFERENCE_TD

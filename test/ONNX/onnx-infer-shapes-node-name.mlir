// RUN: not lathe-opt %s --onnx-infer-shapes 2>&1 | FileCheck %s

// An error names the node as the model does.
// CHECK: node 'mm' (MatMul): the shapes [2, 3] and [4, 5] do not go together
func.func @matmul(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  %0 = onnx.MatMul(%a, %b) : (tensor<2x3xf32>, tensor<4x5xf32>) -> none loc("mm")
  return
}

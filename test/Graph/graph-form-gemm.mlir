// RUN: lathe-opt %s --graph-form-gemm --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @bias
// CHECK: %[[G:.*]] = onnx.Gemm(%arg0, %arg1, %arg2) {transA = 1} : (tensor<3x2xf32>, tensor<3x4xf32>, tensor<4xf32>)
// CHECK-NEXT: return %[[G]]
func.func @bias(%a: tensor<3x2xf32>, %b: tensor<3x4xf32>, %c: tensor<4xf32>) -> tensor<2x4xf32> {
  %t = onnx.Transpose(%a) {perm = [1, 0]} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  %0 = onnx.MatMul(%t, %b) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %1 = onnx.Add(%c, %0) : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}

// -----

// A residual of full size stays an Add; so does the bias of a quantized product.
// CHECK-LABEL: func.func @kept
// CHECK: onnx.MatMul(%arg0, %arg1)
// CHECK: onnx.Add
// CHECK: onnx.MatMul
// CHECK: onnx.Add
func.func @kept(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>, %c: tensor<2x4xf32>, %q: tensor<3x4xi8>, %d: tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %s = onnx.Constant dense<0.5> : tensor<f32>
  %0 = onnx.MatMul(%a, %b) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %1 = onnx.Add(%0, %c) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %w = onnx.DequantizeLinear(%q, %s) : (tensor<3x4xi8>, tensor<f32>) -> tensor<3x4xf32>
  %2 = onnx.MatMul(%a, %w) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %3 = onnx.Add(%2, %d) : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %1, %3 : tensor<2x4xf32>, tensor<2x4xf32>
}

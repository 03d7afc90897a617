// RUN: lathe-opt %s --graph-fuse-movement --split-input-file | FileCheck %s

// More forms, with their numerics: test/numerics/fusions.py.

// Rows are counted first, columns second.
// CHECK-LABEL: @columns(
// CHECK:         %[[R:.*]] = onnx.Reshape(%arg0, %{{.*}}) : (tensor<1x3x4x6xf32>, tensor<5xi64>) -> tensor<1x3x4x3x2xf32>
// CHECK:         %[[T:.*]] = onnx.Transpose(%[[R]]) {perm = [0, 4, 1, 2, 3]}
// CHECK:         onnx.Reshape(%[[T]], %{{.*}}) : (tensor<1x2x3x4x3xf32>, tensor<4xi64>) -> tensor<1x6x4x3xf32>
func.func @columns(%x: tensor<1x3x4x6xf32>) -> tensor<1x6x4x3xf32> {
  %zero = onnx.Constant dense<0> : tensor<1xi64>
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %two = onnx.Constant dense<2> : tensor<1xi64>
  %three = onnx.Constant dense<3> : tensor<1xi64>
  %end = onnx.Constant dense<9223372036854775807> : tensor<1xi64>
  %0 = onnx.Slice(%x, %zero, %end, %three, %two) : (tensor<1x3x4x6xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x3x4x3xf32>
  %1 = onnx.Slice(%x, %one, %end, %three, %two) : (tensor<1x3x4x6xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x3x4x3xf32>
  %2 = onnx.Concat(%0, %1) {axis = 1} : (tensor<1x3x4x3xf32>, tensor<1x3x4x3xf32>) -> tensor<1x6x4x3xf32>
  return %2 : tensor<1x6x4x3xf32>
}

// -----

// The odd columns first: the parts do not count.
// CHECK-LABEL: @order(
// CHECK-NOT:     onnx.Transpose
// CHECK:         onnx.Concat
func.func @order(%x: tensor<1x3x4x6xf32>) -> tensor<1x6x4x3xf32> {
  %zero = onnx.Constant dense<0> : tensor<1xi64>
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %two = onnx.Constant dense<2> : tensor<1xi64>
  %three = onnx.Constant dense<3> : tensor<1xi64>
  %end = onnx.Constant dense<9223372036854775807> : tensor<1xi64>
  %0 = onnx.Slice(%x, %one, %end, %three, %two) : (tensor<1x3x4x6xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x3x4x3xf32>
  %1 = onnx.Slice(%x, %zero, %end, %three, %two) : (tensor<1x3x4x6xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x3x4x3xf32>
  %2 = onnx.Concat(%0, %1) {axis = 1} : (tensor<1x3x4x3xf32>, tensor<1x3x4x3xf32>) -> tensor<1x6x4x3xf32>
  return %2 : tensor<1x6x4x3xf32>
}

// RUN: lathe-opt %s --lower-onnx-to-linalg --split-input-file | FileCheck %s

// CHECK-LABEL: @top(
// CHECK:         scf.for
// CHECK:           scf.while
// CHECK:         lathe.loop_kernel
func.func @top(%x: tensor<3x10xf32>) -> (tensor<3x4xf32>, tensor<3x4xi64>) {
  %k = onnx.Constant dense<4> : tensor<1xi64>
  %r:2 = onnx.TopK(%x, %k) : (tensor<3x10xf32>, tensor<1xi64>) -> (tensor<3x4xf32>, tensor<3x4xi64>)
  return %r#0, %r#1 : tensor<3x4xf32>, tensor<3x4xi64>
}

// -----

// What there is at most, then a slice of what there is.
// CHECK-LABEL: @non_zero(
// CHECK:         tensor.empty() : tensor<2x12xi64>
// CHECK:         lathe.loop_kernel
// CHECK:         tensor.extract_slice
func.func @non_zero(%x: tensor<3x4xf32>) -> tensor<2x?xi64> {
  %r = onnx.NonZero(%x) : (tensor<3x4xf32>) -> tensor<2x?xi64>
  return %r : tensor<2x?xi64>
}

// -----

// Twice as large to the nearest element is a broadcast.
// CHECK-LABEL: @enlarge(
// CHECK-NOT:     tensor.extract
// CHECK:         tensor.collapse_shape {{.*}} into tensor<1x3x8x10xf32>
func.func @enlarge(%x: tensor<1x3x4x5xf32>) -> tensor<1x3x8x10xf32> {
  %s = onnx.Constant dense<[1.0, 1.0, 2.0, 2.0]> : tensor<4xf32>
  %r = onnx.Resize(%x, none, %s) {coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"} : (tensor<1x3x4x5xf32>, tensor<4xf32>) -> tensor<1x3x8x10xf32>
  return %r : tensor<1x3x8x10xf32>
}

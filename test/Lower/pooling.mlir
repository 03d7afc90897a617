// RUN: lathe-opt %s --lower-onnx-to-linalg --canonicalize --cse --split-input-file | FileCheck %s

// CHECK-LABEL: @max(
// CHECK:         %[[LOW:.*]] = arith.constant 0xFF800000 : f32
// CHECK:         tensor.pad %{{.*}} low[0, 0, 1, 1] high[0, 0, 1, 1]
// CHECK:         tensor.empty() : tensor<3x3xf32>
// CHECK:           arith.maxnumf
func.func @max(%x: tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32> {
  %0, %1 = onnx.MaxPool(%x) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]} : (tensor<1x2x8x8xf32>) -> (tensor<1x2x8x8xf32>, tensor<1x2x8x8xi64>)
  return %0 : tensor<1x2x8x8xf32>
}

// -----

// What the sums are divided by is a constant a dimension.
// CHECK-LABEL: @average(
// CHECK-DAG:     arith.constant dense<[2.000000e+00, 3.000000e+00, 2.000000e+00]> : tensor<3xf32>
// CHECK:           arith.addf
// CHECK:           arith.divf
func.func @average(%x: tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32> {
  %0 = onnx.AveragePool(%x) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]} : (tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32>
  return %0 : tensor<1x1x3x3xf32>
}

// -----

// A window far larger than its input, which ceil_mode lets pass: the one window
// is the input.
// CHECK-LABEL: @huge(
// CHECK:         arith.constant 4.000000e+00
// CHECK-NOT:     tensor.pad
// CHECK:         tensor.empty() : tensor<2x2xf32>
func.func @huge(%x: tensor<1x8x2x2xf32>) -> tensor<1x8x1x1xf32> {
  %0 = onnx.AveragePool(%x) {kernel_shape = [1280, 1280], strides = [1280, 1280], ceil_mode = 1} : (tensor<1x8x2x2xf32>) -> tensor<1x8x1x1xf32>
  return %0 : tensor<1x8x1x1xf32>
}

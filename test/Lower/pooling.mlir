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

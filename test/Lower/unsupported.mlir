// RUN: not lathe-opt %s --lower-onnx-to-linalg 2>&1 | FileCheck %s

// Every op that cannot be lowered is named, with its reason, in one run.
// CHECK: node 'c1' (Conv): group = 3 does not divide the 4 filters
// CHECK: node 'd1' (Dropout): dropout in training mode is not supported
func.func @main(%x: tensor<1x3x8x8xf32>, %w: tensor<4x1x3x3xf32>, %t: tensor<i1>) -> (tensor<1x4x6x6xf32>, tensor<1x3x8x8xf32>) {
  %r = onnx.Constant dense<0.5> : tensor<f32>
  %0 = onnx.Conv(%x, %w) {group = 3} : (tensor<1x3x8x8xf32>, tensor<4x1x3x3xf32>) -> tensor<1x4x6x6xf32> loc("c1")
  %1, %2 = onnx.Dropout(%x, %r, %t) : (tensor<1x3x8x8xf32>, tensor<f32>, tensor<i1>) -> (tensor<1x3x8x8xf32>, tensor<1x3x8x8xi1>) loc("d1")
  return %0, %1 : tensor<1x4x6x6xf32>, tensor<1x3x8x8xf32>
}

// RUN: not lathe-opt %s --lower-onnx-to-linalg 2>&1 | FileCheck %s

// Every op that cannot be lowered is named, with its reason, in one run.
// CHECK: node 'c1' (Conv): group = 3 does not divide the 4 filters
// CHECK: node 'q1' (MatMulInteger): zero points of more than one dimension are not supported yet
func.func @main(%x: tensor<1x3x8x8xf32>, %w: tensor<4x1x3x3xf32>, %a: tensor<2x3xui8>, %b: tensor<3x4xi8>, %z: tensor<2x1xui8>) -> (tensor<1x4x6x6xf32>, tensor<2x4xi32>) {
  %0 = onnx.Conv(%x, %w) {group = 3} : (tensor<1x3x8x8xf32>, tensor<4x1x3x3xf32>) -> tensor<1x4x6x6xf32> loc("c1")
  %1 = onnx.MatMulInteger(%a, %b, %z) : (tensor<2x3xui8>, tensor<3x4xi8>, tensor<2x1xui8>) -> tensor<2x4xi32> loc("q1")
  return %0, %1 : tensor<1x4x6x6xf32>, tensor<2x4xi32>
}

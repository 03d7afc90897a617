// RUN: lathe-opt %s --kernel-generalize | FileCheck %s

// A fill stays, every other structured op becomes generic; a constant that a
// contraction multiplies by becomes a weight, so that nothing folds it away.
// CHECK-LABEL: func.func @main
// CHECK: linalg.fill
// CHECK: %[[W:.*]] = kernel.weight dense<2.000000e+00> : tensor<8x16xf32> : tensor<8x16xf32>
// CHECK: linalg.generic
// CHECK-SAME: "reduction"
// CHECK-SAME: ins(%{{.*}}, %[[W]]
// CHECK-NOT: linalg.matmul
func.func @main(%x: tensor<4x8xf32>) -> tensor<4x16xf32> {
  %w = arith.constant dense<2.0> : tensor<8x16xf32>
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x16xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<4x16xf32>) -> tensor<4x16xf32>
  %m = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%f : tensor<4x16xf32>) -> tensor<4x16xf32>
  return %m : tensor<4x16xf32>
}

// A reshape of a constant is a constant.
// CHECK-LABEL: func.func @reshape
// CHECK: %[[C:.*]] = arith.constant dense<{{\[}}[1, 2], [3, 4]]> : tensor<2x2xi32>
// CHECK: return %[[C]]
func.func @reshape() -> tensor<2x2xi32> {
  %c = arith.constant dense<[1, 2, 3, 4]> : tensor<4xi32>
  %r = tensor.expand_shape %c [[0, 1]] output_shape [2, 2] : tensor<4xi32> into tensor<2x2xi32>
  return %r : tensor<2x2xi32>
}

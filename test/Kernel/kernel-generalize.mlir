// RUN: lathe-opt %s --kernel-generalize --split-input-file | FileCheck %s

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

// -----

// Whole rows of a constant are a constant.
// CHECK-LABEL: func.func @rows
// CHECK-DAG: arith.constant dense<3.000000e+00> : tensor<2x4xf32>
// CHECK-DAG: arith.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
// CHECK-NOT: extract_slice
// CHECK: return
func.func @rows() -> (tensor<2x4xf32>, tensor<2xf32>) {
  %a = arith.constant dense<3.0> : tensor<1x8x4xf32>
  %b = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %r = tensor.extract_slice %a[0, 2, 0] [1, 2, 4] [1, 1, 1] : tensor<1x8x4xf32> to tensor<2x4xf32>
  %s = tensor.extract_slice %b[0, 0] [1, 2] [1, 1] : tensor<1x2xf32> to tensor<2xf32>
  return %r, %s : tensor<2x4xf32>, tensor<2xf32>
}

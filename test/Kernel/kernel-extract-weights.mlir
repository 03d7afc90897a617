// RUN: lathe-opt %s --kernel-extract-weights --kernel-place-weights | FileCheck %s

// Equal constants are one weight; each lies at a multiple of 64 bytes, in the order
// in which they are used.
// CHECK: module attributes {lathe.weights_bytes = 128 : i64}
// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[A:.*]] = kernel.weight dense<[1, 2, 3]> : tensor<3xi32> at 0 : tensor<3xi32>
// CHECK-DAG: %[[B:.*]] = kernel.weight dense<[4, 5, 6]> : tensor<3xi32> at 64 : tensor<3xi32>
// CHECK: kernel.call @k ins(%[[A]], %[[B]]
// CHECK: kernel.call @k ins(%[[B]], %[[A]]
func.func @main(%o: tensor<3xi32>) -> (tensor<3xi32>, tensor<3xi32>) {
  %b = arith.constant dense<[4, 5, 6]> : tensor<3xi32>
  %a = arith.constant dense<[1, 2, 3]> : tensor<3xi32>
  %a2 = arith.constant dense<[1, 2, 3]> : tensor<3xi32>
  %0 = kernel.call @k ins(%a, %b : tensor<3xi32>, tensor<3xi32>) outs(%o : tensor<3xi32>) -> tensor<3xi32>
  %1 = kernel.call @k ins(%b, %a2 : tensor<3xi32>, tensor<3xi32>) outs(%o : tensor<3xi32>) -> tensor<3xi32>
  return %0, %1 : tensor<3xi32>, tensor<3xi32>
}
kernel.func private @k(%a: tensor<3xi32>, %b: tensor<3xi32>, %o: tensor<3xi32>) -> tensor<3xi32> {
  kernel.return %o : tensor<3xi32>
}

// RUN: lathe-opt %s --kernel-deduplicate | FileCheck %s

// CHECK: kernel.call @a
// CHECK: kernel.call @a
// CHECK: kernel.call @c
// CHECK: kernel.func private @a
// CHECK-NOT: kernel.func private @b
// CHECK: kernel.func private @c
func.func @main(%o: tensor<3xi32>) -> tensor<3xi32> {
  %0 = kernel.call @a outs(%o : tensor<3xi32>) -> tensor<3xi32>
  %1 = kernel.call @b outs(%0 : tensor<3xi32>) -> tensor<3xi32>
  %2 = kernel.call @c outs(%1 : tensor<3xi32>) -> tensor<3xi32>
  return %2 : tensor<3xi32>
}
kernel.func private @a(%o: tensor<3xi32>) -> tensor<3xi32> attributes {kind = "fill"} {
  %c = arith.constant 1 : i32
  %f = linalg.fill ins(%c : i32) outs(%o : tensor<3xi32>) -> tensor<3xi32>
  kernel.return %f : tensor<3xi32>
}
kernel.func private @b(%p: tensor<3xi32>) -> tensor<3xi32> attributes {kind = "fill"} {
  %c = arith.constant 1 : i32
  %f = linalg.fill ins(%c : i32) outs(%p : tensor<3xi32>) -> tensor<3xi32>
  kernel.return %f : tensor<3xi32>
}
kernel.func private @c(%o: tensor<3xi32>) -> tensor<3xi32> attributes {kind = "fill"} {
  %c = arith.constant 2 : i32
  %f = linalg.fill ins(%c : i32) outs(%o : tensor<3xi32>) -> tensor<3xi32>
  kernel.return %f : tensor<3xi32>
}

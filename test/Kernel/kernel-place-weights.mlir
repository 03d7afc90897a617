// RUN: lathe-opt %s --kernel-place-weights | FileCheck %s

// Offsets in the order of execution, not of definition, each at a multiple of 64 bytes; what
// nobody reads has none.
// CHECK: module attributes {lathe.weights_bytes = 192 : i64}
// CHECK-DAG: kernel.weight dense<1> : tensor<17xi32> at 64 : tensor<17xi32>
// CHECK-DAG: kernel.weight dense<2> : tensor<3xi8> at 0 : tensor<3xi8>
// CHECK: kernel.call @bytes
func.func @main(%o: tensor<17xi32>, %p: tensor<3xi8>) -> (tensor<3xi8>, tensor<17xi32>) {
  %a = kernel.weight dense<1> : tensor<17xi32> : tensor<17xi32>
  %b = kernel.weight dense<2> : tensor<3xi8> : tensor<3xi8>
  %0 = kernel.call @bytes ins(%b : tensor<3xi8>) outs(%p : tensor<3xi8>) -> tensor<3xi8>
  %1 = kernel.call @words ins(%a : tensor<17xi32>) outs(%o : tensor<17xi32>) -> tensor<17xi32>
  return %0, %1 : tensor<3xi8>, tensor<17xi32>
}
kernel.func private @bytes(%a: tensor<3xi8>, %o: tensor<3xi8>) -> tensor<3xi8> {
  kernel.return %o : tensor<3xi8>
}
kernel.func private @words(%a: tensor<17xi32>, %o: tensor<17xi32>) -> tensor<17xi32> {
  kernel.return %o : tensor<17xi32>
}

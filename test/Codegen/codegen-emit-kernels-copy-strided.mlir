// RUN: lathe-opt %s --codegen-emit-kernels | FileCheck %s

// A result that is an argument is written where the out lies: rows of the
// strided out do not follow each other, so the rows must stay a loop.
// CHECK-LABEL: kernel.func private @copy
// CHECK-SAME: grid = #kernel.grid<arg = 1, dim = 0>
// CHECK: scf.for
// CHECK: vector.store {{.*}} strided<[7, 1]>
kernel.func private @copy(%x: tensor<5x5xf32>, %out: tensor<5x5xf32>) -> tensor<5x5xf32>
    attributes {arg_types = [memref<5x5xf32>, memref<5x5xf32, strided<[7, 1]>>], kind = "copy"} {
  kernel.return %x : tensor<5x5xf32>
}

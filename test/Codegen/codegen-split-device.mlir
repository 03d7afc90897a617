// RUN: lathe-opt %s --codegen-split-device | FileCheck %s

// CHECK: module attributes {lathe.device}
// CHECK-LABEL: func.func @main
// CHECK: %[[V:.*]] = kernel.fetch %arg0[%{{.*}}] : memref<8xf32>
// CHECK: kernel.put %[[V]], %arg1[%{{.*}}] : memref<8xf32>
// CHECK: kernel.launch "scale" number 0(%arg0, %arg1)
// CHECK-SAME: launch = #kernel.launch<threads = 256, arg = 1, limit = 65535, blocks = [<size = 8, step = 256>]>
// CHECK: gpu.module @kernels
// CHECK: kernel.func private @scale
func.func @main(%x: memref<8xf32>, %o: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %v = memref.load %x[%c0] : memref<8xf32>
  memref.store %v, %o[%c0] : memref<8xf32>
  kernel.call @scale ins(%x : memref<8xf32>) outs(%o : memref<8xf32>)
  return
}
kernel.func private @scale(%x: memref<8xf32>, %o: memref<8xf32>) attributes {launch = #kernel.launch<threads = 256, arg = 1, limit = 65535, blocks = [<size = 8, step = 256>]>} {
  kernel.return
}

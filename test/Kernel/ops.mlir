// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<?x64xf32>, %n: index) -> tensor<?x64xf32> {
  // CHECK: kernel.weight dense<1.000000e+00> : tensor<64xf32> at 64 : tensor<64xf32>
  %s = kernel.weight dense<1.0> : tensor<64xf32> at 64 : tensor<64xf32>
  %e = tensor.empty(%n) : tensor<?x64xf32>
  // CHECK: kernel.call @scale ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<64xf32>) outs(%{{.*}} : tensor<?x64xf32>) -> tensor<?x64xf32>
  %r = kernel.call @scale ins(%x, %s : tensor<?x64xf32>, tensor<64xf32>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %r : tensor<?x64xf32>
}

// CHECK-LABEL: kernel.func private @scale
// CHECK-SAME: attributes {kind = "elementwise", schedule = #kernel.contraction<mr = 6, nv = 4, lanes = 16>}
kernel.func private @scale(%x: tensor<?x64xf32>, %s: tensor<64xf32>, %o: tensor<?x64xf32>) -> tensor<?x64xf32>
    attributes {kind = "elementwise", schedule = #kernel.contraction<mr = 6, nv = 4, lanes = 16>} {
  // CHECK: kernel.return %{{.*}} : tensor<?x64xf32>
  kernel.return %o : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @places
func.func @places(%n: index) {
  // CHECK: kernel.weight dense<{{.*}}> : tensor<3x2xi32> packing <outer = [1, 0], blocks = [1], tiles = [4]> : memref<1x3x4xi32>
  %w = kernel.weight dense<[[1, 2], [3, 4], [5, 6]]> : tensor<3x2xi32> packing <outer = [1, 0], blocks = [1], tiles = [4]> : memref<1x3x4xi32>
  // CHECK: kernel.slot %{{.*}}[%{{.*}}] : memref<?x4xf32>
  %b = kernel.slot %n[%n] : memref<?x4xf32>
  // CHECK: kernel.allocate[%{{.*}}] : memref<?x4xf32>
  %a = kernel.allocate [%n] : memref<?x4xf32>
  // CHECK: kernel.output 1[%{{.*}}] : memref<?x4xf32>
  %o = kernel.output 1[%n] : memref<?x4xf32>
  // CHECK: kernel.call @emitted ins(%{{.*}} : memref<?x4xf32>) outs(%{{.*}} : memref<?x4xf32>)
  kernel.call @emitted ins(%b : memref<?x4xf32>) outs(%o : memref<?x4xf32>)
  return
}

// CHECK-LABEL: kernel.func private @emitted
// CHECK-SAME: grid = #kernel.grid<arg = 1, dim = 0>
kernel.func private @emitted(%x: memref<?x4xf32>, %o: memref<?x4xf32>, %lo: index, %hi: index)
    attributes {grid = #kernel.grid<arg = 1, dim = 0>} {
  kernel.return
}

// CHECK-LABEL: kernel.func private @launched
// CHECK-SAME: launch = #kernel.launch<threads = 32, arg = 0>
kernel.func private @launched() attributes {launch = #kernel.launch<threads = 32, arg = 0>} {
  kernel.return
}
// CHECK-LABEL: kernel.func private @limited
// CHECK-SAME: launch = #kernel.launch<threads = 32, arg = 0, limit = 4>
kernel.func private @limited() attributes {launch = #kernel.launch<threads = 32, arg = 0, limit = 4>} {
  kernel.return
}
// CHECK-LABEL: kernel.func private @blocks
// CHECK-SAME: launch = #kernel.launch<threads = 32, arg = 1, blocks = [<size = 8, step = 4>, <size = 1, step = 2, dims = [0, 1]>]>
kernel.func private @blocks(%x: memref<?x?xf32>, %o: memref<?x?xf32>)
    attributes {launch = #kernel.launch<threads = 32, arg = 1, blocks = [<size = 8, step = 4>, <size = 1, step = 2, dims = [0, 1]>]>} {
  kernel.return
}
// CHECK-LABEL: kernel.func private @both
// CHECK-SAME: launch = #kernel.launch<threads = 32, arg = 1, limit = 7, blocks = [<size = 8, step = 4>]>
kernel.func private @both(%x: memref<?x?xf32>, %o: memref<?x?xf32>)
    attributes {launch = #kernel.launch<threads = 32, arg = 1, limit = 7, blocks = [<size = 8, step = 4>]>} {
  kernel.return
}

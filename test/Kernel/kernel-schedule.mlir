// RUN: lathe-opt %s --kernel-schedule="features=+avx,+avx2,+fma" | FileCheck %s
// RUN: lathe-opt %s --kernel-schedule="features=+avx,+avx2,+avx512f,+avx512vl,+avx512bw,+avx512dq,+fma" | FileCheck --check-prefix=WIDE %s

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>

// Constant weights are packed in panels of the schedule's columns (nv * lanes), the last one padded.
// CHECK-LABEL: func.func @main
// CHECK: kernel.weight {{.*}} packing {{.*}} : tensor<3x32x16xf32>
// CHECK: kernel.call @product ins(%{{.*}}, %{{.*}} : tensor<20x32xf32>, tensor<3x32x16xf32>)
// A right-hand side that only the run knows stays as it is, and so does its kernel.
// CHECK: kernel.call @run_time ins(%{{.*}}, %{{.*}} : tensor<20x32xf32>, tensor<32x48xf32>)
// CHECK-LABEL: kernel.func private @product
// CHECK-SAME: schedule = #kernel.contraction<mr = 5, nv = 2, lanes = 8>
// CHECK-LABEL: kernel.func private @run_time
// CHECK-NOT: schedule

// WIDE: kernel.weight {{.*}} packing {{.*}} : tensor<1x32x48xf32>
// WIDE-LABEL: kernel.func private @product
// WIDE-SAME: schedule = #kernel.contraction<mr = 7, nv = 3, lanes = 16>
func.func @main(%x: tensor<20x32xf32>, %y: tensor<32x48xf32>, %o: tensor<20x48xf32>) -> (tensor<20x48xf32>, tensor<20x48xf32>) {
  %w = kernel.weight dense<1.0> : tensor<32x48xf32> : tensor<32x48xf32>
  %0 = kernel.call @product ins(%x, %w : tensor<20x32xf32>, tensor<32x48xf32>) outs(%o : tensor<20x48xf32>) -> tensor<20x48xf32>
  %1 = kernel.call @run_time ins(%x, %y : tensor<20x32xf32>, tensor<32x48xf32>) outs(%o : tensor<20x48xf32>) -> tensor<20x48xf32>
  return %0, %1 : tensor<20x48xf32>, tensor<20x48xf32>
}
kernel.func private @product(%x: tensor<20x32xf32>, %w: tensor<32x48xf32>, %o: tensor<20x48xf32>) -> tensor<20x48xf32> {
  %zero = arith.constant 0.0 : f32
  %start = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} outs(%o : tensor<20x48xf32>) {
  ^bb0(%old: f32):
    linalg.yield %zero : f32
  } -> tensor<20x48xf32>
  %r = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<20x32xf32>, tensor<32x48xf32>) outs(%start : tensor<20x48xf32>) {
  ^bb0(%l: f32, %s: f32, %sum: f32):
    %p = arith.mulf %l, %s : f32
    %t = arith.addf %sum, %p : f32
    linalg.yield %t : f32
  } -> tensor<20x48xf32>
  kernel.return %r : tensor<20x48xf32>
}
kernel.func private @run_time(%x: tensor<20x32xf32>, %w: tensor<32x48xf32>, %o: tensor<20x48xf32>) -> tensor<20x48xf32> {
  %zero = arith.constant 0.0 : f32
  %start = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} outs(%o : tensor<20x48xf32>) {
  ^bb0(%old: f32):
    linalg.yield %zero : f32
  } -> tensor<20x48xf32>
  %r = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<20x32xf32>, tensor<32x48xf32>) outs(%start : tensor<20x48xf32>) {
  ^bb0(%l: f32, %s: f32, %sum: f32):
    %p = arith.mulf %l, %s : f32
    %t = arith.addf %sum, %p : f32
    linalg.yield %t : f32
  } -> tensor<20x48xf32>
  kernel.return %r : tensor<20x48xf32>
}

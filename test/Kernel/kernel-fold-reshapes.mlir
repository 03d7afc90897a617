// RUN: lathe-opt %s --kernel-fold-reshapes --split-input-file | FileCheck %s

#rc = affine_map<(r, c) -> (r, c)>
#row = affine_map<(r, c) -> (r, 0)>

// A reshape that only adds a dimension of size 1 goes into its reader's map.
// CHECK: #[[ROW:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-LABEL: func.func @units
// CHECK-SAME: %[[X:.*]]: tensor<4x8xf32>, %[[M:.*]]: tensor<4xf32>
// CHECK-NOT: expand_shape
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[ROW]], #{{.*}}]{{.*}} ins(%[[X]], %[[M]]
func.func @units(%x: tensor<4x8xf32>, %m: tensor<4xf32>) -> tensor<4x8xf32> {
  %e = tensor.expand_shape %m [[0, 1]] output_shape [4, 1] : tensor<4xf32> into tensor<4x1xf32>
  %o = tensor.empty() : tensor<4x8xf32>
  %r = linalg.generic {indexing_maps = [#rc, #row, #rc], iterator_types = ["parallel", "parallel"]} ins(%x, %e : tensor<4x8xf32>, tensor<4x1xf32>) outs(%o : tensor<4x8xf32>) {
  ^bb0(%p: f32, %q: f32, %t: f32):
    %s = arith.subf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  return %r : tensor<4x8xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#id3 = affine_map<(i, j, k) -> (i, j, k)>
#bias = affine_map<(i, j, k) -> (k)>

// What follows a product runs on the product's own shape.
// CHECK-LABEL: func.func @epilogue
// CHECK: %[[P:.*]] = linalg.generic
// CHECK: %[[R:.*]] = linalg.generic {{.*}} ins(%[[P]], %{{.*}} : tensor<?x16xf32>, tensor<16xf32>)
// CHECK: tensor.expand_shape %[[R]]
func.func @epilogue(%x: tensor<?x8xf32>, %w: tensor<8x16xf32>, %v: tensor<16xf32>, %n: index, %nn: index) -> tensor<?x7x16xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty(%nn) : tensor<?x16xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %m = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<?x8xf32>, tensor<8x16xf32>) outs(%f : tensor<?x16xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %0 = arith.mulf %p, %q : f32
    %1 = arith.addf %o, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<?x16xf32>
  %s = tensor.expand_shape %m [[0, 1], [2]] output_shape [%n, 7, 16] : tensor<?x16xf32> into tensor<?x7x16xf32>
  %d = tensor.empty(%n) : tensor<?x7x16xf32>
  %r = linalg.generic {indexing_maps = [#id3, #bias, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %v : tensor<?x7x16xf32>, tensor<16xf32>) outs(%d : tensor<?x7x16xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %0 = arith.addf %p, %q : f32
    linalg.yield %0 : f32
  } -> tensor<?x7x16xf32>
  return %r : tensor<?x7x16xf32>
}

// -----

#q = affine_map<(h, m, n, k) -> (h, m, k)>
#k = affine_map<(h, m, n, k) -> (h, k, n)>
#p = affine_map<(h, m, n, k) -> (h, m, n)>
#heads = affine_map<(i, j, l) -> (j, i, l)>
#id3 = affine_map<(i, j, l) -> (i, j, l)>

// A product reads heads where they lie.
// CHECK: #[[Q:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d0, d3)>
// CHECK-LABEL: func.func @heads
// CHECK-SAME: %[[X:.*]]: tensor<5x2x8xf32>
// CHECK: linalg.generic {indexing_maps = [#[[Q]],
// CHECK-SAME: ins(%[[X]], %{{.*}} : tensor<5x2x8xf32>, tensor<2x8x5xf32>)
func.func @heads(%x: tensor<5x2x8xf32>, %y: tensor<2x8x5xf32>) -> tensor<2x5x5xf32> {
  %z = arith.constant 0.0 : f32
  %d = tensor.empty() : tensor<2x5x8xf32>
  %t = linalg.generic {indexing_maps = [#heads, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x : tensor<5x2x8xf32>) outs(%d : tensor<2x5x8xf32>) {
  ^bb0(%i: f32, %o: f32):
    linalg.yield %i : f32
  } -> tensor<2x5x8xf32>
  %e = tensor.empty() : tensor<2x5x5xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %m = linalg.generic {indexing_maps = [#q, #k, #p], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%t, %y : tensor<2x5x8xf32>, tensor<2x8x5xf32>) outs(%f : tensor<2x5x5xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %0 = arith.mulf %i, %j : f32
    %1 = arith.addf %o, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x5x5xf32>
  return %m : tensor<2x5x5xf32>
}

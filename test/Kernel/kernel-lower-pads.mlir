// RUN: lathe-opt %s --kernel-lower-pads | FileCheck %s

// The padded buffer is filled before the producer of its inside.
// CHECK-LABEL: func.func @pad
// CHECK: %[[E:.*]] = tensor.empty() : tensor<6x6xf32>
// CHECK: %[[F:.*]] = linalg.fill ins(%{{.*}} : f32) outs(%[[E]]
// CHECK: %[[G:.*]] = linalg.generic
// CHECK: tensor.insert_slice %[[G]] into %[[F]][1, 1] [4, 4] [1, 1]
func.func @pad(%x: tensor<4x4xf32>) -> tensor<6x6xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x4xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%p: f32, %o: f32):
    %s = math.exp %p : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %r = tensor.pad %a low[1, 1] high[1, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %z : f32
  } : tensor<4x4xf32> to tensor<6x6xf32>
  return %r : tensor<6x6xf32>
}

// CHECK-LABEL: func.func @concat
// CHECK-SAME: %[[A:.*]]: tensor<2x?xf32>, %[[B:.*]]: tensor<2x3xf32>
// CHECK: tensor.dim %[[A]]
// CHECK: %[[E:.*]] = tensor.empty(%[[N:.*]]) : tensor<2x?xf32>
// CHECK: %[[FIRST:.*]] = tensor.insert_slice %[[A]] into %[[E]][0, 0]
// CHECK: tensor.insert_slice %[[B]] into %[[FIRST]][0, %{{.*}}] [2, 3] [1, 1]
func.func @concat(%a: tensor<2x?xf32>, %b: tensor<2x3xf32>) -> tensor<2x?xf32> {
  %r = tensor.concat dim(1) %a, %b : (tensor<2x?xf32>, tensor<2x3xf32>) -> tensor<2x?xf32>
  return %r : tensor<2x?xf32>
}

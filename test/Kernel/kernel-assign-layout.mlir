// RUN: lathe-opt %s --kernel-generalize --kernel-assign-layout --canonicalize | FileCheck %s

// The filter is transposed by its packing, the first input is read as it comes,
// and the transposition behind the convolution passes the ReLU and the pooling.
// CHECK-DAG: #[[$IN:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d6, d1 + d4, d2 + d5)>
// CHECK-DAG: #[[$FILTER:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, d5, d6, d3)>
// CHECK-DAG: #[[$OUT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)>
// CHECK-DAG: #[[$ID:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
// CHECK-DAG: #[[$BACK:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, d1)>
// CHECK-LABEL: func.func @main
// CHECK: %[[W:.*]] = kernel.weight {{.*}} packing <outer = [2, 3, 1, 0]> : tensor<3x3x4x16xf32>
// CHECK: linalg.generic {indexing_maps = [#[[$IN]], #[[$FILTER]], #[[$OUT]]]
// CHECK-SAME: outs(%{{.*}} : tensor<1x8x8x16xf32>)
// CHECK: linalg.generic {indexing_maps = [#[[$ID]], #[[$ID]]]
// CHECK: arith.maximumf
// CHECK: tensor<1x4x4x16xf32>
// CHECK: linalg.generic {indexing_maps = [#[[$BACK]], #[[$ID]]]
// CHECK: return %{{.*}} : tensor<1x16x4x4xf32>
func.func @main(%x: tensor<1x4x10x10xf32>) -> tensor<1x16x4x4xf32> {
  %w = arith.constant dense<0.5> : tensor<16x4x3x3xf32>
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x16x8x8xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
  %c = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%x, %w : tensor<1x4x10x10xf32>, tensor<16x4x3x3xf32>) outs(%f : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%c : tensor<1x16x8x8xf32>) outs(%e : tensor<1x16x8x8xf32>) {
  ^bb0(%p: f32, %o: f32):
    %0 = arith.maximumf %p, %z : f32
    linalg.yield %0 : f32
  } -> tensor<1x16x8x8xf32>
  %win = tensor.empty() : tensor<2x2xf32>
  %pe = tensor.empty() : tensor<1x16x4x4xf32>
  %pf = linalg.fill ins(%z : f32) outs(%pe : tensor<1x16x4x4xf32>) -> tensor<1x16x4x4xf32>
  %p = linalg.pooling_nchw_max {dilations = dense<1> : tensor<2xi64>, strides = dense<2> : tensor<2xi64>} ins(%r, %win : tensor<1x16x8x8xf32>, tensor<2x2xf32>) outs(%pf : tensor<1x16x4x4xf32>) -> tensor<1x16x4x4xf32>
  return %p : tensor<1x16x4x4xf32>
}

// A channel shuffle: one copy in the order in which its source lies, channels last.
// CHECK-LABEL: func.func @shuffle
// CHECK: %[[PARTS:.*]] = tensor.expand_shape {{.*}} into tensor<1x8x8x2x3xf32>
// CHECK: linalg.generic {{.*}} ins(%[[PARTS]] : tensor<1x8x8x2x3xf32>) outs(%{{.*}} : tensor<1x8x8x3x2xf32>)
// CHECK: %[[JOINED:.*]] = tensor.collapse_shape {{.*}} : tensor<1x8x8x3x2xf32> into tensor<1x8x8x6xf32>
// CHECK: linalg.generic {{.*}} ins(%[[JOINED]], %{{.*}} : tensor<1x8x8x6xf32>, tensor<1x1x6x4xf32>)
func.func @shuffle(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %w = arith.constant dense<0.5> : tensor<6x4x1x1xf32>
  %v = arith.constant dense<0.5> : tensor<4x6x1x1xf32>
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x6x8x8xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<1x6x8x8xf32>) -> tensor<1x6x8x8xf32>
  %c = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%x, %w : tensor<1x4x8x8xf32>, tensor<6x4x1x1xf32>) outs(%f : tensor<1x6x8x8xf32>) -> tensor<1x6x8x8xf32>
  %p = tensor.expand_shape %c [[0], [1, 2], [3], [4]] output_shape [1, 2, 3, 8, 8] : tensor<1x6x8x8xf32> into tensor<1x2x3x8x8xf32>
  %te = tensor.empty() : tensor<1x3x2x8x8xf32>
  %t = linalg.transpose ins(%p : tensor<1x2x3x8x8xf32>) outs(%te : tensor<1x3x2x8x8xf32>) permutation = [0, 2, 1, 3, 4]
  %j = tensor.collapse_shape %t [[0], [1, 2], [3], [4]] : tensor<1x3x2x8x8xf32> into tensor<1x6x8x8xf32>
  %e2 = tensor.empty() : tensor<1x4x8x8xf32>
  %f2 = linalg.fill ins(%z : f32) outs(%e2 : tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %d = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%j, %v : tensor<1x6x8x8xf32>, tensor<4x6x1x1xf32>) outs(%f2 : tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  return %d : tensor<1x4x8x8xf32>
}

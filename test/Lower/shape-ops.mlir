// RUN: lathe-opt %s --lower-onnx-to-linalg --canonicalize --split-input-file | FileCheck %s

// Sizes that a model computes are arith on tensor.dim; the reshape keeps what is
// known: batch and time stay, the rest splits.
// CHECK-LABEL: @heads(
// CHECK-SAME:    %[[X:.*]]: tensor<?x?x768xf32>
// CHECK-DAG:     %[[D0:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG:     %[[D1:.*]] = tensor.dim %[[X]], %c1
// CHECK:         tensor.expand_shape %[[X]] {{\[}}[0], [1], [2, 3]] output_shape [%[[D0]], %[[D1]], 12, 64]
// CHECK:         linalg.transpose {{.*}} permutation = [0, 2, 1, 3]
func.func @heads(%x: tensor<?x?x768xf32>) -> tensor<?x12x?x64xf32> {
  %s = onnx.Shape(%x) : (tensor<?x?x768xf32>) -> tensor<3xi64>
  %i0 = onnx.Constant dense<0> : tensor<i64>
  %i1 = onnx.Constant dense<1> : tensor<i64>
  %ax = onnx.Constant dense<0> : tensor<1xi64>
  %b = onnx.Gather(%s, %i0) : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  %t = onnx.Gather(%s, %i1) : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  %b1 = onnx.Unsqueeze(%b, %ax) : (tensor<i64>, tensor<1xi64>) -> tensor<1xi64>
  %t1 = onnx.Unsqueeze(%t, %ax) : (tensor<i64>, tensor<1xi64>) -> tensor<1xi64>
  %h = onnx.Constant dense<[12, 64]> : tensor<2xi64>
  %to = onnx.Concat(%b1, %t1, %h) {axis = 0} : (tensor<1xi64>, tensor<1xi64>, tensor<2xi64>) -> tensor<4xi64>
  %r = onnx.Reshape(%x, %to) : (tensor<?x?x768xf32>, tensor<4xi64>) -> tensor<?x?x12x64xf32>
  %y = onnx.Transpose(%r) {perm = [0, 2, 1, 3]} : (tensor<?x?x12x64xf32>) -> tensor<?x12x?x64xf32>
  return %y : tensor<?x12x?x64xf32>
}

// -----

// CHECK-LABEL: @rest(
// CHECK:         tensor.collapse_shape {{.*}} {{\[}}[0, 1], [2]] : tensor<?x4x6xf32> into tensor<?x6xf32>
func.func @rest(%x: tensor<?x4x6xf32>) -> tensor<?x6xf32> {
  %to = onnx.Constant dense<[-1, 6]> : tensor<2xi64>
  %r = onnx.Reshape(%x, %to) : (tensor<?x4x6xf32>, tensor<2xi64>) -> tensor<?x6xf32>
  return %r : tensor<?x6xf32>
}

// -----

// CHECK-LABEL: @through_one_dimension(
// CHECK:         tensor.collapse_shape %{{.*}} {{\[}}[0, 1]] : tensor<4x6xf32> into tensor<24xf32>
// CHECK:         tensor.expand_shape %{{.*}} {{\[}}[0, 1]] output_shape [3, 8]
func.func @through_one_dimension(%x: tensor<4x6xf32>) -> tensor<3x8xf32> {
  %to = onnx.Constant dense<[3, 8]> : tensor<2xi64>
  %r = onnx.Reshape(%x, %to) : (tensor<4x6xf32>, tensor<2xi64>) -> tensor<3x8xf32>
  return %r : tensor<3x8xf32>
}

// -----

// CHECK-LABEL: @scalar(
// CHECK:         tensor.collapse_shape %{{.*}} [] : tensor<1x1xf32> into tensor<f32>
// CHECK:         tensor.collapse_shape %{{.*}} {{\[}}[0, 1]] : tensor<1x1xf32> into tensor<1xf32>
func.func @scalar(%x: tensor<1x1xf32>) -> (tensor<f32>, tensor<1xf32>) {
  %0 = onnx.Squeeze(%x) : (tensor<1x1xf32>) -> tensor<f32>
  %ax = onnx.Constant dense<0> : tensor<1xi64>
  %1 = onnx.Unsqueeze(%0, %ax) : (tensor<f32>, tensor<1xi64>) -> tensor<1xf32>
  return %0, %1 : tensor<f32>, tensor<1xf32>
}

// -----

// Repetition and broadcasting are in the indexing map.
// CHECK:       #[[$MAP:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d3)>
// CHECK-LABEL: @tile(
// CHECK:         linalg.generic {indexing_maps = [#[[$MAP]],
// CHECK:         tensor.collapse_shape {{.*}} {{\[}}[0, 1], [2, 3]] : tensor<2x3x4x5xi8> into tensor<6x20xi8>
func.func @tile(%x: tensor<3x5xui8>) -> tensor<6x20xui8> {
  %n = onnx.Constant dense<[2, 4]> : tensor<2xi64>
  %y = onnx.Tile(%x, %n) : (tensor<3x5xui8>, tensor<2xi64>) -> tensor<6x20xui8>
  return %y : tensor<6x20xui8>
}

// -----

// A dimension that may be one at run time is chosen by a comparison.
// CHECK-LABEL: @expand(
// CHECK-SAME:    %[[X:.*]]: tensor<?x1xf32>
// CHECK:         linalg.generic
// CHECK:           %[[I:.*]] = linalg.index 1
// CHECK:           arith.select %{{.*}}, %c0, %[[I]]
// CHECK:           tensor.extract %[[X]]
func.func @expand(%x: tensor<?x1xf32>, %s: tensor<3xi64>) -> tensor<?x?x?xf32> {
  %y = onnx.Expand(%x, %s) : (tensor<?x1xf32>, tensor<3xi64>) -> tensor<?x?x?xf32>
  return %y : tensor<?x?x?xf32>
}

// RUN: lathe-opt %s --lower-onnx-to-linalg --canonicalize | FileCheck %s

// One query for each of two heads that share a key head: the keys are read
// where they lie, no head is copied, and the rows of the result are written
// through the map of the second product.
// CHECK-DAG:   #[[Q:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d3, d1, d2, d5)>
// CHECK-DAG:   #[[K:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d4, d1, d5)>
// CHECK-DAG:   #[[S:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3, d4)>
// CHECK-LABEL: @decode(
// CHECK-NOT:     linalg.transpose
// CHECK:         linalg.generic {indexing_maps = [#[[Q]], #[[K]], #[[S]]]
// CHECK:         math.exp
// CHECK:         linalg.generic {indexing_maps = [#[[S]], #[[K]], #[[Q]]]
// CHECK:         tensor.collapse_shape
func.func @decode(%q: tensor<2x1x32xf32>, %k: tensor<2x9x16xf32>) -> tensor<2x1x32xf32> {
  %y:4 = onnx.Attention(%q, %k, %k) {kv_num_heads = 2, q_num_heads = 4} : (tensor<2x1x32xf32>, tensor<2x9x16xf32>, tensor<2x9x16xf32>) -> (tensor<2x1x32xf32>, tensor<2x2x9x8xf32>, tensor<2x2x9x8xf32>, tensor<2x4x1x9xf32>)
  return %y#0 : tensor<2x1x32xf32>
}

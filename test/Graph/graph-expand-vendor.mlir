// RUN: lathe-opt %s --graph-expand-vendor --split-input-file | FileCheck %s

// Projections, three slices, ONNX's attention; what is masked gets a large negative number.
// CHECK-LABEL: @attention(
// CHECK-SAME:    %[[X:[^:]*]]: tensor<2x5x32xf32>
// CHECK-DAG:     %[[P:.*]] = onnx.MatMul(%[[X]], %{{.*}}) : {{.*}} -> tensor<2x5x96xf32>
// CHECK-DAG:     onnx.Constant dense<-1.000000e+04>
// CHECK-DAG:     %[[M:.*]] = onnx.Where({{.*}} -> tensor<2x1x1x5xf32>
// CHECK:         onnx.Attention({{.*}}, %[[M]]{{.*}}) {{{.*}}kv_num_heads = 4, q_num_heads = 4
// CHECK-NOT:     onnx.ms
func.func @attention(%x: tensor<2x5x32xf32>, %w: tensor<32x96xf32>, %b: tensor<96xf32>, %m: tensor<2x5xi32>) -> tensor<2x5x32xf32> {
  %y, %p = onnx.ms.Attention(%x, %w, %b, %m) {num_heads = 4} : (tensor<2x5x32xf32>, tensor<32x96xf32>, tensor<96xf32>, tensor<2x5xi32>) -> (tensor<2x5x32xf32>, tensor<2x2x4x5x8xf32>)
  return %y : tensor<2x5x32xf32>
}

// -----

// Rows of a batch have pasts of different lengths: keys go to their places.
// CHECK-LABEL: @grouped(
// CHECK:         onnx.ScatterElements({{.*}}) {axis = 2}
// CHECK:         onnx.ScatterElements({{.*}}) {axis = 2}
// CHECK:         onnx.Attention(
// CHECK-NOT:     onnx.ms
func.func @grouped(%q: tensor<?x1x64xf32>, %k: tensor<?x1x32xf32>, %v: tensor<?x1x32xf32>, %pk: tensor<?x2x?x16xf32>, %pv: tensor<?x2x?x16xf32>, %n: tensor<?xi32>, %t: tensor<1xi32>) -> (tensor<?x1x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>) {
  %y, %yk, %yv, %s = onnx.ms.GroupQueryAttention(%q, %k, %v, %pk, %pv, %n, %t) {num_heads = 4, kv_num_heads = 2} : (tensor<?x1x64xf32>, tensor<?x1x32xf32>, tensor<?x1x32xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?xi32>, tensor<1xi32>) -> (tensor<?x1x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>, tensor<*xf32>)
  return %y, %yk, %yv : tensor<?x1x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>
}

// -----

// CHECK-LABEL: @embedding(
// CHECK:         onnx.LayerNormalization
// CHECK:         onnx.ReduceSum
func.func @embedding(%i: tensor<2x5xi32>, %w: tensor<20x8xf32>, %p: tensor<9x8xf32>, %g: tensor<8xf32>, %m: tensor<2x5xi32>) -> (tensor<2x5x8xf32>, tensor<2xi32>) {
  %y, %n, %s = onnx.ms.EmbedLayerNormalization(%i, none, %w, %p, none, %g, %g, %m) : (tensor<2x5xi32>, tensor<20x8xf32>, tensor<9x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<2x5xi32>) -> (tensor<2x5x8xf32>, tensor<2xi32>, tensor<2x5x8xf32>)
  return %y, %n : tensor<2x5x8xf32>, tensor<2xi32>
}

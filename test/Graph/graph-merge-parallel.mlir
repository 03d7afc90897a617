// RUN: lathe-opt %s --graph-merge-parallel --split-input-file | FileCheck %s
// RUN: lathe-opt %s --graph-merge-parallel=keep-attended --split-input-file | FileCheck %s --check-prefix=APART

// CHECK-LABEL: func.func @row
// CHECK-DAG: %[[W:.*]] = onnx.Constant dense<{{\[\[}}1.000000e+00, 2.000000e+00, 5.000000e+00], [3.000000e+00, 4.000000e+00, 6.000000e+00]]>
// CHECK-DAG: %[[B:.*]] = onnx.Constant dense<[7.000000e+00, 8.000000e+00, 9.000000e+00]>
// CHECK: %[[M:.*]] = onnx.MatMul(%arg0, %[[W]]) : (tensor<1x2xf32>, tensor<2x3xf32>)
// CHECK: %[[A:.*]] = onnx.Add(%[[M]], %[[B]])
// CHECK: %[[S:.*]]:2 = onnx.Split(%[[A]], %{{.*}}) {axis = 1}
// CHECK: return %[[S]]#0, %[[S]]#1
func.func @row(%x: tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x1xf32>) {
  %w = onnx.Constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %v = onnx.Constant dense<[[5.0], [6.0]]> : tensor<2x1xf32>
  %b = onnx.Constant dense<[7.0, 8.0]> : tensor<2xf32>
  %c = onnx.Constant dense<9.0> : tensor<1xf32>
  %0 = onnx.MatMul(%x, %w) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %1 = onnx.Add(%b, %0) : (tensor<2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %2 = onnx.MatMul(%x, %v) : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  %3 = onnx.Add(%2, %c) : (tensor<1x1xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  return %1, %3 : tensor<1x2xf32>, tensor<1x1xf32>
}

// -----

// Few channels each; another stride stays apart.
// CHECK-LABEL: func.func @convolutions
// CHECK: %[[C:.*]] = onnx.Conv(%arg0, %{{.*}}, %{{.*}}) : (tensor<1x64x40x40xf32>, tensor<3x64x1x1xf32>, tensor<3xf32>)
// CHECK: %[[S:.*]]:2 = onnx.Split(%[[C]], %{{.*}}) {axis = 1} : {{.*}} -> (tensor<1x1x40x40xf32>, tensor<1x2x40x40xf32>)
// CHECK: %[[D:.*]] = onnx.Conv(%arg0, {{.*}}strides = [2, 2]
// CHECK: return %[[S]]#0, %[[S]]#1, %[[D]]
func.func @convolutions(%x: tensor<1x64x40x40xf32>) -> (tensor<1x1x40x40xf32>, tensor<1x2x40x40xf32>, tensor<1x1x20x20xf32>) {
  %w = onnx.Constant dense<1.0> : tensor<1x64x1x1xf32>
  %v = onnx.Constant dense<2.0> : tensor<2x64x1x1xf32>
  %u = onnx.Constant dense<3.0> : tensor<1x64x1x1xf32>
  %b = onnx.Constant dense<1.0> : tensor<1xf32>
  %c = onnx.Constant dense<2.0> : tensor<2xf32>
  %0 = onnx.Conv(%x, %w, %b) : (tensor<1x64x40x40xf32>, tensor<1x64x1x1xf32>, tensor<1xf32>) -> tensor<1x1x40x40xf32>
  %1 = onnx.Conv(%x, %v, %c) : (tensor<1x64x40x40xf32>, tensor<2x64x1x1xf32>, tensor<2xf32>) -> tensor<1x2x40x40xf32>
  %2 = onnx.Conv(%x, %u, %b) {strides = [2, 2]} : (tensor<1x64x40x40xf32>, tensor<1x64x1x1xf32>, tensor<1xf32>) -> tensor<1x1x20x20xf32>
  return %0, %1, %2 : tensor<1x1x40x40xf32>, tensor<1x2x40x40xf32>, tensor<1x1x20x20xf32>
}

// Attention reads its parts where they lie: any number of rows.
// CHECK-LABEL: @attended(
// CHECK:         onnx.MatMul(%arg0, %{{.*}}) : (tensor<2x200x32xf32>, tensor<32x96xf32>)
// CHECK-NOT:     onnx.MatMul
// CHECK:         onnx.Attention
// APART-LABEL: @attended(
// APART-COUNT-3: onnx.MatMul
func.func @attended(%x: tensor<2x200x32xf32>) -> tensor<2x200x32xf32> {
  %wq = onnx.Constant dense<1.0> : tensor<32x32xf32>
  %wk = onnx.Constant dense<2.0> : tensor<32x32xf32>
  %wv = onnx.Constant dense<3.0> : tensor<32x32xf32>
  %q = onnx.MatMul(%x, %wq) : (tensor<2x200x32xf32>, tensor<32x32xf32>) -> tensor<2x200x32xf32>
  %k = onnx.MatMul(%x, %wk) : (tensor<2x200x32xf32>, tensor<32x32xf32>) -> tensor<2x200x32xf32>
  %v = onnx.MatMul(%x, %wv) : (tensor<2x200x32xf32>, tensor<32x32xf32>) -> tensor<2x200x32xf32>
  %y:4 = onnx.Attention(%q, %k, %v) {kv_num_heads = 4, q_num_heads = 4} : (tensor<2x200x32xf32>, tensor<2x200x32xf32>, tensor<2x200x32xf32>) -> (tensor<2x200x32xf32>, none, none, none)
  return %y#0 : tensor<2x200x32xf32>
}

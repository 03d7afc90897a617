// RUN: lathe-opt %s --graph-fuse-attention --split-input-file | FileCheck %s

// More forms, with their numerics: test/numerics/fusions.py.

// The heads of rows stay in their rows.
// CHECK-LABEL: @rows(
// CHECK-NEXT:    %[[Y:[^,]*]], {{.*}} = onnx.Attention(%arg0, %arg1, %arg2, %arg3) {kv_num_heads = 2, q_num_heads = 2, scale = 5.000000e-01}
// CHECK-NEXT:    return %[[Y]]
func.func @rows(%a: tensor<2x6x8xf32>, %b: tensor<2x6x8xf32>, %c: tensor<2x6x8xf32>, %m: tensor<2x1x1x6xf32>) -> tensor<2x6x8xf32> {
  %heads = onnx.Constant dense<[2, 6, 2, 4]> : tensor<4xi64>
  %rows = onnx.Constant dense<[2, 6, 8]> : tensor<3xi64>
  %two = onnx.Constant dense<2.0> : tensor<f32>
  %0 = onnx.Reshape(%a, %heads) : (tensor<2x6x8xf32>, tensor<4xi64>) -> tensor<2x6x2x4xf32>
  %1 = onnx.Reshape(%b, %heads) : (tensor<2x6x8xf32>, tensor<4xi64>) -> tensor<2x6x2x4xf32>
  %2 = onnx.Reshape(%c, %heads) : (tensor<2x6x8xf32>, tensor<4xi64>) -> tensor<2x6x2x4xf32>
  %q = onnx.Transpose(%0) {perm = [0, 2, 1, 3]} : (tensor<2x6x2x4xf32>) -> tensor<2x2x6x4xf32>
  %k = onnx.Transpose(%1) {perm = [0, 2, 3, 1]} : (tensor<2x6x2x4xf32>) -> tensor<2x2x4x6xf32>
  %v = onnx.Transpose(%2) {perm = [0, 2, 1, 3]} : (tensor<2x6x2x4xf32>) -> tensor<2x2x6x4xf32>
  %s = onnx.MatMul(%q, %k) : (tensor<2x2x6x4xf32>, tensor<2x2x4x6xf32>) -> tensor<2x2x6x6xf32>
  %d = onnx.Div(%s, %two) : (tensor<2x2x6x6xf32>, tensor<f32>) -> tensor<2x2x6x6xf32>
  %e = onnx.Add(%d, %m) : (tensor<2x2x6x6xf32>, tensor<2x1x1x6xf32>) -> tensor<2x2x6x6xf32>
  %p = onnx.Softmax(%e) : (tensor<2x2x6x6xf32>) -> tensor<2x2x6x6xf32>
  %y = onnx.MatMul(%p, %v) : (tensor<2x2x6x6xf32>, tensor<2x2x6x4xf32>) -> tensor<2x2x6x4xf32>
  %t = onnx.Transpose(%y) {perm = [0, 2, 1, 3]} : (tensor<2x2x6x4xf32>) -> tensor<2x6x2x4xf32>
  %z = onnx.Reshape(%t, %rows) : (tensor<2x6x2x4xf32>, tensor<3xi64>) -> tensor<2x6x8xf32>
  return %z : tensor<2x6x8xf32>
}

// -----

// A finite filler may hide a whole row, which would then be the mean of all
// values: not what a boolean mask gives.
// CHECK-LABEL: @filler(
// CHECK:         onnx.Where
// CHECK-NOT:     onnx.Attention
func.func @filler(%q: tensor<1x2x6x4xf32>, %k: tensor<1x2x4x6xf32>, %v: tensor<1x2x6x4xf32>, %m: tensor<1x1x6x6xi1>) -> tensor<1x2x6x4xf32> {
  %fill = onnx.Constant dense<-10000.0> : tensor<f32>
  %kk = onnx.Transpose(%k) {perm = [0, 1, 2, 3]} : (tensor<1x2x4x6xf32>) -> tensor<1x2x4x6xf32>
  %s = onnx.MatMul(%q, %kk) : (tensor<1x2x6x4xf32>, tensor<1x2x4x6xf32>) -> tensor<1x2x6x6xf32>
  %e = onnx.Where(%m, %s, %fill) : (tensor<1x1x6x6xi1>, tensor<1x2x6x6xf32>, tensor<f32>) -> tensor<1x2x6x6xf32>
  %p = onnx.Softmax(%e) : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  %y = onnx.MatMul(%p, %v) : (tensor<1x2x6x6xf32>, tensor<1x2x6x4xf32>) -> tensor<1x2x6x4xf32>
  return %y : tensor<1x2x6x4xf32>
}

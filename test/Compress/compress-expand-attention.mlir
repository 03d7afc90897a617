// RUN: lathe-opt %s --compress-expand-attention --split-input-file | FileCheck %s

// Two MatMuls around a Softmax; heads come first, keys turned.
// CHECK-LABEL: @heads
// CHECK-NOT: onnx.Attention
// CHECK-DAG: %[[Q:.*]] = onnx.Transpose({{.*}}perm = [0, 2, 1, 3]
// CHECK-DAG: %[[K:.*]] = onnx.Transpose({{.*}}perm = [0, 2, 3, 1]
// CHECK: %[[S:.*]] = onnx.MatMul(
// CHECK: onnx.Mul(%[[S]],
// CHECK: onnx.Add({{.*}}, %arg1)
// CHECK: %[[P:.*]] = onnx.Softmax(
// CHECK: onnx.MatMul(%[[P]],
// CHECK: onnx.Reshape({{.*}} -> tensor<1x5x8xf32>
func.func @heads(%x: tensor<1x5x8xf32>, %mask: tensor<1x1x1x5xf32>) -> tensor<1x5x8xf32> {
  %y, %k, %v, %s = onnx.Attention(%x, %x, %x, %mask) {kv_num_heads = 2, q_num_heads = 2} : (tensor<1x5x8xf32>, tensor<1x5x8xf32>, tensor<1x5x8xf32>, tensor<1x1x1x5xf32>) -> (tensor<1x5x8xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x5xf32>)
  return %y : tensor<1x5x8xf32>
}

// -----

// Key heads that several query heads share stay one op.
// CHECK-LABEL: @shared
// CHECK: onnx.Attention
func.func @shared(%x: tensor<1x5x8xf32>, %y: tensor<1x5x4xf32>) -> tensor<1x5x8xf32> {
  %r, %k, %v, %s = onnx.Attention(%x, %y, %y) {kv_num_heads = 1, q_num_heads = 2} : (tensor<1x5x8xf32>, tensor<1x5x4xf32>, tensor<1x5x4xf32>) -> (tensor<1x5x8xf32>, tensor<1x1x5x4xf32>, tensor<1x1x5x4xf32>, tensor<1x2x5x5xf32>)
  return %r : tensor<1x5x8xf32>
}

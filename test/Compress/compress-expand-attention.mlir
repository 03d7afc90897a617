// RUN: lathe-opt %s --compress-expand-attention --onnx-infer-shapes --split-input-file | FileCheck %s
// RUN: lathe-opt %s --compress-expand-attention='lanes=16 packed=4 computed=4' --split-input-file | FileCheck %s --check-prefix=SMALL

// Two MatMuls around a Softmax; heads come first, keys turned.
// CHECK-LABEL: @heads
// CHECK-NOT: onnx.Attention
// CHECK-DAG: %[[Q:.*]] = onnx.Transpose({{.*}}perm = [0, 2, 1, 3]
// CHECK-DAG: %[[K:.*]] = onnx.Transpose({{.*}}perm = [0, 2, 3, 1]
// CHECK: %[[S:.*]] = onnx.MatMul(
// CHECK: onnx.Mul(%[[S]],
// CHECK: onnx.Add({{.*}}, %arg1)
// CHECK: %[[P:.*]] = onnx.Softmax(
// CHECK: %[[W:.*]] = onnx.Where({{.*}}, %[[P]])
// CHECK: onnx.MatMul(%[[W]],
// CHECK: onnx.Reshape({{.*}} -> tensor<1x5x8xf32>
func.func @heads(%x: tensor<1x5x8xf32>, %mask: tensor<1x1x1x5xf32>) -> tensor<1x5x8xf32> {
  %y, %k, %v, %s = onnx.Attention(%x, %x, %x, %mask) {kv_num_heads = 2, q_num_heads = 2} : (tensor<1x5x8xf32>, tensor<1x5x8xf32>, tensor<1x5x8xf32>, tensor<1x1x1x5xf32>) -> (tensor<1x5x8xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x5xf32>)
  return %y : tensor<1x5x8xf32>
}

// -----

// Query heads that share a key head are rows of one product.
// CHECK-LABEL: @shared
// CHECK-NOT: onnx.Attention
// CHECK: %[[Q:.*]] = onnx.Reshape({{.*}} : {{.*}} -> tensor<1x1x10x4xf32>
// CHECK: onnx.MatMul(%[[Q]], {{.*}} -> tensor<1x1x10x5xf32>
// CHECK: onnx.Softmax({{.*}} -> tensor<1x2x5x5xf32>
// CHECK: onnx.MatMul({{.*}} -> tensor<1x1x10x4xf32>
func.func @shared(%x: tensor<1x5x8xf32>, %y: tensor<1x5x4xf32>) -> tensor<1x5x8xf32> {
  %r, %k, %v, %s = onnx.Attention(%x, %y, %y) {kv_num_heads = 1, q_num_heads = 2} : (tensor<1x5x8xf32>, tensor<1x5x4xf32>, tensor<1x5x4xf32>) -> (tensor<1x5x8xf32>, tensor<1x1x5x4xf32>, tensor<1x1x5x4xf32>, tensor<1x2x5x5xf32>)
  return %r : tensor<1x5x8xf32>
}

// -----

// A boolean mask may hide all from a row, which gives zeros then.
// CHECK-LABEL: @boolean
// CHECK-NOT: onnx.Attention
// CHECK: onnx.Where(%arg1,
// CHECK: onnx.Softmax(
// CHECK: onnx.Where(
func.func @boolean(%x: tensor<1x2x5x4xf32>, %mask: tensor<5x5xi1>) -> tensor<1x2x5x4xf32> {
  %y, %k, %v, %s = onnx.Attention(%x, %x, %x, %mask) : (tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>, tensor<5x5xi1>) -> (tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x5xf32>)
  return %y : tensor<1x2x5x4xf32>
}

// -----

// The past comes before the keys and values, and leaves with them.
// CHECK-LABEL: @past
// CHECK-NOT: onnx.Attention
// CHECK: %[[K:.*]] = onnx.Concat(%arg1, %arg0) {axis = 2
// CHECK: onnx.Concat(%arg2, %arg0) {axis = 2
// CHECK: onnx.Transpose(%[[K]])
// CHECK: return {{.*}}, %[[K]]
func.func @past(%x: tensor<1x2x5x4xf32>, %pk: tensor<1x2x7x4xf32>, %pv: tensor<1x2x7x4xf32>) -> (tensor<1x2x5x4xf32>, tensor<1x2x12x4xf32>) {
  %y, %k, %v, %s = onnx.Attention(%x, %x, %x, none, %pk, %pv) : (tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x7x4xf32>) -> (tensor<1x2x5x4xf32>, tensor<1x2x12x4xf32>, tensor<1x2x12x4xf32>, tensor<1x2x5x12xf32>)
  return %y, %k : tensor<1x2x5x4xf32>, tensor<1x2x12x4xf32>
}

// -----

// So small that floats are faster: decided by the target's registers and
// instructions.
// SMALL-LABEL: @small
// SMALL: onnx.Attention
// SMALL-LABEL: @large
// SMALL-NOT: onnx.Attention
func.func @small(%x: tensor<1x2x7x4xf32>) -> tensor<1x2x7x4xf32> {
  %y, %k, %v, %s = onnx.Attention(%x, %x, %x) : (tensor<1x2x7x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x7x4xf32>) -> (tensor<1x2x7x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x7x7xf32>)
  return %y : tensor<1x2x7x4xf32>
}
func.func @large(%x: tensor<1x2x70x64xf32>) -> tensor<1x2x70x64xf32> {
  %y, %k, %v, %s = onnx.Attention(%x, %x, %x) : (tensor<1x2x70x64xf32>, tensor<1x2x70x64xf32>, tensor<1x2x70x64xf32>) -> (tensor<1x2x70x64xf32>, tensor<1x2x70x64xf32>, tensor<1x2x70x64xf32>, tensor<1x2x70x70xf32>)
  return %y : tensor<1x2x70x64xf32>
}

// RUN: lathe-opt %s --graph-narrow --split-input-file | FileCheck %s

// The class token: norm, product, residual and attention's rows are those of one token. Keys
// and values need all.
// CHECK-LABEL: func.func @class_token
// CHECK: %[[X0:.*]] = onnx.Slice(%arg0
// CHECK-SAME: -> tensor<1x1x4xf32>
// CHECK-DAG: %[[K:.*]] = onnx.MatMul(%arg0, %arg1) : (tensor<1x9x4xf32>, tensor<4x4xf32>)
// CHECK-DAG: %[[Q:.*]] = onnx.MatMul(%[[X0]], %arg2) : (tensor<1x1x4xf32>, tensor<4x4xf32>)
// CHECK: %[[T:.*]] = onnx.Transpose(%[[K]])
// CHECK: %[[S:.*]] = onnx.MatMul(%[[Q]], %[[T]]) : (tensor<1x1x4xf32>, tensor<1x4x9xf32>)
// CHECK: %[[P:.*]] = onnx.Softmax(%[[S]]) : (tensor<1x1x9xf32>)
// CHECK: %[[A:.*]] = onnx.MatMul(%[[P]], %[[K]]) : (tensor<1x1x9xf32>, tensor<1x9x4xf32>)
// CHECK: %[[R:.*]] = onnx.Add(%[[A]], %[[X0]]) : (tensor<1x1x4xf32>, tensor<1x1x4xf32>)
// CHECK: %[[N:[A-Za-z0-9_]+]], {{.*}} = onnx.LayerNormalization(%[[R]], %arg3) : (tensor<1x1x4xf32>, tensor<4xf32>)
// CHECK: %[[Y:.*]] = onnx.Squeeze(%[[N]],
// CHECK: return %[[Y]] : tensor<1x4xf32>
func.func @class_token(%x: tensor<1x9x4xf32>, %wk: tensor<4x4xf32>, %wq: tensor<4x4xf32>, %g: tensor<4xf32>) -> tensor<1x4xf32> {
  %k = onnx.MatMul(%x, %wk) : (tensor<1x9x4xf32>, tensor<4x4xf32>) -> tensor<1x9x4xf32>
  %q = onnx.MatMul(%x, %wq) : (tensor<1x9x4xf32>, tensor<4x4xf32>) -> tensor<1x9x4xf32>
  %t = onnx.Transpose(%k) {perm = [0, 2, 1]} : (tensor<1x9x4xf32>) -> tensor<1x4x9xf32>
  %s = onnx.MatMul(%q, %t) : (tensor<1x9x4xf32>, tensor<1x4x9xf32>) -> tensor<1x9x9xf32>
  %p = onnx.Softmax(%s) : (tensor<1x9x9xf32>) -> tensor<1x9x9xf32>
  %a = onnx.MatMul(%p, %k) : (tensor<1x9x9xf32>, tensor<1x9x4xf32>) -> tensor<1x9x4xf32>
  %r = onnx.Add(%a, %x) : (tensor<1x9x4xf32>, tensor<1x9x4xf32>) -> tensor<1x9x4xf32>
  %n:3 = onnx.LayerNormalization(%r, %g) : (tensor<1x9x4xf32>, tensor<4xf32>) -> (tensor<1x9x4xf32>, tensor<1x9x1xf32>, tensor<1x9x1xf32>)
  %i = onnx.Constant dense<0> : tensor<i64>
  %y = onnx.Gather(%n#0, %i) {axis = 1} : (tensor<1x9x4xf32>, tensor<i64>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

// Through heads: a view and a transposition keep the token's dimension. The last of a batch of
// unknown size.
// CHECK-LABEL: func.func @heads
// CHECK: %[[S:.*]] = onnx.Slice(%arg0,
// CHECK-SAME: (tensor<?x2x7x4xf32>, {{.*}}) -> tensor<?x2x1x4xf32>
// CHECK: %[[E:.*]] = onnx.Exp(%[[S]])
// CHECK: %[[T:.*]] = onnx.Transpose(%[[E]]) {perm = [0, 2, 1, 3]} : {{.*}} -> tensor<?x1x2x4xf32>
// CHECK: %[[R:.*]] = onnx.Reshape(%[[T]], %{{.*}}) : {{.*}} -> tensor<?x1x8xf32>
// CHECK: return %[[R]]
func.func @heads(%x: tensor<?x2x7x4xf32>) -> tensor<?x1x8xf32> {
  %e = onnx.Exp(%x) : (tensor<?x2x7x4xf32>) -> tensor<?x2x7x4xf32>
  %t = onnx.Transpose(%e) {perm = [0, 2, 1, 3]} : (tensor<?x2x7x4xf32>) -> tensor<?x7x2x4xf32>
  %shape = onnx.Constant dense<[-1, 7, 8]> : tensor<3xi64>
  %r = onnx.Reshape(%t, %shape) : (tensor<?x7x2x4xf32>, tensor<3xi64>) -> tensor<?x7x8xf32>
  %s = onnx.Constant dense<-1> : tensor<1xi64>
  %end = onnx.Constant dense<9223372036854775807> : tensor<1xi64>
  %a = onnx.Constant dense<1> : tensor<1xi64>
  %y = onnx.Slice(%r, %s, %end, %a) : (tensor<?x7x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x1x8xf32>
  return %y : tensor<?x1x8xf32>
}

// -----

// Somebody wants all of it; two slices would cost more than half an Add; a row needs its whole.
// CHECK-LABEL: func.func @kept
// CHECK: onnx.Relu(%arg0) : (tensor<8x4xf32>)
// CHECK: onnx.Add(%arg0, %arg1) : (tensor<8x4xf32>, tensor<8x4xf32>)
// CHECK: onnx.Softmax(%arg0) {axis = 0} : (tensor<8x4xf32>)
func.func @kept(%x: tensor<8x4xf32>, %y: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<1x4xf32>, tensor<7x4xf32>, tensor<1x4xf32>) {
  %zero = onnx.Constant dense<0> : tensor<1xi64>
  %seven = onnx.Constant dense<7> : tensor<1xi64>
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %0 = onnx.Relu(%x) : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %1 = onnx.Slice(%0, %zero, %one, %zero) : (tensor<8x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x4xf32>
  %2 = onnx.Add(%x, %y) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  %3 = onnx.Slice(%2, %zero, %seven, %zero) : (tensor<8x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<7x4xf32>
  %4 = onnx.Softmax(%x) {axis = 0} : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %5 = onnx.Slice(%4, %zero, %one, %zero) : (tensor<8x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x4xf32>
  return %0, %1, %3, %5 : tensor<8x4xf32>, tensor<1x4xf32>, tensor<7x4xf32>, tensor<1x4xf32>
}

// -----

// Columns of weights, channels of filters.
// CHECK-LABEL: func.func @columns
// CHECK: onnx.MatMul(%arg0, %{{.*}}) : (tensor<8x4xf32>, tensor<4x2xf32>)
// CHECK: onnx.Conv(%arg1, %{{.*}}) : (tensor<1x3x8x8xf32>, tensor<2x3x3x3xf32>)
func.func @columns(%x: tensor<8x4xf32>, %z: tensor<1x3x8x8xf32>) -> (tensor<8x2xf32>, tensor<1x2x6x6xf32>) {
  %w = onnx.Constant dense<1.0> : tensor<4x6xf32>
  %v = onnx.Constant dense<1.0> : tensor<6x3x3x3xf32>
  %two = onnx.Constant dense<2> : tensor<1xi64>
  %four = onnx.Constant dense<4> : tensor<1xi64>
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %0 = onnx.MatMul(%x, %w) : (tensor<8x4xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
  %1 = onnx.Slice(%0, %two, %four, %one) : (tensor<8x6xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<8x2xf32>
  %2 = onnx.Conv(%z, %v) : (tensor<1x3x8x8xf32>, tensor<6x3x3x3xf32>) -> tensor<1x6x6x6xf32>
  %3 = onnx.Slice(%2, %two, %four, %one) : (tensor<1x6x6x6xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x2x6x6xf32>
  return %1, %3 : tensor<8x2xf32>, tensor<1x2x6x6xf32>
}

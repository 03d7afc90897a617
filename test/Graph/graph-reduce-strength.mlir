// RUN: lathe-opt %s --graph-reduce-strength --split-input-file | FileCheck %s --check-prefixes=CHECK,FAST
// RUN: lathe-opt %s --graph-reduce-strength=keep-rounding --split-input-file | FileCheck %s --check-prefixes=CHECK,KEEP

// CHECK-LABEL: func.func @powers
// CHECK: %[[Q:.*]] = onnx.Mul(%arg0, %arg0)
// CHECK: %[[R:.*]] = onnx.Sqrt(%arg0)
// CHECK: %[[S:.*]] = onnx.Sqrt(%arg0)
// CHECK: %[[T:.*]] = onnx.Reciprocal(%[[S]])
// CHECK: return %[[Q]], %[[R]], %[[T]]
func.func @powers(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %two = onnx.Constant dense<2.0> : tensor<f32>
  %half = onnx.Constant dense<0.5> : tensor<1xf32>
  %minus = onnx.Constant dense<-0.5> : tensor<f32>
  %0 = onnx.Pow(%x, %two) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = onnx.Pow(%x, %half) : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  %2 = onnx.Pow(%x, %minus) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// A power of two is exact; others round once more. Integers divide as they are.
// CHECK-LABEL: func.func @divisions
// CHECK-DAG: %[[E:.*]] = onnx.Constant dense<1.250000e-01>
// CHECK-DAG: onnx.Mul(%arg0, %[[E]])
// FAST-DAG: %[[T:.*]] = onnx.Constant dense<0.333333343>
// FAST-DAG: onnx.Mul(%arg0, %[[T]])
// KEEP-DAG: onnx.Div(%arg0, %{{.*}}) : (tensor<4x8xf32>, tensor<f32>)
// FAST-DAG: %[[R:.*]] = onnx.Reciprocal(%arg1)
// FAST-DAG: onnx.Mul(%arg0, %[[R]])
// KEEP-DAG: onnx.Div(%arg0, %arg1)
// CHECK-DAG: onnx.Div(%arg2
func.func @divisions(%x: tensor<4x8xf32>, %y: tensor<4x1xf32>, %i: tensor<4xi32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4xi32>) {
  %eight = onnx.Constant dense<8.0> : tensor<f32>
  %three = onnx.Constant dense<3.0> : tensor<f32>
  %two = onnx.Constant dense<2> : tensor<i32>
  %0 = onnx.Div(%x, %eight) : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %1 = onnx.Div(%x, %three) : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %2 = onnx.Div(%x, %y) : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  %3 = onnx.Div(%i, %two) : (tensor<4xi32>, tensor<i32>) -> tensor<4xi32>
  return %0, %1, %2, %3 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4xi32>
}

// -----

// CHECK-LABEL: func.func @sums
// CHECK: %[[S:.*]] = onnx.Sub(%arg0, %arg1)
// CHECK: %[[A:.*]] = onnx.Add(%[[S]], %arg1)
// CHECK: return %[[A]]
func.func @sums(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %n = onnx.Neg(%y) : (tensor<4xf32>) -> tensor<4xf32>
  %0 = onnx.Sum(%n, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = onnx.Sub(%0, %n) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @means
// CHECK: %[[A:.*]] = onnx.Constant dense<[2, 3]>
// CHECK: %[[M:.*]] = onnx.ReduceMean(%arg0, %[[A]]) {keepdims = 0} : (tensor<1x3x5x7xf32>, tensor<2xi64>) -> tensor<1x3xf32>
// CHECK: %[[G:.*]] = onnx.GlobalAveragePool(%arg0)
// CHECK: return %[[M]], %[[G]]
func.func @means(%x: tensor<1x3x5x7xf32>) -> (tensor<1x3xf32>, tensor<1x3x1x1xf32>) {
  %three = onnx.Constant dense<3> : tensor<1xi64>
  %two = onnx.Constant dense<2> : tensor<1xi64>
  %0 = onnx.ReduceMean(%x, %three) {keepdims = 0} : (tensor<1x3x5x7xf32>, tensor<1xi64>) -> tensor<1x3x5xf32>
  %1 = onnx.ReduceMean(%0, %two) {keepdims = 0} : (tensor<1x3x5xf32>, tensor<1xi64>) -> tensor<1x3xf32>
  %2 = onnx.AveragePool(%x) {kernel_shape = [5, 7]} : (tensor<1x3x5x7xf32>) -> tensor<1x3x1x1xf32>
  return %1, %2 : tensor<1x3xf32>, tensor<1x3x1x1xf32>
}

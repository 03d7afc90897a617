// RUN: lathe-opt %s --graph-merge-movement --graph-eliminate-dead --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @views
// CHECK: %[[S:.*]] = onnx.Constant dense<[-1, 12]>
// CHECK: %[[R:.*]] = onnx.Reshape(%arg0, %[[S]]) : (tensor<?x3x4xf32>, tensor<2xi64>) -> tensor<?x12xf32>
// CHECK-NEXT: return %[[R]]
func.func @views(%x: tensor<?x3x4xf32>) -> tensor<?x12xf32> {
  %a = onnx.Constant dense<1> : tensor<1xi64>
  %s = onnx.Constant dense<[0, 12]> : tensor<2xi64>
  %0 = onnx.Unsqueeze(%x, %a) : (tensor<?x3x4xf32>, tensor<1xi64>) -> tensor<?x1x3x4xf32>
  %1 = onnx.Flatten(%0) {axis = 1} : (tensor<?x1x3x4xf32>) -> tensor<?x12xf32>
  %2 = onnx.Reshape(%1, %s) : (tensor<?x12xf32>, tensor<2xi64>) -> tensor<?x12xf32>
  return %2 : tensor<?x12xf32>
}

// -----

// CHECK-LABEL: func.func @views_around
// CHECK: %[[C:.*]] = onnx.Constant dense<2.000000e+00> : tensor<f32>
// CHECK: %[[M:.*]] = onnx.Mul(%arg0, %[[C]]) : (tensor<2x3x4xf32>, tensor<f32>)
// CHECK: %[[R:.*]] = onnx.Relu(%[[M]])
// CHECK-NEXT: return %[[R]]
func.func @views_around(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %s = onnx.Constant dense<[6, 4]> : tensor<2xi64>
  %t = onnx.Constant dense<[2, 3, 4]> : tensor<3xi64>
  %c = onnx.Constant dense<2.0> : tensor<1xf32>
  %0 = onnx.Reshape(%x, %s) : (tensor<2x3x4xf32>, tensor<2xi64>) -> tensor<6x4xf32>
  %1 = onnx.Mul(%0, %c) : (tensor<6x4xf32>, tensor<1xf32>) -> tensor<6x4xf32>
  %2 = onnx.Relu(%1) : (tensor<6x4xf32>) -> tensor<6x4xf32>
  %3 = onnx.Reshape(%2, %t) : (tensor<6x4xf32>, tensor<3xi64>) -> tensor<2x3x4xf32>
  return %3 : tensor<2x3x4xf32>
}

// -----

// CHECK-LABEL: func.func @reduction
// CHECK: %[[R:.*]] = onnx.ReduceMean(%arg0, %{{.*}}) {keepdims = 0} : {{.*}} -> tensor<?x3xf32>
// CHECK-NEXT: return %[[R]]
func.func @reduction(%x: tensor<?x3x4x5xf32>) -> tensor<?x3xf32> {
  %a = onnx.Constant dense<[2, -1]> : tensor<2xi64>
  %0 = onnx.ReduceMean(%x, %a) : (tensor<?x3x4x5xf32>, tensor<2xi64>) -> tensor<?x3x1x1xf32>
  %1 = onnx.Flatten(%0) {axis = 1} : (tensor<?x3x1x1xf32>) -> tensor<?x3xf32>
  return %1 : tensor<?x3xf32>
}

// -----

// f16 to f32 loses nothing; f32 to f16 does.
// CHECK-LABEL: func.func @casts
// CHECK-NEXT: %[[A:.*]] = onnx.Cast(%arg0) {to = 11}
// CHECK-NEXT: %[[B:.*]] = onnx.Cast(%arg1) {to = 10}
// CHECK-NEXT: %[[C:.*]] = onnx.Cast(%[[B]]) {to = 1}
// CHECK-NEXT: return %arg0, %[[A]], %[[C]]
func.func @casts(%x: tensor<2xf16>, %y: tensor<2xf32>) -> (tensor<2xf16>, tensor<2xf64>, tensor<2xf32>) {
  %0 = onnx.Cast(%x) {to = 1} : (tensor<2xf16>) -> tensor<2xf32>
  %1 = onnx.Cast(%0) {to = 10} : (tensor<2xf32>) -> tensor<2xf16>
  %2 = onnx.Cast(%0) {to = 11} : (tensor<2xf32>) -> tensor<2xf64>
  %3 = onnx.Cast(%y) {to = 10} : (tensor<2xf32>) -> tensor<2xf16>
  %4 = onnx.Cast(%3) {to = 1} : (tensor<2xf16>) -> tensor<2xf32>
  return %1, %2, %4 : tensor<2xf16>, tensor<2xf64>, tensor<2xf32>
}

// -----

// Both operands come from one layout; the vector of channels moves with them.
// CHECK-LABEL: func.func @transposes
// CHECK: %[[C:.*]] = onnx.Constant {{.*}} : tensor<1x3x1xf32>
// CHECK: %[[A:.*]] = onnx.Add(%arg0, %arg1) : (tensor<2x3x4xf32>, tensor<2x3x4xf32>)
// CHECK: %[[M:.*]] = onnx.Mul(%[[A]], %[[C]]) : (tensor<2x3x4xf32>, tensor<1x3x1xf32>)
// CHECK: %[[S:.*]] = onnx.Softmax(%[[M]]) {axis = 1}
// CHECK-NEXT: return %[[S]]
func.func @transposes(%x: tensor<2x3x4xf32>, %y: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %c = onnx.Constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %0 = onnx.Transpose(%x) {perm = [0, 2, 1]} : (tensor<2x3x4xf32>) -> tensor<2x4x3xf32>
  %1 = onnx.Transpose(%y) {perm = [0, 2, 1]} : (tensor<2x3x4xf32>) -> tensor<2x4x3xf32>
  %2 = onnx.Add(%0, %1) : (tensor<2x4x3xf32>, tensor<2x4x3xf32>) -> tensor<2x4x3xf32>
  %3 = onnx.Mul(%2, %c) : (tensor<2x4x3xf32>, tensor<3xf32>) -> tensor<2x4x3xf32>
  %4 = onnx.Softmax(%3) : (tensor<2x4x3xf32>) -> tensor<2x4x3xf32>
  %5 = onnx.Transpose(%4) {perm = [0, 2, 1]} : (tensor<2x4x3xf32>) -> tensor<2x3x4xf32>
  return %5 : tensor<2x3x4xf32>
}

// -----

// Two become one; one of single dimensions is a view.
// CHECK-LABEL: func.func @composed
// CHECK: %[[T:.*]] = onnx.Transpose(%arg0) {perm = [1, 2, 0]}
// CHECK: %[[R:.*]] = onnx.Reshape(%arg1,
// CHECK-NEXT: return %[[T]], %[[R]]
func.func @composed(%x: tensor<2x3x4xf32>, %y: tensor<1x3x4xf32>) -> (tensor<3x4x2xf32>, tensor<3x4x1xf32>) {
  %0 = onnx.Transpose(%x) {perm = [2, 0, 1]} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %1 = onnx.Transpose(%0) {perm = [2, 0, 1]} : (tensor<4x2x3xf32>) -> tensor<3x4x2xf32>
  %2 = onnx.Transpose(%y) {perm = [1, 2, 0]} : (tensor<1x3x4xf32>) -> tensor<3x4x1xf32>
  return %1, %2 : tensor<3x4x2xf32>, tensor<3x4x1xf32>
}

// -----

// CHECK-LABEL: func.func @slices
// CHECK-DAG: %[[S:.*]] = onnx.Constant dense<3> : tensor<1xi64>
// CHECK-DAG: %[[E:.*]] = onnx.Constant dense<7> : tensor<1xi64>
// CHECK: %[[R:.*]] = onnx.Slice(%arg0, %[[S]], %[[E]],
// CHECK: return %[[R]], %arg1, %arg0
func.func @slices(%x: tensor<8x2xf32>, %y: tensor<3x2xf32>) -> (tensor<4x2xf32>, tensor<3x2xf32>, tensor<8x2xf32>) {
  %c1 = onnx.Constant dense<1> : tensor<1xi64>
  %c2 = onnx.Constant dense<2> : tensor<1xi64>
  %c6 = onnx.Constant dense<6> : tensor<1xi64>
  %c8 = onnx.Constant dense<8> : tensor<1xi64>
  %c11 = onnx.Constant dense<11> : tensor<1xi64>
  %c0 = onnx.Constant dense<0> : tensor<1xi64>
  %0 = onnx.Slice(%x, %c1, %c8, %c0) : (tensor<8x2xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<7x2xf32>
  %1 = onnx.Slice(%0, %c2, %c6, %c0) : (tensor<7x2xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<4x2xf32>
  %2 = onnx.Concat(%x, %y) {axis = 0} : (tensor<8x2xf32>, tensor<3x2xf32>) -> tensor<11x2xf32>
  %3 = onnx.Slice(%2, %c8, %c11, %c0) : (tensor<11x2xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3x2xf32>
  %sizes = onnx.Constant dense<[3, 5]> : tensor<2xi64>
  %4:2 = onnx.Split(%x, %sizes) : (tensor<8x2xf32>, tensor<2xi64>) -> (tensor<3x2xf32>, tensor<5x2xf32>)
  %5 = onnx.Concat(%4#0, %4#1) {axis = 0} : (tensor<3x2xf32>, tensor<5x2xf32>) -> tensor<8x2xf32>
  return %1, %3, %5 : tensor<4x2xf32>, tensor<3x2xf32>, tensor<8x2xf32>
}

// -----

// CHECK-LABEL: func.func @pads
// CHECK: onnx.Conv(%arg0, %arg1) {pads = [1, 2, 1, 2]}
// CHECK: onnx.AveragePool(%arg0) {count_include_pad = 1, kernel_shape = [3, 3], pads = [1, 2, 1, 2]}
func.func @pads(%x: tensor<1x1x5x5xf32>, %w: tensor<1x1x3x3xf32>) -> (tensor<1x1x5x7xf32>, tensor<1x1x5x7xf32>) {
  %p = onnx.Constant dense<[0, 0, 1, 2, 0, 0, 1, 2]> : tensor<8xi64>
  %0 = onnx.Pad(%x, %p) : (tensor<1x1x5x5xf32>, tensor<8xi64>) -> tensor<1x1x7x9xf32>
  %1 = onnx.Conv(%0, %w) : (tensor<1x1x7x9xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x5x7xf32>
  %2 = onnx.AveragePool(%0) {kernel_shape = [3, 3]} : (tensor<1x1x7x9xf32>) -> tensor<1x1x5x7xf32>
  return %1, %2 : tensor<1x1x5x7xf32>, tensor<1x1x5x7xf32>
}

// -----

// CHECK-LABEL: func.func @broadcasts
// CHECK: %[[C:.*]] = onnx.Constant dense<5.000000e-01> : tensor<f32>
// CHECK: %[[A:.*]] = onnx.Add(%arg0, %arg1) : (tensor<2x3xf32>, tensor<3xf32>)
// CHECK: onnx.Mul(%[[A]], %[[C]])
func.func @broadcasts(%x: tensor<2x3xf32>, %y: tensor<3xf32>) -> tensor<2x3xf32> {
  %s = onnx.Constant dense<[2, 3]> : tensor<2xi64>
  %half = onnx.Constant dense<0.5> : tensor<2x3xf32>
  %0 = onnx.Expand(%y, %s) : (tensor<3xf32>, tensor<2xi64>) -> tensor<2x3xf32>
  %1 = onnx.Add(%x, %0) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = onnx.Mul(%1, %half) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// -----

// Turned for the op and back: it takes the batch first by itself. A state that
// is zero need not be given.
// CHECK-LABEL: func.func @recurrent
// CHECK-NOT: onnx.Transpose
// CHECK: %[[Y:.*]], %{{.*}} = onnx.GRU(%arg0, %arg1, %arg2) {hidden_size = 4, layout = 1}
// CHECK: onnx.{{Squeeze|Reshape}}(%[[Y]],
// CHECK-NOT: onnx.Transpose
func.func @recurrent(%x: tensor<2x5x3xf32>, %w: tensor<1x12x3xf32>, %r: tensor<1x12x4xf32>) -> tensor<2x5x4xf32> {
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %zero = onnx.Constant dense<0.0> : tensor<1x2x4xf32>
  %0 = onnx.Transpose(%x) {perm = [1, 0, 2]} : (tensor<2x5x3xf32>) -> tensor<5x2x3xf32>
  %y, %h = onnx.GRU(%0, %w, %r, none, none, %zero) {hidden_size = 4} : (tensor<5x2x3xf32>, tensor<1x12x3xf32>, tensor<1x12x4xf32>, tensor<1x2x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  %1 = onnx.Squeeze(%y, %one) : (tensor<5x1x2x4xf32>, tensor<1xi64>) -> tensor<5x2x4xf32>
  %2 = onnx.Transpose(%1) {perm = [1, 0, 2]} : (tensor<5x2x4xf32>) -> tensor<2x5x4xf32>
  return %2 : tensor<2x5x4xf32>
}

// -----

// What is read time first stays so.
// CHECK-LABEL: func.func @time_first
// CHECK: onnx.Transpose
// CHECK: onnx.GRU
// CHECK-NOT: layout
func.func @time_first(%x: tensor<2x5x3xf32>, %w: tensor<1x12x3xf32>, %r: tensor<1x12x4xf32>) -> tensor<5x1x2x4xf32> {
  %0 = onnx.Transpose(%x) {perm = [1, 0, 2]} : (tensor<2x5x3xf32>) -> tensor<5x2x3xf32>
  %y, %h = onnx.GRU(%0, %w, %r) {hidden_size = 4} : (tensor<5x2x3xf32>, tensor<1x12x3xf32>, tensor<1x12x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return %y : tensor<5x1x2x4xf32>
}

// RUN: lathe-opt %s --graph-unify-sizes --split-input-file | FileCheck %s

// The rows of x are the rows of its product: nothing is flattened, and no size
// is asked for. Equal sizes of other values are the first one.
// CHECK-LABEL: @rows(
// CHECK-NOT:     onnx.Reshape
// CHECK:         %[[P:.*]] = onnx.MatMul(%arg0, %arg1) : (tensor<?x?x8xf32>, tensor<8x4xf32>) -> tensor<?x?x4xf32>
// CHECK:         %[[Y:.*]] = onnx.Add(%[[P]], %arg2)
// CHECK:         return %[[Y]]
func.func @rows(%x: tensor<?x?x8xf32> {onnx.dims = ["n", "s", ""]}, %w: tensor<8x4xf32>, %c: tensor<4xf32>) -> tensor<?x?x4xf32> {
  %flat = onnx.Constant dense<[-1, 8]> : tensor<2xi64>
  %last = onnx.Constant dense<4> : tensor<1xi64>
  %axes = onnx.Constant dense<0> : tensor<1xi64>
  %zero = onnx.Constant dense<0> : tensor<i64>
  %one = onnx.Constant dense<1> : tensor<i64>
  %shape = onnx.Shape(%x) : (tensor<?x?x8xf32>) -> tensor<3xi64>
  %n = onnx.Gather(%shape, %zero) : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  %s = onnx.Gather(%shape, %one) : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  %nn = onnx.Unsqueeze(%n, %axes) : (tensor<i64>, tensor<1xi64>) -> tensor<1xi64>
  %ss = onnx.Unsqueeze(%s, %axes) : (tensor<i64>, tensor<1xi64>) -> tensor<1xi64>
  %sizes = onnx.Concat(%nn, %ss, %last) {axis = 0} : (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3xi64>
  %0 = onnx.Reshape(%x, %flat) : (tensor<?x?x8xf32>, tensor<2xi64>) -> tensor<?x8xf32>
  %1 = onnx.Gemm(%0, %w, %c) : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %2 = onnx.Reshape(%1, %sizes) : (tensor<?x4xf32>, tensor<3xi64>) -> tensor<?x?x4xf32>
  return %2 : tensor<?x?x4xf32>
}

// -----

// A size of its own: another dimension may have another.
// CHECK-LABEL: @other(
// CHECK:         %[[G:.*]] = onnx.Gemm
// CHECK:         onnx.Reshape(%[[G]]
func.func @other(%x: tensor<?x?x8xf32> {onnx.dims = ["n", "s", ""]}, %z: tensor<?xf32> {onnx.dims = ["m"]}, %w: tensor<8x4xf32>) -> tensor<?x?x4xf32> {
  %flat = onnx.Constant dense<[-1, 8]> : tensor<2xi64>
  %rest = onnx.Constant dense<[-1, 4]> : tensor<2xi64>
  %m = onnx.Shape(%z) : (tensor<?xf32>) -> tensor<1xi64>
  %sizes = onnx.Concat(%m, %rest) {axis = 0} : (tensor<1xi64>, tensor<2xi64>) -> tensor<3xi64>
  %0 = onnx.Reshape(%x, %flat) : (tensor<?x?x8xf32>, tensor<2xi64>) -> tensor<?x8xf32>
  %1 = onnx.Gemm(%0, %w) : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %2 = onnx.Reshape(%1, %sizes) : (tensor<?x4xf32>, tensor<3xi64>) -> tensor<?x?x4xf32>
  return %2 : tensor<?x?x4xf32>
}

// -----

// Heads: both sizes are copies. An Expand to the own shape goes.
// CHECK-LABEL: @heads(
// CHECK:         %[[S:.*]] = onnx.Constant dense<[0, 0, 2, 4]>
// CHECK:         %[[R:.*]] = onnx.Reshape(%arg0, %[[S]])
// CHECK-NOT:     onnx.Expand
// CHECK:         return %[[R]]
func.func @heads(%x: tensor<?x?x8xf32> {onnx.dims = ["n", "s", ""]}) -> tensor<?x?x2x4xf32> {
  %first = onnx.Constant dense<0> : tensor<1xi64>
  %two = onnx.Constant dense<2> : tensor<1xi64>
  %rest = onnx.Constant dense<[2, 4]> : tensor<2xi64>
  %shape = onnx.Shape(%x) : (tensor<?x?x8xf32>) -> tensor<3xi64>
  %lead = onnx.Slice(%shape, %first, %two) : (tensor<3xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  %sizes = onnx.Concat(%lead, %rest) {axis = 0} : (tensor<2xi64>, tensor<2xi64>) -> tensor<4xi64>
  %0 = onnx.Reshape(%x, %sizes) : (tensor<?x?x8xf32>, tensor<4xi64>) -> tensor<?x?x2x4xf32>
  %1 = onnx.Shape(%0) : (tensor<?x?x2x4xf32>) -> tensor<4xi64>
  %2 = onnx.Expand(%0, %1) : (tensor<?x?x2x4xf32>, tensor<4xi64>) -> tensor<?x?x2x4xf32>
  return %2 : tensor<?x?x2x4xf32>
}

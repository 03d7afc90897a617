// RUN: lathe-opt %s --graph-fuse-rotary --split-input-file | FileCheck %s

// More forms, with their numerics: test/numerics/fusions.py.

// Half of the table is made, from what was doubled.
// CHECK-LABEL: @rotary(
// CHECK:         %[[C:.*]] = onnx.Cos(%arg1) : (tensor<2x6x4xf32>)
// CHECK:         %[[C1:.*]] = onnx.Unsqueeze(%[[C]],
// CHECK:         %[[C2:.*]] = onnx.Squeeze(%[[C1]],
// CHECK:         %[[S:.*]] = onnx.Sin(%arg1) : (tensor<2x6x4xf32>)
// CHECK:         onnx.RotaryEmbedding(%arg0, %[[C2]], %{{.*}}) : (tensor<2x3x6x8xf32>, tensor<2x6x4xf32>, tensor<2x6x4xf32>) -> tensor<2x3x6x8xf32>
// CHECK-NEXT:    return
func.func @rotary(%x: tensor<2x3x6x8xf32>, %a: tensor<2x6x4xf32>) -> tensor<2x3x6x8xf32> {
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %zero = onnx.Constant dense<0> : tensor<1xi64>
  %four = onnx.Constant dense<4> : tensor<1xi64>
  %end = onnx.Constant dense<9223372036854775807> : tensor<1xi64>
  %last = onnx.Constant dense<3> : tensor<1xi64>
  %t = onnx.Concat(%a, %a) {axis = -1} : (tensor<2x6x4xf32>, tensor<2x6x4xf32>) -> tensor<2x6x8xf32>
  %c = onnx.Cos(%t) : (tensor<2x6x8xf32>) -> tensor<2x6x8xf32>
  %s = onnx.Sin(%t) : (tensor<2x6x8xf32>) -> tensor<2x6x8xf32>
  %cos = onnx.Unsqueeze(%c, %one) : (tensor<2x6x8xf32>, tensor<1xi64>) -> tensor<2x1x6x8xf32>
  %sin = onnx.Unsqueeze(%s, %one) : (tensor<2x6x8xf32>, tensor<1xi64>) -> tensor<2x1x6x8xf32>
  %lo = onnx.Slice(%x, %zero, %four, %last, %one) : (tensor<2x3x6x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x3x6x4xf32>
  %hi = onnx.Slice(%x, %four, %end, %last, %one) : (tensor<2x3x6x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x3x6x4xf32>
  %n = onnx.Neg(%hi) : (tensor<2x3x6x4xf32>) -> tensor<2x3x6x4xf32>
  %r = onnx.Concat(%n, %lo) {axis = -1} : (tensor<2x3x6x4xf32>, tensor<2x3x6x4xf32>) -> tensor<2x3x6x8xf32>
  %p = onnx.Mul(%x, %cos) : (tensor<2x3x6x8xf32>, tensor<2x1x6x8xf32>) -> tensor<2x3x6x8xf32>
  %q = onnx.Mul(%r, %sin) : (tensor<2x3x6x8xf32>, tensor<2x1x6x8xf32>) -> tensor<2x3x6x8xf32>
  %y = onnx.Add(%p, %q) : (tensor<2x3x6x8xf32>, tensor<2x3x6x8xf32>) -> tensor<2x3x6x8xf32>
  return %y : tensor<2x3x6x8xf32>
}

// -----

// Nothing says that both halves of the table are the same.
// CHECK-LABEL: @table(
// CHECK-NOT:     onnx.RotaryEmbedding
// CHECK:         return
func.func @table(%x: tensor<2x3x6x8xf32>, %cos: tensor<2x1x6x8xf32>, %sin: tensor<2x1x6x8xf32>) -> tensor<2x3x6x8xf32> {
  %four = onnx.Constant dense<4> : tensor<2xi64>
  %h:2 = onnx.Split(%x, %four) {axis = 3} : (tensor<2x3x6x8xf32>, tensor<2xi64>) -> (tensor<2x3x6x4xf32>, tensor<2x3x6x4xf32>)
  %n = onnx.Neg(%h#1) : (tensor<2x3x6x4xf32>) -> tensor<2x3x6x4xf32>
  %r = onnx.Concat(%n, %h#0) {axis = -1} : (tensor<2x3x6x4xf32>, tensor<2x3x6x4xf32>) -> tensor<2x3x6x8xf32>
  %p = onnx.Mul(%x, %cos) : (tensor<2x3x6x8xf32>, tensor<2x1x6x8xf32>) -> tensor<2x3x6x8xf32>
  %q = onnx.Mul(%r, %sin) : (tensor<2x3x6x8xf32>, tensor<2x1x6x8xf32>) -> tensor<2x3x6x8xf32>
  %y = onnx.Add(%p, %q) : (tensor<2x3x6x8xf32>, tensor<2x3x6x8xf32>) -> tensor<2x3x6x8xf32>
  return %y : tensor<2x3x6x8xf32>
}

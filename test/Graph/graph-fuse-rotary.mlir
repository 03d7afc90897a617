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

// -----

// GPT-J: pairs stand side by side, four of eight numbers are turned, and the
// table of one batch serves all.
// CHECK-LABEL: @pairs(
// CHECK:         onnx.RotaryEmbedding(%{{.*}}, %{{.*}}, %{{.*}}) {interleaved = 1, num_heads = 3, rotary_embedding_dim = 4} : (tensor<?x?x24xf32>, tensor<1x?x2xf32>, tensor<1x?x2xf32>) -> tensor<?x?x24xf32>
// CHECK-NOT:     onnx.Concat
// CHECK:         return
func.func @pairs(%x: tensor<?x?x3x8xf32>, %sin: tensor<1x?x2xf32>, %cos: tensor<1x?x2xf32>) -> tensor<?x?x3x8xf32> {
  %zero = onnx.Constant dense<0> : tensor<1xi64>
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %two = onnx.Constant dense<2> : tensor<1xi64>
  %four = onnx.Constant dense<4> : tensor<1xi64>
  %end = onnx.Constant dense<9223372036854775807> : tensor<1xi64>
  %last = onnx.Constant dense<3> : tensor<1xi64>
  %minus = onnx.Constant dense<-1> : tensor<1xi64>
  %apart = onnx.Constant dense<[1, -1, 1, 2, 1]> : tensor<5xi64>
  %twice = onnx.Constant dense<[1, 1, 1, 1, 2]> : tensor<5xi64>
  %wide = onnx.Constant dense<[1, -1, 1, 4]> : tensor<4xi64>
  %flat = onnx.Constant dense<[0, 0, 3, 4]> : tensor<4xi64>
  %c0 = onnx.Reshape(%cos, %apart) : (tensor<1x?x2xf32>, tensor<5xi64>) -> tensor<1x?x1x2x1xf32>
  %c1 = onnx.Tile(%c0, %twice) : (tensor<1x?x1x2x1xf32>, tensor<5xi64>) -> tensor<1x?x1x2x2xf32>
  %c2 = onnx.Reshape(%c1, %wide) : (tensor<1x?x1x2x2xf32>, tensor<4xi64>) -> tensor<1x?x1x4xf32>
  %s0 = onnx.Reshape(%sin, %apart) : (tensor<1x?x2xf32>, tensor<5xi64>) -> tensor<1x?x1x2x1xf32>
  %s1 = onnx.Tile(%s0, %twice) : (tensor<1x?x1x2x1xf32>, tensor<5xi64>) -> tensor<1x?x1x2x2xf32>
  %s2 = onnx.Reshape(%s1, %wide) : (tensor<1x?x1x2x2xf32>, tensor<4xi64>) -> tensor<1x?x1x4xf32>
  %t = onnx.Slice(%x, %zero, %four, %last, %one) : (tensor<?x?x3x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x3x4xf32>
  %rest = onnx.Slice(%x, %four, %end, %last, %one) : (tensor<?x?x3x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x3x4xf32>
  %a = onnx.Slice(%x, %zero, %four, %last, %two) : (tensor<?x?x3x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x3x2xf32>
  %b = onnx.Slice(%x, %one, %four, %last, %two) : (tensor<?x?x3x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x3x2xf32>
  %n = onnx.Neg(%b) : (tensor<?x?x3x2xf32>) -> tensor<?x?x3x2xf32>
  %n1 = onnx.Unsqueeze(%n, %minus) : (tensor<?x?x3x2xf32>, tensor<1xi64>) -> tensor<?x?x3x2x1xf32>
  %a1 = onnx.Unsqueeze(%a, %minus) : (tensor<?x?x3x2xf32>, tensor<1xi64>) -> tensor<?x?x3x2x1xf32>
  %j = onnx.Concat(%n1, %a1) {axis = -1} : (tensor<?x?x3x2x1xf32>, tensor<?x?x3x2x1xf32>) -> tensor<?x?x3x2x2xf32>
  %r = onnx.Reshape(%j, %flat) : (tensor<?x?x3x2x2xf32>, tensor<4xi64>) -> tensor<?x?x3x4xf32>
  %p = onnx.Mul(%t, %c2) : (tensor<?x?x3x4xf32>, tensor<1x?x1x4xf32>) -> tensor<?x?x3x4xf32>
  %q = onnx.Mul(%r, %s2) : (tensor<?x?x3x4xf32>, tensor<1x?x1x4xf32>) -> tensor<?x?x3x4xf32>
  %y = onnx.Add(%p, %q) : (tensor<?x?x3x4xf32>, tensor<?x?x3x4xf32>) -> tensor<?x?x3x4xf32>
  %z = onnx.Concat(%y, %rest) {axis = -1} : (tensor<?x?x3x4xf32>, tensor<?x?x3x4xf32>) -> tensor<?x?x3x8xf32>
  return %z : tensor<?x?x3x8xf32>
}

// -----

// Halves are turned, but the table is one of pairs.
// CHECK-LABEL: @mixed(
// CHECK-NOT:     onnx.RotaryEmbedding
// CHECK:         return
func.func @mixed(%x: tensor<1x2x3x4xf32>, %a: tensor<1x1x3x2x1xf32>) -> tensor<1x2x3x4xf32> {
  %wide = onnx.Constant dense<[1, 1, 3, 4]> : tensor<4xi64>
  %two = onnx.Constant dense<2> : tensor<2xi64>
  %c0 = onnx.Concat(%a, %a) {axis = -1} : (tensor<1x1x3x2x1xf32>, tensor<1x1x3x2x1xf32>) -> tensor<1x1x3x2x2xf32>
  %c1 = onnx.Reshape(%c0, %wide) : (tensor<1x1x3x2x2xf32>, tensor<4xi64>) -> tensor<1x1x3x4xf32>
  %h:2 = onnx.Split(%x, %two) {axis = 3} : (tensor<1x2x3x4xf32>, tensor<2xi64>) -> (tensor<1x2x3x2xf32>, tensor<1x2x3x2xf32>)
  %n = onnx.Neg(%h#1) : (tensor<1x2x3x2xf32>) -> tensor<1x2x3x2xf32>
  %r = onnx.Concat(%n, %h#0) {axis = -1} : (tensor<1x2x3x2xf32>, tensor<1x2x3x2xf32>) -> tensor<1x2x3x4xf32>
  %p = onnx.Mul(%x, %c1) : (tensor<1x2x3x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
  %q = onnx.Mul(%r, %c1) : (tensor<1x2x3x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
  %y = onnx.Add(%p, %q) : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  return %y : tensor<1x2x3x4xf32>
}

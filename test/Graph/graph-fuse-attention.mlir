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

// -----

// A part of a triangle, cut by the sizes of the run: query i is the past's
// length + i-th token. Keys and values of the past are the op's, what read them
// together reads its results.
// CHECK-LABEL: @past(
// CHECK-NOT:     onnx.Where
// CHECK:         %[[Y:[^,]*]], %[[K:[^,]*]], %[[V:[^,]*]], {{.*}} = onnx.Attention(%arg0, %arg1, %arg2, none, %arg3, %arg4) {is_causal = 1
// CHECK:         %[[R:.*]] = onnx.Relu(%[[K]])
// CHECK:         return %[[Y]], %[[R]], %[[V]]
func.func @past(%q: tensor<?x2x?x4xf32> {onnx.dims = ["n", "", "s", ""]}, %k: tensor<?x2x?x4xf32> {onnx.dims = ["n", "", "s", ""]},
                %v: tensor<?x2x?x4xf32> {onnx.dims = ["n", "", "s", ""]}, %pk: tensor<?x2x?x4xf32> {onnx.dims = ["n", "", "p", ""]},
                %pv: tensor<?x2x?x4xf32> {onnx.dims = ["n", "", "p", ""]}) -> (tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>) {
  %triangle = onnx.Constant dense<[[[[true, false, false], [true, true, false], [true, true, true]]]]> : tensor<1x1x3x3xi1>
  %fill = onnx.Constant dense<-10000.0> : tensor<f32>
  %zero = onnx.Constant dense<0> : tensor<1xi64>
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %two = onnx.Constant dense<2> : tensor<1xi64>
  %three = onnx.Constant dense<3> : tensor<1xi64>
  %kk = onnx.Concat(%pk, %k) {axis = 2} : (tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  %rk = onnx.Relu(%kk) : (tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  %vv = onnx.Concat(%pv, %v) {axis = 2} : (tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  %kt = onnx.Transpose(%kk) {perm = [0, 1, 3, 2]} : (tensor<?x2x?x4xf32>) -> tensor<?x2x4x?xf32>
  %s = onnx.MatMul(%q, %kt) : (tensor<?x2x?x4xf32>, tensor<?x2x4x?xf32>) -> tensor<?x2x?x?xf32>
  %queries = onnx.Shape(%s) {start = 2, end = 3} : (tensor<?x2x?x?xf32>) -> tensor<1xi64>
  %keys = onnx.Shape(%s) {start = 3, end = 4} : (tensor<?x2x?x?xf32>) -> tensor<1xi64>
  %first = onnx.Sub(%keys, %queries) : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %rows = onnx.Slice(%triangle, %first, %keys, %two, %one) : (tensor<1x1x3x3xi1>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x1x?x3xi1>
  %m = onnx.Slice(%rows, %zero, %keys, %three, %one) : (tensor<1x1x?x3xi1>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x1x?x?xi1>
  %e = onnx.Where(%m, %s, %fill) : (tensor<1x1x?x?xi1>, tensor<?x2x?x?xf32>, tensor<f32>) -> tensor<?x2x?x?xf32>
  %p = onnx.Softmax(%e) : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %y = onnx.MatMul(%p, %vv) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %y, %rk, %vv : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>
}

// -----

// Positions that end one token earlier are not those of the op: the mask stays.
// CHECK-LABEL: @late(
// CHECK:         %[[M:.*]] = onnx.Less(
// CHECK:         onnx.Attention(%arg0, %arg1, %arg2, %[[M]]) {scale = 1
func.func @late(%q: tensor<?x2x?x4xf32> {onnx.dims = ["n", "", "s", ""]}, %k: tensor<?x2x?x4xf32> {onnx.dims = ["n", "", "s", ""]},
                %v: tensor<?x2x?x4xf32> {onnx.dims = ["n", "", "s", ""]}) -> tensor<?x2x?x4xf32> {
  %fill = onnx.Constant dense<0xFF800000> : tensor<f32>
  %zero = onnx.Constant dense<0> : tensor<i64>
  %one = onnx.Constant dense<1> : tensor<i64>
  %axes = onnx.Constant dense<1> : tensor<1xi64>
  %shape = onnx.Shape(%q) {start = 2, end = 3} : (tensor<?x2x?x4xf32>) -> tensor<1xi64>
  %n = onnx.Squeeze(%shape) : (tensor<1xi64>) -> tensor<i64>
  %j = onnx.Range(%zero, %n, %one) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %i = onnx.Unsqueeze(%j, %axes) : (tensor<?xi64>, tensor<1xi64>) -> tensor<?x1xi64>
  %m = onnx.Less(%j, %i) : (tensor<?xi64>, tensor<?x1xi64>) -> tensor<?x?xi1>
  %kt = onnx.Transpose(%k) {perm = [0, 1, 3, 2]} : (tensor<?x2x?x4xf32>) -> tensor<?x2x4x?xf32>
  %s = onnx.MatMul(%q, %kt) : (tensor<?x2x?x4xf32>, tensor<?x2x4x?xf32>) -> tensor<?x2x?x?xf32>
  %e = onnx.Where(%m, %s, %fill) : (tensor<?x?xi1>, tensor<?x2x?x?xf32>, tensor<f32>) -> tensor<?x2x?x?xf32>
  %p = onnx.Softmax(%e) : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %y = onnx.MatMul(%p, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %y : tensor<?x2x?x4xf32>
}

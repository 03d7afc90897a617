// RUN: lathe-opt %s --graph-fold-constants=remarks=true --split-input-file --verify-diagnostics | FileCheck %s
// RUN: lathe-opt %s --graph-fold-constants="limit=0 remarks=true" --split-input-file | FileCheck %s --check-prefix=NONE
// RUN: lathe-opt %s --graph-fold-constants=dequantize=true --split-input-file | FileCheck %s --check-prefix=DEQUANTIZE

// One subgraph, two results, both computed at once; the middle is used by nothing else.
// CHECK-LABEL: func.func @chain
// NONE-LABEL: func.func @chain
func.func @chain(%x: tensor<2xi64>) -> (tensor<2xi64>, tensor<2xi64>) {
  // CHECK-DAG: %[[A:.*]] = onnx.Constant dense<[-4, 10]>
  // CHECK-DAG: %[[B:.*]] = onnx.Constant dense<[4, 100]>
  // CHECK-NOT: onnx.Mul
  // CHECK: onnx.Add(%arg0, %[[A]])
  // CHECK: onnx.Add(%arg0, %[[B]])
  // NONE: onnx.Mul
  %a = onnx.Constant dense<[2, 5]> : tensor<2xi64>
  %b = onnx.Constant dense<[-2, 2]> : tensor<2xi64>
  %m = onnx.Mul(%a, %b) : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %n = onnx.Neg(%m) : (tensor<2xi64>) -> tensor<2xi64>
  %p = onnx.Abs(%n) : (tensor<2xi64>) -> tensor<2xi64>
  %s = onnx.Mul(%p, %p) : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %r = onnx.Div(%s, %p) : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %q = onnx.Div(%s, %r) : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %t = onnx.Mul(%r, %q) : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %four = onnx.Constant dense<[4, 1]> : tensor<2xi64>
  %u = onnx.Div(%t, %four) : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %v = onnx.Add(%x, %m) : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %w = onnx.Add(%x, %u) : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  return %v, %w : tensor<2xi64>, tensor<2xi64>
}

// -----

// Views and transpositions of constants; equal elements stay a splat.
// CHECK-LABEL: func.func @moved
func.func @moved() -> (tensor<3x2xi32>, tensor<6xi32>, tensor<500x10xf32>, tensor<7x100xf32>) {
  // CHECK-DAG: onnx.Constant dense<{{\[\[}}1, 4], [2, 5], [3, 6]]> : tensor<3x2xi32>
  // CHECK-DAG: onnx.Constant dense<[1, 2, 3, 4, 5, 6]> : tensor<6xi32>
  // CHECK-DAG: onnx.Constant dense<2.000000e+00> : tensor<500x10xf32>
  // CHECK-DAG: onnx.Constant dense<5.000000e-01> : tensor<7x100xf32>
  // CHECK-NEXT: return
  %c = onnx.Constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi32>
  %t = onnx.Transpose(%c) {perm = [1, 0]} : (tensor<2x3xi32>) -> tensor<3x2xi32>
  %m = onnx.Constant dense<-1> : tensor<1xi64>
  %f = onnx.Reshape(%c, %m) : (tensor<2x3xi32>, tensor<1xi64>) -> tensor<6xi32>
  %two = onnx.Constant dense<2.0> : tensor<f32>
  %shape = onnx.Constant dense<[500, 10]> : tensor<2xi64>
  %e = onnx.Expand(%two, %shape) : (tensor<f32>, tensor<2xi64>) -> tensor<500x10xf32>
  %z = onnx.Constant dense<[7, 100]> : tensor<2xi64>
  %k = onnx.ConstantOfShape(%z) {value = dense<0.5> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<7x100xf32>
  return %t, %f, %e, %k : tensor<3x2xi32>, tensor<6xi32>, tensor<500x10xf32>, tensor<7x100xf32>
}

// -----

// More than 64 elements are a resource.
// CHECK-LABEL: func.func @large
func.func @large() -> tensor<10x10xf32> {
  // CHECK: onnx.Constant dense_resource<iota> : tensor<10x10xf32>
  // CHECK-NEXT: return
  %b = onnx.Constant dense<0.0> : tensor<f32>
  %e = onnx.Constant dense<100.0> : tensor<f32>
  %o = onnx.Constant dense<1.0> : tensor<f32>
  %r = onnx.Range(%b, %e, %o) : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<100xf32>
  %s = onnx.Constant dense<[10, 10]> : tensor<2xi64>
  %y = onnx.Reshape(%r, %s) : (tensor<100xf32>, tensor<2xi64>) -> tensor<10x10xf32> loc("iota")
  return %y : tensor<10x10xf32>
}

// -----

// CHECK-LABEL: func.func @random
func.func @random() -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %x = onnx.Constant dense<[1.0, 2.0]> : tensor<2xf32>
  // CHECK: onnx.RandomNormal
  // expected-remark @below {{RandomNormal: stays although its inputs are constant: it draws random numbers}}
  %r = onnx.RandomNormal() {shape = [2]} : () -> tensor<2xf32>
  %ratio = onnx.Constant dense<0.5> : tensor<f32>
  %true = onnx.Constant dense<true> : tensor<i1>
  // CHECK: onnx.Dropout
  // expected-remark @below {{it draws random numbers}}
  %d, %mask = onnx.Dropout(%x, %ratio, %true) : (tensor<2xf32>, tensor<f32>, tensor<i1>) -> (tensor<2xf32>, tensor<2xi1>)
  // One that does not train is the identity.
  // CHECK-NOT: onnx.Dropout
  %i, %imask = onnx.Dropout(%x, %ratio) : (tensor<2xf32>, tensor<f32>) -> (tensor<2xf32>, tensor<2xi1>)
  return %r, %d, %i : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// -----

// Integer kernels want int8 weights: what makes them folds, what makes floats of them stays.
// CHECK-LABEL: func.func @quantized
// DEQUANTIZE-LABEL: func.func @quantized
func.func @quantized(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = onnx.Constant dense<[[0.5, -1.0], [0.25, 2.0]]> : tensor<2x2xf32>
  %s = onnx.Constant dense<0.25> : tensor<f32>
  %z = onnx.Constant dense<0> : tensor<i8>
  // CHECK: %[[Q:.*]] = onnx.Constant dense<{{\[\[}}2, -4], [1, 8]]> : tensor<2x2xi8>
  // CHECK: %[[D:.*]] = onnx.DequantizeLinear(%[[Q]]
  // DEQUANTIZE: onnx.Constant dense<{{\[\[}}5.000000e-01, -1.000000e+00], [2.500000e-01, 2.000000e+00]]>
  // DEQUANTIZE-NOT: onnx.DequantizeLinear
  %q = onnx.QuantizeLinear(%w, %s, %z) : (tensor<2x2xf32>, tensor<f32>, tensor<i8>) -> tensor<2x2xi8>
  // expected-remark @below {{DequantizeLinear: stays although its inputs are constant: integer kernels want the integers}}
  %d = onnx.DequantizeLinear(%q, %s, %z) : (tensor<2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<2x2xf32>
  // CHECK: onnx.MatMul(%arg0, %[[D]])
  %y = onnx.MatMul(%x, %d) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// -----

// The model must not grow: the Tile stays, but all that it is made from is folded.
// CHECK-LABEL: func.func @growth
func.func @growth(%x: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> {
  // CHECK-DAG: %[[R:.*]] = onnx.Constant dense<[512, 1024]>
  // CHECK-DAG: %[[C:.*]] = onnx.Constant dense<{{\[\[}}-1.000000e+00], [-2.000000e+00]]>
  // CHECK: onnx.Tile(%[[C]], %[[R]])
  %c = onnx.Constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %n = onnx.Neg(%c) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %a = onnx.Constant dense<[256, 512]> : tensor<2xi64>
  %two = onnx.Constant dense<2> : tensor<i64>
  %r = onnx.Mul(%a, %two) : (tensor<2xi64>, tensor<i64>) -> tensor<2xi64>
  // expected-remark @below {{Tile: stays although its inputs are constant: its value takes 4.2 MB, the constants behind it 0.0 MB}}
  %t = onnx.Tile(%n, %r) : (tensor<2x1xf32>, tensor<2xi64>) -> tensor<1024x1024xf32>
  %y = onnx.Add(%x, %t) : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  return %y : tensor<1024x1024xf32>
}

// -----

// Large on the way, small at the end.
// CHECK-LABEL: func.func @narrows
func.func @narrows() -> tensor<1x1xf32> {
  // CHECK-NOT: onnx.Tile
  // CHECK: onnx.Constant dense<1.500000e+00>
  %c = onnx.Constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %r = onnx.Constant dense<[512, 1024]> : tensor<2xi64>
  %t = onnx.Tile(%c, %r) : (tensor<2x1xf32>, tensor<2xi64>) -> tensor<1024x1024xf32>
  %y = onnx.ReduceMean(%t) : (tensor<1024x1024xf32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}

// -----

// In branches and bodies, with constants from outside; an If on constants as a whole.
// CHECK-LABEL: func.func @regions
func.func @regions(%x: tensor<2xf32>, %c: tensor<i1>, %n: tensor<i64>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %a = onnx.Constant dense<[1.0, 4.0]> : tensor<2xf32>
  %true = onnx.Constant dense<true> : tensor<i1>
  // CHECK: onnx.If
  // CHECK: onnx.Constant dense<[1.000000e+00, 2.000000e+00]>
  // CHECK-NEXT: onnx.Yield
  // CHECK: onnx.Neg(%arg0)
  %y = onnx.If(%c) : (tensor<i1>) -> tensor<2xf32> then_branch {
    %s = onnx.Sqrt(%a) : (tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %s : tensor<2xf32>
  } else_branch {
    %s = onnx.Neg(%x) : (tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %s : tensor<2xf32>
  }
  // CHECK: onnx.Loop
  // CHECK: onnx.Constant dense<[-1.000000e+00, -4.000000e+00]>
  // CHECK-NEXT: onnx.Add
  %z = onnx.Loop(%n, %true, %x) : (tensor<i64>, tensor<i1>, tensor<2xf32>) -> tensor<2xf32> body(%i: tensor<i64>, %cond: tensor<i1>, %v: tensor<2xf32>) {
    %s = onnx.Neg(%a) : (tensor<2xf32>) -> tensor<2xf32>
    %w = onnx.Add(%v, %s) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %cond, %w : tensor<i1>, tensor<2xf32>
  }
  // CHECK: %[[L:.*]] = onnx.Constant dense<[4.000000e+00, 1.600000e+01]>
  // CHECK-NEXT: return {{.*}}, %[[L]]
  %three = onnx.Constant dense<3> : tensor<i64>
  %l = onnx.Loop(%three, %true, %a) : (tensor<i64>, tensor<i1>, tensor<2xf32>) -> tensor<2xf32> body(%i: tensor<i64>, %cond: tensor<i1>, %v: tensor<2xf32>) {
    %w = onnx.Add(%v, %a) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %cond, %w : tensor<i1>, tensor<2xf32>
  }
  return %y, %z, %l : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// -----

// CHECK-LABEL: func.func @endless
func.func @endless() -> tensor<2xf32> {
  %a = onnx.Constant dense<[1.0, 4.0]> : tensor<2xf32>
  %true = onnx.Constant dense<true> : tensor<i1>
  %many = onnx.Constant dense<1000000000000> : tensor<i64>
  // expected-remark @below {{its loop may take long}}
  %l = onnx.Loop(%many, %true, %a) : (tensor<i64>, tensor<i1>, tensor<2xf32>) -> tensor<2xf32> body(%i: tensor<i64>, %cond: tensor<i1>, %v: tensor<2xf32>) {
    %w = onnx.Add(%v, %a) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %cond, %w : tensor<i1>, tensor<2xf32>
  }
  return %l : tensor<2xf32>
}

// -----

// What fails when it is run stays; what is beside it does not suffer.
// CHECK-LABEL: func.func @fails
func.func @fails() -> (tensor<1xf32>, tensor<2xf32>) {
  // CHECK-DAG: onnx.Gather
  // CHECK-DAG: onnx.Constant dense<[-1.000000e+00, -4.000000e+00]>
  %a = onnx.Constant dense<[1.0, 4.0]> : tensor<2xf32>
  %i = onnx.Constant dense<7> : tensor<1xi64>
  // expected-remark @below {{Gather: stays although its inputs are constant}}
  %g = onnx.Gather(%a, %i) : (tensor<2xf32>, tensor<1xi64>) -> tensor<1xf32>
  %n = onnx.Neg(%a) : (tensor<2xf32>) -> tensor<2xf32>
  return %g, %n : tensor<1xf32>, tensor<2xf32>
}

// -----

// A size that only the values tell: users take it, what ends a function has its type declared.
// CHECK-LABEL: func.func @sizes
func.func @sizes() -> (tensor<1x?xi64>, tensor<?x1xi64>) {
  %a = onnx.Constant dense<[1.0, 0.0, 4.0]> : tensor<3xf32>
  // CHECK: %[[N:.*]] = onnx.Constant dense<{{\[\[}}0, 2]]> : tensor<1x2xi64>
  // CHECK: onnx.Transpose(%[[N]]) {{.*}} (tensor<1x2xi64>) -> tensor<?x1xi64>
  // expected-remark @below {{its shape is not known}}
  %n = onnx.NonZero(%a) : (tensor<3xf32>) -> tensor<1x?xi64>
  %b = onnx.Constant dense<[1.0, 0.0, 3.0]> : tensor<3xf32>
  %m = onnx.NonZero(%b) : (tensor<3xf32>) -> tensor<1x?xi64>
  // expected-remark @below {{its shape is not known}}
  %t = onnx.Transpose(%m) {perm = [1, 0]} : (tensor<1x?xi64>) -> tensor<?x1xi64>
  return %n, %t : tensor<1x?xi64>, tensor<?x1xi64>
}

// -----

// The elements are not there: no constant.
// CHECK-LABEL: func.func @elided
func.func @elided() -> tensor<100xf32> {
  // CHECK: onnx.Neg
  %a = onnx.Constant dense_resource<__elided__> : tensor<100xf32>
  %n = onnx.Neg(%a) : (tensor<100xf32>) -> tensor<100xf32>
  return %n : tensor<100xf32>
}

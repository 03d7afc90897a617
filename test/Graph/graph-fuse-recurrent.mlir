// RUN: lathe-opt %s --graph-fuse-recurrent --split-input-file | FileCheck %s

// More forms, with their numerics: test/numerics/fusions.py.

// Gates i f g o become i o f c.
// CHECK-LABEL: @lstm(
// CHECK-DAG:     %[[W:.*]] = onnx.Constant dense<{{\[\[\[}}1.000000e+00, 1.000000e+01], [4.000000e+00, 4.000000e+01], [2.000000e+00, 2.000000e+01], [3.000000e+00, 3.000000e+01]]]> : tensor<1x4x2xf32>
// CHECK-DAG:     %[[R:.*]] = onnx.Constant dense<{{\[\[\[}}5.000000e+00], [8.000000e+00], [6.000000e+00], [7.000000e+00]]]> : tensor<1x4x1xf32>
// CHECK-DAG:     %[[X:.*]] = onnx.Unsqueeze(%arg0,
// CHECK-DAG:     %[[H:.*]] = onnx.Unsqueeze(%arg1,
// CHECK-DAG:     %[[C:.*]] = onnx.Unsqueeze(%arg2,
// CHECK:         %{{.*}}, %[[YH:.*]], %[[YC:.*]] = onnx.LSTM(%[[X]], %[[W]], %[[R]], none, none, %[[H]], %[[C]]) {hidden_size = 1}
// CHECK:         %[[NH:.*]] = onnx.Squeeze(%[[YH]],
// CHECK:         %[[NC:.*]] = onnx.Squeeze(%[[YC]],
// CHECK-NOT:     onnx.Tanh
// CHECK:         return %[[NH]], %[[NC]]
func.func @lstm(%x: tensor<2x2xf32>, %h: tensor<2x1xf32>, %c: tensor<2x1xf32>) -> (tensor<2x1xf32>, tensor<2x1xf32>) {
  %w = onnx.Constant dense<[[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]]> : tensor<2x4xf32>
  %r = onnx.Constant dense<[[5.0, 6.0, 7.0, 8.0]]> : tensor<1x4xf32>
  %parts = onnx.Constant dense<1> : tensor<4xi64>
  %0 = onnx.MatMul(%x, %w) : (tensor<2x2xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %1 = onnx.MatMul(%h, %r) : (tensor<2x1xf32>, tensor<1x4xf32>) -> tensor<2x4xf32>
  %2 = onnx.Add(%0, %1) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %3:4 = onnx.Split(%2, %parts) {axis = 1} : (tensor<2x4xf32>, tensor<4xi64>) -> (tensor<2x1xf32>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
  %i = onnx.Sigmoid(%3#0) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %f = onnx.Sigmoid(%3#1) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %g = onnx.Tanh(%3#2) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %o = onnx.Sigmoid(%3#3) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %4 = onnx.Mul(%f, %c) : (tensor<2x1xf32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  %5 = onnx.Mul(%i, %g) : (tensor<2x1xf32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  %6 = onnx.Add(%4, %5) : (tensor<2x1xf32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  %7 = onnx.Tanh(%6) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %8 = onnx.Mul(%o, %7) : (tensor<2x1xf32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  return %8, %6 : tensor<2x1xf32>, tensor<2x1xf32>
}

// -----

// Two steps, the first of which has lost its state: one GRU over x.
// CHECK-LABEL: @gru(
// CHECK-DAG:     %[[B:.*]] = onnx.Constant dense<{{\[\[}}0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00, 5.000000e-01]]> : tensor<1x6xf32>
// CHECK:         %{{.*}}, %[[Y:.*]] = onnx.GRU(%arg0, %{{.*}}, %{{.*}}, %[[B]]) {hidden_size = 1, linear_before_reset = 1}
// CHECK:         %[[H:.*]] = onnx.Squeeze(%[[Y]],
// CHECK-NEXT:    return %[[H]]
func.func @gru(%x: tensor<2x3x1xf32>) -> tensor<3x1xf32> {
  %w = onnx.Constant dense<[[1.0, 2.0, 3.0]]> : tensor<1x3xf32>
  %r = onnx.Constant dense<[[4.0, 5.0, 6.0]]> : tensor<1x3xf32>
  %b = onnx.Constant dense<[0.0, 0.0, 0.5]> : tensor<3xf32>
  %bn = onnx.Constant dense<0.5> : tensor<3x1xf32>
  %one = onnx.Constant dense<1.0> : tensor<f32>
  %parts = onnx.Constant dense<1> : tensor<3xi64>
  %t0 = onnx.Constant dense<0> : tensor<i64>
  %t1 = onnx.Constant dense<1> : tensor<i64>
  %x0 = onnx.Gather(%x, %t0) {axis = 0} : (tensor<2x3x1xf32>, tensor<i64>) -> tensor<3x1xf32>
  %0 = onnx.MatMul(%x0, %w) : (tensor<3x1xf32>, tensor<1x3xf32>) -> tensor<3x3xf32>
  %1:3 = onnx.Split(%0, %parts) {axis = 1} : (tensor<3x3xf32>, tensor<3xi64>) -> (tensor<3x1xf32>, tensor<3x1xf32>, tensor<3x1xf32>)
  %z0 = onnx.Sigmoid(%1#0) : (tensor<3x1xf32>) -> tensor<3x1xf32>
  %r0 = onnx.Sigmoid(%1#1) : (tensor<3x1xf32>) -> tensor<3x1xf32>
  %2 = onnx.Mul(%r0, %bn) : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %3 = onnx.Add(%1#2, %2) : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %n0 = onnx.Tanh(%3) : (tensor<3x1xf32>) -> tensor<3x1xf32>
  %4 = onnx.Sub(%one, %z0) : (tensor<f32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %h0 = onnx.Mul(%4, %n0) : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %x1 = onnx.Gather(%x, %t1) {axis = 0} : (tensor<2x3x1xf32>, tensor<i64>) -> tensor<3x1xf32>
  %5 = onnx.MatMul(%x1, %w) : (tensor<3x1xf32>, tensor<1x3xf32>) -> tensor<3x3xf32>
  %6:3 = onnx.Split(%5, %parts) {axis = 1} : (tensor<3x3xf32>, tensor<3xi64>) -> (tensor<3x1xf32>, tensor<3x1xf32>, tensor<3x1xf32>)
  %7 = onnx.MatMul(%h0, %r) : (tensor<3x1xf32>, tensor<1x3xf32>) -> tensor<3x3xf32>
  %8 = onnx.Add(%7, %b) : (tensor<3x3xf32>, tensor<3xf32>) -> tensor<3x3xf32>
  %9:3 = onnx.Split(%8, %parts) {axis = 1} : (tensor<3x3xf32>, tensor<3xi64>) -> (tensor<3x1xf32>, tensor<3x1xf32>, tensor<3x1xf32>)
  %10 = onnx.Add(%6#0, %9#0) : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %z1 = onnx.Sigmoid(%10) : (tensor<3x1xf32>) -> tensor<3x1xf32>
  %11 = onnx.Add(%6#1, %9#1) : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %r1 = onnx.Sigmoid(%11) : (tensor<3x1xf32>) -> tensor<3x1xf32>
  %12 = onnx.Mul(%r1, %9#2) : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %13 = onnx.Add(%6#2, %12) : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %n1 = onnx.Tanh(%13) : (tensor<3x1xf32>) -> tensor<3x1xf32>
  %14 = onnx.Sub(%one, %z1) : (tensor<f32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %15 = onnx.Mul(%14, %n1) : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %16 = onnx.Mul(%z1, %h0) : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %h1 = onnx.Add(%15, %16) : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  return %h1 : tensor<3x1xf32>
}

// -----

// The gates do not have one function: no LSTM has two.
// CHECK-LABEL: @functions(
// CHECK-NOT:     onnx.LSTM
// CHECK:         return
func.func @functions(%x: tensor<2x1xf32>, %h: tensor<2x1xf32>, %c: tensor<2x1xf32>) -> tensor<2x1xf32> {
  %w = onnx.Constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %parts = onnx.Constant dense<1> : tensor<4xi64>
  %0 = onnx.MatMul(%x, %w) : (tensor<2x1xf32>, tensor<1x4xf32>) -> tensor<2x4xf32>
  %1 = onnx.MatMul(%h, %w) : (tensor<2x1xf32>, tensor<1x4xf32>) -> tensor<2x4xf32>
  %2 = onnx.Add(%0, %1) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %3:4 = onnx.Split(%2, %parts) {axis = 1} : (tensor<2x4xf32>, tensor<4xi64>) -> (tensor<2x1xf32>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
  %i = onnx.Sigmoid(%3#0) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %f = onnx.HardSigmoid(%3#1) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %g = onnx.Tanh(%3#2) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %o = onnx.Sigmoid(%3#3) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %4 = onnx.Mul(%f, %c) : (tensor<2x1xf32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  %5 = onnx.Mul(%i, %g) : (tensor<2x1xf32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  %6 = onnx.Add(%4, %5) : (tensor<2x1xf32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  %7 = onnx.Tanh(%6) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %8 = onnx.Mul(%o, %7) : (tensor<2x1xf32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  return %8 : tensor<2x1xf32>
}

// -----

// A loop over the steps of x, whose condition says no more than its count: the
// node of one step, as PyTorch's scripts hold it, becomes one of all.
// CHECK-LABEL: @loop(
// CHECK-NOT:     onnx.Loop
// CHECK-DAG:     %[[H:.*]] = onnx.Unsqueeze(%arg1,
// CHECK:         %[[Y:.*]], %[[YH:.*]] = onnx.GRU(%arg0, %{{.*}}, %{{.*}}, none, none, %[[H]]) {hidden_size = 2}
// CHECK-SAME:      (tensor<?x3x1xf32>,
// CHECK-DAG:     %[[ALL:.*]] = onnx.Squeeze(%[[Y]],
// CHECK-DAG:     %[[LAST:.*]] = onnx.Squeeze(%[[YH]],
// CHECK:         return %[[LAST]],
func.func @loop(%x: tensor<?x3x1xf32>, %h: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<?x3x2xf32>) {
  %w = onnx.Constant dense<1.0> : tensor<1x6x1xf32>
  %r = onnx.Constant dense<2.0> : tensor<1x6x2xf32>
  %zero = onnx.Constant dense<0> : tensor<1xi64>
  %first = onnx.Constant dense<0> : tensor<i64>
  %one = onnx.Constant dense<1> : tensor<i64>
  %true = onnx.Constant dense<true> : tensor<i1>
  %s = onnx.Shape(%x) : (tensor<?x3x1xf32>) -> tensor<3xi64>
  %n = onnx.Gather(%s, %first) {axis = 0} : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  %0:2 = onnx.Loop(%n, %true, %h) : (tensor<i64>, tensor<i1>, tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<?x3x2xf32>) body(%i: tensor<i64>, %c: tensor<i1>, %hi: tensor<3x2xf32>) {
    %1 = onnx.Gather(%x, %i) {axis = 0} : (tensor<?x3x1xf32>, tensor<i64>) -> tensor<3x1xf32>
    %2 = onnx.Unsqueeze(%1, %zero) : (tensor<3x1xf32>, tensor<1xi64>) -> tensor<1x3x1xf32>
    %3 = onnx.Unsqueeze(%hi, %zero) : (tensor<3x2xf32>, tensor<1xi64>) -> tensor<1x3x2xf32>
    %y, %yh = onnx.GRU(%2, %w, %r, none, none, %3) {hidden_size = 2} : (tensor<1x3x1xf32>, tensor<1x6x1xf32>, tensor<1x6x2xf32>, tensor<1x3x2xf32>) -> (tensor<1x1x3x2xf32>, tensor<1x3x2xf32>)
    %4 = onnx.Squeeze(%yh, %zero) : (tensor<1x3x2xf32>, tensor<1xi64>) -> tensor<3x2xf32>
    %5 = onnx.Add(%i, %one) : (tensor<i64>, tensor<i64>) -> tensor<i64>
    %6 = onnx.Less(%5, %n) : (tensor<i64>, tensor<i64>) -> tensor<i1>
    onnx.Yield %6, %4, %4 : tensor<i1>, tensor<3x2xf32>, tensor<3x2xf32>
  }
  return %0#0, %0#1 : tensor<3x2xf32>, tensor<?x3x2xf32>
}

// -----

// The loop does something else with the state: it stays.
// CHECK-LABEL: @other(
// CHECK:         onnx.Loop
func.func @other(%x: tensor<4x3x1xf32>, %h: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %w = onnx.Constant dense<1.0> : tensor<1x6x1xf32>
  %r = onnx.Constant dense<2.0> : tensor<1x6x2xf32>
  %zero = onnx.Constant dense<0> : tensor<1xi64>
  %n = onnx.Constant dense<4> : tensor<i64>
  %true = onnx.Constant dense<true> : tensor<i1>
  %0 = onnx.Loop(%n, %true, %h) : (tensor<i64>, tensor<i1>, tensor<3x2xf32>) -> tensor<3x2xf32> body(%i: tensor<i64>, %c: tensor<i1>, %hi: tensor<3x2xf32>) {
    %1 = onnx.Gather(%x, %i) {axis = 0} : (tensor<4x3x1xf32>, tensor<i64>) -> tensor<3x1xf32>
    %2 = onnx.Unsqueeze(%1, %zero) : (tensor<3x1xf32>, tensor<1xi64>) -> tensor<1x3x1xf32>
    %3 = onnx.Unsqueeze(%hi, %zero) : (tensor<3x2xf32>, tensor<1xi64>) -> tensor<1x3x2xf32>
    %y, %yh = onnx.GRU(%2, %w, %r, none, none, %3) {hidden_size = 2} : (tensor<1x3x1xf32>, tensor<1x6x1xf32>, tensor<1x6x2xf32>, tensor<1x3x2xf32>) -> (tensor<1x1x3x2xf32>, tensor<1x3x2xf32>)
    %4 = onnx.Squeeze(%yh, %zero) : (tensor<1x3x2xf32>, tensor<1xi64>) -> tensor<3x2xf32>
    %5 = onnx.Relu(%4) : (tensor<3x2xf32>) -> tensor<3x2xf32>
    onnx.Yield %c, %5 : tensor<i1>, tensor<3x2xf32>
  }
  return %0 : tensor<3x2xf32>
}

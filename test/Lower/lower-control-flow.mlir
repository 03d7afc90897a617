// RUN: lathe-opt %s --lower-control-flow --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: @branch(
// CHECK:         %[[C:.*]] = tensor.extract %{{.*}}[] : tensor<i1>
// CHECK:         scf.if %[[C]] -> (tensor<?xf32>)
// CHECK:           onnx.Neg
// CHECK:           tensor.cast {{.*}} tensor<4xf32> to tensor<?xf32>
// CHECK:         else
// CHECK:           onnx.Constant
func.func @branch(%c: tensor<i1>, %x: tensor<4xf32>) -> tensor<?xf32> {
  %0 = onnx.If(%c) : (tensor<i1>) -> tensor<?xf32> then_branch() {
    %1 = onnx.Neg(%x) : (tensor<4xf32>) -> tensor<4xf32>
    onnx.Yield %1 : tensor<4xf32>
  } else_branch() {
    %1 = onnx.Constant dense<[1.0, 2.0]> : tensor<2xf32>
    onnx.Yield %1 : tensor<2xf32>
  }
  return %0 : tensor<?xf32>
}

// -----

// The branch that is not taken is gone.
// CHECK-LABEL: @known(
// CHECK-NOT:     scf.if
// CHECK:         onnx.Neg
// CHECK-NOT:     onnx.Abs
func.func @known(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = onnx.Constant dense<true> : tensor<i1>
  %0 = onnx.If(%c) : (tensor<i1>) -> tensor<4xf32> then_branch() {
    %1 = onnx.Neg(%x) : (tensor<4xf32>) -> tensor<4xf32>
    onnx.Yield %1 : tensor<4xf32>
  } else_branch() {
    %1 = onnx.Abs(%x) : (tensor<4xf32>) -> tensor<4xf32>
    onnx.Yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

// A loop that nothing ends early stacks into a tensor made before it.
// CHECK-LABEL: @counted(
// CHECK:         tensor.empty() : tensor<3x4xf32>
// CHECK:         scf.for
// CHECK:           onnx.Add
// CHECK:           tensor.insert_slice
// CHECK-NOT:     scf.while
func.func @counted(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>) {
  %n = onnx.Constant dense<3> : tensor<i64>
  %r:2 = onnx.Loop(%n, none, %x) : (tensor<i64>, tensor<4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>) body(%i: tensor<i64>, %c: tensor<i1>, %v: tensor<4xf32>) {
    %s = onnx.Add(%v, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    onnx.Yield %c, %s, %s : tensor<i1>, tensor<4xf32>, tensor<4xf32>
  }
  return %r#0, %r#1 : tensor<4xf32>, tensor<3x4xf32>
}

// -----

// CHECK-LABEL: @ends_early(
// CHECK:         scf.while
// CHECK:           arith.cmpi slt
// CHECK:           scf.condition
// CHECK:         tensor.extract_slice
func.func @ends_early(%n: tensor<i64>, %x: tensor<4xf32>) -> tensor<?x4xf32> {
  %t = onnx.Constant dense<true> : tensor<i1>
  %zero = onnx.Constant dense<2> : tensor<i64>
  %r = onnx.Loop(%n, %t) : (tensor<i64>, tensor<i1>) -> tensor<?x4xf32> body(%i: tensor<i64>, %c: tensor<i1>) {
    %go = onnx.Less(%i, %zero) : (tensor<i64>, tensor<i64>) -> tensor<i1>
    onnx.Yield %go, %x : tensor<i1>, tensor<4xf32>
  }
  return %r : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: @scan(
// CHECK:         scf.for
// CHECK:           tensor.extract_slice %{{.*}}[%{{.*}}, 0] [1, 4]
// CHECK:           tensor.insert_slice
func.func @scan(%h: tensor<4xf32>, %x: tensor<5x4xf32>) -> (tensor<4xf32>, tensor<5x4xf32>) {
  %r:2 = onnx.Scan(%h, %x) {num_scan_inputs = 1} : (tensor<4xf32>, tensor<5x4xf32>) -> (tensor<4xf32>, tensor<5x4xf32>) body(%s: tensor<4xf32>, %e: tensor<4xf32>) {
    %a = onnx.Add(%s, %e) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    onnx.Yield %a, %a : tensor<4xf32>, tensor<4xf32>
  }
  return %r#0, %r#1 : tensor<4xf32>, tensor<5x4xf32>
}

// -----

// Slices whose size only the run knows: a copy of the body tells it before the loop.
// CHECK-LABEL: @open_slices(
// CHECK:         %[[FIRST:.*]] = onnx.ReduceSum
// CHECK:         %[[N:.*]] = tensor.dim %[[FIRST]]
// CHECK:         tensor.empty(%[[N]]) : tensor<5x?xf32>
// CHECK:         scf.for
// CHECK:           cf.assert
// CHECK:           tensor.insert_slice
func.func @open_slices(%h: tensor<?x4xf32>, %x: tensor<5x4xf32>) -> (tensor<?x4xf32>, tensor<5x?xf32>) {
  %r:2 = onnx.Scan(%h, %x) {num_scan_inputs = 1} : (tensor<?x4xf32>, tensor<5x4xf32>) -> (tensor<?x4xf32>, tensor<5x?xf32>) body(%s: tensor<?x4xf32>, %e: tensor<4xf32>) {
    %one = onnx.Constant dense<1> : tensor<1xi64>
    %a = onnx.Sub(%s, %e) : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    %b = onnx.ReduceSum(%a, %one) {keepdims = 0} : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
    onnx.Yield %s, %b : tensor<?x4xf32>, tensor<?xf32>
  }
  return %r#0, %r#1 : tensor<?x4xf32>, tensor<5x?xf32>
}

// -----

// Without a trip there is no first slice to measure.
// CHECK-LABEL: @perhaps_none(
// CHECK:         scf.if
// CHECK:           tensor.dim
// CHECK:         scf.for
func.func @perhaps_none(%h: tensor<?x4xf32>, %x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x?x4xf32>) {
  %r:2 = onnx.Scan(%h, %x) {num_scan_inputs = 1} : (tensor<?x4xf32>, tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x?x4xf32>) body(%s: tensor<?x4xf32>, %e: tensor<4xf32>) {
    %a = onnx.Sub(%s, %e) : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    onnx.Yield %a, %a : tensor<?x4xf32>, tensor<?x4xf32>
  }
  return %r#0, %r#1 : tensor<?x4xf32>, tensor<?x?x4xf32>
}

// -----

// A list that grows from trip to trip: no scf.for, whose canonical forms would keep the size of its start.
// CHECK-LABEL: @growing(
// CHECK-NOT:     scf.for
// CHECK:         scf.while
// CHECK:           onnx.Concat
func.func @growing(%x: tensor<1x3xf32>) -> tensor<?x3xf32> {
  %n = onnx.Constant dense<3> : tensor<i64>
  %start = onnx.Constant dense<0.0> : tensor<1x3xf32>
  %r = onnx.Loop(%n, none, %start) : (tensor<i64>, tensor<1x3xf32>) -> tensor<?x3xf32> body(%i: tensor<i64>, %c: tensor<i1>, %v: tensor<?x3xf32>) {
    %s = onnx.Concat(%v, %x) {axis = 0} : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x3xf32>
    onnx.Yield %c, %s : tensor<i1>, tensor<?x3xf32>
  }
  return %r : tensor<?x3xf32>
}

// -----

func.func @unbounded(%x: tensor<4xf32>) -> tensor<?x4xf32> {
  %t = onnx.Constant dense<true> : tensor<i1>
  // expected-error @below {{stacks outputs without a limit on the number of trips}}
  %r = onnx.Loop(none, %t) : (tensor<i1>) -> tensor<?x4xf32> body(%i: tensor<i64>, %c: tensor<i1>) {
    onnx.Yield %c, %x : tensor<i1>, tensor<4xf32>
  }
  return %r : tensor<?x4xf32>
}

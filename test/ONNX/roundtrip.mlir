// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --emit-bytecode | lathe-opt | FileCheck %s

// Defaults and absent trailing operands are elided, absent ones in between shown.
// CHECK-LABEL: func.func @conv
func.func @conv(%x: tensor<1x4x8x8xf32>, %w: tensor<8x2x3x3xf32>) -> tensor<1x8x8x8xf32> {
  // CHECK: onnx.Conv(%{{.*}}, %{{.*}}) {group = 2, pads = [1, 1, 1, 1]} : (tensor<1x4x8x8xf32>, tensor<8x2x3x3xf32>) -> tensor<1x8x8x8xf32>
  %y = onnx.Conv(%x, %w, none) {group = 2, auto_pad = "NOTSET", pads = [1, 1, 1, 1]} : (tensor<1x4x8x8xf32>, tensor<8x2x3x3xf32>) -> tensor<1x8x8x8xf32>
  // CHECK: onnx.Clip(%{{.*}}, none, %{{.*}}) {note = "kept"}
  %m = onnx.Constant dense<6.0> : tensor<f32>
  %z = onnx.Clip(%y, none, %m) {note = "kept"} : (tensor<1x8x8x8xf32>, tensor<f32>) -> tensor<1x8x8x8xf32>
  return %z : tensor<1x8x8x8xf32>
}

// CHECK-LABEL: func.func @attributes
func.func @attributes(%x: tensor<4x3xf32>) -> tensor<4x1xf32> {
  // CHECK: onnx.Elu(%{{.*}}) {alpha = 5.000000e-01}
  %0 = onnx.Elu(%x) {alpha = 0.5} : (tensor<4x3xf32>) -> tensor<4x3xf32>
  // CHECK: onnx.ml.Scaler(%{{.*}}) {offset = [1.000000e+00, -2.500000e-01], scale = []}
  %1 = onnx.ml.Scaler(%0) {offset = [1.0, -0.25], scale = []} : (tensor<4x3xf32>) -> tensor<4x3xf32>
  // CHECK: onnx.ms.FusedMatMul(%{{.*}}, %{{.*}}) {transB = 1}
  %2 = onnx.ms.FusedMatMul(%1, %1) {transB = 1} : (tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x4xf32>
  // CHECK: onnx.Constant dense<["a", "b"]> : tensor<2x!onnx.string>
  %s = onnx.Constant dense<["a", "b"]> : tensor<2x!onnx.string>
  // CHECK: onnx.ReduceSum(%{{.*}}) {keepdims = 0}
  %3 = onnx.ReduceSum(%2) {keepdims = 0} : (tensor<4x4xf32>) -> tensor<f32>
  %k = onnx.Constant dense<[4, 1]> : tensor<2xi64>
  %4 = onnx.Expand(%3, %k) : (tensor<f32>, tensor<2xi64>) -> tensor<4x1xf32>
  return %4 : tensor<4x1xf32>
}

// CHECK-LABEL: func.func @regions
func.func @regions(%c: tensor<i1>, %n: tensor<i64>, %v: tensor<2xf32>) -> (tensor<2xf32>, !onnx.seq<tensor<*xf32>>) {
  // CHECK: onnx.If(%{{.*}}) : (tensor<i1>) -> tensor<2xf32> then_branch {
  // CHECK-NEXT: onnx.Yield %{{.*}} : tensor<2xf32>
  // CHECK-NEXT: } else_branch {
  %0 = onnx.If(%c) : (tensor<i1>) -> tensor<2xf32> then_branch {
    onnx.Yield %v : tensor<2xf32>
  } else_branch {
    %1 = onnx.Neg(%v) : (tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %1 : tensor<2xf32>
  }
  // CHECK: onnx.Loop(%{{.*}}, none, %{{.*}}) : (tensor<i64>, tensor<2xf32>) -> tensor<2xf32> body(%{{.*}}: tensor<i64>, %{{.*}}: tensor<i1>, %{{.*}}: tensor<2xf32>) {
  %2 = onnx.Loop(%n, none, %0) : (tensor<i64>, tensor<2xf32>) -> tensor<2xf32> body(%i: tensor<i64>, %b: tensor<i1>, %x: tensor<2xf32>) {
    %3 = onnx.Add(%x, %v) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %b, %3 : tensor<i1>, tensor<2xf32>
  }
  // CHECK: onnx.SequenceConstruct(%{{.*}}, %{{.*}}) : (tensor<2xf32>, tensor<2xf32>) -> !onnx.seq<tensor<*xf32>>
  %4 = onnx.SequenceConstruct(%2, %v) : (tensor<2xf32>, tensor<2xf32>) -> !onnx.seq<tensor<*xf32>>
  return %2, %4 : tensor<2xf32>, !onnx.seq<tensor<*xf32>>
}

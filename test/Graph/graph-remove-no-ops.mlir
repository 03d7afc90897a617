// RUN: lathe-opt %s --graph-remove-no-ops --graph-eliminate-dead --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @views
// CHECK-NEXT: %[[R:.*]] = onnx.Relu(%arg0)
// CHECK-NEXT: return %[[R]]
func.func @views(%x: tensor<?x3x4xf32>) -> tensor<?x3x4xf32> {
  %s = onnx.Constant dense<[-1, 3, 4]> : tensor<3xi64>
  %zero = onnx.Constant dense<0> : tensor<6xi64>
  %one = onnx.Constant dense<1> : tensor<3xi64>
  %0 = onnx.Transpose(%x) {perm = [0, 1, 2]} : (tensor<?x3x4xf32>) -> tensor<?x3x4xf32>
  %1 = onnx.Reshape(%0, %s) : (tensor<?x3x4xf32>, tensor<3xi64>) -> tensor<?x3x4xf32>
  %2 = onnx.Pad(%1, %zero) : (tensor<?x3x4xf32>, tensor<6xi64>) -> tensor<?x3x4xf32>
  %3 = onnx.Tile(%2, %one) : (tensor<?x3x4xf32>, tensor<3xi64>) -> tensor<?x3x4xf32>
  %4 = onnx.Cast(%3) {to = 1} : (tensor<?x3x4xf32>) -> tensor<?x3x4xf32>
  %5:2 = onnx.Dropout(%4) : (tensor<?x3x4xf32>) -> (tensor<?x3x4xf32>, tensor<?x3x4xi1>)
  %6 = onnx.Concat(%5#0) {axis = 1} : (tensor<?x3x4xf32>) -> tensor<?x3x4xf32>
  %7 = onnx.Relu(%6) : (tensor<?x3x4xf32>) -> tensor<?x3x4xf32>
  %8 = onnx.Identity(%7) : (tensor<?x3x4xf32>) -> tensor<?x3x4xf32>
  %9 = onnx.Relu(%8) : (tensor<?x3x4xf32>) -> tensor<?x3x4xf32>
  return %9 : tensor<?x3x4xf32>
}

// -----

// CHECK-LABEL: func.func @arithmetic
// CHECK-NEXT: return %arg0
func.func @arithmetic(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %one = onnx.Constant dense<1.0> : tensor<1x1xf32>
  %zero = onnx.Constant dense<0.0> : tensor<3xf32>
  %0 = onnx.Mul(%one, %x) : (tensor<1x1xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = onnx.Add(%0, %zero) : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %2 = onnx.Pow(%1, %one) : (tensor<2x3xf32>, tensor<1x1xf32>) -> tensor<2x3xf32>
  %3 = onnx.Neg(%2) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %4 = onnx.Neg(%3) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %5 = onnx.Div(%4, %one) : (tensor<2x3xf32>, tensor<1x1xf32>) -> tensor<2x3xf32>
  return %5 : tensor<2x3xf32>
}

// -----

// What widens, reverses or trains is kept.
// CHECK-LABEL: func.func @kept
// CHECK: onnx.Mul
// CHECK: onnx.Slice
// CHECK: onnx.Dropout
// CHECK: onnx.Div
func.func @kept(%x: tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %one = onnx.Constant dense<1.0> : tensor<2x3xf32>
  %0 = onnx.Mul(%x, %one) : (tensor<3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %s = onnx.Constant dense<-1> : tensor<1xi64>
  %e = onnx.Constant dense<-9> : tensor<1xi64>
  %a = onnx.Constant dense<0> : tensor<1xi64>
  %1 = onnx.Slice(%x, %s, %e, %a, %s) : (tensor<3xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3xf32>
  %t = onnx.Constant dense<true> : tensor<i1>
  %2:2 = onnx.Dropout(%x, none, %t) : (tensor<3xf32>, tensor<i1>) -> (tensor<3xf32>, tensor<3xi1>)
  %k = onnx.Constant dense<1.0> : tensor<f32>
  %3 = onnx.Div(%k, %x) : (tensor<f32>, tensor<3xf32>) -> tensor<3xf32>
  return %0, %1, %2#0, %3 : tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}

// -----

// CHECK-LABEL: func.func @requantize
// CHECK-NEXT: return %arg0
func.func @requantize(%x: tensor<4xi8>) -> tensor<4xi8> {
  %s = onnx.Constant dense<0.5> : tensor<f32>
  %z = onnx.Constant dense<3> : tensor<i8>
  %0 = onnx.DequantizeLinear(%x, %s, %z) : (tensor<4xi8>, tensor<f32>, tensor<i8>) -> tensor<4xf32>
  %1 = onnx.QuantizeLinear(%0, %s, %z) : (tensor<4xf32>, tensor<f32>, tensor<i8>) -> tensor<4xi8>
  return %1 : tensor<4xi8>
}

// -----

// CHECK-LABEL: func.func @small_windows
// CHECK-NEXT: %[[C:.*]] = onnx.Clip(%arg0
// CHECK-NEXT: return %[[C]]
func.func @small_windows(%x: tensor<2x3x1x1xf32>, %low: tensor<f32>) -> tensor<2x3x1x1xf32> {
  %a = onnx.Constant dense<[2, 3]> : tensor<2xi64>
  %0 = onnx.ReduceMean(%x, %a) : (tensor<2x3x1x1xf32>, tensor<2xi64>) -> tensor<2x3x1x1xf32>
  %1 = onnx.GlobalAveragePool(%0) : (tensor<2x3x1x1xf32>) -> tensor<2x3x1x1xf32>
  %2:2 = onnx.MaxPool(%1) {kernel_shape = [1, 1]} : (tensor<2x3x1x1xf32>) -> (tensor<2x3x1x1xf32>, tensor<2x3x1x1xi64>)
  %3 = onnx.Clip(%2#0, %low) : (tensor<2x3x1x1xf32>, tensor<f32>) -> tensor<2x3x1x1xf32>
  return %3 : tensor<2x3x1x1xf32>
}

// RUN: lathe-opt %s --compress-integer-layers --split-input-file | FileCheck %s

// Quantized at once, the bias in steps of the sums: QLinearConv.
// CHECK-LABEL: @qlinear
// CHECK-NOT: onnx.Conv(
// CHECK: onnx.QLinearConv(%arg0, {{.*}}pads = [1, 1, 1, 1]{{.*}} -> tensor<1x2x4x4xui8>
func.func @qlinear(%x: tensor<1x1x4x4xui8>) -> tensor<1x2x4x4xui8> {
  %s = onnx.Constant dense<0.5> : tensor<f32>
  %z = onnx.Constant dense<3> : tensor<ui8>
  %w = onnx.Constant dense<1> : tensor<2x1x3x3xi8>
  %ws = onnx.Constant dense<[0.5, 0.25]> : tensor<2xf32>
  %b = onnx.Constant dense<[7, 8]> : tensor<2xi32>
  %bs = onnx.Constant dense<[0.25, 0.125]> : tensor<2xf32>
  %0 = onnx.DequantizeLinear(%x, %s, %z) : (tensor<1x1x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x1x4x4xf32>
  %1 = onnx.DequantizeLinear(%w, %ws) {axis = 0} : (tensor<2x1x3x3xi8>, tensor<2xf32>) -> tensor<2x1x3x3xf32>
  %2 = onnx.DequantizeLinear(%b, %bs) {axis = 0} : (tensor<2xi32>, tensor<2xf32>) -> tensor<2xf32>
  %3 = onnx.Conv(%0, %1, %2) {pads = [1, 1, 1, 1]} : (tensor<1x1x4x4xf32>, tensor<2x1x3x3xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %4 = onnx.QuantizeLinear(%3, %s, %z) : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  return %4 : tensor<1x2x4x4xui8>
}

// -----

// A float result: the sum is of integers, the rest an epilogue. The weights of transB are turned.
// CHECK-LABEL: @gemm
// CHECK-DAG: dense<{{\[}}[1, 4], [2, 5], [3, 6]]> : tensor<3x2xi8>
// CHECK: onnx.MatMulInteger({{.*}} -> tensor<1x2xi32>
// CHECK: onnx.Mul(
// CHECK: onnx.Add(
func.func @gemm(%x: tensor<1x3xui8>) -> tensor<1x2xf32> {
  %s = onnx.Constant dense<0.5> : tensor<f32>
  %z = onnx.Constant dense<3> : tensor<ui8>
  %w = onnx.Constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi8>
  %ws = onnx.Constant dense<[0.5, 0.25]> : tensor<2xf32>
  %b = onnx.Constant dense<[0.1, 0.2]> : tensor<2xf32>
  %0 = onnx.DequantizeLinear(%x, %s, %z) : (tensor<1x3xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x3xf32>
  %1 = onnx.DequantizeLinear(%w, %ws) {axis = 0} : (tensor<2x3xi8>, tensor<2xf32>) -> tensor<2x3xf32>
  %2 = onnx.Gemm(%0, %1, %b) {transB = 1} : (tensor<1x3xf32>, tensor<2x3xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  return %2 : tensor<1x2xf32>
}

// -----

// Scales along the inputs cannot leave the sum.
// CHECK-LABEL: @inputs
// CHECK: onnx.MatMul(
func.func @inputs(%x: tensor<1x2xui8>) -> tensor<1x2xf32> {
  %s = onnx.Constant dense<0.5> : tensor<f32>
  %z = onnx.Constant dense<3> : tensor<ui8>
  %w = onnx.Constant dense<1> : tensor<2x2xi8>
  %ws = onnx.Constant dense<[0.5, 0.25]> : tensor<2xf32>
  %0 = onnx.DequantizeLinear(%x, %s, %z) : (tensor<1x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2xf32>
  %1 = onnx.DequantizeLinear(%w, %ws) {axis = 0} : (tensor<2x2xi8>, tensor<2xf32>) -> tensor<2x2xf32>
  %2 = onnx.MatMul(%0, %1) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %2 : tensor<1x2xf32>
}

// -----

// A bias in steps of the sums is added to them, also where the result stays a float.
// CHECK-LABEL: @bias
// CHECK: %[[SUM:.*]] = onnx.MatMulInteger(
// CHECK: %[[WHOLE:.*]] = onnx.Add(%[[SUM]], {{.*}} : (tensor<1x2xi32>, tensor<2xi32>) -> tensor<1x2xi32>
// CHECK: onnx.Cast(%[[WHOLE]])
// CHECK-NOT: onnx.Add(
func.func @bias(%x: tensor<1x3xui8>) -> tensor<1x2xf32> {
  %s = onnx.Constant dense<0.5> : tensor<f32>
  %z = onnx.Constant dense<3> : tensor<ui8>
  %w = onnx.Constant dense<1> : tensor<3x2xi8>
  %ws = onnx.Constant dense<[0.5, 0.25]> : tensor<2xf32>
  %b = onnx.Constant dense<[7, 8]> : tensor<2xi32>
  %bs = onnx.Constant dense<[0.25, 0.125]> : tensor<2xf32>
  %0 = onnx.DequantizeLinear(%x, %s, %z) : (tensor<1x3xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x3xf32>
  %1 = onnx.DequantizeLinear(%w, %ws) {axis = 1} : (tensor<3x2xi8>, tensor<2xf32>) -> tensor<3x2xf32>
  %2 = onnx.DequantizeLinear(%b, %bs) {axis = 0} : (tensor<2xi32>, tensor<2xf32>) -> tensor<2xf32>
  %3 = onnx.Gemm(%0, %1, %2) : (tensor<1x3xf32>, tensor<3x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  return %3 : tensor<1x2xf32>
}

// -----

// Two computed matrices: no weights, one scale.
// CHECK-LABEL: @computed
// CHECK: %[[SUM:.*]] = onnx.MatMulInteger(%arg0, %arg1,
// CHECK: onnx.Cast(%[[SUM]])
// CHECK: onnx.Mul(
// CHECK: onnx.QLinearMatMul(%arg0, {{.*}}, %arg1,
func.func @computed(%x: tensor<2x3x4xui8>, %y: tensor<2x4x5xi8>) -> (tensor<2x3x5xf32>, tensor<2x3x5xui8>) {
  %s = onnx.Constant dense<0.5> : tensor<f32>
  %z = onnx.Constant dense<3> : tensor<ui8>
  %zy = onnx.Constant dense<0> : tensor<i8>
  %0 = onnx.DequantizeLinear(%x, %s, %z) : (tensor<2x3x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x3x4xf32>
  %1 = onnx.DequantizeLinear(%y, %s, %zy) : (tensor<2x4x5xi8>, tensor<f32>, tensor<i8>) -> tensor<2x4x5xf32>
  %2 = onnx.MatMul(%0, %1) : (tensor<2x3x4xf32>, tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
  %3 = onnx.MatMul(%0, %1) : (tensor<2x3x4xf32>, tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
  %4 = onnx.QuantizeLinear(%3, %s, %z) : (tensor<2x3x5xf32>, tensor<f32>, tensor<ui8>) -> tensor<2x3x5xui8>
  return %2, %4 : tensor<2x3x5xf32>, tensor<2x3x5xui8>
}

// RUN: lathe-opt %s --compress-move-quantize --split-input-file | FileCheck %s

// Down through a Reshape and a Transpose until it meets the same parameters.
// CHECK-LABEL: @down
// CHECK: %[[R:.*]] = onnx.Reshape(%arg0, {{.*}} -> tensor<4x3xui8>
// CHECK: %[[T:.*]] = onnx.Transpose(%[[R]]) {{.*}} -> tensor<3x4xui8>
// CHECK-NOT: Quantize
// CHECK: return %[[T]]
func.func @down(%x: tensor<2x6xui8>) -> tensor<3x4xui8> {
  %s = onnx.Constant dense<0.5> : tensor<f32>
  %z = onnx.Constant dense<3> : tensor<ui8>
  %shape = onnx.Constant dense<[4, 3]> : tensor<2xi64>
  %0 = onnx.DequantizeLinear(%x, %s, %z) : (tensor<2x6xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x6xf32>
  %1 = onnx.Reshape(%0, %shape) : (tensor<2x6xf32>, tensor<2xi64>) -> tensor<4x3xf32>
  %2 = onnx.Transpose(%1) {perm = [1, 0]} : (tensor<4x3xf32>) -> tensor<3x4xf32>
  %3 = onnx.QuantizeLinear(%2, %s, %z) : (tensor<3x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<3x4xui8>
  return %3 : tensor<3x4xui8>
}

// -----

// Up through a Concat; the Relu behind it does what saturation does.
// CHECK-LABEL: @up
// CHECK: %[[A:.*]] = onnx.QuantizeLinear(%arg0
// CHECK: %[[B:.*]] = onnx.QuantizeLinear(%arg1
// CHECK: %[[C:.*]] = onnx.Concat(%[[A]], %[[B]]) {{.*}} -> tensor<4xui8>
// CHECK: return %[[C]]
func.func @up(%x: tensor<2xf32>, %y: tensor<2xf32>) -> tensor<4xui8> {
  %s = onnx.Constant dense<0.5> : tensor<f32>
  %z = onnx.Constant dense<0> : tensor<ui8>
  %r = onnx.Relu(%y) : (tensor<2xf32>) -> tensor<2xf32>
  %0 = onnx.Concat(%x, %r) {axis = 0} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  %1 = onnx.QuantizeLinear(%0, %s, %z) : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  return %1 : tensor<4xui8>
}

// -----

// Other parameters are another value; a sum computes.
// CHECK-LABEL: @stays
// CHECK: onnx.DequantizeLinear
// CHECK: onnx.QuantizeLinear
// CHECK: onnx.DequantizeLinear
// CHECK: onnx.Add
func.func @stays(%x: tensor<2xui8>) -> tensor<2xf32> {
  %s = onnx.Constant dense<0.5> : tensor<f32>
  %t = onnx.Constant dense<0.25> : tensor<f32>
  %z = onnx.Constant dense<0> : tensor<ui8>
  %0 = onnx.DequantizeLinear(%x, %s, %z) : (tensor<2xui8>, tensor<f32>, tensor<ui8>) -> tensor<2xf32>
  %1 = onnx.QuantizeLinear(%0, %t, %z) : (tensor<2xf32>, tensor<f32>, tensor<ui8>) -> tensor<2xui8>
  %2 = onnx.DequantizeLinear(%1, %t, %z) : (tensor<2xui8>, tensor<f32>, tensor<ui8>) -> tensor<2xf32>
  %3 = onnx.Add(%2, %2) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %3 : tensor<2xf32>
}

// -----

// A Clip to the ends of the integers is what saturation does; one within them is not.
// CHECK-LABEL: @clip
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>
// CHECK: onnx.QuantizeLinear(%[[X]],
// CHECK: onnx.Clip(
func.func @clip(%x: tensor<4xf32>) -> (tensor<4xui8>, tensor<4xui8>) {
  %s = onnx.Constant dense<0.0235294122> : tensor<f32>
  %z = onnx.Constant dense<0> : tensor<ui8>
  %low = onnx.Constant dense<0.0> : tensor<f32>
  %six = onnx.Constant dense<6.0> : tensor<f32>
  %five = onnx.Constant dense<5.0> : tensor<f32>
  %0 = onnx.Clip(%x, %low, %six) : (tensor<4xf32>, tensor<f32>, tensor<f32>) -> tensor<4xf32>
  %1 = onnx.QuantizeLinear(%0, %s, %z) : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  %2 = onnx.Clip(%x, %low, %five) : (tensor<4xf32>, tensor<f32>, tensor<f32>) -> tensor<4xf32>
  %3 = onnx.QuantizeLinear(%2, %s, %z) : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  return %1, %3 : tensor<4xui8>, tensor<4xui8>
}

// RUN: lathe-opt %s --graph-fuse-activations --split-input-file | FileCheck %s

// More forms, with their numerics: test/numerics/fusions.py.

// CHECK-LABEL: @gelu(
// CHECK-NEXT:    %[[Y:.*]] = onnx.Gelu(%arg0) : (tensor<2x8xf32>) -> tensor<2x8xf32>
// CHECK-NEXT:    return %[[Y]]
func.func @gelu(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %root = onnx.Constant dense<1.41421354> : tensor<f32>
  %one = onnx.Constant dense<1.0> : tensor<f32>
  %half = onnx.Constant dense<0.5> : tensor<f32>
  %0 = onnx.Div(%x, %root) : (tensor<2x8xf32>, tensor<f32>) -> tensor<2x8xf32>
  %1 = onnx.Erf(%0) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %2 = onnx.Add(%1, %one) : (tensor<2x8xf32>, tensor<f32>) -> tensor<2x8xf32>
  %3 = onnx.Mul(%x, %2) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %4 = onnx.Mul(%3, %half) : (tensor<2x8xf32>, tensor<f32>) -> tensor<2x8xf32>
  return %4 : tensor<2x8xf32>
}

// -----

// The sigmoid is a result too: nothing would be saved.
// CHECK-LABEL: @used(
// CHECK-NEXT:    onnx.Sigmoid
// CHECK-NEXT:    onnx.Mul
func.func @used(%x: tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>) {
  %0 = onnx.Sigmoid(%x) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %1 = onnx.Mul(%x, %0) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  return %0, %1 : tensor<2x8xf32>, tensor<2x8xf32>
}

// -----

// A hard sigmoid first, then its product.
// CHECK-LABEL: @hardswish(
// CHECK-NEXT:    onnx.HardSwish(%arg0)
// CHECK-NEXT:    return
func.func @hardswish(%x: tensor<?x8xf16>) -> tensor<?x8xf16> {
  %three = onnx.Constant dense<3.0> : tensor<f16>
  %zero = onnx.Constant dense<0.0> : tensor<f16>
  %six = onnx.Constant dense<6.0> : tensor<f16>
  %0 = onnx.Add(%x, %three) : (tensor<?x8xf16>, tensor<f16>) -> tensor<?x8xf16>
  %1 = onnx.Clip(%0, %zero, %six) : (tensor<?x8xf16>, tensor<f16>, tensor<f16>) -> tensor<?x8xf16>
  %2 = onnx.Div(%1, %six) : (tensor<?x8xf16>, tensor<f16>) -> tensor<?x8xf16>
  %3 = onnx.Mul(%2, %x) : (tensor<?x8xf16>, tensor<?x8xf16>) -> tensor<?x8xf16>
  return %3 : tensor<?x8xf16>
}

// -----

// A constant that widens the result keeps the formula.
// CHECK-LABEL: @wider(
// CHECK:         onnx.Mul
func.func @wider(%x: tensor<8xf32>) -> tensor<1x8xf32> {
  %one = onnx.Constant dense<1.0> : tensor<1x1xf32>
  %0 = onnx.Sigmoid(%x) : (tensor<8xf32>) -> tensor<8xf32>
  %1 = onnx.Mul(%x, %0) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %2 = onnx.Mul(%one, %1) : (tensor<1x1xf32>, tensor<8xf32>) -> tensor<1x8xf32>
  return %2 : tensor<1x8xf32>
}

// RUN: lathe-opt %s --onnx-infer-shapes --split-input-file | FileCheck %s
// RUN: lathe-opt %s --onnx-infer-shapes --onnx-infer-shapes --split-input-file | FileCheck %s

// What a file states and the inference contradicts is left out; so is the attribute.
// CHECK-LABEL: module
// CHECK-NOT:   onnx.stated_shapes
// CHECK:       func.func @wrong(%{{.*}}) -> tensor<?x3xf32>
// CHECK:         onnx.Relu(%{{.*}}) : (tensor<?x3xf32>) -> tensor<?x3xf32>
module attributes {onnx.stated_shapes} {
  func.func @wrong(%x: tensor<?x3xf32>) -> tensor<?x4xf32> {
    %0 = onnx.Relu(%x) : (tensor<?x3xf32>) -> tensor<?x4xf32>
    return %0 : tensor<?x4xf32>
  }
}

// -----

// The batch of an example does not fix the size of an input.
// CHECK:       func.func @batch(%{{.*}}) -> tensor<?x3xf32>
module attributes {onnx.stated_shapes} {
  func.func @batch(%x: tensor<?x3xf32>) -> tensor<1x3xf32> {
    %0 = onnx.Relu(%x) : (tensor<?x3xf32>) -> tensor<1x3xf32>
    return %0 : tensor<1x3xf32>
  }
}

// -----

// What nothing else tells is believed.
// CHECK:       func.func @hint(%{{.*}}) -> tensor<5x2xi64>
module attributes {onnx.stated_shapes} {
  func.func @hint(%x: tensor<4x4xf32>) -> tensor<5x2xi64> {
    %0 = onnx.NonZero(%x) : (tensor<4x4xf32>) -> tensor<2x5xi64>
    %1 = onnx.Transpose(%0) {perm = [1, 0]} : (tensor<2x5xi64>) -> tensor<5x2xi64>
    return %1 : tensor<5x2xi64>
  }
}

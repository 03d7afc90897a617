// RUN: lathe-opt %s --lower-onnx-to-linalg --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: @forward(
// CHECK:         tensor.extract_slice %{{.*}}[0, 1] [4, 3] [1, 2] : tensor<4x8xf32> to tensor<4x3xf32>
func.func @forward(%x: tensor<4x8xf32>) -> tensor<4x3xf32> {
  %s = onnx.Constant dense<1> : tensor<1xi64>
  %e = onnx.Constant dense<-1> : tensor<1xi64>
  %a = onnx.Constant dense<1> : tensor<1xi64>
  %t = onnx.Constant dense<2> : tensor<1xi64>
  %y = onnx.Slice(%x, %s, %e, %a, %t) : (tensor<4x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

// CHECK:       #[[$MAP:.*]] = affine_map<(d0, d1) -> (d0, -d1 + 7)>
// CHECK-LABEL: @backward(
// CHECK:         linalg.generic {indexing_maps = [#[[$MAP]],
func.func @backward(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %s = onnx.Constant dense<-1> : tensor<1xi64>
  %e = onnx.Constant dense<-9223372036854775807> : tensor<1xi64>
  %a = onnx.Constant dense<1> : tensor<1xi64>
  %t = onnx.Constant dense<-1> : tensor<1xi64>
  %y = onnx.Slice(%x, %s, %e, %a, %t) : (tensor<4x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// CHECK-LABEL: @tail(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>
// CHECK-DAG:     %[[D:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG:     %[[N:.*]] = arith.minsi
// CHECK:         tensor.extract_slice %[[X]][%{{.*}}, 0]
func.func @tail(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %s = onnx.Constant dense<2> : tensor<1xi64>
  %e = onnx.Constant dense<9223372036854775807> : tensor<1xi64>
  %y = onnx.Slice(%x, %s, %e) : (tensor<?x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: @split(
// CHECK:         tensor.extract_slice %{{.*}}[0, 0] [2, 3] [1, 1]
// CHECK:         tensor.extract_slice %{{.*}}[0, 3] [2, 2] [1, 1]
// CHECK:         tensor.concat dim(1)
func.func @split(%x: tensor<2x5xf32>) -> tensor<2x5xf32> {
  %0:2 = onnx.Split(%x) {axis = 1, num_outputs = 2} : (tensor<2x5xf32>) -> (tensor<2x3xf32>, tensor<2x2xf32>)
  %1 = onnx.Concat(%0#1, %0#0) {axis = 1} : (tensor<2x2xf32>, tensor<2x3xf32>) -> tensor<2x5xf32>
  return %1 : tensor<2x5xf32>
}

// -----

// CHECK-LABEL: @crop_and_pad(
// CHECK:         tensor.extract_slice %{{.*}}[0, 1] [3, 3] [1, 1]
// CHECK:         tensor.pad %{{.*}} low[1, 0] high[0, 2]
func.func @crop_and_pad(%x: tensor<3x4xf32>) -> tensor<4x5xf32> {
  %p = onnx.Constant dense<[1, -1, 0, 2]> : tensor<4xi64>
  %y = onnx.Pad(%x, %p) : (tensor<3x4xf32>, tensor<4xi64>) -> tensor<4x5xf32>
  return %y : tensor<4x5xf32>
}

// -----

// CHECK-LABEL: @reflect(
// CHECK:         linalg.generic
// CHECK:           arith.remsi
// CHECK:           tensor.extract
func.func @reflect(%x: tensor<3x4xf32>) -> tensor<3x8xf32> {
  %p = onnx.Constant dense<[0, 2, 0, 2]> : tensor<4xi64>
  %y = onnx.Pad(%x, %p) {mode = "reflect"} : (tensor<3x4xf32>, tensor<4xi64>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// -----

// As many leading axes as the starts turn out to have elements.
// CHECK-LABEL: @leading(
// CHECK-SAME:    %[[X:[^:]*]]: tensor<6x3xf32>
// CHECK:         tensor.dim
// CHECK:         arith.select
// CHECK:         tensor.extract_slice %[[X]]
func.func @leading(%x: tensor<6x3xf32>, %from: tensor<?xi64>, %to: tensor<?xi64>) -> tensor<?x?xf32> {
  %0 = onnx.Slice(%x, %from, %to) : (tensor<6x3xf32>, tensor<?xi64>, tensor<?xi64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// RUN: lathe-opt %s --graph-fuse-norms --split-input-file | FileCheck %s

// More forms, with their numerics: test/numerics/fusions.py.

// CHECK-LABEL: @layer(
// CHECK-DAG:     %[[W:.*]] = onnx.Constant dense<2.000000e+00> : tensor<8xf32>
// CHECK-DAG:     %[[B:.*]] = onnx.Constant dense<3.000000e+00> : tensor<8xf32>
// CHECK:         %[[Y:[^,]*]], %{{.*}} = onnx.LayerNormalization(%arg0, %[[W]], %[[B]]) {epsilon = 9.99999997E-7} :
// CHECK-NEXT:    return %[[Y]]
func.func @layer(%x: tensor<?x4x8xf32>) -> tensor<?x4x8xf32> {
  %axes = onnx.Constant dense<-1> : tensor<1xi64>
  %two = onnx.Constant dense<2.0> : tensor<f32>
  %eps = onnx.Constant dense<1.0e-6> : tensor<f32>
  %w = onnx.Constant dense<2.0> : tensor<1x1x8xf32>
  %b = onnx.Constant dense<3.0> : tensor<8xf32>
  %m = onnx.ReduceMean(%x, %axes) : (tensor<?x4x8xf32>, tensor<1xi64>) -> tensor<?x4x1xf32>
  %c = onnx.Sub(%x, %m) : (tensor<?x4x8xf32>, tensor<?x4x1xf32>) -> tensor<?x4x8xf32>
  %p = onnx.Pow(%c, %two) : (tensor<?x4x8xf32>, tensor<f32>) -> tensor<?x4x8xf32>
  %v = onnx.ReduceMean(%p, %axes) : (tensor<?x4x8xf32>, tensor<1xi64>) -> tensor<?x4x1xf32>
  %e = onnx.Add(%v, %eps) : (tensor<?x4x1xf32>, tensor<f32>) -> tensor<?x4x1xf32>
  %s = onnx.Sqrt(%e) : (tensor<?x4x1xf32>) -> tensor<?x4x1xf32>
  %d = onnx.Div(%c, %s) : (tensor<?x4x8xf32>, tensor<?x4x1xf32>) -> tensor<?x4x8xf32>
  %y = onnx.Mul(%w, %d) : (tensor<1x1x8xf32>, tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  %z = onnx.Add(%y, %b) : (tensor<?x4x8xf32>, tensor<8xf32>) -> tensor<?x4x8xf32>
  return %z : tensor<?x4x8xf32>
}

// -----

// The variance is over another axis than the mean: no norm.
// CHECK-LABEL: @two_axes(
// CHECK:         onnx.Div
// CHECK-NOT:     Normalization
func.func @two_axes(%x: tensor<2x8x8xf32>) -> tensor<2x8x8xf32> {
  %last = onnx.Constant dense<-1> : tensor<1xi64>
  %middle = onnx.Constant dense<1> : tensor<1xi64>
  %eps = onnx.Constant dense<1.0e-6> : tensor<f32>
  %m = onnx.ReduceMean(%x, %last) : (tensor<2x8x8xf32>, tensor<1xi64>) -> tensor<2x8x1xf32>
  %c = onnx.Sub(%x, %m) : (tensor<2x8x8xf32>, tensor<2x8x1xf32>) -> tensor<2x8x8xf32>
  %p = onnx.Mul(%c, %c) : (tensor<2x8x8xf32>, tensor<2x8x8xf32>) -> tensor<2x8x8xf32>
  %v = onnx.ReduceMean(%p, %middle) : (tensor<2x8x8xf32>, tensor<1xi64>) -> tensor<2x1x8xf32>
  %e = onnx.Add(%v, %eps) : (tensor<2x1x8xf32>, tensor<f32>) -> tensor<2x1x8xf32>
  %s = onnx.Sqrt(%e) : (tensor<2x1x8xf32>) -> tensor<2x1x8xf32>
  %d = onnx.Div(%c, %s) : (tensor<2x8x8xf32>, tensor<2x1x8xf32>) -> tensor<2x8x8xf32>
  return %d : tensor<2x8x8xf32>
}

// -----

// The channels alone: last for the norm, and back.
// CHECK-LABEL: @channels(
// CHECK:         onnx.Transpose(%arg0) {perm = [0, 2, 3, 1]}
// CHECK:         onnx.LayerNormalization
// CHECK:         onnx.Transpose(%{{.*}}) {perm = [0, 3, 1, 2]}
// CHECK-NEXT:    return
func.func @channels(%x: tensor<1x8x5x5xf32>) -> tensor<1x8x5x5xf32> {
  %axes = onnx.Constant dense<1> : tensor<1xi64>
  %eps = onnx.Constant dense<1.0e-6> : tensor<f32>
  %m = onnx.ReduceMean(%x, %axes) : (tensor<1x8x5x5xf32>, tensor<1xi64>) -> tensor<1x1x5x5xf32>
  %c = onnx.Sub(%x, %m) : (tensor<1x8x5x5xf32>, tensor<1x1x5x5xf32>) -> tensor<1x8x5x5xf32>
  %p = onnx.Mul(%c, %c) : (tensor<1x8x5x5xf32>, tensor<1x8x5x5xf32>) -> tensor<1x8x5x5xf32>
  %v = onnx.ReduceMean(%p, %axes) : (tensor<1x8x5x5xf32>, tensor<1xi64>) -> tensor<1x1x5x5xf32>
  %e = onnx.Add(%v, %eps) : (tensor<1x1x5x5xf32>, tensor<f32>) -> tensor<1x1x5x5xf32>
  %s = onnx.Sqrt(%e) : (tensor<1x1x5x5xf32>) -> tensor<1x1x5x5xf32>
  %d = onnx.Div(%c, %s) : (tensor<1x8x5x5xf32>, tensor<1x1x5x5xf32>) -> tensor<1x8x5x5xf32>
  return %d : tensor<1x8x5x5xf32>
}

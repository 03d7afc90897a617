// RUN: lathe-opt %s --lower-onnx-to-linalg --canonicalize --cse --split-input-file | FileCheck %s

// CHECK-LABEL: @mean(
// CHECK:         linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// CHECK:           %[[V:.*]] = arith.extf {{.*}} f16 to f32
// CHECK:           arith.addf
// CHECK:           arith.divf %{{.*}}, %cst
// CHECK:         tensor.expand_shape {{.*}} tensor<2xf16> into tensor<2x1xf16>
func.func @mean(%x: tensor<2x8xf16>) -> tensor<2x1xf16> {
  %axes = onnx.Constant dense<-1> : tensor<1xi64>
  %0 = onnx.ReduceMean(%x, %axes) : (tensor<2x8xf16>, tensor<1xi64>) -> tensor<2x1xf16>
  return %0 : tensor<2x1xf16>
}

// -----

// Axes that only the run knows: the shapes may give them away ...
// CHECK-LABEL: @inferred(
// CHECK:         linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
func.func @inferred(%x: tensor<2x8xf32>, %axes: tensor<1xi64>) -> tensor<2x1xf32> {
  %0 = onnx.ReduceMax(%x, %axes) : (tensor<2x8xf32>, tensor<1xi64>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}

// -----

// ... else every element finds its place by conditions.
// CHECK-LABEL: @asked(
// CHECK:         %[[AXIS:.*]] = tensor.extract %{{.*}}[%c0] : tensor<1xi64>
// CHECK:         arith.cmpi eq, %[[AXIS]], %c0_i64
// CHECK:         scf.for
// CHECK:           tensor.insert
// CHECK:         } {lathe.loop_kernel}
func.func @asked(%x: tensor<?x8xf32>, %axes: tensor<1xi64>) -> tensor<?x?xf32> {
  %0 = onnx.ReduceMax(%x, %axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// CHECK-LABEL: @argmax(
// CHECK:         linalg.generic
// CHECK:           linalg.index 1
// CHECK:           arith.cmpf ogt
// CHECK:           linalg.yield {{.*}} : f32, i64
func.func @argmax(%x: tensor<2x8xf32>) -> tensor<2xi64> {
  %0 = onnx.ArgMax(%x) {axis = 1, keepdims = 0} : (tensor<2x8xf32>) -> tensor<2xi64>
  return %0 : tensor<2xi64>
}

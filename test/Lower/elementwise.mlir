// RUN: lathe-opt %s --lower-onnx-to-linalg --canonicalize --cse --split-input-file | FileCheck %s

// Broadcasting is in the access; a constant of one element becomes part of the body.
// CHECK-DAG:   #[[ALL:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG:   #[[ROW:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: @broadcast(
// CHECK:         linalg.generic {indexing_maps = [#[[ALL]], #[[ROW]], #[[ALL]]]
// CHECK:           arith.addf
// CHECK:         linalg.generic {indexing_maps = [#[[ALL]], #[[ALL]]]
// CHECK:           arith.mulf %{{.*}}, %cst
func.func @broadcast(%a: tensor<2x3xf32>, %b: tensor<3xf32>) -> tensor<2x3xf32> {
  %half = onnx.Constant dense<0.5> : tensor<f32>
  %s = onnx.Add(%a, %b) : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %r = onnx.Mul(%s, %half) : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// -----

// Equal symbols are equal sizes: no broadcast at run time.
// CHECK-LABEL: @symbols(
// CHECK-SAME:    %[[A:[a-z0-9]*]]: tensor<?x4xf32>
// CHECK:         %[[N:.*]] = tensor.dim %[[A]]
// CHECK:         tensor.empty(%[[N]])
// CHECK-NOT:     tensor.extract
func.func @symbols(%a: tensor<?x4xf32> {onnx.dims = ["n", ""]}, %b: tensor<?x4xf32> {onnx.dims = ["n", ""]}) -> tensor<?x4xf32> {
  %r = onnx.Add(%a, %b) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %r : tensor<?x4xf32>
}

// -----

// Sizes that only the run can compare are read where they are not 1.
// CHECK-LABEL: @unsure(
// CHECK:         arith.cmpi eq, %{{.*}}, %c1
// CHECK:         linalg.generic
// CHECK:           %[[I:.*]] = linalg.index 0
// CHECK:           arith.select %{{.*}}, %c0, %[[I]]
// CHECK:           tensor.extract
func.func @unsure(%a: tensor<?xf32>, %b: tensor<?xf32>) -> tensor<?xf32> {
  %r = onnx.Add(%a, %b) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %r : tensor<?xf32>
}

// -----

// The sign is in the op; what the model declared stays on the argument.
// CHECK-LABEL: @sign(
// CHECK-SAME:    tensor<4xi8> {onnx.type = tensor<4xui8>}
// CHECK:           arith.divui
func.func @sign(%a: tensor<4xui8>) -> tensor<4xui8> {
  %r = onnx.Div(%a, %a) : (tensor<4xui8>, tensor<4xui8>) -> tensor<4xui8>
  return %r : tensor<4xui8>
}

// -----

// A float beyond the integer's range is never converted.
// CHECK-LABEL: @cast(
// CHECK:           %[[SAFE:.*]] = arith.select %{{.*}}, %{{.*}}, %cst{{.*}} : f32
// CHECK:           arith.fptosi %[[SAFE]] : f32 to i32
func.func @cast(%a: tensor<4xf32>) -> tensor<4xi32> {
  %r = onnx.Cast(%a) {to = 6} : (tensor<4xf32>) -> tensor<4xi32>
  return %r : tensor<4xi32>
}

// -----

// One select a bound, which keeps NaN.
// CHECK-LABEL: @clip(
// CHECK:           arith.cmpf olt
// CHECK:           arith.select
// CHECK-NOT:       arith.cmpf
func.func @clip(%a: tensor<4xf32>, %low: tensor<f32>) -> tensor<4xf32> {
  %r = onnx.Clip(%a, %low) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

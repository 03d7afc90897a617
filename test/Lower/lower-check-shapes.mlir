// RUN: lathe-opt %s --lower-check-shapes --split-input-file | FileCheck %s

// CHECK-LABEL: @product(
// CHECK-SAME:    %[[X:[^:]*]]: tensor<?x?xf32>, %[[Y:[^:]*]]: tensor<?x8xf32>
// CHECK-DAG:     %[[K:.*]] = tensor.dim %[[X]], %{{.*}} : tensor<?x?xf32>
// CHECK-DAG:     %[[L:.*]] = tensor.dim %[[Y]], %{{.*}} : tensor<?x8xf32>
// CHECK:         %[[SAME:.*]] = arith.cmpi eq
// CHECK:         cf.assert %[[SAME]], "the shapes do not fit together"
// CHECK-NOT:     cf.assert
// CHECK:         linalg.matmul
func.func @product(%x: tensor<?x?xf32>, %y: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %x, %c0 : tensor<?x?xf32>
  %e = tensor.empty(%m) : tensor<?x8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  %r = linalg.matmul ins(%x, %y : tensor<?x?xf32>, tensor<?x8xf32>) outs(%f : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %r : tensor<?x8xf32>
}

// -----

// One dimension of one tensor: nothing to check.
// CHECK-LABEL: @same(
// CHECK-NOT:     cf.assert
func.func @same(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %r = linalg.exp ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  return %r : tensor<?xf32>
}

// -----

// CHECK-LABEL: @parts(
// CHECK:         cf.assert
// CHECK:         tensor.concat
func.func @parts(%x: tensor<2x?xf32>, %y: tensor<3x?xf32>) -> tensor<5x?xf32> {
  %r = tensor.concat dim(0) %x, %y : (tensor<2x?xf32>, tensor<3x?xf32>) -> tensor<5x?xf32>
  return %r : tensor<5x?xf32>
}

// -----

// CHECK-LABEL: @split(
// CHECK:         arith.muli
// CHECK:         cf.assert
// CHECK:         tensor.expand_shape
func.func @split(%x: tensor<?xf32>, %n: index) -> tensor<?x4xf32> {
  %r = tensor.expand_shape %x [[0, 1]] output_shape [%n, 4] : tensor<?xf32> into tensor<?x4xf32>
  return %r : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: @known(
// CHECK:         cf.assert
// CHECK:         tensor.cast
func.func @known(%x: tensor<?xf32>) -> tensor<4xf32> {
  %r = tensor.cast %x : tensor<?xf32> to tensor<4xf32>
  return %r : tensor<4xf32>
}

// RUN: lathe-opt %s --lower-onnx-to-linalg --split-input-file | FileCheck %s

// Rows of a table: the index is an input, the data is read by index, and no
// index leaves the table.
// CHECK:       #[[$MAP:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-LABEL: @embedding(
// CHECK-SAME:    %[[T:.*]]: tensor<100x16xf32> {{.*}}, %[[I:.*]]: tensor<?x7xi64> {
// CHECK:         linalg.generic {indexing_maps = [#[[$MAP]], {{.*}} ins(%[[I]]
// CHECK:           arith.maxsi
// CHECK:           arith.minsi
// CHECK:           tensor.extract %[[T]]
func.func @embedding(%t: tensor<100x16xf32>, %i: tensor<?x7xi64>) -> tensor<?x7x16xf32> {
  %y = onnx.Gather(%t, %i) : (tensor<100x16xf32>, tensor<?x7xi64>) -> tensor<?x7x16xf32>
  return %y : tensor<?x7x16xf32>
}

// -----

// One known index is a slice.
// CHECK-LABEL: @column(
// CHECK:         tensor.extract_slice %{{.*}}[0, 7] [4, 1] [1, 1]
// CHECK-NOT:     linalg.generic
func.func @column(%t: tensor<4x8xf32>) -> tensor<4xf32> {
  %i = onnx.Constant dense<-1> : tensor<i64>
  %y = onnx.Gather(%t, %i) {axis = 1} : (tensor<4x8xf32>, tensor<i64>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// CHECK-LABEL: @scatter(
// CHECK-SAME:    %[[D:.*]]: tensor<8xf32>
// CHECK:         scf.for
// CHECK:           tensor.extract
// CHECK:           arith.addf
// CHECK:           tensor.insert
// CHECK:         lathe.loop_kernel
func.func @scatter(%d: tensor<8xf32>, %i: tensor<3x1xi64>, %u: tensor<3xf32>) -> tensor<8xf32> {
  %y = onnx.ScatterND(%d, %i, %u) {reduction = "add"} : (tensor<8xf32>, tensor<3x1xi64>, tensor<3xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

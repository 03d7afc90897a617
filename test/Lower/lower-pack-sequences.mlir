// RUN: lathe-opt %s --lower-pack-sequences --split-input-file | FileCheck %s

// Parts of an open tensor are slices of it.
// CHECK-LABEL: @part(
// CHECK-SAME:    %[[X:.*]]: tensor<?x3xf32>
// CHECK:         %[[Y:.*]] = onnx.Slice(%[[X]],
// CHECK-NOT:     SplitToSequence
// CHECK:         return %[[Y]]
func.func @part(%x: tensor<?x3xf32>, %i: tensor<i64>) -> tensor<?x3xf32> {
  %two = onnx.Constant dense<2> : tensor<i64>
  %s = onnx.SplitToSequence(%x, %two) {axis = 0} : (tensor<?x3xf32>, tensor<i64>) -> !onnx.seq<tensor<?x3xf32>>
  %y = onnx.SequenceAt(%s, %i) : (!onnx.seq<tensor<?x3xf32>>, tensor<i64>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// -----

// CHECK-LABEL: @same(
// CHECK-SAME:    %[[X:.*]]: tensor<?x3xf32>
// CHECK:         return %[[X]]
func.func @same(%x: tensor<?x3xf32>, %n: tensor<i64>) -> tensor<?x3xf32> {
  %s = onnx.SplitToSequence(%x, %n) {axis = 0} : (tensor<?x3xf32>, tensor<i64>) -> !onnx.seq<tensor<?x3xf32>>
  %y = onnx.ConcatFromSequence(%s) {axis = 0} : (!onnx.seq<tensor<?x3xf32>>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// -----

// A loop carries elements and sizes.
// CHECK-LABEL: @collect(
// CHECK-SAME:    %[[X:[^:]*]]: tensor<?x3xf32>
// CHECK:         %[[L:.*]]:2 = onnx.Loop(
// CHECK-SAME:    %[[GO:[^:]*]]: tensor<i1>, %[[D:[^:]*]]: tensor<?xf32>, %[[S:[^:]*]]: tensor<?x2xi64>) {
// CHECK:           %[[D2:.*]] = onnx.Concat(%[[D]], %{{.*}})
// CHECK:           %[[S2:.*]] = onnx.Concat(%[[S]], %{{.*}})
// CHECK:           onnx.Yield %[[GO]], %[[D2]], %[[S2]]
// CHECK:         onnx.Reshape(%[[L]]#0,
// CHECK-NOT:     Sequence
func.func @collect(%x: tensor<?x3xf32>, %n: tensor<i64>) -> tensor<?x3xf32> {
  %e = onnx.SequenceEmpty() : () -> !onnx.seq<tensor<*xf32>>
  %s = onnx.Loop(%n, none, %e) : (tensor<i64>, !onnx.seq<tensor<*xf32>>) -> !onnx.seq<tensor<?x3xf32>> body(%i: tensor<i64>, %go: tensor<i1>, %old: !onnx.seq<tensor<?x3xf32>>) {
    %new = onnx.SequenceInsert(%old, %x) : (!onnx.seq<tensor<?x3xf32>>, tensor<?x3xf32>) -> !onnx.seq<tensor<?x3xf32>>
    onnx.Yield %go, %new : tensor<i1>, !onnx.seq<tensor<?x3xf32>>
  }
  %y = onnx.ConcatFromSequence(%s) {axis = 0} : (!onnx.seq<tensor<?x3xf32>>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// -----

// Columns of two lie apart in memory: who takes more than parts of them is
// refused, and nothing is changed.
// CHECK-LABEL: @stays(
// CHECK:         onnx.SplitToSequence
// CHECK:         onnx.SequenceInsert
// CHECK:         onnx.SequenceLength
func.func @stays(%x: tensor<2x?xf32>) -> tensor<i64> {
  %two = onnx.Constant dense<2> : tensor<i64>
  %s = onnx.SplitToSequence(%x, %two) {axis = 1} : (tensor<2x?xf32>, tensor<i64>) -> !onnx.seq<tensor<2x?xf32>>
  %t = onnx.SequenceInsert(%s, %x) : (!onnx.seq<tensor<2x?xf32>>, tensor<2x?xf32>) -> !onnx.seq<tensor<2x?xf32>>
  %y = onnx.SequenceLength(%t) : (!onnx.seq<tensor<2x?xf32>>) -> tensor<i64>
  return %y : tensor<i64>
}

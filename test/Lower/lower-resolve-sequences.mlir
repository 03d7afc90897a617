// RUN: lathe-opt %s --lower-resolve-sequences --split-input-file | FileCheck %s

// CHECK-LABEL: @list(
// CHECK-SAME:    %[[A:.*]]: tensor<2xf32>, %[[B:.*]]: tensor<3xf32>
// CHECK-NOT:     onnx.Sequence
// CHECK:         %[[N:.*]] = onnx.Constant dense<2> : tensor<i64>
// CHECK-NOT:     onnx.Sequence
// CHECK:         return %[[B]], %[[N]]
func.func @list(%a: tensor<2xf32>, %b: tensor<3xf32>) -> (tensor<3xf32>, tensor<i64>) {
  %i = onnx.Constant dense<-1> : tensor<i64>
  %s = onnx.SequenceConstruct(%a) : (tensor<2xf32>) -> !onnx.seq<tensor<?xf32>>
  %t = onnx.SequenceInsert(%s, %b) : (!onnx.seq<tensor<?xf32>>, tensor<3xf32>) -> !onnx.seq<tensor<?xf32>>
  %y = onnx.SequenceAt(%t, %i) : (!onnx.seq<tensor<?xf32>>, tensor<i64>) -> tensor<3xf32>
  %n = onnx.SequenceLength(%t) : (!onnx.seq<tensor<?xf32>>) -> tensor<i64>
  return %y, %n : tensor<3xf32>, tensor<i64>
}

// -----

// CHECK-LABEL: @parts(
// CHECK:         onnx.Slice
// CHECK:         onnx.Slice
// CHECK:         onnx.Concat
// CHECK-NOT:     Sequence
func.func @parts(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %two = onnx.Constant dense<2> : tensor<i64>
  %s = onnx.SplitToSequence(%x, %two) : (tensor<4x2xf32>, tensor<i64>) -> !onnx.seq<tensor<2x2xf32>>
  %y = onnx.ConcatFromSequence(%s) {axis = 0} : (!onnx.seq<tensor<2x2xf32>>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

// A sequence of maps is the matrix of its values.
// CHECK-LABEL: @classes(
// CHECK-SAME:    %[[X:[^:]*]]: tensor<?x3xf32>
// CHECK-SAME:    -> (tensor<?x3xf32> {onnx.keys = array<i64: 0, 1, 2>, onnx.name = "p"})
// CHECK-NEXT:    return %[[X]]
func.func @classes(%x: tensor<?x3xf32>) -> (!onnx.seq<!onnx.map<i64, f32>> {onnx.name = "p"}) {
  %z = onnx.ml.ZipMap(%x) {classlabels_int64s = [0, 1, 2]} : (tensor<?x3xf32>) -> !onnx.seq<!onnx.map<i64, f32>>
  return %z : !onnx.seq<!onnx.map<i64, f32>>
}

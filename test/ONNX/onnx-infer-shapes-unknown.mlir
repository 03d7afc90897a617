// RUN: lathe-opt %s --onnx-infer-shapes --split-input-file | FileCheck %s

// What nobody knows stays unknown, through every family, without an error.
// CHECK-LABEL: func.func @unranked
func.func @unranked(%x: tensor<*xf32>, %s: tensor<*xi64>, %v: tensor<?xi64>) -> (none, none) {
  // CHECK: onnx.Conv{{.*}} -> tensor<*xf32>
  %0 = onnx.Conv(%x, %x) : (tensor<*xf32>, tensor<*xf32>) -> none
  %1 = onnx.MatMul(%0, %x) : (none, tensor<*xf32>) -> none
  %2 = onnx.Reshape(%1, %s) : (none, tensor<*xi64>) -> none
  %3 = onnx.Transpose(%2) : (none) -> none
  %4 = onnx.ReduceSum(%3, %v) : (none, tensor<?xi64>) -> none
  %5 = onnx.Slice(%4, %v, %v, %v, %v) : (none, tensor<?xi64>, tensor<?xi64>, tensor<?xi64>, tensor<?xi64>) -> none
  %6 = onnx.Gather(%5, %s) : (none, tensor<*xi64>) -> none
  %7:2 = onnx.TopK(%6, %v) : (none, tensor<?xi64>) -> (none, none)
  %8 = onnx.Squeeze(%7#0) : (none) -> none
  %9 = onnx.Resize(%8, none, none, %v) : (none, tensor<?xi64>) -> none
  %10:3 = onnx.LSTM(%9, %x, %x) {hidden_size = 3} : (none, tensor<*xf32>, tensor<*xf32>) -> (none, none, none)
  %11 = onnx.SplitToSequence(%10#0) : (none) -> none
  %12 = onnx.SequenceAt(%11, %s) : (none, tensor<*xi64>) -> none
  // CHECK: onnx.Softmax{{.*}} -> tensor<
  %13 = onnx.Softmax(%12) : (none) -> none
  return %13, %6 : none, none
}

// -----

// An op's operand may have no type at all.
// CHECK-LABEL: func.func @untyped
func.func @untyped(%x: none) -> none {
  %0 = onnx.Relu(%x) : (none) -> none
  %1 = onnx.Add(%0, %x) : (none, none) -> none
  %2 = onnx.Cast(%1) {to = 7} : (none) -> none
  %3 = onnx.Shape(%1) : (none) -> none
  %4 = onnx.Mul(%3, %2) : (none, none) -> none
  %5 = onnx.Concat(%4, %3) {axis = 0} : (none, none) -> none
  %6 = onnx.SequenceConstruct(%1, %1) : (none, none) -> none
  %q = onnx.Cast(%1) {to = 3} : (none) -> none
  %7 = onnx.DequantizeLinear(%q, %1) : (none, none) -> none
  %8 = onnx.SplitToSequence(%1) : (none) -> none
  %9 = onnx.ConcatFromSequence(%6) {axis = 0} : (none) -> none
  %10 = onnx.Identity(%9) : (none) -> none
  // CHECK: onnx.Reshape
  %11 = onnx.Reshape(%10, %5) : (none, none) -> none
  return %11 : none
}

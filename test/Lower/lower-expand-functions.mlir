// RUN: lathe-opt %s --lower-expand-functions --split-input-file | FileCheck %s

// A window is expanded (lower-onnx-to-linalg takes what has none). Two query heads share a key head: they are a dimension, not copies.
// CHECK-LABEL: @attention(
// CHECK:         onnx.Reshape
// CHECK:         onnx.MatMul
// CHECK:         onnx.LessOrEqual
// CHECK:         onnx.Where
// CHECK:         onnx.Softmax
// CHECK:         onnx.MatMul
// CHECK-NOT:     onnx.Attention
func.func @attention(%q: tensor<1x4x5x8xf32>, %k: tensor<1x2x6x8xf32>, %v: tensor<1x2x6x8xf32>) -> tensor<1x4x5x8xf32> {
  %y:4 = onnx.Attention(%q, %k, %v) {is_causal = 1, left_window_size = 3} : (tensor<1x4x5x8xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>) -> (tensor<1x4x5x8xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>, tensor<1x4x5x6xf32>)
  return %y#0 : tensor<1x4x5x8xf32>
}

// -----

// CHECK-LABEL: @loss(
// CHECK:         onnx.LogSoftmax
// CHECK:         onnx.GatherElements
// CHECK:         onnx.ReduceMean
func.func @loss(%x: tensor<3x5xf32>, %t: tensor<3xi64>) -> tensor<f32> {
  %y:2 = onnx.SoftmaxCrossEntropyLoss(%x, %t) : (tensor<3x5xf32>, tensor<3xi64>) -> (tensor<f32>, tensor<3x5xf32>)
  return %y#0 : tensor<f32>
}

// -----

// The function body that the onnx package gives.
// CHECK-LABEL: @gate(
// CHECK-SAME:    %[[A:[^:]*]]: tensor<2x3xf16>, %[[B:[^:]*]]: tensor<2x3xf16>
// CHECK:         %[[S:.*]] = onnx.Swish(%[[A]]) {alpha = 5.000000e-01
// CHECK:         %[[M:.*]] = onnx.Mul(%[[S]], %[[B]])
// CHECK:         return %[[M]]
func.func @gate(%a: tensor<2x3xf16>, %b: tensor<2x3xf16>) -> tensor<2x3xf16> {
  %y = onnx.SwiGLU(%a, %b) {alpha = 5.000000e-01} : (tensor<2x3xf16>, tensor<2x3xf16>) -> tensor<2x3xf16>
  return %y : tensor<2x3xf16>
}

// -----

// Two scores: the label of the larger one.
// CHECK-LABEL: @linear_classifier(
// CHECK:         %[[RAW:.*]] = onnx.Add
// CHECK:         %[[AT:.*]] = onnx.ArgMax(%[[RAW]])
// CHECK:         %[[P:.*]] = onnx.Sigmoid(%[[RAW]])
// CHECK:         %[[L:.*]] = onnx.Gather(%{{.*}}, %[[AT]])
// CHECK:         return %[[L]], %[[P]]
func.func @linear_classifier(%x: tensor<?x3xf32>) -> (tensor<?xi64>, tensor<?x2xf32>) {
  %y:2 = onnx.ml.LinearClassifier(%x) {classlabels_ints = [7, 9], coefficients = [1.0, 2.0, 3.0, -1.0, -2.0, -3.0], intercepts = [0.5, -0.5], post_transform = "LOGISTIC"} : (tensor<?x3xf32>) -> (tensor<?xi64>, tensor<?x2xf32>)
  return %y#0, %y#1 : tensor<?xi64>, tensor<?x2xf32>
}

// -----

// The distance to each support vector as a sum of squares of differences.
// CHECK-LABEL: @svm_regressor(
// CHECK:         onnx.Sub
// CHECK:         onnx.ReduceSumSquare
// CHECK:         onnx.Exp
// CHECK:         onnx.MatMul
func.func @svm_regressor(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %y = onnx.ml.SVMRegressor(%x) {coefficients = [1.0, -1.0], kernel_params = [0.5, 0.0, 3.0], kernel_type = "RBF", n_supports = 2, rho = [0.25], support_vectors = [0.0, 1.0, 1.0, 0.0]} : (tensor<4x2xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// CHECK-LABEL: @one_hot(
// CHECK:         %[[S:.*]] = onnx.Equal
// CHECK:         onnx.Cast(%[[S]])
func.func @one_hot(%x: tensor<4x2xi64>) -> tensor<4x2x3xf32> {
  %y = onnx.ml.OneHotEncoder(%x) {cats_int64s = [1, 2, 5]} : (tensor<4x2xi64>) -> tensor<4x2x3xf32>
  return %y : tensor<4x2x3xf32>
}

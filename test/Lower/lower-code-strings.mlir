// RUN: lathe-opt %s --lower-code-strings --split-input-file | FileCheck %s

// Labels by name: numbers, and the list of names with the result.
// CHECK-LABEL: func.func @labels
// CHECK-SAME:    -> (tensor<?xi64> {onnx.keys = ["ant", "bee"]}, tensor<?x2xf32>)
// CHECK:         %[[Y:.*]], %{{.*}} = onnx.ml.LinearClassifier(%{{.*}}) {classlabels_ints = [0, 1]
// CHECK-NOT:     classlabels_strings
// CHECK:         return %[[Y]]
func.func @labels(%x: tensor<?x1xf32>) -> (tensor<?x!onnx.string>, tensor<?x2xf32>) {
  %y, %z = onnx.ml.LinearClassifier(%x) {classlabels_strings = ["ant", "bee"], coefficients = [1.0, -1.0], intercepts = [0.0, 0.0]} : (tensor<?x1xf32>) -> (tensor<?x!onnx.string>, tensor<?x2xf32>)
  %c = onnx.Cast(%y) {to = 8} : (tensor<?x!onnx.string>) -> tensor<?x!onnx.string>
  return %c, %z : tensor<?x!onnx.string>, tensor<?x2xf32>
}

// -----

// Equal names have one number, wherever they stand.
// CHECK-LABEL: func.func @moved
// CHECK-SAME:    -> (tensor<2xi64> {onnx.keys = ["a", "b"]})
// CHECK:         onnx.Constant dense<[0, 1, 0]> : tensor<3xi64>
// CHECK:         onnx.Gather(%{{.*}}) : (tensor<3xi64>, tensor<2xi64>) -> tensor<2xi64>
func.func @moved(%i: tensor<2xi64>) -> tensor<2x!onnx.string> {
  %s = onnx.Constant dense<["a", "b", "a"]> : tensor<3x!onnx.string>
  %y = onnx.Gather(%s, %i) : (tensor<3x!onnx.string>, tensor<2xi64>) -> tensor<2x!onnx.string>
  return %y : tensor<2x!onnx.string>
}

// -----

// Categories from outside; -1 stands for what the model does not know.
// CHECK-LABEL: func.func @category
// CHECK-SAME:    tensor<?x1xi64> {onnx.keys = ["red", "blue"]}
// CHECK:         onnx.ml.OneHotEncoder(%{{.*}}) {cats_int64s = [0, 1]} : (tensor<?x1xi64>)
func.func @category(%x: tensor<?x1x!onnx.string>) -> tensor<?x1x2xf32> {
  %y = onnx.ml.OneHotEncoder(%x) {cats_strings = ["red", "blue"]} : (tensor<?x1x!onnx.string>) -> tensor<?x1x2xf32>
  return %y : tensor<?x1x2xf32>
}

// -----

// A name that the model does not know cannot be given back.
// CHECK-LABEL: func.func @returned
// CHECK-SAME:    tensor<2x!onnx.string>
func.func @returned(%x: tensor<2x!onnx.string>) -> tensor<2x!onnx.string> {
  %y = onnx.Identity(%x) : (tensor<2x!onnx.string>) -> tensor<2x!onnx.string>
  return %y : tensor<2x!onnx.string>
}

// -----

// What makes new strings stays.
// CHECK-LABEL: func.func @joined
// CHECK:         onnx.StringConcat(%{{.*}}) : (tensor<1x!onnx.string>, tensor<1x!onnx.string>) -> tensor<1x!onnx.string>
func.func @joined() -> tensor<1x!onnx.string> {
  %s = onnx.Constant dense<["a"]> : tensor<1x!onnx.string>
  %y = onnx.StringConcat(%s, %s) : (tensor<1x!onnx.string>, tensor<1x!onnx.string>) -> tensor<1x!onnx.string>
  return %y : tensor<1x!onnx.string>
}

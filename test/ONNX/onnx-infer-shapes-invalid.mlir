// RUN: lathe-opt %s --onnx-infer-shapes --split-input-file --verify-diagnostics

func.func @matmul(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error @below {{MatMul: the shapes [2, 3] and [4, 5] do not go together: 3 columns against 4 rows}}
  %0 = onnx.MatMul(%a, %b) : (tensor<2x3xf32>, tensor<4x5xf32>) -> none
  return
}

// -----

func.func @broadcast(%a: tensor<2x3xf32>, %b: tensor<2xf32>) {
  // expected-error @below {{Add: the shapes [2, 3] and [2] cannot be broadcast together}}
  %0 = onnx.Add(%a, %b) : (tensor<2x3xf32>, tensor<2xf32>) -> none
  return
}

// -----

func.func @concat(%a: tensor<2x3xf32>, %b: tensor<4x3xf32>) {
  // expected-error @below {{Concat: dimension 0: 2 does not match 4}}
  %0 = onnx.Concat(%a, %b) {axis = 1} : (tensor<2x3xf32>, tensor<4x3xf32>) -> none
  return
}

// -----

func.func @reshape(%a: tensor<2x3xf32>) {
  %s = onnx.Constant dense<[4, -1]> : tensor<2xi64>
  // expected-error @below {{6 elements do not fit the target shape [4, -1]}}
  %0 = onnx.Reshape(%a, %s) : (tensor<2x3xf32>, tensor<2xi64>) -> none
  return
}

// -----

func.func @negative(%a: tensor<2x3xf32>) {
  %s = onnx.Constant dense<[-2, 3]> : tensor<2xi64>
  // expected-error @below {{the target shape has the size -2}}
  %0 = onnx.Reshape(%a, %s) : (tensor<2x3xf32>, tensor<2xi64>) -> none
  return
}

// -----

func.func @overflow(%a: tensor<2x3xf32>) {
  %s = onnx.Constant dense<[9223372036854775807, 1]> : tensor<2xi64>
  // expected-error @below {{a dimension of result 0 does not fit 64 bits}}
  %0 = onnx.Tile(%a, %s) : (tensor<2x3xf32>, tensor<2xi64>) -> none
  return
}

// -----

func.func @count(%a: tensor<f32>) {
  %s = onnx.Constant dense<[4294967296, 4294967296]> : tensor<2xi64>
  // expected-error @below {{the number of elements of the shape [4294967296, 4294967296] does not fit 64 bits}}
  %0 = onnx.Expand(%a, %s) : (tensor<f32>, tensor<2xi64>) -> none
  return
}

// -----

func.func @perm(%a: tensor<2x3xf32>) {
  // expected-error @below {{perm is no permutation}}
  %0 = onnx.Transpose(%a) {perm = [0, 0]} : (tensor<2x3xf32>) -> none
  return
}

// -----

func.func @axis(%a: tensor<2x3xf32>) {
  // expected-error @below {{axis 2 is out of range for a tensor with 2 dimensions}}
  %0 = onnx.Softmax(%a) {axis = 2} : (tensor<2x3xf32>) -> none
  return
}

// -----

func.func @group(%x: tensor<1x3x8x8xf32>, %w: tensor<4x1x3x3xf32>) {
  // expected-error @below {{group = 2 does not divide the 3 channels of the input}}
  %0 = onnx.Conv(%x, %w) {group = 2} : (tensor<1x3x8x8xf32>, tensor<4x1x3x3xf32>) -> none
  return
}

// -----

func.func @kernel(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{kernel_shape has 1 values, needs 2}}
  %0 = onnx.AveragePool(%x) {kernel_shape = [3]} : (tensor<1x3x8x8xf32>) -> none
  return
}

// -----

func.func @window(%x: tensor<1x3x2x2xf32>) {
  // expected-error @below {{a window of 3 does not fit the padded size 2}}
  %0 = onnx.AveragePool(%x) {kernel_shape = [3, 3]} : (tensor<1x3x2x2xf32>) -> none
  return
}

// -----

func.func @declared(%x: tensor<2x3xf32>) {
  // expected-error @below {{result 0 is declared with the shape [2, 4] but has [2, 3]}}
  %0 = onnx.Relu(%x) : (tensor<2x3xf32>) -> tensor<2x4xf32>
  return
}

// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @type(%x: tensor<2xi64>) {
  // expected-error @below {{operand 'X' has the unsupported type tensor(int64)}}
  %0 = onnx.Sigmoid(%x) : (tensor<2xi64>) -> tensor<2xi64>
  return
}

// -----

func.func @same(%x: tensor<2xf32>, %y: tensor<2xf64>) {
  // expected-error @below {{operand 'B' has the type tensor(double) but 'A' has tensor(float); both must be of one type}}
  %0 = onnx.Add(%x, %y) : (tensor<2xf32>, tensor<2xf64>) -> tensor<2xf32>
  return
}

// -----

func.func @missing(%x: tensor<2xf32>) {
  // expected-error @below {{operand 'B' is missing}}
  %0 = onnx.Add(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @absent(%x: tensor<2xf32>) {
  // expected-error @below {{operand 'A' cannot be left out}}
  %0 = onnx.Add(none, %x) : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @required(%x: tensor<2xf32>) {
  // expected-error @below {{requires attribute 'axis'}}
  %0 = onnx.Concat(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @graph(%c: tensor<i1>, %x: tensor<2xf32>) {
  // expected-error @+2 {{expected the graph 'else_branch'}}
  %0 = onnx.If(%c) : (tensor<i1>) -> tensor<2xf32> then_branch { onnx.Yield %x : tensor<2xf32> }
  return
}

// RUN: lathe-opt %s --compress-turn-convolutions=floats=true --split-input-file | FileCheck %s
// RUN: lathe-opt %s --compress-turn-convolutions --split-input-file | FileCheck %s --check-prefix=INTEGERS

// Two phases along the axis are channels of one Conv; the bias is one of each.
// CHECK-LABEL: @phases
// CHECK-NOT: onnx.ConvTranspose
// CHECK-DAG: %[[W:.*]] = onnx.Constant dense<{{\[\[\[3.0.*, 1.0.*\]\], \[\[4.0.*, 2.0.*\]\]\]}}> : tensor<2x1x2xf32>
// CHECK-DAG: %[[B:.*]] = onnx.Constant dense<5.0{{.*}}> : tensor<2xf32>
// CHECK: %[[P:.*]] = onnx.Conv(%arg0, %[[W]], %[[B]]) {{.*}}pads = [1, 1]{{.*}} -> tensor<1x2x8xf32>
// CHECK: onnx.Relu(%[[P]])
// CHECK: onnx.Transpose({{.*}}perm = [0, 2, 3, 1]
// CHECK: onnx.Slice({{.*}} -> tensor<1x1x14xf32>
// INTEGERS-LABEL: @phases
// INTEGERS: onnx.ConvTranspose
func.func @phases(%x: tensor<1x1x7xf32>) -> tensor<1x1x14xf32> {
  %w = onnx.Constant dense<[[[1.0, 2.0, 3.0, 4.0]]]> : tensor<1x1x4xf32>
  %b = onnx.Constant dense<[5.0]> : tensor<1xf32>
  %y = onnx.ConvTranspose(%x, %w, %b) {pads = [1, 1], strides = [2]} : (tensor<1x1x7xf32>, tensor<1x1x4xf32>, tensor<1xf32>) -> tensor<1x1x14xf32>
  %r = onnx.Relu(%y) : (tensor<1x1x14xf32>) -> tensor<1x1x14xf32>
  return %r : tensor<1x1x14xf32>
}

// -----

// Integers stay integers, what no phase has is the zero point; a scale for each
// output is one for each phase.
// INTEGERS-LABEL: @integers
// INTEGERS-DAG: %[[W:.*]] = onnx.Constant dense<{{\[\[\[13, 11\]\], \[\[23, 21\]\], \[\[7, 12\]\], \[\[8, 22\]\]\]}}> : tensor<4x1x2xi8>
// INTEGERS-DAG: %[[S:.*]] = onnx.Constant dense<{{\[5.0.*, 2.5.*, 5.0.*, 2.5.*\]}}> : tensor<4xf32>
// INTEGERS-DAG: %[[Z:.*]] = onnx.Constant dense<[7, 8, 7, 8]> : tensor<4xi8>
// INTEGERS: %[[D:.*]] = onnx.DequantizeLinear(%[[W]], %[[S]], %[[Z]]) {axis = 0
// INTEGERS: onnx.Conv({{.*}}, %[[D]])
func.func @integers(%xq: tensor<1x1x7xui8>, %s: tensor<f32>) -> tensor<1x2x15xf32> {
  %x = onnx.DequantizeLinear(%xq, %s) : (tensor<1x1x7xui8>, tensor<f32>) -> tensor<1x1x7xf32>
  %wq = onnx.Constant dense<[[[11, 12, 13], [21, 22, 23]]]> : tensor<1x2x3xi8>
  %ws = onnx.Constant dense<[0.5, 0.25]> : tensor<2xf32>
  %wz = onnx.Constant dense<[7, 8]> : tensor<2xi8>
  %w = onnx.DequantizeLinear(%wq, %ws, %wz) {axis = 1} : (tensor<1x2x3xi8>, tensor<2xf32>, tensor<2xi8>) -> tensor<1x2x3xf32>
  %y = onnx.ConvTranspose(%x, %w) {strides = [2]} : (tensor<1x1x7xf32>, tensor<1x2x3xf32>) -> tensor<1x2x15xf32>
  return %y : tensor<1x2x15xf32>
}

// -----

// Weights that are computed cannot be turned.
// CHECK-LABEL: @computed
// CHECK: onnx.ConvTranspose
func.func @computed(%x: tensor<1x1x7xf32>, %w: tensor<1x1x4xf32>) -> tensor<1x1x16xf32> {
  %y = onnx.ConvTranspose(%x, %w) {strides = [2]} : (tensor<1x1x7xf32>, tensor<1x1x4xf32>) -> tensor<1x1x16xf32>
  return %y : tensor<1x1x16xf32>
}

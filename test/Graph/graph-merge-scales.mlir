// RUN: lathe-opt %s --graph-merge-scales --graph-eliminate-dead --split-input-file | FileCheck %s

// scale / sqrt(var + eps) = [2, 1]; shift - mean * that = [1, -3].
// CHECK-LABEL: func.func @batch_norm
// CHECK-DAG: %[[W:.*]] = onnx.Constant dense<{{\[\[\[\[}}2.000000e+00]]], {{\[\[\[}}3.000000e+00]]]]>
// CHECK-DAG: %[[B:.*]] = onnx.Constant dense<[2.100000e+01, 1.700000e+01]>
// CHECK: %[[Y:.*]] = onnx.Conv(%arg0, %[[W]], %[[B]]) {pads = [1, 1, 1, 1]}
// CHECK-NEXT: return %[[Y]]
func.func @batch_norm(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x6x6xf32> {
  %w = onnx.Constant dense<[[[[1.0]]], [[[3.0]]]]> : tensor<2x1x1x1xf32>
  %b = onnx.Constant dense<[10.0, 20.0]> : tensor<2xf32>
  %scale = onnx.Constant dense<[4.0, 3.0]> : tensor<2xf32>
  %shift = onnx.Constant dense<[5.0, 0.0]> : tensor<2xf32>
  %mean = onnx.Constant dense<[2.0, 3.0]> : tensor<2xf32>
  %var = onnx.Constant dense<[3.0, 8.0]> : tensor<2xf32>
  %0 = onnx.Conv(%x, %w, %b) {pads = [1, 1, 1, 1]} : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x6x6xf32>
  %1:3 = onnx.BatchNormalization(%0, %scale, %shift, %mean, %var) {epsilon = 1.0} : (tensor<1x2x6x6xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<1x2x6x6xf32>, tensor<2xf32>, tensor<2xf32>)
  return %1#0 : tensor<1x2x6x6xf32>
}

// -----

// Preprocessing: (x - 3) / 2 before a product without padding.
// CHECK-LABEL: func.func @before
// CHECK-DAG: %[[W:.*]] = onnx.Constant dense<{{.*}}5.000000e-01{{.*}}1.000000e+00{{.*}}> : tensor<1x2x1x1xf32>
// CHECK-DAG: %[[B:.*]] = onnx.Constant dense<-4.500000e+00> : tensor<1xf32>
// CHECK: %[[Y:.*]] = onnx.Conv(%arg0, %[[W]], %[[B]])
// CHECK-NEXT: return %[[Y]]
func.func @before(%x: tensor<1x2x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = onnx.Constant dense<[[[[1.0]], [[2.0]]]]> : tensor<1x2x1x1xf32>
  %three = onnx.Constant dense<3.0> : tensor<f32>
  %two = onnx.Constant dense<2.0> : tensor<f32>
  %0 = onnx.Sub(%x, %three) : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %1 = onnx.Div(%0, %two) : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %2 = onnx.Conv(%1, %w) : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x1x4x4xf32>
  return %2 : tensor<1x1x4x4xf32>
}

// -----

// Padding is zero after the shift: only the scale goes in.
// CHECK-LABEL: func.func @padded
// CHECK: %[[S:.*]] = onnx.Sub(%arg0
// CHECK: %[[Y:.*]] = onnx.Conv(%[[S]], %{{.*}}) {pads = [1, 1, 1, 1]}
// CHECK-NEXT: return %[[Y]]
func.func @padded(%x: tensor<1x2x4x4xf32>) -> tensor<1x1x6x6xf32> {
  %w = onnx.Constant dense<[[[[1.0]], [[2.0]]]]> : tensor<1x2x1x1xf32>
  %three = onnx.Constant dense<3.0> : tensor<f32>
  %two = onnx.Constant dense<2.0> : tensor<f32>
  %0 = onnx.Sub(%x, %three) : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %1 = onnx.Div(%0, %two) : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %2 = onnx.Conv(%1, %w) {pads = [1, 1, 1, 1]} : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x1x6x6xf32>
  return %2 : tensor<1x1x6x6xf32>
}

// -----

// Through Relu and Concat, each part to its convolution.
// CHECK-LABEL: func.func @travel
// CHECK-DAG: %[[W0:.*]] = onnx.Constant dense<2.000000e+00> : tensor<1x1x1x1xf32>
// CHECK-DAG: %[[W1:.*]] = onnx.Constant dense<3.000000e+00> : tensor<1x1x1x1xf32>
// CHECK-DAG: %[[A:.*]] = onnx.Conv(%arg0, %[[W0]])
// CHECK-DAG: %[[B:.*]] = onnx.Conv(%arg0, %[[W1]])
// CHECK: %[[C:.*]] = onnx.Concat(%[[A]], %[[B]])
// CHECK-NEXT: return %[[C]]
func.func @travel(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = onnx.Constant dense<1.0> : tensor<1x1x1x1xf32>
  %s = onnx.Constant dense<[[[2.0]], [[3.0]]]> : tensor<2x1x1xf32>
  %0 = onnx.Conv(%x, %w) : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %1 = onnx.Conv(%x, %w) : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %2 = onnx.Concat(%0, %1) {axis = 1} : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32>
  %3 = onnx.Mul(%2, %s) : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
  return %3 : tensor<1x2x4x4xf32>
}

// -----

// CHECK-LABEL: func.func @through_relu
// CHECK: %[[W:.*]] = onnx.Constant dense<2.000000e+00> : tensor<1x1x1x1xf32>
// CHECK: %[[A:.*]] = onnx.Conv(%arg0, %[[W]])
// CHECK: %[[R:.*]] = onnx.Relu(%[[A]])
// CHECK-NEXT: return %[[R]]
func.func @through_relu(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = onnx.Constant dense<1.0> : tensor<1x1x1x1xf32>
  %s = onnx.Constant dense<2.0> : tensor<f32>
  %0 = onnx.Conv(%x, %w) : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %1 = onnx.Relu(%0) : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %2 = onnx.Mul(%1, %s) : (tensor<1x1x4x4xf32>, tensor<f32>) -> tensor<1x1x4x4xf32>
  return %2 : tensor<1x1x4x4xf32>
}

// -----

// Alone, a norm is one Mul and one Add; channels may be the last dimension of a product.
// CHECK-LABEL: func.func @alone
// CHECK: %[[M:.*]] = onnx.Mul(%arg0, %{{.*}}) : (tensor<?x2x4xf32>, tensor<2x1xf32>)
// CHECK-NEXT: %{{.*}} = onnx.Constant
// CHECK-NEXT: %[[A:.*]] = onnx.Add(%[[M]], %{{.*}}) : (tensor<?x2x4xf32>, tensor<2x1xf32>)
// CHECK-NEXT: return %[[A]]
func.func @alone(%x: tensor<?x2x4xf32>) -> tensor<?x2x4xf32> {
  %scale = onnx.Constant dense<[4.0, 3.0]> : tensor<2xf32>
  %1:3 = onnx.BatchNormalization(%x, %scale, %scale, %scale, %scale) : (tensor<?x2x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<?x2x4xf32>, tensor<2xf32>, tensor<2xf32>)
  return %1#0 : tensor<?x2x4xf32>
}

// -----

// CHECK-LABEL: func.func @products
// CHECK-DAG: %[[W:.*]] = onnx.Constant dense<{{\[\[}}2.000000e+00, 6.000000e+00], [4.000000e+00, 1.200000e+01]]>
// CHECK: %[[P:.*]] = onnx.MatMul(%arg0, %[[W]])
// CHECK: %[[A:.*]] = onnx.Add(%[[P]],
// CHECK: return %[[A]]
func.func @products(%x: tensor<5x3x2xf32>) -> tensor<5x3x2xf32> {
  %w = onnx.Constant dense<[[1.0, 2.0], [2.0, 4.0]]> : tensor<2x2xf32>
  %s = onnx.Constant dense<[2.0, 3.0]> : tensor<2xf32>
  %t = onnx.Constant dense<[1.0, 5.0]> : tensor<2xf32>
  %0 = onnx.MatMul(%x, %w) : (tensor<5x3x2xf32>, tensor<2x2xf32>) -> tensor<5x3x2xf32>
  %1 = onnx.Mul(%0, %s) : (tensor<5x3x2xf32>, tensor<2xf32>) -> tensor<5x3x2xf32>
  %2 = onnx.Add(%1, %t) : (tensor<5x3x2xf32>, tensor<2xf32>) -> tensor<5x3x2xf32>
  return %2 : tensor<5x3x2xf32>
}

// -----

// In front of a Relu: 4 / sqrt(3 + 1) = 2, so relu(2 x + 6) is 2 relu(x + 3).
// CHECK-LABEL: func.func @norm_relu
// CHECK: %[[T:.*]] = onnx.Constant dense<3.000000e+00> : tensor<1x1x1xf32>
// CHECK: %[[A:.*]] = onnx.Add(%arg0, %[[T]])
// CHECK: %[[R:.*]] = onnx.Relu(%[[A]])
// CHECK: %[[W:.*]] = onnx.Constant dense<1.000000e+01> : tensor<1x1x1x1xf32>
// CHECK: %[[C:.*]] = onnx.Conv(%[[R]], %[[W]]) {pads = [1, 1, 1, 1]}
// CHECK: return %[[C]]
func.func @norm_relu(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x6x6xf32> {
  %w = onnx.Constant dense<5.0> : tensor<1x1x1x1xf32>
  %scale = onnx.Constant dense<4.0> : tensor<1xf32>
  %shift = onnx.Constant dense<6.0> : tensor<1xf32>
  %mean = onnx.Constant dense<0.0> : tensor<1xf32>
  %var = onnx.Constant dense<3.0> : tensor<1xf32>
  %0:3 = onnx.BatchNormalization(%x, %scale, %shift, %mean, %var) {epsilon = 1.0} : (tensor<1x1x4x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> (tensor<1x1x4x4xf32>, tensor<1xf32>, tensor<1xf32>)
  %1 = onnx.Relu(%0#0) : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  %2 = onnx.Conv(%1, %w) {pads = [1, 1, 1, 1]} : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x6x6xf32>
  return %2 : tensor<1x1x6x6xf32>
}

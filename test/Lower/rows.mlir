// RUN: lathe-opt %s --lower-onnx-to-linalg --canonicalize --cse --split-input-file | FileCheck %s

// Softmax: maximum, exponentials, sum, quotient, each over the same loops.
// CHECK-LABEL: @softmax(
// CHECK:           arith.maxnumf
// CHECK:           arith.subf
// CHECK:           math.exp
// CHECK:           arith.addf
// CHECK:           arith.divf
func.func @softmax(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = onnx.Softmax(%x) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----

// The variance is that of centred values; unused statistics leave nothing.
// CHECK-LABEL: @layernorm(
// CHECK:         linalg.generic
// CHECK:           arith.addf
// CHECK:         linalg.generic
// CHECK:           arith.divf
// CHECK:         linalg.generic
// CHECK:           %[[D:.*]] = arith.subf
// CHECK:           arith.mulf %[[D]], %[[D]]
// CHECK:           math.sqrt
// CHECK-NOT:     expand_shape
// CHECK:         return
func.func @layernorm(%x: tensor<4x8xf32>, %s: tensor<8xf32>) -> tensor<4x8xf32> {
  %0, %1, %2 = onnx.LayerNormalization(%x, %s) : (tensor<4x8xf32>, tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4x1xf32>, tensor<4x1xf32>)
  return %0 : tensor<4x8xf32>
}

// -----

// Scale and shift per channel are made once, from vectors.
// CHECK-LABEL: @batchnorm(
// CHECK:         linalg.generic {{.*}} iterator_types = ["parallel"]
// CHECK:           math.sqrt
// CHECK:         linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel", "parallel"]
// CHECK-NEXT:    ^bb0
// CHECK-NEXT:      arith.mulf
// CHECK-NEXT:      arith.addf
func.func @batchnorm(%x: tensor<1x4x2x2xf32>, %s: tensor<4xf32>, %b: tensor<4xf32>, %m: tensor<4xf32>, %v: tensor<4xf32>) -> tensor<1x4x2x2xf32> {
  %0, %1, %2 = onnx.BatchNormalization(%x, %s, %b, %m, %v) : (tensor<1x4x2x2xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<1x4x2x2xf32>, tensor<4xf32>, tensor<4xf32>)
  return %0 : tensor<1x4x2x2xf32>
}

// -----

// The projection of all steps is one product before the loop over time.
// CHECK-LABEL: @lstm(
// CHECK:         linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<5x3xf32>, tensor<16x3xf32>)
// CHECK:         scf.for %{{.*}} = %c0 to %c5
// CHECK:           linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<1x4xf32>, tensor<4x4x4xf32>)
// CHECK:           math.tanh
// CHECK:           tensor.insert_slice
// CHECK:           scf.yield
func.func @lstm(%x: tensor<5x1x3xf32>, %w: tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>) -> tensor<5x1x1x4xf32> {
  %0, %1, %2 = onnx.LSTM(%x, %w, %r) {hidden_size = 4} : (tensor<5x1x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> (tensor<5x1x1x4xf32>, tensor<1x1x4xf32>, tensor<1x1x4xf32>)
  return %0 : tensor<5x1x1x4xf32>
}

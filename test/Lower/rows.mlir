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

// -----

// Batch first, steps are read and written at a stride; two directions share the
// projection.
// CHECK-LABEL: @batch_first(
// CHECK-NOT:     linalg.transpose
// CHECK:         linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<10x3xf32>, tensor<2x12x3xf32>)
// CHECK:         scf.for
// CHECK:           tensor.extract_slice %{{.*}}[0, %{{.*}}, 0, 0] [2, 1, 3, 4]
// CHECK:           tensor.insert_slice %{{.*}} into %{{.*}}[0, %{{.*}}, 0, 0] [2, 1, 1, 4]
// CHECK:         scf.for
// CHECK:           tensor.insert_slice %{{.*}} into %{{.*}}[0, %{{.*}}, 1, 0] [2, 1, 1, 4]
// CHECK-NOT:     linalg.transpose
func.func @batch_first(%x: tensor<2x5x3xf32>, %w: tensor<2x12x3xf32>, %r: tensor<2x12x4xf32>) -> tensor<2x5x2x4xf32> {
  %0, %1 = onnx.GRU(%x, %w, %r) {direction = "bidirectional", hidden_size = 4, layout = 1, linear_before_reset = 1} : (tensor<2x5x3xf32>, tensor<2x12x3xf32>, tensor<2x12x4xf32>) -> (tensor<2x5x2x4xf32>, tensor<2x2x4xf32>)
  return %0 : tensor<2x5x2x4xf32>
}

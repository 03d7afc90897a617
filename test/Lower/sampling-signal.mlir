// RUN: lathe-opt %s --lower-onnx-to-linalg --split-input-file | FileCheck %s

// Four reads and their weights, in one generic.
// CHECK-LABEL: @grid(
// CHECK:         linalg.generic
// CHECK-COUNT-4:   tensor.extract %{{.*}} : tensor<1x1x3x4xf32>
// CHECK-NOT:     linalg.generic
func.func @grid(%x: tensor<1x1x3x4xf32>, %g: tensor<1x5x6x2xf32>) -> tensor<1x1x5x6xf32> {
  %y = onnx.GridSample(%x, %g) : (tensor<1x1x3x4xf32>, tensor<1x5x6x2xf32>) -> tensor<1x1x5x6xf32>
  return %y : tensor<1x1x5x6xf32>
}

// -----

// The turn is a constant table of doubles; the sums are double too.
// CHECK-LABEL: @dft(
// CHECK:         arith.constant {{.*}} : tensor<8x2xf64>
// CHECK:         scf.for
// CHECK:           arith.extf {{.*}} : f32 to f64
// CHECK:         lathe.loop_kernel
func.func @dft(%x: tensor<1x8x1xf32>) -> tensor<1x8x2xf32> {
  %a = onnx.Constant dense<1> : tensor<i64>
  %y = onnx.DFT(%x, none, %a) : (tensor<1x8x1xf32>, tensor<i64>) -> tensor<1x8x2xf32>
  return %y : tensor<1x8x2xf32>
}

// -----

// Seeded by the node, not by a state: the same numbers in every run.
// CHECK-LABEL: @random(
// CHECK:         linalg.generic
// CHECK:           linalg.index
// CHECK:           arith.muli
// CHECK:           arith.shrui
func.func @random() -> tensor<2x3xf32> {
  %y = onnx.RandomUniform() {seed = 1.0, shape = [2, 3]} : () -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

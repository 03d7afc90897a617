// RUN: lathe-opt %s --compress-prune-sigma=alpha=1 | FileCheck %s
// RUN: not lathe-opt %s --compress-prune-sigma=alpha=-1 2>&1 | FileCheck %s --check-prefix=RANGE

// The standard deviation is sqrt(4.1): 2 lies below it, 3 does not.
// CHECK: onnx.Constant dense<{{\[}}[0.000000e+00, 3.000000e+00], [-3.000000e+00, 0.000000e+00]]>
// RANGE: --prune-sigma=-1: the number of standard deviations is finite and at least 0
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = onnx.Constant dense<[[-2.0, 3.0], [-3.0, 1.0]]> : tensor<2x2xf32>
  %0 = onnx.MatMul(%x, %w) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// RUN: lathe-opt %s --compress-prune-magnitude=fraction=0.5 | FileCheck %s --check-prefix=GLOBAL
// RUN: lathe-opt %s --compress-prune-magnitude="fraction=0.5 per-layer=true" | FileCheck %s --check-prefix=LAYER
// RUN: lathe-opt %s --compress-prune-magnitude="fraction=1 skip=second" | FileCheck %s --check-prefix=SKIP
// RUN: not lathe-opt %s --compress-prune-magnitude=fraction=1.5 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not lathe-opt %s --compress-prune-magnitude="fraction=0.5 skip=third" 2>&1 | FileCheck %s --check-prefix=NAME

// All together: the four smallest are three of the first layer and one of the second, each measured by its layer's
// root of the mean square. Biases are no weights.
// GLOBAL-DAG: onnx.Constant dense<{{\[}}[0.000000e+00, 0.000000e+00], [0.000000e+00, 4.000000e+02]]>
// GLOBAL-DAG: onnx.Constant dense<{{\[}}[5.000000e+00, 0.000000e+00], [-8.000000e+00, 7.000000e+00]]>
// GLOBAL-DAG: onnx.Constant dense<1.000000e-01>
// LAYER-DAG: onnx.Constant dense<{{\[}}[0.000000e+00, 0.000000e+00], [1.000000e+02, 4.000000e+02]]>
// LAYER-DAG: onnx.Constant dense<{{\[}}[0.000000e+00, 0.000000e+00], [-8.000000e+00, 7.000000e+00]]>
// SKIP-DAG: onnx.Constant dense<0.000000e+00>
// SKIP-DAG: onnx.Constant dense<{{\[}}[5.000000e+00, 2.500000e+00], [-8.000000e+00, 7.000000e+00]]>
// RANGE: --prune=1.5: the fraction of weights that become zero lies between 0 and 1
// NAME: --prune-skip=third: no node has this name
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = onnx.Constant dense<[[100.0, -100.0], [100.0, 400.0]]> : tensor<2x2xf32>
  %v = onnx.Constant dense<[[5.0, 2.5], [-8.0, 7.0]]> : tensor<2x2xf32>
  %b = onnx.Constant dense<0.1> : tensor<2xf32>
  %0 = onnx.MatMul(%x, %w) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32> loc("first")
  %1 = onnx.Gemm(%0, %v, %b) : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32> loc("second")
  return %1 : tensor<1x2xf32>
}

// RUN: lathe-opt %s --compress-prune-pattern=pattern=2:4 | FileCheck %s --check-prefix=NM
// RUN: lathe-opt %s --compress-prune-pattern=pattern=1x2:0.5 | FileCheck %s --check-prefix=BLOCK
// RUN: not lathe-opt %s --compress-prune-pattern=pattern=1:3 2>&1 | FileCheck %s --check-prefix=DIVIDE
// RUN: not lathe-opt %s --compress-prune-pattern=pattern=3:2 2>&1 | FileCheck %s --check-prefix=FORM

// The inputs of transB lie along rows, two of each four stay; one filter a channel stays as it is.
// NM-DAG: onnx.Constant dense<{{\[}}[0.000000e+00, -5.000000e+00, 2.000000e+00, 0.000000e+00], [1.000000e+00, 1.000000e+00, 0.000000e+00, 0.000000e+00]]>
// NM-DAG: onnx.Constant dense<{{\[\[\[}}[1.000000e-01]]], {{\[\[\[}}2.000000e-01]]]]>
// BLOCK-DAG: onnx.Constant dense<{{\[}}[1.000000e+00, -5.000000e+00, 2.000000e+00, 0.000000e+00], [0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00]]>
// DIVIDE: node 'fc' (Gemm): 4 inputs do not divide into parts of 3, as --prune-pattern=1:3 asks; leave the node out with --prune-skip=fc
// FORM: --prune-pattern=3:2: more weights are kept than there are
func.func @main(%x: tensor<1x4xf32>, %y: tensor<1x2x3x3xf32>) -> (tensor<1x2xf32>, tensor<1x2x3x3xf32>) {
  %w = onnx.Constant dense<[[1.0, -5.0, 2.0, 0.0], [1.0, 1.0, 1.0, 1.0]]> : tensor<2x4xf32>
  %v = onnx.Constant dense<[[[[0.1]]], [[[0.2]]]]> : tensor<2x1x1x1xf32>
  %0 = onnx.Gemm(%x, %w) {transB = 1} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32> loc("fc")
  %1 = onnx.Conv(%y, %v) {group = 2} : (tensor<1x2x3x3xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x3x3xf32>
  return %0, %1 : tensor<1x2xf32>, tensor<1x2x3x3xf32>
}

// RUN: lathe-opt %s --compress-prune-channels=fraction=0.5 | tee %t.mlir | FileCheck %s --check-prefix=CONST
// RUN: FileCheck %s < %t.mlir
// RUN: lathe-opt %s --compress-prune-channels="fraction=0.5 skip=first" | FileCheck %s --check-prefix=SKIP
// RUN: not lathe-opt %s --compress-prune-channels=fraction=1 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: lathe-opt %s --compress-prune-channels="fraction=0.5 keep-shapes=true" | FileCheck %s --check-prefix=ZERO
// RUN: lathe-opt %s --compress-prune-channels="fraction=0.5 remarks=true" 2>&1 | FileCheck %s --check-prefix=REASON
// RUN: rm -rf %t && mkdir %t && %python %S/Inputs/prune_channels.py %t
// RUN: lathe-run %t/channels.onnx --prune-channels=0.25 --data=%t/data --rtol=1e-3 --atol=1e-5
// RUN: lathe %t/channels.onnx --prune-channels=0.25 --stats | FileCheck %s --check-prefix=STATS

// The weakest of two goes, with its bias and the column of the next layer that reads it; the result stays.
// CONST-DAG: onnx.Constant dense<{{\[}}[3.000000e+00], [4.000000e+00]]> : tensor<2x1xf32>
// CONST-DAG: onnx.Constant dense<2.000000e-01> : tensor<1xf32>
// CONST-DAG: onnx.Constant dense<{{\[}}[7.000000e+00, 8.000000e+00]]> : tensor<1x2xf32>
// CHECK: onnx.Gemm({{.*}} -> tensor<1x1xf32>
// CHECK: onnx.Relu({{.*}} -> tensor<1x1xf32>
// CHECK: onnx.MatMul({{.*}} -> tensor<1x2xf32>
// SKIP: onnx.Gemm({{.*}} -> tensor<1x2xf32>
// More rules, with their numerics: test/numerics/pruning.py.
// ZERO-DAG: onnx.Constant dense<{{\[}}[0.000000e+00, 3.000000e+00], [0.000000e+00, 4.000000e+00]]> : tensor<2x2xf32>
// ZERO-DAG: onnx.Constant dense<[0.000000e+00, 2.000000e-01]> : tensor<2xf32>
// ZERO-DAG: onnx.Constant dense<{{\[}}[0.000000e+00, 0.000000e+00], [7.000000e+00, 8.000000e+00]]> : tensor<2x2xf32>
// REASON: remark: {{.*}}node 'last' (MatMul): all channels stay: they are a result of the model
// RANGE: --prune-channels=1: the fraction of channels that go is at least 0 and below 1
// STATS: Conv_3 {{.*}} 147456 -> 82944
// STATS: Conv_5 {{.*}} 9216 -> 6912
// STATS: Gemm_23 {{.*}} 640 -> 480
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = onnx.Constant dense<[[1.0, 3.0], [2.0, 4.0]]> : tensor<2x2xf32>
  %b = onnx.Constant dense<[0.1, 0.2]> : tensor<2xf32>
  %v = onnx.Constant dense<[[5.0, 6.0], [7.0, 8.0]]> : tensor<2x2xf32>
  %0 = onnx.Gemm(%x, %w, %b) : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32> loc("first")
  %1 = onnx.Relu(%0) : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %2 = onnx.MatMul(%1, %v) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32> loc("last")
  return %2 : tensor<1x2xf32>
}

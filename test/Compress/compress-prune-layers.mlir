// RUN: lathe-opt %s --compress-prune-layers=amount=1 | FileCheck %s
// RUN: lathe-opt %s --compress-prune-layers=amount=0.99 | FileCheck %s
// RUN: lathe-opt %s --compress-prune-layers=amount=2 | FileCheck %s --check-prefix=BOTH
// RUN: not lathe-opt %s --compress-prune-layers=amount=3 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not lathe-opt %s --compress-prune-layers=amount=1.5 2>&1 | FileCheck %s --check-prefix=FORM

// The second branch multiplies by less. What is read elsewhere (the last sum) is no branch.
// CHECK-NOT: dense<1.000000e-01>
// CHECK: %[[A:.*]] = onnx.MatMul(%arg0
// CHECK: %[[S:.*]] = onnx.Add(%arg0, %[[A]])
// CHECK-NEXT: %[[R:.*]] = onnx.MatMul(%[[S]]
// CHECK-NEXT: onnx.Add(%[[S]], %[[R]])
// BOTH: onnx.MatMul(%arg0
// BOTH-NEXT: onnx.Add(%arg0
// MANY: --prune-layers=3: the model has 2 residual branches that can be removed
// FORM: --prune-layers=1.5: expected a number of residual branches, or a fraction of them below 1
func.func @main(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %w = onnx.Constant dense<2.0> : tensor<2x2xf32>
  %v = onnx.Constant dense<0.1> : tensor<2x2xf32>
  %0 = onnx.MatMul(%x, %w) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = onnx.Add(%x, %0) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = onnx.MatMul(%1, %v) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = onnx.Relu(%2) : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %4 = onnx.Add(%3, %1) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %5 = onnx.MatMul(%4, %w) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %6 = onnx.Add(%4, %5) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %5, %6 : tensor<2x2xf32>, tensor<2x2xf32>
}

// RUN: not lathe-opt %s --compress-quantize 2>&1 | FileCheck %s --check-prefix=ALONE
// RUN: rm -rf %t && mkdir %t && %python %S/Inputs/quantize.py make %t
// RUN: lathe %t/net.onnx --quantize=int8 --calibrate=%t/samples --print-ir-after=compress-quantize --emit=compress -o %t/net.mlir 2>&1 | FileCheck %s
// RUN: lathe %t/net.onnx --quantize=int8 --calibrate=%t/samples --quantize-skip=stem --print-ir-after=compress-quantize --emit=compress -o %t/net.mlir 2>&1 | FileCheck %s --check-prefix=SKIP

// Without samples there are no ranges.
// ALONE: --quantize=int8 needs samples to calibrate with

// The input of each layer is stored in bytes, weights with one scale a filter; a node that is left out has neither.
// CHECK: onnx.QuantizeLinear(%arg0, {{.*}} -> tensor<1x3x16x16xui8>
// CHECK: %[[X:.*]] = onnx.DequantizeLinear(
// CHECK: %[[W:.*]] = onnx.DequantizeLinear({{.*}}axis = 0{{.*}} : (tensor<20x3x3x3xi8>, tensor<20xf32>)
// A bias is counted in steps of the sums.
// CHECK: %[[B:.*]] = onnx.DequantizeLinear({{.*}}axis = 0{{.*}} : (tensor<20xi32>, tensor<20xf32>)
// CHECK: onnx.Conv(%[[X]], %[[W]], %[[B]])
// SKIP-NOT: QuantizeLinear(%arg0
// SKIP: onnx.Conv(%arg0
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = onnx.Constant dense<1.0> : tensor<2x2xf32>
  %0 = onnx.MatMul(%x, %w) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

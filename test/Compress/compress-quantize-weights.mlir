// RUN: lathe-opt %s --compress-quantize-weights | FileCheck %s --check-prefix=BYTES
// RUN: lathe-opt %s --compress-quantize-weights=bits=4 | FileCheck %s --check-prefix=NIBBLES

// One scale a column: 254 / 127 and 1.27 / 127.
// BYTES-DAG: dense<{{\[}}[64, 127], [-127, 0]]> : tensor<2x2xi8>
// BYTES-DAG: dense<[2.000000e+00, 0.00999999977]> : tensor<2xf32>
// BYTES: onnx.DequantizeLinear({{.*}} -> tensor<2x2xf32>
// BYTES: onnx.MatMul(
// A block of 32 is padded with zeros (8); the greatest magnitude is 0: 128, -254 are 4, 0 of step 31.75.
// NIBBLES: onnx.ms.MatMulNBits({{.*}}K = 2, N = 2, block_size = 32
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = onnx.Constant dense<[[128.0, 1.27], [-254.0, 0.0]]> : tensor<2x2xf32>
  %0 = onnx.MatMul(%x, %w) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

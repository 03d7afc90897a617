// RUN: lathe-opt %s --lower-onnx-to-linalg --canonicalize --cse --split-input-file | FileCheck %s

// Constant four-bit weights stay packed: the sum runs over blocks, bytes of a block and weights of a byte, each made a float where it
// is multiplied. What is left of the last block meets zeros.
// CHECK-LABEL: @packed(
// CHECK-SAME:    %[[X:.*]]: tensor<3x30xf32>
// CHECK:         %[[PADDED:.*]] = tensor.pad %[[X]] low[0, 0] high[0, 2]
// CHECK:         %[[ROWS:.*]] = tensor.expand_shape %[[PADDED]] {{.*}} into tensor<3x2x8x2xf32>
// CHECK:         linalg.generic {{.*}}["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%[[ROWS]], %{{.*}} : tensor<3x2x8x2xf32>, tensor<4x2x8xi8>, tensor<4x2xf32>, tensor<4x2xf32>)
// CHECK:           arith.shrui
// CHECK:           arith.andi
// CHECK:           arith.subf
func.func @packed(%a: tensor<3x30xf32>) -> tensor<3x4xf32> {
  %w = onnx.Constant dense<18> : tensor<4x2x8xui8>
  %s = onnx.Constant dense<0.5> : tensor<8xf32>
  %z = onnx.Constant dense<35> : tensor<4xui8>
  %0 = onnx.ms.MatMulNBits(%a, %w, %s, %z) {K = 30, N = 4, bits = 4, block_size = 16} : (tensor<3x30xf32>, tensor<4x2x8xui8>, tensor<8xf32>, tensor<4xui8>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// Four-bit weights that only the run knows are spread: a field of a byte, less the zero point, times the block's scale.
// CHECK-LABEL: @nbits(
// CHECK:         linalg.generic
// CHECK:           tensor.extract %{{.*}} : tensor<4x2x8xi8>
// CHECK:           arith.shrui
// CHECK:           arith.subi %{{.*}}, %c8_i32
// CHECK:           arith.mulf
// CHECK:         linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]
func.func @nbits(%a: tensor<3x32xf32>, %w: tensor<4x2x8xui8>, %s: tensor<8xf32>) -> tensor<3x4xf32> {
  %0 = onnx.ms.MatMulNBits(%a, %w, %s) {K = 32, N = 4, bits = 4, block_size = 16} : (tensor<3x32xf32>, tensor<4x2x8xui8>, tensor<8xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// The activation is quantized to its own range, which contains 0.
// CHECK-LABEL: @dynamic(
// CHECK:           arith.maxnumf
// CHECK:           arith.minnumf
// CHECK:           arith.divf %{{.*}}, %cst{{.*}}
// CHECK:           math.roundeven
// CHECK:           arith.extui {{.*}} i8 to i32
// CHECK:           arith.extsi {{.*}} i8 to i32
// CHECK:           arith.muli
// CHECK:           arith.sitofp
func.func @dynamic(%a: tensor<3x8xf32>, %w: tensor<8x4xi8>, %s: tensor<f32>) -> tensor<3x4xf32> {
  %0 = onnx.ms.DynamicQuantizeMatMul(%a, %w, %s) : (tensor<3x8xf32>, tensor<8x4xi8>, tensor<f32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// QGemm with a zero point for each column of its weights: read along the columns, within the sum.
// CHECK: #[[COLUMN:.*]] = affine_map<(d0, d1, d2) -> (d1)>
// CHECK-LABEL: @columns(
// CHECK-SAME:    %[[Z:arg1]]: tensor<4xi8>
// CHECK:         linalg.generic {indexing_maps = [{{.*}}#[[COLUMN]]{{.*}}["parallel", "parallel", "reduction"]} ins({{.*}}, %[[Z]] :
func.func @columns(%a: tensor<2x6xi8>, %z: tensor<4xi8>) -> tensor<2x4xf32> {
  %s = onnx.Constant dense<0.5> : tensor<f32>
  %n = onnx.Constant dense<3> : tensor<i8>
  %w = onnx.Constant dense<1> : tensor<6x4xi8>
  %t = onnx.Constant dense<0.25> : tensor<4xf32>
  %0 = onnx.ms.QGemm(%a, %s, %n, %w, %t, %z) : (tensor<2x6xi8>, tensor<f32>, tensor<i8>, tensor<6x4xi8>, tensor<4xf32>, tensor<4xi8>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

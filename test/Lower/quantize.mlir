// RUN: lathe-opt %s --lower-onnx-to-linalg --canonicalize --cse --split-input-file | FileCheck %s

// Saturated first, at what the least and the greatest integer stand for; the quotient is finite then.
// CHECK-LABEL: @quantize(
// CHECK-DAG:     %[[LOW:.*]] = arith.constant -6.400000e+01 : f32
// CHECK-DAG:     %[[HIGH:.*]] = arith.constant 6.350000e+01 : f32
// CHECK:           arith.cmpf ogt, %{{.*}}, %[[LOW]]
// CHECK:           arith.cmpf olt, %{{.*}}, %[[HIGH]]
// CHECK:           arith.divf {{.*}} fastmath<nnan,ninf>
// CHECK:           math.roundeven
// CHECK:           arith.addf %{{.*}}, %cst
// CHECK:           arith.fptosi {{.*}} f32 to i32
// CHECK:           arith.trunci {{.*}} i32 to i8
func.func @quantize(%x: tensor<2x8xf32>) -> tensor<2x8xui8> {
  %s = onnx.Constant dense<0.5> : tensor<f32>
  %z = onnx.Constant dense<128> : tensor<ui8>
  %0 = onnx.QuantizeLinear(%x, %s, %z) : (tensor<2x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<2x8xui8>
  return %0 : tensor<2x8xui8>
}

// -----

// One scale a channel is an access.
// CHECK-DAG:   #[[CHANNEL:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: @dequantize(
// CHECK:         linalg.generic {indexing_maps = [#{{.*}}, #[[CHANNEL]], #{{.*}}]
// CHECK:           arith.extsi
// CHECK:           arith.sitofp
// CHECK:           arith.mulf
func.func @dequantize(%x: tensor<2x8xi8>, %s: tensor<8xf32>) -> tensor<2x8xf32> {
  %0 = onnx.DequantizeLinear(%x, %s) {axis = 1} : (tensor<2x8xi8>, tensor<8xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}

// RUN: lathe-opt %s --lower-onnx-to-linalg --canonicalize --cse --split-input-file | FileCheck %s
// RUN: lathe-opt %s --lower-onnx-to-linalg="byte-words=false" --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=PLAIN
// RUN: lathe-opt %s --lower-onnx-to-linalg="signed-rows" --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=SIGNED

// All rows go into one matrix; f16 accumulates in f32.
// CHECK-LABEL: @rows(
// CHECK:         tensor.collapse_shape %{{.*}} {{\[}}[0, 1], [2]] : tensor<2x?x8xf16> into tensor<?x8xf16>
// CHECK:         linalg.fill {{.*}} tensor<?x4xf32>
// CHECK:         linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]
// CHECK:           arith.extf {{.*}} f16 to f32
// CHECK:         tensor.expand_shape
// CHECK:           arith.truncf {{.*}} f32 to f16
func.func @rows(%x: tensor<2x?x8xf16>, %w: tensor<8x4xf16>) -> tensor<2x?x4xf16> {
  %0 = onnx.MatMul(%x, %w) : (tensor<2x?x8xf16>, tensor<8x4xf16>) -> tensor<2x?x4xf16>
  return %0 : tensor<2x?x4xf16>
}

// -----

// A batch of size 1 is dropped, not repeated.
// CHECK-DAG:   #[[X:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d3)>
// CHECK-DAG:   #[[Y:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>
// CHECK-LABEL: @batch(
// CHECK:         linalg.generic {indexing_maps = [#[[X]], #[[Y]], #{{.*}}]
func.func @batch(%x: tensor<1x3x8xf32>, %y: tensor<5x8x4xf32>) -> tensor<5x3x4xf32> {
  %0 = onnx.MatMul(%x, %y) : (tensor<1x3x8xf32>, tensor<5x8x4xf32>) -> tensor<5x3x4xf32>
  return %0 : tensor<5x3x4xf32>
}

// -----

// Transposition is an access; alpha, beta and C are one generic behind the product.
// CHECK-DAG:   #[[X:.*]] = affine_map<(d0, d1, d2) -> (d2, d0)>
// CHECK-LABEL: @gemm(
// CHECK:         linalg.generic {indexing_maps = [#[[X]],
// CHECK:           arith.mulf
// CHECK-NEXT:      arith.addf
// CHECK:         linalg.generic
// CHECK:           arith.mulf %{{.*}}, %cst
// CHECK:           arith.addf
func.func @gemm(%a: tensor<8x3xf32>, %b: tensor<8x4xf32>, %c: tensor<4xf32>) -> tensor<3x4xf32> {
  %0 = onnx.Gemm(%a, %b, %c) {transA = 1, alpha = 0.5} : (tensor<8x3xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// Zero points of rows are subtracted in i32; a zero point of 0 is nothing.
// CHECK-LABEL: @integer(
// CHECK:           %[[A:.*]] = arith.extui {{.*}} i8 to i32
// CHECK:           arith.subi %[[A]],
// CHECK:           arith.extsi
// CHECK-NOT:       arith.subi
// CHECK:           arith.muli
func.func @integer(%a: tensor<2x3xui8>, %b: tensor<3x4xi8>) -> tensor<2x4xi32> {
  %za = onnx.Constant dense<[12, 13]> : tensor<2xui8>
  %zb = onnx.Constant dense<0> : tensor<i8>
  %0 = onnx.MatMulInteger(%a, %b, %za, %zb) : (tensor<2x3xui8>, tensor<3x4xi8>, tensor<2xui8>, tensor<i8>) -> tensor<2x4xi32>
  return %0 : tensor<2x4xi32>
}

// -----

// Two computed matrices of bytes: four terms of a column in each word, signed; the sums of rows and columns bring zero points in.
// CHECK-LABEL: @computed_bytes(
// CHECK:         linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%{{.*}} : tensor<2x4x5xi8>) outs(%{{.*}} : tensor<2x5xi32>)
// CHECK:           arith.xori
// CHECK:           arith.shli
// CHECK:           arith.ori
// CHECK:         linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction", "reduction"]} ins(%{{.*}}, %{{.*}} : tensor<3x2x4xi8>, tensor<2x5xi32>) outs(%{{.*}} : tensor<3x5xi32>)
// CHECK:           arith.trunci {{.*}} i32 to i8
// CHECK:           arith.muli
// Where nothing multiplies four at once they stay as they lie.
// PLAIN-LABEL: @computed_bytes(
// PLAIN-NOT:     arith.shli
// PLAIN-NOT:     arith.xori
// PLAIN:         linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%arg0, %arg1 : tensor<3x8xi8>, tensor<8x5xi8>) outs(%{{.*}} : tensor<3x5xi32>)
// PLAIN:           arith.extui
// PLAIN:           arith.extui
// PLAIN:           arith.muli
// Signed rows are multiplied by signed words.
// SIGNED-LABEL: @computed_bytes(
// SIGNED:        linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<3x2x4xi8>, tensor<2x5xi32>) outs(%{{.*}} : tensor<3x5xi32>)
// SIGNED:          arith.xori %{{.*}}, %c-128_i8
// SIGNED:          arith.extsi
// SIGNED:          arith.muli
func.func @computed_bytes(%a: tensor<3x8xui8>, %b: tensor<8x5xui8>) -> tensor<3x5xi32> {
  %za = onnx.Constant dense<12> : tensor<ui8>
  %zb = onnx.Constant dense<100> : tensor<ui8>
  %0 = onnx.MatMulInteger(%a, %b, %za, %zb) : (tensor<3x8xui8>, tensor<8x5xui8>, tensor<ui8>, tensor<ui8>) -> tensor<3x5xi32>
  return %0 : tensor<3x5xi32>
}

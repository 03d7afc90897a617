// RUN: lathe-opt %s --lower-onnx-to-linalg --canonicalize | FileCheck %s

// One op for both halves, read and written as slices of the rows.
// CHECK-LABEL: @rows(
// CHECK:         %[[X:.*]] = tensor.expand_shape %arg0
// CHECK-DAG:     %[[A:.*]] = tensor.extract_slice %[[X]][0, 0, 0, 0] [2, 5, 3, 4]
// CHECK-DAG:     %[[B:.*]] = tensor.extract_slice %[[X]][0, 0, 0, 4] [2, 5, 3, 4]
// CHECK:         %[[Y:.*]]:2 = linalg.generic {{.*}} ins(%[[A]], %[[B]], %arg1, %arg2
// CHECK:         tensor.insert_slice %[[Y]]#0 into %{{.*}}[0, 0, 0, 0]
// CHECK:         tensor.insert_slice %[[Y]]#1 into %{{.*}}[0, 0, 0, 4]
func.func @rows(%x: tensor<2x5x24xf32>, %c: tensor<2x5x4xf32>, %s: tensor<2x5x4xf32>) -> tensor<2x5x24xf32> {
  %y = onnx.RotaryEmbedding(%x, %c, %s) {num_heads = 3} : (tensor<2x5x24xf32>, tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x24xf32>
  return %y : tensor<2x5x24xf32>
}

// RUN: lathe-opt %s --graph-rounds="passes=graph-merge-movement,graph-remove-no-ops" | FileCheck %s
// RUN: lathe %s --emit=graph -o %t.mlir --pass-statistics 2>&1 | FileCheck %s --check-prefix=ROUNDS
// RUN: lathe %s --stats=passes 2>&1 | FileCheck %s --check-prefix=REPORT
// RUN: not lathe-opt %s --graph-rounds="passes=graph-nothing" 2>&1 | FileCheck %s --check-prefix=WRONG
// RUN: lathe %s --emit=graph -o - --disable-pass=graph-rounds --disable-pass=graph-remove-no-ops | FileCheck %s --check-prefix=OFF

// The first round merges the transpositions, the second finds that nothing is left to do.
// CHECK-NOT: onnx.Transpose
// CHECK: return %arg0
// ROUNDS: graph-rounds
// ROUNDS-NEXT: 2 rounds
// ROUNDS-NOT: stopped
// REPORT: graph-merge-movement
// REPORT: graph-rounds
// WRONG: graph-nothing
// OFF: onnx.Transpose
func.func @main(%x: tensor<2x3x4xf32> {onnx.name = "x"}) -> (tensor<2x3x4xf32> {onnx.name = "y"}) {
  %0 = onnx.Transpose(%x) {perm = [1, 2, 0]} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = onnx.Transpose(%0) {perm = [2, 0, 1]} : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

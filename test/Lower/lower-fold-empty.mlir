// RUN: lathe-opt %s --lower-fold-empty --canonicalize | FileCheck %s

// A sum of nothing is its start value.
// CHECK-LABEL: @reduce_nothing
// CHECK: linalg.fill
// CHECK-NOT: linalg.reduce
// CHECK: return
func.func @reduce_nothing(%x: tensor<4x0xf32>) -> tensor<4xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %r = linalg.reduce {arith.addf} ins(%x : tensor<4x0xf32>) outs(%f : tensor<4xf32>) dimensions = [1]
  return %r : tensor<4xf32>
}

// What is empty is not computed; its other sizes stay what they were.
// CHECK-LABEL: @empty_result
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x0xf32>
// CHECK: %[[N:.*]] = tensor.dim %[[X]]
// CHECK: %[[E:.*]] = tensor.empty(%[[N]]) : tensor<?x0xf32>
// CHECK: return %[[E]]
func.func @empty_result(%x: tensor<?x0xf32>, %to: tensor<?x0xf32>) -> tensor<?x0xf32> {
  %r = linalg.exp ins(%x : tensor<?x0xf32>) outs(%x : tensor<?x0xf32>) -> tensor<?x0xf32>
  return %r : tensor<?x0xf32>
}

// CHECK-LABEL: @parts
// CHECK-SAME: %[[A:[^:]*]]: tensor<2x3xf32>, %{{.*}}: tensor<2x0xf32>, %[[C:[^:]*]]: tensor<2x1xf32>
// CHECK: tensor.concat dim(1) %[[A]], %[[C]]
func.func @parts(%a: tensor<2x3xf32>, %b: tensor<2x0xf32>, %c: tensor<2x1xf32>) -> tensor<2x4xf32> {
  %r = tensor.concat dim(1) %a, %b, %c : (tensor<2x3xf32>, tensor<2x0xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %r : tensor<2x4xf32>
}

// CHECK-LABEL: @insert_nothing
// CHECK-SAME: %{{.*}}: tensor<0xf32>, %[[TO:[^:]*]]: tensor<4xf32>
// CHECK-NEXT: return %[[TO]]
func.func @insert_nothing(%x: tensor<0xf32>, %to: tensor<4xf32>) -> tensor<4xf32> {
  %r = tensor.insert_slice %x into %to[2] [0] [1] : tensor<0xf32> into tensor<4xf32>
  return %r : tensor<4xf32>
}

// CHECK-LABEL: @pad_nothing
// CHECK-NOT: tensor.pad
// CHECK: linalg.fill
func.func @pad_nothing(%x: tensor<0x3xf32>) -> tensor<2x3xf32> {
  %one = arith.constant 1.0 : f32
  %r = tensor.pad %x low[1, 0] high[1, 0] {
  ^bb0(%i: index, %j: index):
    tensor.yield %one : f32
  } : tensor<0x3xf32> to tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

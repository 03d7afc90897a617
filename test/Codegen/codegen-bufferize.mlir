// RUN: lathe-opt %s --codegen-bufferize --split-input-file | FileCheck %s

// The last kernel writes into the caller's buffer; the part of a larger buffer is
// written in place, under its strides.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[X:.*]]: memref<4x4xf32>{{.*}}, %[[Y:.*]]: memref<6x6xf32> {lathe.output = 0 : i64})
// CHECK: %[[B:.*]] = memref.alloc() {{.*}}: memref<6x6xf32>
// CHECK: kernel.call @fill outs(%[[B]]
// CHECK: %[[V:.*]] = memref.subview %[[B]][1, 1] [4, 4] [1, 1]
// CHECK: kernel.call @k ins(%[[X]] : memref<4x4xf32>) outs(%[[V]]
// CHECK: kernel.call @k2 ins(%[[B]] : memref<6x6xf32>) outs(%[[Y]] : memref<6x6xf32>)
// CHECK-NOT: kernel.call
// CHECK: kernel.func private @k(
// CHECK-SAME: arg_types = [memref<4x4xf32>, memref<4x4xf32, strided<[6, 1]>>]
func.func @main(%x: tensor<4x4xf32>) -> tensor<6x6xf32> {
  %b = tensor.empty() : tensor<6x6xf32>
  %f = kernel.call @fill outs(%b : tensor<6x6xf32>) -> tensor<6x6xf32>
  %e = tensor.empty() : tensor<4x4xf32>
  %r = kernel.call @k ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  %p = tensor.insert_slice %r into %f[1, 1] [4, 4] [1, 1] : tensor<4x4xf32> into tensor<6x6xf32>
  %o = tensor.empty() : tensor<6x6xf32>
  %q = kernel.call @k2 ins(%p : tensor<6x6xf32>) outs(%o : tensor<6x6xf32>) -> tensor<6x6xf32>
  return %q : tensor<6x6xf32>
}
kernel.func private @fill(%o: tensor<6x6xf32>) -> tensor<6x6xf32> {
  kernel.return %o : tensor<6x6xf32>
}
kernel.func private @k(%x: tensor<4x4xf32>, %o: tensor<4x4xf32>) -> tensor<4x4xf32> {
  kernel.return %o : tensor<4x4xf32>
}
kernel.func private @k2(%x: tensor<6x6xf32>, %o: tensor<6x6xf32>) -> tensor<6x6xf32> {
  kernel.return %o : tensor<6x6xf32>
}

// -----

// A result of dynamic shape is asked for before it is computed, an input that is
// returned is copied.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[X:.*]]: memref<?x4xf32>
// CHECK: %[[N:.*]] = memref.dim %[[X]]
// CHECK: %[[O:.*]] = kernel.output 0[%[[N]]] : memref<?x4xf32>
// CHECK: kernel.call @k ins(%[[X]] : memref<?x4xf32>) outs(%[[O]] : memref<?x4xf32>)
// CHECK: %[[P:.*]] = kernel.output 1[%[[N]]] : memref<?x4xf32>
// CHECK: kernel.call @copy_0 ins(%[[X]] : memref<?x4xf32>) outs(%[[P]] : memref<?x4xf32>)
func.func @main(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%n) : tensor<?x4xf32>
  %r = kernel.call @k ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %r, %x : tensor<?x4xf32>, tensor<?x4xf32>
}
kernel.func private @k(%x: tensor<?x4xf32>, %o: tensor<?x4xf32>) -> tensor<?x4xf32> {
  kernel.return %o : tensor<?x4xf32>
}

// -----

// A list that grows has new memory on each trip.
// CHECK-LABEL: func.func @main
// CHECK:         scf.while
// CHECK:         } do {
// CHECK:           %[[N:.*]] = kernel.allocate[%{{.*}}] : memref<?xf32>
// CHECK:           scf.yield %{{.*}}, %[[N]]
func.func @main(%x: tensor<1xf32>, %m: tensor<i64>) -> tensor<?xf32> {
  %m0 = tensor.extract %m[] : tensor<i64>
  %n = arith.index_cast %m0 : i64 to index
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %cast = tensor.cast %x : tensor<1xf32> to tensor<?xf32>
  %r:2 = scf.while (%i = %c0, %v = %cast) : (index, tensor<?xf32>) -> (index, tensor<?xf32>) {
    %go = arith.cmpi slt, %i, %n : index
    scf.condition(%go) %i, %v : index, tensor<?xf32>
  } do {
  ^bb0(%i: index, %v: tensor<?xf32>):
    %d = tensor.dim %v, %c0 : tensor<?xf32>
    %s = arith.addi %d, %c1 : index
    %e = tensor.empty(%s) : tensor<?xf32>
    %a = tensor.insert_slice %v into %e[0] [%d] [1] : tensor<?xf32> into tensor<?xf32>
    %b = tensor.insert_slice %x into %a[%d] [1] [1] : tensor<1xf32> into tensor<?xf32>
    %j = arith.addi %i, %c1 : index
    scf.yield %j, %b : index, tensor<?xf32>
  }
  return %r#1 : tensor<?xf32>
}

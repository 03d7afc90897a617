// RUN: lathe-opt %s --codegen-plan-arena --split-input-file --verify-diagnostics | FileCheck %s

// The first buffer is dead when the third begins: they share a place.
// CHECK: lathe.workspace_bytes = 1024 : i64
// CHECK-LABEL: func.func @main
// CHECK: %[[C0:.*]] = arith.constant 0 : index
// CHECK: kernel.slot %[[C0]] : memref<128xf32>
// CHECK: %[[C512:.*]] = arith.constant 512 : index
// CHECK: kernel.slot %[[C512]] : memref<128xf32>
// CHECK: %[[AGAIN:.*]] = arith.constant 0 : index
// CHECK: kernel.slot %[[AGAIN]] : memref<100xf32>
// CHECK-NOT: memref.alloc
func.func @main(%x: memref<128xf32>, %y: memref<128xf32> {lathe.output = 0 : i64}) attributes {lathe.num_outputs = 1 : i64} {
  %a = memref.alloc() : memref<128xf32>
  kernel.call @k ins(%x : memref<128xf32>) outs(%a : memref<128xf32>)
  %b = memref.alloc() : memref<128xf32>
  kernel.call @k ins(%a : memref<128xf32>) outs(%b : memref<128xf32>)
  %c = memref.alloc() : memref<100xf32>
  kernel.call @s ins(%b : memref<128xf32>) outs(%c : memref<100xf32>)
  kernel.call @t ins(%c : memref<100xf32>) outs(%y : memref<128xf32>)
  return
}
kernel.func private @k(%x: memref<128xf32>, %o: memref<128xf32>, %lo: index, %hi: index) { kernel.return }
kernel.func private @s(%x: memref<128xf32>, %o: memref<100xf32>, %lo: index, %hi: index) { kernel.return }
kernel.func private @t(%x: memref<100xf32>, %o: memref<128xf32>, %lo: index, %hi: index) { kernel.return }

// -----

// Sizes of inputs give the offsets and the size function.
// CHECK-LABEL: func.func @main
// CHECK: memref.dim
// CHECK: kernel.slot %{{.*}}[%{{.*}}] : memref<?x4xf32>
// CHECK: func.func @workspace_bytes(%[[N:.*]]: index) -> index
// CHECK: arith.muli
// CHECK: arith.ceildivui
// CHECK: return
func.func @main(%x: memref<?x4xf32>, %y: memref<4xf32> {lathe.output = 0 : i64}) attributes {lathe.num_outputs = 1 : i64} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x4xf32>
  %a = memref.alloc(%n) : memref<?x4xf32>
  kernel.call @k ins(%x : memref<?x4xf32>) outs(%a : memref<?x4xf32>)
  kernel.call @r ins(%a : memref<?x4xf32>) outs(%y : memref<4xf32>)
  return
}
kernel.func private @k(%x: memref<?x4xf32>, %o: memref<?x4xf32>, %lo: index, %hi: index) { kernel.return }
kernel.func private @r(%x: memref<?x4xf32>, %o: memref<4xf32>, %lo: index, %hi: index) { kernel.return }

// -----

// What only the run knows is the allocator's.
// CHECK-LABEL: func.func @main
// CHECK: %[[N:.*]] = memref.load
// CHECK: %[[A:.*]] = kernel.allocate[%[[N]]] : memref<?x4xf32>
// CHECK: kernel.call @r ins(%[[A]] : memref<?x4xf32>)
// CHECK: func.func @workspace_bytes()
func.func @main(%x: memref<1xindex>, %y: memref<4xf32> {lathe.output = 0 : i64}) attributes {lathe.num_outputs = 1 : i64} {
  %c0 = arith.constant 0 : index
  %n = memref.load %x[%c0] : memref<1xindex>
  %a = memref.alloc(%n) : memref<?x4xf32>
  kernel.call @r ins(%a : memref<?x4xf32>) outs(%y : memref<4xf32>)
  return
}
kernel.func private @r(%x: memref<?x4xf32>, %o: memref<4xf32>, %lo: index, %hi: index) { kernel.return }

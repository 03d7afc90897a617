// RUN: lathe-opt %s --codegen-to-llvm --split-input-file --verify-diagnostics | FileCheck %s

// Pointers are passed offset, dynamic sizes behind them, then the range.
// CHECK: lathe.weights = [{offset = 64 : i64, value = dense<1.000000e+00> : tensor<64xf32>}]
// CHECK-LABEL: llvm.func @main(%arg0: !llvm.ptr, %arg1: !llvm.ptr, %arg2: !llvm.ptr, %arg3: !llvm.ptr, %arg4: i64, %arg5: !llvm.ptr, %arg6: !llvm.ptr) -> i32
// CHECK-DAG: %[[W:.*]] = llvm.getelementptr %arg2[64]
// CHECK-DAG: %[[SHAPE:.*]] = llvm.getelementptr %arg5[0, 3]
// CHECK: %[[AT:.*]] = llvm.getelementptr %arg1[16] {{.*}} f32
// CHECK: llvm.call @k(%[[AT]], %arg4, %[[W]], %arg6, %{{.*}}, %{{.*}}) : (!llvm.ptr, i64, !llvm.ptr, !llvm.ptr, i64, i64) -> ()
// CHECK: llvm.func internal @k(%arg0: !llvm.ptr {llvm.noalias}, %arg1: i64, %arg2: !llvm.ptr {llvm.noalias}, %arg3: !llvm.ptr {llvm.noalias}, %arg4: i64, %arg5: i64)
// CHECK-SAME: no_inline
func.func @main(%x: memref<?x64xf32>, %y: memref<4x64xf32> {lathe.output = 1 : i64}) attributes {lathe.num_outputs = 2 : i64} {
  %c0 = arith.constant 0 : index
  %w = kernel.weight dense<1.0> : tensor<64xf32> at 64 : memref<64xf32>
  %n = memref.dim %x, %c0 : memref<?x64xf32>
  %o = kernel.output 0[%n] : memref<?x64xf32>
  %b = kernel.slot %c0[%n] : memref<?x64xf32>
  %v = memref.subview %b[0, 16] [%n, 16] [1, 1] : memref<?x64xf32> to memref<?x16xf32, strided<[64, 1], offset: 16>>
  kernel.call @k ins(%v, %w : memref<?x16xf32, strided<[64, 1], offset: 16>>, memref<64xf32>) outs(%y : memref<4x64xf32>)
  return
}
kernel.func private @k(%x: memref<?x16xf32, strided<[64, 1]>>, %w: memref<64xf32>, %o: memref<4x64xf32>, %lo: index, %hi: index)
    attributes {grid = #kernel.grid<arg = 2, dim = 0, step = 3>} {
  kernel.return
}

// -----

func.func @main() attributes {lathe.num_outputs = 0 : i64} {
  // expected-error @+1 {{allocates at run time}}
  %a = memref.alloc() : memref<4xf32>
  return
}

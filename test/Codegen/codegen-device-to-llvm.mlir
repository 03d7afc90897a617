// RUN: lathe-opt %s --codegen-device-to-llvm | FileCheck %s

// CHECK: llvm.mlir.global internal @k_memory_0() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<32 x f32>
// CHECK: llvm.func @k(%{{.*}}: !llvm.ptr {llvm.noalias}) attributes {{{.*}}nvvm.kernel, nvvm.maxntid = array<i32: 32>, nvvm.minctasm = 1 : i32
// CHECK: nvvm.read.ptx.sreg.tid.x
// CHECK: nvvm.barrier0
// CHECK: nvvm.shfl.sync bfly
gpu.module @kernels {
  kernel.func private @k(%x: memref<32xf32>) attributes {launch = #kernel.launch<threads = 32, arg = 0>} {
    %s = memref.alloca() {alignment = 16 : i64} : memref<32xf32, 3>
    %t = gpu.thread_id x
    %v = memref.load %x[%t] : memref<32xf32>
    memref.store %v, %s[%t] : memref<32xf32, 3>
    gpu.barrier
    %c1 = arith.constant 1 : i32
    %c32 = arith.constant 32 : i32
    %w, %p = gpu.shuffle xor %v, %c1, %c32 : f32
    %u = memref.load %s[%t] : memref<32xf32, 3>
    %r = arith.addf %w, %u : f32
    memref.store %r, %x[%t] : memref<32xf32>
    kernel.return
  }
}

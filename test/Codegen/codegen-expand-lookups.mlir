// RUN: lathe-opt %s --codegen-expand-lookups | FileCheck %s --check-prefixes=CHECK,SCALAR
// RUN: lathe-opt %s --codegen-expand-lookups="features=+ssse3,+avx,+avx2" | FileCheck %s --check-prefixes=CHECK,ROWS
// RUN: lathe-opt %s --codegen-expand-lookups="features=+ssse3,+avx,+avx2,+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx512vbmi" | FileCheck %s --check-prefixes=CHECK,PAIRS
// RUN: lathe-opt %s --codegen-expand-lookups="triple=aarch64-linux-gnu" | FileCheck %s --check-prefixes=CHECK,LISTS
// RUN: lathe-opt %s --codegen-expand-lookups="triple=armv7-linux-gnueabihf" | FileCheck %s --check-prefixes=CHECK,SHORT

// CHECK-LABEL: func.func @scalar
// CHECK-SAME: %[[T:.*]]: memref<256xi8>, %[[X:.*]]: i8
// CHECK: %[[I:.*]] = arith.index_castui %[[X]] : i8 to index
// CHECK: memref.load %[[T]][%[[I]]]
func.func @scalar(%t: memref<256xi8>, %x: i8) -> i8 {
  %y = kernel.lookup %t[%x] : memref<256xi8>, i8
  return %y : i8
}

// A vector of two pieces, or of one.
// CHECK-LABEL: func.func @vector
// SCALAR-COUNT-32: memref.load
// ROWS-COUNT-16: call_intrinsic "llvm.x86.avx2.pshuf.b"
// ROWS-NOT: pshuf
// PAIRS: call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// PAIRS: call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// PAIRS: arith.cmpi slt
// PAIRS: arith.select
// PAIRS: vector.shuffle {{.*}} : vector<64xi8>, vector<64xi8>
// LISTS: call_intrinsic "llvm.aarch64.neon.tbl4.v16i8"
// LISTS-COUNT-3: call_intrinsic "llvm.aarch64.neon.tbx4.v16i8"
// LISTS: call_intrinsic "llvm.aarch64.neon.tbl4.v16i8"
// SHORT-COUNT-4: call_intrinsic "llvm.arm.neon.vtbl4"
// CHECK-NOT: kernel.lookup
func.func @vector(%t: memref<256xi8>, %x: vector<32xi8>) -> vector<32xi8> {
  %y = kernel.lookup %t[%x] : memref<256xi8>, vector<32xi8>
  return %y : vector<32xi8>
}

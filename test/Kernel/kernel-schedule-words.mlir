// RUN: lathe-opt %s --kernel-schedule="features=+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx512vnni" | FileCheck %s
// RUN: lathe-opt %s --kernel-schedule="features=+avx,+avx2,+fma" | FileCheck %s --check-prefix=AVX2
// RUN: lathe-opt %s --kernel-schedule="features=+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx512vnni" --codegen-bufferize --codegen-emit-kernels="features=+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx512vnni" | FileCheck %s --check-prefix=EMIT

// A computed right-hand side, four terms of a column in each word: nothing is packed, a word is what the instruction takes.
// CHECK: @dot({{.*}}schedule = #kernel.contraction<mr = 8, nv = 2, lanes = 16, dot = vnni>
// AVX2: @dot(
// AVX2-NOT: schedule
// The last three columns are masked.
// EMIT-LABEL: kernel.func private @dot(
// EMIT: vector.load {{.*}} vector<4xi8>
// EMIT: vector.load {{.*}} vector<16xi32>
// EMIT: vector.maskedload {{.*}} vector<16xi32>
// EMIT: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// EMIT-NOT: arith.muli {{.*}} vector
#x = affine_map<(m, n, k, t) -> (m, k, t)>
#w = affine_map<(m, n, k, t) -> (k, n)>
#o = affine_map<(m, n, k, t) -> (m, n)>
func.func @main(%x: tensor<16x6x4xi8>, %y: tensor<6x19xi32>) -> tensor<16x19xi32> {
  %o = tensor.empty() : tensor<16x19xi32>
  %0 = kernel.call @dot ins(%x, %y : tensor<16x6x4xi8>, tensor<6x19xi32>) outs(%o : tensor<16x19xi32>) -> tensor<16x19xi32>
  return %0 : tensor<16x19xi32>
}
kernel.func private @dot(%x: tensor<16x6x4xi8>, %y: tensor<6x19xi32>, %o: tensor<16x19xi32>) -> tensor<16x19xi32> attributes {kind = "contraction"} {
  %zero = arith.constant 0 : i32
  %eight = arith.constant 8 : i32
  %f = linalg.fill ins(%zero : i32) outs(%o : tensor<16x19xi32>) -> tensor<16x19xi32>
  %r = linalg.generic {indexing_maps = [#x, #w, #o], iterator_types = ["parallel", "parallel", "reduction", "reduction"]} ins(%x, %y : tensor<16x6x4xi8>, tensor<6x19xi32>) outs(%f : tensor<16x19xi32>) {
  ^bb0(%a: i8, %b: i32, %sum: i32):
    %0 = linalg.index 3 : index
    %1 = arith.index_cast %0 : index to i32
    %2 = arith.muli %1, %eight : i32
    %3 = arith.shrui %b, %2 : i32
    %4 = arith.trunci %3 : i32 to i8
    %5 = arith.extui %a : i8 to i32
    %6 = arith.extsi %4 : i8 to i32
    %7 = arith.muli %5, %6 : i32
    %8 = arith.addi %sum, %7 : i32
    linalg.yield %8 : i32
  } -> tensor<16x19xi32>
  kernel.return %r : tensor<16x19xi32>
}

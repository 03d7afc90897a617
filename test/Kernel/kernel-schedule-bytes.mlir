// RUN: lathe-opt %s --kernel-schedule="features=+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx512vnni" | FileCheck %s
// RUN: lathe-opt %s --kernel-schedule="features=+avx,+avx2,+fma" | FileCheck %s --check-prefix=AVX2
// RUN: lathe-opt %s --kernel-schedule="features=+avx,+avx2,+fma" --kernel-place-weights --codegen-bufferize --codegen-emit-kernels="features=+avx,+avx2,+fma" | FileCheck %s --check-prefix=EMIT2
// RUN: lathe-opt %s --kernel-schedule="features=+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx512vnni" --kernel-place-weights --codegen-bufferize --codegen-emit-kernels="features=+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx512vnni" | FileCheck %s --check-prefix=EMIT4

// Unsigned rows by signed columns: weights in groups of four terms a column, or of two. Signed rows have no instruction.
// CHECK: kernel.weight {{.*}} packing <outer = [1, 0], blocks = [1, 0], tiles = [32, 4]> : tensor<1x3x32x4xi8>
// CHECK: @dot({{.*}}schedule = #kernel.contraction<mr = 8, nv = 2, lanes = 16, dot = vnni>
// CHECK: @signed(
// CHECK-NOT: schedule
// AVX2: kernel.weight {{.*}} packing <outer = [1, 0], blocks = [1, 0], tiles = [16, 2]> : tensor<2x5x16x2xi8>
// AVX2: @dot({{.*}}schedule = #kernel.contraction<mr = 4, nv = 2, lanes = 8, dot = pmaddwd>

// Ten terms are two groups of four and one of two, whose bytes are read alone.
// EMIT4-LABEL: @dot(
// EMIT4: vector.load {{.*}} vector<4xi8>
// EMIT4: vector.load {{.*}} vector<64xi8>
// EMIT4: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// EMIT4: vector.load {{.*}} vector<2xi8>
// EMIT4-NOT: arith.muli {{.*}} i32
// EMIT4-LABEL: @signed(
// EMIT2-LABEL: @dot(
// EMIT2: arith.extsi {{.*}} : vector<16xi8> to vector<16xi16>
// EMIT2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// EMIT2-LABEL: @signed(
func.func @main(%x: tensor<16x10xi8>) -> (tensor<16x32xi32>, tensor<16x32xi32>) {
  %w = kernel.weight dense<1> : tensor<10x32xi8> : tensor<10x32xi8>
  %o = tensor.empty() : tensor<16x32xi32>
  %p = tensor.empty() : tensor<16x32xi32>
  %0 = kernel.call @dot ins(%x, %w : tensor<16x10xi8>, tensor<10x32xi8>) outs(%o : tensor<16x32xi32>) -> tensor<16x32xi32>
  %1 = kernel.call @signed ins(%x, %w : tensor<16x10xi8>, tensor<10x32xi8>) outs(%p : tensor<16x32xi32>) -> tensor<16x32xi32>
  return %0, %1 : tensor<16x32xi32>, tensor<16x32xi32>
}
kernel.func private @dot(%x: tensor<16x10xi8>, %w: tensor<10x32xi8>, %o: tensor<16x32xi32>) -> tensor<16x32xi32> attributes {kind = "contraction"} {
  %c = arith.constant 0 : i32
  %f = linalg.fill ins(%c : i32) outs(%o : tensor<16x32xi32>) -> tensor<16x32xi32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<16x10xi8>, tensor<10x32xi8>) outs(%f : tensor<16x32xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %s, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<16x32xi32>
  kernel.return %r : tensor<16x32xi32>
}
kernel.func private @signed(%x: tensor<16x10xi8>, %w: tensor<10x32xi8>, %o: tensor<16x32xi32>) -> tensor<16x32xi32> attributes {kind = "contraction"} {
  %c = arith.constant 0 : i32
  %f = linalg.fill ins(%c : i32) outs(%o : tensor<16x32xi32>) -> tensor<16x32xi32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<16x10xi8>, tensor<10x32xi8>) outs(%f : tensor<16x32xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %s, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<16x32xi32>
  kernel.return %r : tensor<16x32xi32>
}

// RUN: lathe-opt %s --kernel-schedule="features=+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx512vnni" | FileCheck %s
// RUN: lathe-opt %s --kernel-schedule="features=+sse2,+avx,+avx2,+fma" | FileCheck %s --check-prefix=AVX2
// RUN: lathe-opt %s --kernel-schedule="triple=aarch64-linux-gnu" | FileCheck %s --check-prefix=ARM
// RUN: lathe-opt %s --kernel-schedule="features=+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx512vnni" --kernel-place-weights --codegen-bufferize --codegen-emit-kernels="features=+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx512vnni" | FileCheck %s --check-prefix=EMIT
// RUN: lathe-opt %s --kernel-schedule="features=+sse2,+avx,+avx2,+fma" --kernel-place-weights --codegen-bufferize --codegen-emit-kernels="features=+sse2,+avx,+avx2,+fma" | FileCheck %s --check-prefix=EMIT2

// Rows of the window lie in words of a channel; an operand of which nothing is read says how many there are.
// CHECK: kernel.weight {{.*}} packing <outer = [2, 0, 1], blocks = [2, 0], tiles = [16, 4]> : tensor<3x1x3x16x4xi8>
// CHECK: @depthwise({{.*}}schedule = #kernel.contraction<mr = 7, nv = 1, lanes = 16, dot = vnni>
// CHECK: %[[SHAPE:.*]] = tensor.empty() : tensor<3xi8>
// CHECK: linalg.generic {{.*}}ins(%{{.*}}, %{{.*}}, %[[SHAPE]] :
// AVX2: kernel.weight {{.*}} packing <outer = [2, 0, 1], blocks = [2, 0], tiles = [8, 2]> : tensor<5x2x3x8x2xi8>
// AVX2: @depthwise({{.*}}schedule = #kernel.contraction<mr = 4, nv = 1, lanes = 8, dot = pmaddwd>
// ARM: @depthwise(
// ARM-NOT: schedule

// Seven points have nine columns of words between them: one interleaving each (of three rows, two loads' pairs and
// one of these), three products a point. Signed bytes have their sign flipped, and one sum more takes off what is too much.
// EMIT-LABEL: @depthwise(
// EMIT: vector.shuffle {{.*}} : vector<16xi8>, vector<16xi8>
// EMIT: vector.shuffle {{.*}} : vector<16xi16>, vector<16xi16>
// EMIT: arith.xori
// EMIT-COUNT-7: call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// EMIT: arith.subi
// EMIT-NOT: arith.muli {{.*}} i32
// EMIT2-LABEL: @depthwise(
// EMIT2: vector.shuffle {{.*}} : vector<8xi8>, vector<8xi8>
// EMIT2: arith.extsi {{.*}} : vector<16xi8> to vector<16xi16>
// EMIT2: call_intrinsic "llvm.x86.avx2.pmadd.wd"
#x = affine_map<(n, h, w, c, i, j) -> (n, h + i, w + j, c)>
#f = affine_map<(n, h, w, c, i, j) -> (i, j, c)>
#y = affine_map<(n, h, w, c, i, j) -> (n, h, w, c)>
func.func @main(%x: tensor<1x16x16x40xi8>) -> tensor<1x14x14x40xi32> {
  %w = kernel.weight dense<1> : tensor<3x3x40xi8> : tensor<3x3x40xi8>
  %o = tensor.empty() : tensor<1x14x14x40xi32>
  %0 = kernel.call @depthwise ins(%x, %w : tensor<1x16x16x40xi8>, tensor<3x3x40xi8>) outs(%o : tensor<1x14x14x40xi32>) -> tensor<1x14x14x40xi32>
  return %0 : tensor<1x14x14x40xi32>
}
kernel.func private @depthwise(%x: tensor<1x16x16x40xi8>, %w: tensor<3x3x40xi8>, %o: tensor<1x14x14x40xi32>) -> tensor<1x14x14x40xi32> attributes {kind = "conv"} {
  %c = arith.constant 0 : i32
  %f = linalg.fill ins(%c : i32) outs(%o : tensor<1x14x14x40xi32>) -> tensor<1x14x14x40xi32>
  %r = linalg.generic {indexing_maps = [#x, #f, #y], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%x, %w : tensor<1x16x16x40xi8>, tensor<3x3x40xi8>) outs(%f : tensor<1x14x14x40xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %s, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<1x14x14x40xi32>
  kernel.return %r : tensor<1x14x14x40xi32>
}

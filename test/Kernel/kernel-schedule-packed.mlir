// RUN: lathe-opt %s --kernel-schedule="features=+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq" | FileCheck %s
// RUN: lathe-opt %s --kernel-schedule="features=+avx,+avx2,+fma" --kernel-place-weights --codegen-bufferize --codegen-emit-kernels="features=+avx,+avx2,+fma" | FileCheck %s --check-prefix=EMIT2
// RUN: lathe-opt %s --kernel-schedule="features=+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq" --kernel-place-weights --codegen-bufferize --codegen-emit-kernels="features=+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq" | FileCheck %s --check-prefix=EMIT

// Four-bit weights are packed in words of eight for each column, their scales beside them.
// CHECK-DAG: kernel.weight {{.*}} packing <outer = [0, 1, 2], blocks = [0, 2], tiles = [32, 4]> : tensor<1x2x4x32x4xi8>
// CHECK-DAG: kernel.weight {{.*}} packing <outer = [0, 1], blocks = [0], tiles = [32]> : tensor<1x2x32xf32>
// CHECK: @few({{.*}}schedule = #kernel.contraction<mr = 1, nv = 2, lanes = 16, bits = 4>
// Zero points or scales that only the run knows: no schedule, the same sums.
// CHECK: @unknown(
// CHECK-NOT: schedule

// One row: the bits pick a float from a table, scales are multiplied once a block.
// EMIT-LABEL: @few(
// EMIT: vector.load {{.*}} vector<64xi8>
// EMIT: arith.shrui
// EMIT: llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"
// EMIT-NOT: arith.mulf
// EMIT-LABEL: @unknown(
// EMIT2-LABEL: @few(
// EMIT2: vector.load {{.*}} vector<32xi8>
// EMIT2: arith.andi {{.*}} vector<8xi32>
// EMIT2: arith.sitofp {{.*}} vector<8xi32> to vector<8xf32>
// EMIT2-LABEL: @unknown(
#x = affine_map<(m, n, b, i, h) -> (m, b, i, h)>
#w = affine_map<(m, n, b, i, h) -> (n, b, i)>
#s = affine_map<(m, n, b, i, h) -> (n, b)>
#o = affine_map<(m, n, b, i, h) -> (m, n)>
func.func @main(%x: tensor<1x2x16x2xf32>, %t: tensor<32x2xf32>) -> (tensor<1x32xf32>, tensor<1x32xf32>) {
  %w = kernel.weight dense<1> : tensor<32x2x16xi8> : tensor<32x2x16xi8>
  %s = kernel.weight dense<2.0> : tensor<32x2xf32> : tensor<32x2xf32>
  %o = tensor.empty() : tensor<1x32xf32>
  %p = tensor.empty() : tensor<1x32xf32>
  %0 = kernel.call @few ins(%x, %w, %s : tensor<1x2x16x2xf32>, tensor<32x2x16xi8>, tensor<32x2xf32>) outs(%o : tensor<1x32xf32>) -> tensor<1x32xf32>
  %1 = kernel.call @unknown ins(%x, %w, %t : tensor<1x2x16x2xf32>, tensor<32x2x16xi8>, tensor<32x2xf32>) outs(%p : tensor<1x32xf32>) -> tensor<1x32xf32>
  return %0, %1 : tensor<1x32xf32>, tensor<1x32xf32>
}
kernel.func private @few(%x: tensor<1x2x16x2xf32>, %w: tensor<32x2x16xi8>, %s: tensor<32x2xf32>, %o: tensor<1x32xf32>) -> tensor<1x32xf32> attributes {kind = "contraction"} {
  %zero = arith.constant 0.0 : f32
  %eight = arith.constant 8.0 : f32
  %four = arith.constant 4 : i32
  %mask = arith.constant 15 : i32
  %f = linalg.fill ins(%zero : f32) outs(%o : tensor<1x32xf32>) -> tensor<1x32xf32>
  %r = linalg.generic {indexing_maps = [#x, #w, #s, #o], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%x, %w, %s : tensor<1x2x16x2xf32>, tensor<32x2x16xi8>, tensor<32x2xf32>) outs(%f : tensor<1x32xf32>) {
  ^bb0(%a: f32, %b: i8, %c: f32, %sum: f32):
    %0 = arith.extui %b : i8 to i32
    %1 = linalg.index 4 : index
    %2 = arith.index_cast %1 : index to i32
    %3 = arith.muli %2, %four : i32
    %4 = arith.shrui %0, %3 : i32
    %5 = arith.andi %4, %mask : i32
    %6 = arith.sitofp %5 : i32 to f32
    %7 = arith.subf %6, %eight : f32
    %8 = arith.mulf %7, %c : f32
    %9 = arith.mulf %a, %8 : f32
    %10 = arith.addf %sum, %9 : f32
    linalg.yield %10 : f32
  } -> tensor<1x32xf32>
  kernel.return %r : tensor<1x32xf32>
}
kernel.func private @unknown(%x: tensor<1x2x16x2xf32>, %w: tensor<32x2x16xi8>, %s: tensor<32x2xf32>, %o: tensor<1x32xf32>) -> tensor<1x32xf32> attributes {kind = "contraction"} {
  %zero = arith.constant 0.0 : f32
  %eight = arith.constant 8.0 : f32
  %four = arith.constant 4 : i32
  %mask = arith.constant 15 : i32
  %f = linalg.fill ins(%zero : f32) outs(%o : tensor<1x32xf32>) -> tensor<1x32xf32>
  %r = linalg.generic {indexing_maps = [#x, #w, #s, #o], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%x, %w, %s : tensor<1x2x16x2xf32>, tensor<32x2x16xi8>, tensor<32x2xf32>) outs(%f : tensor<1x32xf32>) {
  ^bb0(%a: f32, %b: i8, %c: f32, %sum: f32):
    %0 = arith.extui %b : i8 to i32
    %1 = linalg.index 4 : index
    %2 = arith.index_cast %1 : index to i32
    %3 = arith.muli %2, %four : i32
    %4 = arith.shrui %0, %3 : i32
    %5 = arith.andi %4, %mask : i32
    %6 = arith.sitofp %5 : i32 to f32
    %7 = arith.subf %6, %eight : f32
    %8 = arith.mulf %7, %c : f32
    %9 = arith.mulf %a, %8 : f32
    %10 = arith.addf %sum, %9 : f32
    linalg.yield %10 : f32
  } -> tensor<1x32xf32>
  kernel.return %r : tensor<1x32xf32>
}

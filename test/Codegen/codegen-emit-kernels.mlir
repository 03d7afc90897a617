// RUN: lathe-opt %s --codegen-emit-kernels="features=+avx,+avx2,+avx512f,+avx512vl,+avx512bw,+avx512dq,+fma" | FileCheck %s
// RUN: lathe-opt %s --codegen-emit-kernels="features=+sse2" | FileCheck %s --check-prefix=SSE

#id2 = affine_map<(d0, d1) -> (d0, d1)>
#col = affine_map<(d0, d1) -> (d1)>
#row = affine_map<(d0, d1) -> (d0)>
// Whole vectors, then a masked one; without masks a narrower one.
// CHECK-LABEL: kernel.func private @ew(
// CHECK-SAME: grid = #kernel.grid<arg = 2, dim = 0>
// CHECK: scf.for
// CHECK-COUNT-6: vector.load
// CHECK: vector.maskedload
// CHECK-COUNT-3: vector.store
// CHECK: vector.maskedstore
// SSE-LABEL: kernel.func private @ew(
// SSE-NOT: masked
// SSE: vector.store {{.*}} vector<2xf32>
kernel.func private @ew(%x: tensor<3x50xf32>, %b: tensor<50xf32>, %out: tensor<3x50xf32>) -> tensor<3x50xf32> {
  %r = linalg.generic {indexing_maps = [#id2, #col, #id2], iterator_types = ["parallel", "parallel"]} ins(%x, %b : tensor<3x50xf32>, tensor<50xf32>) outs(%out : tensor<3x50xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    linalg.yield %s : f32
  } -> tensor<3x50xf32>
  kernel.return %r : tensor<3x50xf32>
}
// CHECK-LABEL: kernel.func private @ewdyn(
// CHECK: memref.dim
// CHECK: math.exp {{.*}} : vector<16xf32>
kernel.func private @ewdyn(%x: tensor<?x50xf32>, %out: tensor<?x50xf32>) -> tensor<?x50xf32> {
  %r = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x50xf32>) outs(%out : tensor<?x50xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = math.exp %a : f32
    linalg.yield %s : f32
  } -> tensor<?x50xf32>
  kernel.return %r : tensor<?x50xf32>
}
// Two columns beside much arithmetic: lanes over the rows, gathered one by one.
// CHECK-LABEL: kernel.func private @narrow(
// CHECK: math.roundeven {{.*}} : vector<16xf32>
// Beside little of it they lie along the columns.
// CHECK-LABEL: kernel.func private @narrowsum(
// CHECK: vector.maskedload
// CHECK: vector.maskedstore
kernel.func private @narrow(%x: tensor<400x4xf32>, %out: tensor<400x2xf32>) -> tensor<400x2xf32> {
  %y = tensor.extract_slice %x[0, 0] [400, 2] [1, 1] : tensor<400x4xf32> to tensor<400x2xf32>
  %c = arith.constant 3.0 : f32
  %r = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<400x2xf32>) outs(%out : tensor<400x2xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.mulf %a, %a : f32
    %1 = arith.addf %0, %c : f32
    %2 = arith.mulf %1, %a : f32
    %3 = math.roundeven %2 : f32
    %4 = arith.subf %3, %a : f32
    %5 = arith.mulf %4, %4 : f32
    %6 = arith.addf %5, %a : f32
    %7 = arith.mulf %6, %c : f32
    %8 = math.roundeven %7 : f32
    %9 = arith.subf %8, %a : f32
    %10 = arith.mulf %9, %4 : f32
    %11 = arith.addf %10, %c : f32
    %12 = arith.mulf %11, %a : f32
    %13 = arith.addf %12, %1 : f32
    %14 = arith.mulf %13, %9 : f32
    %15 = arith.addf %14, %2 : f32
    %16 = arith.mulf %15, %13 : f32
    %17 = arith.addf %16, %4 : f32
    %18 = arith.mulf %17, %15 : f32
    %19 = arith.addf %18, %6 : f32
    %20 = arith.mulf %19, %17 : f32
    %21 = arith.addf %20, %8 : f32
    %22 = arith.mulf %21, %19 : f32
    %23 = arith.addf %22, %10 : f32
    linalg.yield %23 : f32
  } -> tensor<400x2xf32>
  kernel.return %r : tensor<400x2xf32>
}
kernel.func private @narrowsum(%x: tensor<400x4xf32>, %out: tensor<400x2xf32>) -> tensor<400x2xf32> {
  %y = tensor.extract_slice %x[0, 0] [400, 2] [1, 1] : tensor<400x4xf32> to tensor<400x2xf32>
  %r = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<400x2xf32>) outs(%out : tensor<400x2xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.mulf %a, %a : f32
    linalg.yield %0 : f32
  } -> tensor<400x2xf32>
  kernel.return %r : tensor<400x2xf32>
}
// Ten rows are two tiles of five; the accumulators stay in registers and the
// epilogue is applied to them.
// CHECK-LABEL: kernel.func private @mm(
// CHECK-SAME: step = 5
// CHECK: scf.for
// CHECK: %[[ACC:.*]]:20 = scf.for
// CHECK-COUNT-80: math.fma
// CHECK: scf.yield
// CHECK: arith.addf %[[ACC]]#0
// CHECK: vector.store
kernel.func private @mm(%x: tensor<10x72xf32>, %y: tensor<72x100xf32>, %bias: tensor<100xf32>, %out: tensor<10x100xf32>) -> tensor<10x100xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<10x100xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<10x100xf32>) -> tensor<10x100xf32>
  %m = linalg.matmul ins(%x, %y : tensor<10x72xf32>, tensor<72x100xf32>) outs(%f : tensor<10x100xf32>) -> tensor<10x100xf32>
  %r = linalg.generic {indexing_maps = [#id2, #col, #id2], iterator_types = ["parallel", "parallel"]} ins(%m, %bias : tensor<10x100xf32>, tensor<100xf32>) outs(%out : tensor<10x100xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    %mx = arith.maximumf %s, %z : f32
    linalg.yield %mx : f32
  } -> tensor<10x100xf32>
  kernel.return %r : tensor<10x100xf32>
}
// One loop over rows; both row reductions run over the lanes.
// CHECK-LABEL: kernel.func private @softmax(
// CHECK: scf.for
// CHECK: vector.reduction <maximumf>
// CHECK: vector.reduction <add>
// CHECK: arith.divf
// CHECK: vector.store
kernel.func private @softmax(%x: tensor<10x70xf32>, %out: tensor<10x70xf32>) -> tensor<10x70xf32> {
  %ninf = arith.constant 0xFF800000 : f32
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<10xf32>
  %e2 = tensor.empty() : tensor<10x70xf32>
  %f = linalg.fill ins(%ninf : f32) outs(%e : tensor<10xf32>) -> tensor<10xf32>
  %f0 = linalg.fill ins(%z : f32) outs(%e : tensor<10xf32>) -> tensor<10xf32>
  %mx = linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<10x70xf32>) outs(%f : tensor<10xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.maximumf %a, %o : f32
    linalg.yield %s : f32
  } -> tensor<10xf32>
  %ex = linalg.generic {indexing_maps = [#id2, #row, #id2], iterator_types = ["parallel", "parallel"]} ins(%x, %mx : tensor<10x70xf32>, tensor<10xf32>) outs(%e2 : tensor<10x70xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.subf %a, %c : f32
    %s2 = math.exp %s : f32
    linalg.yield %s2 : f32
  } -> tensor<10x70xf32>
  %sum = linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]} ins(%ex : tensor<10x70xf32>) outs(%f0 : tensor<10xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %a, %o : f32
    linalg.yield %s : f32
  } -> tensor<10xf32>
  %r = linalg.generic {indexing_maps = [#id2, #row, #id2], iterator_types = ["parallel", "parallel"]} ins(%ex, %sum : tensor<10x70xf32>, tensor<10xf32>) outs(%out : tensor<10x70xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.divf %a, %c : f32
    linalg.yield %s : f32
  } -> tensor<10x70xf32>
  kernel.return %r : tensor<10x70xf32>
}
// Rows that an operand names, in vectors along them.
// CHECK-LABEL: kernel.func private @gather(
// CHECK-SAME: grid = #kernel.grid<
// CHECK: %[[ROW:.*]] = arith.index_cast %{{.*}} : i64 to index
// CHECK: vector.load %arg1[%[[ROW]], %{{.*}}] : memref<4x64xf32>
kernel.func private @gather(%rows: tensor<12xi64>, %t: tensor<4x64xf32>, %out: tensor<12x64xf32>) -> tensor<12x64xf32> {
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%rows : tensor<12xi64>) outs(%out : tensor<12x64xf32>) {
  ^bb0(%a: i64, %o: f32):
    %i = arith.index_cast %a : i64 to index
    %j = linalg.index 1 : index
    %v = tensor.extract %t[%i, %j] : tensor<4x64xf32>
    linalg.yield %v : f32
  } -> tensor<12x64xf32>
  kernel.return %r : tensor<12x64xf32>
}
// CHECK-LABEL: kernel.func private @loopk(
// CHECK: scf.for
// CHECK: memref.load
// CHECK: memref.store
kernel.func private @loopk(%x: tensor<8xf32>, %out: tensor<8xf32>) -> tensor<8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %z = arith.constant 0.0 : f32
  %r:2 = scf.for %i = %c0 to %c8 step %c1 iter_args(%t = %out, %s = %z) -> (tensor<8xf32>, f32) {
    %v = tensor.extract %x[%i] : tensor<8xf32>
    %n = arith.addf %v, %s : f32
    %t2 = tensor.insert %n into %t[%i] : tensor<8xf32>
    scf.yield %t2, %n : tensor<8xf32>, f32
  } {lathe.loop_kernel}
  kernel.return %r#0 : tensor<8xf32>
}
// Tiles of seven rows, then of three from where those end, then single ones: no
// tile goes beyond the last row.
// CHECK-LABEL: kernel.func private @rows_left(
// CHECK:         %[[ROWS:.*]] = memref.dim %arg3
// CHECK:         %[[SEVEN:.*]] = arith.constant 7 : index
// CHECK:         %[[REST:.*]] = arith.remui %[[ROWS]], %[[SEVEN]]
// CHECK:         %[[END7:.*]] = arith.subi %[[ROWS]], %[[REST]]
// CHECK:         %[[LEFT:.*]] = arith.subi %[[ROWS]], %[[END7]]
// CHECK:         %[[THREE:.*]] = arith.constant 3 : index
// CHECK:         %[[OVER:.*]] = arith.remui %[[LEFT]], %[[THREE]]
// CHECK:         %[[END3:.*]] = arith.subi %[[ROWS]], %[[OVER]]
// CHECK:         scf.for %{{.*}} = %{{.*}} to %[[END7]] step %[[SEVEN]]
// CHECK:         scf.for %{{.*}} = %[[END7]] to %[[END3]] step %[[THREE]]
// CHECK:         scf.for %{{.*}} = %[[END3]] to %[[ROWS]]
#rowsX = affine_map<(m, n, k) -> (m, k)>
#rowsW = affine_map<(m, n, k) -> (n floordiv 48, k, n mod 48)>
#rowsO = affine_map<(m, n, k) -> (m, n)>
kernel.func private @rows_left(%x: tensor<?x8xf32>, %w: tensor<1x8x48xf32>, %rows: index, %o: tensor<?x48xf32>) -> tensor<?x48xf32> attributes {kind = "contraction", schedule = #kernel.contraction<mr = 7, nv = 3, lanes = 16>, arg_types = [memref<?x8xf32>, memref<1x8x48xf32>, index, memref<?x48xf32>]} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%o : tensor<?x48xf32>) -> tensor<?x48xf32>
  %r = linalg.generic {indexing_maps = [#rowsX, #rowsW, #rowsO], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<?x8xf32>, tensor<1x8x48xf32>) outs(%f : tensor<?x48xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<?x48xf32>
  kernel.return %r : tensor<?x48xf32>
}
// A function behind a register tile stands once, in a function of its own that tiles of both sizes call; another kernel shares it.
// CHECK-LABEL: kernel.func private @tail(
// CHECK-NOT: math.exp
// CHECK: kernel.call @[[TAIL:tail_tail[0-9]+]]
// CHECK: kernel.call @[[TAIL]]
// CHECK-NOT: kernel.call
// CHECK: kernel.func private @[[TAIL]](
// CHECK: scf.for
// CHECK: math.exp
// CHECK-LABEL: kernel.func private @tail_again(
// CHECK: kernel.call @[[TAIL]]
kernel.func private @tail(%x: tensor<13x9xf32>, %y: tensor<9x64xf32>, %out: tensor<13x64xf32>) -> tensor<13x64xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<13x64xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<13x64xf32>) -> tensor<13x64xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %y : tensor<13x9xf32>, tensor<9x64xf32>) outs(%f : tensor<13x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<13x64xf32>
  %r = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%m : tensor<13x64xf32>) outs(%out : tensor<13x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = math.exp %a : f32
    linalg.yield %s : f32
  } -> tensor<13x64xf32>
  kernel.return %r : tensor<13x64xf32>
}
kernel.func private @tail_again(%x: tensor<13x4xf32>, %y: tensor<4x64xf32>, %out: tensor<13x64xf32>) -> tensor<13x64xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<13x64xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<13x64xf32>) -> tensor<13x64xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %y : tensor<13x4xf32>, tensor<4x64xf32>) outs(%f : tensor<13x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<13x64xf32>
  %r = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%m : tensor<13x64xf32>) outs(%out : tensor<13x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = math.exp %a : f32
    linalg.yield %s : f32
  } -> tensor<13x64xf32>
  kernel.return %r : tensor<13x64xf32>
}
// The middle of a padded result: the function gets the whole, for pointers are passed without offsets.
// CHECK-LABEL: kernel.func private @tail_padded(
// CHECK: kernel.call @[[PADDED:tail_padded_tail[0-9]+]] ins{{.*}} outs({{.*}} : memref<8x9x64xf32>)
// CHECK: kernel.func private @[[PADDED]](
// CHECK: memref.subview
kernel.func private @tail_padded(%x: tensor<6x7x9xf32>, %y: tensor<9x64xf32>, %out: tensor<8x9x64xf32>) -> tensor<8x9x64xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<6x7x64xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<6x7x64xf32>) -> tensor<6x7x64xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %y : tensor<6x7x9xf32>, tensor<9x64xf32>) outs(%f : tensor<6x7x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<6x7x64xf32>
  %e2 = tensor.empty() : tensor<6x7x64xf32>
  %q = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%m : tensor<6x7x64xf32>) outs(%e2 : tensor<6x7x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = math.exp %a : f32
    linalg.yield %s : f32
  } -> tensor<6x7x64xf32>
  %border = linalg.fill ins(%zero : f32) outs(%out : tensor<8x9x64xf32>) -> tensor<8x9x64xf32>
  %r = tensor.insert_slice %q into %border[1, 1, 0] [6, 7, 64] [1, 1, 1] : tensor<6x7x64xf32> into tensor<8x9x64xf32>
  kernel.return %r : tensor<8x9x64xf32>
}

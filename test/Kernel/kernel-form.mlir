// RUN: lathe-opt %s --kernel-form --split-input-file | FileCheck %s
// RUN: lathe-opt %s --kernel-form=epilogues=false --split-input-file | FileCheck %s --check-prefix=PLAIN

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
#bias = affine_map<(m, n) -> (n)>

// A contraction with its start value and its epilogue is one kernel.
// CHECK-LABEL: func.func @main
// CHECK-NOT: linalg
// CHECK: %[[E:.*]] = tensor.empty() : tensor<4x16xf32>
// CHECK: %[[R:.*]] = kernel.call @contraction_0 ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<8x16xf32>, tensor<16xf32>) outs(%[[E]] : tensor<4x16xf32>)
// CHECK: return %[[R]]
// CHECK: kernel.func private @contraction_0(%[[X:.*]]: tensor<4x8xf32>, %{{.*}}: tensor<8x16xf32>, %{{.*}}: tensor<16xf32>, %[[OUT:.*]]: tensor<4x16xf32>)
// CHECK-SAME: kind = "contraction"
// CHECK: linalg.fill
// CHECK: linalg.generic
// CHECK: linalg.generic
// CHECK-SAME: outs(%[[OUT]]
// CHECK: kernel.return
// PLAIN-LABEL: func.func @main
// PLAIN: kernel.call @contraction_0
// PLAIN: kernel.call @elementwise_0
func.func @main(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %v: tensor<16xf32>) -> tensor<4x16xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x16xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<4x16xf32>) -> tensor<4x16xf32>
  %m = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%f : tensor<4x16xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %0 = arith.mulf %p, %q : f32
    %1 = arith.addf %o, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<4x16xf32>
  %r = linalg.generic {indexing_maps = [#id, #bias, #id], iterator_types = ["parallel", "parallel"]} ins(%m, %v : tensor<4x16xf32>, tensor<16xf32>) outs(%e : tensor<4x16xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %0 = arith.addf %p, %q : f32
    linalg.yield %0 : f32
  } -> tensor<4x16xf32>
  return %r : tensor<4x16xf32>
}

// -----

// A loop kernel moves as it stands; a scalar that it yields travels in a tensor.
// CHECK-LABEL: func.func @main
// CHECK: %[[C:.*]] = tensor.empty() : tensor<index>
// CHECK: %[[R:.*]]:2 = kernel.call @loop_0 ins(%{{.*}} : tensor<8xi8>) outs(%{{.*}}, %[[C]] : tensor<8xi64>, tensor<index>)
// CHECK: tensor.extract %[[R]]#1[] : tensor<index>
// CHECK: kernel.func private @loop_0
// CHECK: scf.for
// CHECK: tensor.insert %{{.*}} into %{{.*}}[] : tensor<index>
func.func @main(%x: tensor<8xi8>) -> (tensor<8xi64>, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0 : i8
  %e = tensor.empty() : tensor<8xi64>
  %r:2 = scf.for %i = %c0 to %c8 step %c1 iter_args(%t = %e, %n = %c0) -> (tensor<8xi64>, index) {
    %v = tensor.extract %x[%i] : tensor<8xi8>
    %set = arith.cmpi ne, %v, %zero : i8
    %res:2 = scf.if %set -> (tensor<8xi64>, index) {
      %p = arith.index_cast %i : index to i64
      %t2 = tensor.insert %p into %t[%n] : tensor<8xi64>
      %n2 = arith.addi %n, %c1 : index
      scf.yield %t2, %n2 : tensor<8xi64>, index
    } else {
      scf.yield %t, %n : tensor<8xi64>, index
    }
    scf.yield %res#0, %res#1 : tensor<8xi64>, index
  } {lathe.loop_kernel}
  return %r#0, %r#1 : tensor<8xi64>, index
}

// -----

#gx = affine_map<(b, g, n, k) -> (b, k)>
#gr = affine_map<(b, g, n, k) -> (g, n, k)>
#go = affine_map<(b, g, n, k) -> (b, g, n)>
#g0 = affine_map<(b, n) -> (b, 0, n)>
#g1 = affine_map<(b, n) -> (b, 1, n)>
#unit = affine_map<(b, n) -> (b, n)>

// What reads the gates of a sum of products, each at its place, is one kernel
// with it, and so is what goes on with that.
// CHECK-LABEL: func.func @main
// CHECK: %[[R:.*]]:2 = kernel.call @contraction_0
// CHECK-NOT: kernel.call
// CHECK: return %[[R]]#0, %[[R]]#1
// PLAIN-LABEL: func.func @main
// PLAIN: kernel.call @contraction_0
// PLAIN: kernel.call @elementwise_0
func.func @main(%h: tensor<2x8xf32>, %r: tensor<2x16x8xf32>, %p: tensor<2x2x16xf32>) -> (tensor<2x16xf32>, tensor<2x16xf32>) {
  %e = tensor.empty() : tensor<2x16xf32>
  %s = linalg.generic {indexing_maps = [#gx, #gr, #go], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%h, %r : tensor<2x8xf32>, tensor<2x16x8xf32>) outs(%p : tensor<2x2x16xf32>) {
  ^bb0(%x: f32, %w: f32, %o: f32):
    %0 = arith.mulf %x, %w : f32
    %1 = arith.addf %o, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x2x16xf32>
  %y = linalg.generic {indexing_maps = [#g0, #g1, #unit], iterator_types = ["parallel", "parallel"]} ins(%s, %s : tensor<2x2x16xf32>, tensor<2x2x16xf32>) outs(%e : tensor<2x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = math.tanh %b : f32
    %1 = arith.mulf %a, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x16xf32>
  %z = linalg.generic {indexing_maps = [#unit, #unit], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<2x16xf32>) outs(%e : tensor<2x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = math.exp %a : f32
    linalg.yield %0 : f32
  } -> tensor<2x16xf32>
  return %y, %z : tensor<2x16xf32>, tensor<2x16xf32>
}

// -----

#hx = affine_map<(b, g, n, k) -> (b, k)>
#hr = affine_map<(b, g, n, k) -> (g, n, k)>
#ho = affine_map<(b, g, n, k) -> (b, g, n)>
#h1 = affine_map<(b, n) -> (b, 1, n)>
#hunit = affine_map<(b, n) -> (b, n)>

// All gates leave here, so the sum is stored as a whole.
// CHECK-LABEL: func.func @main
// CHECK: kernel.call @contraction_0
// CHECK: kernel.call @elementwise_0
func.func @main(%h: tensor<2x8xf32>, %r: tensor<2x16x8xf32>, %p: tensor<2x2x16xf32>) -> (tensor<2x16xf32>, tensor<2x2x16xf32>) {
  %e = tensor.empty() : tensor<2x16xf32>
  %s = linalg.generic {indexing_maps = [#hx, #hr, #ho], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%h, %r : tensor<2x8xf32>, tensor<2x16x8xf32>) outs(%p : tensor<2x2x16xf32>) {
  ^bb0(%x: f32, %w: f32, %o: f32):
    %0 = arith.mulf %x, %w : f32
    %1 = arith.addf %o, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x2x16xf32>
  %y = linalg.generic {indexing_maps = [#h1, #hunit], iterator_types = ["parallel", "parallel"]} ins(%s : tensor<2x2x16xf32>) outs(%e : tensor<2x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = math.tanh %a : f32
    linalg.yield %0 : f32
  } -> tensor<2x16xf32>
  return %y, %s : tensor<2x16xf32>, tensor<2x2x16xf32>
}

// -----

// What a loop writes for itself alone comes from outside too: a kernel has no memory of its own.
// CHECK-LABEL: func.func @workspace
// CHECK:         kernel.call @loop_0 {{.*}}outs(%{{.*}}, %{{.*}} : tensor<?xf32>, tensor<?xi64>)
func.func @workspace(%x: tensor<?xf32>, %n: index) -> tensor<?xi64> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %e = tensor.empty(%n) : tensor<?xf32>
  %p = tensor.empty(%n) : tensor<?xi64>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %e, %b = %p) -> (tensor<?xf32>, tensor<?xi64>) {
    %v = tensor.extract %x[%i] : tensor<?xf32>
    %w = tensor.insert %v into %a[%i] : tensor<?xf32>
    %j = arith.index_cast %i : index to i64
    %q = tensor.insert %j into %b[%i] : tensor<?xi64>
    scf.yield %w, %q : tensor<?xf32>, tensor<?xi64>
  } {lathe.loop_kernel}
  return %r#1 : tensor<?xi64>
}

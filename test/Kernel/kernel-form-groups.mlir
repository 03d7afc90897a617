// RUN: lathe-opt %s --kernel-form --kernel-verify --split-input-file | FileCheck %s

#rc = affine_map<(r, c) -> (r, c)>
#r = affine_map<(r, c) -> (r)>

// Two reductions over the same rows and what lies between them: one kernel.
// CHECK-LABEL: func.func @softmax
// CHECK-COUNT-1: kernel.call @reduction_0
// CHECK-NOT: kernel.call
// CHECK: return
// CHECK: kernel.func private @reduction_0(%{{.*}}: tensor<7x8xf32>, %[[OUT:.*]]: tensor<7x8xf32>)
// CHECK-COUNT-3: linalg.generic
// CHECK: linalg.generic
// CHECK-SAME: outs(%[[OUT]]
func.func @softmax(%x: tensor<7x8xf32>) -> tensor<7x8xf32> {
  %least = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<7x8xf32>
  %v = tensor.empty() : tensor<7xf32>
  %f = linalg.fill ins(%least : f32) outs(%v : tensor<7xf32>) -> tensor<7xf32>
  %m = linalg.generic {indexing_maps = [#rc, #r], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<7x8xf32>) outs(%f : tensor<7xf32>) {
  ^bb0(%p: f32, %o: f32):
    %0 = arith.maxnumf %p, %o : f32
    linalg.yield %0 : f32
  } -> tensor<7xf32>
  %d = linalg.generic {indexing_maps = [#rc, #r, #rc], iterator_types = ["parallel", "parallel"]} ins(%x, %m : tensor<7x8xf32>, tensor<7xf32>) outs(%e : tensor<7x8xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %0 = arith.subf %p, %q : f32
    %1 = math.exp %0 : f32
    linalg.yield %1 : f32
  } -> tensor<7x8xf32>
  %z = linalg.fill ins(%zero : f32) outs(%v : tensor<7xf32>) -> tensor<7xf32>
  %s = linalg.generic {indexing_maps = [#rc, #r], iterator_types = ["parallel", "reduction"]} ins(%d : tensor<7x8xf32>) outs(%z : tensor<7xf32>) {
  ^bb0(%p: f32, %o: f32):
    %0 = arith.addf %p, %o : f32
    linalg.yield %0 : f32
  } -> tensor<7xf32>
  %y = linalg.generic {indexing_maps = [#rc, #r, #rc], iterator_types = ["parallel", "parallel"]} ins(%d, %s : tensor<7x8xf32>, tensor<7xf32>) outs(%e : tensor<7x8xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %0 = arith.divf %p, %q : f32
    linalg.yield %0 : f32
  } -> tensor<7x8xf32>
  return %y : tensor<7x8xf32>
}

// -----

#id = affine_map<(i, j) -> (i, j)>

// The kernel of the middle writes the border; who reads the middle alone reads a
// slice.
// CHECK-LABEL: func.func @halo
// CHECK-NOT: @fill
// CHECK: %[[P:.*]] = kernel.call @elementwise_0 ins(%{{.*}} : tensor<4x4xf32>) outs(%{{.*}} : tensor<6x6xf32>)
// CHECK: %[[S:.*]] = tensor.extract_slice %[[P]][1, 1] [4, 4] [1, 1]
// CHECK: %[[Q:.*]] = kernel.call @elementwise_1 ins(%[[S]]
// CHECK: return %[[P]], %[[Q]]
// CHECK: kernel.func private @elementwise_0(%{{.*}}, %[[OUT:.*]]: tensor<6x6xf32>)
// CHECK: %[[G:.*]] = linalg.generic
// CHECK: %[[F:.*]] = linalg.fill ins(%{{.*}} : f32) outs(%[[OUT]]
// CHECK: tensor.insert_slice %[[G]] into %[[F]]
func.func @halo(%x: tensor<4x4xf32>) -> (tensor<6x6xf32>, tensor<4x4xf32>) {
  %z = arith.constant 0.0 : f32
  %l = tensor.empty() : tensor<6x6xf32>
  %f = linalg.fill ins(%z : f32) outs(%l : tensor<6x6xf32>) -> tensor<6x6xf32>
  %e = tensor.empty() : tensor<4x4xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%p: f32, %o: f32):
    %s = math.exp %p : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %b = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, #id], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%p: f32, %o: f32):
    %s = math.exp %p : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %r = tensor.insert_slice %a into %f[1, 1] [4, 4] [1, 1] : tensor<4x4xf32> into tensor<6x6xf32>
  return %r, %b : tensor<6x6xf32>, tensor<4x4xf32>
}

// -----

// A value with several users is stored by the kernel that goes on with it.
// CHECK-LABEL: func.func @shared
// CHECK: %[[R:.*]]:2 = kernel.call @elementwise_0
// CHECK: return %[[R]]#0, %[[R]]#1
#id = affine_map<(i, j) -> (i, j)>
func.func @shared(%x: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %e = tensor.empty() : tensor<4x4xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%p: f32, %o: f32):
    %s = math.exp %p : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%p: f32, %o: f32):
    %s = math.exp %p : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  return %a, %b : tensor<4x4xf32>, tensor<4x4xf32>
}

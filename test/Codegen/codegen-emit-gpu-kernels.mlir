// RUN: lathe-opt %s --codegen-emit-gpu-kernels="cpu=sm_90" | FileCheck %s
// RUN: lathe-opt %s --codegen-emit-gpu-kernels="remarks" -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK --implicit-check-not=remark:

// REMARK: remark: kernel @loop is one thread's work: each iteration of its loops may need what an earlier one did
// REMARK: remark: kernel @meet is one block's work: some of its loops write where others of their iterations read or write
// RUN: lathe-opt %s --codegen-emit-gpu-kernels="cpu=sm_70" | FileCheck %s --check-prefix=OLD

// Before sm_80, what comes next waits in registers.
// OLD-LABEL: kernel.func private @mm(
// OLD-NOT: nvgpu
// OLD: scf.for {{.*}} iter_args
// OLD-NEXT: arith.subi
// OLD: gpu.barrier
// OLD: scf.if {{.*}} -> (f32, f32, f32, f32, f32, f32, f32, f32)
// OLD-COUNT-16: math.fma
// OLD: memref.store {{.*}} memref<2x16x68xf32, 3>
// OLD-LABEL: kernel.func private @softmax(

#id2 = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>

// Four elements a thread where the memory is aligned to them, else one.
// CHECK-LABEL: kernel.func private @ew(
// CHECK-SAME: #kernel.launch<threads = 256, arg = 1, limit = 65535, blocks = [<size = 6400, step = 1024>]>
// CHECK: memref.extract_aligned_pointer_as_index
// CHECK: scf.if
// CHECK: vector.load {{.*}} {alignment = 16 : i64} {{.*}} vector<4xf32>
// CHECK: vector.store {{.*}} {alignment = 16 : i64}
// CHECK: else
// CHECK: memref.load
kernel.func private @ew(%x: tensor<64x100xf32>, %out: tensor<64x100xf32>) -> tensor<64x100xf32> {
  %r = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<64x100xf32>) outs(%out : tensor<64x100xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %a, %a : f32
    linalg.yield %s : f32
  } -> tensor<64x100xf32>
  kernel.return %r : tensor<64x100xf32>
}

// Two operands through shared memory, four times four points a thread; the
// epilogue on what is in registers. Rows that the run counts are a size.
// CHECK-LABEL: kernel.func private @mm(
// CHECK-SAME: blocks = [<size = 1, step = 64, dims = [0]>, <size = 4096, step = 64>]
// While one buffer is worked on, what both operands have next is copied into the
// other: rows an element at a time, for they are turned, columns in fours where
// they are aligned. No index is wider than sizes want it.
// CHECK-DAG: memref.alloca() {{.*}} : memref<2x16x68xf32, 3>
// CHECK-DAG: memref.alloca() {{.*}} : memref<2x16x64xf32, 3>
// CHECK: scf.for
// CHECK: nvgpu.device_async_copy
// CHECK: scf.for {{.*}} iter_args
// CHECK: nvgpu.device_async_wait
// CHECK-NEXT: gpu.barrier
// CHECK: scf.if
// CHECK-COUNT-4: nvgpu.device_async_copy %arg0[{{.*}}], 1 :
// CHECK: scf.if
// CHECK: nvgpu.device_async_copy %arg1[{{.*}}], 4 {bypassL1} :
// CHECK: else
// CHECK-COUNT-4: nvgpu.device_async_copy %arg1[{{.*}}], 1 :
// CHECK: vector.load {{.*}} memref<2x16x68xf32, 3>, vector<4xf32>
// CHECK-COUNT-16: math.fma
// CHECK-NOT: gpu.barrier
// CHECK: scf.if
// CHECK: arith.maximumf
// CHECK: memref.store
kernel.func private @mm(%x: tensor<?x256xf32>, %y: tensor<256x4096xf32>, %out: tensor<?x4096xf32>) -> tensor<?x4096xf32> {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<?x4096xf32>) -> tensor<?x4096xf32>
  %m = linalg.matmul ins(%x, %y : tensor<?x256xf32>, tensor<256x4096xf32>) outs(%f : tensor<?x4096xf32>) -> tensor<?x4096xf32>
  %r = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%m : tensor<?x4096xf32>) outs(%out : tensor<?x4096xf32>) {
  ^bb0(%a: f32, %o: f32):
    %mx = arith.maximumf %a, %z : f32
    linalg.yield %mx : f32
  } -> tensor<?x4096xf32>
  kernel.return %r : tensor<?x4096xf32>
}

// A warp a row, eight rows a block: sums meet in shuffles, and then the row is
// written by the threads that summed it.
// CHECK-LABEL: kernel.func private @softmax(
// CHECK-SAME: blocks = [<size = 60, step = 8>]
// CHECK: scf.for {{.*}} iter_args
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK: math.exp
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK-NOT: gpu.barrier
// CHECK: memref.store
kernel.func private @softmax(%x: tensor<60x200xf32>, %out: tensor<60x200xf32>) -> tensor<60x200xf32> {
  %z = arith.constant 0.0 : f32
  %ninf = arith.constant 0xFF800000 : f32
  %e = tensor.empty() : tensor<60xf32>
  %f0 = linalg.fill ins(%ninf : f32) outs(%e : tensor<60xf32>) -> tensor<60xf32>
  %m = linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<60x200xf32>) outs(%f0 : tensor<60xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.maximumf %a, %o : f32
    linalg.yield %s : f32
  } -> tensor<60xf32>
  %f1 = linalg.fill ins(%z : f32) outs(%e : tensor<60xf32>) -> tensor<60xf32>
  %s = linalg.generic {indexing_maps = [#id2, #row, #row], iterator_types = ["parallel", "reduction"]} ins(%x, %m : tensor<60x200xf32>, tensor<60xf32>) outs(%f1 : tensor<60xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %d = arith.subf %a, %b : f32
    %p = math.exp %d : f32
    %q = arith.addf %p, %o : f32
    linalg.yield %q : f32
  } -> tensor<60xf32>
  %r = linalg.generic {indexing_maps = [#id2, #row, #row, #id2], iterator_types = ["parallel", "parallel"]} ins(%x, %m, %s : tensor<60x200xf32>, tensor<60xf32>, tensor<60xf32>) outs(%out : tensor<60x200xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %o: f32):
    %d = arith.subf %a, %b : f32
    %p = math.exp %d : f32
    %q = arith.divf %p, %c : f32
    linalg.yield %q : f32
  } -> tensor<60x200xf32>
  kernel.return %r : tensor<60x200xf32>
}

// One sum over everything: one block, whose warps meet in shared memory.
// CHECK-LABEL: kernel.func private @total(
// CHECK-SAME: blocks = [<size = 1, step = 1>]
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK: memref.alloca() {{.*}} : memref<8xf32, 3>
// CHECK-COUNT-2: gpu.barrier
kernel.func private @total(%x: tensor<100000xf32>, %out: tensor<f32>) -> tensor<f32> {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<f32>) -> tensor<f32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>], iterator_types = ["reduction"]} ins(%x : tensor<100000xf32>) outs(%f : tensor<f32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %a, %o : f32
    linalg.yield %s : f32
  } -> tensor<f32>
  kernel.return %r : tensor<f32>
}

// Elements that are read at computed places: a thread for each of them.
// CHECK-LABEL: kernel.func private @gather(
// CHECK-SAME: #kernel.launch<threads = 256, arg = 2, limit = 65535, blocks = [<size = 33, step = 256, dims = [0]>]>
// CHECK: %[[ROW:.*]] = arith.index_cast %{{.*}} : i64 to index
// CHECK: memref.load %arg1[%[[ROW]], %{{.*}}] : memref<?x33xf32>
kernel.func private @gather(%rows: tensor<?xi64>, %t: tensor<?x33xf32>, %out: tensor<?x33xf32>) -> tensor<?x33xf32> attributes {kind = "elementwise"} {
  %r = linalg.generic {indexing_maps = [#row, #id2], iterator_types = ["parallel", "parallel"]} ins(%rows : tensor<?xi64>) outs(%out : tensor<?x33xf32>) {
  ^bb0(%a: i64, %o: f32):
    %i = arith.index_cast %a : i64 to index
    %j = linalg.index 1 : index
    %v = tensor.extract %t[%i, %j] : tensor<?x33xf32>
    linalg.yield %v : f32
  } -> tensor<?x33xf32>
  kernel.return %r : tensor<?x33xf32>
}

// An algorithm: one thread.
// CHECK-LABEL: kernel.func private @loop(
// CHECK-SAME: #kernel.launch<threads = 1, arg = 0>
kernel.func private @loop(%x: tensor<10xf32>, %out: tensor<10xf32>) -> tensor<10xf32> attributes {kind = "loop"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %z = arith.constant 0.0 : f32
  %r:2 = scf.for %i = %c0 to %c9 step %c1 iter_args(%t = %out, %s = %z) -> (tensor<10xf32>, f32) {
    %v = tensor.extract %x[%i] : tensor<10xf32>
    %n = arith.addf %s, %v : f32
    %u = tensor.insert %n into %t[%i] : tensor<10xf32>
    scf.yield %u, %n : tensor<10xf32>, f32
  }
  kernel.return %r#0 : tensor<10xf32>
}


// Plain loops whose iterations never meet: an iteration of each for a thread.
// Scratch that is asked for within is its own.
// CHECK-LABEL: kernel.func private @rows_apart(
// CHECK-SAME: #kernel.launch<threads = 32, arg = 1, limit = 7281, blocks = [<size = 1, step = 32, dims = [0]>]>
// CHECK: memref.alloca() {{.*}} : memref<9xf32>
// CHECK: scf.for %[[ROW:.*]] = %{{.*}} to %{{.*}} step
// CHECK: memref.load %arg0[%[[ROW]], %{{.*}}]
// CHECK: memref.store %{{.*}}, %arg1[%[[ROW]], %{{.*}}]
kernel.func private @rows_apart(%x: tensor<?x9xf32>, %out: tensor<?x9xf32>) -> tensor<?x9xf32> attributes {kind = "loop"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c9 = arith.constant 9 : index
  %n = tensor.dim %x, %c0 : tensor<?x9xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%t = %out) -> (tensor<?x9xf32>) {
    %e = tensor.empty() : tensor<9xf32>
    %s = scf.for %j = %c0 to %c9 step %c1 iter_args(%u = %e) -> (tensor<9xf32>) {
      %v = tensor.extract %x[%i, %j] : tensor<?x9xf32>
      %k = arith.subi %c8, %j : index
      %w = tensor.insert %v into %u[%k] : tensor<9xf32>
      scf.yield %w : tensor<9xf32>
    }
    %q = scf.for %j = %c0 to %c9 step %c1 iter_args(%u = %t) -> (tensor<?x9xf32>) {
      %v = tensor.extract %s[%j] : tensor<9xf32>
      %w = tensor.insert %v into %u[%i, %j] : tensor<?x9xf32>
      scf.yield %w : tensor<?x9xf32>
    }
    scf.yield %q : tensor<?x9xf32>
  }
  kernel.return %r : tensor<?x9xf32>
}

// Places that are computed may be the same ones: the first thread writes what
// all threads of the one block have cleared.
// CHECK-LABEL: kernel.func private @meet(
// CHECK-SAME: #kernel.launch<threads = 256, arg = 0>
// CHECK: scf.for
// CHECK: memref.store
// CHECK: gpu.barrier
// CHECK: scf.if
// CHECK-NEXT: scf.for
// CHECK: memref.load %arg1[%[[AT:.*]]]
// CHECK: memref.store %{{.*}}, %arg1[%[[AT]]]
// CHECK: gpu.barrier
kernel.func private @meet(%at: tensor<100xindex>, %out: tensor<1000xf32>) -> tensor<1000xf32> attributes {kind = "loop"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c100 = arith.constant 100 : index
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %z = linalg.fill ins(%zero : f32) outs(%out : tensor<1000xf32>) -> tensor<1000xf32>
  %r = scf.for %i = %c0 to %c100 step %c1 iter_args(%t = %z) -> (tensor<1000xf32>) {
    %p = tensor.extract %at[%i] : tensor<100xindex>
    %v = tensor.extract %t[%p] : tensor<1000xf32>
    %w = arith.addf %v, %one : f32
    %u = tensor.insert %w into %t[%p] : tensor<1000xf32>
    scf.yield %u : tensor<1000xf32>
  }
  kernel.return %r : tensor<1000xf32>
}

// Products of bytes, four terms by an instruction: words in shared memory, loaded
// whole where the run finds them aligned.
// CHECK-LABEL: kernel.func private @bytes(
// CHECK: memref.alloca() {{.*}} : memref<2x16x36xi32, 3>
// CHECK: vector.load %arg0[{{.*}}] {alignment = 4 : i64} : memref<64x128xi8>, vector<4xi8>
// CHECK: vector.load {{.*}} memref<2x16x{{[0-9]+}}xi32, 3>
// CHECK: nvvm.dot.accumulate.4way %{{.*}} <unsigned>, %{{.*}} <signed>, %{{.*}} : vector<4xi8>, vector<4xi8>
kernel.func private @bytes(%x: tensor<64x128xi8>, %y: tensor<128x4096xi8>, %out: tensor<64x4096xi32>) -> tensor<64x4096xi32> {
  %z = arith.constant 0 : i32
  %f = linalg.fill ins(%z : i32) outs(%out : tensor<64x4096xi32>) -> tensor<64x4096xi32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %y : tensor<64x128xi8>, tensor<128x4096xi8>) outs(%f : tensor<64x4096xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %p = arith.extui %a : i8 to i32
    %q = arith.extsi %b : i8 to i32
    %r = arith.muli %p, %q : i32
    %t = arith.addi %s, %r : i32
    linalg.yield %t : i32
  } -> tensor<64x4096xi32>
  kernel.return %m : tensor<64x4096xi32>
}

// RUN: lathe-opt %s --split-input-file --kernel-tabulate="features=+ssse3,+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx512vbmi" | FileCheck %s
// RUN: lathe-opt %s --split-input-file --kernel-tabulate="triple=nvptx64-nvidia-cuda cpu=sm_80" | FileCheck %s --check-prefix=GPU

// A sigmoid between bytes is a table: 0 is -4, where the sigmoid is 0.018 (5 of 255).
// CHECK-LABEL: func.func @sigmoid
// CHECK: %[[T:.*]] = arith.constant dense<"0x0505
// CHECK: ^bb0(%[[X:.*]]: i8, %{{.*}}: i8):
// CHECK-NEXT: %[[Y:.*]] = kernel.lookup %[[T]][%[[X]]] : tensor<256xi8>, i8
// CHECK-NEXT: linalg.yield %[[Y]]
// GPU-LABEL: func.func @sigmoid
// GPU-NOT: kernel.lookup
#id = affine_map<(d0) -> (d0)>
func.func @sigmoid(%x: tensor<64xi8>) -> tensor<64xi8> {
  %e = tensor.empty() : tensor<64xi8>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<64xi8>) outs(%e : tensor<64xi8>) {
  ^bb0(%p: i8, %o: i8):
    %zero = arith.constant 128 : i32
    %step = arith.constant 0.03125 : f32
    %one = arith.constant 1.0 : f32
    %most = arith.constant 255.0 : f32
    %0 = arith.extui %p : i8 to i32
    %1 = arith.subi %0, %zero : i32
    %2 = arith.sitofp %1 : i32 to f32
    %3 = arith.mulf %2, %step : f32
    %4 = arith.negf %3 : f32
    %5 = math.exp %4 : f32
    %6 = arith.addf %5, %one : f32
    %7 = arith.divf %most, %6 : f32
    %8 = math.roundeven %7 : f32
    %9 = arith.fptosi %8 : f32 to i32
    %10 = arith.trunci %9 : i32 to i8
    linalg.yield %10 : i8
  } -> tensor<64xi8>
  return %y : tensor<64xi8>
}

// -----

// What turns out to be a clamp needs no table, on any machine.
// CHECK-LABEL: func.func @clamp
// CHECK: ^bb0(%[[X:.*]]: i8, %{{.*}}: i8):
// CHECK-NEXT: %[[LOW:.*]] = arith.constant -3 : i8
// CHECK-NEXT: %[[Y:.*]] = arith.maxsi %[[X]], %[[LOW]] : i8
// CHECK-NEXT: linalg.yield %[[Y]]
// GPU-LABEL: func.func @clamp
// GPU: arith.maxsi %{{.*}}, %{{.*}} : i8
#id = affine_map<(d0) -> (d0)>
func.func @clamp(%x: tensor<64xi8>) -> tensor<64xi8> {
  %e = tensor.empty() : tensor<64xi8>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<64xi8>) outs(%e : tensor<64xi8>) {
  ^bb0(%p: i8, %o: i8):
    %zero = arith.constant 3.0 : f32
    %step = arith.constant 0.1 : f32
    %none = arith.constant 0.0 : f32
    %0 = arith.sitofp %p : i8 to f32
    %1 = arith.addf %0, %zero : f32
    %2 = arith.mulf %1, %step : f32
    %3 = arith.cmpf ogt, %2, %none : f32
    %4 = arith.select %3, %2, %none : f32
    %5 = arith.divf %4, %step : f32
    %6 = math.roundeven %5 : f32
    %7 = arith.subf %6, %zero : f32
    %8 = arith.fptosi %7 : f32 to i8
    linalg.yield %8 : i8
  } -> tensor<64xi8>
  return %y : tensor<64xi8>
}

// -----

// A byte on the way is a function of the same one: x times the byte of exp(x) is one table. A byte made
// of two is a source of its own: the table stands behind it.
// CHECK-LABEL: func.func @chain
// CHECK-COUNT-2: arith.constant dense<"0x
// CHECK: ^bb0(%[[X:.*]]: i8, %[[Z:.*]]: i8, %{{.*}}: i8, %{{.*}}: i8):
// CHECK-NEXT: %[[Y:.*]] = kernel.lookup %{{.*}}[%[[X]]]
// CHECK-NEXT: %[[SUM:.*]] = arith.addi %[[X]], %[[Z]] : i8
// CHECK-NEXT: %[[W:.*]] = kernel.lookup %{{.*}}[%[[SUM]]]
// CHECK-NEXT: linalg.yield %[[Y]], %[[W]]
#id = affine_map<(d0) -> (d0)>
func.func @chain(%x: tensor<64xi8>, %z: tensor<64xi8>) -> (tensor<64xi8>, tensor<64xi8>) {
  %step = arith.constant 0.01 : f32
  %e = tensor.empty() : tensor<64xi8>
  %y:2 = linalg.generic {indexing_maps = [#id, #id, #id, #id], iterator_types = ["parallel"]} ins(%x, %z : tensor<64xi8>, tensor<64xi8>) outs(%e, %e : tensor<64xi8>, tensor<64xi8>) {
  ^bb0(%p: i8, %q: i8, %o: i8, %o2: i8):
    %0 = arith.sitofp %p : i8 to f32
    %1 = arith.mulf %0, %step : f32
    %2 = math.exp %1 : f32
    %3 = arith.fptosi %2 : f32 to i32
    %4 = arith.trunci %3 : i32 to i8
    %5 = arith.sitofp %4 : i8 to f32
    %6 = arith.mulf %0, %5 : f32
    %7 = arith.fptosi %6 : f32 to i32
    %8 = arith.trunci %7 : i32 to i8
    %9 = arith.addi %p, %q : i8
    %10 = arith.sitofp %9 : i8 to f32
    %11 = arith.mulf %10, %step : f32
    %12 = math.exp %11 : f32
    %13 = arith.fptosi %12 : f32 to i32
    %14 = arith.trunci %13 : i32 to i8
    linalg.yield %8, %14 : i8, i8
  } -> (tensor<64xi8>, tensor<64xi8>)
  return %y#0, %y#1 : tensor<64xi8>, tensor<64xi8>
}

// -----

// Two bytes, a library's function, and a number that does not fit an integer (anything may come of it): arithmetic stays.
// CHECK-LABEL: func.func @stays
// CHECK-NOT: kernel.lookup
#id = affine_map<(d0) -> (d0)>
func.func @stays(%x: tensor<64xi8>, %z: tensor<64xi8>) -> (tensor<64xi8>, tensor<64xi8>, tensor<64xi8>) {
  %step = arith.constant 0.01 : f32
  %e = tensor.empty() : tensor<64xi8>
  %y:3 = linalg.generic {indexing_maps = [#id, #id, #id, #id, #id], iterator_types = ["parallel"]} ins(%x, %z : tensor<64xi8>, tensor<64xi8>) outs(%e, %e, %e : tensor<64xi8>, tensor<64xi8>, tensor<64xi8>) {
  ^bb0(%p: i8, %q: i8, %o: i8, %o2: i8, %o3: i8):
    %0 = arith.sitofp %p : i8 to f32
    %1 = arith.sitofp %q : i8 to f32
    %2 = arith.mulf %0, %1 : f32
    %3 = math.exp %2 : f32
    %4 = arith.fptosi %3 : f32 to i8
    %5 = arith.mulf %0, %step : f32
    %6 = math.sinh %5 : f32
    %7 = arith.fptosi %6 : f32 to i8
    %8 = math.exp %0 : f32
    %9 = arith.fptosi %8 : f32 to i8
    linalg.yield %4, %7, %9 : i8, i8, i8
  } -> (tensor<64xi8>, tensor<64xi8>, tensor<64xi8>)
  return %y#0, %y#1, %y#2 : tensor<64xi8>, tensor<64xi8>, tensor<64xi8>
}

// RUN: lathe-opt %s --kernel-share | FileCheck %s
// RUN: lathe-opt %s --kernel-share=fma=false | FileCheck %s --check-prefix=DIVIDES

// Two quantizations to ranges of their own are one kernel, with the scale, its
// reciprocal and the zero point as arguments; the bound that both have stays.
// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[S:.*]] = arith.constant 5.000000e-01 : f32
// CHECK-DAG: %[[R:.*]] = arith.constant 2.000000e+00 : f32
// CHECK-DAG: %[[Z:.*]] = arith.constant 7 : i32
// CHECK: kernel.call @a ins(%arg0, %[[S]], %[[R]], %[[Z]] : tensor<8xf32>, f32, f32, i32)
// CHECK-DAG: %[[T:.*]] = arith.constant 3.000000e+00 : f32
// CHECK-DAG: %[[Q:.*]] = arith.constant 0.333333343 : f32
// CHECK-DAG: %[[Y:.*]] = arith.constant 9 : i32
// CHECK: kernel.call @a ins(%arg0, %[[T]], %[[Q]], %[[Y]] : tensor<8xf32>, f32, f32, i32)
// Another body is another kernel.
// CHECK: kernel.call @c ins(%arg0 : tensor<8xf32>)
// CHECK: kernel.func private @a(%{{.*}}: tensor<8xf32>, %[[D:.*]]: f32, %[[I:.*]]: f32, %[[P:.*]]: i32, %{{.*}}: tensor<8xi32>)
// CHECK: arith.constant 1.000000e+02
// CHECK-NOT: arith.divf
// CHECK: arith.mulf %{{.*}}, %[[I]]
// CHECK: arith.negf %[[D]]
// CHECK-COUNT-2: math.fma
// CHECK: arith.addi {{.*}}, %[[P]]
// CHECK-NOT: @b
// Without fused multiply-adds it is a division still.
// DIVIDES: kernel.func private @a(%{{.*}}: tensor<8xf32>, %[[D:.*]]: f32, %{{.*}}: i32, %{{.*}}: tensor<8xi32>)
// DIVIDES: arith.divf %{{.*}}, %[[D]]
#id = affine_map<(d0) -> (d0)>
func.func @main(%x: tensor<8xf32>, %o: tensor<8xi32>) -> (tensor<8xi32>, tensor<8xi32>, tensor<8xi32>) {
  %0 = kernel.call @a ins(%x : tensor<8xf32>) outs(%o : tensor<8xi32>) -> tensor<8xi32>
  %1 = kernel.call @b ins(%x : tensor<8xf32>) outs(%o : tensor<8xi32>) -> tensor<8xi32>
  %2 = kernel.call @c ins(%x : tensor<8xf32>) outs(%o : tensor<8xi32>) -> tensor<8xi32>
  return %0, %1, %2 : tensor<8xi32>, tensor<8xi32>, tensor<8xi32>
}
kernel.func private @a(%x: tensor<8xf32>, %o: tensor<8xi32>) -> tensor<8xi32> attributes {kind = "elementwise"} {
  %most = arith.constant 100.0 : f32
  %scale = arith.constant 0.5 : f32
  %zero = arith.constant 7 : i32
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%o : tensor<8xi32>) {
  ^bb0(%a: f32, %b: i32):
    %0 = arith.minnumf %a, %most : f32
    %1 = arith.divf %0, %scale fastmath<nnan,ninf> : f32
    %2 = arith.fptosi %1 : f32 to i32
    %3 = arith.addi %2, %zero : i32
    linalg.yield %3 : i32
  } -> tensor<8xi32>
  kernel.return %r : tensor<8xi32>
}
kernel.func private @b(%x: tensor<8xf32>, %o: tensor<8xi32>) -> tensor<8xi32> attributes {kind = "elementwise"} {
  %most = arith.constant 100.0 : f32
  %scale = arith.constant 3.0 : f32
  %zero = arith.constant 9 : i32
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%o : tensor<8xi32>) {
  ^bb0(%a: f32, %b: i32):
    %0 = arith.minnumf %a, %most : f32
    %1 = arith.divf %0, %scale fastmath<nnan,ninf> : f32
    %2 = arith.fptosi %1 : f32 to i32
    %3 = arith.addi %2, %zero : i32
    linalg.yield %3 : i32
  } -> tensor<8xi32>
  kernel.return %r : tensor<8xi32>
}
kernel.func private @c(%x: tensor<8xf32>, %o: tensor<8xi32>) -> tensor<8xi32> attributes {kind = "elementwise"} {
  %scale = arith.constant 3.0 : f32
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%o : tensor<8xi32>) {
  ^bb0(%a: f32, %b: i32):
    %1 = arith.mulf %a, %scale : f32
    %2 = arith.fptosi %1 : f32 to i32
    linalg.yield %2 : i32
  } -> tensor<8xi32>
  kernel.return %r : tensor<8xi32>
}

// RUN: lathe-opt %s --lower-legalize-storage --canonicalize --cse --split-input-file | FileCheck %s
// RUN: lathe-opt %s --lower-legalize-storage=widen-half --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=WIDE

// f16 stays in memory, bodies compute in f32.
// CHECK-LABEL: @half(
// CHECK-SAME:    tensor<4xf16>
// CHECK:           %[[X:.*]] = arith.extf %{{.*}} : f16 to f32
// CHECK:           %[[Y:.*]] = math.exp %[[X]] : f32
// CHECK:           arith.truncf %[[Y]] : f32 to f16
#id = affine_map<(d0) -> (d0)>
func.func @half(%x: tensor<4xf16>) -> tensor<4xf16> {
  %e = tensor.empty() : tensor<4xf16>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xf16>) outs(%e : tensor<4xf16>) {
  ^bb0(%a: f16, %o: f16):
    %1 = math.exp %a : f16
    linalg.yield %1 : f16
  } -> tensor<4xf16>
  return %0 : tensor<4xf16>
}

// -----

// bf16 is its bits: a shift up, and down with half to even.
// CHECK-LABEL: @brain(
// CHECK-SAME:    tensor<4xi16>
// CHECK:           arith.shli
// CHECK:           arith.negf {{.*}} f32
// CHECK:           arith.trunci {{.*}} i32 to i16
#id = affine_map<(d0) -> (d0)>
func.func @brain(%x: tensor<4xbf16>) -> tensor<4xbf16> {
  %e = tensor.empty() : tensor<4xbf16>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xbf16>) outs(%e : tensor<4xbf16>) {
  ^bb0(%a: bf16, %o: bf16):
    %1 = arith.negf %a : bf16
    linalg.yield %1 : bf16
  } -> tensor<4xbf16>
  return %0 : tensor<4xbf16>
}

// -----

// What is only moved is not converted. A bool is a byte.
// CHECK-LABEL: @moved(
// CHECK-SAME:    tensor<4xi8>
// CHECK:         linalg.generic
// CHECK-NEXT:    ^bb0(%[[IN:.*]]: i8, %{{.*}}: i8):
// CHECK-NEXT:      linalg.yield %[[IN]] : i8
#id = affine_map<(d0) -> (d0)>
#rev = affine_map<(d0) -> (3 - d0)>
func.func @moved(%x: tensor<4xi1>) -> tensor<4xi1> {
  %e = tensor.empty() : tensor<4xi1>
  %0 = linalg.generic {indexing_maps = [#rev, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xi1>) outs(%e : tensor<4xi1>) {
  ^bb0(%a: i1, %o: i1):
    linalg.yield %a : i1
  } -> tensor<4xi1>
  return %0 : tensor<4xi1>
}

// -----

// Four bits are packed at the boundary and one a byte inside.
// CHECK-LABEL: @packed(
// CHECK-SAME:    %[[X:.*]]: tensor<2xi8>{{.*}} -> tensor<3xi8>
// CHECK:         linalg.generic
// CHECK:           tensor.extract %[[X]]
// CHECK:           arith.shrui
func.func @packed(%x: tensor<3xi4>) -> tensor<3xi8> {
  %e = tensor.empty() : tensor<3xi8>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<3xi4>) outs(%e : tensor<3xi8>) {
  ^bb0(%a: i4, %o: i8):
    %1 = arith.extsi %a : i4 to i8
    linalg.yield %1 : i8
  } -> tensor<3xi8>
  return %0 : tensor<3xi8>
}

// -----

// With room for it halves are f32 inside main, constants too, and nothing rounds
// between ops.
// WIDE-LABEL: @wide(
// WIDE-SAME:    %[[X:.*]]: tensor<4xf16>{{.*}} -> tensor<4xf16>
// WIDE:         linalg.generic {{.*}} ins(%[[X]] : tensor<4xf16>)
// WIDE:           arith.extf {{.*}} f16 to f32
// WIDE:         linalg.generic
// WIDE-NEXT:    ^bb0(%[[A:.*]]: f32, %{{.*}}: f32):
// WIDE-NEXT:      %[[Y:.*]] = math.exp %[[A]] : f32
// WIDE-NEXT:      linalg.yield %[[Y]]
// WIDE:           arith.truncf {{.*}} f32 to f16
#id = affine_map<(d0) -> (d0)>
func.func @wide(%x: tensor<4xf16>) -> tensor<4xf16> {
  %e = tensor.empty() : tensor<4xf16>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xf16>) outs(%e : tensor<4xf16>) {
  ^bb0(%a: f16, %o: f16):
    %1 = math.exp %a : f16
    linalg.yield %1 : f16
  } -> tensor<4xf16>
  return %0 : tensor<4xf16>
}

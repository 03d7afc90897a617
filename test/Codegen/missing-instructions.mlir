// What a vector unit lacks is written in what it has: no call of libm, lane by lane.
// RUN: lathe-opt %s --codegen-expand-math="rounding=false max-num=false" | FileCheck %s
// RUN: lathe-opt %s --codegen-expand-math | FileCheck %s --check-prefix=HAS

// CHECK-LABEL: @round
// CHECK-NOT: math.roundeven
// CHECK: arith.addf
// CHECK: arith.subf
// CHECK: math.copysign
// CHECK: arith.select
// HAS-LABEL: @round
// HAS: math.roundeven
func.func @round(%x: vector<4xf32>) -> vector<4xf32> {
  %r = math.roundeven %x : vector<4xf32>
  return %r : vector<4xf32>
}

// Doubles keep the library's function.
// CHECK-LABEL: @double
// CHECK: math.floor %{{.*}} : f64
func.func @double(%x: f64) -> f64 {
  %r = math.floor %x : f64
  return %r : f64
}

// Where one operand is NaN the other is the larger.
// CHECK-LABEL: @larger
// CHECK-SAME: (%[[X:.*]]: vector<4xf32>, %[[Y:.*]]: vector<4xf32>)
// CHECK: %[[WINS:.*]] = arith.cmpf ogt, %[[X]], %[[Y]]
// CHECK: %[[NAN:.*]] = arith.cmpf uno, %[[Y]], %[[Y]]
// CHECK: %[[L:.*]] = arith.select %[[WINS]], %[[X]], %[[Y]]
// CHECK: arith.select %[[NAN]], %[[X]], %[[L]]
// HAS-LABEL: @larger
// HAS: arith.maxnumf
func.func @larger(%x: vector<4xf32>, %y: vector<4xf32>) -> vector<4xf32> {
  %r = arith.maxnumf %x, %y : vector<4xf32>
  return %r : vector<4xf32>
}

// CHECK-LABEL: @largest
// CHECK: vector.extract_strided_slice %{{.*}} {offsets = [2], sizes = [2]
// CHECK-NOT: vector.reduction
// CHECK-NOT: maxnumf
// HAS-LABEL: @largest
// HAS: vector.reduction <maxnumf>
func.func @largest(%x: vector<4xf32>) -> f32 {
  %r = vector.reduction <maxnumf>, %x : vector<4xf32> into f32
  return %r : f32
}

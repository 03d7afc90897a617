// What a vector unit lacks is written in what it has: no call of libm, lane by lane.
// RUN: lathe-opt %s --codegen-expand-math="rounding=false max-num=false" | FileCheck %s
// RUN: lathe-opt %s --codegen-expand-math | FileCheck %s --check-prefix=HAS
// RUN: lathe-opt %s --codegen-expand-math="whole-loads=false" | FileCheck %s --check-prefix=WORD

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

// Where LLVM would copy a word of bytes to the stack it becomes a lane, and what it holds is hidden; wider ones are frozen.
// WORD-LABEL: @word
// WORD: %[[L:.*]] = vector.load %{{.*}} : memref<?xi8>, vector<4xi8>
// WORD: vector.bitcast %[[L]] : vector<4xi8> to vector<1xi32>
// WORD: %[[A:.*]] = llvm.inline_asm "", "=w,0" %{{.*}} : (vector<2xi32>) -> vector<2xi32>
// WORD: vector.bitcast %[[A]] : vector<2xi32> to vector<8xi8>
// WORD: %[[X:.*]] = vector.extract_strided_slice %{{.*}} {offsets = [0], sizes = [4]
// WORD: arith.extui %[[X]]
// WORD: %[[W:.*]] = vector.load %{{.*}} : memref<?xi8>, vector<8xi8>
// WORD: llvm.freeze %[[W]]
// HAS-LABEL: @word
// HAS-NOT: llvm.
func.func @word(%m: memref<?xi8>, %i: index) -> (vector<4xi32>, vector<8xi16>) {
  %a = vector.load %m[%i] : memref<?xi8>, vector<4xi8>
  %x = arith.extui %a : vector<4xi8> to vector<4xi32>
  %b = vector.load %m[%i] : memref<?xi8>, vector<8xi8>
  %y = arith.extui %b : vector<8xi8> to vector<8xi16>
  return %x, %y : vector<4xi32>, vector<8xi16>
}

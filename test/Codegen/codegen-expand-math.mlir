// RUN: lathe-opt %s --codegen-expand-math="fma=true" | FileCheck %s
// RUN: lathe-opt %s --codegen-expand-math="fma=false" | FileCheck --check-prefix=SPLIT %s
// RUN: lathe-opt %s --codegen-expand-math="scale=true" | FileCheck --check-prefix=SCALE %s

// On vectors of f32: arithmetic alone, no call.
// CHECK-LABEL: @functions(
// CHECK-NOT: math.exp
// CHECK-NOT: math.erf
// CHECK-NOT: math.tanh
// CHECK-NOT: math.log
// CHECK-NOT: math.sin
// CHECK-NOT: math.cos
// CHECK-NOT: call
// CHECK: math.fma {{.*}} : vector<16xf32>
// CHECK: return
// Without the instruction a fused multiply-add is two operations.
// SPLIT-LABEL: @functions(
// SPLIT-NOT: math.fma
// SPLIT: arith.mulf {{.*}} : vector<16xf32>
// SPLIT: return
// AVX-512 multiplies by a power of two; without it that takes integers.
// CHECK-NOT: scalef
// SCALE-LABEL: @functions(
// SCALE: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"
func.func @functions(%x: vector<16xf32>) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
  %0 = math.exp %x : vector<16xf32>
  %1 = math.erf %x : vector<16xf32>
  %2 = math.tanh %x : vector<16xf32>
  %3 = math.log %x : vector<16xf32>
  %4 = math.sin %x : vector<16xf32>
  %5 = math.cos %x : vector<16xf32>
  return %0, %1, %2, %3, %4, %5 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
}

// What has no polynomial calls libm, lane by lane; what the target has as an instruction stays.
// CHECK-LABEL: @rare(
// CHECK-COUNT-2: call @acosf
// CHECK: call @erf(
// CHECK: math.sqrt
// CHECK: math.floor
func.func @rare(%x: vector<2xf32>, %y: f64) -> (vector<2xf32>, f64, vector<2xf32>, vector<2xf32>) {
  %0 = math.acos %x : vector<2xf32>
  %1 = math.erf %y : f64
  %2 = math.sqrt %x : vector<2xf32>
  %3 = math.floor %x : vector<2xf32>
  return %0, %1, %2, %3 : vector<2xf32>, f64, vector<2xf32>, vector<2xf32>
}

// The larger of x and a number: a comparison, whose NaN is x's; of two values, NaN of either counts.
// CHECK-LABEL: @extremum(
// CHECK: %[[BELOW:.*]] = arith.cmpf olt, %{{.*}}, %[[ZERO:.*]] : f32
// CHECK: arith.select %[[BELOW]], %[[ZERO]], %{{.*}} : f32
// CHECK: arith.maximumf
func.func @extremum(%x: f32, %y: f32) -> (f32, f32) {
  %zero = arith.constant 0.0 : f32
  %0 = arith.maximumf %x, %zero : f32
  %1 = arith.maximumf %x, %y : f32
  return %0, %1 : f32, f32
}

// -----

// A quotient of finite numbers by a constant: the product with its reciprocal, corrected. Any other stays.
// CHECK-LABEL: @divide(
// CHECK-SAME:    %[[X:.*]]: vector<8xf32>
// CHECK-DAG:     %[[R:.*]] = arith.constant dense<0.333333343> : vector<8xf32>
// CHECK-DAG:     %[[C:.*]] = arith.constant dense<-3.000000e+00> : vector<8xf32>
// CHECK:         %[[Q:.*]] = arith.mulf %[[X]], %[[R]]
// CHECK:         %[[LEFT:.*]] = math.fma %[[Q]], %[[C]], %[[X]]
// CHECK:         math.fma %[[LEFT]], %[[R]], %[[Q]]
// CHECK:         arith.divf %[[X]]
// SPLIT-LABEL: @divide(
// SPLIT:         arith.divf {{.*}} fastmath<nnan,ninf>
func.func @divide(%x: vector<8xf32>) -> (vector<8xf32>, vector<8xf32>) {
  %c = arith.constant dense<3.0> : vector<8xf32>
  %0 = arith.divf %x, %c fastmath<nnan,ninf> : vector<8xf32>
  %1 = arith.divf %x, %c : vector<8xf32>
  return %0, %1 : vector<8xf32>, vector<8xf32>
}

// Where no library is, functions of f64 are arithmetic too, and f32's pow goes through f64.
// RUN: lathe-opt %s --codegen-expand-math="library=false" | FileCheck --check-prefix=DOUBLE %s
// CHECK-LABEL: @double(
// CHECK: math.exp {{.*}} : f64
// DOUBLE-LABEL: @double(
// DOUBLE-NOT: math.exp
// DOUBLE-NOT: math.log
// DOUBLE-NOT: math.powf
// DOUBLE: arith.truncf {{.*}} : vector<4xf64> to vector<4xf32>
// DOUBLE: return
func.func @double(%x: f64, %y: vector<4xf32>) -> (f64, f64, f64, vector<4xf32>) {
  %e = math.exp %x : f64
  %l = math.log %x : f64
  %p = math.powf %x, %l : f64
  %q = math.powf %y, %y : vector<4xf32>
  return %e, %l, %p, %q : f64, f64, f64, vector<4xf32>
}

// No library: the functions of f64, and those of f32 that have no formula of
// their own, are arithmetic.
// DOUBLE-LABEL: func.func @without_library
// DOUBLE-NOT: math.{{erf|tanh|sin|asin}}
// DOUBLE-NOT: call
// DOUBLE: arith.truncf
// DOUBLE: return
func.func @without_library(%x: f64, %y: f32) -> (f64, f64, f64, f32) {
  %0 = math.erf %x : f64
  %1 = math.tanh %x : f64
  %2 = math.sin %x : f64
  %3 = math.asin %y : f32
  return %0, %1, %2, %3 : f64, f64, f64, f32
}

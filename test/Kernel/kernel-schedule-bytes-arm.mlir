// RUN: lathe-opt %s --kernel-schedule="triple=aarch64-linux-gnu features=+neon" | FileCheck %s --check-prefix=NEON
// RUN: lathe-opt %s --kernel-schedule="triple=aarch64-linux-gnu features=+neon,+dotprod" | FileCheck %s --check-prefix=DOT
// RUN: lathe-opt %s --kernel-schedule="triple=aarch64-linux-gnu features=+neon,+dotprod,+i8mm" | FileCheck %s --check-prefix=I8MM
// RUN: lathe-opt %s --kernel-schedule="triple=aarch64-linux-gnu features=+neon" --kernel-place-weights --codegen-bufferize --codegen-emit-kernels="triple=aarch64-linux-gnu features=+neon" | FileCheck %s --check-prefix=SMLAL
// RUN: lathe-opt %s --kernel-schedule="triple=armv7-linux-gnueabihf features=+neon" --kernel-place-weights --codegen-bufferize --codegen-emit-kernels="triple=armv7-linux-gnueabihf features=+neon" | FileCheck %s --check-prefix=VMLAL
// RUN: lathe-opt %s --kernel-schedule="triple=aarch64-linux-gnu features=+neon,+dotprod" --kernel-place-weights --codegen-bufferize --codegen-emit-kernels="triple=aarch64-linux-gnu features=+neon,+dotprod" | FileCheck %s --check-prefix=SDOT
// RUN: lathe-opt %s --kernel-schedule="triple=aarch64-linux-gnu features=+neon,+i8mm" --kernel-place-weights --codegen-bufferize --codegen-emit-kernels="triple=aarch64-linux-gnu features=+neon,+i8mm" | FileCheck %s --check-prefix=USMMLA

// Words by a lane take rows of both signs, and weights in no groups. sdot takes signed rows only, whose sign bits may be
// flipped on the way; with i8mm unsigned ones are multiplied, two rows at once.
// NEON: kernel.weight {{.*}} packing <outer = [1, 0], blocks = [1], tiles = [16]> : tensor<2x20x16xi8>
// NEON: @unsigned({{.*}}schedule = #kernel.contraction<mr = 5, nv = 2, lanes = 8, dot = smlal>
// NEON: @flipped({{.*}}schedule = #kernel.contraction<mr = 5, nv = 2, lanes = 8, dot = smlal>
// DOT: kernel.weight {{.*}} packing <outer = [1, 0], blocks = [1], tiles = [16]>
// DOT: kernel.weight {{.*}} packing <outer = [1, 0], blocks = [1, 0], tiles = [16, 4]> : tensor<2x5x16x4xi8>
// DOT: @unsigned({{.*}}dot = smlal>
// DOT: @flipped({{.*}}schedule = #kernel.contraction<mr = 5, nv = 4, lanes = 4, dot = sdot>
// I8MM: kernel.weight {{.*}} packing <outer = [1, 0], blocks = [1, 0], tiles = [16, 8]> : tensor<2x3x16x8xi8>
// I8MM: @unsigned({{.*}}schedule = #kernel.contraction<mr = 6, nv = 4, lanes = 4, dot = usmmla>
// I8MM: @flipped({{.*}}dot = smlal>

// SMLAL-LABEL: @unsigned(
// SMLAL: vector.load {{.*}} vector<8xi8>
// SMLAL: arith.extui {{.*}} : vector<8xi8> to vector<8xi16>
// SMLAL: llvm.call_intrinsic "llvm.aarch64.neon.smull"({{.*}}) : (vector<4xi16>, vector<4xi16>) -> vector<4xi32>
// SMLAL-LABEL: @flipped(
// SMLAL: arith.xori {{.*}} : vector<8xi8>
// SMLAL: arith.extsi {{.*}} : vector<8xi8> to vector<8xi16>
// VMLAL-LABEL: @unsigned(
// VMLAL: llvm.call_intrinsic "llvm.arm.neon.vmulls"

// Twenty terms: a register of sixteen, then four.
// SDOT-LABEL: @flipped(
// SDOT: %[[ROW:.*]] = vector.load {{.*}} vector<16xi8>
// SDOT: %[[FLIPPED:.*]] = arith.xori %[[ROW]]
// SDOT: vector.bitcast %[[FLIPPED]] : vector<16xi8> to vector<4xi32>
// SDOT: vector.shuffle {{.*}} [0, 0, 0, 0]
// SDOT: llvm.call_intrinsic "llvm.aarch64.neon.sdot"
// SDOT: vector.shuffle {{.*}} [3, 3, 3, 3]
// SDOT: vector.load {{.*}} vector<4xi8>

// Squares: sums of two rows enter and leave by shuffles, the odd row is multiplied twice.
// USMMLA-LABEL: @unsigned(
// USMMLA: vector.shuffle {{.*}} [0, 1, 4, 5] : vector<4xi32>, vector<4xi32>
// USMMLA: llvm.call_intrinsic "llvm.aarch64.neon.usmmla"({{.*}}) : (vector<4xi32>, vector<16xi8>, vector<16xi8>) -> vector<4xi32>
// USMMLA: vector.shuffle {{.*}} [2, 3, 6, 7]
func.func @main(%x: tensor<17x20xi8>) -> (tensor<17x32xi32>, tensor<17x32xi32>) {
  %w = kernel.weight dense<1> : tensor<20x32xi8> : tensor<20x32xi8>
  %v = kernel.weight dense<2> : tensor<20x32xi8> : tensor<20x32xi8>
  %o = tensor.empty() : tensor<17x32xi32>
  %p = tensor.empty() : tensor<17x32xi32>
  %0 = kernel.call @unsigned ins(%x, %w : tensor<17x20xi8>, tensor<20x32xi8>) outs(%o : tensor<17x32xi32>) -> tensor<17x32xi32>
  %1 = kernel.call @flipped ins(%x, %v : tensor<17x20xi8>, tensor<20x32xi8>) outs(%p : tensor<17x32xi32>) -> tensor<17x32xi32>
  return %0, %1 : tensor<17x32xi32>, tensor<17x32xi32>
}
kernel.func private @unsigned(%x: tensor<17x20xi8>, %w: tensor<20x32xi8>, %o: tensor<17x32xi32>) -> tensor<17x32xi32> attributes {kind = "contraction"} {
  %c = arith.constant 0 : i32
  %f = linalg.fill ins(%c : i32) outs(%o : tensor<17x32xi32>) -> tensor<17x32xi32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<17x20xi8>, tensor<20x32xi8>) outs(%f : tensor<17x32xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %s, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<17x32xi32>
  kernel.return %r : tensor<17x32xi32>
}
kernel.func private @flipped(%x: tensor<17x20xi8>, %w: tensor<20x32xi8>, %o: tensor<17x32xi32>) -> tensor<17x32xi32> attributes {kind = "contraction"} {
  %c = arith.constant 0 : i32
  %sign = arith.constant -128 : i8
  %f = linalg.fill ins(%c : i32) outs(%o : tensor<17x32xi32>) -> tensor<17x32xi32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<17x20xi8>, tensor<20x32xi8>) outs(%f : tensor<17x32xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %y = arith.xori %a, %sign : i8
    %0 = arith.extsi %y : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %s, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<17x32xi32>
  kernel.return %r : tensor<17x32xi32>
}

// Every kernel, emitted for three vector widths, against scalar loops on the same
// random data.
// RUN: lathe-kernel %s | FileCheck %s
// RUN: lathe-kernel %s --features=+avx,+avx2,+fma | FileCheck %s
// RUN: lathe-kernel %s --features=+sse2 | FileCheck %s
// CHECK-NOT: FAIL

// Loads lane by lane, stores whole.
kernel.func private @transpose(%a0: tensor<37x21xf32>, %o0: tensor<21x37xf32>) -> tensor<21x37xf32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d1,d0)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%a0 : tensor<37x21xf32>) outs(%o0 : tensor<21x37xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    linalg.yield %x0 : f32
  } -> tensor<21x37xf32>
  kernel.return %r#0 : tensor<21x37xf32>
}
kernel.func private @broadcast(%a0: tensor<5x1x7xf32>, %a1: tensor<1x6x1xf32>, %o0: tensor<5x6x7xf32>) -> tensor<5x6x7xf32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,0,d2)>, affine_map<(d0,d1,d2)->(0,d1,0)>, affine_map<(d0,d1,d2)->(d0,d1,d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%a0, %a1 : tensor<5x1x7xf32>, tensor<1x6x1xf32>) outs(%o0 : tensor<5x6x7xf32>) {
  ^bb0(%x0: f32, %x1: f32, %y0: f32):
    %s = arith.mulf %x0, %x1 : f32
    linalg.yield %s : f32
  } -> tensor<5x6x7xf32>
  kernel.return %r#0 : tensor<5x6x7xf32>
}
// All dimensions walk as one.
kernel.func private @merged(%a0: tensor<4x3x5x7xf32>, %o0: tensor<4x3x5x7xf32>) -> tensor<4x3x5x7xf32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2,d3)->(d0,d1,d2,d3)>, affine_map<(d0,d1,d2,d3)->(d0,d1,d2,d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%a0 : tensor<4x3x5x7xf32>) outs(%o0 : tensor<4x3x5x7xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    %s = math.tanh %x0 : f32
    linalg.yield %s : f32
  } -> tensor<4x3x5x7xf32>
  kernel.return %r#0 : tensor<4x3x5x7xf32>
}
kernel.func private @unit_inner(%a0: tensor<4x35x1xf32>, %o0: tensor<4x35x1xf32>) -> tensor<4x35x1xf32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d1,d2)>, affine_map<(d0,d1,d2)->(d0,d1,d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%a0 : tensor<4x35x1xf32>) outs(%o0 : tensor<4x35x1xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    %s = math.exp %x0 : f32
    linalg.yield %s : f32
  } -> tensor<4x35x1xf32>
  kernel.return %r#0 : tensor<4x35x1xf32>
}
// Lanes along the reduction.
kernel.func private @sum_rows(%a0: tensor<9x131xf32>, %o0: tensor<9xf32>) -> tensor<9xf32> {
  %c0 = arith.constant 0.0 : f32
  %f0 = linalg.fill ins(%c0 : f32) outs(%o0 : tensor<9xf32>) -> tensor<9xf32>
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d0)>], iterator_types = ["parallel", "reduction"]} ins(%a0 : tensor<9x131xf32>) outs(%f0 : tensor<9xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    %s = arith.addf %x0, %y0 : f32
    linalg.yield %s : f32
  } -> tensor<9xf32>
  kernel.return %r#0 : tensor<9xf32>
}
kernel.func private @max_columns(%a0: tensor<131x9xf32>, %o0: tensor<9xf32>) -> tensor<9xf32> {
  %c0 = arith.constant 0xFF800000 : f32
  %f0 = linalg.fill ins(%c0 : f32) outs(%o0 : tensor<9xf32>) -> tensor<9xf32>
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d1)>], iterator_types = ["reduction", "parallel"]} ins(%a0 : tensor<131x9xf32>) outs(%f0 : tensor<9xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    %s = arith.maximumf %x0, %y0 : f32
    linalg.yield %s : f32
  } -> tensor<9xf32>
  kernel.return %r#0 : tensor<9xf32>
}
kernel.func private @sum_middle(%a0: tensor<3x11x19xf32>, %o0: tensor<3x19xf32>) -> tensor<3x19xf32> {
  %c0 = arith.constant 0.0 : f32
  %f0 = linalg.fill ins(%c0 : f32) outs(%o0 : tensor<3x19xf32>) -> tensor<3x19xf32>
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d1,d2)>, affine_map<(d0,d1,d2)->(d0,d2)>], iterator_types = ["parallel", "reduction", "parallel"]} ins(%a0 : tensor<3x11x19xf32>) outs(%f0 : tensor<3x19xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    %s = arith.addf %x0, %y0 : f32
    linalg.yield %s : f32
  } -> tensor<3x19xf32>
  kernel.return %r#0 : tensor<3x19xf32>
}
kernel.func private @sum_all(%a0: tensor<7x45xf32>, %o0: tensor<f32>) -> tensor<f32> {
  %c0 = arith.constant 0.0 : f32
  %f0 = linalg.fill ins(%c0 : f32) outs(%o0 : tensor<f32>) -> tensor<f32>
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->()>], iterator_types = ["reduction", "reduction"]} ins(%a0 : tensor<7x45xf32>) outs(%f0 : tensor<f32>) {
  ^bb0(%x0: f32, %y0: f32):
    %s = arith.addf %x0, %y0 : f32
    linalg.yield %s : f32
  } -> tensor<f32>
  kernel.return %r#0 : tensor<f32>
}
kernel.func private @mean_map(%a0: tensor<2x6x7x7xf32>, %o0: tensor<2x6xf32>) -> tensor<2x6xf32> {
  %c0 = arith.constant 0.0 : f32
  %f0 = linalg.fill ins(%c0 : f32) outs(%o0 : tensor<2x6xf32>) -> tensor<2x6xf32>
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2,d3)->(d0,d1,d2,d3)>, affine_map<(d0,d1,d2,d3)->(d0,d1)>], iterator_types = ["parallel", "parallel", "reduction", "reduction"]} ins(%a0 : tensor<2x6x7x7xf32>) outs(%f0 : tensor<2x6xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    %s = arith.addf %x0, %y0 : f32
    linalg.yield %s : f32
  } -> tensor<2x6xf32>
  kernel.return %r#0 : tensor<2x6xf32>
}
// Two results: the reduction stays scalar.
kernel.func private @argmax(%a0: tensor<9x40xf32>, %o0: tensor<9xf32>, %o1: tensor<9xi64>) -> (tensor<9xf32>, tensor<9xi64>) {
  %c0 = arith.constant 0xFF800000 : f32
  %f0 = linalg.fill ins(%c0 : f32) outs(%o0 : tensor<9xf32>) -> tensor<9xf32>
  %c1 = arith.constant 0 : i64
  %f1 = linalg.fill ins(%c1 : i64) outs(%o1 : tensor<9xi64>) -> tensor<9xi64>
  %r:2 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d0)>, affine_map<(d0,d1)->(d0)>], iterator_types = ["parallel", "reduction"]} ins(%a0 : tensor<9x40xf32>) outs(%f0, %f1 : tensor<9xf32>, tensor<9xi64>) {
  ^bb0(%x0: f32, %y0: f32, %y1: i64):
    %i = linalg.index 1 : index
    %n = arith.index_cast %i : index to i64
    %c = arith.cmpf ogt, %x0, %y0 : f32
    %v = arith.select %c, %x0, %y0 : f32
    %k = arith.select %c, %n, %y1 : i64
    linalg.yield %v, %k : f32, i64
  } -> (tensor<9xf32>, tensor<9xi64>)
  kernel.return %r#0, %r#1 : tensor<9xf32>, tensor<9xi64>
}
kernel.func private @argmax_columns(%a0: tensor<40x19xf32>, %o0: tensor<19xf32>, %o1: tensor<19xi64>) -> (tensor<19xf32>, tensor<19xi64>) {
  %c0 = arith.constant 0xFF800000 : f32
  %f0 = linalg.fill ins(%c0 : f32) outs(%o0 : tensor<19xf32>) -> tensor<19xf32>
  %c1 = arith.constant 0 : i64
  %f1 = linalg.fill ins(%c1 : i64) outs(%o1 : tensor<19xi64>) -> tensor<19xi64>
  %r:2 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d1)>, affine_map<(d0,d1)->(d1)>], iterator_types = ["reduction", "parallel"]} ins(%a0 : tensor<40x19xf32>) outs(%f0, %f1 : tensor<19xf32>, tensor<19xi64>) {
  ^bb0(%x0: f32, %y0: f32, %y1: i64):
    %i = linalg.index 0 : index
    %n = arith.index_cast %i : index to i64
    %c = arith.cmpf ogt, %x0, %y0 : f32
    %v = arith.select %c, %x0, %y0 : f32
    %k = arith.select %c, %n, %y1 : i64
    linalg.yield %v, %k : f32, i64
  } -> (tensor<19xf32>, tensor<19xi64>)
  kernel.return %r#0, %r#1 : tensor<19xf32>, tensor<19xi64>
}
// The window operand only gives a shape.
kernel.func private @pool(%a0: tensor<1x9x9x20xf32>, %a1: tensor<3x3xf32>, %o0: tensor<1x4x4x20xf32>) -> tensor<1x4x4x20xf32> {
  %c0 = arith.constant 0xFF800000 : f32
  %f0 = linalg.fill ins(%c0 : f32) outs(%o0 : tensor<1x4x4x20xf32>) -> tensor<1x4x4x20xf32>
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2,d3,d4,d5)->(d0,d1*2+d4,d2*2+d5,d3)>, affine_map<(d0,d1,d2,d3,d4,d5)->(d4,d5)>, affine_map<(d0,d1,d2,d3,d4,d5)->(d0,d1,d2,d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%a0, %a1 : tensor<1x9x9x20xf32>, tensor<3x3xf32>) outs(%f0 : tensor<1x4x4x20xf32>) {
  ^bb0(%x0: f32, %x1: f32, %y0: f32):
    %s = arith.maximumf %x0, %y0 : f32
    linalg.yield %s : f32
  } -> tensor<1x4x4x20xf32>
  kernel.return %r#0 : tensor<1x4x4x20xf32>
}
kernel.func private @pool_planar(%a0: tensor<1x5x13x13xf32>, %a1: tensor<3x3xf32>, %o0: tensor<1x5x6x6xf32>) -> tensor<1x5x6x6xf32> {
  %c0 = arith.constant 0xFF800000 : f32
  %f0 = linalg.fill ins(%c0 : f32) outs(%o0 : tensor<1x5x6x6xf32>) -> tensor<1x5x6x6xf32>
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2,d3,d4,d5)->(d0,d1,d2*2+d4,d3*2+d5)>, affine_map<(d0,d1,d2,d3,d4,d5)->(d4,d5)>, affine_map<(d0,d1,d2,d3,d4,d5)->(d0,d1,d2,d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%a0, %a1 : tensor<1x5x13x13xf32>, tensor<3x3xf32>) outs(%f0 : tensor<1x5x6x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %y0: f32):
    %s = arith.maximumf %x0, %y0 : f32
    linalg.yield %s : f32
  } -> tensor<1x5x6x6xf32>
  kernel.return %r#0 : tensor<1x5x6x6xf32>
}
// Computed indices.
kernel.func private @reverse(%a0: tensor<6x33xf32>, %o0: tensor<6x33xf32>) -> tensor<6x33xf32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%a0 : tensor<6x33xf32>) outs(%o0 : tensor<6x33xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %c = arith.constant 32 : index
    %k = arith.subi %c, %j : index
    %v = tensor.extract %a0[%i, %k] : tensor<6x33xf32>
    linalg.yield %v : f32
  } -> tensor<6x33xf32>
  kernel.return %r#0 : tensor<6x33xf32>
}
kernel.func private @gather(%a0: tensor<12xi64>, %t: tensor<4x33xf32>, %o0: tensor<12x33xf32>) -> tensor<12x33xf32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%a0 : tensor<12xi64>) outs(%o0 : tensor<12x33xf32>) {
  ^bb0(%x0: i64, %y0: f32):
    %i = arith.index_cast %x0 : i64 to index
    %j = linalg.index 1 : index
    %v = tensor.extract %t[%i, %j] : tensor<4x33xf32>
    linalg.yield %v : f32
  } -> tensor<12x33xf32>
  kernel.return %r#0 : tensor<12x33xf32>
}
kernel.func private @gather_lanes(%a0: tensor<41xi64>, %t: tensor<4xf32>, %o0: tensor<41xf32>) -> tensor<41xf32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0)->(d0)>, affine_map<(d0)->(d0)>], iterator_types = ["parallel"]} ins(%a0 : tensor<41xi64>) outs(%o0 : tensor<41xf32>) {
  ^bb0(%x0: i64, %y0: f32):
    %i = arith.index_cast %x0 : i64 to index
    %v = tensor.extract %t[%i] : tensor<4xf32>
    linalg.yield %v : f32
  } -> tensor<41xf32>
  kernel.return %r#0 : tensor<41xf32>
}
kernel.func private @slice(%a: tensor<10x50xf32>, %o: tensor<5x23xf32>) -> tensor<5x23xf32> {
  %s = tensor.extract_slice %a[0, 3] [5, 23] [2, 2] : tensor<10x50xf32> to tensor<5x23xf32>
  %r = linalg.copy ins(%s : tensor<5x23xf32>) outs(%o : tensor<5x23xf32>) -> tensor<5x23xf32>
  kernel.return %r : tensor<5x23xf32>
}
kernel.func private @collapsed(%a: tensor<3x4x5xf32>, %o: tensor<12x5xf32>) -> tensor<12x5xf32> {
  %s = tensor.collapse_shape %a [[0, 1], [2]] : tensor<3x4x5xf32> into tensor<12x5xf32>
  %r = linalg.exp ins(%s : tensor<12x5xf32>) outs(%o : tensor<12x5xf32>) -> tensor<12x5xf32>
  kernel.return %r : tensor<12x5xf32>
}
kernel.func private @bytes(%a0: tensor<77xi8>, %a1: tensor<77xi8>, %o0: tensor<77xi8>) -> tensor<77xi8> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0)->(d0)>, affine_map<(d0)->(d0)>, affine_map<(d0)->(d0)>], iterator_types = ["parallel"]} ins(%a0, %a1 : tensor<77xi8>, tensor<77xi8>) outs(%o0 : tensor<77xi8>) {
  ^bb0(%x0: i8, %x1: i8, %y0: i8):
    %s = arith.addi %x0, %x1 : i8
    linalg.yield %s : i8
  } -> tensor<77xi8>
  kernel.return %r#0 : tensor<77xi8>
}
kernel.func private @divide(%a0: tensor<77xi32>, %o0: tensor<77xi32>) -> tensor<77xi32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0)->(d0)>, affine_map<(d0)->(d0)>], iterator_types = ["parallel"]} ins(%a0 : tensor<77xi32>) outs(%o0 : tensor<77xi32>) {
  ^bb0(%x0: i32, %y0: i32):
    %one = arith.constant 1 : i32
    %d = arith.addi %x0, %one : i32
    %c = arith.constant 97 : i32
    %s = arith.divsi %c, %d : i32
    linalg.yield %s : i32
  } -> tensor<77xi32>
  kernel.return %r#0 : tensor<77xi32>
}
kernel.func private @divide_masked(%a0: tensor<13xi32>, %a1: tensor<13xi32>, %o0: tensor<13xi32>) -> tensor<13xi32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0)->(d0)>, affine_map<(d0)->(d0)>, affine_map<(d0)->(d0)>], iterator_types = ["parallel"]} ins(%a0, %a1 : tensor<13xi32>, tensor<13xi32>) outs(%o0 : tensor<13xi32>) {
  ^bb0(%x0: i32, %x1: i32, %y0: i32):
    %one = arith.constant 1 : i32
    %s0 = arith.maxsi %x1, %one : i32
    %s = arith.divsi %x0, %s0 : i32
    linalg.yield %s : i32
  } -> tensor<13xi32>
  kernel.return %r#0 : tensor<13xi32>
}
kernel.func private @widen(%a0: tensor<5x33xi8>, %o0: tensor<5x33xf32>) -> tensor<5x33xf32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%a0 : tensor<5x33xi8>) outs(%o0 : tensor<5x33xf32>) {
  ^bb0(%x0: i8, %y0: f32):
    %s = arith.uitofp %x0 : i8 to f32
    linalg.yield %s : f32
  } -> tensor<5x33xf32>
  kernel.return %r#0 : tensor<5x33xf32>
}
kernel.func private @doubles(%a0: tensor<5x33xf64>, %o0: tensor<5x33xf64>) -> tensor<5x33xf64> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%a0 : tensor<5x33xf64>) outs(%o0 : tensor<5x33xf64>) {
  ^bb0(%x0: f64, %y0: f64):
    %s = arith.mulf %x0, %x0 : f64
    linalg.yield %s : f64
  } -> tensor<5x33xf64>
  kernel.return %r#0 : tensor<5x33xf64>
}
kernel.func private @compare(%a0: tensor<5x33xf32>, %a1: tensor<5x33xf32>, %o0: tensor<5x33xi8>) -> tensor<5x33xi8> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%a0, %a1 : tensor<5x33xf32>, tensor<5x33xf32>) outs(%o0 : tensor<5x33xi8>) {
  ^bb0(%x0: f32, %x1: f32, %y0: i8):
    %c = arith.cmpf olt, %x0, %x1 : f32
    %s = arith.extui %c : i1 to i8
    linalg.yield %s : i8
  } -> tensor<5x33xi8>
  kernel.return %r#0 : tensor<5x33xi8>
}
kernel.func private @choose(%a0: tensor<5x33xi8>, %a1: tensor<5x33xf32>, %a2: tensor<33xf32>, %o0: tensor<5x33xf32>) -> tensor<5x33xf32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%a0, %a1, %a2 : tensor<5x33xi8>, tensor<5x33xf32>, tensor<33xf32>) outs(%o0 : tensor<5x33xf32>) {
  ^bb0(%x0: i8, %x1: f32, %x2: f32, %y0: f32):
    %z = arith.constant 0 : i8
    %c = arith.cmpi ne, %x0, %z : i8
    %s = arith.select %c, %x1, %x2 : f32
    linalg.yield %s : f32
  } -> tensor<5x33xf32>
  kernel.return %r#0 : tensor<5x33xf32>
}
kernel.func private @matmul_i8(%a0: tensor<9x20xi8>, %a1: tensor<20x17xi8>, %o0: tensor<9x17xi32>) -> tensor<9x17xi32> {
  %c0 = arith.constant 0 : i32
  %f0 = linalg.fill ins(%c0 : i32) outs(%o0 : tensor<9x17xi32>) -> tensor<9x17xi32>
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d2)>, affine_map<(d0,d1,d2)->(d2,d1)>, affine_map<(d0,d1,d2)->(d0,d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a0, %a1 : tensor<9x20xi8>, tensor<20x17xi8>) outs(%f0 : tensor<9x17xi32>) {
  ^bb0(%x0: i8, %x1: i8, %y0: i32):
    %e = arith.extsi %x0 : i8 to i32
    %f = arith.extui %x1 : i8 to i32
    %p = arith.muli %e, %f : i32
    %s = arith.addi %p, %y0 : i32
    linalg.yield %s : i32
  } -> tensor<9x17xi32>
  kernel.return %r#0 : tensor<9x17xi32>
}
// Control flow in a body: scalars.
kernel.func private @nested_if(%a0: tensor<5x33xf32>, %o0: tensor<5x33xf32>) -> tensor<5x33xf32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%a0 : tensor<5x33xf32>) outs(%o0 : tensor<5x33xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    %z = arith.constant 0.0 : f32
    %c = arith.cmpf olt, %x0, %z : f32
    %s = scf.if %c -> f32 {
      scf.yield %z : f32
    } else {
      %k = math.sqrt %x0 : f32
      scf.yield %k : f32
    }
    linalg.yield %s : f32
  } -> tensor<5x33xf32>
  kernel.return %r#0 : tensor<5x33xf32>
}
kernel.func private @math(%a0: tensor<300xf32>, %o0: tensor<300xf32>, %o1: tensor<300xf32>, %o2: tensor<300xf32>, %o3: tensor<300xf32>, %o4: tensor<300xf32>, %o5: tensor<300xf32>, %o6: tensor<300xf32>, %o7: tensor<300xf32>) -> (tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>) {
  %r:8 = linalg.generic {indexing_maps = [affine_map<(d0)->(d0)>, affine_map<(d0)->(d0)>, affine_map<(d0)->(d0)>, affine_map<(d0)->(d0)>, affine_map<(d0)->(d0)>, affine_map<(d0)->(d0)>, affine_map<(d0)->(d0)>, affine_map<(d0)->(d0)>, affine_map<(d0)->(d0)>], iterator_types = ["parallel"]} ins(%a0 : tensor<300xf32>) outs(%o0, %o1, %o2, %o3, %o4, %o5, %o6, %o7 : tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>) {
  ^bb0(%x0: f32, %y0: f32, %y1: f32, %y2: f32, %y3: f32, %y4: f32, %y5: f32, %y6: f32, %y7: f32):
    %s0 = math.exp %x0 : f32
    %s1 = math.erf %x0 : f32
    %s2 = math.tanh %x0 : f32
    %s3 = math.sin %x0 : f32
    %s4 = math.cos %x0 : f32
    %ab = math.absf %x0 : f32
    %s5 = math.log %ab : f32
    %s6 = math.atan %x0 : f32
    %s7 = math.sinh %x0 : f32
    linalg.yield %s0, %s1, %s2, %s3, %s4, %s5, %s6, %s7 : f32, f32, f32, f32, f32, f32, f32, f32
  } -> (tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>)
  kernel.return %r#0, %r#1, %r#2, %r#3, %r#4, %r#5, %r#6, %r#7 : tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>, tensor<300xf32>
}
kernel.func private @empty(%a0: tensor<0x5xf32>, %o0: tensor<0x5xf32>) -> tensor<0x5xf32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%a0 : tensor<0x5xf32>) outs(%o0 : tensor<0x5xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    linalg.yield %x0 : f32
  } -> tensor<0x5xf32>
  kernel.return %r#0 : tensor<0x5xf32>
}
// Both operands contiguous along the sum: blocks transposed in registers.
kernel.func private @scores(%a0: tensor<2x3x20x40xf32>, %a1: tensor<2x3x37x40xf32>, %o0: tensor<2x3x20x37xf32>) -> tensor<2x3x20x37xf32> {
  %c0 = arith.constant 0.0 : f32
  %f0 = linalg.fill ins(%c0 : f32) outs(%o0 : tensor<2x3x20x37xf32>) -> tensor<2x3x20x37xf32>
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2,d3,d4)->(d0,d1,d2,d4)>, affine_map<(d0,d1,d2,d3,d4)->(d0,d1,d3,d4)>, affine_map<(d0,d1,d2,d3,d4)->(d0,d1,d2,d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%a0, %a1 : tensor<2x3x20x40xf32>, tensor<2x3x37x40xf32>) outs(%f0 : tensor<2x3x20x37xf32>) {
  ^bb0(%x0: f32, %x1: f32, %y0: f32):
    %p = arith.mulf %x0, %x1 : f32
    %s = arith.addf %p, %y0 : f32
    linalg.yield %s : f32
  } -> tensor<2x3x20x37xf32>
  kernel.return %r#0 : tensor<2x3x20x37xf32>
}
kernel.func private @transpose_large(%a0: tensor<3x70x50xf32>, %o0: tensor<3x50x70xf32>) -> tensor<3x50x70xf32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d2,d1)>, affine_map<(d0,d1,d2)->(d0,d1,d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%a0 : tensor<3x70x50xf32>) outs(%o0 : tensor<3x50x70xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    linalg.yield %x0 : f32
  } -> tensor<3x50x70xf32>
  kernel.return %r#0 : tensor<3x50x70xf32>
}
kernel.func private @every_second(%a0: tensor<5x77xf32>, %o0: tensor<5x39xf32>) -> tensor<5x39xf32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1*2)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%a0 : tensor<5x77xf32>) outs(%o0 : tensor<5x39xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    linalg.yield %x0 : f32
  } -> tensor<5x39xf32>
  kernel.return %r#0 : tensor<5x39xf32>
}
kernel.func private @every_second_short(%a0: tensor<5x9xf32>, %o0: tensor<5x5xf32>) -> tensor<5x5xf32> {
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1*2)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%a0 : tensor<5x9xf32>) outs(%o0 : tensor<5x5xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    linalg.yield %x0 : f32
  } -> tensor<5x5xf32>
  kernel.return %r#0 : tensor<5x5xf32>
}
kernel.func private @planar_depthwise(%a0: tensor<1x6x21x21xf32>, %a1: tensor<6x3x3xf32>, %o0: tensor<1x6x10x10xf32>) -> tensor<1x6x10x10xf32> {
  %c0 = arith.constant 0.0 : f32
  %f0 = linalg.fill ins(%c0 : f32) outs(%o0 : tensor<1x6x10x10xf32>) -> tensor<1x6x10x10xf32>
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2,d3,d4,d5)->(d0,d1,d2*2+d4,d3*2+d5)>, affine_map<(d0,d1,d2,d3,d4,d5)->(d1,d4,d5)>, affine_map<(d0,d1,d2,d3,d4,d5)->(d0,d1,d2,d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%a0, %a1 : tensor<1x6x21x21xf32>, tensor<6x3x3xf32>) outs(%f0 : tensor<1x6x10x10xf32>) {
  ^bb0(%x0: f32, %x1: f32, %y0: f32):
    %p = arith.mulf %x0, %x1 : f32
    %s = arith.addf %p, %y0 : f32
    linalg.yield %s : f32
  } -> tensor<1x6x10x10xf32>
  kernel.return %r#0 : tensor<1x6x10x10xf32>
}
// The sum is the same in all channels: computed once, stored in each.
kernel.func private @constant_weights(%a0: tensor<1x5x9x20xf32>, %o0: tensor<1x70x7x18xf32>) -> tensor<1x70x7x18xf32> {
  %win = tensor.empty() : tensor<3x3xf32>
  %c0 = arith.constant 0.0 : f32
  %f0 = linalg.fill ins(%c0 : f32) outs(%o0 : tensor<1x70x7x18xf32>) -> tensor<1x70x7x18xf32>
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2,d3,d4,d5,d6)->(d0,d4,d2+d5,d3+d6)>, affine_map<(d0,d1,d2,d3,d4,d5,d6)->(d5,d6)>, affine_map<(d0,d1,d2,d3,d4,d5,d6)->(d0,d1,d2,d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%a0, %win : tensor<1x5x9x20xf32>, tensor<3x3xf32>) outs(%f0 : tensor<1x70x7x18xf32>) {
  ^bb0(%x0: f32, %x1: f32, %y0: f32):
    %w = arith.constant 0.25 : f32
    %p = arith.mulf %x0, %w : f32
    %s = arith.addf %p, %y0 : f32
    linalg.yield %s : f32
  } -> tensor<1x70x7x18xf32>
  kernel.return %r#0 : tensor<1x70x7x18xf32>
}
// The border is written with the middle: rows above and below, columns beside it.
kernel.func private @halo(%a0: tensor<5x6x19xf32>, %o0: tensor<8x9x19xf32>) -> tensor<8x9x19xf32> {
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<5x6x19xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d1,d2)>, affine_map<(d0,d1,d2)->(d0,d1,d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%a0 : tensor<5x6x19xf32>) outs(%e : tensor<5x6x19xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    %s = arith.addf %x0, %x0 : f32
    linalg.yield %s : f32
  } -> tensor<5x6x19xf32>
  %f = linalg.fill ins(%one : f32) outs(%o0 : tensor<8x9x19xf32>) -> tensor<8x9x19xf32>
  %p = tensor.insert_slice %r into %f[1, 2, 0] [5, 6, 19] [1, 1, 1] : tensor<5x6x19xf32> into tensor<8x9x19xf32>
  kernel.return %p : tensor<8x9x19xf32>
}
// Beside the middle in the innermost dimension, on one side only.
kernel.func private @halo_inner(%a0: tensor<5x6x19xf32>, %o0: tensor<5x6x40xf32>) -> tensor<5x6x40xf32> {
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<5x6x19xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d1,d2)>, affine_map<(d0,d1,d2)->(d0,d1,d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%a0 : tensor<5x6x19xf32>) outs(%e : tensor<5x6x19xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    %s = arith.addf %x0, %x0 : f32
    linalg.yield %s : f32
  } -> tensor<5x6x19xf32>
  %f = linalg.fill ins(%one : f32) outs(%o0 : tensor<5x6x40xf32>) -> tensor<5x6x40xf32>
  %p = tensor.insert_slice %r into %f[0, 0, 0] [5, 6, 19] [1, 1, 1] : tensor<5x6x19xf32> into tensor<5x6x40xf32>
  kernel.return %p : tensor<5x6x40xf32>
}
// Statistics of each row, then the row itself, over an outer dimension.
kernel.func private @normalize(%a0: tensor<3x7x21xf32>, %o0: tensor<3x7x21xf32>) -> tensor<3x7x21xf32> {
  %zero = arith.constant 0.0 : f32
  %n = arith.constant 7.0 : f32
  %e = tensor.empty() : tensor<3x21xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<3x21xf32>) -> tensor<3x21xf32>
  %sum = linalg.generic {indexing_maps = [affine_map<(r,c,k)->(r,k,c)>, affine_map<(r,c,k)->(r,c)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a0 : tensor<3x7x21xf32>) outs(%f : tensor<3x21xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    %s = arith.addf %x0, %y0 : f32
    linalg.yield %s : f32
  } -> tensor<3x21xf32>
  %mean = linalg.generic {indexing_maps = [affine_map<(r,c)->(r,c)>, affine_map<(r,c)->(r,c)>], iterator_types = ["parallel", "parallel"]} ins(%sum : tensor<3x21xf32>) outs(%e : tensor<3x21xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    %s = arith.divf %x0, %n : f32
    linalg.yield %s : f32
  } -> tensor<3x21xf32>
  %var = linalg.generic {indexing_maps = [affine_map<(r,c,k)->(r,k,c)>, affine_map<(r,c,k)->(r,c)>, affine_map<(r,c,k)->(r,c)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a0, %mean : tensor<3x7x21xf32>, tensor<3x21xf32>) outs(%f : tensor<3x21xf32>) {
  ^bb0(%x0: f32, %x1: f32, %y0: f32):
    %d = arith.subf %x0, %x1 : f32
    %q = arith.mulf %d, %d : f32
    %s = arith.addf %q, %y0 : f32
    linalg.yield %s : f32
  } -> tensor<3x21xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(r,k,c)->(r,k,c)>, affine_map<(r,k,c)->(r,c)>, affine_map<(r,k,c)->(r,c)>, affine_map<(r,k,c)->(r,k,c)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%a0, %mean, %var : tensor<3x7x21xf32>, tensor<3x21xf32>, tensor<3x21xf32>) outs(%o0 : tensor<3x7x21xf32>) {
  ^bb0(%x0: f32, %x1: f32, %x2: f32, %y0: f32):
    %d = arith.subf %x0, %x1 : f32
    %v = arith.addf %x2, %n : f32
    %q = math.rsqrt %v : f32
    %s = arith.mulf %d, %q : f32
    linalg.yield %s : f32
  } -> tensor<3x7x21xf32>
  kernel.return %y : tensor<3x7x21xf32>
}
// Functions behind a register tile: a loop over it in a function of its own, with full, smaller and masked tiles.
kernel.func private @tail(%a0: tensor<13x9xf32>, %a1: tensor<9x70xf32>, %a2: tensor<70xf32>, %o0: tensor<13x70xf32>) -> tensor<13x70xf32> {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<13x70xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<13x70xf32>) -> tensor<13x70xf32>
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d2)>, affine_map<(d0,d1,d2)->(d2,d1)>, affine_map<(d0,d1,d2)->(d0,d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a0, %a1 : tensor<13x9xf32>, tensor<9x70xf32>) outs(%f : tensor<13x70xf32>) {
  ^bb0(%x0: f32, %x1: f32, %y0: f32):
    %p = arith.mulf %x0, %x1 : f32
    %s = arith.addf %y0, %p : f32
    linalg.yield %s : f32
  } -> tensor<13x70xf32>
  %q:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%r#0, %a2 : tensor<13x70xf32>, tensor<70xf32>) outs(%o0 : tensor<13x70xf32>) {
  ^bb0(%x0: f32, %x1: f32, %y0: f32):
    %b = arith.addf %x0, %x1 : f32
    %n = arith.negf %b : f32
    %x = math.exp %n : f32
    %d = arith.addf %x, %one : f32
    %s = arith.divf %b, %d : f32
    linalg.yield %s : f32
  } -> tensor<13x70xf32>
  kernel.return %q#0 : tensor<13x70xf32>
}
// The same with sums of rows beside the products, and results in another order.
kernel.func private @tail_rows(%a0: tensor<3x11x5xf32>, %a1: tensor<5x33xf32>, %o0: tensor<33x3x11xf32>) -> tensor<33x3x11xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x11x33xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<3x11x33xf32>) -> tensor<3x11x33xf32>
  %e1 = tensor.empty() : tensor<3x11xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<3x11xf32>) -> tensor<3x11xf32>
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2,d3)->(d0,d1,d3)>, affine_map<(d0,d1,d2,d3)->(d3,d2)>, affine_map<(d0,d1,d2,d3)->(d0,d1,d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%a0, %a1 : tensor<3x11x5xf32>, tensor<5x33xf32>) outs(%f : tensor<3x11x33xf32>) {
  ^bb0(%x0: f32, %x1: f32, %y0: f32):
    %p = arith.mulf %x0, %x1 : f32
    %s = arith.addf %y0, %p : f32
    linalg.yield %s : f32
  } -> tensor<3x11x33xf32>
  %t:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d1,d2)>, affine_map<(d0,d1,d2)->(d0,d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a0 : tensor<3x11x5xf32>) outs(%f1 : tensor<3x11xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    %s = arith.addf %y0, %x0 : f32
    linalg.yield %s : f32
  } -> tensor<3x11xf32>
  %q:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d1,d2,d0)>, affine_map<(d0,d1,d2)->(d1,d2)>, affine_map<(d0,d1,d2)->(d0,d1,d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%r#0, %t#0 : tensor<3x11x33xf32>, tensor<3x11xf32>) outs(%o0 : tensor<33x3x11xf32>) {
  ^bb0(%x0: f32, %x1: f32, %y0: f32):
    %b = arith.addf %x0, %x1 : f32
    %s = math.tanh %b : f32
    linalg.yield %s : f32
  } -> tensor<33x3x11xf32>
  kernel.return %q#0 : tensor<33x3x11xf32>
}
// Written into the middle of a padded result.
kernel.func private @tail_padded(%a0: tensor<6x7x9xf32>, %a1: tensor<9x64xf32>, %o0: tensor<8x9x64xf32>) -> tensor<8x9x64xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<6x7x64xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<6x7x64xf32>) -> tensor<6x7x64xf32>
  %r:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2,d3)->(d0,d1,d3)>, affine_map<(d0,d1,d2,d3)->(d3,d2)>, affine_map<(d0,d1,d2,d3)->(d0,d1,d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%a0, %a1 : tensor<6x7x9xf32>, tensor<9x64xf32>) outs(%f : tensor<6x7x64xf32>) {
  ^bb0(%x0: f32, %x1: f32, %y0: f32):
    %p = arith.mulf %x0, %x1 : f32
    %s = arith.addf %y0, %p : f32
    linalg.yield %s : f32
  } -> tensor<6x7x64xf32>
  %e2 = tensor.empty() : tensor<6x7x64xf32>
  %q:1 = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d1,d2)>, affine_map<(d0,d1,d2)->(d0,d1,d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%r#0 : tensor<6x7x64xf32>) outs(%e2 : tensor<6x7x64xf32>) {
  ^bb0(%x0: f32, %y0: f32):
    %s = math.tanh %x0 : f32
    linalg.yield %s : f32
  } -> tensor<6x7x64xf32>
  %b = linalg.fill ins(%zero : f32) outs(%o0 : tensor<8x9x64xf32>) -> tensor<8x9x64xf32>
  %i = tensor.insert_slice %q#0 into %b[1, 1, 0] [6, 7, 64] [1, 1, 1] : tensor<6x7x64xf32> into tensor<8x9x64xf32>
  kernel.return %i : tensor<8x9x64xf32>
}

// Single kernels with their floating point operations: GFLOP/s of the emitters.
//   build/bin/lathe-kernel --bench benchmark/kernels/<file>
// benchmark/peak.c gives the machine's own peak to compare with.

kernel.func private @gemm128(%x: tensor<128x768xf32>, %y: tensor<768x768xf32>, %bias: tensor<768xf32>, %out: tensor<128x768xf32>) -> tensor<128x768xf32> attributes {flops = 150994944 : i64} {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<128x768xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<128x768xf32>) -> tensor<128x768xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d2)>, affine_map<(d0,d1,d2)->(d2, d1)>, affine_map<(d0,d1,d2)->(d0,d1)>], iterator_types = ["parallel","parallel","reduction"]} ins(%x, %y : tensor<128x768xf32>, tensor<768x768xf32>) outs(%f : tensor<128x768xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<128x768xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%m, %bias : tensor<128x768xf32>, tensor<768xf32>) outs(%out : tensor<128x768xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    %mx = arith.maximumf %s, %z : f32
    linalg.yield %mx : f32
  } -> tensor<128x768xf32>
  kernel.return %r : tensor<128x768xf32>
}
kernel.func private @gemm_tb(%x: tensor<128x768xf32>, %y: tensor<768x768xf32>, %bias: tensor<768xf32>, %out: tensor<128x768xf32>) -> tensor<128x768xf32> attributes {flops = 150994944 : i64} {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<128x768xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<128x768xf32>) -> tensor<128x768xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d2)>, affine_map<(d0,d1,d2)->(d1, d2)>, affine_map<(d0,d1,d2)->(d0,d1)>], iterator_types = ["parallel","parallel","reduction"]} ins(%x, %y : tensor<128x768xf32>, tensor<768x768xf32>) outs(%f : tensor<128x768xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<128x768xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%m, %bias : tensor<128x768xf32>, tensor<768xf32>) outs(%out : tensor<128x768xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    %mx = arith.maximumf %s, %z : f32
    linalg.yield %mx : f32
  } -> tensor<128x768xf32>
  kernel.return %r : tensor<128x768xf32>
}
kernel.func private @gemm_odd(%x: tensor<49x100xf32>, %y: tensor<100x70xf32>, %bias: tensor<70xf32>, %out: tensor<49x70xf32>) -> tensor<49x70xf32> attributes {flops = 686000 : i64} {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<49x70xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<49x70xf32>) -> tensor<49x70xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d2)>, affine_map<(d0,d1,d2)->(d2, d1)>, affine_map<(d0,d1,d2)->(d0,d1)>], iterator_types = ["parallel","parallel","reduction"]} ins(%x, %y : tensor<49x100xf32>, tensor<100x70xf32>) outs(%f : tensor<49x70xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<49x70xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%m, %bias : tensor<49x70xf32>, tensor<70xf32>) outs(%out : tensor<49x70xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    %mx = arith.maximumf %s, %z : f32
    linalg.yield %mx : f32
  } -> tensor<49x70xf32>
  kernel.return %r : tensor<49x70xf32>
}
kernel.func private @gemm_tiny(%x: tensor<3x7xf32>, %y: tensor<7x10xf32>, %bias: tensor<10xf32>, %out: tensor<3x10xf32>) -> tensor<3x10xf32> attributes {flops = 420 : i64} {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x10xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<3x10xf32>) -> tensor<3x10xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d2)>, affine_map<(d0,d1,d2)->(d2, d1)>, affine_map<(d0,d1,d2)->(d0,d1)>], iterator_types = ["parallel","parallel","reduction"]} ins(%x, %y : tensor<3x7xf32>, tensor<7x10xf32>) outs(%f : tensor<3x10xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<3x10xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%m, %bias : tensor<3x10xf32>, tensor<10xf32>) outs(%out : tensor<3x10xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    %mx = arith.maximumf %s, %z : f32
    linalg.yield %mx : f32
  } -> tensor<3x10xf32>
  kernel.return %r : tensor<3x10xf32>
}
kernel.func private @gemv(%x: tensor<1x2048xf32>, %y: tensor<2048x1000xf32>, %bias: tensor<1000xf32>, %out: tensor<1x1000xf32>) -> tensor<1x1000xf32> attributes {flops = 4096000 : i64} {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x1000xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<1x1000xf32>) -> tensor<1x1000xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d2)>, affine_map<(d0,d1,d2)->(d2, d1)>, affine_map<(d0,d1,d2)->(d0,d1)>], iterator_types = ["parallel","parallel","reduction"]} ins(%x, %y : tensor<1x2048xf32>, tensor<2048x1000xf32>) outs(%f : tensor<1x1000xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x1000xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%m, %bias : tensor<1x1000xf32>, tensor<1000xf32>) outs(%out : tensor<1x1000xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    %mx = arith.maximumf %s, %z : f32
    linalg.yield %mx : f32
  } -> tensor<1x1000xf32>
  kernel.return %r : tensor<1x1000xf32>
}
kernel.func private @gemv_tb(%x: tensor<1x2048xf32>, %y: tensor<1000x2048xf32>, %bias: tensor<1000xf32>, %out: tensor<1x1000xf32>) -> tensor<1x1000xf32> attributes {flops = 4096000 : i64} {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x1000xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<1x1000xf32>) -> tensor<1x1000xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d2)>, affine_map<(d0,d1,d2)->(d1, d2)>, affine_map<(d0,d1,d2)->(d0,d1)>], iterator_types = ["parallel","parallel","reduction"]} ins(%x, %y : tensor<1x2048xf32>, tensor<1000x2048xf32>) outs(%f : tensor<1x1000xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x1000xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%m, %bias : tensor<1x1000xf32>, tensor<1000xf32>) outs(%out : tensor<1x1000xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    %mx = arith.maximumf %s, %z : f32
    linalg.yield %mx : f32
  } -> tensor<1x1000xf32>
  kernel.return %r : tensor<1x1000xf32>
}
kernel.func private @conv3_64_56(%x: tensor<1x58x58x64xf32>, %y: tensor<3x3x64x64xf32>, %out: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> attributes {flops = 231211008 : i64} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,h,w,o,kh,kw,c)->(n,h*1+kh,w*1+kw,c)>, affine_map<(n,h,w,o,kh,kw,c)->(kh,kw,c,o)>, affine_map<(n,h,w,o,kh,kw,c)->(n,h,w,o)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x58x58x64xf32>, tensor<3x3x64x64xf32>) outs(%f : tensor<1x56x56x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x56x56x64xf32>
  kernel.return %m : tensor<1x56x56x64xf32>
}
kernel.func private @conv3_64_56_nchw(%x: tensor<1x64x58x58xf32>, %y: tensor<64x64x3x3xf32>, %out: tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32> attributes {flops = 231211008 : i64} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,o,h,w,c,kh,kw)->(n,c,h*1+kh,w*1+kw)>, affine_map<(n,o,h,w,c,kh,kw)->(o,c,kh,kw)>, affine_map<(n,o,h,w,c,kh,kw)->(n,o,h,w)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x64x58x58xf32>, tensor<64x64x3x3xf32>) outs(%f : tensor<1x64x56x56xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x64x56x56xf32>
  kernel.return %m : tensor<1x64x56x56xf32>
}
kernel.func private @conv1_256_64(%x: tensor<1x56x56x256xf32>, %y: tensor<1x1x256x64xf32>, %out: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> attributes {flops = 102760448 : i64} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,h,w,o,kh,kw,c)->(n,h*1+kh,w*1+kw,c)>, affine_map<(n,h,w,o,kh,kw,c)->(kh,kw,c,o)>, affine_map<(n,h,w,o,kh,kw,c)->(n,h,w,o)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x56x56x256xf32>, tensor<1x1x256x64xf32>) outs(%f : tensor<1x56x56x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x56x56x64xf32>
  kernel.return %m : tensor<1x56x56x64xf32>
}
kernel.func private @stem(%x: tensor<1x229x229x3xf32>, %y: tensor<7x7x3x64xf32>, %out: tensor<1x112x112x64xf32>) -> tensor<1x112x112x64xf32> attributes {flops = 236027904 : i64} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x112x112x64xf32>) -> tensor<1x112x112x64xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,h,w,o,kh,kw,c)->(n,h*2+kh,w*2+kw,c)>, affine_map<(n,h,w,o,kh,kw,c)->(kh,kw,c,o)>, affine_map<(n,h,w,o,kh,kw,c)->(n,h,w,o)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x229x229x3xf32>, tensor<7x7x3x64xf32>) outs(%f : tensor<1x112x112x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x112x112x64xf32>
  kernel.return %m : tensor<1x112x112x64xf32>
}
kernel.func private @stem_nchw(%x: tensor<1x3x229x229xf32>, %y: tensor<64x3x7x7xf32>, %out: tensor<1x64x112x112xf32>) -> tensor<1x64x112x112xf32> attributes {flops = 236027904 : i64} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x64x112x112xf32>) -> tensor<1x64x112x112xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,o,h,w,c,kh,kw)->(n,c,h*2+kh,w*2+kw)>, affine_map<(n,o,h,w,c,kh,kw)->(o,c,kh,kw)>, affine_map<(n,o,h,w,c,kh,kw)->(n,o,h,w)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x3x229x229xf32>, tensor<64x3x7x7xf32>) outs(%f : tensor<1x64x112x112xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x64x112x112xf32>
  kernel.return %m : tensor<1x64x112x112xf32>
}
kernel.func private @conv3_512_7(%x: tensor<1x9x9x512xf32>, %y: tensor<3x3x512x512xf32>, %out: tensor<1x7x7x512xf32>) -> tensor<1x7x7x512xf32> attributes {flops = 231211008 : i64} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x7x7x512xf32>) -> tensor<1x7x7x512xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,h,w,o,kh,kw,c)->(n,h*1+kh,w*1+kw,c)>, affine_map<(n,h,w,o,kh,kw,c)->(kh,kw,c,o)>, affine_map<(n,h,w,o,kh,kw,c)->(n,h,w,o)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x9x9x512xf32>, tensor<3x3x512x512xf32>) outs(%f : tensor<1x7x7x512xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x7x7x512xf32>
  kernel.return %m : tensor<1x7x7x512xf32>
}
kernel.func private @dw_144(%x: tensor<1x58x58x144xf32>, %y: tensor<3x3x144xf32>, %out: tensor<1x56x56x144xf32>) -> tensor<1x56x56x144xf32> attributes {flops = 8128512 : i64} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x56x56x144xf32>) -> tensor<1x56x56x144xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,h,w,c,kh,kw)->(n,h*1+kh,w*1+kw,c)>, affine_map<(n,h,w,c,kh,kw)->(kh,kw,c)>, affine_map<(n,h,w,c,kh,kw)->(n,h,w,c)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction"]} ins(%x, %y : tensor<1x58x58x144xf32>, tensor<3x3x144xf32>) outs(%f : tensor<1x56x56x144xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x56x56x144xf32>
  kernel.return %m : tensor<1x56x56x144xf32>
}
kernel.func private @dw_144_nchw(%x: tensor<1x144x58x58xf32>, %y: tensor<144x3x3xf32>, %out: tensor<1x144x56x56xf32>) -> tensor<1x144x56x56xf32> attributes {flops = 8128512 : i64} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x144x56x56xf32>) -> tensor<1x144x56x56xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,c,h,w,kh,kw)->(n,c,h*1+kh,w*1+kw)>, affine_map<(n,c,h,w,kh,kw)->(c,kh,kw)>, affine_map<(n,c,h,w,kh,kw)->(n,c,h,w)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction"]} ins(%x, %y : tensor<1x144x58x58xf32>, tensor<144x3x3xf32>) outs(%f : tensor<1x144x56x56xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x144x56x56xf32>
  kernel.return %m : tensor<1x144x56x56xf32>
}
kernel.func private @dw_s2(%x: tensor<1x57x57x96xf32>, %y: tensor<3x3x96xf32>, %out: tensor<1x28x28x96xf32>) -> tensor<1x28x28x96xf32> attributes {flops = 1354752 : i64} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x28x28x96xf32>) -> tensor<1x28x28x96xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,h,w,c,kh,kw)->(n,h*2+kh,w*2+kw,c)>, affine_map<(n,h,w,c,kh,kw)->(kh,kw,c)>, affine_map<(n,h,w,c,kh,kw)->(n,h,w,c)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction"]} ins(%x, %y : tensor<1x57x57x96xf32>, tensor<3x3x96xf32>) outs(%f : tensor<1x28x28x96xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x28x28x96xf32>
  kernel.return %m : tensor<1x28x28x96xf32>
}

// Single kernels with their floating point operations: GFLOP/s of the emitters.
//   build/bin/lathe-kernel --bench benchmark/kernels/<file>
// benchmark/peak.c gives the machine's own peak to compare with.

kernel.func private @gemm128(%x: tensor<128x768xf32>, %y: tensor<12x768x64xf32>, %bias: tensor<768xf32>, %out: tensor<128x768xf32>) -> tensor<128x768xf32> attributes {flops = 150994944 : i64, schedule = #kernel.contraction<mr = 6, nv = 4, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<128x768xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<128x768xf32>) -> tensor<128x768xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d2)>, affine_map<(d0,d1,d2)->(d1 floordiv 64,d2,d1 mod 64)>, affine_map<(d0,d1,d2)->(d0,d1)>], iterator_types = ["parallel","parallel","reduction"]} ins(%x, %y : tensor<128x768xf32>, tensor<12x768x64xf32>) outs(%f : tensor<128x768xf32>) {
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
kernel.func private @gemm_odd(%x: tensor<49x70xf32>, %y: tensor<2x70x64xf32>, %bias: tensor<100xf32>, %out: tensor<49x100xf32>) -> tensor<49x100xf32> attributes {flops = 686000 : i64, schedule = #kernel.contraction<mr = 6, nv = 4, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<49x100xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<49x100xf32>) -> tensor<49x100xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d2)>, affine_map<(d0,d1,d2)->(d1 floordiv 64,d2,d1 mod 64)>, affine_map<(d0,d1,d2)->(d0,d1)>], iterator_types = ["parallel","parallel","reduction"]} ins(%x, %y : tensor<49x70xf32>, tensor<2x70x64xf32>) outs(%f : tensor<49x100xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<49x100xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%m, %bias : tensor<49x100xf32>, tensor<100xf32>) outs(%out : tensor<49x100xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    %mx = arith.maximumf %s, %z : f32
    linalg.yield %mx : f32
  } -> tensor<49x100xf32>
  kernel.return %r : tensor<49x100xf32>
}
kernel.func private @gemm_odd3(%x: tensor<49x71xf32>, %y: tensor<3x71x48xf32>, %bias: tensor<100xf32>, %out: tensor<49x100xf32>) -> tensor<49x100xf32> attributes {flops = 695800 : i64, schedule = #kernel.contraction<mr = 7, nv = 3, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<49x100xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<49x100xf32>) -> tensor<49x100xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d2)>, affine_map<(d0,d1,d2)->(d1 floordiv 48,d2,d1 mod 48)>, affine_map<(d0,d1,d2)->(d0,d1)>], iterator_types = ["parallel","parallel","reduction"]} ins(%x, %y : tensor<49x71xf32>, tensor<3x71x48xf32>) outs(%f : tensor<49x100xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<49x100xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%m, %bias : tensor<49x100xf32>, tensor<100xf32>) outs(%out : tensor<49x100xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    %mx = arith.maximumf %s, %z : f32
    linalg.yield %mx : f32
  } -> tensor<49x100xf32>
  kernel.return %r : tensor<49x100xf32>
}
kernel.func private @gemv(%x: tensor<1x2048xf32>, %y: tensor<8x2048x128xf32>, %bias: tensor<1000xf32>, %out: tensor<1x1000xf32>) -> tensor<1x1000xf32> attributes {flops = 4096000 : i64, schedule = #kernel.contraction<mr = 1, nv = 8, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x1000xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<1x1000xf32>) -> tensor<1x1000xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d2)>, affine_map<(d0,d1,d2)->(d1 floordiv 128,d2,d1 mod 128)>, affine_map<(d0,d1,d2)->(d0,d1)>], iterator_types = ["parallel","parallel","reduction"]} ins(%x, %y : tensor<1x2048xf32>, tensor<8x2048x128xf32>) outs(%f : tensor<1x1000xf32>) {
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
kernel.func private @gemm_big(%x: tensor<197x768xf32>, %y: tensor<48x768x64xf32>, %bias: tensor<3072xf32>, %out: tensor<197x3072xf32>) -> tensor<197x3072xf32> attributes {flops = 929562624 : i64, schedule = #kernel.contraction<mr = 6, nv = 4, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<197x3072xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<197x3072xf32>) -> tensor<197x3072xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(d0,d1,d2)->(d0,d2)>, affine_map<(d0,d1,d2)->(d1 floordiv 64,d2,d1 mod 64)>, affine_map<(d0,d1,d2)->(d0,d1)>], iterator_types = ["parallel","parallel","reduction"]} ins(%x, %y : tensor<197x768xf32>, tensor<48x768x64xf32>) outs(%f : tensor<197x3072xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<197x3072xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0,d1)->(d0,d1)>, affine_map<(d0,d1)->(d1)>, affine_map<(d0,d1)->(d0,d1)>], iterator_types = ["parallel", "parallel"]} ins(%m, %bias : tensor<197x3072xf32>, tensor<3072xf32>) outs(%out : tensor<197x3072xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    %mx = arith.maximumf %s, %z : f32
    linalg.yield %mx : f32
  } -> tensor<197x3072xf32>
  kernel.return %r : tensor<197x3072xf32>
}
kernel.func private @conv3_64_56(%x: tensor<1x58x58x64xf32>, %y: tensor<1x3x3x64x64xf32>, %out: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> attributes {flops = 231211008 : i64, schedule = #kernel.contraction<mr = 6, nv = 4, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,h,w,o,kh,kw,c)->(n,h*1+kh,w*1+kw,c)>, affine_map<(n,h,w,o,kh,kw,c)->(o floordiv 64,kh,kw,c,o mod 64)>, affine_map<(n,h,w,o,kh,kw,c)->(n,h,w,o)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x58x58x64xf32>, tensor<1x3x3x64x64xf32>) outs(%f : tensor<1x56x56x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x56x56x64xf32>
  kernel.return %m : tensor<1x56x56x64xf32>
}
kernel.func private @conv3_64_56_nchw(%x: tensor<1x64x58x58xf32>, %y: tensor<1x64x3x3x64xf32>, %out: tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32> attributes {flops = 231211008 : i64, schedule = #kernel.contraction<mr = 6, nv = 4, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,o,h,w,c,kh,kw)->(n,c,h*1+kh,w*1+kw)>, affine_map<(n,o,h,w,c,kh,kw)->(o floordiv 64,c,kh,kw,o mod 64)>, affine_map<(n,o,h,w,c,kh,kw)->(n,o,h,w)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x64x58x58xf32>, tensor<1x64x3x3x64xf32>) outs(%f : tensor<1x64x56x56xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x64x56x56xf32>
  kernel.return %m : tensor<1x64x56x56xf32>
}
kernel.func private @conv3_128_28_nchw(%x: tensor<1x128x30x30xf32>, %y: tensor<2x128x3x3x64xf32>, %out: tensor<1x128x28x28xf32>) -> tensor<1x128x28x28xf32> attributes {flops = 231211008 : i64, schedule = #kernel.contraction<mr = 6, nv = 4, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x128x28x28xf32>) -> tensor<1x128x28x28xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,o,h,w,c,kh,kw)->(n,c,h*1+kh,w*1+kw)>, affine_map<(n,o,h,w,c,kh,kw)->(o floordiv 64,c,kh,kw,o mod 64)>, affine_map<(n,o,h,w,c,kh,kw)->(n,o,h,w)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x128x30x30xf32>, tensor<2x128x3x3x64xf32>) outs(%f : tensor<1x128x28x28xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x128x28x28xf32>
  kernel.return %m : tensor<1x128x28x28xf32>
}
kernel.func private @conv3_256_14_nchw(%x: tensor<1x256x16x16xf32>, %y: tensor<4x256x3x3x64xf32>, %out: tensor<1x256x14x14xf32>) -> tensor<1x256x14x14xf32> attributes {flops = 231211008 : i64, schedule = #kernel.contraction<mr = 5, nv = 4, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x256x14x14xf32>) -> tensor<1x256x14x14xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,o,h,w,c,kh,kw)->(n,c,h*1+kh,w*1+kw)>, affine_map<(n,o,h,w,c,kh,kw)->(o floordiv 64,c,kh,kw,o mod 64)>, affine_map<(n,o,h,w,c,kh,kw)->(n,o,h,w)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x256x16x16xf32>, tensor<4x256x3x3x64xf32>) outs(%f : tensor<1x256x14x14xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x256x14x14xf32>
  kernel.return %m : tensor<1x256x14x14xf32>
}
kernel.func private @conv3_512_7_nchw(%x: tensor<1x512x9x9xf32>, %y: tensor<11x512x3x3x48xf32>, %out: tensor<1x512x7x7xf32>) -> tensor<1x512x7x7xf32> attributes {flops = 231211008 : i64, schedule = #kernel.contraction<mr = 7, nv = 3, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x512x7x7xf32>) -> tensor<1x512x7x7xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,o,h,w,c,kh,kw)->(n,c,h*1+kh,w*1+kw)>, affine_map<(n,o,h,w,c,kh,kw)->(o floordiv 48,c,kh,kw,o mod 48)>, affine_map<(n,o,h,w,c,kh,kw)->(n,o,h,w)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x512x9x9xf32>, tensor<11x512x3x3x48xf32>) outs(%f : tensor<1x512x7x7xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x512x7x7xf32>
  kernel.return %m : tensor<1x512x7x7xf32>
}
kernel.func private @conv3_512_7(%x: tensor<1x9x9x512xf32>, %y: tensor<11x3x3x512x48xf32>, %out: tensor<1x7x7x512xf32>) -> tensor<1x7x7x512xf32> attributes {flops = 231211008 : i64, schedule = #kernel.contraction<mr = 7, nv = 3, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x7x7x512xf32>) -> tensor<1x7x7x512xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,h,w,o,kh,kw,c)->(n,h*1+kh,w*1+kw,c)>, affine_map<(n,h,w,o,kh,kw,c)->(o floordiv 48,kh,kw,c,o mod 48)>, affine_map<(n,h,w,o,kh,kw,c)->(n,h,w,o)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x9x9x512xf32>, tensor<11x3x3x512x48xf32>) outs(%f : tensor<1x7x7x512xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x7x7x512xf32>
  kernel.return %m : tensor<1x7x7x512xf32>
}
kernel.func private @conv1_256_64_nchw(%x: tensor<1x256x56x56xf32>, %y: tensor<1x256x1x1x64xf32>, %out: tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32> attributes {flops = 102760448 : i64, schedule = #kernel.contraction<mr = 6, nv = 4, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,o,h,w,c,kh,kw)->(n,c,h*1+kh,w*1+kw)>, affine_map<(n,o,h,w,c,kh,kw)->(o floordiv 64,c,kh,kw,o mod 64)>, affine_map<(n,o,h,w,c,kh,kw)->(n,o,h,w)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x256x56x56xf32>, tensor<1x256x1x1x64xf32>) outs(%f : tensor<1x64x56x56xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x64x56x56xf32>
  kernel.return %m : tensor<1x64x56x56xf32>
}
kernel.func private @conv1_64_256_nchw(%x: tensor<1x64x56x56xf32>, %y: tensor<4x64x1x1x64xf32>, %out: tensor<1x256x56x56xf32>) -> tensor<1x256x56x56xf32> attributes {flops = 102760448 : i64, schedule = #kernel.contraction<mr = 6, nv = 4, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x256x56x56xf32>) -> tensor<1x256x56x56xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,o,h,w,c,kh,kw)->(n,c,h*1+kh,w*1+kw)>, affine_map<(n,o,h,w,c,kh,kw)->(o floordiv 64,c,kh,kw,o mod 64)>, affine_map<(n,o,h,w,c,kh,kw)->(n,o,h,w)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x64x56x56xf32>, tensor<4x64x1x1x64xf32>) outs(%f : tensor<1x256x56x56xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x256x56x56xf32>
  kernel.return %m : tensor<1x256x56x56xf32>
}
kernel.func private @conv1_2048_512_7_nchw(%x: tensor<1x2048x7x7xf32>, %y: tensor<11x2048x1x1x48xf32>, %out: tensor<1x512x7x7xf32>) -> tensor<1x512x7x7xf32> attributes {flops = 102760448 : i64, schedule = #kernel.contraction<mr = 7, nv = 3, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x512x7x7xf32>) -> tensor<1x512x7x7xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,o,h,w,c,kh,kw)->(n,c,h*1+kh,w*1+kw)>, affine_map<(n,o,h,w,c,kh,kw)->(o floordiv 48,c,kh,kw,o mod 48)>, affine_map<(n,o,h,w,c,kh,kw)->(n,o,h,w)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x2048x7x7xf32>, tensor<11x2048x1x1x48xf32>) outs(%f : tensor<1x512x7x7xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x512x7x7xf32>
  kernel.return %m : tensor<1x512x7x7xf32>
}
kernel.func private @stem_nchw(%x: tensor<1x3x229x229xf32>, %y: tensor<1x3x7x7x64xf32>, %out: tensor<1x64x112x112xf32>) -> tensor<1x64x112x112xf32> attributes {flops = 236027904 : i64, schedule = #kernel.contraction<mr = 6, nv = 4, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x64x112x112xf32>) -> tensor<1x64x112x112xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,o,h,w,c,kh,kw)->(n,c,h*2+kh,w*2+kw)>, affine_map<(n,o,h,w,c,kh,kw)->(o floordiv 64,c,kh,kw,o mod 64)>, affine_map<(n,o,h,w,c,kh,kw)->(n,o,h,w)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x3x229x229xf32>, tensor<1x3x7x7x64xf32>) outs(%f : tensor<1x64x112x112xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x64x112x112xf32>
  kernel.return %m : tensor<1x64x112x112xf32>
}
kernel.func private @stem3_s2_nchw(%x: tensor<1x3x225x225xf32>, %y: tensor<1x3x3x3x32xf32>, %out: tensor<1x32x112x112xf32>) -> tensor<1x32x112x112xf32> attributes {flops = 21676032 : i64, schedule = #kernel.contraction<mr = 12, nv = 2, lanes = 16>} {
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%out : tensor<1x32x112x112xf32>) -> tensor<1x32x112x112xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(n,o,h,w,c,kh,kw)->(n,c,h*2+kh,w*2+kw)>, affine_map<(n,o,h,w,c,kh,kw)->(o floordiv 32,c,kh,kw,o mod 32)>, affine_map<(n,o,h,w,c,kh,kw)->(n,o,h,w)>], iterator_types = ["parallel","parallel","parallel","parallel","reduction","reduction","reduction"]} ins(%x, %y : tensor<1x3x225x225xf32>, tensor<1x3x3x3x32xf32>) outs(%f : tensor<1x32x112x112xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x32x112x112xf32>
  kernel.return %m : tensor<1x32x112x112xf32>
}

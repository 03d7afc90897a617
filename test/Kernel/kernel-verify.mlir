// RUN: lathe-opt %s --kernel-verify --split-input-file --verify-diagnostics

func.func @main() -> tensor<2xf32> {
  // expected-error @+1 {{tensor constant that is not a kernel.weight}}
  %c = arith.constant dense<1.0> : tensor<2xf32>
  return %c : tensor<2xf32>
}

// -----

func.func @main(%x: tensor<2xf32>, %v: f32) -> tensor<2xf32> {
  // expected-error @+1 {{structured op outside a kernel}}
  %f = linalg.fill ins(%v : f32) outs(%x : tensor<2xf32>) -> tensor<2xf32>
  return %f : tensor<2xf32>
}

// -----

func.func @main() -> tensor<2xf32> {
  // expected-error @+1 {{weight without a place in the blob}}
  %c = kernel.weight dense<1.0> : tensor<2xf32> : tensor<2xf32>
  return %c : tensor<2xf32>
}

// -----

// expected-error @+1 {{@two has 2 roots; a kernel has one, or reductions over the same rows}}
kernel.func private @two(%x: tensor<4x8xf32>, %a: tensor<4xf32>, %b: tensor<8xf32>) -> (tensor<4xf32>, tensor<8xf32>) {
  %r = linalg.generic {indexing_maps = [affine_map<(r, c) -> (r, c)>, affine_map<(r, c) -> (r)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x8xf32>) outs(%a : tensor<4xf32>) {
  ^bb0(%p: f32, %o: f32):
    %0 = arith.maxnumf %p, %o : f32
    linalg.yield %0 : f32
  } -> tensor<4xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(c, r) -> (r, c)>, affine_map<(c, r) -> (c)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x8xf32>) outs(%b : tensor<8xf32>) {
  ^bb0(%p: f32, %o: f32):
    %0 = arith.maxnumf %p, %o : f32
    linalg.yield %0 : f32
  } -> tensor<8xf32>
  kernel.return %r, %s : tensor<4xf32>, tensor<8xf32>
}

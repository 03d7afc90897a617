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

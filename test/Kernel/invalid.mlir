// RUN: lathe-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{must be private}}
kernel.func @f() attributes {kind = "copy"} {
  kernel.return
}

// -----

// expected-error @+1 {{must end with two indices}}
kernel.func private @f(%a: memref<4xf32>) {
  kernel.return
}

// -----

func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{callee @gone is not a kernel.func}}
  %0 = kernel.call @gone ins(%a : tensor<4xf32>) outs(%a : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{operand 0 is 'tensor<4xf32>', but @k takes 'tensor<5xf32>'}}
  %0 = kernel.call @k ins(%a : tensor<4xf32>) outs(%a : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
kernel.func private @k(%x: tensor<5xf32>, %o: tensor<4xf32>) -> tensor<4xf32> {
  kernel.return %o : tensor<4xf32>
}

// -----

func.func @main() {
  // expected-error @+1 {{result 'tensor<3x2xi32>' is not the value}}
  %w = kernel.weight dense<1> : tensor<3x2xi32> packing <outer = [1, 0]> : tensor<3x2xi32>
  return
}

// -----

// expected-error @+1 {{'outer' must be a permutation}}
#p = #kernel.packing<outer = [1, 1]>

// -----

func.func @main(%t: tensor<16xi8>, %x: i8) -> i8 {
  // expected-error @+1 {{table must have 256 bytes}}
  %y = kernel.lookup %t[%x] : tensor<16xi8>, i8
  return %y : i8
}

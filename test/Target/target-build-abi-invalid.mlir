// RUN: lathe-opt %s --split-input-file --target-build-abi --verify-diagnostics

// expected-error @+1 {{module attribute 'lathe.inputs' is missing}}
module {}

// -----

// expected-error @+1 {{input 's' has the type}}
module attributes {lathe.inputs = [{name = "s", type = tensor<1x!onnx.string>}], lathe.outputs = []} {}

// -----

// expected-error @+1 {{no llvm.func @main}}
module attributes {lathe.inputs = [], lathe.outputs = []} {}

// -----

module attributes {lathe.inputs = [], lathe.outputs = [{name = "y", type = tensor<f32>}], lathe.workspace_bytes = 0 : i64} {
  // expected-error @+1 {{does not fit 'lathe.inputs' and 'lathe.outputs'}}
  llvm.func @main(%ctx: !llvm.ptr, %w: !llvm.ptr, %weights: !llvm.ptr) -> i32 {
    %0 = llvm.mlir.constant(0 : i32) : i32
    llvm.return %0 : i32
  }
}

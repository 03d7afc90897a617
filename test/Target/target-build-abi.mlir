// RUN: lathe-opt %s --split-input-file --target-build-abi=name=tiny | FileCheck %s

// A static model with weights.
module attributes {
  lathe.inputs = [{name = "x", type = tensor<2x3xf32>, dims = ["", ""]}],
  lathe.outputs = [{name = "y", type = tensor<2xui8>, dims = [""]}],
  lathe.workspace_bytes = 128 : i64, lathe.weights_bytes = 256 : i64,
  lathe.weights = [], lathe.nodes = ["gather"]} {
  llvm.func @main(%ctx: !llvm.ptr, %w: !llvm.ptr, %weights: !llvm.ptr, %x: !llvm.ptr, %y: !llvm.ptr) -> i32 {
    %0 = llvm.call @helper() : () -> i32
    llvm.return %0 : i32
  }
  llvm.func @helper() -> i32 {
    %0 = llvm.mlir.constant(0 : i32) : i32
    llvm.return %0 : i32
  }
  llvm.func @expf(f32) -> f32
}
// Everything but the entry points is internal.
// CHECK-DAG: llvm.func internal @main({{.*}} -> i32 attributes {dso_local}
// CHECK-DAG: llvm.call @helper
// CHECK-DAG: llvm.func @expf(f32)
// CHECK: llvm.mlir.global external hidden constant @tiny_weights() {{.*}}section = ".lathe_weights"{{.*}}array<256 x i8>
// CHECK-LABEL: llvm.func @tiny_call(%{{.*}}: !llvm.ptr) -> i32
// Rank, then the fixed sizes where a shape is given, then the call.
// CHECK-NOT: llvm.intr.memcpy
// CHECK: llvm.mlir.constant(24 : i64)
// CHECK: llvm.call @main
// CHECK: llvm.func internal @tiny_workspace
// CHECK: llvm.mlir.constant(128 : i64)
// CHECK: input 'x': its shape does not fit [2,3]
// CHECK-SAME: output 'y': its type is not LATHE_UINT8
// CHECK-SAME: node 'gather': an index is out of range
// CHECK: llvm.func @tiny_error
// CHECK: llvm.func @tiny_model

// -----

// Dimensions of the same name must agree; the size function gets them all.
module attributes {
  lathe.inputs = [{name = "a", type = tensor<?x4xf32>, dims = ["n", ""]},
                  {name = "b", type = tensor<?xi64>, dims = ["n"]}],
  lathe.outputs = [{name = "y", type = tensor<?xf32>, dims = ["n"]}]} {
  llvm.func @main(%ctx: !llvm.ptr, %w: !llvm.ptr, %weights: !llvm.ptr, %a: !llvm.ptr, %n: i64,
                  %b: !llvm.ptr, %m: i64, %y: !llvm.ptr) -> i32 {
    %0 = llvm.mlir.constant(0 : i32) : i32
    llvm.return %0 : i32
  }
  llvm.func @workspace_bytes(%n: i64, %m: i64) -> i64 {
    llvm.return %n : i64
  }
}
// CHECK-LABEL: llvm.func @tiny_call
// CHECK: llvm.icmp "sge" %[[N:[0-9]+]],
// CHECK: llvm.icmp "sge" %[[M:[0-9]+]],
// CHECK: llvm.icmp "eq" %[[M]], %[[N]]
// CHECK: llvm.call @workspace_bytes(
// CHECK: llvm.call @main(

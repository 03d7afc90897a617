// RUN: lathe-opt %s --target-embed-device="cpu=sm_90" | FileCheck %s

// CHECK-NOT: gpu.module
// CHECK-DAG: llvm.func @device_main(
// CHECK-DAG: llvm.mlir.global internal constant @device_ptx({{.*}}.target sm_90
// CHECK-DAG: llvm.mlir.global internal constant @device_kernel_0("k\00")
// CHECK-DAG: llvm.mlir.global internal constant @device_image
// CHECK: llvm.func @main(
// CHECK: llvm.call @lathe_gpu_begin
// CHECK: llvm.call @lathe_gpu_input
// CHECK: llvm.call @lathe_gpu_output
// CHECK: llvm.call @device_main
// CHECK: llvm.call @lathe_gpu_end
module attributes {lathe.device, lathe.inputs = [{name = "x", type = tensor<4xf32>}], lathe.outputs = [{name = "y", type = tensor<4xf32>}], lathe.weights_bytes = 0 : i64, lathe.workspace_bytes = 0 : i64, lathe.weights = []} {
  llvm.func @main(%ctx: !llvm.ptr, %work: !llvm.ptr, %weights: !llvm.ptr, %x: !llvm.ptr, %y: !llvm.ptr, %run: !llvm.ptr) -> i32 {
    %0 = llvm.mlir.constant(0 : i32) : i32
    llvm.return %0 : i32
  }
  gpu.module @kernels {
    llvm.func @k() attributes {nvvm.kernel} {
      llvm.return
    }
  }
}

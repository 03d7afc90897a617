//===- Passes.td - Passes of the stage Codegen ------------------*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_CODEGEN_PASSES_TD
#define LATHE_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def CodegenBufferizePass : Pass<"codegen-bufferize", "::mlir::ModuleOp"> {
  let summary = "Put main on memrefs and give kernels the types of their calls";
}

def CodegenPlanArenaPass : Pass<"codegen-plan-arena", "::mlir::ModuleOp"> {
  let summary = "Replace each allocation of main by a place in the workspace";
  let dependentDialects = ["::lathe::kernel::KernelDialect", "::mlir::arith::ArithDialect"];
}

def CodegenToLLVMPass : Pass<"codegen-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Lower main and the emitted kernels to the LLVM dialect";
}

def EmitKernelsPass : Pass<"codegen-emit-kernels"> {
  let summary = "Turn the bodies of kernels into loops and vectors on memrefs";
  let description = [{
    Each `kernel.func` on tensors becomes one on the memrefs of its `arg_types`
    (row-major without them) with two indices more, `lo` and `hi`: the range of its
    outermost parallel loop, whose extent `grid` tells. Bodies of `linalg.generic`
    ops become one loop nest per iteration space: vectorised over one parallel
    dimension (or over a reduced one where that is the only long one), with register
    tiles, producers inlined and epilogues applied to the accumulators. With
    `ordered-sums` only parallel dimensions are vectorised, and each accumulator takes
    its terms one after the other, as a scalar loop would. Loop kernels
    and all other bodies go through bufferization to scalar loops.
  }];
  let options = [
    Option<"triple", "triple", "std::string", "\"x86_64-unknown-linux-gnu\"",
           "Target triple">,
    Option<"cpu", "cpu", "std::string", "\"x86-64\"", "CPU, LLVM's name">,
    Option<"features", "features", "std::string", "\"\"",
           "Complete list of features, as +a,+b">,
    Option<"nests", "nests", "bool", "true",
           "Emit vectorised nests; without, scalar loops only">,
    Option<"orderedSums", "ordered-sums", "bool", "false",
           "Add the terms of each sum in the order of its op's loops">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect", "::mlir::vector::VectorDialect"];
}

def EmitGPUKernelsPass : Pass<"codegen-emit-gpu-kernels"> {
  let summary = "Turn the bodies of kernels into what a thread of a GPU does";
  let description = [{
    Each `kernel.func` on tensors becomes one on the memrefs of its `arg_types`
    (row-major without them) whose body is one thread's work; `launch` tells how many
    threads and blocks there are. A nest takes one of three forms: a thread per element
    or short vector of the results; a warp or block per row, whose threads share long
    reductions; a tile of a contraction or convolution per block, operands in shared
    memory. Everything else is plain loops: those whose iterations never meet in memory
    have a thread for each iteration, over the grid if all of the kernel's loops are
    such, else within one block; what remains is the work of a single thread.

    ```mlir
    kernel.func private @scale(%x: memref<1000xf32>, %o: memref<1000xf32>)
        attributes {launch = #kernel.launch<threads = 256, arg = 1, limit = 65535, blocks = [<size = 1000, step = 1024>]>} {
      %thread = gpu.thread_id x
      ...
    }
    ```
  }];
  let options = [
    Option<"triple", "triple", "std::string", "\"nvptx64-nvidia-cuda\"",
           "Target triple">,
    Option<"cpu", "cpu", "std::string", "\"sm_80\"", "Chip, LLVM's name">,
    Option<"features", "features", "std::string", "\"\"",
           "Complete list of features, as +a,+b">,
    Option<"orderedSums", "ordered-sums", "bool", "false",
           "Each sum is one thread's, in the order of its op's loops">,
    Option<"remarks", "remarks", "bool", "false",
           "Tell of kernels that do not fill a grid, and why">];
  let statistics = [
    Statistic<"NumPoints", "points", "Nests with a thread per element">,
    Statistic<"NumRows", "rows", "Nests with reductions shared by threads">,
    Statistic<"NumTiles", "tiles", "Nests in tiles through shared memory">,
    Statistic<"NumGrids", "grids", "Kernels of plain loops with a thread per iteration">,
    Statistic<"NumBlocks", "blocks", "Kernels of plain loops that are one block's work">,
    Statistic<"NumSerial", "serial", "Kernels that are a single thread's work">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
    "::mlir::gpu::GPUDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect",
    "::mlir::memref::MemRefDialect", "::mlir::nvgpu::NVGPUDialect",
    "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect", "::mlir::vector::VectorDialect"];
}

def SplitDevicePass : Pass<"codegen-split-device", "::mlir::ModuleOp"> {
  let summary = "Move kernels to a module of the device, and main to launching them";
  let description = [{
    The kernels move into a `gpu.module`; `kernel.call` in main becomes
    `kernel.launch`. All of main's memory lies on the device from here: what it reads or
    writes itself becomes `kernel.fetch` and `kernel.put`.
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::lathe::kernel::KernelDialect"];
}

def DeviceToLLVMPass : Pass<"codegen-device-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Lower the device module to the LLVM and NVVM dialects";
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect", "::mlir::arith::ArithDialect",
    "::mlir::cf::ControlFlowDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ExpandLookupsPass : Pass<"codegen-expand-lookups"> {
  let summary = "Expand kernel.lookup into the target's table instructions";
  let description = [{
    Bytes of a vector pick from a table of 256 bytes: vpermi2b with AVX512-VBMI, pshufb
    and selections by the upper bits with SSSE3 and later, lists of registers (tbl, tbx)
    on ARM, loads byte by byte elsewhere.

    ```mlir
    %y = kernel.lookup %table[%x] : memref<256xi8>, vector<64xi8>
    // becomes, with AVX512-VBMI
    %0 = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"(%t0, %x, %t1) ...
    %1 = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"(%t2, %x, %t3) ...
    %s = arith.cmpi slt, %x, %zero : vector<64xi8>
    %y = arith.select %s, %1, %0 : vector<64xi1>, vector<64xi8>
    ```
  }];
  let options = [
    Option<"triple", "triple", "std::string", "\"x86_64-unknown-linux-gnu\"",
           "Target triple">,
    Option<"cpu", "cpu", "std::string", "\"x86-64\"", "CPU, LLVM's name">,
    Option<"features", "features", "std::string", "\"\"",
           "Complete list of features, as +a,+b">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::memref::MemRefDialect", "::mlir::vector::VectorDialect"];
}

def ExpandMathPass : Pass<"codegen-expand-math"> {
  let summary = "Expand functions of math into arithmetic on vectors";
  let description = [{
    f32 exp, erf, tanh, log and their relatives become polynomials, scalar or
    vector, exact to a few units in the last place over their whole domain, with
    infinities and NaN as libm has them. Rare functions and f64 call libm, lane by lane;
    without a `library` those are arithmetic of f64 as well.
  }];
  let options = [Option<"fma", "fma", "bool", "true",
                        "The target has a fused multiply-add">,
                 Option<"rounding", "rounding", "bool", "true",
                        "The target rounds vectors of f32 to whole numbers">,
                 Option<"maxNum", "max-num", "bool", "true",
                        "The target has the maximum of vectors that ignores NaN">,
                 Option<"wholeLoads", "whole-loads", "bool", "true",
                        "LLVM keeps vector loads whole that an extension follows">,
                 Option<"library", "library", "bool", "true",
                        "The target has a C library: without one the functions of f64 are arithmetic too">,
                 Option<"scale", "scale", "bool", "false",
                        "The target multiplies vectors of f32 by powers of two (AVX-512)">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

#endif // LATHE_CODEGEN_PASSES_TD

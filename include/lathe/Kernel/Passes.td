//===- Passes.td - Passes of the stage Kernel ------------------*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_KERNEL_PASSES_TD
#define LATHE_KERNEL_PASSES_TD

include "mlir/Pass/PassBase.td"

def KernelGeneralizePass : Pass<"kernel-generalize", "::mlir::ModuleOp"> {
  let summary = "Rewrite every structured op as linalg.generic";
  let description = [{
    Named linalg ops become linalg.generic (linalg.fill stays: it is the one form
    of a constant start value), so that each later pass knows one op. Loop kernels
    are left alone.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::lathe::kernel::KernelDialect"];
}

def KernelFuseElementwisePass : Pass<"kernel-fuse-elementwise", "::mlir::ModuleOp"> {
  let summary = "Fuse elementwise ops into their consumers";
  let description = [{
    An elementwise producer moves into its consumer when it has no other user or is
    cheap enough to be computed again, and when the consumer reads each element
    once. Scalar and splat constants become constants of the body.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::affine::AffineDialect"];
}

def KernelFoldReshapesPass : Pass<"kernel-fold-reshapes", "::mlir::ModuleOp"> {
  let summary = "Take reshapes out of the way of kernels";
  let description = [{
    A reshape between a root and an elementwise op that could be its epilogue moves
    behind that op, whose loops are split or joined; one that only adds or drops
    dimensions of size 1 goes into the indexing map of its reader:

    ```mlir
    %e = tensor.expand_shape %m [[0, 1]] : tensor<8xf32> into tensor<8x1xf32>
    linalg.generic {... (r, c) -> (r, 0) ...} ins(%x, %e)      // reads %m by (r, c) -> (r)
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::affine::AffineDialect",
                           "::mlir::tensor::TensorDialect"];
}

def KernelAssignLayoutPass : Pass<"kernel-assign-layout", "::mlir::ModuleOp"> {
  let summary = "Channels last for convolutions, by transpositions that travel";
  let description = [{
    Each convolution computes channels last; transpositions back travel down
    through elementwise ops, windows, reductions, pads, concatenations, slices and
    reshapes until they cancel or reach a result of main. Constant filters are
    transposed by a packing on `kernel.weight`.
  }];
  let dependentDialects = ["::lathe::kernel::KernelDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def KernelTabulatePass : Pass<"kernel-tabulate", "::mlir::ModuleOp"> {
  let summary = "Functions of a byte as tables of 256";
  let description = [{
    What a body computes of one byte and constants, up to a byte again (between
    DequantizeLinear and QuantizeLinear, say), is evaluated for all 256 values with
    the arithmetic that the kernel would have, fused multiply-adds and polynomials
    included. If the values are those of a clamp, two instructions take its place; else
    `kernel.lookup` where that is fewer instructions on the target (`paysAsTable`).
    Results keep their bits. Without a `Tabulator` nothing is done.

    ```mlir
    ^bb0(%x: i8, %o: i8):                     ^bb0(%x: i8, %o: i8):
      %1 = arith.extui %x : i8 to i32           %9 = kernel.lookup %table[%x] : tensor<256xi8>, i8
      %2 = arith.sitofp %1 : i32 to f32         linalg.yield %9 : i8
      ...
      %8 = arith.trunci %7 : i32 to i8
      linalg.yield %8 : i8
    ```
  }];
  let constructor = "::lathe::kernel::createKernelTabulatePass({}, nullptr)";
  let options = [
    Option<"triple", "triple", "std::string", "\"x86_64-unknown-linux-gnu\"",
           "Target triple">,
    Option<"cpu", "cpu", "std::string", "\"x86-64\"", "CPU, LLVM's name">,
    Option<"features", "features", "std::string", "\"\"",
           "Complete list of features, as +a,+b">];
  let statistics = [Statistic<"tables", "tables", "Functions that became tables">,
                    Statistic<"clamps", "clamps", "Functions that are clamps">];
  let dependentDialects = [
    "::lathe::kernel::KernelDialect", "::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def KernelLowerPadsPass : Pass<"kernel-lower-pads", "::mlir::ModuleOp"> {
  let summary = "Turn tensor.pad and tensor.concat into insertions";
  let description = [{
    A pad becomes a filled buffer and an insertion, a concatenation an empty buffer
    and one insertion per operand, each right behind the operand's producer, so that
    bufferization lets the producer write into the larger buffer.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::affine::AffineDialect"];
}

def KernelFormPass : Pass<"kernel-form", "::mlir::ModuleOp"> {
  let summary = "Outline kernels and call them";
  let description = [{
    Each root (a structured op with a reduction) takes its elementwise epilogues
    that share its parallel space and the producers of its start value along; a
    row-wise reduction takes elementwise ops and reductions over the same rows,
    so that a softmax or a norm is one kernel; elementwise ops that share a value
    join. An insertion into a filled tensor joins the kernel of what is inserted,
    which then writes the padding too. Each remaining elementwise op and each loop
    kernel becomes a kernel of its own.
  }];
  let options = [Option<"Epilogues", "epilogues", "bool", "true",
                        "Take elementwise consumers into a root's kernel">];
  let dependentDialects = ["::lathe::kernel::KernelDialect"];
}

def KernelExtractWeightsPass : Pass<"kernel-extract-weights", "::mlir::ModuleOp"> {
  let summary = "Turn tensor constants of main into kernel.weight, equal ones once";
  let dependentDialects = ["::lathe::kernel::KernelDialect"];
}

def KernelDeduplicatePass : Pass<"kernel-deduplicate", "::mlir::ModuleOp"> {
  let summary = "Keep one of several equal kernels";
}

def KernelSharePass : Pass<"kernel-share", "::mlir::ModuleOp"> {
  let summary = "One of several kernels that differ in scalars alone";
  let description = [{
    Kernels whose bodies differ in constants of f32 or i32 only (scales and zero points
    of layers of one shape) become one, which takes as arguments what differs. Where
    one divides, its reciprocal comes along, so that the quotient stays a product with a
    correction.

    ```mlir
    %0 = kernel.call @k ins(%x, %half : tensor<8xf32>, f32) outs(%e : tensor<8xf32>) -> tensor<8xf32>
    %1 = kernel.call @k ins(%y, %third : tensor<8xf32>, f32) outs(%f : tensor<8xf32>) -> tensor<8xf32>
    ```
  }];
  let options = [Option<"fma", "fma", "bool", "true", "The target has fused multiply-adds">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let statistics = [Statistic<"shared", "shared", "Kernels that another serves too">];
}

def KernelSchedulePass : Pass<"kernel-schedule", "::mlir::ModuleOp"> {
  let summary = "Choose schedules and pack the weights that they want packed";
  let description = [{
    A contraction or dense convolution with constant weights gets a
    `#kernel.contraction` schedule; its weights are packed in panels of the
    schedule's columns, as a `#kernel.packing` on each `kernel.weight`.
  }];
  let options = [
    Option<"triple", "triple", "std::string", "\"x86_64-unknown-linux-gnu\"",
           "Target triple">,
    Option<"cpu", "cpu", "std::string", "\"x86-64\"", "CPU, LLVM's name">,
    Option<"features", "features", "std::string", "\"\"",
           "Complete list of features, as +a,+b">];
}

def KernelPlaceWeightsPass : Pass<"kernel-place-weights", "::mlir::ModuleOp"> {
  let summary = "Give each weight its offset in the blob, in execution order";
}

def KernelVerifyPass : Pass<"kernel-verify", "::mlir::ModuleOp"> {
  let summary = "Check the contract of the stage Kernel";
  let description = [{
    Main holds calls, weights, views, scalar arithmetic and structured control
    flow; every kernel has one root at most, or reductions over the same rows;
    every weight has its place.
  }];
}

#endif // LATHE_KERNEL_PASSES_TD

//===- KernelDialect.td - The dialect of kernels and their calls -*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_KERNEL_KERNELDIALECT_TD
#define LATHE_KERNEL_KERNELDIALECT_TD

include "mlir/IR/DialectBase.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::lathe::kernel";
  let summary = "Kernels of a compiled model and the calls between them";
  let description = [{
    A compiled model is a flat list of calls in `@main` of isolated, private
    functions, the kernels. The dialect holds these two, the constants a model
    is made of (`kernel.weight`), the places where its intermediate values lie
    (`kernel.slot`) and the hand-over of results whose shape is known at run
    time only (`kernel.output`).
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::memref::MemRefDialect",
                           "::mlir::tensor::TensorDialect"];
}

#endif // LATHE_KERNEL_KERNELDIALECT_TD

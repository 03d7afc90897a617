//===- KernelFrame.h - The function around an emitted body ------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Turns the signature of a kernel from tensors into the memrefs of its
// `arg_types` and keeps the body on tensors beside it, for the emitters to
// read.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_KERNELFRAME_H
#define LATHE_LIB_CODEGEN_KERNELFRAME_H

#include "Halo.h"
#include "KernelContext.h"
#include "NestGraph.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/IR/OwningOpRef.h"

namespace lathe::codegen {

class KernelFrame {
public:
  /// \p Ranged: two indices more, lo and hi, end the arguments.
  KernelFrame(kernel::FuncOp Func, const TargetDescription &Target,
              bool Ranged);

  /// The new body, which ends with kernel.return.
  mlir::Block &entry() { return Func.getBody().front(); }

private:
  kernel::FuncOp Func;
  mlir::OwningOpRef<kernel::FuncOp> Source;

public:
  /// Stands where loops begin.
  mlir::OpBuilder B;
  KernelContext Ctx;
  /// The body on tensors.
  mlir::Block &Body;
};

/// Kernels within \p Root that are still on tensors.
llvm::SmallVector<kernel::FuncOp> kernelsToEmit(mlir::Operation *Root);

/// The nests that write all results of the kernel, their dimensions merged;
/// what lies around padded results is filled by \p Fill. Fails, without a
/// diagnostic, if one of them has not the nest form.
mlir::FailureOr<std::vector<NestGraph>>
buildNests(KernelContext &Ctx, llvm::function_ref<void(const Halo &)> Fill);

/// Addresses and loads that the points of a tile share are computed once, and
/// as far out as may be.
void cleanKernel(kernel::FuncOp Kernel);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_KERNELFRAME_H

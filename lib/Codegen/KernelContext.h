//===- KernelContext.h - A kernel being emitted -----------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What all emitters share: where the tensors of the kernel lie, and the scalars
// and sizes that its body computes outside of linalg ops. Those are made once,
// ahead of all loops.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_KERNELCONTEXT_H
#define LATHE_LIB_CODEGEN_KERNELCONTEXT_H

#include "lathe/Support/TargetDescription.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Builders.h"

namespace lathe::codegen {

class Outliner;

class KernelContext {
public:
  KernelContext(mlir::OpBuilder &B, mlir::Location Loc,
                const TargetDescription &Target)
      : B(B), Loc(Loc), Target(Target) {}

  mlir::OpBuilder &B;
  mlir::Location Loc;
  const TargetDescription &Target;
  /// The terms of a sum are added in the order of its op's loops.
  bool OrderedSums = false;
  /// Argument of the body on tensors -> argument of the function on memrefs.
  llvm::DenseMap<mlir::Value, mlir::Value> Arguments;
  /// Value of the body that is a result -> the memrefs it is written to.
  llvm::SmallVector<mlir::Value> Results, Outs;
  mlir::Value Lo, Hi;
  /// Takes parts of the kernel that should be functions; null: there are none.
  Outliner *Tails = nullptr;
  /// Everything loop-invariant is created before this op.
  mlir::Operation *Prologue = nullptr;

  /// The memref of an argument.
  mlir::Value memref(mlir::Value Argument) const {
    return Arguments.lookup(Argument);
  }
  /// A scalar of the body, in the prologue.
  mlir::Value scalar(mlir::Value V);
  /// The size of dimension \p Position of a tensor of the body; null if it
  /// cannot be told.
  mlir::Value size(mlir::Value Tensor, int64_t Position);

private:
  llvm::DenseMap<mlir::Value, mlir::Value> Scalars;
};

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_KERNELCONTEXT_H

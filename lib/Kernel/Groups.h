//===- Groups.h - Which ops become one kernel -------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The decision of `kernel-form`, apart from its execution: nothing here changes
// the IR.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_KERNEL_GROUPS_H
#define LATHE_LIB_KERNEL_GROUPS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace lathe::kernel {

/// Ops of one block, in block order, that become one kernel.
struct Group {
  llvm::SmallVector<mlir::Operation *> Ops;
  llvm::StringRef Kind;
};

/// The groups of \p B in the order in which their kernels run. Invariant: what
/// uses a value of a group and is not in it stands behind the group's last op,
/// so that the group can move there as a whole. \p Epilogues: roots take
/// elementwise ops, dependent reductions and halos along.
llvm::SmallVector<Group> findGroups(mlir::Block &B, bool Epilogues);

/// A scalar constant.
bool isScalarConstant(mlir::Value V);

/// Made inside each kernel that uses it rather than passed: scalar constants,
/// empty tensors, fills.
bool isCloned(mlir::Value V);

/// \p Op puts a tensor into the middle of a filled one, at a static place: the
/// kernel that computes the inside writes the halo as well.
bool isHalo(mlir::tensor::InsertSliceOp Op);

} // namespace lathe::kernel

#endif // LATHE_LIB_KERNEL_GROUPS_H

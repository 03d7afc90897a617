//===- RunTimeChecks.h - What only the run can find wrong -------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Conditions that end a run with a status of their node; see RunTimeChecks.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_RUNTIMECHECKS_H
#define LATHE_LIB_LOWER_RUNTIMECHECKS_H

#include "lathe/Support/Status.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lathe::lower {

/// Ends the run with a status of this node unless \p Condition, an i1, holds.
void require(mlir::ImplicitLocOpBuilder &B, mlir::Value Condition,
             NodeReason Reason);

/// Ends the run unless the sizes are equal, where that is not known.
void requireSame(mlir::ImplicitLocOpBuilder &B, mlir::OpFoldResult X,
                 mlir::OpFoldResult Y);

/// Ends the run unless \p Size is 1 or \p To.
void requireBroadcast(mlir::ImplicitLocOpBuilder &B, mlir::OpFoldResult Size,
                      mlir::OpFoldResult To);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_RUNTIMECHECKS_H

//===- NarrowRules.h - Which part of its operands a part needs --*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_NARROWRULES_H
#define LATHE_LIB_GRAPH_NARROWRULES_H

#include "mlir/IR/Operation.h"

namespace lathe::graph {

/// Marks an operand that is needed whole.
constexpr int64_t Whole = -1;

/// For each operand of \p Op the dimension of which it needs only the elements
/// that are wanted of dimension \p Axis of result 0, or Whole. Nullopt where a
/// part of the result needs more than parts of the operands. Other results are
/// not used (the caller's precondition).
std::optional<llvm::SmallVector<int64_t>> getOperandAxes(mlir::Operation *Op,
                                                         int64_t Axis);

/// Elements of \p V, dimensions that only the run knows counted as one.
double getSize(mlir::Value V);

/// The work of one execution, in elements or their like; multiply-adds count an
/// eighth. As a whole no measure where sizes are not known, but good to compare
/// with others of the same batch.
double getWork(mlir::Operation *Op);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_NARROWRULES_H

//===- FoldMovement.h - Constants that only change their shape --*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The cheap part of folding, which needs no code to run: views of a constant,
// transpositions, and whatever only moves the elements of a constant that are
// all equal.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_FOLDMOVEMENT_H
#define LATHE_LIB_GRAPH_FOLDMOVEMENT_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/Operation.h"

namespace lathe::graph {

/// True if every element of the result of \p Op is one of its first operand or,
/// of a ConstantOfShape, its value: a splat gives a splat.
bool onlyMovesElements(mlir::Operation *Op);

/// The result of \p Op, whose operands are constants, where no element needs to
/// be computed; null elsewhere. A view of a resource shares its bytes.
mlir::ElementsAttr foldMovement(mlir::Operation *Op);

/// \p Value, as a splat if all its elements have the same bytes.
mlir::ElementsAttr shrinkSplat(mlir::ElementsAttr Value);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_FOLDMOVEMENT_H

//===- StoredConstants.h - Constants as they lie in memory ------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_STOREDCONSTANTS_H
#define LATHE_LIB_LOWER_STOREDCONSTANTS_H

#include "NarrowTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace lathe::lower {

/// Gives \p Constant, a tensor of elements that are not plain, its memory type:
/// the bits of small tensors at once, those of resources where they are
/// unless elements share a byte (then an op behind it takes them apart). Erases
/// \p Constant if another takes its place.
void storeConstant(mlir::ImplicitLocOpBuilder &B,
                   mlir::arith::ConstantOp Constant, const NarrowTypes &Types);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_STOREDCONSTANTS_H

//===- Contraction.h - Matrix products for several families *- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_CONTRACTION_H
#define LATHE_LIB_LOWER_CONTRACTION_H

#include "Common.h"

namespace lathe::lower {

/// Numpy's matmul of \p X and \p Y (their accesses are set here) with zero
/// points, accumulated in \p Acc. Zero points: a scalar, or one a row of X, or
/// one a column of Y.
Value matmul(Builder &B, Factor X, Factor Y, Type Acc);

/// X' Y' of two matrices, transposed by their accesses.
Value gemm(Builder &B, Factor X, Factor Y, bool TransX, bool TransY, Type Acc);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_CONTRACTION_H

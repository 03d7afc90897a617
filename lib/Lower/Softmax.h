//===- Softmax.h - Row algorithms that several families use *- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_SOFTMAX_H
#define LATHE_LIB_LOWER_SOFTMAX_H

#include "Common.h"

namespace lathe::lower {

/// Softmax of \p X along \p Axis, or its logarithm, in \p OutElem. With
/// \p MayHideAll a row of minus infinities gives zeros.
Value softmax(Builder &B, Value X, int64_t Axis, Type OutElem, bool Log = false,
              bool MayHideAll = false);

/// Index (i64) of the largest or smallest element along \p Axis, which the
/// result no longer has; of equal ones the first or the last.
Value argReduce(Builder &B, Value X, int64_t Axis, bool Max, bool SelectLast,
                Type OnnxElem);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_SOFTMAX_H

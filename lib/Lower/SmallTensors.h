//===- SmallTensors.h - Small tensors by their elements ---------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What an op gives for operands whose elements are all at hand, as scalars.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_SMALLTENSORS_H
#define LATHE_LIB_LOWER_SMALLTENSORS_H

#include "IndexHelpers.h"
#include "Node.h"
#include "Scalar.h"

namespace lathe::lower {

/// What counts as small.
constexpr int64_t MaxElements = 64;

/// A small tensor as its elements in row-major order.
struct Small {
  SmallVector<int64_t> Shape;
  Scalars Elements;
};

/// Whether there is a rule for the op \p Name (without its dialect).
bool canEvaluate(StringRef Name);

/// The elements of each result of \p N, an op that canEvaluate names; nothing
/// if this one is beyond its rule.
std::optional<SmallVector<Scalars>> evaluate(Node &N, TensorBuilder &B,
                                             ArrayRef<Small> In);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_SMALLTENSORS_H

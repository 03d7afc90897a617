//===- Activation.h - Activations by name ---------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Activations: ops of their own, and what fused and recurrent ops name in
// attributes. All are of floats.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_ACTIVATION_H
#define LATHE_LIB_LOWER_ACTIVATION_H

#include "Common.h"

namespace lathe::lower {

/// A scalar function with its parameters bound.
using Activation = std::function<Value(Builder &, Value)>;

/// The activation called \p Name ("Relu", any case) with parameters \p Alpha
/// and \p Beta where given, else ONNX's defaults; nothing if there is no such
/// one. Selu's gamma is its beta.
std::optional<Activation>
activationByName(StringRef Name, std::optional<double> Alpha = std::nullopt,
                 std::optional<double> Beta = std::nullopt);

namespace activation {
Value gelu(Builder &B, Value X);
Value geluTanh(Builder &B, Value X);
} // namespace activation

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_ACTIVATION_H

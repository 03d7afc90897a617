//===- Tabulator.h - The values of a function of a byte ---------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A table stands for arithmetic only if it holds the very bytes that the
// kernel's instructions would give. How these are made is known to Codegen
// (polynomials, fused multiply-adds, divisions), so Kernel asks through this
// interface; the driver hands it down in the options of the pipeline.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_KERNEL_TABULATOR_H
#define LATHE_KERNEL_TABULATOR_H

#include "mlir/IR/Value.h"
#include <array>
#include <functional>
#include <optional>

namespace lathe {
struct TargetDescription;
} // namespace lathe

namespace lathe::kernel {

using ByteValues = std::array<uint8_t, 256>;

/// What \p Result, an i8 of a body, is for each value of \p Byte, an i8 that it
/// is computed from with nothing but constants; nothing if that cannot be told.
using Tabulator = std::function<std::optional<ByteValues>(
    mlir::Value Byte, mlir::Value Result, const TargetDescription &Target)>;

} // namespace lathe::kernel

#endif // LATHE_KERNEL_TABULATOR_H

//===- Tabulate.h - The values of a function of a byte ----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_CODEGEN_TABULATE_H
#define LATHE_CODEGEN_TABULATE_H

#include "lathe/Kernel/Tabulator.h"

namespace lathe::codegen {

/// The Tabulator of this stage: what the instructions that it makes of a body
/// give, for each value of \p Byte. Nothing where these call a library. Changes
/// nothing; the dialects arith, func, math and vector must be loaded.
std::optional<kernel::ByteValues> tabulate(mlir::Value Byte, mlir::Value Result,
                                           const TargetDescription &Target);

} // namespace lathe::codegen

#endif // LATHE_CODEGEN_TABULATE_H

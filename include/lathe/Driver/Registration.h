//===- Registration.h - Everything Lathe registers with MLIR ----*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_DRIVER_REGISTRATION_H
#define LATHE_DRIVER_REGISTRATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace lathe {

/// Adds every dialect, extension and external model that any stage uses.
void registerAllDialects(mlir::DialectRegistry &Registry);

/// Registers every pass of ours and of MLIR, and the named pipelines.
void registerAllPasses();

} // namespace lathe

#endif // LATHE_DRIVER_REGISTRATION_H

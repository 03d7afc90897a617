//===- Registration.h - What Codegen adds to dialects -----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_CODEGEN_REGISTRATION_H
#define LATHE_CODEGEN_REGISTRATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace lathe::codegen {

/// Makes the ops of the kernel dialect bufferizable.
void registerBufferizationModels(mlir::DialectRegistry &Registry);

} // namespace lathe::codegen

#endif // LATHE_CODEGEN_REGISTRATION_H

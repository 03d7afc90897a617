//===- Fallback.h - Scalar loops for any body -------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Loop kernels, and bodies outside of the nest form: MLIR's own bufferization
// of the body, then scalar loops. Speed is not its concern, coverage is.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_FALLBACK_H
#define LATHE_LIB_CODEGEN_FALLBACK_H

#include "KernelContext.h"
#include "mlir/Support/LogicalResult.h"

namespace lathe::codegen {

/// Emits \p Body, whose arguments \p Ctx maps, into \p Function at the
/// builder's insertion point; without a range in \p Ctx all is done at once.
/// Temporaries become small stack buffers; with
/// \p Heap, for tests only, allocations that nobody frees. Emits a diagnostic
/// on failure.
mlir::LogicalResult emitFallback(KernelContext &Ctx, mlir::Block &Body,
                                 mlir::Operation *Function, bool Heap);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_FALLBACK_H

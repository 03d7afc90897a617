//===- LoweringSteps.h - From loops to the LLVM dialect ---------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What host and device take on their way to the LLVM dialect. Functions are
// taken one by one, by as many threads as the context has.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_LOWERINGSTEPS_H
#define LATHE_LIB_CODEGEN_LOWERINGSTEPS_H

#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Pass/PassManager.h"

namespace lathe::codegen {

/// Reports what allocates at run time within \p Root.
mlir::LogicalResult checkBounded(mlir::Operation *Root);

/// Structured forms to branches and plain memory accesses, vectors and math to
/// the LLVM dialect, each function of \p Module by itself. With \p Library,
/// what no intrinsic covers becomes calls of libm, one per element. \p Run runs
/// a pipeline on \p Module.
mlir::LogicalResult lowerStructure(
    mlir::Operation *Module, bool Library,
    llvm::function_ref<mlir::LogicalResult(mlir::OpPassManager &)> Run);

/// Arithmetic, branches and memory to the LLVM dialect.
void populatePlainPatterns(const mlir::LLVMTypeConverter &Types,
                           mlir::RewritePatternSet &Patterns);

/// What must be gone after the conversion by those.
void addPlainIllegalDialects(mlir::LLVMConversionTarget &Target);

/// Leaves nothing of the conversion behind.
void addCleanPasses(mlir::OpPassManager &PM);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_LOWERINGSTEPS_H

//===- FunctionBoundary.h - Memrefs as arguments of LLVM functions -*- C++ -*-//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How memrefs cross the boundary of a compiled function: a pointer, already
// offset, then the sizes and strides that the type leaves open.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_FUNCTIONBOUNDARY_H
#define LATHE_LIB_CODEGEN_FUNCTIONBOUNDARY_H

#include "lathe/Kernel/Kernel.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace lathe::codegen {

mlir::Type pointer(mlir::MLIRContext *Ctx);

/// Builds a memref value from a pointer to its first element and the values of
/// its dynamic sizes, then strides, taken from \p Next.
mlir::Value memrefFromPointer(mlir::OpBuilder &B, mlir::Location Loc,
                              const mlir::LLVMTypeConverter &Types,
                              mlir::MemRefType Type, mlir::Value Pointer,
                              llvm::function_ref<mlir::Value()> Next);

/// Appends the types under which an argument of type \p T is passed.
void flatten(mlir::Type T, const mlir::LLVMTypeConverter &Types,
             llvm::SmallVectorImpl<mlir::Type> &Out);

/// Gives \p Entry, in place of arguments of types \p Old from number \p First
/// on, the flattened ones, from number \p First on too.
void rebuildArguments(mlir::Block &Entry, unsigned First, mlir::TypeRange Old,
                      const mlir::LLVMTypeConverter &Types, mlir::Location Loc);

/// Appends what a function that takes \p Params is passed for \p Operands, of
/// types \p Types before their conversion: a size that the callee does not know
/// is passed even if it is known here.
void passArguments(mlir::OpBuilder &B, mlir::Location Loc,
                   const mlir::LLVMTypeConverter &Converter,
                   mlir::TypeRange Types, mlir::ValueRange Operands,
                   mlir::TypeRange Params,
                   llvm::SmallVectorImpl<mlir::Value> &Args);

/// Replaces an emitted kernel by a function.
mlir::LLVM::LLVMFuncOp lowerKernel(kernel::FuncOp Kernel,
                                   const mlir::LLVMTypeConverter &Types);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_FUNCTIONBOUNDARY_H

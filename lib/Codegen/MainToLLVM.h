//===- MainToLLVM.h - main as Target expects it -----------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The boundary between main and the object: its signature, and everything in it
// that may end a run early.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_MAINTOLLVM_H
#define LATHE_LIB_CODEGEN_MAINTOLLVM_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe::codegen {

/// Positions of main's own arguments before the model's.
enum { ContextArg, WorkspaceArg, WeightsArg, NumFixedArgs };

/// Gives \p Main the signature that docs/architecture.md promises to Target;
/// its body but for that is left to the conversion.
void lowerMain(mlir::func::FuncOp Main, const mlir::LLVMTypeConverter &Types);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_MAINTOLLVM_H

//===- Launch.h - The host's side of kernels on a device --------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// kernel.launch, fetch and put as calls of the launcher (runtime/lathe_gpu.h).
// The run that they belong to is the last argument of main.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_LAUNCH_H
#define LATHE_LIB_CODEGEN_LAUNCH_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace lathe::codegen {

/// The module that \p Op is in has its kernels on a device.
bool isForDevice(mlir::Operation *Op);

/// Declares the functions that main calls.
void declareLauncher(mlir::ModuleOp Module);

void populateLaunchPatterns(const mlir::LLVMTypeConverter &Types,
                            mlir::RewritePatternSet &Patterns);

/// The status of the run of \p Main.
mlir::Value callStatus(mlir::OpBuilder &B, mlir::Location Loc,
                       mlir::LLVM::LLVMFuncOp Main);
/// Memory on the device until the call ends; null if there is none.
mlir::Value callAllocate(mlir::OpBuilder &B, mlir::Location Loc,
                         mlir::LLVM::LLVMFuncOp Main, mlir::Value Bytes);
/// Where on the device the output at \p Data is to be written.
mlir::Value callOutput(mlir::OpBuilder &B, mlir::Location Loc,
                       mlir::LLVM::LLVMFuncOp Main, mlir::Value Data,
                       mlir::Value Bytes);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_LAUNCH_H

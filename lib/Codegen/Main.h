//===- Main.h - The function that calls the kernels -------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_MAIN_H
#define LATHE_LIB_CODEGEN_MAIN_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe::codegen {

/// @main of \p Module; null, with an error, where there is none.
inline mlir::func::FuncOp findMain(mlir::ModuleOp Module) {
  auto Main = Module.lookupSymbol<mlir::func::FuncOp>("main");
  if (!Main)
    Module.emitError("the module has no function 'main'");
  return Main;
}

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_MAIN_H

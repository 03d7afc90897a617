//===- lathe-lsp-server.cpp - Language server for Lathe's dialects --------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/Registration.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry Registry;
  lathe::registerAllDialects(Registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, Registry));
}

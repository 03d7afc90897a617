//===- DiagnosticPrinter.h - Diagnostics of one model ---------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Prints diagnostics as `model.onnx: error: node 'conv1' (Conv): reason`, for
// the import and for every later stage of the same model.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_IMPORT_DIAGNOSTICPRINTER_H
#define LATHE_IMPORT_DIAGNOSTICPRINTER_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/raw_ostream.h"

namespace lathe::import {

/// Handles all diagnostics of \p Context while it lives.
class DiagnosticPrinter : public mlir::ScopedDiagnosticHandler {
public:
  DiagnosticPrinter(mlir::MLIRContext *Context, llvm::StringRef Path,
                    llvm::raw_ostream &OS = llvm::errs());

private:
  void print(const mlir::Diagnostic &Diag);
  std::string Path;
  llvm::raw_ostream &OS;
};

} // namespace lathe::import

#endif // LATHE_IMPORT_DIAGNOSTICPRINTER_H

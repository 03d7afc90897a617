//===- lathe-import-many.cpp - Import many files in one process -----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Imports each file named on the command line and prints, before the next one
// is touched, what became of it: "imported", "refused" (with a diagnostic) or
// "silent" (refused without one, which is a fault). For test/mutants/run.py,
// which finds the file that brought the process down by counting the lines.
//
//===----------------------------------------------------------------------===//

#include "lathe/Import/Import.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

int main(int Argc, char **Argv) {
  for (int I = 1; I < Argc; ++I) {
    mlir::MLIRContext Context(mlir::MLIRContext::Threading::DISABLED);
    bool Explained = false;
    mlir::ScopedDiagnosticHandler Handler(
        &Context, [&](mlir::Diagnostic &Diag) {
          Explained |= Diag.getSeverity() == mlir::DiagnosticSeverity::Error;
          return mlir::success();
        });
    mlir::OwningOpRef<mlir::ModuleOp> Module =
        lathe::import::importONNXFile(Argv[I], Context);
    llvm::outs() << (Module      ? "imported"
                     : Explained ? "refused"
                                 : "silent")
                 << " " << Argv[I] << "\n";
    llvm::outs().flush();
  }
  return 0;
}

//===- DiagnosticPrinter.cpp - Diagnostics of one model -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Import/DiagnosticPrinter.h"
#include "lathe/ONNX/Diagnostics.h"

using namespace lathe::import;
using namespace mlir;

DiagnosticPrinter::DiagnosticPrinter(MLIRContext *Context, StringRef Path,
                                     llvm::raw_ostream &OS)
    : ScopedDiagnosticHandler(Context), Path(Path), OS(OS) {
  setHandler([this](Diagnostic &Diag) {
    print(Diag);
    return success();
  });
}

static StringRef getSeverityName(DiagnosticSeverity Severity) {
  switch (Severity) {
  case DiagnosticSeverity::Note:
    return "note";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Error:
    return "error";
  case DiagnosticSeverity::Remark:
    return "remark";
  }
  return "error";
}

void DiagnosticPrinter::print(const Diagnostic &Diag) {
  std::string Text = Diag.str();
  OS << Path << ": " << getSeverityName(Diag.getSeverity()) << ": ";
  StringRef Name = lathe::onnx::getNodeName(Diag.getLocation());
  if (!Name.empty() && !StringRef(Text).starts_with("node '"))
    OS << "node '" << Name << "': ";
  OS << Text << '\n';
  for (const Diagnostic &Note : Diag.getNotes())
    print(Note);
}

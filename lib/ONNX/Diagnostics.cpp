//===- Diagnostics.cpp - Errors that name the node ------------------ ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/Facts.h"

using namespace mlir;

StringRef lathe::onnx::getNodeName(Location Loc) {
  if (auto Name = dyn_cast<NameLoc>(Loc))
    return Name.getName();
  if (auto Fused = dyn_cast<FusedLoc>(Loc))
    for (Location Part : Fused.getLocations())
      if (StringRef Name = getNodeName(Part); !Name.empty())
        return Name;
  return {};
}

InFlightDiagnostic lathe::onnx::emitNodeError(Operation *Op) {
  InFlightDiagnostic Diag = emitError(Op->getLoc());
  if (StringRef Name = getNodeName(Op->getLoc()); !Name.empty())
    Diag << "node '" << Name << "' (" << getOpName(Op) << "): ";
  else
    Diag << getOpName(Op) << ": ";
  return Diag;
}

//===- Diagnostics.h - Errors that name the node --------------*- C++ -*- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_ONNX_DIAGNOSTICS_H
#define LATHE_ONNX_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Operation.h"

namespace lathe::onnx {

/// The node's name in the model: that of the first NameLoc in \p Loc; empty if
/// none.
llvm::StringRef getNodeName(mlir::Location Loc);

/// Starts the error `node 'conv1' (Conv): `, or `Conv: ` for a node without a
/// name.
mlir::InFlightDiagnostic emitNodeError(mlir::Operation *Op);

} // namespace lathe::onnx

#endif // LATHE_ONNX_DIAGNOSTICS_H

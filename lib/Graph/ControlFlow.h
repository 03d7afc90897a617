//===- ControlFlow.h - Smaller Ifs, Loops and Scans -------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The mechanics of graph-eliminate-dead on one op with subgraphs.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_CONTROLFLOW_H
#define LATHE_LIB_GRAPH_CONTROLFLOW_H

#include "lathe/ONNX/ONNX.h"

namespace lathe::graph {

struct ControlFlowChange {
  /// The op that stands now in the place of the given one; null where Replaced.
  mlir::Operation *Op = nullptr;
  /// Values stand in the place of the op, which is gone.
  bool Replaced = false;
  /// Results, carried values and scan inputs that are gone.
  unsigned ValuesRemoved = 0;
  /// A branch or one iteration has been inlined.
  bool Inlined = false;
};

/// Simplifies \p Op, an If, Loop or Scan that has uses. The given op may be
/// erased.
ControlFlowChange simplifyControlFlow(mlir::Operation *Op);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_CONTROLFLOW_H

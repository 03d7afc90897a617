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

/// Loop and Scan are one thing to most rewrites: carried values, values of one
/// iteration, and outputs that are collected; this says where each of them
/// stands among operands, arguments, yielded values and results.
struct IterationForm {
  explicit IterationForm(mlir::Operation *Op)
      : Op(Op), Body(&Op->getRegion(0).front()) {
    if (auto Loop = llvm::dyn_cast<onnx::LoopOp>(Op)) {
      Carried = Loop.getVInitial().size();
      FirstOperand = Op->getNumOperands() - Carried;
      FirstArg = 2;
      FirstYield = 1;
    } else {
      ScanInputs = llvm::cast<onnx::ScanOp>(Op).getNumScanInputs();
      Carried = Op->getNumOperands() - ScanInputs;
    }
  }

  mlir::Value initial(unsigned I) const {
    return Op->getOperand(FirstOperand + I);
  }
  mlir::BlockArgument argument(unsigned I) const {
    return Body->getArgument(FirstArg + I);
  }
  mlir::Operation *yield() const { return Body->getTerminator(); }
  mlir::Value yielded(unsigned I) const {
    return yield()->getOperand(FirstYield + I);
  }
  unsigned numCollected() const { return Op->getNumResults() - Carried; }

  mlir::Operation *Op;
  mlir::Block *Body;
  unsigned Carried = 0, ScanInputs = 0;
  unsigned FirstOperand = 0, FirstArg = 0, FirstYield = 0;
};

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

//===- Elementwise.h - Ops that work element by element ---------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_ELEMENTWISE_H
#define LATHE_LIB_GRAPH_ELEMENTWISE_H

#include "mlir/IR/Operation.h"

namespace lathe::graph {

/// True if each element of the one result of \p Op is the same function of the
/// elements of its operands at that place, operands being broadcast as ONNX
/// does. Quantize and dequantize are not: their groups keep their form.
bool isElementwise(mlir::Operation *Op);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_ELEMENTWISE_H

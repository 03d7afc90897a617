//===- Passes.td - Passes of the stage Graph ------------------*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_GRAPH_PASSES_TD
#define LATHE_GRAPH_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // LATHE_GRAPH_PASSES_TD

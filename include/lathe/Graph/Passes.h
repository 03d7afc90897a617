//===- Passes.h - Passes of the stage Graph ------------------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_GRAPH_PASSES_H
#define LATHE_GRAPH_PASSES_H

#include "lathe/Support/PassStatistic.h"
#include "mlir/Pass/Pass.h"

namespace lathe::onnx {
class Evaluator;
} // namespace lathe::onnx

namespace lathe::graph {

#define GEN_PASS_DECL
#include "lathe/Graph/Passes.h.inc"

/// The pass with what it computes values by; null: only elements are moved.
std::unique_ptr<mlir::Pass>
createFoldConstants(const FoldConstantsOptions &Options,
                    onnx::Evaluator *Evaluator);

/// graph-rounds of the passes of \p Round.
std::unique_ptr<mlir::Pass> createRounds(mlir::OpPassManager Round);
/// The passes that \p P repeats; null if it is no graph-rounds.
mlir::OpPassManager *roundOf(mlir::Pass &P);

#define GEN_PASS_REGISTRATION
#include "lathe/Graph/Passes.h.inc"

} // namespace lathe::graph

#endif // LATHE_GRAPH_PASSES_H

//===- Pipeline.cpp - The pipeline of the stage Graph ---------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Graph/Pipeline.h"
#include "lathe/Graph/Passes.h"
#include "lathe/ONNX/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace lathe;

/// Formulas that were written out to the ops that they mean. Simplified forms
/// come in; activations first, since norms and attention hold none.
static void addFusions(OpPassManager &PM) {
  PM.addPass(graph::createGraphFuseActivations());
  PM.addPass(graph::createGraphFuseNorms());
  PM.addPass(graph::createGraphFuseRotary());
  PM.addPass(graph::createGraphFuseAttention());
  PM.addPass(graph::createGraphFuseRecurrent());
  PM.addPass(graph::createGraphFuseMovement());
  // Tables of half the width, rows cut for each of their uses.
  PM.addPass(createCSEPass());
}

void graph::buildPipeline(OpPassManager &PM, const PipelineOptions &Options) {
  // 1. Shapes are part of the form that every later stage reads.
  PM.addPass(onnx::createInferShapes());
  PM.addPass(createGraphExpandVendor());
  if (!Options.Optimize)
    return;
  auto Clean = [](OpPassManager &PM) {
    PM.addPass(createEliminateDead());
    PM.addPass(createRemoveNoOps());
    PM.addPass(createUnifyConstants());
    PM.addPass(createCanonicalizerPass());
    PM.addPass(createCSEPass());
  };
  auto Fold = [&](OpPassManager &PM, bool Remarks = false) {
    FoldConstantsOptions Fold;
    Fold.Limit = Options.FoldLimitBytes;
    Fold.Remarks = Remarks;
    PM.addPass(createFoldConstants(Fold, Options.Evaluator));
  };
  // 2. Equal subgraphs of constants become one before they are computed. Values
  // may tell shapes.
  Clean(PM);
  Fold(PM);
  PM.addPass(onnx::createInferShapes());
  // What a step leaves may be what an earlier one looks for.
  OpPassManager Round(ModuleOp::getOperationName());
  // 3. Sizes that only the run knows are asked for once. Then what an exporter
  // took apart; the whole op rounds elsewhere.
  Round.addPass(createUnifySizes());
  if (!Options.KeepRounding)
    addFusions(Round);
  // 4. What moves meets what moves, and vanishes.
  Round.addPass(createMergeMovement());
  // 5. Weights take what is beside them; not before, for a scale is a part of
  // the forms that are fused.
  if (!Options.KeepRounding)
    Round.addPass(createMergeScales());
  // 6. Nothing is computed that nobody reads.
  Round.addPass(createNarrow());
  // 7. Wide contractions, once it is known how much of each is needed.
  Round.addPass(createMergeParallel({Options.KeepAttended}));
  // 8. What the last steps left, and the cheapest form of each node that stays.
  Clean(Round);
  Round.addPass(createReduceStrength({Options.KeepRounding}));
  Round.addPass(createFormGemm());
  Round.addPass(createMergeMovement());
  Clean(Round);
  Fold(Round);
  Round.addPass(onnx::createInferShapes());
  PM.addPass(createRounds(std::move(Round)));
  // What is still not computed then, and why.
  if (Options.Remarks)
    Fold(PM, /*Remarks=*/true);
}

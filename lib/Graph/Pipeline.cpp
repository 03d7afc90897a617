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
  if (!Options.Optimize)
    return;
  auto Clean = [&] {
    PM.addPass(createEliminateDead());
    PM.addPass(createRemoveNoOps());
    PM.addPass(createUnifyConstants());
    PM.addPass(createCanonicalizerPass());
    PM.addPass(createCSEPass());
  };
  auto Fold = [&](bool Last) {
    FoldConstantsOptions Fold;
    Fold.Limit = Options.FoldLimitBytes;
    Fold.Remarks = Options.Remarks && Last;
    PM.addPass(createFoldConstants(Fold, Options.Evaluator));
    PM.addPass(onnx::createInferShapes());
  };
  // 2. Equal subgraphs of constants become one before they are computed. Values
  // may tell shapes.
  Clean();
  Fold(/*Last=*/false);
  // Three times: what a step leaves may be what an earlier one looks for, and a
  // second run of the pipeline shall find nothing more. No model that we know
  // needs a fourth; a round that finds nothing costs a walk a pass.
  for (bool Last : {false, false, true}) {
    // 3. What an exporter took apart; the whole op rounds elsewhere.
    if (!Options.KeepRounding)
      addFusions(PM);
    // 4. What moves meets what moves, and vanishes.
    PM.addPass(createMergeMovement());
    // 5. Weights take what is beside them; not before, for a scale is a part of
    // the forms that are fused.
    if (!Options.KeepRounding)
      PM.addPass(createMergeScales());
    // 6. Nothing is computed that nobody reads.
    PM.addPass(createNarrow());
    // 7. Wide contractions, once it is known how much of each is needed.
    PM.addPass(createMergeParallel());
    // 8. What the last steps left, and the cheapest form of each node that
    // stays.
    Clean();
    PM.addPass(createReduceStrength({Options.KeepRounding}));
    PM.addPass(createFormGemm());
    PM.addPass(createMergeMovement());
    Clean();
    Fold(Last);
  }
}

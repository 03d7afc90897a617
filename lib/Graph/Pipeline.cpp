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
  PM.addPass(graph::createGraphFuseAttention());
}

void graph::buildPipeline(OpPassManager &PM, const PipelineOptions &Options) {
  // 1. Shapes are part of the form that every later stage reads.
  PM.addPass(onnx::createInferShapes());
  if (!Options.Optimize)
    return;
  PM.addPass(createEliminateDead());
  PM.addPass(createRemoveNoOps());
  PM.addPass(createEliminateDead());
  PM.addPass(createCanonicalizerPass());
  PM.addPass(createCSEPass());
  // 2. Equal subgraphs of constants are one by now. Values may tell shapes.
  FoldConstantsOptions Fold;
  Fold.Limit = Options.FoldLimitBytes;
  Fold.Remarks = Options.Remarks;
  PM.addPass(createFoldConstants(Fold, Options.Evaluator));
  PM.addPass(onnx::createInferShapes());
  // 3. What an exporter took apart; the whole op rounds elsewhere.
  if (!Options.KeepRounding)
    addFusions(PM);
}

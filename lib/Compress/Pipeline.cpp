//===- Pipeline.cpp - The pipeline of the stage Compress ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Compress/Pipeline.h"
#include "lathe/Compress/Passes.h"
#include "lathe/ONNX/Passes.h"
#include "mlir/Pass/PassManager.h"

using namespace lathe;

void compress::buildPipeline(mlir::OpPassManager &PM,
                             const PipelineOptions &Options) {
  const PruneOptions &Prune = Options.Compress.Prune;
  llvm::SmallVector<std::string> Skip(Prune.Skip.begin(), Prune.Skip.end());
  // 1. What goes as a whole, so that the rest is chosen from what stays.
  bool Smaller = false;
  if (Prune.Layers != 0) {
    PM.addPass(createPruneLayers({Prune.Layers, Skip}));
    Smaller = true;
  }
  if (Prune.Channels != 0) {
    PM.addPass(createPruneChannels(
        {Prune.Channels, /*keepShapes=*/false, Options.Remarks, Skip}));
    Smaller = true;
  }
  if (Smaller)
    PM.addPass(onnx::createInferShapes());
  // 2. Zeros.
  if (Prune.Magnitude != 0)
    PM.addPass(createPruneMagnitude({Prune.Magnitude, Prune.PerLayer, Skip}));
  if (Prune.Sigma != 0)
    PM.addPass(createPruneSigma({Prune.Sigma, Skip}));
  if (!Prune.Pattern.empty())
    PM.addPass(createPrunePattern({Prune.Pattern, Skip}));
  // 3. One kind of convolution for all that follows.
  bool ToBytes = Options.Compress.Quantize == compress::Options::Kind::Int8;
  if (Options.Integers || ToBytes)
    PM.addPass(createTurnConvolutions({Options.Reorder || ToBytes, ToBytes}));
  // 4. Fewer bits.
  llvm::SmallVector<std::string> Floats(Options.Compress.QuantizeSkip.begin(),
                                        Options.Compress.QuantizeSkip.end());
  const ByteUnit &Unit = Options.Unit;
  switch (Options.Compress.Quantize) {
  case compress::Options::Kind::None:
    break;
  case compress::Options::Kind::Int8:
    PM.addPass(createExpandAttention(
        {Floats, Unit.Lanes, Unit.Packed, Unit.Computed}));
    PM.addPass(onnx::createInferShapes());
    PM.addPass(createQuantize({Floats, Unit.Lanes, Unit.Packed, Unit.Computed},
                              Options.Evaluator, Options.Samples));
    break;
  case compress::Options::Kind::Int8Weights:
    PM.addPass(createQuantizeWeights({8, Floats}));
    break;
  case compress::Options::Kind::Int4Weights:
    PM.addPass(createQuantizeWeights({4, Floats}));
    break;
  }
  // 5. Integers from end to end, for models that arrive quantized too.
  if (Options.Integers) {
    PM.addPass(createMoveQuantize());
    PM.addPass(createIntegerLayers());
  }
}

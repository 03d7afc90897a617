//===- PruneSigma.cpp - The pass compress-prune-sigma ---------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Weights.h"
#include "lathe/Compress/Passes.h"
#include "lathe/Compress/Scores.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/ONNX.h"

namespace lathe::compress {
#define GEN_PASS_DEF_PRUNESIGMA
#include "lathe/Compress/Passes.h.inc"
} // namespace lathe::compress

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

namespace {
struct PruneSigmaPass : compress::impl::PruneSigmaBase<PruneSigmaPass> {
  using PruneSigmaBase::PruneSigmaBase;

  void runOnOperation() override {
    ModuleOp Module = getOperation();
    if (failed(checkNames(Module, skip)))
      return signalPassFailure();
    if (!(alpha >= 0) || std::isinf(double(alpha))) {
      Module.emitError() << "--prune-sigma=" << plain(alpha)
                         << ": the number of standard deviations is finite and "
                            "at least 0";
      return signalPassFailure();
    }
    onnx::ResourceUses Uses(Module);
    for (const Weights &W : findWeights(Module, skip)) {
      double Sum = 0, Squares = 0;
      readFloats(W.View, [&](int64_t, float F) {
        Sum += F;
        Squares += double(F) * F;
      });
      double Least = alpha * deviation(W.View.size(), Sum, Squares);
      zeros += zeroWeights(
          W, Uses, [&](int64_t, float F) { return std::fabs(F) < Least; });
    }
    eraseUnusedConstants(Module);
  }
};
} // namespace

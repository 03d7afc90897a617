//===- PruneMagnitude.cpp - The pass compress-prune-magnitude -------------===//
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
#define GEN_PASS_DEF_PRUNEMAGNITUDE
#include "lathe/Compress/Passes.h.inc"
} // namespace lathe::compress

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

namespace {
struct PruneMagnitudePass
    : compress::impl::PruneMagnitudeBase<PruneMagnitudePass> {
  using PruneMagnitudeBase::PruneMagnitudeBase;

  void runOnOperation() override {
    ModuleOp Module = getOperation();
    if (failed(checkNames(Module, skip)))
      return signalPassFailure();
    if (!(fraction >= 0 && fraction <= 1)) {
      Module.emitError() << "--prune=" << plain(fraction)
                         << ": the fraction of weights that become zero lies "
                            "between 0 and 1";
      return signalPassFailure();
    }
    std::vector<Weights> All = findWeights(Module, skip);
    onnx::ResourceUses Uses(Module);
    if (perLayer)
      for (const Weights &W : All)
        prune(W, Uses);
    else
      prune(All, Uses);
    eraseUnusedConstants(Module);
  }

  /// What makes magnitudes of layers comparable: a scale that moved from one
  /// layer to the next, or into the first, says nothing of their worth.
  static float toUnit(const Weights &W) {
    double Squares = 0;
    readFloats(W.View, [&](int64_t, float F) { Squares += double(F) * F; });
    auto Factor = float(std::sqrt(W.View.size() / Squares));
    return std::isfinite(Factor) && Factor > 0 ? Factor : 1;
  }

  void prune(ArrayRef<Weights> Together, onnx::ResourceUses &Uses) {
    MagnitudeSelector Selector;
    int64_t Count = 0;
    SmallVector<float> Factors;
    for (const Weights &W : Together) {
      Count += W.View.size();
      float Factor = toUnit(W);
      Factors.push_back(Factor);
      readFloats(W.View, [&](int64_t, float F) { Selector.count(F * Factor); });
    }
    auto Number = int64_t(std::floor(Count * fraction + 1e-9));
    if (Number == 0)
      return;
    Selector.select(Number);
    for (auto [W, Factor] : llvm::zip_equal(Together, Factors))
      readFloats(W.View, [&, Factor = Factor](int64_t, float F) {
        Selector.refine(F * Factor);
      });
    for (auto [W, Factor] : llvm::zip_equal(Together, Factors))
      zeros += zeroWeights(W, Uses, [&, Factor = Factor](int64_t, float F) {
        return Selector.prunes(F * Factor);
      });
  }
};
} // namespace

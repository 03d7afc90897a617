//===- PruneChannels.cpp - The pass compress-prune-channels ---------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChannelGroups.h"
#include "ChannelRules.h"
#include "lathe/Compress/Passes.h"
#include "lathe/Compress/Scores.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/ONNX.h"

namespace lathe::compress {
#define GEN_PASS_DEF_PRUNECHANNELS
#include "lathe/Compress/Passes.h.inc"
} // namespace lathe::compress

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

namespace {
struct PruneChannelsPass
    : compress::impl::PruneChannelsBase<PruneChannelsPass> {
  using PruneChannelsBase::PruneChannelsBase;

  void runOnOperation() override {
    ModuleOp Module = getOperation();
    if (failed(checkNames(Module, skip)))
      return signalPassFailure();
    if (!(fraction >= 0 && fraction < 1)) {
      Module.emitError() << "--prune-channels=" << plain(fraction)
                         << ": the fraction of channels that go is at least 0 "
                            "and below 1";
      return signalPassFailure();
    }
    onnx::ResourceUses Uses(Module);
    for (auto Main : Module.getOps<func::FuncOp>()) {
      ChannelGroups Groups(Main, skip);
      SmallVector<int> Gone;
      for (const ChannelGroups::Set &S : Groups.sets())
        choose(S, Gone);
      channels += Groups.remove(Gone, Uses, keepShapes);
    }
    eraseUnusedConstants(Module);
  }

  /// A part of each set: no layer vanishes, whatever its scale.
  void choose(const ChannelGroups::Set &S, SmallVectorImpl<int> &Gone) {
    SmallVector<int> Free;
    SmallVector<double> Scores;
    for (auto [I, C] : llvm::enumerate(S.Classes))
      if (!S.Pinned[I]) {
        Free.push_back(C);
        Scores.push_back(S.Scores[I]);
      }
    SmallVector<int64_t> Least =
        leastOf(Scores, removableOf(Free.size(), fraction));
    for (int64_t I : Least)
      Gone.push_back(Free[I]);
    if (remarks && fraction > 0 && Least.empty())
      report(S, Free.size());
  }

  /// Why no channel of the set goes.
  static void report(const ChannelGroups::Set &S, size_t Free) {
    InFlightDiagnostic Diag = emitRemark(S.Layers.front()->getLoc());
    Diag << textOf(S.Layers.front());
    if (S.Layers.size() > 1)
      Diag << " and " << S.Layers.size() - 1 << " more";
    Diag << ": all channels stay: ";
    if (Free == 0)
      Diag << S.Reason;
    else if (Free == 1)
      Diag << "they go only together";
    else
      Diag << "there are no more than " << Free
           << " parts that can go by themselves";
  }
};
} // namespace

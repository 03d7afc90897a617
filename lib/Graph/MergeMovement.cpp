//===- MergeMovement.cpp - The pass graph-merge-movement ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MovementPatterns.h"
#include "lathe/Graph/Passes.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace lathe::graph {
#define GEN_PASS_DEF_MERGEMOVEMENT
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;

namespace {
struct Counter : RewriterBase::Listener {
  void notifyOperationErased(Operation *Op) override {
    Erased += !isa<onnx::ConstantOp>(Op);
  }
  void notifyOperationInserted(Operation *Op,
                               OpBuilder::InsertPoint Previous) override {
    Inserted += !isa<onnx::ConstantOp>(Op) && !Previous.isSet();
  }
  unsigned Erased = 0, Inserted = 0;
};

struct MergeMovementPass : graph::impl::MergeMovementBase<MergeMovementPass> {
  LogicalResult initialize(MLIRContext *Context) override {
    RewritePatternSet Set(Context);
    graph::populateViewPatterns(Set);
    graph::populateTransposePatterns(Set);
    graph::populatePartPatterns(Set);
    graph::populateBroadcastPatterns(Set);
    graph::populateRecurrentPatterns(Set);
    Patterns = std::move(Set);
    return success();
  }

  void runOnOperation() override {
    Counter Count;
    GreedyRewriteConfig Config;
    Config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled)
        .setListener(&Count);
    // Not converged is as correct, only less simple.
    (void)applyPatternsGreedily(getOperation(), Patterns, Config);
    Removed +=
        Count.Erased > Count.Inserted ? Count.Erased - Count.Inserted : 0;
  }

private:
  FrozenRewritePatternSet Patterns;
};
} // namespace

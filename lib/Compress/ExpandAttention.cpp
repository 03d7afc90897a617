//===- ExpandAttention.cpp - The pass compress-expand-attention -----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Quantization stores the factors of each product in bytes. Those of Attention
// have no name, so it becomes two MatMuls around a Softmax before, wherever
// bytes are faster than the one operator in floats.
//
//===----------------------------------------------------------------------===//

#include "Quantized.h"
#include "lathe/Compress/Passes.h"
#include "lathe/ONNX/AttentionExpansion.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"

namespace lathe::compress {
#define GEN_PASS_DEF_EXPANDATTENTION
#include "lathe/Compress/Passes.h.inc"
} // namespace lathe::compress

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

namespace {
struct ExpandAttentionPass
    : compress::impl::ExpandAttentionBase<ExpandAttentionPass> {
  using ExpandAttentionBase::ExpandAttentionBase;

  void runOnOperation() override {
    ByteUnit Unit{lanes, packed, computed};
    SmallVector<onnx::AttentionOp> All;
    getOperation().walk([&](onnx::AttentionOp Op) {
      if (!isNamed(Op, skip) && isFloatAttention(Op) &&
          floatsPayFor(Op, Unit) == FloatsPay::No)
        All.push_back(Op);
    });
    for (onnx::AttentionOp Op : All) {
      onnx::OnnxBuilder B(Op);
      std::string Why;
      auto Values = onnx::expandAttention(Op, B, Why);
      if (!Values)
        continue; // the reason is told with the layers that stay in floats
      for (auto [Old, New] : llvm::zip_equal(Op->getResults(), *Values))
        if (!Old.use_empty()) {
          New.setType(Old.getType());
          Old.replaceAllUsesWith(New);
        }
      Op->erase();
      ++expanded;
    }
    // Sizes and results that nobody reads.
    IRRewriter Rewriter(&getContext());
    if (!All.empty())
      (void)runRegionDCE(Rewriter, getOperation()->getRegions());
  }
};
} // namespace

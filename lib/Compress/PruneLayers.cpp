//===- PruneLayers.cpp - The pass compress-prune-layers -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A residual branch is everything between a value and a sum that adds the value
// itself back: x + f(x). Where f adds least, the sum becomes x.
//
//===----------------------------------------------------------------------===//

#include "Weights.h"
#include "lathe/Compress/Passes.h"
#include "lathe/Compress/Scores.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/ONNX.h"

namespace lathe::compress {
#define GEN_PASS_DEF_PRUNELAYERS
#include "lathe/Compress/Passes.h.inc"
} // namespace lathe::compress

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

namespace {
struct Branch {
  Operation *Add;
  Value Skip;
  llvm::SetVector<Operation *> Ops;
  double Gain = 0;
};

/// The ops between \p Skip and \p End, if they read nothing else but constants
/// and nothing else reads them.
std::optional<llvm::SetVector<Operation *>> opsBetween(Value Skip, Value End,
                                                       Operation *Sum) {
  llvm::SetVector<Operation *> Ops;
  SmallVector<Value> Work = {End};
  bool Meets = false;
  while (!Work.empty()) {
    Value V = Work.pop_back_val();
    if (V == Skip) {
      Meets = true;
      continue;
    }
    Operation *Op = V.getDefiningOp();
    if (!Op || Op->getNumRegions())
      return std::nullopt;
    if (isa<onnx::ConstantOp>(Op) || !Ops.insert(Op))
      continue;
    if (Op->getNumOperands() == 0)
      return std::nullopt;
    llvm::append_range(Work, Op->getOperands());
  }
  if (!Meets)
    return std::nullopt;
  for (Operation *Op : Ops)
    for (Operation *User : Op->getUsers())
      if (User != Sum && !Ops.contains(User))
        return std::nullopt;
  return Ops;
}

struct PruneLayersPass : compress::impl::PruneLayersBase<PruneLayersPass> {
  using PruneLayersBase::PruneLayersBase;

  void runOnOperation() override {
    ModuleOp Module = getOperation();
    if (failed(checkNames(Module, skip)))
      return signalPassFailure();
    bool Part = amount > 0 && amount < 1;
    if (!(amount >= 0) || (!Part && amount != std::floor(double(amount)))) {
      Module.emitError() << "--prune-layers=" << plain(amount)
                         << ": expected a number of residual branches, or a "
                            "fraction of them below 1";
      return signalPassFailure();
    }
    std::vector<Branch> All = find(Module);
    int64_t Number = Part ? int64_t(std::floor(All.size() * amount + 1e-9))
                          : int64_t(amount);
    if (Number > int64_t(All.size())) {
      Module.emitError() << "--prune-layers=" << Number << ": the model has "
                         << All.size() << " residual branches that can be "
                         << "removed";
      return signalPassFailure();
    }
    SmallVector<double> Gains;
    for (const Branch &B : All)
      Gains.push_back(B.Gain);
    // Later branches first: an earlier one's result may be a later one's skip.
    SmallVector<int64_t> Least = leastOf(Gains, Number);
    for (int64_t I : llvm::reverse(Least)) {
      All[I].Add->getResult(0).replaceAllUsesWith(All[I].Skip);
      All[I].Add->erase();
      SmallVector<Operation *> Ops = sorted(All[I].Ops);
      for (Operation *Op : llvm::reverse(Ops))
        Op->erase();
      ++branches;
    }
    eraseUnusedConstants(Module);
  }

  static SmallVector<Operation *>
  sorted(const llvm::SetVector<Operation *> &Ops) {
    SmallVector<Operation *> List(Ops.begin(), Ops.end());
    llvm::sort(
        List, [](Operation *A, Operation *B) { return A->isBeforeInBlock(B); });
    return List;
  }

  /// Innermost branches with a layer, in order.
  std::vector<Branch> find(ModuleOp Module) {
    std::vector<Branch> All;
    Module.walk([&](Operation *Add) {
      if (!isa<onnx::AddOp, onnx::SumOp>(Add) || Add->getNumOperands() != 2)
        return;
      if (isNamed(Add, skip))
        return;
      for (unsigned I : {0u, 1u}) {
        Value Skip = Add->getOperand(I), End = Add->getOperand(1 - I);
        if (Skip.getType() != Add->getResult(0).getType() || Skip == End ||
            onnx::ConstantView::get(Skip))
          continue;
        auto Ops = opsBetween(Skip, End, Add);
        if (!Ops)
          continue;
        SmallVector<std::pair<double, int64_t>> Layers;
        bool Whole = true;
        for (Operation *Op : sorted(*Ops)) {
          if (auto W = weightsOf(Op)) {
            double Squares = 0;
            readFloats(W->View,
                       [&](int64_t, float F) { Squares += double(F) * F; });
            Layers.push_back({Squares, W->outputs()});
            Whole &= !isNamed(Op, skip);
          }
          Whole &=
              llvm::none_of(All, [&](const Branch &B) { return B.Add == Op; });
        }
        if (Layers.empty() || !Whole)
          continue;
        All.push_back({Add, Skip, std::move(*Ops), branchGain(Layers)});
        break;
      }
    });
    return All;
  }
};
} // namespace

//===- Rounds.cpp - The pass graph-rounds ---------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs a pipeline until a round changes nothing. Whether one did is told by a
// fingerprint of what the text of the module would show, locations aside:
// passes that build an op anew just as it was have changed nothing.
//
//===----------------------------------------------------------------------===//

#include "lathe/Graph/Passes.h"
#include "lathe/Graph/Pipeline.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

namespace lathe::graph {
#define GEN_PASS_DEF_ROUNDS
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;

namespace {
/// Values by the number of their definition, everything else by identity, which
/// attributes and types have in one context.
class Fingerprint {
public:
  explicit Fingerprint(Operation *Root) { add(Root); }
  bool operator==(const Fingerprint &Other) const {
    return Hash == Other.Hash && Numbers.size() == Other.Numbers.size();
  }

private:
  void mix(const void *Identity) { mix(uint64_t(uintptr_t(Identity))); }
  void mix(uint64_t More) { Hash = llvm::hash_combine(Hash, More); }
  void define(Value V) {
    Numbers.try_emplace(V, Numbers.size());
    mix(V.getType().getAsOpaquePointer());
  }
  void add(Operation *Op) {
    mix(Op->getName().getAsOpaquePointer());
    // Not the dictionary of all attributes, which would have to be made.
    mix(Op->getDiscardableAttrDictionary().getAsOpaquePointer());
    mix(uint64_t(size_t(Op->hashProperties())));
    mix(Op->getNumOperands());
    for (Value V : Op->getOperands())
      mix(Numbers.try_emplace(V, Numbers.size()).first->second);
    for (Value R : Op->getResults())
      define(R);
    for (Region &R : Op->getRegions())
      for (Block &B : R) {
        mix(B.getNumArguments());
        for (Value A : B.getArguments())
          define(A);
        for (Operation &Inner : B)
          add(&Inner);
      }
  }

  llvm::hash_code Hash = 0;
  llvm::DenseMap<Value, uint64_t> Numbers;
};

struct RoundsPass : graph::impl::RoundsBase<RoundsPass> {
  using RoundsBase::RoundsBase;

  void getDependentDialects(DialectRegistry &Registry) const override {
    RoundsBase::getDependentDialects(Registry);
    Round.getDependentDialects(Registry);
  }

  LogicalResult initializeOptions(
      StringRef Options,
      function_ref<LogicalResult(const Twine &)> Report) override {
    if (failed(RoundsBase::initializeOptions(Options, Report)))
      return failure();
    return parsePassPipeline(passes, Round);
  }

  void runOnOperation() override {
    Fingerprint Before(getOperation());
    for (unsigned I = 0; I < limit; ++I) {
      if (failed(runPipeline(Round, getOperation())))
        return signalPassFailure();
      ++NumRounds;
      Fingerprint After(getOperation());
      if (After == Before)
        return;
      Before = std::move(After);
    }
    ++NumStopped;
  }

  OpPassManager Round{ModuleOp::getOperationName()};
};
} // namespace

std::unique_ptr<Pass> graph::createRounds(OpPassManager Round) {
  auto P = std::make_unique<RoundsPass>();
  P->Round = std::move(Round);
  return P;
}

OpPassManager *graph::roundOf(Pass &P) {
  return P.getTypeID() == TypeID::get<RoundsPass>()
             ? &static_cast<RoundsPass &>(P).Round
             : nullptr;
}

//===- EliminateDead.cpp - The pass graph-eliminate-dead ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sweeps each function from its end to its start, so that users are seen before
// what they use. Whatever shrinks the interface of a control-flow op may make
// more nodes dead, outside and inside, so the sweep repeats until nothing
// changes: as often as control flow is nested, in practice.
//
// Invariant: the types of values that stay do not change.
//
//===----------------------------------------------------------------------===//

#include "ControlFlow.h"
#include "lathe/Graph/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe::graph {
#define GEN_PASS_DEF_ELIMINATEDEAD
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

namespace {
struct EliminateDeadPass : graph::impl::EliminateDeadBase<EliminateDeadPass> {
  void runOnOperation() override {
    for (auto Function : getOperation().getOps<func::FuncOp>())
      if (!Function.isExternal())
        while (sweep(Function.getBody()))
          ;
  }

private:
  bool sweep(Region &Body) {
    bool Changed = false;
    for (Block &B : Body)
      for (Operation &Op : llvm::make_early_inc_range(llvm::reverse(B)))
        Changed |= visit(&Op);
    return Changed;
  }

  bool visit(Operation *Op) {
    if (!isa_and_nonnull<onnx::ONNXDialect>(Op->getDialect()) ||
        Op->hasTrait<OpTrait::IsTerminator>())
      return false;
    if (Op->use_empty()) {
      Op->walk([&](Operation *Inner) {
        Nodes += !isa<onnx::ConstantOp, onnx::YieldOp>(Inner);
      });
      Op->erase();
      return true;
    }
    if (!isa<onnx::IfOp, onnx::LoopOp, onnx::ScanOp>(Op))
      return false;
    ControlFlowChange Change = simplifyControlFlow(Op);
    Values += Change.ValuesRemoved;
    Inlined += Change.Inlined;
    if (Change.Replaced)
      return true;
    bool Changed = Change.ValuesRemoved != 0;
    for (Region &Body : Change.Op->getRegions())
      Changed |= sweep(Body);
    return Changed;
  }
};
} // namespace

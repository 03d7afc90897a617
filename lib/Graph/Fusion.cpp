//===- Fusion.cpp - What all fusion passes share --------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See Fusion.h.
//
//===----------------------------------------------------------------------===//

#include "Fusion.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

NodeBuilder Fuser::at(Operation *Root, ArrayRef<Operation *> Ops) {
  SmallVector<Operation *> All(Ops.rbegin(), Ops.rend());
  All.push_back(Root);
  Rewriter.setInsertionPoint(Root);
  return NodeBuilder(Rewriter, fuseLocs(All));
}

bool Fuser::replace(Operation *Root, Value New) {
  Root->getResult(0).replaceAllUsesWith(New);
  erase(Root);
  return true;
}

const onnx::SizeAnalysis &Fuser::getSizes(Operation *Op) {
  auto Function = Op->getParentOfType<func::FuncOp>();
  if (Analysed != Function) {
    Analysed = Function;
    Sizes = std::make_unique<onnx::SizeAnalysis>(Function);
  }
  return *Sizes;
}

void Fuser::erase(Operation *Op) {
  SmallVector<Operation *> Work = {Op};
  while (!Work.empty()) {
    Operation *Dead = Work.pop_back_val();
    if (Erased.contains(Dead) || !isOpTriviallyDead(Dead))
      continue;
    llvm::SmallSetVector<Operation *, 4> Producers;
    for (Value V : Dead->getOperands())
      if (Operation *Producer = V.getDefiningOp())
        Producers.insert(Producer);
    Erased.insert(Dead);
    if (Sizes)
      Sizes->forget(Dead);
    Dead->erase();
    Work.append(Producers.begin(), Producers.end());
  }
}

void graph::fuse(Operation *Top, ArrayRef<Fusion> Table) {
  SmallVector<std::pair<OperationName, const Fusion *>> Rows;
  for (const Fusion &Row : Table)
    Rows.emplace_back(OperationName(Row.Root, Top->getContext()), &Row);
  SmallVector<std::pair<Operation *, OperationName>> Roots;
  Top->walk([&](Operation *Op) {
    if (llvm::is_contained(llvm::make_first_range(Rows), Op->getName()))
      Roots.emplace_back(Op, Op->getName());
  });
  Fuser F(Top->getContext());
  for (auto [Root, Name] : Roots)
    for (auto [RowName, Row] : Rows)
      if (RowName == Name && !F.isErased(Root) && Row->Apply(Root, F)) {
        ++*Row->Count;
        break;
      }
}

//===- KernelFrame.cpp - The function around an emitted body --------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelFrame.h"
#include "NestPlan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

/// Where the tensors of the body lie without bufferization's word on it:
/// row-major.
static MemRefType rowMajor(RankedTensorType T) {
  return MemRefType::get(T.getShape(), T.getElementType());
}

/// Takes the body of \p Func, in which named ops became generics, away.
static OwningOpRef<kernel::FuncOp> takeBody(kernel::FuncOp Func) {
  IRRewriter Rewriter(Func.getContext());
  SmallVector<linalg::LinalgOp> Named;
  // (What surrounds a result keeps its name.)
  Func.walk([&](linalg::LinalgOp Op) {
    bool Halo = isa<linalg::FillOp>(Op) && Op->hasOneUse() &&
                isa<tensor::InsertSliceOp>(*Op->user_begin());
    if (!isa<linalg::GenericOp>(Op) && !Halo)
      Named.push_back(Op);
  });
  for (linalg::LinalgOp Op : Named) {
    Rewriter.setInsertionPoint(Op);
    (void)linalg::generalizeNamedOp(Rewriter, Op);
  }
  OwningOpRef<kernel::FuncOp> Source(
      cast<kernel::FuncOp>(Func->cloneWithoutRegions()));
  Source->getBody().takeBody(Func.getBody());
  return Source;
}

KernelFrame::KernelFrame(kernel::FuncOp Func, const TargetDescription &Target,
                         bool Ranged)
    : Func(Func), Source(takeBody(Func)), B(Func.getContext()),
      Ctx(B, Func.getLoc(), Target), Body(Source->getBody().front()) {
  Func.setPrivate();
  unsigned NumOuts = Func.getNumOuts();
  Location Loc = Func.getLoc();
  SmallVector<Type> Types;
  SmallVector<Location> Locs;
  for (auto [I, Old] : llvm::enumerate(Func.getArgumentTypes())) {
    Type T = Old;
    if (ArrayAttr A = Func.getArgTypesAttr())
      T = cast<TypeAttr>(A[I]).getValue();
    else if (auto Tensor = dyn_cast<RankedTensorType>(T))
      T = rowMajor(Tensor);
    Types.push_back(T);
    Locs.push_back(Body.getArgument(I).getLoc());
  }
  unsigned NumArgs = Types.size();
  if (Ranged) {
    Types.append(2, B.getIndexType());
    Locs.append(2, Loc);
  }
  Block *Entry = B.createBlock(&Func.getBody(), {}, Types, Locs);
  Func.setFunctionType(B.getFunctionType(Types, {}));
  Func.removeArgAttrsAttr();
  Func.removeResAttrsAttr();
  Func.removeArgTypesAttr();

  for (auto [From, To] :
       llvm::zip_first(Body.getArguments(), Entry->getArguments()))
    Ctx.Arguments[From] = To;
  Ctx.Results.append(Body.getTerminator()->operand_begin(),
                     Body.getTerminator()->operand_end());
  for (unsigned I = 0; I < NumOuts; ++I)
    Ctx.Outs.push_back(Entry->getArgument(NumArgs - NumOuts + I));
  if (Ranged) {
    Ctx.Lo = Entry->getArgument(NumArgs);
    Ctx.Hi = Entry->getArgument(NumArgs + 1);
  }
  B.setInsertionPointToStart(Entry);
  kernel::ReturnOp::create(B, Loc);
  B.setInsertionPointToStart(Entry);
  Ctx.Prologue = arith::ConstantIndexOp::create(B, Loc, 0);
}

/// Fails before anything is emitted.
static FailureOr<std::vector<NestGraph>> buildNestGraphs(KernelContext &Ctx) {
  // Results that are their own outs are there already.
  llvm::SmallBitVector Pending(Ctx.Results.size());
  for (unsigned I = 0; I < Ctx.Results.size(); ++I)
    if (Ctx.memref(Ctx.Results[I]) != Ctx.Outs[I])
      Pending.set(I);
  std::vector<NestGraph> Graphs;
  while (Pending.any()) {
    FailureOr<NestGraph> G = buildNestGraph(Ctx.Results, Pending);
    if (failed(G))
      return failure();
    for (NestGraph::Dim &D : G->Dims)
      if (ShapedType::isDynamic(D.Extent) && !Ctx.size(D.Tensor, D.Position))
        return failure();
    for (NestGraph::Store &S : G->Stores)
      S.Type = cast<MemRefType>(Ctx.Outs[S.Result].getType());
    Graphs.push_back(std::move(*G));
  }
  return Graphs;
}

SmallVector<kernel::FuncOp> lathe::codegen::kernelsToEmit(Operation *Root) {
  SmallVector<kernel::FuncOp> Kernels;
  Root->walk([&](kernel::FuncOp F) {
    if (!F.isEmitted())
      Kernels.push_back(F);
  });
  return Kernels;
}

FailureOr<std::vector<NestGraph>>
lathe::codegen::buildNests(KernelContext &Ctx,
                           llvm::function_ref<void(const Halo &)> Fill) {
  SmallVector<Value> Results = Ctx.Results, Outs = Ctx.Outs;
  emitHalos(Ctx, Fill);
  FailureOr<std::vector<NestGraph>> Graphs = buildNestGraphs(Ctx);
  if (failed(Graphs)) {
    Ctx.Results = Results;
    Ctx.Outs = Outs;
    return failure();
  }
  for (NestGraph &G : *Graphs)
    mergeDims(
        G, [&](Value V) { return cast<MemRefType>(Ctx.memref(V).getType()); },
        Ctx.OrderedSums);
  return Graphs;
}

void lathe::codegen::cleanKernel(kernel::FuncOp Kernel) {
  IRRewriter Rewriter(Kernel.getContext());
  DominanceInfo Dominance(Kernel);
  eliminateCommonSubExpressions(Rewriter, Dominance, Kernel);
  Kernel.walk([](LoopLikeOpInterface Loop) { moveLoopInvariantCode(Loop); });
}

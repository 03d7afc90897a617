//===- EmitKernels.cpp - codegen-emit-kernels -----------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Turns each kernel.func from its form on tensors into loops and vectors on
// memrefs. Before: a body on tensors and `arg_types`. After: the arguments are
// those memrefs plus lo and hi, nothing in the body is a tensor, and `grid`
// tells what [lo, hi) counts. Results that share one iteration space are one
// nest; a body outside of the nest form goes through bufferization.
//
//===----------------------------------------------------------------------===//

#include "Fallback.h"
#include "Halo.h"
#include "NestEmitter.h"
#include "lathe/Codegen/Passes.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

namespace lathe::codegen {
#define GEN_PASS_DEF_EMITKERNELSPASS
#include "lathe/Codegen/Passes.h.inc"
} // namespace lathe::codegen

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

/// Where the tensors of the body lie without bufferization's word on it:
/// row-major.
static MemRefType rowMajor(RankedTensorType T) {
  return MemRefType::get(T.getShape(), T.getElementType());
}

static LogicalResult emitNests(KernelContext &Ctx, kernel::FuncOp Func) {
  auto TypeOf = [&](Value V) {
    return cast<MemRefType>(Ctx.memref(V).getType());
  };

  SmallVector<Value> Results = Ctx.Results, Outs = Ctx.Outs;
  emitHalos(Ctx);
  auto Stop = [&]() -> LogicalResult {
    Ctx.Results = Results;
    Ctx.Outs = Outs;
    return failure();
  };

  // Results that are their own outs are there already.
  llvm::SmallBitVector Pending(Ctx.Results.size());
  for (unsigned I = 0; I < Ctx.Results.size(); ++I)
    if (Ctx.memref(Ctx.Results[I]) != Ctx.Outs[I])
      Pending.set(I);

  // All graphs first: nothing is emitted if one of them cannot be.
  std::vector<NestGraph> Graphs;
  while (Pending.any()) {
    FailureOr<NestGraph> G = buildNestGraph(Ctx.Results, Pending);
    if (failed(G))
      return Stop();
    for (NestGraph::Dim &D : G->Dims)
      if (ShapedType::isDynamic(D.Extent) && !Ctx.size(D.Tensor, D.Position))
        return Stop();
    for (NestGraph::Store &S : G->Stores)
      S.Type = cast<MemRefType>(Ctx.Outs[S.Result].getType());
    Graphs.push_back(std::move(*G));
  }
  for (NestGraph &G : Graphs) {
    mergeDims(G, TypeOf, Ctx.OrderedSums);
    NestPlan Plan = planNest(G, TypeOf, Ctx.Target,
                             dyn_cast_or_null<kernel::ContractionScheduleAttr>(
                                 Func.getScheduleAttr()),
                             Ctx.OrderedSums);
    NestEmitter Emitter(Ctx, G, Plan);
    Emitter.emit(/*WholeInFirst=*/Graphs.size() > 1);
    std::optional<NestEmitter::Grid> Grid = Emitter.grid();
    // Several nests have no common range: each runs in the first iteration.
    if (Grid && Graphs.size() == 1) {
      auto Arg = cast<BlockArgument>(Outs[Grid->Result]);
      Func.setGridAttr(kernel::GridAttr::get(
          Func.getContext(), Arg.getArgNumber(), Grid->Dim, Grid->Step));
    }
  }
  return success();
}

static LogicalResult emitKernel(kernel::FuncOp Func,
                                const TargetDescription &Target, bool Nests,
                                bool OrderedSums) {
  IRRewriter Rewriter(Func.getContext());
  Func.setPrivate();

  // Named ops are generics with a name. (What surrounds a result keeps its.)
  SmallVector<linalg::LinalgOp> Named;
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

  // The new function: memrefs, lo, hi.
  OwningOpRef<kernel::FuncOp> Source(
      cast<kernel::FuncOp>(Func->cloneWithoutRegions()));
  Source->getBody().takeBody(Func.getBody());
  Block &Body = Source->getBody().front();
  unsigned NumOuts = Func.getNumOuts();
  SmallVector<Type> Types;
  for (auto [I, Old] : llvm::enumerate(Func.getArgumentTypes())) {
    Type T = Old;
    if (ArrayAttr A = Func.getArgTypesAttr())
      T = cast<TypeAttr>(A[I]).getValue();
    else if (auto Tensor = dyn_cast<RankedTensorType>(T))
      T = rowMajor(Tensor);
    Types.push_back(T);
  }
  unsigned NumArgs = Types.size();
  Type Index = Rewriter.getIndexType();
  Types.append({Index, Index});
  Block *Entry = Rewriter.createBlock(&Func.getBody());
  Location Loc = Func.getLoc();
  for (auto [I, T] : llvm::enumerate(Types))
    Entry->addArgument(T, I < NumArgs ? Body.getArgument(I).getLoc() : Loc);
  Func.setFunctionType(Rewriter.getFunctionType(Types, {}));
  Func.removeArgAttrsAttr();
  Func.removeResAttrsAttr();
  Func.removeArgTypesAttr();

  OpBuilder B(Func.getContext());
  B.setInsertionPointToStart(Entry);
  KernelContext Ctx(B, Loc, Target);
  Ctx.OrderedSums = OrderedSums;
  for (auto [From, To] :
       llvm::zip_first(Body.getArguments(), Entry->getArguments()))
    Ctx.Arguments[From] = To;
  Ctx.Results.append(Body.getTerminator()->operand_begin(),
                     Body.getTerminator()->operand_end());
  for (unsigned I = 0; I < NumOuts; ++I)
    Ctx.Outs.push_back(Entry->getArgument(NumArgs - NumOuts + I));
  Ctx.Lo = Entry->getArgument(NumArgs);
  Ctx.Hi = Entry->getArgument(NumArgs + 1);
  kernel::ReturnOp::create(B, Loc);
  B.setInsertionPointToStart(Entry);
  Ctx.Prologue = arith::ConstantIndexOp::create(B, Loc, 0);

  LogicalResult Ok = Nests ? emitNests(Ctx, Func) : failure();
  if (failed(Ok)) {
    B.setInsertionPoint(Entry->getTerminator());
    Ok = emitFallback(Ctx, Body, Func, /*Heap=*/!Nests);
  }
  return Ok;
}

namespace {
struct EmitKernelsPass
    : public lathe::codegen::impl::EmitKernelsPassBase<EmitKernelsPass> {
  using EmitKernelsPassBase::EmitKernelsPassBase;
  EmitKernelsPass(const TargetDescription &T, bool Nests, bool OrderedSums)
      : Explicit(T) {
    nests = Nests;
    orderedSums = OrderedSums;
  }

  void runOnOperation() override {
    TargetDescription Target =
        Explicit ? *Explicit : describeTarget(triple, cpu, features);
    SmallVector<kernel::FuncOp> Kernels;
    getOperation()->walk([&](kernel::FuncOp F) {
      if (!F.isEmitted())
        Kernels.push_back(F);
    });
    for (kernel::FuncOp F : Kernels) {
      if (failed(emitKernel(F, Target, nests, orderedSums)))
        return signalPassFailure();
      // Points of a tile compute the same addresses and loads many times over.
      IRRewriter Rewriter(&getContext());
      DominanceInfo Dominance(F);
      eliminateCommonSubExpressions(Rewriter, Dominance, F);
      F.walk([](LoopLikeOpInterface Loop) { moveLoopInvariantCode(Loop); });
    }
  }

private:
  std::optional<TargetDescription> Explicit;
};
} // namespace

std::unique_ptr<Pass>
lathe::codegen::createEmitKernelsPass(const TargetDescription &Target,
                                      bool Nests, bool OrderedSums) {
  return std::make_unique<EmitKernelsPass>(Target, Nests, OrderedSums);
}

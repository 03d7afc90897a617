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
#include "KernelFrame.h"
#include "NestEmitter.h"
#include "Outline.h"
#include "lathe/Codegen/Passes.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Threading.h"

namespace lathe::codegen {
#define GEN_PASS_DEF_EMITKERNELSPASS
#include "lathe/Codegen/Passes.h.inc"
} // namespace lathe::codegen

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

static LogicalResult emitNests(KernelContext &Ctx, kernel::FuncOp Func) {
  auto TypeOf = [&](Value V) {
    return cast<MemRefType>(Ctx.memref(V).getType());
  };

  SmallVector<Value> Outs = Ctx.Outs;
  FailureOr<std::vector<NestGraph>> Built =
      buildNests(Ctx, [&](const Halo &H) { fillInFirst(Ctx, H); });
  if (failed(Built))
    return failure();
  std::vector<NestGraph> &Graphs = *Built;
  for (NestGraph &G : Graphs) {
    NestPlan Plan = planNest(G, TypeOf, Ctx.Target,
                             dyn_cast_or_null<kernel::ContractionScheduleAttr>(
                                 Func.getScheduleAttr()),
                             Ctx.OrderedSums);
    NestEmitter Emitter(Ctx, G, Plan);
    Emitter.emit(/*WholeInFirst=*/Graphs.size() > 1);
    Ctx.Tails->outline(Func, Outs);
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
                                bool OrderedSums, Outliner &Tails) {
  KernelFrame Frame(Func, Target, /*Ranged=*/true);
  Frame.Ctx.OrderedSums = OrderedSums;
  Frame.Ctx.Tails = &Tails;
  if (Nests && succeeded(emitNests(Frame.Ctx, Func)))
    return success();
  Frame.B.setInsertionPoint(Frame.entry().getTerminator());
  return emitFallback(Frame.Ctx, Frame.Body, Func, /*Heap=*/!Nests);
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
    SmallVector<kernel::FuncOp> Kernels = kernelsToEmit(getOperation());
    Outliner Tails;
    for (kernel::FuncOp F : Kernels)
      if (failed(emitKernel(F, Target, nests, orderedSums, Tails)))
        return signalPassFailure();
    llvm::append_range(Kernels, Tails.functions());
    parallelForEach(&getContext(), Kernels, cleanKernel);
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

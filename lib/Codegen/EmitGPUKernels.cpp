//===- EmitGPUKernels.cpp - codegen-emit-gpu-kernels ----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Turns each kernel.func from its form on tensors into what one thread of a GPU
// does. Before: a body on tensors and `arg_types`. After: the arguments are
// those memrefs, nothing in the body is a tensor, and `launch` tells how many
// threads and blocks run it. A body outside of the nest form is plain loops,
// which threads share as far as that may be (GPULoops.h).
//
//===----------------------------------------------------------------------===//

#include "Fallback.h"
#include "GPUEmitter.h"
#include "GPULoops.h"
#include "Halo.h"
#include "KernelFrame.h"
#include "lathe/Codegen/Passes.h"
#include "mlir/Analysis/DataFlow/ConstantPropagationAnalysis.h"
#include "mlir/Analysis/DataFlow/DeadCodeAnalysis.h"
#include "mlir/Analysis/DataFlow/IntegerRangeAnalysis.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"

namespace lathe::codegen {
#define GEN_PASS_DEF_EMITGPUKERNELSPASS
#include "lathe/Codegen/Passes.h.inc"
} // namespace lathe::codegen

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

namespace {
/// Forgets what was known of values that are gone.
struct Forget : RewriterBase::Listener {
  explicit Forget(DataFlowSolver &Solver) : Solver(Solver) {}
  void notifyOperationErased(Operation *Op) override {
    Solver.eraseState(Solver.getProgramPointAfter(Op));
    for (Value V : Op->getResults())
      Solver.eraseState(V);
  }
  DataFlowSolver &Solver;
};
} // namespace

/// Indices in 32 bits where sizes prove that they fit. Only arithmetic on
/// indices: upstream's patterns would also narrow a shift of i64 by 32 and
/// more.
static void narrowIndices(kernel::FuncOp Kernel) {
  DataFlowSolver Solver;
  Solver.load<dataflow::DeadCodeAnalysis>();
  Solver.load<dataflow::SparseConstantPropagation>();
  Solver.load<dataflow::IntegerRangeAnalysis>();
  if (failed(Solver.initializeAndRun(Kernel)))
    return;
  SmallVector<Operation *> Ops;
  Kernel.walk([&](Operation *Op) {
    if (isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::DivUIOp,
            arith::RemUIOp, arith::MinUIOp, arith::MaxUIOp, arith::MinSIOp,
            arith::MaxSIOp, arith::CmpIOp>(Op) &&
        Op->getOperand(0).getType().isIndex())
      Ops.push_back(Op);
  });
  RewritePatternSet Patterns(Kernel.getContext());
  arith::populateIntRangeNarrowingPatterns(Patterns, Solver, {32});
  Forget Listener(Solver);
  GreedyRewriteConfig Config;
  Config.setStrictness(GreedyRewriteStrictness::ExistingOps);
  Config.setListener(&Listener);
  Config.enableFolding(false);
  (void)applyOpPatternsGreedily(Ops, std::move(Patterns), Config);
}

namespace {
struct EmitGPUKernelsPass
    : public lathe::codegen::impl::EmitGPUKernelsPassBase<EmitGPUKernelsPass> {
  using EmitGPUKernelsPassBase::EmitGPUKernelsPassBase;
  EmitGPUKernelsPass(const TargetDescription &T, bool Ordered, bool Remarks)
      : Explicit(T) {
    orderedSums = Ordered;
    remarks = Remarks;
  }

  void runOnOperation() override {
    TargetDescription Target =
        Explicit ? *Explicit : describeTarget(triple, cpu, features);
    for (kernel::FuncOp F : kernelsToEmit(getOperation())) {
      if (failed(emitKernel(F, Target)))
        return signalPassFailure();
      cleanKernel(F);
      narrowIndices(F);
      OpPassManager Clean(kernel::FuncOp::getOperationName());
      Clean.addPass(createCanonicalizerPass());
      Clean.addPass(createCSEPass());
      if (failed(runPipeline(Clean, F)))
        return signalPassFailure();
    }
  }

private:
  LogicalResult emitNests(KernelContext &Ctx, kernel::FuncOp Func);
  LogicalResult emitKernel(kernel::FuncOp Func,
                           const TargetDescription &Target);
  void setLaunch(kernel::FuncOp Func, int64_t Threads, unsigned Arg = 0,
                 ArrayRef<kernel::BlocksAttr> Blocks = {}) {
    Func.setLaunchAttr(
        kernel::LaunchAttr::get(&getContext(), Threads, Arg,
                                Blocks.empty() ? 0 : GPUMaxBlocks, Blocks));
  }

  std::optional<TargetDescription> Explicit;
};
} // namespace

LogicalResult EmitGPUKernelsPass::emitNests(KernelContext &Ctx,
                                            kernel::FuncOp Func) {
  auto TypeOf = [&](Value V) {
    return cast<MemRefType>(Ctx.memref(V).getType());
  };
  SmallVector<Value> Outs = Ctx.Outs;
  FailureOr<std::vector<NestGraph>> Graphs =
      buildNests(Ctx, [&](const Halo &H) { fillByAll(Ctx, H); });
  if (failed(Graphs))
    return failure();
  // Nests of one kernel share its blocks: any number of them is right.
  for (auto [I, G] : llvm::enumerate(*Graphs)) {

    NestPlan Thread = planThread(G);
    GPUPlan Plan = planGPU(G, TypeOf, Ctx.Target, Ctx.OrderedSums);
    GPUEmitter Emitter(Ctx, G, Thread, Plan);
    Emitter.emit();
    switch (Plan.Kind) {
    case GPUPlan::Form::Points:
      ++NumPoints;
      break;
    case GPUPlan::Form::Rows:
      ++NumRows;
      break;
    case GPUPlan::Form::Tiles:
      ++NumTiles;
      break;
    }
    auto Arg = cast<BlockArgument>(Outs[G.Stores[0].Result]);
    if (I == 0)
      setLaunch(Func, GPUThreads, Arg.getArgNumber(), Emitter.blocks());
  }
  if (Graphs->empty())
    setLaunch(Func, 1);
  return success();
}

LogicalResult EmitGPUKernelsPass::emitKernel(kernel::FuncOp Func,
                                             const TargetDescription &Target) {
  KernelFrame Frame(Func, Target, /*Ranged=*/false);
  Frame.Ctx.OrderedSums = orderedSums;
  if (succeeded(emitNests(Frame.Ctx, Func)))
    return success();
  Frame.B.setInsertionPoint(Frame.entry().getTerminator());
  if (failed(emitFallback(Frame.Ctx, Frame.Body, Func, /*Heap=*/false)))
    return failure();
  switch (shareLoops(Func, Frame.Ctx.Outs)) {
  case LoopForm::Grid:
    ++NumGrids;
    break;
  case LoopForm::Block:
    ++NumBlocks;
    if (remarks)
      emitRemark(Func.getLoc())
          << "kernel @" << Func.getSymName()
          << " is one block's work: some of its loops write where others of "
             "their iterations read or write";
    break;
  case LoopForm::Thread:
    ++NumSerial;
    if (remarks)
      emitRemark(Func.getLoc())
          << "kernel @" << Func.getSymName()
          << " is one thread's work: each iteration of its loops may need what "
             "an earlier one did";
    break;
  }
  return success();
}

std::unique_ptr<Pass>
lathe::codegen::createEmitGPUKernelsPass(const TargetDescription &Target,
                                         bool OrderedSums, bool Remarks) {
  return std::make_unique<EmitGPUKernelsPass>(Target, OrderedSums, Remarks);
}

//===- GPULoops.cpp - Blocks and threads for plain loops ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GPULoops.h"
#include "Bytes.h"
#include "GPUEmitter.h"
#include "ParallelLoops.h"
#include "lathe/Codegen/GPUTile.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

/// Bytes of what iterations of \p Loops have each to themselves.
static int64_t scratchBytes(const ParallelLoops &Loops) {
  int64_t Bytes = 0;
  for (auto &[Memory, Where] : Loops.Written)
    if (auto Scratch = Memory.getDefiningOp<memref::AllocaOp>();
        Scratch && Where.empty())
      Bytes += knownBytes(Scratch.getType());
  return Bytes;
}

namespace {
class LoopSharing {
public:
  LoopSharing(kernel::FuncOp Func, ValueRange Outs)
      : Func(Func), Body(Func.getBody().front()), Outs(Outs),
        B(Func.getContext()), Loc(Func.getLoc()) {}

  LoopForm run();

private:
  void simplify();
  bool overGrid();
  bool overBlock();
  void setLaunch(int64_t Threads, unsigned Arg, int64_t Limit,
                 ArrayRef<kernel::BlocksAttr> Blocks);

  Value index(int64_t V) { return arith::ConstantIndexOp::create(B, Loc, V); }
  /// What is done for the iterations from \p First on, each \p Step.
  void iterations(ArrayRef<PerfectNest> Nests, Value First, Value Step);

  kernel::FuncOp Func;
  Block &Body;
  ValueRange Outs;
  OpBuilder B;
  Location Loc;
};
} // namespace

void LoopSharing::setLaunch(int64_t Threads, unsigned Arg, int64_t Limit,
                            ArrayRef<kernel::BlocksAttr> Blocks) {
  Func.setLaunchAttr(
      kernel::LaunchAttr::get(Func.getContext(), Threads, Arg, Limit, Blocks));
}

void LoopSharing::iterations(ArrayRef<PerfectNest> Nests, Value First,
                             Value Step) {
  Value Total = index(1);
  for (scf::ForOp Loop : Nests[0])
    Total = B.createOrFold<arith::MulIOp>(Loc, Total, Loop.getUpperBound());
  auto Each = scf::ForOp::create(B, Loc, First, Total, Step);
  OpBuilder::InsertionGuard Guard(B);
  B.setInsertionPointToStart(Each.getBody());
  SmallVector<Value> Numbers(Nests[0].size());
  Value Rest = Each.getInductionVar();
  for (unsigned J = Numbers.size(); J-- > 0;) {
    Value Extent = scf::ForOp(Nests[0][J]).getUpperBound();
    Numbers[J] =
        J == 0 ? Rest : B.createOrFold<arith::RemUIOp>(Loc, Rest, Extent);
    if (J > 0)
      Rest = B.createOrFold<arith::DivUIOp>(Loc, Rest, Extent);
  }
  for (const PerfectNest &Nest : Nests) {
    IRMapping Map;
    for (auto [Loop, Number] : llvm::zip_equal(Nest, Numbers))
      Map.map(scf::ForOp(Loop).getInductionVar(), Number);
    for (Operation &Op :
         scf::ForOp(Nest.back()).getBody()->without_terminator())
      B.clone(Op, Map);
  }
}

/// All loops together, provided that nothing else has an effect.
bool LoopSharing::overGrid() {
  SmallVector<scf::ForOp> Loops;
  bool Heavy = false;
  for (Operation &Op : Body.without_terminator()) {
    if (auto Loop = dyn_cast<scf::ForOp>(Op))
      Loops.push_back(Loop);
    else if (!isa<memref::LoadOp, memref::AllocaOp>(Op) &&
             !isMemoryEffectFree(&Op))
      return false;
  }
  std::optional<ParallelLoops> Found = findParallelLoops(Loops);
  if (!Found)
    return false;
  // What all threads read in front of the loops, no iteration may write.
  for (auto Load : Body.getOps<memref::LoadOp>())
    if (Found->Written.contains(Load.getMemRef()))
      return false;
  int64_t ScratchBytes = scratchBytes(*Found);
  BlockArgument Out;
  ArrayRef<unsigned> Dims;
  for (auto &[Memory, Where] : Found->Written) {
    if (Memory.getDefiningOp<memref::AllocaOp>()) {
      // Where iterations index it, each thread would keep the whole of it.
      if (!Where.empty())
        return false;
    } else if (llvm::is_contained(Outs, Memory)) {
      Out = cast<BlockArgument>(Memory);
      Dims = Where;
    }
  }
  if (!Out)
    return false;

  for (const PerfectNest &Nest : Found->Nests)
    scf::ForOp(Nest.back()).getBody()->walk([&](Operation *Op) {
      Heavy |= isa<LoopLikeOpInterface>(Op);
    });
  // Iterations with loops of their own differ in time: they are spread over
  // more blocks.
  int64_t Threads = Heavy ? GPUWarp : GPUThreads;
  B.setInsertionPoint(Body.getTerminator());
  Value First = arith::AddIOp::create(
      B, Loc,
      arith::MulIOp::create(B, Loc, blockNumber(B, Loc), index(Threads)),
      threadNumber(B, Loc, Threads));
  Value Step = arith::MulIOp::create(B, Loc, numBlocks(B, Loc), index(Threads));
  iterations(Found->Nests, First, Step);
  for (scf::ForOp Loop : Loops)
    Loop.erase();

  auto Type = cast<MemRefType>(Out.getType());
  int64_t Known = 1;
  SmallVector<int64_t> Dynamic;
  for (unsigned D : Dims) {
    if (Type.isDynamicDim(D))
      Dynamic.push_back(D);
    else
      Known *= Type.getDimSize(D);
  }
  int64_t Limit = GPUMaxBlocks;
  if (ScratchBytes > 0)
    Limit = std::clamp<int64_t>(GPUMostScratch / (ScratchBytes * Threads), 1,
                                Limit);
  setLaunch(Threads, Out.getArgNumber(), Limit,
            kernel::BlocksAttr::get(B.getContext(), Known, Threads, Dynamic));
  return true;
}

/// Each loop by itself; true if the threads share any of them.
bool LoopSharing::overBlock() {
  SmallVector<Operation *> Work;
  for (Operation &Op : Body.without_terminator())
    if (!isa<memref::AllocaOp>(Op) && !isMemoryEffectFree(&Op))
      Work.push_back(&Op);
  llvm::MapVector<Operation *, ParallelLoops> Shared;
  for (Operation *Op : Work)
    if (auto Loop = dyn_cast<scf::ForOp>(Op))
      if (auto Found = findParallelLoops(Loop);
          Found && scratchBytes(*Found) * GPUThreads <= GPUMostScratch)
        Shared.insert({Op, std::move(*Found)});
  // What the first thread alone computes, it alone can go on with.
  llvm::SmallPtrSet<Operation *, 16> Alone;
  for (Operation &Op : Body.without_terminator()) {
    bool Effects = llvm::is_contained(Work, &Op) && !isa<memref::LoadOp>(Op);
    bool OnAlone = false;
    Op.walk([&](Operation *Inner) {
      for (Value V : Inner->getOperands())
        OnAlone |= V.getDefiningOp() && Alone.contains(V.getDefiningOp());
    });
    if (OnAlone || (Effects && !Shared.contains(&Op))) {
      Alone.insert(&Op);
      Shared.erase(&Op);
    }
  }
  if (Shared.empty())
    return false;

  for (auto Scratch : Body.getOps<memref::AllocaOp>()) {
    // Each thread's own only where the iterations of a loop that they share
    // have it to themselves.
    bool Own = llvm::any_of(Shared, [&](const auto &Entry) {
      auto It = Entry.second.Written.find(Scratch.getResult());
      return It != Entry.second.Written.end() && It->second.empty();
    });
    if (!Own)
      Scratch->setAttr(OfBlockAttr, B.getUnitAttr());
  }
  B.setInsertionPointToStart(&Body);
  Value Thread = threadNumber(B, Loc, GPUThreads);
  Value IsFirst =
      arith::CmpIOp::create(B, Loc, arith::CmpIPredicate::eq, Thread, index(0));
  scf::IfOp Open;
  for (Operation &Op : llvm::make_early_inc_range(Body.without_terminator())) {
    if (Alone.contains(&Op)) {
      if (!Open) {
        B.setInsertionPoint(&Op);
        Open = scf::IfOp::create(B, Loc, IsFirst, /*withElseRegion=*/false);
        gpu::BarrierOp::create(B, Loc);
      }
      Op.moveBefore(Open.thenBlock()->getTerminator());
      continue;
    }
    if (auto It = Shared.find(&Op); It != Shared.end()) {
      Open = {};
      B.setInsertionPoint(&Op);
      iterations(It->second.Nests, Thread, index(GPUThreads));
      gpu::BarrierOp::create(B, Loc);
      Op.erase();
      continue;
    }
    // What all compute anew; what it reads of memory must be there.
    if (isa<memref::LoadOp>(Op)) {
      Open = {};
      // Nobody writes there before all have read.
      B.setInsertionPointAfter(&Op);
      gpu::BarrierOp::create(B, Loc);
    } else if (Open && !isa<gpu::BarrierOp>(Op)) {
      Op.moveBefore(Open);
    }
  }
  setLaunch(GPUThreads, 0, 0, {});
  return true;
}

/// Numbers as they are, equal sizes as one value.
void LoopSharing::simplify() {
  MLIRContext *Ctx = Func.getContext();
  RewritePatternSet Patterns(Ctx);
  affine::AffineApplyOp::getCanonicalizationPatterns(Patterns, Ctx);
  memref::DimOp::getCanonicalizationPatterns(Patterns, Ctx);
  arith::MaxSIOp::getCanonicalizationPatterns(Patterns, Ctx);
  (void)applyPatternsGreedily(Func.getBody(), std::move(Patterns));
  IRRewriter Rewriter(Ctx);
  DominanceInfo Dominance(Func);
  eliminateCommonSubExpressions(Rewriter, Dominance, Func);
}

LoopForm LoopSharing::run() {
  simplify();
  if (overGrid())
    return LoopForm::Grid;
  if (overBlock())
    return LoopForm::Block;
  setLaunch(1, 0, 0, {});
  return LoopForm::Thread;
}

LoopForm lathe::codegen::shareLoops(kernel::FuncOp Func, ValueRange Outs) {
  return LoopSharing(Func, Outs).run();
}

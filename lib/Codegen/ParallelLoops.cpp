//===- ParallelLoops.cpp - Loops whose iterations never meet --------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ParallelLoops.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/EquivalenceClasses.h"

using namespace mlir;
using namespace lathe::codegen;

//===----------------------------------------------------------------------===//
// Memory that loops carry
//===----------------------------------------------------------------------===//

void lathe::codegen::untieMemory(Operation *Function) {
  // Values that are the same memory if the class has but one source.
  llvm::EquivalenceClasses<Value> Same;
  SmallVector<Value> Carried;
  auto Join = [&](Value Inner, Value From) {
    if (!isa<MemRefType>(Inner.getType()) || Inner.getType() != From.getType())
      return;
    Carried.push_back(Inner);
    Same.unionSets(Inner, From);
  };
  Function->walk([&](Operation *Op) {
    if (auto For = dyn_cast<scf::ForOp>(Op)) {
      for (auto [Arg, Init, Next, Result] :
           llvm::zip_equal(For.getRegionIterArgs(), For.getInitArgs(),
                           For.getYieldedValues(), For.getResults())) {
        Join(Arg, Init);
        Join(Arg, Next);
        Join(Result, Next);
      }
    } else if (auto While = dyn_cast<scf::WhileOp>(Op)) {
      for (auto [Arg, Init, Next] :
           llvm::zip_equal(While.getBeforeArguments(), While.getInits(),
                           While.getYieldOp()->getOperands())) {
        Join(Arg, Init);
        Join(Arg, Next);
      }
      for (auto [Arg, From, Result] : llvm::zip_equal(
               While.getAfterArguments(), While.getConditionOp().getArgs(),
               While.getResults())) {
        Join(Arg, From);
        Join(Result, From);
      }
    } else if (auto If = dyn_cast<scf::IfOp>(Op);
               If && If->getNumResults() != 0) {
      for (auto [Result, Then, Else] :
           llvm::zip_equal(If.getResults(), If.thenYield()->getOperands(),
                           If.elseYield()->getOperands())) {
        Join(Result, Then);
        Join(Result, Else);
      }
    }
  });
  llvm::SmallPtrSet<void *, 16> IsCarried;
  for (Value V : Carried)
    IsCarried.insert(V.getAsOpaquePointer());
  auto SourceOf = [&](Value V) -> Value {
    Value Source;
    for (auto It = Same.findLeader(V); It != Same.member_end(); ++It) {
      if (IsCarried.contains(It->getAsOpaquePointer()))
        continue;
      if (Source)
        return nullptr;
      Source = *It;
    }
    return Source;
  };
  for (Value V : Carried)
    if (Value Source = SourceOf(V)) {
      // It lies outside of all that carries it.
      auto *Def = Source.getDefiningOp();
      if (!Def || Def->getBlock() == &Function->getRegion(0).front())
        V.replaceAllUsesWith(Source);
    }
  MLIRContext *Ctx = Function->getContext();
  RewritePatternSet Patterns(Ctx);
  scf::ForOp::getCanonicalizationPatterns(Patterns, Ctx);
  scf::WhileOp::getCanonicalizationPatterns(Patterns, Ctx);
  scf::IfOp::getCanonicalizationPatterns(Patterns, Ctx);
  (void)applyPatternsGreedily(Function->getRegion(0), std::move(Patterns));
}

//===----------------------------------------------------------------------===//
// Loops in any order
//===----------------------------------------------------------------------===//

static PerfectNest perfectNest(scf::ForOp Loop) {
  PerfectNest Nest;
  auto Plain = [](scf::ForOp For) {
    return isConstantIntValue(For.getLowerBound(), 0) &&
           isConstantIntValue(For.getStep(), 1) && For.getNumResults() == 0;
  };
  while (Loop && Plain(Loop)) {
    // An inner bound is the same for all iterations around it.
    if (!Nest.empty() && !Nest[0].isDefinedOutsideOfLoop(Loop.getUpperBound()))
      break;
    Nest.push_back(Loop);
    Block &Body = *Loop.getBody();
    bool One = llvm::hasNItems(Body.without_terminator(), 1);
    Loop = One ? dyn_cast<scf::ForOp>(Body.front()) : scf::ForOp();
  }
  return Nest;
}

static bool sameExtent(Value A, Value B) {
  std::optional<int64_t> X = getConstantIntValue(A), Y = getConstantIntValue(B);
  return A == B || (X && Y && *X == *Y);
}

namespace {
struct Access {
  Value Memory;
  ValueRange Indices;
  unsigned Nest;
  bool Writes;
};

/// All that the nests do to memory.
class Accesses {
public:
  LogicalResult collect(ArrayRef<PerfectNest> Nests);
  /// The dimensions of each written memory that the first \p Depth loops index
  /// everywhere; fails if some iterations may meet.
  FailureOr<llvm::MapVector<Value, SmallVector<unsigned>>>
  indexed(ArrayRef<PerfectNest> Nests, unsigned Depth) const;

private:
  SmallVector<Access> All;
};
} // namespace

static Value rootOf(Value Memory) {
  while (auto View = Memory.getDefiningOp<ViewLikeOpInterface>())
    Memory = View.getViewSource();
  return Memory;
}

LogicalResult Accesses::collect(ArrayRef<PerfectNest> Nests) {
  for (auto [N, Nest] : llvm::enumerate(Nests)) {
    scf::ForOp Outer = Nest[0];
    WalkResult R = Outer->walk([&, N = unsigned(N)](Operation *Op) {
      if (auto Load = dyn_cast<memref::LoadOp>(Op))
        All.push_back({Load.getMemRef(), Load.getIndices(), N, false});
      else if (auto Store = dyn_cast<memref::StoreOp>(Op))
        All.push_back({Store.getMemRef(), Store.getIndices(), N, true});
      else if (!isa<scf::SCFDialect>(Op->getDialect()) &&
               !isMemoryEffectFree(Op))
        return WalkResult::interrupt();
      return WalkResult::advance();
    });
    if (R.wasInterrupted())
      return failure();
  }
  return success();
}

FailureOr<llvm::MapVector<Value, SmallVector<unsigned>>>
Accesses::indexed(ArrayRef<PerfectNest> Nests, unsigned Depth) const {
  llvm::MapVector<Value, SmallVector<unsigned>> Written;
  for (const Access &A : All)
    if (A.Writes)
      Written.insert({rootOf(A.Memory), {}});
  for (auto &[Root, Dims] : Written) {
    if (auto Scratch = Root.getDefiningOp<memref::AllocaOp>())
      if (auto Within = Scratch->getAttrOfType<IntegerAttr>(ScratchDepthAttr);
          Within && Within.getInt() >= int64_t(Depth))
        continue;
    for (unsigned J = 0; J < Depth; ++J) {
      std::optional<unsigned> Found;
      unsigned Rank = cast<MemRefType>(Root.getType()).getRank();
      for (unsigned D = 0; D < Rank && !Found; ++D) {
        bool Everywhere = llvm::all_of(All, [&, Root = Root](const Access &A) {
          if (rootOf(A.Memory) != Root)
            return true;
          scf::ForOp Loop = Nests[A.Nest][J];
          return A.Memory == Root && A.Indices[D] == Loop.getInductionVar();
        });
        if (Everywhere)
          Found = D;
      }
      if (!Found)
        return failure();
      Dims.push_back(*Found);
    }
  }
  return Written;
}

std::optional<ParallelLoops>
lathe::codegen::findParallelLoops(ArrayRef<scf::ForOp> Outermost) {
  if (Outermost.empty())
    return std::nullopt;
  SmallVector<PerfectNest> Nests;
  unsigned Depth = ~0u;
  for (scf::ForOp Loop : Outermost) {
    Nests.push_back(perfectNest(Loop));
    Depth = std::min<unsigned>(Depth, Nests.back().size());
    for (unsigned J = 0; J < Depth; ++J)
      if (!sameExtent(Nests[0][J].getUpperBound(),
                      Nests.back()[J].getUpperBound()))
        Depth = J;
  }
  Accesses All;
  if (Depth == 0 || failed(All.collect(Nests)))
    return std::nullopt;
  for (; Depth > 0; --Depth) {
    auto Written = All.indexed(Nests, Depth);
    if (failed(Written))
      continue;
    for (PerfectNest &Nest : Nests)
      Nest.truncate(Depth);
    return ParallelLoops{std::move(Nests), std::move(*Written)};
  }
  return std::nullopt;
}

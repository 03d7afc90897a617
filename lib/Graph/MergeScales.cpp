//===- MergeScales.cpp - The pass graph-merge-scales ----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Three steps, each over all nodes once:
//
//  1. affine functions travel up to contractions that can take them: through
//     Concat, part by part, and through functions that commute with a positive
//     scale;
//  2. each contraction takes the chain of affine functions after it, and the
//  one
//     before it, into weights and bias;
//  3. what is left becomes one Mul and one Add at most.
//
// Invariant: a chain is composed in double and applied once, so weights are
// rounded once.
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "Match.h"
#include "NodeBuilder.h"
#include "lathe/Graph/Passes.h"

namespace lathe::graph {
#define GEN_PASS_DEF_MERGESCALES
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

namespace {
/// Affine functions, one after the other, with no other users in between.
struct Chain {
  Affine Fn;
  SmallVector<Operation *> Ops;
  unsigned Cost = 0;
};
} // namespace

/// The longest chain from \p Start on whose whole \p Accepts takes; \p Start is
/// used by nobody else.
static Chain getChainAfter(Value Start,
                           llvm::function_ref<bool(const Affine &)> Accepts) {
  Chain Best, Now;
  Value V = Start;
  while (Operation *User = getSingleUser(V)) {
    auto Next = getAffine(User);
    if (!Next || Next->Input != V)
      break;
    auto Both = Now.Fn.then(Next->Fn);
    if (!Both || !Both->isFinite())
      break;
    Now.Fn = *Both;
    Now.Ops.push_back(User);
    Now.Cost += Next->Cost;
    if (Accepts(Now.Fn))
      Best = Now;
    V = User->getResult(0);
  }
  return Best;
}

/// The longest chain that ends in \p End; \p First is what it is applied to.
static Chain getChainBefore(Value End, Value &First,
                            llvm::function_ref<bool(const Affine &)> Accepts) {
  Chain Best, Now;
  Value V = End;
  First = End;
  while (Operation *Producer = V.getDefiningOp()) {
    if (!V.hasOneUse())
      break;
    auto Previous = getAffine(Producer);
    if (!Previous)
      break;
    auto Both = Previous->Fn.then(Now.Fn);
    if (!Both || !Both->isFinite())
      break;
    Now.Fn = *Both;
    Now.Ops.insert(Now.Ops.begin(), Producer);
    Now.Cost += Previous->Cost;
    V = Previous->Input;
    if (Accepts(Now.Fn)) {
      Best = Now;
      First = V;
    }
  }
  return Best;
}

/// A contraction that nobody but one node sees the result of and that takes
/// \p Fn.
static bool isTaker(Value V, const Affine &Fn) {
  if (!V.hasOneUse())
    return false;
  auto C = Contraction::get(V.getDefiningOp());
  return C && C->canFoldAfter(Fn);
}

namespace {
struct MergeScalesPass : graph::impl::MergeScalesBase<MergeScalesPass> {
  void runOnOperation() override {
    IRRewriter Rewriter(&getContext());
    // Each step sees the nodes that the step before has left.
    for (auto Step : {&MergeScalesPass::travel, &MergeScalesPass::absorb,
                      &MergeScalesPass::shorten}) {
      SmallVector<Operation *> Ops;
      getOperation().walk([&](Operation *Op) { Ops.push_back(Op); });
      Gone.clear();
      for (Operation *Op : Ops)
        if (!Gone.contains(Op))
          (this->*Step)(Rewriter, Op);
    }
  }

private:
  /// Replaces the end of a chain and erases its ops.
  void finish(IRRewriter &Rewriter, ArrayRef<Operation *> Ops, Value New) {
    Rewriter.replaceAllUsesWith(Ops.back()->getResult(0), New);
    for (Operation *Op : llvm::reverse(Ops)) {
      Gone.insert(Op);
      Rewriter.eraseOp(Op);
    }
  }

  void travel(IRRewriter &Rewriter, Operation *Op) {
    if (Op->getNumResults() == 0)
      return;
    Operation *User = getSingleUser(Op->getResult(0));
    auto Next = User ? getAffine(User) : std::nullopt;
    if (!Next || Next->Input != Op->getResult(0) || isa<onnx::ConcatOp>(User))
      return;
    const Affine &Fn = Next->Fn;
    NodeBuilder B(Rewriter, User);
    if (auto Concat = dyn_cast<onnx::ConcatOp>(Op)) {
      int64_t Axis = fromFront(Concat.getAxis(), getRank(Concat.getResult()));
      int64_t Begin = 0;
      SmallVector<Affine> Parts;
      for (Value Part : Concat.getInputs()) {
        RankedTensorType Type = getStatic(Part);
        bool Along = Fn.Axis == Axis;
        if (!Type)
          return;
        int64_t Size = Type.getDimSize(Axis);
        Parts.push_back(Along ? Fn.slice(Begin, Size) : Fn);
        if (!isTaker(Part, Parts.back()))
          return;
        Begin += Size;
      }
      SmallVector<Value> Inputs;
      for (auto [Part, PartFn] : llvm::zip(Concat.getInputs(), Parts))
        Inputs.push_back(applyAffine(Rewriter, User->getLoc(), Part, PartFn));
      Value New = B.op("Concat", Inputs, B.attr("axis", Axis),
                       User->getResult(0).getType());
      finish(Rewriter, {Op, User}, New);
      ++Travelled;
      return;
    }
    // f(s x) = s f(x) for positive s.
    if (!isa<onnx::ReluOp, onnx::LeakyReluOp>(Op) || Fn.hasShift() ||
        !Fn.isScalePositive() || !isTaker(Op->getOperand(0), Fn))
      return;
    Value Scaled = applyAffine(Rewriter, User->getLoc(), Op->getOperand(0), Fn);
    Operation *New = Rewriter.clone(*Op);
    New->setOperand(0, Scaled);
    finish(Rewriter, {Op, User}, New->getResult(0));
    ++Travelled;
  }

  void absorb(IRRewriter &Rewriter, Operation *Op) {
    auto C = Contraction::get(Op);
    if (!C)
      return;
    bool AddsBias = isa<onnx::MatMulOp>(Op);
    Chain After = getChainAfter(Op->getResult(0), [&](const Affine &Fn) {
      return C->canFoldAfter(Fn);
    });
    // A MatMul has no bias: an Add after it is what it would become.
    if (!After.Ops.empty() &&
        (!AddsBias || After.Fn.hasScale() || After.Cost > getCost(After.Fn))) {
      SmallVector<Operation *> All{Op};
      All.append(After.Ops);
      Rewriter.setInsertionPoint(All.back());
      Value New = C->foldAfter(Rewriter, After.Fn, fuseLocs(All));
      finish(Rewriter, All, New);
      Absorbed += After.Ops.size();
      Op = New.getDefiningOp();
      if (isa<onnx::AddOp>(Op))
        Op = Op->getOperand(0).getDefiningOp();
      C = Contraction::get(Op);
      if (!C)
        return;
    }
    if (absorbThroughRelu(Rewriter, *C))
      return;
    Value First;
    Chain Before = getChainBefore(C->getData(), First, [&](const Affine &Fn) {
      return C->canFoldBefore(Fn);
    });
    if (Before.Ops.empty() ||
        (AddsBias && Before.Fn.hasShift() && Before.Cost < 2))
      return;
    SmallVector<Operation *> All(Before.Ops);
    All.push_back(Op);
    Rewriter.setInsertionPoint(Op);
    Value New = C->foldBefore(Rewriter, Before.Fn, First, fuseLocs(All));
    finish(Rewriter, All, New);
    Absorbed += Before.Ops.size();
  }

  /// w f(s x + t) is (w s) f(x + t / s) for a positive s: an Add is left of
  /// what stands in front of the Relu.
  bool absorbThroughRelu(IRRewriter &Rewriter, const Contraction &C) {
    Operation *Relu = C.getData().getDefiningOp();
    if (!isa_and_nonnull<onnx::ReluOp, onnx::LeakyReluOp>(Relu) ||
        !C.getData().hasOneUse())
      return false;
    auto GetScale = [](const Affine &Fn) {
      Affine Scale = Fn;
      Scale.Shift.assign(Fn.Shift.size(), 0.0);
      return Scale;
    };
    auto GetShift = [](const Affine &Fn) {
      Affine Shift = Fn;
      for (auto [S, T] : llvm::zip(Shift.Scale, Shift.Shift)) {
        T /= S;
        S = 1;
      }
      return Shift;
    };
    Value First;
    Chain Before =
        getChainBefore(Relu->getOperand(0), First, [&](const Affine &Fn) {
          return Fn.hasScale() && Fn.isScalePositive() &&
                 GetShift(Fn).isFinite() && C.canFoldBefore(GetScale(Fn));
        });
    if (Before.Ops.empty())
      return false;
    SmallVector<Operation *> All(Before.Ops);
    All.append({Relu, C.getOp()});
    Rewriter.setInsertionPoint(C.getOp());
    Value Shifted =
        applyAffine(Rewriter, fuseLocs(Before.Ops), First, GetShift(Before.Fn));
    Operation *NewRelu = Rewriter.clone(*Relu);
    NewRelu->setOperand(0, Shifted);
    Value New = C.foldBefore(Rewriter, GetScale(Before.Fn),
                             NewRelu->getResult(0), fuseLocs(All));
    finish(Rewriter, All, New);
    ++Absorbed;
    return true;
  }

  void shorten(IRRewriter &Rewriter, Operation *Op) {
    auto First = getAffine(Op);
    if (!First)
      return;
    // Start at the first of a chain.
    if (First->Input.hasOneUse())
      if (Operation *Producer = First->Input.getDefiningOp())
        if (auto Previous = getAffine(Producer);
            Previous && Producer->getBlock() == Op->getBlock() &&
            Previous->Fn.then(First->Fn))
          return;
    Chain Whole{First->Fn, {Op}, First->Cost};
    Chain Rest = getChainAfter(Op->getResult(0), [&](const Affine &Fn) {
      return First->Fn.then(Fn).has_value();
    });
    if (!Rest.Ops.empty()) {
      Whole.Fn = *First->Fn.then(Rest.Fn);
      Whole.Ops.append(Rest.Ops);
      Whole.Cost += Rest.Cost;
    }
    // At an end nothing is won by an Add for an Add.
    if (Whole.Cost <= getCost(Whole.Fn) || !Whole.Fn.isFinite() ||
        First->Input.getType() != Whole.Ops.back()->getResult(0).getType())
      return;
    Rewriter.setInsertionPoint(Whole.Ops.back());
    Value New =
        applyAffine(Rewriter, fuseLocs(Whole.Ops), First->Input, Whole.Fn);
    finish(Rewriter, Whole.Ops, New);
    ++Shortened;
  }

  llvm::DenseSet<Operation *> Gone;
};
} // namespace

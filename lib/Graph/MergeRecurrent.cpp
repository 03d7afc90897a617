//===- MergeRecurrent.cpp - Movement around recurrent ops -----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Frameworks keep the batch first and turn sequences for an LSTM, there and
// back. The op reads and writes that order itself (layout = 1) at no cost. An
// initial state that is zero is what an absent one is.
//
//===----------------------------------------------------------------------===//

#include "Match.h"
#include "MovementPatterns.h"
#include "NodeBuilder.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

static bool isRecurrent(Operation *Op) {
  return isa<onnx::LSTMOp, onnx::GRUOp, onnx::RNNOp>(Op);
}

static SmallVector<Value> operandsOf(Operation *Op) {
  SmallVector<Value> All;
  for (unsigned I = 0; I < 8; ++I)
    All.push_back(I < 6 || isa<onnx::LSTMOp>(Op) ? getOperand(Op, I) : Value());
  while (!All.back())
    All.pop_back();
  return All;
}

static SmallVector<NamedAttribute> attributesOf(Operation *Op,
                                                StringRef Without) {
  SmallVector<NamedAttribute> Given;
  for (NamedAttribute A : Op->getAttrs())
    if (A.getName() != "operandSegmentSizes" && A.getName() != Without)
      Given.push_back(A);
  return Given;
}

//===----------------------------------------------------------------------===//
// Batch first
//===----------------------------------------------------------------------===//

static bool swapsTimeAndBatch(Operation *Op) {
  auto Turn = dyn_cast_or_null<onnx::TransposeOp>(Op);
  return Turn && getPermutation(Turn) == ArrayRef<int64_t>{1, 0, 2};
}

/// What reads \p Y turns it, or is a recurrent op that may be turned as well.
static bool isTurnedBack(Value Y) {
  return llvm::all_of(Y.getUsers(), [](Operation *User) {
    if (isa<onnx::TransposeOp>(User))
      return true;
    auto Squeeze = dyn_cast<onnx::SqueezeOp>(User);
    auto Axes = Squeeze ? getAxes(Squeeze) : std::nullopt;
    return Axes && *Axes == ArrayRef<int64_t>{1} &&
           llvm::all_of(Squeeze->getUsers(), [&](Operation *Reader) {
             return swapsTimeAndBatch(Reader) ||
                    (isRecurrent(Reader) &&
                     Reader->getOperand(0) == Squeeze.getResult());
           });
  });
}

/// [time, batch, directions, hidden] with the last two joined, the others as
/// they are.
static bool joinsDirections(Operation *Op) {
  auto Reshape = dyn_cast<onnx::ReshapeOp>(Op);
  RankedTensorType In = Reshape ? getRanked(Reshape.getData()) : nullptr,
                   Out = Reshape ? getRanked(Reshape.getResult()) : nullptr;
  if (!In || !Out || In.getRank() != 4 || Out.getRank() != 3 ||
      In.isDynamicDim(2) || In.isDynamicDim(3) ||
      Out.getDimSize(2) != In.getDimSize(2) * In.getDimSize(3))
    return false;
  auto Given = getInts(Reshape.getShape());
  return llvm::all_of(llvm::seq<unsigned>(0, 2), [&](unsigned D) {
    bool Copied = Given && (*Given)[D] == 0 && !Reshape.getAllowzero();
    return Copied ||
           (!In.isDynamicDim(D) && In.getDimSize(D) == Out.getDimSize(D));
  });
}

namespace {
struct BatchFirst : RewritePattern {
  BatchFirst(StringRef Name, MLIRContext *Context)
      : RewritePattern(Name, /*benefit=*/1, Context) {}

  LogicalResult matchAndRewrite(Operation *Op,
                                PatternRewriter &Rewriter) const override {
    Operation *Turn = Op->getOperand(0).getDefiningOp();
    RankedTensorType Weights = getRanked(getOperand(Op, 1));
    if (!swapsTimeAndBatch(Turn) || getIntAttr(Op, "layout") != 0 || !Weights ||
        Weights.isDynamicDim(0))
      return failure();
    bool OneDirection = Weights.getDimSize(0) == 1;
    SmallVector<Value> Operands = operandsOf(Op);
    unsigned NumStates = Op->getNumResults() - 1;
    for (unsigned S = 0; S < NumStates && !OneDirection; ++S)
      if (!Op->getResult(1 + S).use_empty() ||
          (5 + S < Operands.size() && Operands[5 + S] &&
           !isConstant(Operands[5 + S])))
        return failure();
    Value Y = Op->getResult(0);
    if (!isTurnedBack(Y) || (Y.use_empty() && !Turn->hasOneUse()))
      return failure();

    NodeBuilder B(Rewriter, Op);
    // [directions, batch, hidden] and [batch, directions, hidden].
    auto Swapped = [&](Value V, int64_t From, int64_t To) {
      if (!OneDirection)
        return B.transpose(V, {1, 0, 2});
      Value Plain = B.op("Squeeze", {V, B.ints({From})});
      return B.op("Unsqueeze", {Plain, B.ints({To})});
    };
    Operands[0] = Turn->getOperand(0);
    for (unsigned S = 0; S < NumStates; ++S)
      if (5 + S < Operands.size() && Operands[5 + S])
        Operands[5 + S] = Swapped(Operands[5 + S], 0, 1);
    SmallVector<NamedAttribute> Given = attributesOf(Op, "layout");
    Given.push_back(B.attr("layout", int64_t(1)));
    Operation *New = B.node(Op->getName().stripDialect(), Operands, Given);
    SmallVector<Value> Results;
    // A Squeeze passes the turn on, so that it meets the other one.
    for (Operation *User : llvm::to_vector(Y.getUsers()))
      if (isa<onnx::SqueezeOp>(User)) {
        Value Steps = B.op("Squeeze", {New->getResult(0), B.ints({2})});
        Rewriter.replaceOp(User,
                           B.op("Transpose", {Steps},
                                B.attr("perm", ArrayRef<int64_t>{1, 0, 2}),
                                User->getResult(0).getType()));
      }
    // And so does what joins directions, of which each step has them together.
    for (Operation *User : llvm::to_vector(Y.getUsers())) {
      auto Together = dyn_cast<onnx::TransposeOp>(User);
      if (!Together ||
          getPermutation(Together) != ArrayRef<int64_t>{0, 2, 1, 3})
        continue;
      for (Operation *Join : llvm::to_vector(Together->getUsers()))
        if (joinsDirections(Join)) {
          Value Steps =
              B.op("Reshape", {New->getResult(0), B.ints({0, 0, -1})});
          Rewriter.replaceOp(Join,
                             B.op("Transpose", {Steps},
                                  B.attr("perm", ArrayRef<int64_t>{1, 0, 2}),
                                  Join->getResult(0).getType()));
        }
      if (Together->use_empty())
        Rewriter.eraseOp(Together);
    }
    Results.push_back(Y.use_empty()
                          ? New->getResult(0)
                          : B.transpose(New->getResult(0), {1, 2, 0, 3}));
    for (unsigned S = 0; S < NumStates; ++S) {
      Value State = New->getResult(1 + S);
      Results.push_back(
          Op->getResult(1 + S).use_empty() ? State : Swapped(State, 1, 0));
    }
    for (auto [Old, By] : llvm::zip_equal(Op->getResults(), Results))
      Rewriter.replaceAllUsesWith(Old, By);
    Rewriter.eraseOp(Op);
    return success();
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Zero states
//===----------------------------------------------------------------------===//

static bool isZero(Value V) {
  while (V) {
    if (isConstant(V))
      return isUniform(V, 0);
    Operation *Op = V.getDefiningOp();
    if (!Op)
      return false;
    if (auto Filled = dyn_cast<onnx::ConstantOfShapeOp>(Op)) {
      auto Given = Filled->getAttr("value");
      auto View = Given ? onnx::ConstantView::get(Given) : std::nullopt;
      return !Given || (View && View->size() == 1 && View->getNumber(0) == 0);
    }
    if (!isa<onnx::ExpandOp, onnx::UnsqueezeOp, onnx::SqueezeOp,
             onnx::ReshapeOp, onnx::TransposeOp, onnx::CastOp,
             onnx::IdentityOp>(Op))
      return false;
    V = Op->getOperand(0);
  }
  return false;
}

namespace {
struct ZeroState : RewritePattern {
  ZeroState(StringRef Name, MLIRContext *Context)
      : RewritePattern(Name, /*benefit=*/2, Context) {}

  LogicalResult matchAndRewrite(Operation *Op,
                                PatternRewriter &Rewriter) const override {
    SmallVector<Value> Operands = operandsOf(Op);
    bool Any = false;
    for (unsigned S = 5; S < std::min<size_t>(Operands.size(), 7); ++S)
      if (Operands[S] && isZero(Operands[S])) {
        Operands[S] = {};
        Any = true;
      }
    if (!Any)
      return failure();
    while (!Operands.back())
      Operands.pop_back();
    NodeBuilder B(Rewriter, Op);
    SmallVector<Type> Types(Op->getResultTypes());
    Operation *New = B.node(Op->getName().stripDialect(), Operands,
                            attributesOf(Op, ""), Types);
    Rewriter.replaceOp(Op, New->getResults());
    return success();
  }
};
} // namespace

void graph::populateRecurrentPatterns(RewritePatternSet &Patterns) {
  for (StringRef Name : {"onnx.LSTM", "onnx.GRU", "onnx.RNN"}) {
    Patterns.add<BatchFirst>(Name, Patterns.getContext());
    Patterns.add<ZeroState>(Name, Patterns.getContext());
  }
}

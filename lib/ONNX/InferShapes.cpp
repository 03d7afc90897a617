//===- InferShapes.cpp - The pass onnx-infer-shapes ------------------- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs the inference over each function, then writes what it found into the IR:
// types of results and block arguments, the function's type, and constants in
// place of ops whose small results are known. Invariant: a type only becomes
// more precise, but for those that the file states (module attribute
// onnx.stated_shapes, gone afterwards): where they contradict the inference,
// the inference is right.
//
// Where the shapes leave only one branch of an If, that branch replaces it, and
// a `cf.assert` of the condition stays behind: the run says if it is not so.
//
//===----------------------------------------------------------------------===//

#include "Inference.h"
#include "lathe/ONNX/ConstantView.h"
#include "lathe/ONNX/Passes.h"
#include "lathe/Support/Status.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

namespace lathe::onnx {
#define GEN_PASS_DEF_INFERSHAPES
#include "lathe/ONNX/Passes.h.inc"
} // namespace lathe::onnx

using namespace mlir;
using namespace lathe::onnx;

/// The constant that a value is known to be; null if it is not.
static DenseElementsAttr toConstant(InferenceContext &Context, Value V) {
  const ValueInfo &Info = Context.get(V);
  if (!Info.Elements || !Info.Shape)
    return {};
  auto Ty = dyn_cast<RankedTensorType>(Context.toType(Info));
  if (!Ty || !Ty.hasStaticShape() || !Ty.getElementType().isIntOrFloat())
    return {};
  if (isa<IntegerType>(Ty.getElementType())) {
    SmallVector<int64_t> Values;
    for (const Element &E : *Info.Elements) {
      auto N = E.getInt();
      if (!N)
        return {};
      Values.push_back(*N);
    }
    return makeInts(Ty, Values);
  }
  SmallVector<double> Values;
  for (const Element &E : *Info.Elements) {
    auto N = E.getNumber();
    if (!N)
      return {};
    Values.push_back(*N);
  }
  return makeFloats(Ty, Values);
}

/// A refinement of \p Old that \p New states; \p Old where it says no more.
static Type refine(InferenceContext &Context, Value V) {
  Type New = Context.toType(Context.get(V));
  return isa<NoneType>(New) ? V.getType() : New;
}

namespace {
class InferShapesPass
    : public lathe::onnx::impl::InferShapesBase<InferShapesPass> {
public:
  void runOnOperation() override {
    IsFromFile = getOperation()->hasAttr(StatedShapes);
    getOperation()->removeAttr(StatedShapes);
    for (auto Function : getOperation().getOps<func::FuncOp>())
      if (!Function.isExternal() && failed(inferFunction(Function)))
        return signalPassFailure();
  }

private:
  LogicalResult inferFunction(func::FuncOp Function) {
    std::unique_ptr<InferenceContext> Context;
    if (!IsFromFile) {
      Context = inferWith(Function, Trust::Full);
    } else {
      // What the file states of open sizes is often wrong, and other programs
      // do not read it: believed as long as nothing contradicts it.
      {
        ScopedDiagnosticHandler Quiet(&getContext(),
                                      [](Diagnostic &) { return success(); });
        Context = inferWith(Function, Trust::Hints);
      }
      if (!Context)
        Context = inferWith(Function, Trust::Nothing);
    }
    if (!Context)
      return failure();
    write(Function, *Context);
    return success();
  }

  std::unique_ptr<InferenceContext> inferWith(func::FuncOp Function,
                                              Trust Stated) {
    auto Context = std::make_unique<InferenceContext>(
        &getContext(), chooseBranches(Function, Stated), Stated);
    return succeeded(infer(Function, *Context)) ? std::move(Context) : nullptr;
  }

  void write(func::FuncOp Function, InferenceContext &Context) {
    writeTypes(Function, Context);
    takeKnownBranches(Function, Context);
    alignBranches(Function);
    fold(Function, Context);
    dropDead();
  }

  LogicalResult infer(func::FuncOp Function, InferenceContext &Context) {
    for (BlockArgument Arg : Function.getArguments())
      Context.set(Arg, Context.fromType(Arg.getType(),
                                        Function.getArgAttrOfType<ArrayAttr>(
                                            Arg.getArgNumber(), "onnx.dims")));
    Context.getSymbols().endInputs();
    return Context.inferBody(Function.getBody());
  }

  /// Exporters guard a squeeze by a test of the size, so that the rank seems to
  /// depend on the run. Where one branch contradicts what follows, the other is
  /// meant.
  BranchChoices chooseBranches(func::FuncOp Function, Trust Stated) {
    BranchChoices Choices;
    if (!Function.walk([](IfOp) { return WalkResult::interrupt(); })
             .wasInterrupted())
      return Choices;
    ScopedDiagnosticHandler Quiet(&getContext(),
                                  [](Diagnostic &) { return success(); });
    SmallPtrSet<Operation *, 8> Undecided;
    while (true) {
      InferenceContext Context(&getContext(), Choices, Stated);
      if (failed(infer(Function, Context)))
        return Choices;
      auto Open = llvm::find_if(Context.Conflicts, [&](Operation *If) {
        return !Undecided.contains(If);
      });
      if (Open == Context.Conflicts.end())
        return Choices;
      bool Fits[2];
      for (bool Branch : {false, true}) {
        BranchChoices Trial = Choices;
        Trial[*Open] = Branch;
        InferenceContext TrialContext(&getContext(), Trial, Stated);
        Fits[Branch] = succeeded(infer(Function, TrialContext));
      }
      if (Fits[0] != Fits[1])
        Choices[*Open] = Fits[1];
      else
        Undecided.insert(*Open);
    }
  }

  void writeTypes(func::FuncOp Function, InferenceContext &Context) {
    Function.walk([&](Operation *Op) {
      if (isa<func::FuncOp>(Op))
        return;
      if (isa_and_nonnull<ONNXDialect>(Op->getDialect()))
        for (Value Result : Op->getResults())
          Result.setType(refine(Context, Result));
      for (Region &Body : Op->getRegions())
        for (BlockArgument Arg : Body.getArguments())
          Arg.setType(refine(Context, Arg));
    });
    Operation *Return = Function.getBody().back().getTerminator();
    SmallVector<Type> Results(Return->getOperandTypes());
    Function.setType(
        FunctionType::get(&getContext(), Function.getArgumentTypes(), Results));
  }

  /// Replaces each If whose condition is known by the branch it takes.
  void takeKnownBranches(func::FuncOp Function, InferenceContext &Context) {
    SmallVector<std::pair<IfOp, Region *>> Known;
    Function.walk<WalkOrder::PostOrder>([&](IfOp If) {
      auto Taken = Context.getBranch(If);
      if (!Taken)
        return;
      Region *Branch = *Taken ? &If.getThenBranch() : &If.getElseBranch();
      // What the node declares of a value from outside may be more than is
      // known of it.
      Operation *Yield = Branch->front().getTerminator();
      if (llvm::equal(Yield->getOperandTypes(), If->getResultTypes()))
        Known.push_back({If, Branch});
    });
    for (auto [If, Branch] : Known) {
      Operation *Yield = Branch->front().getTerminator();
      if (Context.isTakenOnFaith(If))
        assertTaken(If, Branch == &If.getThenBranch());
      addCandidate(If.getCond());
      If->replaceAllUsesWith(Yield->getOperands());
      Yield->erase();
      If->getBlock()->getOperations().splice(If->getIterator(),
                                             Branch->front().getOperations());
      If->erase();
    }
  }

  /// The run ends with a status where the condition is not \p Then.
  void assertTaken(IfOp If, bool Then) {
    auto T = dyn_cast<RankedTensorType>(If.getCond().getType());
    // Of an unknown rank the condition is nothing that could be lowered.
    if (!T)
      return;
    OpBuilder Builder(If);
    Location Loc = If.getLoc();
    SmallVector<Value> First(
        T.getRank(),
        T.getRank()
            ? arith::ConstantIndexOp::create(Builder, Loc, 0).getResult()
            : Value());
    Value Condition =
        tensor::ExtractOp::create(Builder, Loc, If.getCond(), First);
    if (!Then)
      Condition = arith::XOrIOp::create(
          Builder, Loc, Condition,
          arith::ConstantIntOp::create(Builder, Loc, 1, 1));
    cf::AssertOp::create(Builder, Loc, Condition,
                         textOf(lathe::NodeReason::ShapeConflict));
  }

  /// Gives single elements that the branches of an If yield with different
  /// ranks the rank of the result.
  void alignBranches(func::FuncOp Function) {
    Function.walk([](IfOp If) {
      for (Region &Branch : If->getRegions()) {
        Operation *Yield = Branch.front().getTerminator();
        for (OpOperand &Yielded : Yield->getOpOperands()) {
          auto Have = dyn_cast<RankedTensorType>(Yielded.get().getType());
          auto Want = dyn_cast<RankedTensorType>(
              If->getResult(Yielded.getOperandNumber()).getType());
          if (!Have || !Want || Have.getRank() == Want.getRank() ||
              !Want.hasStaticShape())
            continue;
          OpBuilder Builder(Yield);
          auto ShapeType =
              RankedTensorType::get({Want.getRank()}, Builder.getI64Type());
          auto Shape = ConstantOp::create(Builder, Yield->getLoc(),
                                          makeInts(ShapeType, Want.getShape()));
          Yielded.set(ReshapeOp::create(Builder, Yield->getLoc(), Want,
                                        Yielded.get(), Shape));
        }
      }
    });
  }

  /// Replaces ops whose results are known by constants.
  void fold(func::FuncOp Function, InferenceContext &Context) {
    Function.walk([&](Operation *Op) {
      if (!isa_and_nonnull<ONNXDialect>(Op->getDialect()) ||
          isa<ConstantOp>(Op) || !isPure(Op))
        return;
      OpBuilder Builder(Op);
      for (Value Result : Op->getResults()) {
        if (Result.use_empty())
          continue;
        DenseElementsAttr Known = toConstant(Context, Result);
        if (!Known)
          continue;
        auto Constant = ConstantOp::create(Builder, Op->getLoc(), Known);
        Result.replaceAllUsesWith(Constant);
        Candidates.insert(Op);
        Candidates.insert(Constant);
      }
    });
  }

  /// Drops what only folded ops and branches used.
  void dropDead() {
    while (!Candidates.empty()) {
      Operation *Op = Candidates.pop_back_val();
      if (!isOpTriviallyDead(Op))
        continue;
      for (Value V : Op->getOperands())
        addCandidate(V);
      Op->erase();
    }
  }

  void addCandidate(Value V) {
    if (Operation *Producer = V.getDefiningOp())
      Candidates.insert(Producer);
  }

  bool IsFromFile = false;
  /// Ops that may have become dead.
  llvm::SetVector<Operation *> Candidates;
};
} // namespace

//===- ControlFlow.cpp - If, Loop, Scan: the pass lower-control-flow ------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Subgraphs become regions of scf ops that carry tensors, still of ONNX's
// types: `lower-onnx-to-linalg` converts ops and types inside them as anywhere
// else. An If whose condition is a constant keeps one branch only. A Scan, and
// a Loop that nothing ends early, are an scf.for; any other Loop is an
// scf.while. Outputs that a loop stacks are slices of one tensor made before
// it, as long as the trips that are possible; a Loop that may end early takes
// the part that was written.
//
//===----------------------------------------------------------------------===//

#include "Node.h"
#include "RunTimeChecks.h"
#include "TensorBuilder.h"
#include "lathe/Lower/Passes.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe::lower {

#define GEN_PASS_DEF_LOWERCONTROLFLOW
#include "lathe/Lower/Passes.h.inc"

namespace {

LogicalResult refuse(Operation *Op, const Twine &Why) {
  return onnx::emitNodeError(Op) << Why;
}

/// V in the shape that T declares: a cast that only forgets or asserts sizes.
Value shaped(TensorBuilder &B, Value V, Type T) {
  auto To = dyn_cast<RankedTensorType>(T);
  if (V.getType() == T || !To)
    return V;
  return B.castTo(V, To);
}

/// Moves the body of a subgraph to the builder's place; its arguments become
/// Args. Returns what it yields.
Values takeBody(TensorBuilder &B, Region &R, ValueRange Args) {
  Block *Body = &R.front();
  for (auto [Arg, V] : llvm::zip_equal(Body->getArguments(), Args))
    Arg.replaceAllUsesWith(shaped(B, V, Arg.getType()));
  Operation *Yield = Body->getTerminator();
  Values Yielded(Yield->getOperands());
  Yield->erase();
  Block *To = B.getInsertionBlock();
  To->getOperations().splice(B.getInsertionPoint(), Body->getOperations());
  return Yielded;
}

std::optional<int64_t> constantScalarOf(Value V) {
  auto Ints = V ? constantInts(V) : std::nullopt;
  if (!Ints || Ints->size() != 1)
    return std::nullopt;
  return Ints->front();
}

/// The single element of a tensor of rank 0 or of one element.
Scalar single(TensorBuilder &B, Value V) {
  int64_t Rank = cast<RankedTensorType>(V.getType()).getRank();
  return B.load(V, Scalars(Rank, B.index(0)));
}

/// Whether every value is a tensor of known rank; else reports.
LogicalResult requireTensors(Operation *Op, TypeRange Types) {
  for (Type T : Types)
    if (!isa<RankedTensorType>(T))
      return refuse(Op, isa<TensorType>(T)
                            ? "the rank of a value that it carries or returns "
                              "is not known at compile time"
                            : "sequences and optionals in control flow are not "
                              "supported yet");
  return success();
}

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

LogicalResult lowerIf(onnx::IfOp Op) {
  TensorBuilder B(Op.getLoc(), OpBuilder(Op));
  if (std::optional<int64_t> Known = constantScalarOf(Op.getCond())) {
    Values Out = takeBody(B, *Known ? Op.getThenBranch() : Op.getElseBranch(),
                          ValueRange());
    for (auto [Old, New] : llvm::zip_equal(Op->getResults(), Out)) {
      // Inference joined both branches; the one that is left knows more, but
      // users were checked against the join.
      Old.replaceAllUsesWith(isa<RankedTensorType>(Old.getType())
                                 ? shaped(B, New, Old.getType())
                                 : New);
    }
    Op.erase();
    return success();
  }
  if (failed(requireTensors(Op, Op->getResultTypes())))
    return failure();
  for (Region *R : {&Op.getThenBranch(), &Op.getElseBranch()})
    if (failed(
            requireTensors(Op, R->front().getTerminator()->getOperandTypes())))
      return failure();
  auto Branch = [&](Region &R) {
    Values Out = takeBody(B, R, ValueRange());
    for (auto [V, T] : llvm::zip_equal(Out, Op->getResultTypes()))
      V = shaped(B, V, T);
    return Out;
  };
  Values Out = B.branch(
      single(B, Op.getCond()), Op->getResultTypes(),
      [&] { return Branch(Op.getThenBranch()); },
      [&] { return Branch(Op.getElseBranch()); });
  Op->replaceAllUsesWith(Out);
  Op.erase();
  return success();
}

//===----------------------------------------------------------------------===//
// Stacked outputs
//===----------------------------------------------------------------------===//

/// A tensor that a loop fills slice by slice along Axis.
struct Stack {
  RankedTensorType Type;
  int64_t Axis = 0;
  bool Backward = false;
};

/// The type of a stack of Trips slices of type Slice.
FailureOr<Stack> stackOf(Operation *Op, Type Slice, OpFoldResult Trips,
                         int64_t Axis, bool Backward) {
  auto T = dyn_cast<RankedTensorType>(Slice);
  if (!T)
    return refuse(Op, "the rank of an output that it stacks is not known at "
                      "compile time; fix the dynamic dimensions with --dim");
  SmallVector<int64_t> Shape(T.getShape());
  if (Axis < 0)
    Axis += Shape.size() + 1;
  Shape.insert(Shape.begin() + Axis,
               getConstantIntValue(Trips).value_or(ShapedType::kDynamic));
  return Stack{RankedTensorType::get(Shape, T.getElementType()), Axis,
               Backward};
}

/// Offsets and sizes of slice I.
std::pair<Sizes, Sizes> sliceAt(TensorBuilder &B, Value Stack, int64_t Axis,
                                Scalar I) {
  auto T = cast<RankedTensorType>(Stack.getType());
  Sizes Offsets(T.getRank(), B.attr(0)), Extents;
  for (int64_t D = 0; D < T.getRank(); ++D)
    Extents.push_back(D == Axis ? B.attr(1) : B.size(Stack, D));
  Offsets[Axis] = B.fold(I);
  Extents[Axis] = B.attr(1);
  return {Offsets, Extents};
}

/// Room for Trips slices of the given sizes.
Value emptyStack(TensorBuilder &B, const Stack &S, OpFoldResult Trips,
                 Sizes Slice) {
  Slice.insert(Slice.begin() + S.Axis, Trips);
  return B.empty(S.Type, Slice);
}

/// The sizes of the values, of rank known, that a body yields from First on: on
/// its first trip, whose arguments Arguments makes. What is not known of them
/// while compiling is taken from a copy of the body, of which only what the
/// sizes depend on stays.
SmallVector<Sizes> sizesOfSlices(TensorBuilder &B, Region &Body, unsigned First,
                                 Scalar Trips,
                                 llvm::function_ref<Values()> Arguments) {
  Operation *Yield = Body.front().getTerminator();
  auto Slices = Yield->getOperands().drop_front(First);
  Values Dims;
  bool Known = llvm::all_of(Slices.getTypes(), [](Type T) {
    return cast<RankedTensorType>(T).hasStaticShape();
  });
  unsigned Open = 0;
  for (Type T : Slices.getTypes())
    Open += cast<RankedTensorType>(T).getNumDynamicDims();
  auto Measure = [&] {
    Values Found;
    IRMapping Map;
    for (auto [Arg, V] : llvm::zip_equal(Body.getArguments(), Arguments()))
      Map.map(Arg, shaped(B, V, Arg.getType()));
    for (Operation &Inner : Body.front().without_terminator())
      B.clone(Inner, Map);
    for (Value V : Slices) {
      auto T = cast<RankedTensorType>(V.getType());
      for (int64_t D = 0; D < T.getRank(); ++D)
        if (T.isDynamicDim(D))
          Found.push_back(B.dim(Map.lookupOrDefault(V), D));
    }
    return Found;
  };
  std::optional<int64_t> Count = Trips.constant();
  if (Known) {
  } else if (Count && *Count > 0) {
    Dims = Measure();
  } else {
    // There may be no first trip to look at.
    SmallVector<Type> Types(Open, B.getIndexType());
    Dims = B.branch(Trips > 0, Types, Measure,
                    [&] { return Values(Open, B.index(0)); });
  }
  SmallVector<Sizes> Result;
  auto Next = Dims.begin();
  for (Type T : Slices.getTypes()) {
    Sizes S;
    for (int64_t Size : cast<RankedTensorType>(T).getShape())
      S.push_back(ShapedType::isDynamic(Size) ? OpFoldResult(*Next++)
                                              : OpFoldResult(B.attr(Size)));
    Result.push_back(S);
  }
  return Result;
}

Value push(TensorBuilder &B, const Stack &S, Value Slice, Value Into,
           Scalar I) {
  auto [Offsets, Extents] = sliceAt(B, Into, S.Axis, I);
  for (int64_t D = 0, Rank = S.Type.getRank(), Of = 0; D < Rank; ++D)
    if (D != S.Axis)
      requireSame(B, Extents[D], B.size(Slice, Of++));
  return B.insertSlice(Slice, Into, Offsets, Extents);
}

//===----------------------------------------------------------------------===//
// Loop
//===----------------------------------------------------------------------===//

/// Whether the body always asks for another trip.
bool neverStops(onnx::LoopOp Op) {
  Block &Body = Op.getBody().front();
  Value Next = Body.getTerminator()->getOperand(0);
  while (auto Id = Next.getDefiningOp<onnx::IdentityOp>())
    Next = Id.getInput();
  Value First = Op.getCond();
  bool Starts = !First || constantScalarOf(First) == 1;
  if (Next == Body.getArgument(1))
    return Starts;
  return Starts && constantScalarOf(Next) == 1;
}

LogicalResult lowerLoop(onnx::LoopOp Op) {
  TensorBuilder B(Op.getLoc(), OpBuilder(Op));
  Block &Body = Op.getBody().front();
  unsigned Carried = Body.getNumArguments() - 2;
  unsigned Stacked = Op->getNumResults() - Carried;
  Operation *Yield = Body.getTerminator();
  if (failed(requireTensors(Op, Op->getResultTypes())) ||
      failed(requireTensors(Op, Yield->getOperandTypes())))
    return failure();

  bool Counts = static_cast<bool>(Op.getM()), Forever = neverStops(Op);
  std::optional<int64_t> Known = constantScalarOf(Op.getM());
  // Exporters write 'no limit' as the largest number.
  if (Known && *Known >= std::numeric_limits<int32_t>::max())
    Counts = false;
  if (!Counts && Stacked)
    return refuse(Op, "it stacks outputs without a limit on the number of "
                      "trips; give the loop a trip count");
  if (!Counts && Forever)
    return refuse(Op, "it never ends");
  Scalar Trips = Counts ? smax(single(B, Op.getM()).toIndex(), B.index(0))
                        : B.index(std::numeric_limits<int64_t>::max());
  OpFoldResult Size = B.fold(Trips);

  SmallVector<Stack> Stacks;
  for (unsigned S = 0; S < Stacked; ++S) {
    auto Made = stackOf(Op, Yield->getOperand(1 + Carried + S).getType(), Size,
                        0, false);
    if (failed(Made))
      return failure();
    Stacks.push_back(*Made);
  }
  Values Init;
  for (unsigned C = 0; C < Carried; ++C)
    Init.push_back(shaped(B, Op.getVInitial()[C], Op->getResult(C).getType()));
  Values Start = Init;
  auto I1Tensor = RankedTensorType::get({}, B.getI1Type());
  auto I64Tensor = RankedTensorType::get({}, B.getI64Type());
  auto FirstTrip = [&] {
    Values In = {
        shaped(B,
               B.fromElements(I64Tensor,
                              {constantScalar(B, B.getI64Type(), int64_t(0))}),
               Body.getArgument(0).getType()),
        shaped(B,
               B.fromElements(I1Tensor,
                              {constantScalar(B, B.getI1Type(), int64_t(1))}),
               Body.getArgument(1).getType())};
    llvm::append_range(In, Start);
    return In;
  };
  for (auto [S, Slice] :
       llvm::zip_equal(Stacks, sizesOfSlices(B, Op.getBody(), 1 + Carried,
                                             Trips, FirstTrip)))
    Init.push_back(emptyStack(B, S, Size, Slice));
  // One trip: arguments are carried values, then stacks; so are the results.
  auto Trip = [&](Scalar I, Scalar Go, ValueRange Args, Scalar &GoOn) {
    Values In = {shaped(B, B.fromElements(I64Tensor, {I.to(B.getI64Type())}),
                        Body.getArgument(0).getType()),
                 shaped(B, B.fromElements(I1Tensor, {Go}),
                        Body.getArgument(1).getType())};
    llvm::append_range(In, Args.take_front(Carried));
    Values Out = takeBody(B, Op.getBody(), In);
    GoOn = single(B, Out[0]);
    Values Next;
    for (unsigned C = 0; C < Carried; ++C)
      Next.push_back(shaped(B, Out[1 + C], Op->getResult(C).getType()));
    for (auto [K, S] : llvm::enumerate(Stacks))
      Next.push_back(push(B, S, Out[1 + Carried + K], Args[Carried + K], I));
    return Next;
  };

  Values Out;
  Scalar True = constantScalar(B, B.getI1Type(), int64_t(1));
  // What grows from trip to trip starts with sizes that are known. Canonical
  // forms of scf.for give a carried value the type of its start, whatever the
  // trips make of it; those of scf.while do not.
  bool Grows = llvm::any_of(llvm::seq(Carried), [&](unsigned C) {
    return Op.getVInitial()[C].getType() != Op->getResult(C).getType();
  });
  if (Forever && !Grows) {
    Out = B.loop(B.index(0), Trips, Init, [&](Scalar I, ValueRange Args) {
      Scalar GoOn;
      return Trip(I, True, Args, GoOn);
    });
  } else {
    Values State = {B.index(0), Op.getCond() ? single(B, Op.getCond()) : True};
    llvm::append_range(State, Init);
    Values End = B.loopWhile(
        State,
        [&](ValueRange A) { return B.wrap(A[1]) & (B.wrap(A[0]) < Trips); },
        [&](ValueRange A) {
          Scalar GoOn;
          Values Next = Trip(B.wrap(A[0]), B.wrap(A[1]), A.drop_front(2), GoOn);
          Values All = {B.wrap(A[0]) + 1, GoOn};
          llvm::append_range(All, Next);
          return All;
        });
    Out = Values(ArrayRef(End).drop_front(2));
    // Only the trips that were made.
    for (unsigned K = 0; K < Stacked; ++K) {
      RankedTensorType T = Stacks[K].Type;
      Sizes Offsets(T.getRank(), B.attr(0)), Ones(T.getRank(), B.attr(1)),
          Extents;
      for (int64_t D = 0; D < T.getRank(); ++D)
        Extents.push_back(B.size(Out[Carried + K], D));
      Extents[0] = OpFoldResult(End[0]);
      SmallVector<int64_t> Shape(T.getShape());
      Shape[0] = ShapedType::kDynamic;
      Out[Carried + K] = B.slice(
          Out[Carried + K], RankedTensorType::get(Shape, T.getElementType()),
          Offsets, Extents, Ones);
    }
  }
  for (auto [Old, New] : llvm::zip_equal(Op->getResults(), Out))
    Old.replaceAllUsesWith(shaped(B, New, Old.getType()));
  Op.erase();
  return success();
}

//===----------------------------------------------------------------------===//
// Scan
//===----------------------------------------------------------------------===//

int64_t entry(std::optional<ArrayRef<int64_t>> List, unsigned I) {
  return List && I < List->size() ? (*List)[I] : 0;
}

LogicalResult lowerScan(onnx::ScanOp Op) {
  TensorBuilder B(Op.getLoc(), OpBuilder(Op));
  Block &Body = Op.getBody().front();
  Operation *Yield = Body.getTerminator();
  unsigned Inputs = Op.getNumScanInputs();
  unsigned States = Body.getNumArguments() - Inputs;
  unsigned Stacked = Op->getNumResults() - States;
  Values Operands(Op->getOperands());
  if (failed(requireTensors(Op, Op->getOperandTypes())) ||
      failed(requireTensors(Op, Op->getResultTypes())) ||
      failed(requireTensors(Op, Yield->getOperandTypes())))
    return failure();
  auto InputAxis = [&](unsigned I) {
    int64_t A = entry(Op.getScanInputAxes(), I);
    return A < 0 ? A + cast<RankedTensorType>(Operands[States + I].getType())
                           .getRank()
                 : A;
  };
  // All scan inputs agree in length; take one that knows it.
  Scalar Trips = B.dim(Operands[States], InputAxis(0));
  for (unsigned I = 1; I < Inputs && !Trips.constant(); ++I)
    Trips = B.dim(Operands[States + I], InputAxis(I));
  OpFoldResult Size = B.fold(Trips);

  SmallVector<Stack> Stacks;
  Values Init;
  for (unsigned S = 0; S < States; ++S)
    Init.push_back(shaped(B, Operands[S], Op->getResult(S).getType()));
  for (unsigned S = 0; S < Stacked; ++S) {
    auto Made = stackOf(Op, Yield->getOperand(States + S).getType(), Size,
                        entry(Op.getScanOutputAxes(), S),
                        entry(Op.getScanOutputDirections(), S) == 1);
    if (failed(Made))
      return failure();
    Stacks.push_back(*Made);
  }
  // What the body takes on trip I.
  auto Arguments = [&](Scalar I, ValueRange Args) {
    Values In(Args.take_front(States));
    for (unsigned K = 0; K < Inputs; ++K) {
      Value Data = Operands[States + K];
      auto T = cast<RankedTensorType>(Data.getType());
      int64_t Axis = InputAxis(K);
      bool Backward = entry(Op.getScanInputDirections(), K) == 1;
      Sizes Offsets(T.getRank(), B.attr(0)), Ones(T.getRank(), B.attr(1)),
          Extents = B.sizes(Data);
      Offsets[Axis] = B.fold(Backward ? Trips - 1 - I : I);
      Extents[Axis] = B.attr(1);
      Value Slice = B.slice(Data, tensorOf(Extents, T.getElementType()),
                            Offsets, Extents, Ones);
      Extents.erase(Extents.begin() + Axis);
      In.push_back(
          B.reshape(Slice, tensorOf(Extents, T.getElementType()), Extents));
    }
    return In;
  };
  Values Start = Init;
  for (auto [S, Slice] : llvm::zip_equal(
           Stacks, sizesOfSlices(B, Op.getBody(), States, Trips,
                                 [&] { return Arguments(B.index(0), Start); })))
    Init.push_back(emptyStack(B, S, Size, Slice));
  Values Out = B.loop(B.index(0), Trips, Init, [&](Scalar I, ValueRange Args) {
    Values In = Arguments(I, Args);
    Values Yielded = takeBody(B, Op.getBody(), In), Next;
    for (unsigned S = 0; S < States; ++S)
      Next.push_back(shaped(B, Yielded[S], Op->getResult(S).getType()));
    for (auto [K, S] : llvm::enumerate(Stacks))
      Next.push_back(push(B, S, Yielded[States + K], Args[States + K],
                          S.Backward ? Trips - 1 - I : I));
    return Next;
  });
  for (auto [Old, New] : llvm::zip_equal(Op->getResults(), Out))
    Old.replaceAllUsesWith(shaped(B, New, Old.getType()));
  Op.erase();
  return success();
}

struct LowerControlFlowPass : impl::LowerControlFlowBase<LowerControlFlowPass> {
  void runOnOperation() override {
    // Outer ops first: a branch that is not taken need not be lowerable.
    bool Failed = false;
    SmallVector<Operation *> Work;
    auto Collect = [&](Operation *Root) {
      Root->walk<WalkOrder::PreOrder>([&](Operation *Op) {
        if (!isa<onnx::IfOp, onnx::LoopOp, onnx::ScanOp>(Op))
          return WalkResult::advance();
        Work.push_back(Op);
        return WalkResult::skip();
      });
    };
    Collect(getOperation());
    while (!Work.empty() && !Failed) {
      for (Operation *Op : std::exchange(Work, {})) {
        LogicalResult Done =
            llvm::TypeSwitch<Operation *, LogicalResult>(Op)
                .Case([](onnx::IfOp If) { return lowerIf(If); })
                .Case([](onnx::LoopOp Loop) { return lowerLoop(Loop); })
                .Case([](onnx::ScanOp Scan) { return lowerScan(Scan); });
        Failed |= failed(Done);
      }
      if (!Failed)
        Collect(getOperation());
    }
    if (Failed)
      signalPassFailure();
  }
};

} // namespace
} // namespace lathe::lower

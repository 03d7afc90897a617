//===- ShapeInferenceControl.cpp - Shapes through If, Loop and Scan - ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inference.h"

using namespace mlir;
using namespace lathe::onnx;

/// The values that \p Body yields; reports a wrong number.
static FailureOr<OperandRange> yielded(Inference &I, Region &Body,
                                       size_t Count) {
  auto Values = Body.front().getTerminator()->getOperands();
  if (Values.size() != Count)
    return I.error() << "a graph yields " << Values.size()
                     << " values, the node needs " << Count;
  return Values;
}

/// A tensor of one element whatever its rank.
static bool isSingle(const ValueInfo &Info) {
  return llvm::all_of(*Info.Shape,
                      [](const SymExpr &E) { return E.isConstant(1); });
}

/// Where the condition is known only the branch that is taken counts: the other
/// may contradict itself.
static LogicalResult inferIf(Inference &I) {
  auto &Context = I.getContext();
  auto If = cast<IfOp>(I.getOp());
  auto Taken = Context.getBranch(If);
  SmallVector<Region *, 2> Branches = {&If.getThenBranch(),
                                       &If.getElseBranch()};
  if (Taken)
    Branches = {*Taken ? Branches[0] : Branches[1]};
  SmallVector<ValueInfo, 2> Infos;
  for (Region *Branch : Branches) {
    if (failed(Context.inferBody(*Branch)))
      return failure();
    auto Values = yielded(I, *Branch, If->getNumResults());
    if (failed(Values))
      return failure();
    for (auto [R, V] : llvm::enumerate(*Values)) {
      const ValueInfo &Info = Context.get(V);
      if (Infos.size() <= R) {
        Infos.push_back(Info);
        continue;
      }
      ValueInfo &First = Infos[R];
      bool Same = isa<TensorType>(First.Type) ? First.Type == Info.Type
                                              : !isa<TensorType>(Info.Type);
      if (!Same && !isa<NoneType>(First.Type) && !isa<NoneType>(Info.Type))
        return I.error() << "output " << R << " is "
                         << getONNXTypeName(First.Type) << " in one branch and "
                         << getONNXTypeName(Info.Type) << " in the other";
      if (First.Shape && Info.Shape &&
          First.Shape->size() != Info.Shape->size()) {
        if (isSingle(First) && isSingle(Info)) {
          // One element either way: the pass reshapes the one of lower rank.
          if (First.Shape->size() < Info.Shape->size())
            First = Info;
          First.Elements.reset();
          continue;
        }
        Context.Conflicts.insert(If);
      }
      First = Context.join(First, Info);
    }
  }
  for (auto [R, Info] : llvm::enumerate(Infos))
    if (failed(I.setInfo(R, Info)))
      return failure();
  if (Branches.size() > 1)
    return success();
  // The result is the branch's value: what is declared of one holds of the
  // other.
  for (auto [R, V] :
       llvm::enumerate(Branches[0]->front().getTerminator()->getOperands()))
    if (V.getDefiningOp() && V.getParentRegion() == Branches[0])
      Context.set(V, I.result(R));
  return success();
}

/// Runs \p Body until the types of the values it carries no longer change. \p
/// Carried are the infos before the first iteration; on return those that hold
/// in every one.
static LogicalResult reachFixpoint(Inference &I, Region &Body,
                                   unsigned FirstArg, unsigned FirstYield,
                                   SmallVectorImpl<ValueInfo> &Carried) {
  auto &Context = I.getContext();
  auto *Yield = Body.front().getTerminator();
  // Every round widens a dimension, an element or a rank; the bound is a safety
  // net.
  for (unsigned Round = 0; Round < 64; ++Round) {
    for (auto [K, Info] : llvm::enumerate(Carried))
      Context.set(Body.getArgument(FirstArg + K), Info);
    if (failed(Context.inferBody(Body)))
      return failure();
    bool Stable = true;
    for (auto [K, Info] : llvm::enumerate(Carried)) {
      const ValueInfo &Next = Context.get(Yield->getOperand(FirstYield + K));
      if (isa<TensorType>(Info.Type) && isa<TensorType>(Next.Type) &&
          Info.Type != Next.Type)
        return I.error() << "the carried value " << K
                         << " changes its type from "
                         << getONNXTypeName(Info.Type) << " to "
                         << getONNXTypeName(Next.Type);
      ValueInfo Joined = Context.join(Info, Next, Round ? &Info : nullptr);
      bool Same = Joined.Type == Info.Type && Joined.Shape == Info.Shape &&
                  Joined.Elements == Info.Elements &&
                  Joined.Empty == Info.Empty;
      Stable &= Same;
      if (!Same)
        Info = std::move(Joined);
    }
    if (Stable)
      return success();
  }
  return I.error() << "the shapes of the carried values never settle";
}

/// The loop's condition is never false once it was true: the body yields true,
/// or the condition it was given.
static bool alwaysContinues(InferenceContext &Context, Value Condition,
                            Value Given) {
  while (auto Identity = Condition.getDefiningOp<IdentityOp>())
    Condition = Identity.getInput();
  if (Condition == Given)
    return true;
  const ValueInfo &Info = Context.get(Condition);
  return Info.Elements && Info.Elements->size() == 1 &&
         (*Info.Elements)[0].getInt() == 1;
}

static LogicalResult inferLoop(Inference &I) {
  auto &Context = I.getContext();
  auto Loop = cast<LoopOp>(I.getOp());
  Region &Body = Loop.getBody();
  size_t Count = Loop.getVInitial().size();
  if (Body.getNumArguments() != Count + 2)
    return I.error() << "the body takes " << Body.getNumArguments()
                     << " inputs, needs " << Count + 2;
  if (Loop->getNumResults() < Count)
    return I.error() << "has " << Loop->getNumResults() << " outputs for "
                     << Count << " carried values";
  size_t Scans = Loop->getNumResults() - Count;
  auto Yielded = yielded(I, Body, 1 + Count + Scans);
  if (failed(Yielded))
    return failure();
  Builder &B = I.builder();
  Context.set(Body.getArgument(0),
              {UnrankedTensorType::get(B.getI64Type()), Dims(), {}});
  Context.set(Body.getArgument(1),
              {UnrankedTensorType::get(B.getI1Type()), Dims(), {}});
  SmallVector<ValueInfo, 2> Carried;
  for (Value V : Loop.getVInitial())
    Carried.push_back(Context.get(V));
  if (failed(reachFixpoint(I, Body, 2, 1, Carried)))
    return failure();
  for (size_t R = 0; R < Count; ++R)
    if (failed(I.setInfo(R, Carried[R])))
      return failure();
  // A scan output has a leading dimension of the iterations that ran.
  SymExpr Trips = I.unknown();
  auto Bound = I.constants(0);
  bool Continues = alwaysContinues(Context, (*Yielded)[0], Body.getArgument(1));
  auto Starts = I.constants(1);
  if (Bound && Bound->size() == 1 && Continues &&
      (!I.has(1) || (Starts && (*Starts)[0])))
    Trips = SymExpr(std::max<int64_t>((*Bound)[0], 0));
  for (size_t S = 0; S < Scans; ++S) {
    ValueInfo Info = Context.get((*Yielded)[1 + Count + S]);
    if (!isa<TensorType>(Info.Type))
      continue;
    if (Info.Shape)
      Info.Shape->insert(Info.Shape->begin(), Trips);
    Info.Elements.reset();
    if (failed(I.setInfo(Count + S, Info)))
      return failure();
  }
  return success();
}

static LogicalResult inferScan(Inference &I) {
  auto &Context = I.getContext();
  auto Scan = cast<ScanOp>(I.getOp());
  Region &Body = Scan.getBody();
  size_t Operands = Scan->getNumOperands();
  int64_t Inputs = I.getInt("num_scan_inputs");
  if (Inputs < 1 || Inputs > int64_t(Operands))
    return I.error() << "num_scan_inputs = " << Inputs << " for " << Operands
                     << " operands";
  size_t Count = Operands - Inputs;
  if (Body.getNumArguments() != Operands)
    return I.error() << "the body takes " << Body.getNumArguments()
                     << " inputs but the node has " << Operands;
  if (Scan->getNumResults() < Count)
    return I.error() << "has " << Scan->getNumResults() << " outputs for "
                     << Count << " states";
  size_t Outputs = Scan->getNumResults() - Count;
  auto Yielded = yielded(I, Body, Count + Outputs);
  if (failed(Yielded))
    return failure();
  auto AxisOf = [&](StringRef Name, size_t Index,
                    size_t Rank) -> std::optional<int64_t> {
    auto Axes = I.findInts(Name);
    if (Axes && Index >= Axes->size()) {
      I.error() << Name << " has too few values";
      return std::nullopt;
    }
    return I.axis(Axes ? (*Axes)[Index] : 0, Rank, Name);
  };
  SymExpr Length = I.unknown();
  for (int64_t S = 0; S < Inputs; ++S) {
    ValueInfo Info = Context.get(Scan->getOperand(Count + S));
    Info.Elements.reset();
    if (Info.Shape) {
      auto Axis = AxisOf("scan_input_axes", S, Info.Shape->size());
      if (!Axis || failed(I.unify(Length, (*Info.Shape)[*Axis], Length,
                                  "lengths of the scans")))
        return failure();
      Info.Shape->erase(Info.Shape->begin() + *Axis);
    }
    Context.set(Body.getArgument(Count + S), Info);
  }
  SmallVector<ValueInfo, 2> States;
  for (size_t K = 0; K < Count; ++K)
    States.push_back(Context.get(Scan->getOperand(K)));
  if (failed(reachFixpoint(I, Body, 0, 0, States)))
    return failure();
  for (size_t R = 0; R < Count; ++R)
    if (failed(I.setInfo(R, States[R])))
      return failure();
  for (size_t S = 0; S < Outputs; ++S) {
    ValueInfo Info = Context.get((*Yielded)[Count + S]);
    Info.Elements.reset();
    if (Info.Shape) {
      auto Axis = AxisOf("scan_output_axes", S, Info.Shape->size() + 1);
      if (!Axis)
        return failure();
      Info.Shape->insert(Info.Shape->begin() + *Axis, Length);
    }
    if (failed(I.setInfo(Count + S, Info)))
      return failure();
  }
  return success();
}

ArrayRef<InferRow> lathe::onnx::getControlRows() {
  static constexpr InferRow Rows[] = {
      {"If", inferIf},
      {"Loop", inferLoop},
      {"Scan", inferScan},
  };
  return Rows;
}

//===- RecurrentLoop.cpp - Cells that a Loop or Scan repeats --------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Values of the body that have a counterpart outside, a tensor [time, batch,
// ..] of what they are in all iterations, are kept in a map: elements that are
// read by number, and the states of nodes that were lifted already (layers
// above each other). The loop goes if all that it yields is counted, a state,
// or has such a counterpart.
//
//===----------------------------------------------------------------------===//

#include "RecurrentLoop.h"
#include "ControlFlow.h"
#include "NodeBuilder.h"
#include "Pattern.h"
#include "Ranges.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

//===----------------------------------------------------------------------===//
// Counting
//===----------------------------------------------------------------------===//

/// \p V before whatever changes neither its one number nor what it means.
static Value peelNumber(Value V) {
  while (Operation *Op = V.getDefiningOp()) {
    if (!isa<onnx::CastOp, onnx::IdentityOp, onnx::SqueezeOp, onnx::UnsqueezeOp,
             onnx::ReshapeOp>(Op))
      break;
    V = Op->getOperand(0);
  }
  return V;
}

static std::optional<double> numberOf(Value V) {
  return getUniform(peelNumber(V));
}

/// How many more than the number of the iteration \p V is.
static std::optional<int64_t> aheadOfIteration(const IterationForm &Form,
                                               Value V) {
  V = peelNumber(V);
  if (auto Arg = dyn_cast<BlockArgument>(V)) {
    if (Arg.getOwner() != Form.Body || !isa<onnx::LoopOp>(Form.Op))
      return std::nullopt;
    if (Arg.getArgNumber() == 0)
      return 0;
    if (Arg.getArgNumber() < Form.FirstArg)
      return std::nullopt;
    unsigned I = Arg.getArgNumber() - Form.FirstArg;
    auto Start = numberOf(Form.initial(I));
    auto Step = peelNumber(Form.yielded(I)).getDefiningOp<onnx::AddOp>();
    if (!Start || !Step || *Start != std::floor(*Start))
      return std::nullopt;
    for (unsigned Turn : {0u, 1u})
      if (peelNumber(Step->getOperand(Turn)) == Arg &&
          numberOf(Step->getOperand(1 - Turn)) == 1.0)
        return int64_t(*Start);
    return std::nullopt;
  }
  if (auto Add = V.getDefiningOp<onnx::AddOp>())
    for (unsigned Turn : {0u, 1u})
      if (auto More = numberOf(Add->getOperand(1 - Turn));
          More && *More == std::floor(*More))
        if (auto Ahead = aheadOfIteration(Form, Add->getOperand(Turn)))
          return *Ahead + int64_t(*More);
  return std::nullopt;
}

namespace {
/// The condition of a loop: everything of the kind 'iteration + Ahead < Bound'.
/// (Compared as floats, as TensorFlow's are, numbers are exact up to 2^24
/// steps.)
struct Limit {
  int64_t Ahead;
  Value Bound;
};
} // namespace

/// False if \p Cond has other parts. \p Form null: in front of the loop, where
/// the iteration counts as -1.
static bool readLimits(const IterationForm *Form, Value Cond,
                       SmallVectorImpl<Limit> &Limits) {
  Cond = peelNumber(Cond);
  if (auto Known = getUniform(Cond))
    return *Known != 0;
  if (auto And = Cond.getDefiningOp<onnx::AndOp>())
    return readLimits(Form, And.getA(), Limits) &&
           readLimits(Form, And.getB(), Limits);
  if (auto Arg = dyn_cast<BlockArgument>(Cond))
    return Form && Arg.getOwner() == Form->Body && Arg.getArgNumber() == 1;
  auto Less = Cond.getDefiningOp<onnx::LessOp>();
  if (!Less)
    return false;
  std::optional<int64_t> Ahead;
  if (Form)
    Ahead = aheadOfIteration(*Form, Less.getA());
  else if (auto Start = numberOf(Less.getA()))
    Ahead = int64_t(*Start) + 1;
  if (!Ahead)
    return false;
  Limits.push_back({*Ahead, Less.getB()});
  return true;
}

/// How often the Loop runs, as a number of one element; null if that is not
/// plain.
static Value tripCount(const IterationForm &Form) {
  auto Loop = cast<onnx::LoopOp>(Form.Op);
  SmallVector<Limit> Limits, AtStart;
  if (!readLimits(&Form, Form.yield()->getOperand(0), Limits) ||
      (Loop.getCond() && !readLimits(nullptr, Loop.getCond(), AtStart)))
    return {};
  Value Count = Loop.getM();
  auto Known = Count ? numberOf(Count) : std::nullopt;
  if (!Count ||
      (Known && *Known >= double(std::numeric_limits<int32_t>::max())))
    // The conditions alone end it: after iteration Bound - 1.
    for (const Limit &L : Limits)
      if (L.Ahead == 1)
        Count = L.Bound;
  if (!Count)
    return {};
  Known = numberOf(Count);
  Limits.append(AtStart);
  // Each says no more than that the next iteration is below the count.
  for (const Limit &L : Limits) {
    auto Bound = numberOf(L.Bound);
    bool Same = Known && Bound ? *Bound >= *Known
                               : peelNumber(L.Bound) == peelNumber(Count);
    if (L.Ahead > 1 || !Same)
      return {};
  }
  return Count;
}

/// Where dimension \p Axis of \p V was before transpositions.
static std::pair<Value, int64_t> origin(Value V, int64_t Axis) {
  while (auto Turn = V.getDefiningOp<onnx::TransposeOp>()) {
    Axis = getPermutation(Turn)[Axis];
    V = Turn.getData();
  }
  return {V, Axis};
}

/// The number \p V is the size of dimension \p Axis of \p Tensor.
static bool isSizeOf(Value V, Value Tensor, int64_t Axis) {
  V = peelNumber(V);
  Value Sizes;
  std::optional<int64_t> At;
  if (auto Gather = V.getDefiningOp<onnx::GatherOp>()) {
    Sizes = Gather.getData();
    if (auto Index = getInts(Gather.getIndices()); Index && Index->size() == 1)
      At = Index->front();
  } else if (auto Slice = V.getDefiningOp<onnx::SliceOp>()) {
    Sizes = Slice.getData();
    if (auto Ranges = getRanges(Slice);
        Ranges && Ranges->size() == 1 && Ranges->front().Size == 1)
      At = Ranges->front().Start;
  }
  // The sizes may have been cast as a whole.
  Sizes = Sizes ? peelNumber(Sizes) : Value();
  auto Shape = Sizes ? Sizes.getDefiningOp<onnx::ShapeOp>() : onnx::ShapeOp();
  if (!Shape || !At || Shape.getStart() || Shape.getEnd())
    return false;
  int64_t Rank = getRank(Shape.getData());
  return Rank == getRank(Tensor) &&
         origin(Shape.getData(), fromFront(*At, Rank)) == origin(Tensor, Axis);
}

//===----------------------------------------------------------------------===//
// Lifting
//===----------------------------------------------------------------------===//

namespace {
class Lifter {
public:
  Lifter(Operation *Op, IRRewriter &Rewriter)
      : Form(Op), Rewriter(Rewriter), B(Rewriter, Op) {}

  bool run();

private:
  IterationForm Form;
  IRRewriter &Rewriter;
  NodeBuilder B;
  /// Of a value of one iteration: those of all, time first.
  llvm::DenseMap<Value, Value> Sequences;
  /// Of a carried value: what it is in the end.
  SmallVector<Value> Final;
  Value Count;
  bool Reverse = false;

  bool start();
  bool lift(Operation &Node);
  void readElement(onnx::GatherOp Gather);
  Value outside(Value V);
  bool replaceResults();
  Value timeFirst(Value V, int64_t Axis);
};
} // namespace

/// \p V with dimension \p Axis, the time, in front.
Value Lifter::timeFirst(Value V, int64_t Axis) {
  if (Axis == 0)
    return V;
  SmallVector<int64_t> Perm = {Axis};
  for (int64_t D = 0; D < getRank(V); ++D)
    if (D != Axis)
      Perm.push_back(D);
  return B.transpose(V, Perm);
}

/// \p V if it comes from outside of the body, constants of the body too; null
/// otherwise.
Value Lifter::outside(Value V) {
  if (!V)
    return V;
  Operation *Def = V.getDefiningOp();
  if (auto Arg = dyn_cast<BlockArgument>(V))
    return Arg.getOwner() == Form.Body ? Value() : V;
  if (Def->getBlock() != Form.Body)
    return V;
  return isa<onnx::ConstantOp>(Def) ? Rewriter.clone(*Def)->getResult(0)
                                    : Value();
}

/// An entry of a Scan's list of axes or directions; 0 where there is none.
static int64_t entryOf(Operation *Op, StringRef List, unsigned I) {
  auto Values = Op->getAttrOfType<DenseI64ArrayAttr>(List);
  return Values && I < Values.size() ? Values[I] : 0;
}

bool Lifter::start() {
  if (isa<onnx::LoopOp>(Form.Op)) {
    Count = tripCount(Form);
    return Count && outside(Count) == Count;
  }
  for (unsigned I = 0; I < Form.ScanInputs; ++I) {
    Value In = Form.Op->getOperand(Form.Carried + I);
    bool Backwards = entryOf(Form.Op, "scan_input_directions", I);
    if (I == 0)
      Reverse = Backwards;
    if (getRank(In) != 3 || Backwards != Reverse)
      return false;
    int64_t Axis = fromFront(entryOf(Form.Op, "scan_input_axes", I), 3);
    Sequences[Form.argument(Form.Carried + I)] = timeFirst(In, Axis);
  }
  for (unsigned I = 0; I < Form.numCollected(); ++I)
    if (bool(entryOf(Form.Op, "scan_output_directions", I)) != Reverse)
      return false;
  return true;
}

/// Element number 'iteration' of a tensor from outside.
void Lifter::readElement(onnx::GatherOp Gather) {
  Value Data = Gather.getData();
  RankedTensorType Type = getRanked(Data);
  auto First = isa<onnx::LoopOp>(Form.Op)
                   ? aheadOfIteration(Form, Gather.getIndices())
                   : std::nullopt;
  if (!Type || Type.getRank() != 3 || getRank(Gather.getIndices()) != 0 ||
      !First || *First != 0 || outside(Data) != Data)
    return;
  int64_t Axis = fromFront(Gather.getAxis(), 3);
  auto Known = numberOf(Count);
  bool Whole = (Known && double(Type.getDimSize(Axis)) == *Known) ||
               isSizeOf(Count, Data, Axis);
  if (!Whole) {
    // More would be an index out of range; less than none is none.
    Value Wide = B.op("Cast", {Count}, B.attr("to", int64_t(7)));
    Value End =
        B.op("Max", {B.op("Reshape", {Wide, B.ints({1})}), B.ints({0})});
    Data = B.op("Slice", {Data, B.ints({0}), End, B.ints({Axis})});
  }
  Sequences[Gather.getResult()] = timeFirst(Data, Axis);
}

/// The source of \p V, an Unsqueeze of dimension 0.
static Value withoutTime(Value V) {
  auto Lift = V ? V.getDefiningOp<onnx::UnsqueezeOp>() : onnx::UnsqueezeOp();
  auto Axes = Lift ? getAxes(Lift) : std::nullopt;
  return Axes && Axes->size() == 1 && Axes->front() == 0 ? Lift.getData()
                                                         : Value();
}

/// A recurrent node of one step becomes one of all.
bool Lifter::lift(Operation &Node) {
  Value X = withoutTime(getOperand(&Node, 0));
  auto Direction = Node.getAttrOfType<StringAttr>("direction");
  if (!X || !Sequences.contains(X) || getOperand(&Node, 4) ||
      getIntAttr(&Node, "layout") != 0 ||
      (Direction && Direction.getValue() != "forward"))
    return false;
  SmallVector<Value> Operands = {Sequences[X]};
  for (unsigned I : {1u, 2u, 3u}) {
    Value Weight = getOperand(&Node, I), Outer = outside(Weight);
    if (Weight && !Outer)
      return false;
    Operands.push_back(Outer);
  }
  Operands.push_back({});
  // Each state is carried, and yielded as this node leaves it.
  unsigned States = isa<onnx::LSTMOp>(Node) ? 2 : 1;
  SmallVector<unsigned> Carried;
  for (unsigned S = 0; S < States; ++S) {
    auto Arg =
        dyn_cast_or_null<BlockArgument>(withoutTime(getOperand(&Node, 5 + S)));
    if (!Arg || Arg.getOwner() != Form.Body ||
        Arg.getArgNumber() < Form.FirstArg ||
        Arg.getArgNumber() >= Form.FirstArg + Form.Carried)
      return false;
    unsigned I = Arg.getArgNumber() - Form.FirstArg;
    auto Last = peel(Form.yielded(I)).getDefiningOp<onnx::SqueezeOp>();
    if (!Last || Last.getData() != Node.getResult(1 + S) || Final[I])
      return false;
    Carried.push_back(I);
    Operands.push_back(B.op("Unsqueeze", {Form.initial(I), B.ints({0})}));
  }
  if (Value Peephole = getOperand(&Node, 7)) {
    Operands.push_back(outside(Peephole));
    if (!Operands.back())
      return false;
  }
  SmallVector<NamedAttribute> Given;
  for (NamedAttribute A : Node.getAttrs())
    if (A.getName() != "operandSegmentSizes" && A.getName() != "direction")
      Given.push_back(A);
  if (Reverse)
    Given.push_back(B.attr("direction", StringRef("reverse")));
  Operation *All = B.node(Node.getName().stripDialect(), Operands, Given);
  Value Steps = B.op("Squeeze", {All->getResult(0), B.ints({1})});
  for (unsigned S = 0; S < States; ++S) {
    Value Last = All->getResult(1 + S);
    Final[Carried[S]] = B.op("Squeeze", {Last, B.ints({0})}, {},
                             Form.Op->getResult(Carried[S]).getType());
  }
  for (Operation *User : Node.getResult(1).getUsers())
    if (isa<onnx::SqueezeOp>(User))
      Sequences[User->getResult(0)] = Steps;
  return true;
}

/// Replaces what is used; changes nothing if some result has no counterpart.
bool Lifter::replaceResults() {
  SmallVector<std::pair<Value, Value>> New;
  for (unsigned I = 0; I < Form.Op->getNumResults(); ++I) {
    Value Result = Form.Op->getResult(I);
    if (Result.use_empty())
      continue;
    if (I < Form.Carried && Final[I]) {
      New.emplace_back(Result, Final[I]);
      continue;
    }
    if (I >= Form.Carried) {
      Value All = Sequences.lookup(peel(Form.yielded(I)));
      if (!All)
        return false;
      int64_t Axis =
          isa<onnx::ScanOp>(Form.Op)
              ? fromFront(
                    entryOf(Form.Op, "scan_output_axes", I - Form.Carried), 3)
              : 0;
      if (Axis > 1)
        return false;
      SmallVector<int64_t> Perm = {1, 0, 2};
      New.emplace_back(Result,
                       Axis == 0 ? B.op("Identity", {All}, {}, Result.getType())
                                 : B.op("Transpose", {All},
                                        B.attr("perm", ArrayRef<int64_t>(Perm)),
                                        Result.getType()));
      continue;
    }
    // A list that grows by one value an iteration, and is stacked behind.
    auto Insert = Form.yielded(I).getDefiningOp<onnx::SequenceInsertOp>();
    if (!Insert || Insert.getPosition() ||
        Insert.getInputSequence() != Form.argument(I) ||
        !Form.initial(I).getDefiningOp<onnx::SequenceEmptyOp>())
      return false;
    Value All = Sequences.lookup(peel(Insert.getTensor()));
    for (Operation *User : Result.getUsers()) {
      auto Stack = dyn_cast<onnx::ConcatFromSequenceOp>(User);
      if (!All || !Stack || !Stack.getNewAxis())
        return false;
      int64_t Axis = fromFront(Stack.getAxis(), 3);
      if (Axis > 1)
        return false;
      New.emplace_back(Stack->getResult(0),
                       Axis == 0 ? All : B.transpose(All, {1, 0, 2}));
    }
  }
  SmallVector<Operation *> Stacks;
  for (auto [Old, By] : New) {
    Old.replaceAllUsesWith(By);
    if (Old.getDefiningOp() != Form.Op)
      Stacks.push_back(Old.getDefiningOp());
  }
  for (Operation *Stack : Stacks)
    Rewriter.eraseOp(Stack);
  return true;
}

bool Lifter::run() {
  bool Any = llvm::any_of(*Form.Body, [](Operation &Op) {
    return isa<onnx::LSTMOp, onnx::GRUOp>(Op);
  });
  if (!Any)
    return false;
  Operation *Before = Form.Op->getPrevNode();
  Block *Around = Form.Op->getBlock();
  Final.resize(Form.Carried);
  bool Lifted = start();
  for (Operation &Op : *Form.Body) {
    if (!Lifted)
      break;
    if (auto Gather = dyn_cast<onnx::GatherOp>(Op))
      readElement(Gather);
    else if (isa<onnx::LSTMOp, onnx::GRUOp>(Op))
      Lifted = lift(Op);
  }
  if (Lifted && replaceResults()) {
    Rewriter.eraseOp(Form.Op);
    return true;
  }
  // What was built in front of the loop goes again.
  Operation *First = Before ? Before->getNextNode() : &Around->front();
  while (First != Form.Op)
    Rewriter.eraseOp(Form.Op->getPrevNode()),
        First = Before ? Before->getNextNode() : &Around->front();
  return false;
}

bool graph::liftRecurrentLoop(Operation *Op, IRRewriter &Rewriter) {
  return Lifter(Op, Rewriter).run();
}

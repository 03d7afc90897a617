//===- ControlFlow.cpp - Smaller Ifs, Loops and Scans ---------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Loop and Scan are one thing here (`IterationForm`).
//
//===----------------------------------------------------------------------===//

#include "ControlFlow.h"
#include "Match.h"
#include "NodeBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// True if \p New may take the place of \p Old everywhere: users of onnx ops
/// accept a more precise type, a return does not.
static bool mayReplace(Value Old, Value New) {
  if (Old.getType() == New.getType())
    return true;
  return llvm::all_of(Old.getUsers(), [](Operation *User) {
    return isa<onnx::ONNXDialect>(User->getDialect()) &&
           !User->hasTrait<OpTrait::IsTerminator>();
  });
}

/// \p Op with other operands and without the results not in \p Kept; its
/// regions move. Results that stay are replaced, the old op is erased.
static Operation *rebuild(Operation *Op, ValueRange Operands,
                          ArrayRef<NamedAttribute> Attributes,
                          const llvm::BitVector &Kept) {
  OpBuilder B(Op);
  OperationState State(Op->getLoc(), Op->getName());
  State.addOperands(Operands);
  State.addAttributes(Attributes);
  for (OpResult R : Op->getResults())
    if (Kept[R.getResultNumber()])
      State.addTypes(R.getType());
  for (unsigned R = 0; R < Op->getNumRegions(); ++R)
    State.addRegion();
  Operation *New = B.create(State);
  for (auto [From, To] : llvm::zip(Op->getRegions(), New->getRegions()))
    To.takeBody(From);
  unsigned Next = 0;
  for (OpResult R : Op->getResults())
    if (Kept[R.getResultNumber()])
      R.replaceAllUsesWith(New->getResult(Next++));
  Op->erase();
  return New;
}

/// Moves the ops of \p Body but its terminator in front of \p Op; the values it
/// yields.
static SmallVector<Value> inlineBody(Operation *Op, Block &Body) {
  Operation *Yield = Body.getTerminator();
  SmallVector<Value> Yielded(Yield->getOperands());
  Yield->erase();
  Op->getBlock()->getOperations().splice(Op->getIterator(),
                                         Body.getOperations());
  return Yielded;
}

/// Whether the results can be replaced, and by what, in \p Values; a null
/// value: not used.
static ControlFlowChange replaceWith(Operation *Op, ArrayRef<Value> Values) {
  for (auto [Old, New] : llvm::zip(Op->getResults(), Values))
    if (New)
      Old.replaceAllUsesWith(New);
  Op->erase();
  ControlFlowChange Change;
  Change.Replaced = true;
  return Change;
}

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

static ControlFlowChange simplifyIf(onnx::IfOp If) {
  ControlFlowChange Change;
  Change.Op = If;
  if (auto Known = getUniform(If.getCond())) {
    Region &Taken = *Known != 0 ? If.getThenBranch() : If.getElseBranch();
    Operation *Yield = Taken.front().getTerminator();
    if (llvm::all_of(llvm::zip(If.getResults(), Yield->getOperands()),
                     [](auto Pair) {
                       return mayReplace(std::get<0>(Pair), std::get<1>(Pair));
                     })) {
      Change = replaceWith(If, inlineBody(If, Taken.front()));
      Change.Inlined = true;
      return Change;
    }
  }
  llvm::BitVector Kept(If->getNumResults());
  Operation *Then = If.getThenBranch().front().getTerminator(),
            *Else = If.getElseBranch().front().getTerminator();
  for (OpResult R : If->getResults()) {
    unsigned I = R.getResultNumber();
    Value Same = Then->getOperand(I);
    // What comes from outside in both branches needs no choice.
    if (Same == Else->getOperand(I) && mayReplace(R, Same))
      R.replaceAllUsesWith(Same);
    Kept[I] = !R.use_empty();
  }
  if (Kept.all())
    return Change;
  Change.ValuesRemoved = Kept.size() - Kept.count();
  if (Kept.none()) {
    If->erase();
    Change.Replaced = true;
    return Change;
  }
  llvm::BitVector Gone = Kept;
  Gone.flip();
  Then->eraseOperands(Gone);
  Else->eraseOperands(Gone);
  Change.Op = rebuild(If, If->getOperands(), If->getAttrs(), Kept);
  return Change;
}

//===----------------------------------------------------------------------===//
// Loop and Scan
//===----------------------------------------------------------------------===//

namespace {
/// What the results of one loop need.
class Liveness {
public:
  explicit Liveness(const IterationForm &Form)
      : Form(Form), LiveCarried(Form.Carried) {
    // The condition decides how often the body runs.
    for (unsigned Y = 0; Y < Form.FirstYield; ++Y)
      require(Form.yield()->getOperand(Y));
    for (OpResult R : Form.Op->getResults())
      if (!R.use_empty())
        R.getResultNumber() < Form.Carried
            ? requireCarried(R.getResultNumber())
            : require(Form.yielded(R.getResultNumber()));
    while (!Work.empty()) {
      Operation *Op = Work.pop_back_val();
      Op->walk([&](Operation *Inner) {
        for (Value V : Inner->getOperands())
          require(V);
      });
    }
  }

  bool isLive(Operation *Op) const { return LiveOps.contains(Op); }
  bool isCarriedLive(unsigned I) const { return LiveCarried[I]; }

private:
  void requireCarried(unsigned I) {
    if (LiveCarried[I])
      return;
    LiveCarried[I] = true;
    require(Form.yielded(I));
  }
  void require(Value V) {
    if (auto Arg = dyn_cast<BlockArgument>(V)) {
      unsigned N = Arg.getArgNumber();
      if (Arg.getOwner() == Form.Body && N >= Form.FirstArg &&
          N - Form.FirstArg < Form.Carried)
        requireCarried(N - Form.FirstArg);
      return;
    }
    Operation *Op = Form.Body->findAncestorOpInBlock(*V.getDefiningOp());
    if (Op && LiveOps.insert(Op).second)
      Work.push_back(Op);
  }

  const IterationForm &Form;
  llvm::BitVector LiveCarried;
  llvm::DenseSet<Operation *> LiveOps;
  SmallVector<Operation *> Work;
};
} // namespace

/// Values that pass through the body unchanged are what they were at the start.
static void forwardInvariants(const IterationForm &Form) {
  for (unsigned I = 0; I < Form.Carried; ++I) {
    BlockArgument Arg = Form.argument(I);
    Value Initial = Form.initial(I), Result = Form.Op->getResult(I);
    if (Form.yielded(I) != Arg || Initial.getType() != Arg.getType())
      continue;
    // The value that is yielded stays, so that the form stays valid.
    Arg.replaceUsesWithIf(Initial, [&](OpOperand &Use) {
      return Use.getOwner() != Form.yield();
    });
    if (mayReplace(Result, Initial))
      Result.replaceAllUsesWith(Initial);
  }
}

/// Entries of an optional list of a Scan that stay.
static void filterList(NamedAttrList &Attributes, StringRef Name,
                       const llvm::BitVector &Kept, unsigned First) {
  auto List = dyn_cast_or_null<DenseI64ArrayAttr>(Attributes.get(Name));
  if (!List)
    return;
  SmallVector<int64_t> Values;
  for (auto [I, V] : llvm::enumerate(List.asArrayRef()))
    if (Kept[First + I])
      Values.push_back(V);
  Attributes.set(Name, DenseI64ArrayAttr::get(List.getContext(), Values));
}

static ControlFlowChange shrink(const IterationForm &Form) {
  ControlFlowChange Change;
  Change.Op = Form.Op;
  Liveness Live(Form);
  Operation *Op = Form.Op, *Yield = Form.yield();
  llvm::BitVector Operands(Op->getNumOperands(), true),
      Results(Op->getNumResults(), true), Args(Form.Body->getNumArguments()),
      Yields(Yield->getNumOperands());
  for (unsigned I = 0; I < Form.Carried; ++I)
    if (!Live.isCarriedLive(I)) {
      Operands.reset(Form.FirstOperand + I);
      Results.reset(I);
      Args.set(Form.FirstArg + I);
      Yields.set(Form.FirstYield + I);
    }
  for (unsigned R = Form.Carried; R < Op->getNumResults(); ++R)
    if (Op->getResult(R).use_empty()) {
      Results.reset(R);
      Yields.set(Form.FirstYield + R);
    }
  // An input that only dead nodes read; one stays to count the iterations.
  unsigned InputsLeft = Form.ScanInputs;
  for (unsigned I = 0; I < Form.ScanInputs && InputsLeft > 1; ++I)
    if (llvm::none_of(
            Form.argument(Form.Carried + I).getUsers(), [&](Operation *User) {
              Operation *Top = Form.Body->findAncestorOpInBlock(*User);
              return Live.isLive(Top) || Top == Yield;
            })) {
      Operands.reset(Form.Carried + I);
      Args.set(Form.Carried + I);
      --InputsLeft;
    }
  unsigned Removed = Args.count() + (Results.size() - Results.count());
  if (!Removed)
    return Change;
  Change.ValuesRemoved = Removed;
  if (Results.none()) {
    Op->erase();
    Change.Replaced = true;
    return Change;
  }

  Yield->eraseOperands(Yields);
  for (Operation &Inner : llvm::make_early_inc_range(llvm::reverse(*Form.Body)))
    if (&Inner != Yield && !Live.isLive(&Inner)) {
      Inner.dropAllUses();
      Inner.erase();
    }
  Form.Body->eraseArguments(Args);
  SmallVector<Value> Left;
  for (unsigned I : Operands.set_bits())
    Left.push_back(Op->getOperand(I));
  NamedAttrList Attributes(Op->getAttrs());
  if (auto Sizes =
          Op->getAttrOfType<DenseI32ArrayAttr>("operandSegmentSizes")) {
    SmallVector<int32_t> New(Sizes.asArrayRef());
    New.back() -= int32_t(Operands.size() - Operands.count());
    Attributes.set("operandSegmentSizes",
                   DenseI32ArrayAttr::get(Op->getContext(), New));
  }
  if (Form.ScanInputs) {
    Attributes.set("num_scan_inputs",
                   OpBuilder(Op).getI64IntegerAttr(InputsLeft));
    filterList(Attributes, "scan_input_axes", Operands, Form.Carried);
    filterList(Attributes, "scan_input_directions", Operands, Form.Carried);
    filterList(Attributes, "scan_output_axes", Results, Form.Carried);
    filterList(Attributes, "scan_output_directions", Results, Form.Carried);
  }
  Change.Op = rebuild(Op, Left, Attributes, Results);
  return Change;
}

//===----------------------------------------------------------------------===//
// No iteration, and one
//===----------------------------------------------------------------------===//

/// How often \p Op runs if that is 0 or 1 for certain.
static std::optional<unsigned> getFewTrips(const IterationForm &Form) {
  if (auto Loop = dyn_cast<onnx::LoopOp>(Form.Op)) {
    std::optional<double> Bound = Loop.getM()
                                      ? getUniform(Loop.getM())
                                      : std::numeric_limits<double>::infinity();
    std::optional<double> Start =
        Loop.getCond() ? getUniform(Loop.getCond()) : 1.0;
    if ((Bound && *Bound <= 0) || (Start && *Start == 0))
      return 0;
    if (!Bound || !Start)
      return std::nullopt;
    auto Again = getUniform(Form.yield()->getOperand(0));
    if (*Bound == 1 || (Again && *Again == 0))
      return 1;
    return std::nullopt;
  }
  auto Axes = cast<onnx::ScanOp>(Form.Op).getScanInputAxes();
  RankedTensorType Type = getRanked(Form.initial(Form.Carried));
  if (!Type || Type.getRank() == 0)
    return std::nullopt;
  int64_t Length =
      Type.getDimSize(fromFront(Axes ? Axes->front() : 0, Type.getRank()));
  return Length == 0 || Length == 1 ? std::optional<unsigned>(Length)
                                    : std::nullopt;
}

static int64_t getEntry(std::optional<ArrayRef<int64_t>> List, unsigned I) {
  return List ? (*List)[I] : 0;
}

static std::optional<ControlFlowChange> unroll(const IterationForm &Form) {
  std::optional<unsigned> Trips = getFewTrips(Form);
  if (!Trips)
    return std::nullopt;
  Operation *Op = Form.Op;
  OpBuilder Builder(Op);
  NodeBuilder B(Builder, Op);
  if (*Trips == 0) {
    SmallVector<Value> Values;
    for (OpResult R : Op->getResults()) {
      unsigned I = R.getResultNumber();
      if (I < Form.Carried) {
        if (!mayReplace(R, Form.initial(I)))
          return std::nullopt;
        Values.push_back(Form.initial(I));
        continue;
      }
      // A collected output without iterations has no element.
      RankedTensorType Type = getStatic(R);
      if (R.use_empty()) {
        Values.push_back({});
        continue;
      }
      if (!Type || Type.getNumElements() != 0 ||
          !Type.getElementType().isIntOrFloat())
        return std::nullopt;
      Values.push_back(onnx::ConstantOp::create(
          Builder, Op->getLoc(),
          DenseElementsAttr::get(Type, ArrayRef<Attribute>())));
    }
    return replaceWith(Op, Values);
  }

  // One iteration: types must say so already, for the body stays as it is.
  for (unsigned I = 0; I < Form.Carried; ++I)
    if (Form.initial(I).getType() != Form.argument(I).getType() ||
        !mayReplace(Op->getResult(I), Form.yielded(I)))
      return std::nullopt;
  for (unsigned R = Form.Carried; R < Op->getNumResults(); ++R)
    if (!getRanked(Form.yielded(R)) || !getRanked(Op->getResult(R)))
      return std::nullopt;
  auto Scan = dyn_cast<onnx::ScanOp>(Op);
  SmallVector<Value> Arguments;
  if (!Scan) {
    auto Scalar = [&](Type Element, int64_t V) {
      return onnx::ConstantOp::create(
          Builder, Op->getLoc(),
          onnx::makeInts(RankedTensorType::get({}, Element), V));
    };
    BlockArgument Number = Form.Body->getArgument(0),
                  Cond = Form.Body->getArgument(1);
    for (auto [Arg, V] : {std::pair(Number, Scalar(Builder.getI64Type(), 0)),
                          std::pair(Cond, Scalar(Builder.getI1Type(), 1))}) {
      Value Given = V;
      if (RankedTensorType Type = getStatic(Arg); Type && Type.getRank() != 0)
        Given = B.reshape(V, Type.getShape());
      Arguments.push_back(Given);
    }
  }
  for (unsigned I = 0; I < Form.Carried; ++I)
    Arguments.push_back(Form.initial(I));
  for (unsigned I = 0; I < Form.ScanInputs; ++I) {
    Value Input = Form.initial(Form.Carried + I);
    int64_t Axis = fromFront(getEntry(Scan.getScanInputAxes(), I),
                             std::max<int64_t>(getRank(Input), 0));
    Arguments.push_back(B.op("Squeeze", {Input, B.ints(Axis)}, {},
                             Form.argument(Form.Carried + I).getType()));
  }
  for (auto [Arg, V] : llvm::zip(Form.Body->getArguments(), Arguments))
    Arg.replaceAllUsesWith(V);
  unsigned First = Form.FirstYield;
  SmallVector<Value> Values;
  Block &Body = *Form.Body;
  SmallVector<Value> Yielded = inlineBody(Op, Body);
  Builder.setInsertionPoint(Op);
  for (OpResult R : Op->getResults()) {
    unsigned I = R.getResultNumber();
    Value V = Yielded[First + I];
    if (I >= Form.Carried) {
      int64_t Axis =
          Scan ? fromFront(getEntry(Scan.getScanOutputAxes(), I - Form.Carried),
                           getRank(R))
               : 0;
      V = B.op("Unsqueeze", {V, B.ints(Axis)}, {}, R.getType());
    }
    Values.push_back(V);
  }
  ControlFlowChange Change = replaceWith(Op, Values);
  Change.Inlined = true;
  return Change;
}

ControlFlowChange graph::simplifyControlFlow(Operation *Op) {
  if (auto If = dyn_cast<onnx::IfOp>(Op))
    return simplifyIf(If);
  IterationForm Form(Op);
  if (auto Change = unroll(Form))
    return *Change;
  forwardInvariants(Form);
  return shrink(Form);
}

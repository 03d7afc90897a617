//===- FuseRecurrent.cpp - The pass graph-fuse-recurrent ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Cells are found first (RecurrentCell.h), then strung together: a cell that
// goes on where another ends, with the same weights, is the next step of one
// sequence, if what it reads does not depend on that sequence. Each sequence
// becomes one LSTM or GRU in front of its first cell.
//
// Ops are only replaced while sequences are built, and erased at the end: what
// was found stays valid, values that have been replaced are looked up.
//
//===----------------------------------------------------------------------===//

#include "Fusion.h"
#include "Ranges.h"
#include "RecurrentCell.h"
#include "RecurrentLoop.h"
#include "RecurrentNode.h"
#include "lathe/Graph/Passes.h"
#include "mlir/Transforms/RegionUtils.h"

namespace lathe::graph {
#define GEN_PASS_DEF_GRAPHFUSERECURRENT
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

namespace {
/// The cells of one sequence, in order.
using Sequence = SmallVector<RecurrentCell *, 8>;

/// Element Index of dimension Axis of Source, without that dimension.
struct Step {
  Value Source;
  int64_t Axis, Index;
};

class SequenceFuser {
public:
  explicit SequenceFuser(MLIRContext *Context) : Rewriter(Context) {}

  void runOnBlock(Block &B);
  unsigned numSequences() const { return NumSequences; }
  unsigned numCells() const { return NumCells; }

private:
  IRRewriter Rewriter;
  std::vector<RecurrentCell> Cells;
  llvm::DenseMap<Value, Value> Replaced;
  /// What has been replaced, to be erased at the end.
  SmallVector<Operation *> Old;
  unsigned NumSequences = 0, NumCells = 0;

  void findCells(Block &B);
  std::vector<Sequence> findSequences();
  void cutWhereFedBack(const Sequence &S, std::vector<Sequence> &Out);
  bool settle(Sequence &S);
  bool build(const Sequence &S);
  Value makeInput(NodeBuilder &B, const Sequence &S, Operation *First,
                  bool &Reverse);
  Value now(Value V) const {
    for (auto It = Replaced.find(V); It != Replaced.end();
         It = Replaced.find(V))
      V = It->second;
    return V;
  }
  void replace(Value Was, Value New) {
    Was.replaceAllUsesWith(New);
    Replaced[Was] = New;
    Old.push_back(Was.getDefiningOp());
  }
  void replaceStates(NodeBuilder &B, const Sequence &S, Operation *Node,
                     bool Reverse);
  void replaceStacks(NodeBuilder &B, const Sequence &S, Value Steps,
                     bool Reverse);
};
} // namespace

//===----------------------------------------------------------------------===//
// Sequences
//===----------------------------------------------------------------------===//

void SequenceFuser::findCells(Block &B) {
  for (Operation &Op : B)
    if (std::optional<RecurrentCell> Cell = matchRecurrentCell(&Op))
      Cells.push_back(std::move(*Cell));
}

/// State c of \p Cell is read by itself and \p Next alone.
static bool keepsC(const RecurrentCell &Cell, const RecurrentCell &Next) {
  return !Cell.C || llvm::all_of(Cell.C.getUsers(), [&](Operation *User) {
    return Cell.Ops.contains(User) || Next.Ops.contains(User);
  });
}

std::vector<Sequence> SequenceFuser::findSequences() {
  llvm::DenseMap<Value, unsigned> ByState;
  SmallVector<int> After(Cells.size(), -1);
  llvm::BitVector Follows(Cells.size());
  for (unsigned I = 0; I < Cells.size(); ++I) {
    for (const RecurrentCell::Input &In : Cells[I].Inputs) {
      auto It = ByState.find(In.V);
      if (It == ByState.end() || After[It->second] >= 0 ||
          !keepsC(Cells[It->second], Cells[I]) ||
          !continues(Cells[It->second], Cells[I]))
        continue;
      After[It->second] = I;
      Follows.set(I);
      break;
    }
    ByState[Cells[I].H] = I;
  }
  std::vector<Sequence> All;
  for (unsigned I = 0; I < Cells.size(); ++I) {
    if (Follows.test(I))
      continue;
    Sequence S;
    for (int At = I; At >= 0; At = After[At])
      S.push_back(&Cells[At]);
    cutWhereFedBack(S, All);
  }
  return All;
}

/// An input that depends on an earlier step of its own sequence, as in a
/// decoder, starts a new sequence.
void SequenceFuser::cutWhereFedBack(const Sequence &S,
                                    std::vector<Sequence> &Out) {
  Block *B = S.front()->H.getParentBlock();
  Operation *First = S.front()->firstRoot();
  llvm::SmallPtrSet<Operation *, 16> Roots, Clean;
  // Of ops behind the first cell: whether they come from a root.
  auto DependsOn = [&](auto &Self, Operation *Op) -> bool {
    if (Op)
      Op = B->findAncestorOpInBlock(*Op);
    if (!Op || Op->isBeforeInBlock(First) || Clean.contains(Op))
      return false;
    if (Roots.contains(Op))
      return true;
    llvm::SetVector<Value> Used(Op->operand_begin(), Op->operand_end());
    getUsedValuesDefinedAbove(Op->getRegions(), Used);
    for (Value V : Used)
      if (Self(Self, V.getDefiningOp()))
        return true;
    Clean.insert(Op);
    return false;
  };
  Sequence Now;
  for (RecurrentCell *Cell : S) {
    bool FedBack = false;
    for (auto [I, In] : llvm::enumerate(Cell->Inputs))
      FedBack |=
          int(I) != Cell->State && DependsOn(DependsOn, In.V.getDefiningOp());
    if (FedBack) {
      Out.push_back(std::move(Now));
      Now.clear();
      Roots.clear();
      Clean.clear();
      First = Cell->firstRoot();
    }
    Now.push_back(Cell);
    Roots.insert(Cell->H.getDefiningOp());
    if (Cell->C)
      Roots.insert(Cell->C.getDefiningOp());
    // What was found not to depend on a step may depend on the next one.
    Clean.clear();
  }
  Out.push_back(std::move(Now));
}

/// What a lone cell leaves open; false if there is no op for it.
bool SequenceFuser::settle(Sequence &S) {
  const RecurrentCell &Last = *S.back();
  if (S.size() > 1)
    return true;
  RecurrentCell &Cell = *S.front();
  if (Cell.Starts)
    return false;
  // Any input of the right size may be the state: the sums are the same.
  for (auto [I, In] : llvm::enumerate(Cell.Inputs))
    if (Cell.State < 0 && In.Size == Last.Hidden &&
        In.V.getType() == Last.H.getType())
      Cell.State = I;
  return Cell.State >= 0 && Cell.Inputs.size() > 1;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

/// \p V as one step of a longer tensor.
static std::optional<Step> asStep(Value V) {
  Operation *Op = V.getDefiningOp();
  if (auto Gather = dyn_cast_or_null<onnx::GatherOp>(Op)) {
    RankedTensorType Type = getRanked(Gather.getData());
    auto Index = getInts(Gather.getIndices());
    if (!Type || !Index || Index->size() != 1 ||
        getRank(Gather.getIndices()) != 0)
      return std::nullopt;
    int64_t Axis = fromFront(Gather.getAxis(), Type.getRank());
    int64_t At = Index->front();
    if (At < 0 && !Type.isDynamicDim(Axis))
      At += Type.getDimSize(Axis);
    if (At < 0)
      return std::nullopt;
    return Step{Gather.getData(), Axis, At};
  }
  auto Squeeze = dyn_cast_or_null<onnx::SqueezeOp>(Op);
  auto Axes = Squeeze ? getAxes(Squeeze) : std::nullopt;
  if (!Axes || Axes->size() != 1)
    return std::nullopt;
  Value Part = Squeeze.getData();
  std::optional<DimRange> Range;
  Value Source;
  if (auto Split = Part.getDefiningOp<onnx::SplitOp>()) {
    Range = getRange(Split, cast<OpResult>(Part).getResultNumber());
    Source = Split.getInput();
  } else if (auto Slice = Part.getDefiningOp<onnx::SliceOp>()) {
    if (auto Ranges = getRanges(Slice); Ranges && Ranges->size() == 1)
      Range = Ranges->front();
    Source = Slice.getData();
  }
  if (!Range || Range->Size != 1 || Range->Axis != Axes->front())
    return std::nullopt;
  return Step{Source, Range->Axis, Range->Start};
}

/// The steps, if they follow each other in one tensor, forwards or backwards.
static std::optional<Step> asRun(ArrayRef<Value> Values, bool &Reverse) {
  std::optional<Step> First;
  int64_t Direction = 0;
  for (auto [I, V] : llvm::enumerate(Values)) {
    std::optional<Step> At = asStep(V);
    if (!At ||
        (First && (At->Source != First->Source || At->Axis != First->Axis)))
      return std::nullopt;
    if (!First) {
      First = At;
      continue;
    }
    if (I == 1)
      Direction = At->Index - First->Index;
    if (std::abs(Direction) != 1 ||
        At->Index != First->Index + Direction * int64_t(I))
      return std::nullopt;
  }
  Reverse = Direction < 0;
  if (Reverse)
    First->Index -= Values.size() - 1;
  return First;
}

/// All steps of the input, [time, batch, size]. Moves what they need in front
/// of \p First; null if that is not possible.
Value SequenceFuser::makeInput(NodeBuilder &B, const Sequence &S,
                               Operation *First, bool &Reverse) {
  SmallVector<SmallVector<Value>> Values; // by input, by step
  for (const RecurrentCell *Cell : S) {
    unsigned Next = 0;
    for (auto [I, In] : llvm::enumerate(Cell->Inputs)) {
      if (int(I) == Cell->State)
        continue;
      if (Values.size() <= Next)
        Values.emplace_back();
      Values[Next++].push_back(now(In.V));
    }
  }
  auto Available = [&](ArrayRef<Value> Needed) {
    SmallVector<Value> Behind;
    for (Value V : Needed)
      if (Operation *Def = V.getDefiningOp();
          Def && Def->getBlock() == First->getBlock() &&
          !Def->isBeforeInBlock(First) && !llvm::is_contained(Behind, V))
        Behind.push_back(V);
    return Behind.empty() ||
           succeeded(moveValueDefinitions(Rewriter, Behind, First));
  };
  auto WithTime = [&](Value V) { return B.op("Unsqueeze", {V, B.ints({0})}); };
  SmallVector<Value> Parts;
  std::optional<bool> AllReverse;
  for (ArrayRef<Value> Own : Values) {
    bool Backwards = false;
    std::optional<Step> Run =
        Own.size() > 1 ? asRun(Own, Backwards) : std::nullopt;
    // One direction for all inputs.
    if (Run && getRank(Run->Source) == 3 &&
        AllReverse.value_or(Backwards) == Backwards) {
      if (!Available(Run->Source))
        return {};
      Rewriter.setInsertionPoint(First);
      AllReverse = Backwards;
      int64_t Count = Own.size();
      Value Part = Run->Source;
      if (Run->Index != 0 || getRanked(Part).getDimSize(Run->Axis) != Count)
        Part = makeSlice(B, Part, {{Run->Axis, Run->Index, Count, 1}});
      SmallVector<int64_t> Perm = {Run->Axis};
      for (int64_t D = 0; D < 3; ++D)
        if (D != Run->Axis)
          Perm.push_back(D);
      Parts.push_back(Run->Axis == 0 ? Part : B.transpose(Part, Perm));
      continue;
    }
    if (!Available(Own))
      return {};
    Rewriter.setInsertionPoint(First);
    SmallVector<Value> Steps;
    for (Value V : Own)
      Steps.push_back(WithTime(V));
    if (AllReverse.value_or(false))
      std::reverse(Steps.begin(), Steps.end());
    AllReverse = AllReverse.value_or(false);
    Parts.push_back(Steps.size() == 1
                        ? Steps[0]
                        : B.op("Concat", Steps, B.attr("axis", int64_t(0))));
  }
  Reverse = AllReverse.value_or(false);
  return Parts.size() == 1 ? Parts[0]
                           : B.op("Concat", Parts, B.attr("axis", int64_t(2)));
}

void SequenceFuser::replaceStacks(NodeBuilder &B, const Sequence &S,
                                  Value Steps, bool Reverse) {
  // Unsqueezes of the first state lead to where all states may be joined.
  for (Operation *User : llvm::to_vector(S.front()->H.getUsers())) {
    auto Lift = dyn_cast<onnx::UnsqueezeOp>(User);
    auto Join = Lift ? dyn_cast_or_null<onnx::ConcatOp>(
                           getSingleUser(Lift->getResult(0)))
                     : onnx::ConcatOp();
    auto Axes = Lift ? getAxes(Lift) : std::nullopt;
    if (!Join || Join->getNumOperands() != S.size() || !Axes ||
        Axes->size() != 1 || Axes->front() > 2 ||
        fromFront(Join.getAxis(), 3) != Axes->front())
      continue;
    int64_t Axis = Axes->front();
    auto Matches = [&](bool Backwards) {
      return llvm::all_of(llvm::enumerate(Join->getOperands()), [&](auto Each) {
        auto Own = Each.value().template getDefiningOp<onnx::UnsqueezeOp>();
        auto OwnAxes = Own ? getAxes(Own) : std::nullopt;
        size_t At = Backwards ? S.size() - 1 - Each.index() : Each.index();
        return OwnAxes && *OwnAxes == *Axes && Own.getData() == S[At]->H;
      });
    };
    if (!Matches(Reverse))
      continue;
    static constexpr int64_t Perms[3][3] = {{0, 1, 2}, {1, 0, 2}, {1, 2, 0}};
    replace(Join->getResult(0),
            Axis == 0 ? Steps : B.transpose(Steps, Perms[Axis]));
    // It reads the states no longer.
    for (Value Lifted : Join->getOperands())
      Old.push_back(Lifted.getDefiningOp());
    Join->setOperands({});
  }
}

void SequenceFuser::replaceStates(NodeBuilder &B, const Sequence &S,
                                  Operation *Node, bool Reverse) {
  Type State = S.back()->H.getType();
  Value Steps;
  if (S.size() > 1) {
    Steps = B.op("Squeeze", {Node->getResult(0), B.ints({1})});
    replaceStacks(B, S, Steps, Reverse);
  }
  auto LastOf = [&](unsigned Result) {
    return B.op("Squeeze", {Node->getResult(Result), B.ints({0})}, {}, State);
  };
  auto AtStep = [&](unsigned I) {
    int64_t At = Reverse ? S.size() - 1 - I : I;
    auto Type = RankedTensorType::get({}, B.getBuilder().getI64Type());
    return B.op("Gather", {Steps, B.constant(Type, double(At))},
                B.attr("axis", int64_t(0)), State);
  };
  bool InnerLeave = false;
  for (unsigned I = 0; I + 1 < S.size(); ++I) {
    if (llvm::all_of(S[I]->H.getUsers(), [&](Operation *User) {
          return S[I + 1]->Ops.contains(User) || User->use_empty();
        }))
      continue;
    InnerLeave = true;
    replace(S[I]->H, AtStep(I));
  }
  // Beside the others the last one is a step like them: who reads all may find
  // one tensor again.
  if (!S.back()->H.use_empty())
    replace(S.back()->H, InnerLeave ? AtStep(S.size() - 1) : LastOf(1));
  if (S.back()->C)
    replace(S.back()->C, LastOf(2));
}

bool SequenceFuser::build(const Sequence &S) {
  const RecurrentCell &Start = *S.front(), &Full = *S.back();
  Operation *First = Start.firstRoot();
  SmallVector<Operation *> Roots;
  for (const RecurrentCell *Cell : S)
    Roots.push_back(Cell->H.getDefiningOp());
  Rewriter.setInsertionPoint(First);
  NodeBuilder B(Rewriter, fuseLocs(Roots));
  bool Reverse = false;
  Value X = makeInput(B, S, First, Reverse);
  if (!X)
    return false;
  Value H0 = Start.State >= 0 ? now(Start.Inputs[Start.State].V) : Value();
  Value C0 = Start.OldC ? now(Start.OldC) : Value();
  Operation *Node = makeRecurrentNode(B, Full, X, H0, C0, Reverse);
  replaceStates(B, S, Node, Reverse);
  return true;
}

void SequenceFuser::runOnBlock(Block &B) {
  Cells.clear();
  Replaced.clear();
  Old.clear();
  findCells(B);
  if (Cells.empty())
    return;
  for (Sequence &S : findSequences()) {
    if (!settle(S) || !build(S))
      continue;
    ++NumSequences;
    NumCells += S.size();
    for (RecurrentCell *Cell : S)
      Old.append(Cell->Ops.begin(), Cell->Ops.end());
  }
  llvm::SmallPtrSet<Operation *, 32> Seen;
  llvm::erase_if(Old, [&](Operation *Op) { return !Seen.insert(Op).second; });
  llvm::stable_sort(
      Old, [](Operation *L, Operation *R) { return L->isBeforeInBlock(R); });
  eraseDead(Rewriter, Old);
}

namespace {
struct FuseRecurrentPass
    : graph::impl::GraphFuseRecurrentBase<FuseRecurrentPass> {
  void runOnOperation() override {
    SmallVector<Block *> Blocks;
    getOperation()->walk([&](Operation *Op) {
      for (Region &R : Op->getRegions())
        for (Block &B : R)
          if (isa_and_nonnull<onnx::ONNXDialect>(
                  B.empty() ? nullptr : B.front().getDialect()))
            Blocks.push_back(&B);
    });
    SequenceFuser Fuser(&getContext());
    for (Block *B : Blocks)
      Fuser.runOnBlock(*B);
    // Inner loops first; their cells are nodes by now.
    SmallVector<Operation *> Repeated;
    getOperation()->walk([&](Operation *Op) {
      if (isa<onnx::LoopOp, onnx::ScanOp>(Op))
        Repeated.push_back(Op);
    });
    IRRewriter Rewriter(&getContext());
    for (Operation *Op : Repeated)
      Loops += liftRecurrentLoop(Op, Rewriter);
    Sequences += Fuser.numSequences();
    Cells += Fuser.numCells();
  }
};
} // namespace

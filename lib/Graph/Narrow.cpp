//===- Narrow.cpp - The pass graph-narrow ---------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From the end of each block to its start, every value learns which part of it
// its users want: one part that all of them want, or the whole. A node whose
// result is wanted in part, and that needs only parts of its operands for it,
// is rebuilt smaller; where a part meets a value that stays whole, a Slice is
// taken. Connected nodes are rebuilt together, if they save more than the
// Slices cost.
//
// Invariant: values that leave the block or are wanted whole by anybody keep
// their producer.
//
//===----------------------------------------------------------------------===//

#include "Match.h"
#include "NarrowRules.h"
#include "Ranges.h"
#include "lathe/Graph/Passes.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"

namespace lathe::graph {
#define GEN_PASS_DEF_NARROW
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

static bool operator==(const DimRange &A, const DimRange &B) {
  return A.Axis == B.Axis && A.Start == B.Start && A.Size == B.Size &&
         A.Step == B.Step;
}

/// The part of operand 0 that \p Op, a Slice or a Gather with constant indices
/// at equal distances, takes along one dimension.
static std::optional<DimRange> getTaken(Operation *Op) {
  if (auto Slice = dyn_cast<onnx::SliceOp>(Op)) {
    auto Ranges = getRanges(Slice);
    if (!Ranges || Ranges->size() != 1 || Ranges->front().Size < 1)
      return std::nullopt;
    return Ranges->front();
  }
  auto Gather = dyn_cast<onnx::GatherOp>(Op);
  RankedTensorType Type =
      Gather ? getRanked(Gather.getData()) : RankedTensorType();
  if (!Type || isConstant(Gather.getData()) || getRank(Gather.getIndices()) > 1)
    return std::nullopt;
  auto Indices = getInts(Gather.getIndices());
  int64_t Axis = fromFront(Gather.getAxis(), Type.getRank());
  int64_t Size = Type.getDimSize(Axis);
  if (!Indices || Indices->empty() || ShapedType::isDynamic(Size))
    return std::nullopt;
  DimRange R{Axis, fromFront((*Indices)[0], Size), int64_t(Indices->size()), 1};
  if (R.Size > 1)
    R.Step = fromFront((*Indices)[1], Size) - R.Start;
  for (auto [I, Index] : llvm::enumerate(*Indices))
    if (int64_t At = fromFront(Index, Size);
        At != R.Start + int64_t(I) * R.Step || At < 0 || At >= Size)
      return std::nullopt;
  return R.Size < Size && R.Step != 0 ? std::optional<DimRange>(R)
                                      : std::nullopt;
}

namespace {
class BlockNarrowing {
public:
  explicit BlockNarrowing(Block &B) : Body(B) {}

  void analyse() {
    for (Operation &Op : llvm::reverse(Body)) {
      if (!isa_and_nonnull<onnx::ONNXDialect>(Op.getDialect()))
        continue;
      if (auto Taken = getTaken(&Op)) {
        Takers[&Op] = *Taken;
        continue;
      }
      auto Part = getWanted(&Op);
      if (!Part)
        continue;
      auto Axes = getOperandAxes(&Op, Part->Axis);
      if (Axes)
        Narrowed[&Op] = {*Part, *Axes};
    }
    judge();
  }

  /// The number of nodes that became smaller.
  unsigned rewrite(IRRewriter &Rewriter) {
    SmallVector<Operation *> Ops;
    for (Operation &Op : Body)
      Ops.push_back(&Op);
    unsigned Count = 0;
    for (Operation *Op : Ops) {
      if (auto It = Narrowed.find(Op); It != Narrowed.end()) {
        rebuild(Rewriter, Op, It->second.first, It->second.second);
        ++Count;
      } else if (auto Taker = Takers.find(Op); Taker != Takers.end()) {
        finish(Rewriter, Op, Taker->second);
      }
    }
    return Count;
  }

private:
  /// The one part of the op's result that all of its users want.
  std::optional<DimRange> getWanted(Operation *Op) {
    if (Op->getNumResults() == 0 || Op->getResult(0).use_empty())
      return std::nullopt;
    for (Value Other : Op->getResults().drop_front())
      if (!Other.use_empty())
        return std::nullopt;
    std::optional<DimRange> Common;
    for (OpOperand &Use : Op->getResult(0).getUses()) {
      auto Part = getWanted(Use);
      if (!Part || (Common && !(*Common == *Part)))
        return std::nullopt;
      Common = Part;
    }
    return Common;
  }

  std::optional<DimRange> getWanted(OpOperand &Use) {
    Operation *User = Use.getOwner();
    if (User->getBlock() != &Body)
      return std::nullopt;
    if (auto It = Takers.find(User); It != Takers.end())
      return Use.getOperandNumber() == 0 ? std::optional<DimRange>(It->second)
                                         : std::nullopt;
    auto It = Narrowed.find(User);
    if (It == Narrowed.end())
      return std::nullopt;
    int64_t Axis = It->second.second[Use.getOperandNumber()];
    if (Axis == Whole)
      return std::nullopt;
    DimRange Part = It->second.first;
    Part.Axis = Axis;
    return Part;
  }

  /// Drops what does not pay.
  void judge() {
    llvm::EquivalenceClasses<Operation *> Classes;
    llvm::DenseMap<Operation *, double> Gain;
    auto Elements = [](Value V, const DimRange &Part) {
      return getSize(V) / double(getRanked(V).getDimSize(Part.Axis)) *
             double(Part.Size);
    };
    auto Reads = [&](Operation *Op, Value V, DimRange Part) {
      Operation *Producer = V.getDefiningOp();
      if (Producer && Narrowed.contains(Producer))
        Classes.unionSets(Op, Producer);
      else if (!isConstant(V))
        Gain[Op] -= Elements(V, Part);
    };
    for (auto &[Op, Info] : Narrowed) {
      Classes.insert(Op);
      auto &[Part, Axes] = Info;
      int64_t Size = getRanked(Op->getResult(0)).getDimSize(Part.Axis);
      Gain[Op] += getWork(Op) * double(Size - Part.Size) / double(Size);
      for (auto [I, Axis] : llvm::enumerate(Axes)) {
        if (Axis == Whole)
          continue;
        Reads(Op, Op->getOperand(I), {Axis, Part.Start, Part.Size, Part.Step});
      }
    }
    for (auto &[Op, Part] : Takers)
      if (Operation *Producer = Op->getOperand(0).getDefiningOp();
          Producer && Narrowed.contains(Producer)) {
        // The Slice that is there goes.
        Gain[Producer] += Elements(Op->getOperand(0), Part);
      }
    llvm::DenseMap<Operation *, double> Total;
    for (auto &[Op, Info] : Narrowed)
      Total[Classes.getLeaderValue(Op)] += Gain[Op];
    Narrowed.remove_if([&](auto &Entry) {
      return Total[Classes.getLeaderValue(Entry.first)] <= 0;
    });
  }

  /// The part of \p V; a Slice in front of \p Op where it stays whole.
  Value getPart(IRRewriter &Rewriter, Value V, const DimRange &Part) {
    if (auto It = Parts.find(V); It != Parts.end())
      return It->second;
    for (auto &[Range, Slice] : Slices[V])
      if (Range == Part)
        return Slice;
    if (Operation *Producer = V.getDefiningOp())
      Rewriter.setInsertionPointAfter(Producer);
    else
      Rewriter.setInsertionPointToStart(cast<BlockArgument>(V).getOwner());
    NodeBuilder B(Rewriter, V.getLoc());
    Value Slice = makeSlice(B, V, Part);
    Slices[V].push_back({Part, Slice});
    return Slice;
  }

  void rebuild(IRRewriter &Rewriter, Operation *Op, const DimRange &Part,
               ArrayRef<int64_t> Axes) {
    SmallVector<Value> Operands(Op->getOperands());
    for (auto [V, Axis] : llvm::zip(Operands, Axes))
      if (Axis != Whole)
        V = getPart(Rewriter, V, {Axis, Part.Start, Part.Size, Part.Step});
    Rewriter.setInsertionPoint(Op);
    RankedTensorType Type = getRanked(Op->getResult(0));
    SmallVector<int64_t> Shape(Type.getShape());
    Shape[Part.Axis] = Part.Size;
    Operation *New = Rewriter.clone(*Op);
    New->setOperands(Operands);
    New->getResult(0).setType(Type.clone(Shape));
    for (Value Other : New->getResults().drop_front())
      if (RankedTensorType T = getRanked(Other))
        Other.setType(
            T.clone(SmallVector<int64_t>(T.getRank(), ShapedType::kDynamic)));
    if (isa<onnx::ReshapeOp>(New)) {
      for (int64_t &Size : Shape)
        Size = ShapedType::isDynamic(Size) ? -1 : Size;
      Rewriter.setInsertionPoint(New);
      NodeBuilder B(Rewriter, New->getLoc());
      New->setOperand(1, B.ints(Shape));
      New->setAttr("allowzero", Rewriter.getI64IntegerAttr(0));
    }
    Parts[Op->getResult(0)] = New->getResult(0);
  }

  /// A Slice or Gather of what is only there in part now.
  void finish(IRRewriter &Rewriter, Operation *Op, const DimRange &Part) {
    auto It = Parts.find(Op->getOperand(0));
    if (It == Parts.end())
      return;
    Value V = It->second;
    Rewriter.setInsertionPoint(Op);
    NodeBuilder B(Rewriter, Op->getLoc());
    if (auto Gather = dyn_cast<onnx::GatherOp>(Op);
        Gather && getRank(Gather.getIndices()) == 0)
      V = B.op("Squeeze", {V, B.ints(Part.Axis)}, {},
               Op->getResult(0).getType());
    Rewriter.replaceAllUsesWith(Op->getResult(0), V);
  }

  Block &Body;
  llvm::MapVector<Operation *, DimRange> Takers;
  llvm::MapVector<Operation *, std::pair<DimRange, SmallVector<int64_t>>>
      Narrowed;
  llvm::DenseMap<Value, Value> Parts;
  llvm::DenseMap<Value, SmallVector<std::pair<DimRange, Value>, 1>> Slices;
};

struct NarrowPass : graph::impl::NarrowBase<NarrowPass> {
  void runOnOperation() override {
    SmallVector<Block *> Blocks;
    getOperation().walk([&](Block *B) { Blocks.push_back(B); });
    IRRewriter Rewriter(&getContext());
    for (Block *B : Blocks) {
      BlockNarrowing Narrowing(*B);
      Narrowing.analyse();
      Narrowed += Narrowing.rewrite(Rewriter);
      // The larger forms have no users left.
      for (Operation &Op : llvm::make_early_inc_range(llvm::reverse(*B)))
        if (isa_and_nonnull<onnx::ONNXDialect>(Op.getDialect()) &&
            isOpTriviallyDead(&Op))
          Rewriter.eraseOp(&Op);
    }
  }
};
} // namespace

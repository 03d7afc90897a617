//===- Groups.cpp - Which ops become one kernel ---------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A group grows from one op, the base. The loops of the base are its space;
// each op that joins has its loops named after loops of the base, by the values
// of the group that it reads:
//
//        x[r,c] ---> max over c ---> m[r]          rows r, columns c
//        x[r,c], m[r] ---> exp(x - m) ---> e[r,c]
//        e[r,c] ---> sum over c ---> s[r]
//        e[r,c], s[r] ---> e / s ---> y[r,c]       one kernel, softmax
//
// A contraction, convolution or pooling is computed for each point of its
// result, and takes only elementwise ops over just these points. A row-wise
// reduction takes elementwise ops over its space or its rows, and reductions
// over the same rows. An elementwise base takes elementwise ops.
//
// An op joins if everything outside that uses the group still stands behind the
// group's last op. All values that leave a group have the same loops, so that
// one nest writes them all.
//
//===----------------------------------------------------------------------===//

#include "Groups.h"
#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/Structure.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace lathe::kernel;

bool lathe::kernel::isScalarConstant(Value V) {
  auto Constant = V.getDefiningOp<arith::ConstantOp>();
  return Constant && !isa<ShapedType>(Constant.getType());
}

bool lathe::kernel::isCloned(Value V) {
  return isScalarConstant(V) || V.getDefiningOp<tensor::EmptyOp>() ||
         V.getDefiningOp<linalg::FillOp>();
}

bool lathe::kernel::isHalo(tensor::InsertSliceOp Op) {
  auto Fill = Op.getDest().getDefiningOp<linalg::FillOp>();
  return Fill && Fill->hasOneUse() &&
         Fill.getOutputs()[0].getDefiningOp<tensor::EmptyOp>() &&
         Op.getSourceType().getRank() == Op.getType().getRank() &&
         llvm::none_of(Op.getStaticOffsets(), ShapedType::isDynamic) &&
         llvm::all_of(Op.getStaticStrides(), [](int64_t S) { return S == 1; });
}

namespace {

/// Ops in a kernel, where each tile re-creates them all.
constexpr unsigned MaxOps = 24;
/// Streams through the caches: full-size results of one kernel.
constexpr unsigned MaxResults = 6;

/// The loop of the base that an op's loop runs along; Unit: of one iteration.
constexpr int Unit = -1, Unknown = -2;
using Labels = SmallVector<int>;

/// How an op that joins lies in the space of the base.
struct Place {
  Labels Loops;
  /// Loops of the base of which it reads some places, by number.
  llvm::SmallBitVector Fixed;
};

/// Loops and numbers: every one of these at most once in each position.
bool isPlainAccess(AffineMap Map) {
  llvm::SmallBitVector Seen(Map.getNumDims());
  for (AffineExpr E : Map.getResults()) {
    if (isa<AffineConstantExpr>(E))
      continue;
    auto D = dyn_cast<AffineDimExpr>(E);
    if (!D || Seen.test(D.getPosition()))
      return false;
    Seen.set(D.getPosition());
  }
  return true;
}

/// Positions and gathers of an op that would join a root: an emitter knows only
/// values and broadcasts there.
bool isPlainBody(linalg::GenericOp Op) {
  for (Operation &Inner : Op.getBody()->without_terminator()) {
    if (isa<linalg::IndexOp>(Inner) || Inner.getNumRegions() != 0)
      return false;
    if (isa<LookupOp>(Inner))
      continue; // of a byte: a table is no stream of its own
    for (Value Operand : Inner.getOperands())
      if (isa<ShapedType>(Operand.getType()))
        return false;
  }
  return true;
}

bool isCheapToRepeat(linalg::GenericOp Op) {
  return llvm::none_of(Op.getBody()->without_terminator(), [](Operation &X) {
    return isa<math::MathDialect>(X.getDialect()) ||
           isa<arith::DivFOp, arith::DivSIOp, arith::DivUIOp, arith::RemFOp>(X);
  });
}

class GroupGrower {
public:
  GroupGrower(Block &B, const llvm::SmallPtrSetImpl<Operation *> &Taken)
      : TheBlock(B), Taken(Taken) {}

  Group grow(linalg::LinalgOp Base, bool Epilogues);

private:
  Block &TheBlock;
  const llvm::SmallPtrSetImpl<Operation *> &Taken;

  SmallVector<Operation *> Ops; // in block order
  llvm::SmallDenseMap<Operation *, Labels> LoopsOf;
  SmallVector<int64_t> Extents;   // of the base's loops
  llvm::SmallBitVector Rows, All; // of the base's loops, without units
  bool RowWise = false, IsContraction = false;

  bool isMember(Operation *Op) const { return LoopsOf.contains(Op); }
  Operation *inBlock(Operation *Op) const {
    return TheBlock.findAncestorOpInBlock(*Op);
  }
  bool isCandidate(Operation *Op) const {
    return Op && Op->getBlock() == &TheBlock && !Taken.contains(Op) &&
           !isMember(Op);
  }
  bool nothingBetween(Operation *Next) const;
  Labels labelsOf(Value V) const;
  std::optional<Place> join(linalg::GenericOp Op) const;
  bool fits(linalg::GenericOp Op, const Place &At) const;
  bool leavesEqually(Operation *Next, const Labels *Loops) const;
  bool insert(Operation *Op, Labels Loops);
  bool takeStart(linalg::LinalgOp Root);
  void takeProducers(linalg::LinalgOp Root);
  void takeHalo();
};

/// Users of the group's values, other than \p Next, all stand behind \p Next.
bool GroupGrower::nothingBetween(Operation *Next) const {
  for (Operation *Op : Ops)
    for (Operation *User : Op->getUsers()) {
      Operation *Where = inBlock(User);
      if (Where && Where != Next && !isMember(Where) &&
          Where->isBeforeInBlock(Next))
        return false;
    }
  return true;
}

/// The base's loops along the dimensions of a value of the group.
Labels GroupGrower::labelsOf(Value V) const {
  auto Op = cast<linalg::LinalgOp>(V.getDefiningOp());
  const Labels &Loops = LoopsOf.find(Op)->second;
  Labels Result;
  AffineMap Map = Op.getMatchingIndexingMap(
      Op.getDpsInitOperand(cast<OpResult>(V).getResultNumber()));
  for (AffineExpr E : Map.getResults()) {
    auto D = dyn_cast<AffineDimExpr>(E);
    Result.push_back(D ? Loops[D.getPosition()] : Unit);
  }
  return Result;
}

/// Names the loops of \p Op by what it reads of the group; nothing if it reads
/// two values at different places, or one not along its dimensions.
std::optional<Place> GroupGrower::join(linalg::GenericOp Op) const {
  SmallVector<int64_t> Ranges = Op.getStaticLoopRanges();
  llvm::SmallBitVector Fixed(Extents.size());
  Labels Loops(Op.getNumLoops(), Unknown);
  for (auto [I, E] : llvm::enumerate(Ranges))
    if (E == 1)
      Loops[I] = Unit;
  bool Reads = false;
  for (OpOperand &Operand : Op->getOpOperands()) {
    AffineMap Map = Op.getMatchingIndexingMap(&Operand);
    if (!isPlainAccess(Map))
      return std::nullopt;
    if (!isMember(Operand.get().getDefiningOp()))
      continue;
    if (Op.isDpsInit(&Operand))
      return std::nullopt;
    Reads = true;
    Labels Dims = labelsOf(Operand.get());
    for (auto [E, Label] : llvm::zip_equal(Map.getResults(), Dims)) {
      auto D = dyn_cast<AffineDimExpr>(E);
      if (!D) {
        if (Label != Unit && !IsContraction)
          return std::nullopt;
        if (Label != Unit)
          Fixed.set(Label);
        continue;
      }
      int &Loop = Loops[D.getPosition()];
      if (Loop == Unknown)
        Loop = Label;
      if (Loop != Label)
        return std::nullopt;
    }
  }
  if (!Reads)
    return std::nullopt;
  // Loops that only outer values have: the base's left ones, in order.
  llvm::SmallBitVector Used(Extents.size());
  for (int L : Loops)
    if (L >= 0) {
      if (Used.test(L))
        return std::nullopt;
      Used.set(L);
    }
  for (auto [I, L] : llvm::enumerate(Loops)) {
    if (L != Unknown)
      continue;
    for (unsigned C : All.set_bits())
      if (L == Unknown && !Used.test(C) && !Rows.test(C) &&
          Extents[C] == Ranges[I])
        L = C;
    if (L == Unknown)
      return std::nullopt;
    Used.set(L);
  }
  // One that runs along a loop in one operand and not in another would not be
  // computed point by point.
  if (Used.anyCommon(Fixed))
    return std::nullopt;
  return Place{std::move(Loops), std::move(Fixed)};
}

bool GroupGrower::fits(linalg::GenericOp Op, const Place &At) const {
  llvm::SmallBitVector Parallel = At.Fixed, Reduced(Extents.size());
  for (auto [L, Kind] : llvm::zip_equal(At.Loops, Op.getIteratorTypesArray()))
    if (L >= 0)
      (Kind == utils::IteratorType::parallel ? Parallel : Reduced).set(L);
  for (OpOperand &Init : Op.getDpsInitsMutable())
    if (Reduced.none() && Op.getNumReductionLoops() == 0 &&
        Op.payloadUsesValueFromOperand(&Init))
      return false;
  if (Op.getNumReductionLoops() == 0) {
    // Over the space, or over the rows where there are columns.
    if (Parallel != All && !(RowWise && Parallel == Rows))
      return false;
    if (RowWise)
      return isPlainBody(Op);
    // What a root computes is stored as it comes, or with its innermost
    // dimension kept.
    for (OpOperand &Operand : Op->getOpOperands())
      if (isMember(Operand.get().getDefiningOp()) &&
          innermostLoop(Op, Op.getMatchingIndexingMap(&Operand)) !=
              innermostLoop(Op,
                            Op.getMatchingIndexingMap(Op.getDpsInitOperand(0))))
        return false;
    return isPlainBody(Op);
  }
  return RowWise && Parallel == Rows && (Reduced | Rows) == All &&
         kindOf(Op) == "reduction" && isPlainBody(Op) &&
         llvm::all_of(Op.getDpsInits(), isCloned);
}

/// All values that leave the group with \p Next have the loops of \p Next.
bool GroupGrower::leavesEqually(Operation *Next, const Labels *Loops) const {
  llvm::SmallBitVector Space;
  unsigned Results = 0;
  auto Check = [&](Operation *Op, const Labels &L) {
    auto Linalg = dyn_cast<linalg::LinalgOp>(Op);
    for (OpResult R : Op->getResults()) {
      bool Leaves = llvm::any_of(R.getUsers(), [&](Operation *User) {
        Operation *Where = inBlock(User);
        return Where != Next && !isMember(Where);
      });
      if (!Leaves)
        continue;
      ++Results;
      llvm::SmallBitVector Own(Extents.size());
      auto Kinds = Linalg.getIteratorTypesArray();
      for (auto [I, Label] : llvm::enumerate(L))
        if (Label >= 0 && Kinds[I] == utils::IteratorType::parallel)
          Own.set(Label);
      if (Space.empty())
        Space = Own;
      if (Space != Own)
        return false;
    }
    return true;
  };
  for (Operation *Op : Ops)
    if (!Check(Op, LoopsOf.find(Op)->second))
      return false;
  return (!Loops || Check(Next, *Loops)) && Results <= MaxResults;
}

bool GroupGrower::insert(Operation *Op, Labels Loops) {
  LoopsOf[Op] = std::move(Loops);
  Ops.insert(llvm::partition_point(
                 Ops, [&](Operation *X) { return X->isBeforeInBlock(Op); }),
             Op);
  return true;
}

/// The start value of a root, where it is computed for it alone and reads
/// broadcasts only (a bias).
bool GroupGrower::takeStart(linalg::LinalgOp Root) {
  for (Value Init : Root.getDpsInits()) {
    auto Start = Init.getDefiningOp<linalg::GenericOp>();
    if (!Start || !isCandidate(Start) || !isElementwiseOp(Start) ||
        !Start->hasOneUse() || Start.getNumResults() != 1 ||
        Start.hasIndexSemantics() ||
        !llvm::all_of(Start.getDpsInits(), isCloned) ||
        !llvm::all_of(Start.getIndexingMapsArray(), [](AffineMap Map) {
          return Map.isProjectedPermutation(/*allowZeroInResults=*/true);
        }))
      continue;
    insert(Start, Labels(Start.getNumLoops(), Unit));
  }
  return true;
}

/// A value that a row-wise reduction and others read is computed with it.
void GroupGrower::takeProducers(linalg::LinalgOp Root) {
  for (OpOperand *Operand : Root.getDpsInputOperands()) {
    auto Producer = Operand->get().getDefiningOp<linalg::GenericOp>();
    AffineMap Map = Root.getMatchingIndexingMap(Operand);
    if (!Producer || !isCandidate(Producer) || !isElementwiseOp(Producer) ||
        Producer.getNumResults() != 1 || !isPlainBody(Producer) ||
        !isCheapToRepeat(Producer) || !Map.isPermutation() ||
        !Producer.getMatchingIndexingMap(Producer.getDpsInitOperand(0))
             .isPermutation() ||
        Producer.payloadUsesValueFromOperand(Producer.getDpsInitOperand(0)))
      continue;
    bool Behind = llvm::all_of(Producer->getUsers(), [&](Operation *User) {
      Operation *Where = inBlock(User);
      return Where && !Where->isBeforeInBlock(Root);
    });
    if (!Behind)
      continue;
    // Its loops by the place of its result in the root's.
    Labels Loops(Producer.getNumLoops(), Unit);
    AffineMap Out =
        Producer.getMatchingIndexingMap(Producer.getDpsInitOperand(0));
    for (auto [Own, E] : llvm::zip_equal(Out.getResults(), Map.getResults())) {
      unsigned Loop = cast<AffineDimExpr>(E).getPosition();
      Loops[cast<AffineDimExpr>(Own).getPosition()] =
          Extents[Loop] == 1 ? Unit : int(Loop);
    }
    insert(Producer, std::move(Loops));
  }
}

/// The group's only result goes into the middle of a filled tensor.
void GroupGrower::takeHalo() {
  Operation *Last = Ops.back();
  if (Last->getNumResults() != 1 || !Last->hasOneUse())
    return;
  auto Insert = dyn_cast<tensor::InsertSliceOp>(*Last->user_begin());
  if (!isCandidate(Insert) || !isHalo(Insert) ||
      Insert.getSource() != Last->getResult(0) || !nothingBetween(Insert))
    return;
  for (Operation *Op : Ops)
    for (Operation *User : Op->getUsers())
      if (User != Insert && !isMember(inBlock(User)))
        return;
  Ops.push_back(Insert);
}

Group GroupGrower::grow(linalg::LinalgOp Base, bool Epilogues) {
  StringRef Kind = kindOf(Base);
  Extents = Base.getStaticLoopRanges();
  Rows.resize(Extents.size());
  All.resize(Extents.size());
  RowWise = Kind == "reduction" && Base->getNumResults() == 1;
  IsContraction = Kind == "contraction";
  Labels Loops;
  for (auto [I, E] : llvm::enumerate(Base.getIteratorTypesArray())) {
    bool Parallel = E == utils::IteratorType::parallel;
    Loops.push_back(Extents[I] == 1 ? Unit : int(I));
    if (Extents[I] == 1)
      continue;
    if (Parallel)
      Rows.set(I);
    if (Parallel || RowWise)
      All.set(I);
  }
  insert(Base, Loops);
  takeStart(Base);
  bool Grows =
      Epilogues && Base->getNumResults() == 1 &&
      Base.getMatchingIndexingMap(Base.getDpsInitOperand(0))
          .isProjectedPermutation() &&
      cast<RankedTensorType>(Base->getResult(0).getType()).getRank() != 0;
  if (isElementwiseOp(Base)) {
    auto Generic = dyn_cast<linalg::GenericOp>(Base.getOperation());
    Grows &= Generic && isPlainBody(Generic) &&
             Generic.getMatchingIndexingMap(Generic.getDpsInitOperand(0))
                 .isProjectedPermutation();
  }
  if (Grows && RowWise)
    takeProducers(Base);

  llvm::SmallPtrSet<Operation *, 8> Refused;
  while (Grows && Ops.size() < MaxOps) {
    // The first user that was not looked at.
    Operation *Next = nullptr;
    for (Operation *Op : Ops)
      for (Operation *User : Op->getUsers()) {
        Operation *Where = inBlock(User);
        if (isCandidate(Where) && !Refused.contains(Where) &&
            (!Next || Where->isBeforeInBlock(Next)))
          Next = Where;
      }
    if (!Next)
      break;
    Refused.insert(Next);
    auto Generic = dyn_cast<linalg::GenericOp>(Next);
    if (!Generic || !Generic.hasPureTensorSemantics() ||
        Generic.getNumResults() == 0)
      continue;
    std::optional<Place> Joined = join(Generic);
    if (!Joined || !fits(Generic, *Joined) || !nothingBetween(Next) ||
        !Next->getBlock() || Next->isBeforeInBlock(Ops.back()))
      continue;
    if (!leavesEqually(Next, &Joined->Loops)) {
      // It may be a step on the way to a group that does: a value of each row.
      bool OfRows = RowWise;
      for (auto [L, E] :
           llvm::zip_equal(Joined->Loops, Generic.getIteratorTypesArray()))
        OfRows &= L < 0 || Rows.test(L) || E == utils::IteratorType::reduction;
      if (!OfRows)
        continue;
    }
    insert(Next, Joined->Loops);
    All.reset(Joined->Fixed);
  }
  // Back to where what leaves is of one form.
  while (Ops.size() > 1 && !leavesEqually(nullptr, nullptr)) {
    Operation *Dropped = Ops.back() == Base ? Ops.front() : Ops.back();
    LoopsOf.erase(Dropped);
    llvm::erase(Ops, Dropped);
  }
  if (Epilogues)
    takeHalo();
  return {Ops, Kind};
}

} // namespace

SmallVector<Group> lathe::kernel::findGroups(Block &B, bool Epilogues) {
  SmallVector<Group> Groups;
  llvm::SmallPtrSet<Operation *, 32> Taken;
  auto Add = [&](Group G) {
    Taken.insert(G.Ops.begin(), G.Ops.end());
    Groups.push_back(std::move(G));
  };
  // Sums of products first, with what can be done to them before they are
  // stored; then rows; then what is left.
  for (int Round = 0; Round < 3; ++Round)
    for (Operation &Op : B) {
      if (Taken.contains(&Op))
        continue;
      if (isLoopKernel(&Op)) {
        Add({{&Op}, "loop"});
        continue;
      }
      auto Linalg = dyn_cast<linalg::LinalgOp>(Op);
      if (!Linalg || isa<linalg::FillOp>(Op) ||
          !Linalg.hasPureTensorSemantics())
        continue;
      int Turn = isElementwiseOp(&Op) ? 2 : kindOf(&Op) == "reduction" ? 1 : 0;
      if (Turn == Round)
        Add(GroupGrower(B, Taken).grow(Linalg, Epilogues));
    }
  llvm::stable_sort(Groups, [](const Group &L, const Group &R) {
    return L.Ops.back()->isBeforeInBlock(R.Ops.back());
  });
  return Groups;
}

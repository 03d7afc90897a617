//===- FuseAttention.cpp - The pass graph-fuse-attention ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The root is the product of the weights, a softmax, with the values. From
// there down: masks, cap and scale, the product of queries and keys. Then the
// movements around: where Q, K and V are the heads of [batch, sequence, heads *
// size] and the result goes back to that form, the op takes and gives it; keys
// and values that were repeated for their query heads are taken before that.
// Keys and values behind those of earlier tokens are taken with their past;
// what read the whole reads the op's second and third result.
//
//===----------------------------------------------------------------------===//

#include "AttentionScores.h"
#include "Fusion.h"
#include "Views.h"
#include "lathe/Graph/Passes.h"

namespace lathe::graph {
#define GEN_PASS_DEF_GRAPHFUSEATTENTION
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

/// Keys or values that every query head of a group got a copy of: reshape of an
/// expanded [b, h, 1, t, d].
static Value beforeRepeat(Value V, Trail &T) {
  auto Join = peel(V).getDefiningOp<onnx::ReshapeOp>();
  RankedTensorType Joined = getRanked(V);
  if (!Join || !Joined || Joined.getRank() != 4)
    return {};
  auto Spread = peel(Join.getData()).getDefiningOp<onnx::ExpandOp>();
  RankedTensorType Wide = Spread ? getRanked(Spread.getOutput()) : nullptr;
  auto Insert = Spread
                    ? peel(Spread.getInput()).getDefiningOp<onnx::UnsqueezeOp>()
                    : nullptr;
  if (!Wide || Wide.getRank() != 5 || !Insert)
    return {};
  auto Axes = getAxes(Insert);
  RankedTensorType Own = getRanked(Insert.getData());
  if (!Axes || *Axes != SmallVector<int64_t>{2} || !Own || Own.getRank() != 4 ||
      Own.isDynamicDim(1) || Wide.isDynamicDim(2) ||
      Wide.getDimSize(1) != Own.getDimSize(1) ||
      Joined.getDimSize(1) != Own.getDimSize(1) * Wide.getDimSize(2) ||
      Joined.getDimSize(3) != Own.getDimSize(3))
    return {};
  // Nothing but the heads is spread.
  for (int64_t D : {0, 2, 3})
    if (Own.getDimSize(D) != Wide.getDimSize(D < 1 ? D : D + 1))
      return {};
  T.pass(Join);
  T.pass(Spread);
  T.pass(Insert);
  return Insert.getData();
}

/// The permutation with the last two places swapped.
static SmallVector<int64_t> swapLast(ArrayRef<int64_t> Perm) {
  SmallVector<int64_t> Swapped(Perm);
  std::swap(Swapped.end()[-1], Swapped.end()[-2]);
  return Swapped;
}

static bool sameDim(RankedTensorType A, int64_t I, RankedTensorType B,
                    int64_t J) {
  return A.getDimSize(I) == B.getDimSize(J);
}

//===----------------------------------------------------------------------===//
// Keys and values of the tokens before
//===----------------------------------------------------------------------===//

namespace {
/// \p Whole is Past and New, one behind the other; both [b, h, s, d].
struct Cached {
  onnx::ConcatOp Whole;
  Value Past, New;
  /// The parts, and so the whole, are [b, h, d, s].
  bool Swapped = false;
};
} // namespace

/// \p V is two tensors along its positions.
static std::optional<Cached> findCached(Value V, bool Swapped) {
  auto Join = peel(V).getDefiningOp<onnx::ConcatOp>();
  if (!Join || Join->getNumOperands() != 2 || getRank(V) != 4 ||
      fromFront(Join.getAxis(), 4) != (Swapped ? 3 : 2))
    return std::nullopt;
  return Cached{Join, Join->getOperand(0), Join->getOperand(1), Swapped};
}

/// What reads one of \p Wholes, of any depth, in front of \p End and will not
/// die with it: in order, to be moved behind \p End. Nullopt if \p End, which
/// will read \p Inputs, depends on it.
static std::optional<SmallVector<Operation *>>
findReaders(ArrayRef<Value> Wholes, Operation *End, ArrayRef<Operation *> Dying,
            ArrayRef<Value> Inputs) {
  constexpr unsigned Most = 64;
  llvm::SmallSetVector<Operation *, 8> Found;
  SmallVector<Value> Work(Wholes);
  while (!Work.empty()) {
    for (Operation *User : Work.pop_back_val().getUsers()) {
      User = End->getBlock()->findAncestorOpInBlock(*User);
      if (!User || User == End || llvm::is_contained(Dying, User) ||
          !User->isBeforeInBlock(End))
        continue;
      if (!Found.insert(User))
        continue;
      if (!isPure(User) || Found.size() > Most)
        return std::nullopt;
      llvm::append_range(Work, User->getResults());
    }
  }
  auto IsFound = [&](Value V) {
    return V && V.getDefiningOp() && Found.contains(V.getDefiningOp());
  };
  if (llvm::any_of(Inputs, IsFound) || llvm::any_of(Dying, [&](Operation *Op) {
        return llvm::any_of(Op->getOperands(), IsFound);
      }))
    return std::nullopt;
  SmallVector<Operation *> Ordered = Found.takeVector();
  llvm::sort(Ordered,
             [](Operation *A, Operation *B) { return A->isBeforeInBlock(B); });
  return Ordered;
}

//===----------------------------------------------------------------------===//
// The op
//===----------------------------------------------------------------------===//

namespace {
class AttentionFuser {
public:
  AttentionFuser(onnx::MatMulOp Sum, Fuser &F) : Sum(Sum), F(F) {}
  bool run();

private:
  bool matchWeights();
  void matchKeys();
  bool checkTypes();
  void takeRepeats();
  bool takeCache();
  bool checkMask();
  void takeRows();
  bool findReaders();
  void build();
  Value buildMask(NodeBuilder &B);
  /// Queries, keys and values as operands.
  void buildRows(NodeBuilder &B, Value (&Operands)[3]);

  bool asRows() const { return Q && Key && Val; }
  Operation *getEnd() { return asRows() ? Join.getOperation() : Sum; }

  onnx::MatMulOp Sum;
  Fuser &F;
  Trail T;
  Scores S;
  bool Cleared = false, Causal = false;
  /// K is [b, h, t, d] once transposed by KeyPerm (empty: as it is).
  Value K, V;
  SmallVector<int64_t> KeyPerm;
  std::optional<Cached> CacheK, CacheV;
  SmallVector<Operation *> Dying, Readers;
  /// Rows instead of heads, if all of them come so and the result, turned and
  /// joined, goes so.
  HeadRows Q, Key, Val;
  onnx::TransposeOp Turn;
  onnx::ReshapeOp Join;
};
} // namespace

/// From the sum down to the product of queries and keys.
bool AttentionFuser::matchWeights() {
  using namespace onnx;
  Value Weights = peel(Sum.getA(), &T);
  // Rows that see nothing may be cleared.
  if (auto Where = Weights.getDefiningOp<WhereOp>()) {
    auto IsNaN = Where.getCondition().getDefiningOp<IsNaNOp>();
    if (!IsNaN || IsNaN.getX() != Where.getY() || !isUniform(Where.getX(), 0))
      return false;
    T.pass(Where);
    T.pass(IsNaN);
    Weights = peel(Where.getY(), &T);
    Cleared = true;
  }
  auto Softmax = Weights.getDefiningOp<SoftmaxOp>();
  if (!Softmax || fromFront(Softmax.getAxis(), 4) != 3)
    return false;
  T.pass(Softmax);
  // A cleared row was not a number, which only minus infinity gives.
  return matchScores(Softmax.getInput(), S, T) && !(Cleared && !S.Mask);
}

/// The keys before they were turned for the product, and scales of either side.
void AttentionFuser::matchKeys() {
  S.Scale *= takeScale(S.Q, T) * takeScale(S.KT, T);
  V = Sum.getB();
  if (auto Swap = S.KT.getDefiningOp<onnx::TransposeOp>()) {
    K = Swap.getData();
    S.Scale *= takeScale(K, T);
    KeyPerm = swapLast(getPermutation(Swap));
    if (llvm::is_sorted(KeyPerm))
      KeyPerm.clear();
  } else {
    K = S.KT;
    KeyPerm = {0, 1, 3, 2};
  }
}

bool AttentionFuser::checkTypes() {
  RankedTensorType QT = getRanked(S.Q), KTT = getRanked(S.KT),
                   VT = getRanked(V);
  return QT && KTT && VT && QT.getRank() == 4 && KTT.getRank() == 4 &&
         VT.getRank() == 4 && !QT.isDynamicDim(1) && !QT.isDynamicDim(3) &&
         !VT.isDynamicDim(3) && sameDim(QT, 0, KTT, 0) &&
         sameDim(QT, 1, KTT, 1) && sameDim(QT, 3, KTT, 2) &&
         sameDim(VT, 0, KTT, 0) && sameDim(VT, 1, KTT, 1) && S.Cap >= 0;
}

/// Keys and values before they were repeated.
void AttentionFuser::takeRepeats() {
  Trail Repeats;
  Value ShortK = KeyPerm.empty() ? beforeRepeat(K, Repeats) : Value(),
        ShortV = beforeRepeat(V, Repeats);
  if (!ShortK || !ShortV ||
      !sameDim(getRanked(ShortK), 1, getRanked(ShortV), 1))
    return;
  K = ShortK;
  V = ShortV;
  for (Operation *Op : Repeats.ops())
    T.pass(Op);
}

/// What is in front of and behind the past; false if there is none.
bool AttentionFuser::takeCache() {
  CacheV = findCached(V, /*Swapped=*/false);
  if (KeyPerm.empty())
    CacheK = findCached(K, /*Swapped=*/false);
  else if (K == S.KT)
    CacheK = findCached(K, /*Swapped=*/true);
  auto IsOwn = [&](std::optional<Cached> &C) {
    return C && C->Whole->getBlock() == Sum->getBlock() &&
           getRank(C->Past) == 4 && getRank(C->New) == 4 &&
           getRanked(C->Past).getDimSize(1) ==
               getRanked(C->New).getDimSize(1) &&
           !getRanked(C->New).isDynamicDim(1);
  };
  return IsOwn(CacheK) && IsOwn(CacheV) && CacheK->Whole != CacheV->Whole;
}

/// The mask hides what the op would hide, and does not widen the scores.
bool AttentionFuser::checkMask() {
  RankedTensorType QT = getRanked(S.Q), KTT = getRanked(S.KT);
  SmallVector<int64_t> Shape = {1, QT.getDimSize(0), QT.getDimSize(1),
                                QT.getDimSize(2), KTT.getDimSize(3)};
  Causal = false;
  if (S.Windows && (S.Boolean || !broadcastsTo(getRanked(S.Windows), Shape)))
    return false;
  if (!S.Mask)
    return true;
  const onnx::SizeAnalysis &Sizes = F.getSizes(Sum);
  auto Queries = Sizes.getSize(S.Q, 2), Keys = Sizes.getSize(S.KT, 3);
  // The op counts positions from the end of the past.
  bool Aligned =
      Queries && Keys &&
      (CacheK ? Sizes.getSize(CacheK->New, CacheK->Swapped ? 3 : 2) == Queries
              : Queries == Keys);
  Causal = Aligned && !S.Windows && isCausal(S, *Queries, *Keys, Sizes);
  return Causal ||
         (broadcastsTo(getRanked(S.Mask), ArrayRef(Shape).drop_front()) &&
          (!S.Finite || everyRowSees(S)));
}

void AttentionFuser::takeRows() {
  Q = Key = Val = {};
  Turn = dyn_cast_or_null<onnx::TransposeOp>(getSingleUser(Sum.getY()));
  Join = Turn ? dyn_cast_or_null<onnx::ReshapeOp>(
                    getSingleUser(Turn.getTransposed()))
              : nullptr;
  if (!Join || Join.getData() != Turn.getTransposed() ||
      !(getPermutation(Turn) == SmallVector<int64_t>{0, 2, 1, 3} ||
        (getPermutation(Turn) == SmallVector<int64_t>{2, 0, 1, 3} &&
         getRanked(S.Q).getDimSize(0) == 1)))
    return;
  int64_t Wide = getRanked(S.Q).getDimSize(1) * getRanked(V).getDimSize(3);
  RankedTensorType Joined = getRanked(Join.getReshaped());
  auto Given = getInts(Join.getShape());
  if (!Joined || Joined.getRank() == 0 || Joined.getShape().back() != Wide ||
      (Given &&
       llvm::is_contained(
           ArrayRef(*Given).drop_front(std::min<size_t>(2, Given->size())), 0)))
    return;
  Q = findHeadRows(S.Q);
  if (CacheK)
    Key = findHeadRows(CacheK->New, CacheK->Swapped ? HeadLayout::PositionsLast
                                                    : HeadLayout::HeadsFirst);
  else if (KeyPerm.empty())
    Key = findHeadRows(K);
  // A scale inside the transpose is not part of the rows.
  else if (auto Swap = S.KT.getDefiningOp<onnx::TransposeOp>();
           !Swap || Swap.getData() == K)
    Key = findHeadRows(S.KT, HeadLayout::PositionsLast);
  Val = findHeadRows(CacheV ? CacheV->New : V);
}

/// Whether present keys and values may come as late as the op does.
bool AttentionFuser::findReaders() {
  Dying.assign(T.ops().begin(), T.ops().end());
  Dying.push_back(Sum);
  if (asRows())
    Dying.append({Turn, Join});
  if (auto Swap = singleUse<onnx::TransposeOp>(S.KT))
    Dying.push_back(Swap);
  auto Found =
      ::findReaders({CacheK->Whole, CacheV->Whole}, getEnd(), Dying,
                    {S.Q, S.Mask, CacheK->Past, CacheK->New, CacheV->Past,
                     CacheV->New, Q.Rows, Key.Rows, Val.Rows});
  Readers = Found.value_or(SmallVector<Operation *>());
  return Found.has_value();
}

Value AttentionFuser::buildMask(NodeBuilder &B) {
  if (Causal)
    return {};
  Value Mask = S.Mask;
  if (Mask && S.Boolean && S.Hides)
    Mask = B.op("Not", {Mask});
  if (!S.Windows)
    return Mask;
  Value Windows =
      B.reshape(S.Windows, getRanked(S.Windows).getShape().drop_front());
  return Mask ? B.op("Add", {Windows, Mask}) : Windows;
}

void AttentionFuser::buildRows(NodeBuilder &B, Value (&Operands)[3]) {
  HeadRows *Inputs[] = {&Q, &Key, &Val};
  for (auto [I, In] : llvm::enumerate(Inputs))
    Operands[I] = I && In->Rows == Q.Rows ? Operands[0] : In->all(B);
  // Three equal parts of one projection, or each a part of its own.
  int64_t All = getRanked(Operands[0]).getDimSize(2), Third = All / 3;
  bool Thirds = llvm::all_equal(ArrayRef<Value>(Operands)) && All % 3 == 0;
  for (auto [I, In] : llvm::enumerate(Inputs))
    Thirds &= In->Count * In->Size == Third && In->Offset == int64_t(I) * Third;
  if (Thirds) {
    Operation *Split =
        B.node("Split", {Operands[0], B.ints({Third, Third, Third})},
               B.attr("axis", int64_t(2)), {}, 3);
    llvm::copy(Split->getResults(), Operands);
    return;
  }
  for (auto [I, In] : llvm::enumerate(Inputs))
    Operands[I] = In->partOf(B, Operands[I]);
}

void AttentionFuser::build() {
  Operation *End = getEnd();
  if (asRows()) {
    T.pass(Sum);
    T.pass(Turn);
  }
  NodeBuilder B = F.at(End, T.ops());
  SmallVector<NamedAttribute> Attrs = {B.attr("scale", S.Scale)};
  if (S.Cap > 0)
    Attrs.push_back(B.attr("softcap", S.Cap));
  if (Causal)
    Attrs.push_back(B.attr("is_causal", int64_t(1)));
  Value Mask = buildMask(B), Operands[3];
  if (asRows()) {
    Attrs.push_back(B.attr("q_num_heads", Q.Count));
    Attrs.push_back(B.attr("kv_num_heads", Key.Count));
    buildRows(B, Operands);
  } else {
    Operands[0] = S.Q;
    Operands[1] = CacheK ? CacheK->New : K;
    Operands[2] = CacheV ? CacheV->New : V;
    if (!KeyPerm.empty())
      Operands[1] = B.transpose(Operands[1], KeyPerm);
  }
  SmallVector<Value> All(std::begin(Operands), std::end(Operands));
  All.push_back(Mask);
  if (CacheK) {
    Value PastK =
        CacheK->Swapped ? B.transpose(CacheK->Past, KeyPerm) : CacheK->Past;
    All.append({PastK, CacheV->Past});
  }
  Operation *Op = B.node("Attention", All, Attrs);
  if (CacheK) {
    Value Present = Op->getResult(1);
    if (CacheK->Swapped)
      Present = B.transpose(Present, KeyPerm);
    for (Operation *Reader : llvm::reverse(Readers))
      Reader->moveAfter(End);
    auto Lives = [&](OpOperand &Use) {
      return !llvm::is_contained(Dying, Use.getOwner());
    };
    CacheK->Whole.getConcatResult().replaceUsesWithIf(Present, Lives);
    CacheV->Whole.getConcatResult().replaceUsesWithIf(Op->getResult(2), Lives);
  }
  Value Y = Op->getResult(0), Old = End->getResult(0);
  if (asRows() && Y.getType() != Old.getType())
    Y = B.op("Reshape", {Y, Join.getShape()},
             B.attr("allowzero", int64_t(Join.getAllowzero())), Old.getType());
  else if (!asRows())
    Y.setType(Old.getType());
  F.replace(End, Y);
}

bool AttentionFuser::run() {
  RankedTensorType Result = getRanked(Sum.getY());
  if (!Result || Result.getRank() != 4 || !isFloat(Sum.getY()) ||
      !matchWeights())
    return false;
  matchKeys();
  if (!checkTypes() || !T.isClosed(Sum))
    return false;
  takeRepeats();
  if (takeCache() && checkMask()) {
    takeRows();
    if (findReaders()) {
      build();
      return true;
    }
  }
  CacheK.reset();
  CacheV.reset();
  if (!checkMask())
    return false;
  takeRows();
  build();
  return true;
}

/// softmax(scores) * V
static bool fuseAttention(Operation *Root, Fuser &F) {
  return AttentionFuser(cast<onnx::MatMulOp>(Root), F).run();
}

namespace {
struct FuseAttentionPass
    : graph::impl::GraphFuseAttentionBase<FuseAttentionPass> {
  void runOnOperation() override {
    const Fusion Table[] = {{"onnx.MatMul", fuseAttention, &Attentions}};
    fuse(getOperation(), Table);
  }
};
} // namespace

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
/// Rows instead of heads, if all of them come so and the result, turned and
/// joined, goes so.
struct RowForm {
  HeadRows Q, Key, Val;
  onnx::TransposeOp Turn;
  onnx::ReshapeOp Join;

  explicit operator bool() const { return Join && Q && Key && Val; }
  /// What makes rows of \p Y, heads of \p Size numbers each.
  bool findEnd(Value Y, int64_t Size);
  /// Queries, keys and values as operands.
  void makeOperands(NodeBuilder &B, Value (&Operands)[3]);
  /// \p Y, rows, in the shape that the model gives them.
  Value makeResult(NodeBuilder &B, Value Y);
};
} // namespace

bool RowForm::findEnd(Value Y, int64_t Size) {
  Join = {};
  RankedTensorType Type = getRanked(Y);
  Turn = dyn_cast_or_null<onnx::TransposeOp>(getSingleUser(Y));
  auto End = Turn ? dyn_cast_or_null<onnx::ReshapeOp>(
                        getSingleUser(Turn.getTransposed()))
                  : nullptr;
  if (!End || End.getData() != Turn.getTransposed() ||
      !(getPermutation(Turn) == SmallVector<int64_t>{0, 2, 1, 3} ||
        (getPermutation(Turn) == SmallVector<int64_t>{2, 0, 1, 3} &&
         Type.getDimSize(0) == 1)))
    return false;
  RankedTensorType Joined = getRanked(End.getReshaped());
  auto Given = getInts(End.getShape());
  if (!Joined || Joined.getRank() == 0 ||
      Joined.getShape().back() != Type.getDimSize(1) * Size ||
      (Given &&
       llvm::is_contained(
           ArrayRef(*Given).drop_front(std::min<size_t>(2, Given->size())), 0)))
    return false;
  Join = End;
  return true;
}

void RowForm::makeOperands(NodeBuilder &B, Value (&Operands)[3]) {
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

Value RowForm::makeResult(NodeBuilder &B, Value Y) {
  Type Wanted = Join.getReshaped().getType();
  if (Y.getType() == Wanted)
    return Y;
  return B.op("Reshape", {Y, Join.getShape()},
              B.attr("allowzero", int64_t(Join.getAllowzero())), Wanted);
}

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

  Operation *getEnd() { return Rows ? Rows.Join.getOperation() : Sum; }

  onnx::MatMulOp Sum;
  Fuser &F;
  Trail T;
  Scores S;
  bool Cleared = false, Causal = false, AsBoolean = false;
  /// K is [b, h, t, d] once transposed by KeyPerm (empty: as it is).
  Value K, V;
  SmallVector<int64_t> KeyPerm;
  std::optional<Cached> CacheK, CacheV;
  SmallVector<Operation *> Dying, Readers;
  RowForm Rows;
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
  return matchScores(Softmax.getInput(), S, T) && !(Cleared && S.Masks.empty());
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
         (sameDim(QT, 1, KTT, 1) || KTT.getDimSize(1) == 1) &&
         sameDim(QT, 3, KTT, 2) && sameDim(VT, 0, KTT, 0) &&
         sameDim(VT, 1, KTT, 1) && S.Cap >= 0;
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
  if (S.Windows && !broadcastsTo(getRanked(S.Windows), Shape))
    return false;
  if (S.Masks.size() == 1 && !S.Windows) {
    const onnx::SizeAnalysis &Sizes = F.getSizes(Sum);
    auto Queries = Sizes.getSize(S.Q, 2), Keys = Sizes.getSize(S.KT, 3);
    // The op counts positions from the end of the past.
    bool Aligned =
        Queries && Keys &&
        (CacheK ? Sizes.getSize(CacheK->New, CacheK->Swapped ? 3 : 2) == Queries
                : Queries == Keys);
    // Where the mask is there already, reading it is cheapest.
    Causal = Aligned && !isConstant(S.Masks[0].V) &&
             isCausal(S.Masks[0], *Queries, *Keys, Sizes);
    if (Causal)
      return true;
  }
  // A single boolean mask may stay one; among others each is added.
  Type Element = QT.getElementType();
  AsBoolean = S.Masks.size() == 1 && !S.Windows && S.Masks[0].Boolean &&
              (std::isinf(S.Masks[0].Filler) || everyRowSees(S.Masks[0]));
  return llvm::all_of(S.Masks, [&](const ScoreMask &M) {
    return broadcastsTo(getRanked(M.V), ArrayRef(Shape).drop_front()) &&
           (!M.Boolean || AsBoolean || absorbsScores(M, Element));
  });
}

void AttentionFuser::takeRows() {
  Rows = RowForm();
  if (!Rows.findEnd(Sum.getY(), getRanked(V).getDimSize(3)))
    return;
  Rows.Q = findHeadRows(S.Q);
  if (CacheK)
    Rows.Key =
        findHeadRows(CacheK->New, CacheK->Swapped ? HeadLayout::PositionsLast
                                                  : HeadLayout::HeadsFirst);
  else if (KeyPerm.empty())
    Rows.Key = findHeadRows(K);
  // A scale inside the transpose is not part of the rows.
  else if (auto Swap = S.KT.getDefiningOp<onnx::TransposeOp>();
           !Swap || Swap.getData() == K)
    Rows.Key = findHeadRows(S.KT, HeadLayout::PositionsLast);
  Rows.Val = findHeadRows(CacheV ? CacheV->New : V);
}

/// Whether present keys and values may come as late as the op does.
bool AttentionFuser::findReaders() {
  Dying.assign(T.ops().begin(), T.ops().end());
  Dying.push_back(Sum);
  if (Rows)
    Dying.append({Rows.Turn, Rows.Join});
  if (auto Swap = singleUse<onnx::TransposeOp>(S.KT))
    Dying.push_back(Swap);
  SmallVector<Value> Inputs = {S.Q,           CacheK->Past, CacheK->New,
                               CacheV->Past,  CacheV->New,  Rows.Q.Rows,
                               Rows.Key.Rows, Rows.Val.Rows};
  for (const ScoreMask &M : S.Masks)
    Inputs.push_back(M.V);
  auto Found =
      ::findReaders({CacheK->Whole, CacheV->Whole}, getEnd(), Dying, Inputs);
  Readers = Found.value_or(SmallVector<Operation *>());
  return Found.has_value();
}

Value AttentionFuser::buildMask(NodeBuilder &B) {
  if (Causal)
    return {};
  if (AsBoolean)
    return S.Masks[0].Hides ? B.op("Not", {S.Masks[0].V}) : S.Masks[0].V;
  Type Element = getRanked(S.Q).getElementType();
  SmallVector<Value> Added;
  if (S.Windows)
    Added.push_back(
        B.reshape(S.Windows, getRanked(S.Windows).getShape().drop_front()));
  // The innermost first, as they were added.
  for (const ScoreMask &M : llvm::reverse(S.Masks)) {
    if (!M.Boolean) {
      Added.push_back(M.V);
      continue;
    }
    Value Seen = B.scalar(Element, 0), Hidden = B.scalar(Element, M.Filler);
    if (M.Hides)
      std::swap(Seen, Hidden);
    Added.push_back(B.op("Where", {M.V, Seen, Hidden}));
  }
  Value All;
  for (Value V : Added)
    All = All ? B.op("Add", {All, V}) : V;
  return All;
}

void AttentionFuser::build() {
  Operation *End = getEnd();
  if (Rows) {
    T.pass(Sum);
    T.pass(Rows.Turn);
  }
  NodeBuilder B = F.at(End, T.ops());
  SmallVector<NamedAttribute> Attrs = {B.attr("scale", S.Scale)};
  if (S.Cap > 0)
    Attrs.push_back(B.attr("softcap", S.Cap));
  if (Causal)
    Attrs.push_back(B.attr("is_causal", int64_t(1)));
  Value Mask = buildMask(B), Operands[3];
  if (Rows) {
    Attrs.push_back(B.attr("q_num_heads", Rows.Q.Count));
    Attrs.push_back(B.attr("kv_num_heads", Rows.Key.Count));
    Rows.makeOperands(B, Operands);
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
  Value Y = Op->getResult(0);
  if (Rows)
    Y = Rows.makeResult(B, Y);
  else
    Y.setType(End->getResult(0).getType());
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

/// An attention of heads takes their rows once it is known where they are from.
static bool takeRows(Operation *Root, Fuser &F) {
  auto Op = cast<onnx::AttentionOp>(Root);
  if (getRank(Op.getQ()) != 4 || getRank(Op.getK()) != 4 ||
      getRank(Op.getV()) != 4 || !Op->getResult(3).use_empty())
    return false;
  RowForm Rows;
  if (!Rows.findEnd(Op.getY(), getRanked(Op.getV()).getDimSize(3)))
    return false;
  Rows.Q = findHeadRows(Op.getQ());
  Rows.Key = findHeadRows(Op.getK());
  Rows.Val = findHeadRows(Op.getV());
  if (!Rows)
    return false;
  // In front of the op itself, whose other results may be read at once.
  NodeBuilder B = F.at(Root, {Rows.Turn, Rows.Join});
  Value Operands[3];
  Rows.makeOperands(B, Operands);
  SmallVector<Value> All(std::begin(Operands), std::end(Operands));
  for (unsigned I : {3u, 4u, 5u, 6u})
    All.push_back(getOperand(Root, I));
  SmallVector<NamedAttribute> Attrs(Root->getAttrs());
  llvm::erase_if(Attrs, [](NamedAttribute A) {
    return A.getName().strref().contains("segment") ||
           A.getName().strref().ends_with("num_heads");
  });
  Attrs.push_back(B.attr("q_num_heads", Rows.Q.Count));
  Attrs.push_back(B.attr("kv_num_heads", Rows.Key.Count));
  Operation *New = B.node("Attention", All, Attrs);
  for (unsigned I : {1u, 2u})
    Root->getResult(I).replaceAllUsesWith(New->getResult(I));
  NodeBuilder AtEnd = F.at(Rows.Join, {Root, Rows.Turn});
  return F.replace(Rows.Join, Rows.makeResult(AtEnd, New->getResult(0)));
}

namespace {
struct FuseAttentionPass
    : graph::impl::GraphFuseAttentionBase<FuseAttentionPass> {
  void runOnOperation() override {
    const Fusion Table[] = {
        {"onnx.MatMul", fuseAttention, &Attentions},
        {"onnx.Attention", takeRows, &OfRows},
    };
    fuse(getOperation(), Table);
  }
};
} // namespace

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
//
// A boolean mask hides with minus infinity: a finite filler is only the same
// where every row sees at least one key, which must be provable.
//
//===----------------------------------------------------------------------===//

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

namespace {
/// What was found between the softmax and the product of queries and keys.
struct Scores {
  Value Q, KT; // [b, h, s, d], [b, h, d, t]
  double Scale = 1, Cap = 0;
  Value Mask;
  /// A second mask, over windows that are the batch: [1, b, h or 1, s, t].
  Value Windows;
  /// The mask is boolean; \c Hides: true means hidden.
  bool Boolean = false, Hides = false;
};
} // namespace

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

/// Every row of the condition has an element that is \p Shown: the first one.
static bool everyRowSees(Value Condition, bool Shown) {
  // Slices from the start of the last dimension keep its first element.
  while (Operation *Op = Condition.getDefiningOp()) {
    if (auto Slice = dyn_cast<onnx::SliceOp>(Op)) {
      auto Starts = getInts(Slice.getStarts()),
           Axes = getInts(getOperand(Op, 3));
      int64_t Rank = getRank(Slice.getData());
      if (Rank < 1 || !Axes)
        return false;
      for (auto [I, Axis] : llvm::enumerate(*Axes)) {
        if (fromFront(Axis, Rank) != Rank - 1)
          continue;
        auto Steps = getInts(getOperand(Op, 4));
        if (!Starts || (*Starts)[I] != 0 ||
            (getOperand(Op, 4) && (!Steps || (*Steps)[I] != 1)))
          return false;
      }
      Condition = Slice.getData();
      continue;
    }
    if (isa<onnx::CastOp>(Op) || (isa<onnx::UnsqueezeOp>(Op) && [&] {
          auto Axes = getAxes(Op);
          return Axes &&
                 !llvm::is_contained(*Axes, getRank(Op->getResult(0)) - 1);
        }())) {
      Condition = Op->getOperand(0);
      continue;
    }
    if (auto Not = dyn_cast<onnx::NotOp>(Op)) {
      Condition = Not.getX();
      Shown = !Shown;
      continue;
    }
    break;
  }
  auto View = getConstant(Condition);
  if (!View || View->getShape().empty() || View->size() == 0)
    return false;
  int64_t Row = View->getShape().back();
  for (int64_t I = 0; I < View->size(); I += Row)
    if ((View->getNumber(I) != 0) != Shown)
      return false;
  return true;
}

/// \p Mask broadcasts to scores of shape \p S and never the other way round.
static bool broadcastsTo(RankedTensorType Mask, ArrayRef<int64_t> S) {
  if (!Mask || Mask.getRank() == 0 || Mask.getRank() > int64_t(S.size()))
    return false;
  for (auto [M, D] :
       llvm::zip(llvm::reverse(Mask.getShape()), llvm::reverse(S)))
    if (M != 1 && M != D && !(ShapedType::isDynamic(M) && D != 1))
      return false;
  return true;
}

/// [b, ..] as [1, b, ..] plus a mask of windows, and back: the mask of a
/// shifted Swin block. \p V becomes the scores, \p Windows the mask.
static bool matchWindows(Value &V, Value &Windows, Trail &T) {
  using namespace onnx;
  RankedTensorType Type = getStatic(V);
  if (!Type || Type.getRank() != 4)
    return false;
  for (unsigned I : {0u, 1u}) {
    Value Inner = peel(V.getDefiningOp<ReshapeOp>().getData());
    auto Add = Inner.getDefiningOp<AddOp>();
    auto Split =
        Add ? peel(Add->getOperand(I)).getDefiningOp<ReshapeOp>() : nullptr;
    if (!Split || Split.getData().getType() != Type)
      continue;
    RankedTensorType Five = getStatic(Split.getReshaped()),
                     Mask = getStatic(Add->getOperand(1 - I));
    if (!Five || Five != Inner.getType() || Five.getRank() != 5 || !Mask ||
        Five.getShape().front() != 1 || Mask.getRank() != 5 ||
        Five.getShape().drop_front() != Type.getShape())
      continue;
    Windows = Add->getOperand(1 - I);
    T.pass(Add);
    T.pass(Split);
    V = Split.getData();
    return true;
  }
  return false;
}

/// Takes masks, cap and scale off, from the softmax down to the product.
static bool matchScores(Value V, Scores &S, Trail &T) {
  for (unsigned Steps = 0; Steps < 8; ++Steps) {
    V = peel(V, &T);
    Operation *Op = V.getDefiningOp();
    if (!Op)
      return false;
    T.pass(Op);
    if (auto Product = dyn_cast<onnx::MatMulOp>(Op)) {
      S.Q = Product.getA();
      S.KT = Product.getB();
      return true;
    }
    if (isa<onnx::MulOp, onnx::DivOp>(Op)) {
      // scale * x, x * scale, x / scale; tanh(x / cap) * cap
      bool Divides = isa<onnx::DivOp>(Op);
      for (unsigned I : {1u, 0u}) {
        if (Divides && I == 0)
          return false;
        auto Number = getUniform(Op->getOperand(I));
        if (!Number)
          continue;
        V = Op->getOperand(1 - I);
        if (auto Tanh = V.getDefiningOp<onnx::TanhOp>()) {
          if (Divides || S.Cap || S.Scale != 1)
            return false;
          T.pass(Tanh);
          S.Cap = *Number;
          Product P = Product::of(Tanh.getInput());
          // x / cap, with what else scales x.
          if (P.Powers.size() != 1 || P.Powers[0].second != 1)
            return false;
          for (Operation *Inner : P.Ops)
            T.pass(Inner);
          S.Scale = P.Factor * S.Cap;
          V = P.Powers[0].first;
        } else {
          S.Scale *= Divides ? 1 / *Number : *Number;
        }
        Op = nullptr;
        break;
      }
      if (Op)
        return false;
      continue;
    }
    // One mask, on the scaled scores.
    if (S.Mask || S.Cap || S.Scale != 1)
      return false;
    if (isa<onnx::ReshapeOp>(Op)) {
      if (S.Windows || !matchWindows(V, S.Windows, T))
        return false;
      continue;
    }
    if (auto Where = dyn_cast<onnx::WhereOp>(Op)) {
      S.Mask = Where.getCondition();
      S.Boolean = true;
      auto Filler = getUniform(Where.getY());
      V = Where.getX();
      if (!Filler) {
        Filler = getUniform(Where.getX());
        V = Where.getY();
        S.Hides = true;
      }
      if (!Filler || *Filler > -1e4 ||
          (!std::isinf(*Filler) && !everyRowSees(S.Mask, !S.Hides)))
        return false;
      continue;
    }
    if (!isa<onnx::AddOp>(Op))
      return false;
    // The side that leads to the product.
    for (unsigned I : {0u, 1u}) {
      Scores Deeper = S;
      Deeper.Mask = Op->getOperand(1 - I);
      auto Mark = T.mark();
      if (!isConstant(Op->getOperand(I)) &&
          matchScores(Op->getOperand(I), Deeper, T) &&
          // More masks would be found first.
          Deeper.Mask == Op->getOperand(1 - I)) {
        S = Deeper;
        return true;
      }
      T.undo(Mark);
    }
    return false;
  }
  return false;
}

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

/// A number that \p V is scaled by alone; V becomes what is scaled.
static double takeScale(Value &V, Trail &T) {
  V = peel(V, &T);
  auto *Op = V.getDefiningOp();
  if (!isa_and_nonnull<onnx::MulOp, onnx::DivOp>(Op) || !V.hasOneUse())
    return 1;
  for (unsigned I : {1u, 0u}) {
    auto Number = getUniform(Op->getOperand(I));
    if (!Number || (I == 0 && isa<onnx::DivOp>(Op)) ||
        Op->getOperand(1 - I).getType() != V.getType())
      continue;
    T.pass(Op);
    V = Op->getOperand(1 - I);
    return isa<onnx::DivOp>(Op) ? 1 / *Number : *Number;
  }
  return 1;
}

static bool sameDim(RankedTensorType A, int64_t I, RankedTensorType B,
                    int64_t J) {
  return A.getDimSize(I) == B.getDimSize(J);
}

//===----------------------------------------------------------------------===//
// The op
//===----------------------------------------------------------------------===//

/// softmax(scores) * V
static bool fuseAttention(Operation *Root, Fuser &F) {
  using namespace onnx;
  auto Sum = cast<MatMulOp>(Root);
  RankedTensorType Result = getRanked(Sum.getY());
  if (!Result || Result.getRank() != 4 || !isFloat(Sum.getY()))
    return false;
  Trail T;
  Value Weights = peel(Sum.getA(), &T);
  // Rows that see nothing may be cleared.
  bool Cleared = false;
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
  Scores S;
  if (!matchScores(Softmax.getInput(), S, T))
    return false;

  // Scales of either side.
  S.Scale *= takeScale(S.Q, T) * takeScale(S.KT, T);
  Value V = Sum.getB(), K;
  SmallVector<int64_t> KeyPerm;
  if (auto Swap = S.KT.getDefiningOp<TransposeOp>()) {
    Value Before = Swap.getData();
    S.Scale *= takeScale(Before, T);
    KeyPerm = swapLast(getPermutation(Swap));
    K = Before;
  }
  RankedTensorType QT = getRanked(S.Q), KTT = getRanked(S.KT),
                   VT = getRanked(V);
  if (!K || !QT || !KTT || !VT || QT.getRank() != 4 || KTT.getRank() != 4 ||
      VT.getRank() != 4 || QT.isDynamicDim(1) || QT.isDynamicDim(3) ||
      VT.isDynamicDim(3) || !sameDim(QT, 0, KTT, 0) ||
      !sameDim(QT, 1, KTT, 1) || !sameDim(QT, 3, KTT, 2) ||
      !sameDim(VT, 0, KTT, 0) || !sameDim(VT, 1, KTT, 1) || S.Cap < 0 ||
      !T.isClosed(Root))
    return false;
  if (S.Windows && S.Boolean)
    return false;
  if (S.Windows && !broadcastsTo(getRanked(S.Windows),
                                 {1, QT.getDimSize(0), QT.getDimSize(1),
                                  QT.getDimSize(2), KTT.getDimSize(3)}))
    return false;
  if (S.Mask &&
      !broadcastsTo(getRanked(S.Mask), {QT.getDimSize(0), QT.getDimSize(1),
                                        QT.getDimSize(2), KTT.getDimSize(3)}))
    return false;
  // A cleared row was not a number, which only minus infinity gives.
  if (Cleared && !S.Mask)
    return false;

  // Keys and values before they were repeated.
  bool KeyIsPlain = llvm::equal(KeyPerm, llvm::seq<int64_t>(0, 4));
  int64_t KeyHeads = QT.getDimSize(1);
  Trail Repeats;
  Value ShortK = KeyIsPlain ? beforeRepeat(K, Repeats) : Value(),
        ShortV = beforeRepeat(V, Repeats);
  if (ShortK && ShortV && sameDim(getRanked(ShortK), 1, getRanked(ShortV), 1)) {
    K = ShortK;
    V = ShortV;
    KeyHeads = getRanked(K).getDimSize(1);
    for (Operation *Op : Repeats.ops())
      T.pass(Op);
  } else {
    ShortK = ShortV = {};
  }

  // Rows instead of heads, if all of them come so and the result goes so.
  HeadRows Q, Key, Val;
  auto Turn = dyn_cast_or_null<TransposeOp>(getSingleUser(Sum.getY()));
  auto Join =
      Turn ? dyn_cast_or_null<ReshapeOp>(getSingleUser(Turn.getTransposed()))
           : nullptr;
  int64_t Heads = QT.getDimSize(1), Wide = Heads * VT.getDimSize(3);
  bool AsRows = Turn && Join && Join.getData() == Turn.getTransposed() &&
                (getPermutation(Turn) == SmallVector<int64_t>{0, 2, 1, 3} ||
                 (getPermutation(Turn) == SmallVector<int64_t>{2, 0, 1, 3} &&
                  QT.getDimSize(0) == 1));
  if (AsRows) {
    RankedTensorType Joined = getRanked(Join.getReshaped());
    auto Given = getInts(Join.getShape());
    AsRows =
        Joined && Joined.getRank() > 0 && Joined.getShape().back() == Wide &&
        !(Given && llvm::is_contained(ArrayRef(*Given).drop_front(
                                          std::min<size_t>(2, Given->size())),
                                      0));
  }
  if (AsRows) {
    Q = findHeadRows(S.Q);
    if (ShortK)
      Key = findHeadRows(K);
    else
      Key = findHeadRows(S.KT, /*Swapped=*/true);
    // A scale inside the transpose is not part of the rows.
    if (!ShortK && S.KT.getDefiningOp<TransposeOp>().getData() != K) {
      Key = {};
      if (KeyIsPlain)
        Key = findHeadRows(K);
    }
    Val = findHeadRows(V);
    AsRows = Q && Key && Val;
  }

  Operation *End = AsRows ? Join.getOperation() : Root;
  if (AsRows) {
    T.pass(Root);
    T.pass(Turn);
  }
  NodeBuilder B = F.at(End, T.ops());
  SmallVector<NamedAttribute> Attrs = {B.attr("scale", S.Scale)};
  if (S.Cap > 0)
    Attrs.push_back(B.attr("softcap", S.Cap));
  Value Mask = S.Mask;
  if (Mask && S.Boolean && S.Hides)
    Mask = B.op("Not", {Mask});
  if (S.Windows) {
    Value Windows =
        B.reshape(S.Windows, getRanked(S.Windows).getShape().drop_front());
    Mask = Mask ? B.op("Add", {Windows, Mask}) : Windows;
  }
  if (AsRows) {
    Attrs.push_back(B.attr("q_num_heads", Heads));
    Attrs.push_back(B.attr("kv_num_heads", KeyHeads));
    HeadRows *Inputs[] = {&Q, &Key, &Val};
    Value Rows[3];
    for (auto [I, In] : llvm::enumerate(Inputs))
      Rows[I] = I && In->Rows == Q.Rows ? Rows[0] : In->all(B);
    // Three equal parts of one projection, or each a part of its own.
    int64_t All = getRanked(Rows[0]).getDimSize(2), Third = All / 3;
    bool Thirds = Rows[0] == Rows[1] && Rows[0] == Rows[2] && All % 3 == 0;
    for (auto [I, In] : llvm::enumerate(Inputs))
      Thirds &=
          In->Count * In->Size == Third && In->Offset == int64_t(I) * Third;
    if (Thirds) {
      Operation *Split =
          B.node("Split", {Rows[0], B.ints({Third, Third, Third})},
                 B.attr("axis", int64_t(2)), {}, 3);
      llvm::copy(Split->getResults(), Rows);
    } else {
      for (auto [I, In] : llvm::enumerate(Inputs))
        Rows[I] = In->partOf(B, Rows[I]);
    }
    Value Y = B.op("Attention", {Rows[0], Rows[1], Rows[2], Mask}, Attrs);
    if (Y.getType() != Join.getReshaped().getType())
      Y = B.op("Reshape", {Y, Join.getShape()},
               B.attr("allowzero", int64_t(Join.getAllowzero())),
               Join.getReshaped().getType());
    return F.replace(End, Y);
  }
  if (!KeyIsPlain)
    K = B.transpose(K, KeyPerm);
  Value Y = B.op("Attention", {S.Q, K, V, Mask}, Attrs, Result);
  return F.replace(End, Y);
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

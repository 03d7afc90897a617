//===- Attention.cpp - Attention as two contractions around a softmax ----===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Heads are dimensions of views, never copies: the indexing maps of the two
// contractions read Q, K and V where the projections left them ([b, s, h, d] or
// [b, h, s, d]) and write Y where the next projection wants it. Only the keys
// are turned, once, where many queries read them. Query heads
// that share a key head are a loop that K and V do not depend on. Scale, cap
// and mask are one elementwise op on the scores, an epilogue of the first
// contraction.
//
// What this form does not do (windows, padded keys, scores as a result) is
// expanded into simpler ops before (ONNX/AttentionExpansion.h);
// `lowersAttention` is the question that both ask.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "Common.h"
#include "Softmax.h"
#include "lathe/ONNX/AttentionExpansion.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;

namespace lathe::lower {

using Iterator = utils::IteratorType;

static RankedTensorType ranked(Value V) {
  return V ? dyn_cast<RankedTensorType>(V.getType()) : RankedTensorType();
}

using Heads = onnx::AttentionHeads;

bool lowersAttention(Operation *Any) {
  auto Op = cast<onnx::AttentionOp>(Any);
  std::optional<Heads> H = onnx::headsOf(Op);
  int64_t Left = Op.getLeftWindowSize(), Right = Op.getRightWindowSize();
  if (!H || H->ValueSize <= 0 || Op.getNonpadKvSeqlen() || Left >= 0 ||
      Right >= 0 || !Op->getResult(3).use_empty() ||
      bool(Op.getPastKey()) != bool(Op.getPastValue()))
    return false;
  Type Elem = ranked(Op.getQ()).getElementType();
  if (!isa<FloatType>(Elem))
    return false;
  // The scores are f32, or f64 where the values are.
  if (auto Precision = Op.getSoftmaxPrecision())
    if (onnx::getElementType(Op.getContext(), *Precision) !=
        accumulatorType(Elem))
      return false;
  if (Value Mask = Op.getAttnMask()) {
    RankedTensorType M = ranked(Mask);
    if (!M || M.getRank() == 0 || M.getRank() > 4)
      return false;
    // The heads of a mask are all, one, or a number that the type tells.
    if (M.getRank() > 2) {
      int64_t Own = M.getDimSize(M.getRank() - 3);
      if (Own != 1 && Own != H->Query && H->shared() > 1)
        return false;
    }
  }
  return true;
}

namespace {

/// From so many queries on, one copy of the keys with their positions last is
/// cheaper than turning them in registers for every tile of queries.
constexpr int64_t ManyQueries = 16;

class AttentionLowering {
public:
  AttentionLowering(Node &N, Heads H)
      : N(N), B(N.B), H(H), Query(H.shared() == 1 ? 2 : 3), Key(Query + 1),
        Depth(Query + 2), Flat(N.inRank(0) == 3), Elem(N.inElem(0)),
        Acc(accumulatorType(N.inType(0).getElementType())) {}
  LogicalResult run();

private:
  /// Splits the heads of a [b, s, h * d] or [b, h, s, d]; a query's into two
  /// dimensions.
  Value split(Value X, bool IsQuery, int64_t Size);
  /// Loops that read such a value, with Along for its positions.
  AffineMap access(bool Four, bool IsQuery, int64_t Along, int64_t Last);
  /// [b, s, h * d] as [b, h, s, d], which the cache of the keys is.
  Value headsFirst(Value X, int64_t Size);
  Value masked(Value Scores, ArrayRef<OpFoldResult> Sizes);

  /// One of two loops of the queries of a key head, where it has only one.
  bool single() const { return H.shared() == 1; }
  /// A map from the loops to those named.
  AffineMap loops(ArrayRef<int64_t> Named) {
    return dimsMap(B, Depth + 1, Named);
  }

  Node &N;
  Builder &B;
  Heads H;
  /// Loops of the scores: batch, key head, query heads of it (if more than
  /// one), query, key; then the size of a head.
  const int64_t Batch = 0, Head = 1, Share = 2, Query, Key, Depth;
  bool Flat;
  Type Elem, Acc;
  Value Past; // the number of keys before the first query
};

} // namespace

Value AttentionLowering::split(Value X, bool IsQuery, int64_t Size) {
  bool Four = cast<RankedTensorType>(X.getType()).getRank() == 4;
  SmallVector<OpFoldResult> Parts = {size(B, H.Key)};
  if (IsQuery && !single())
    Parts.push_back(size(B, H.shared()));
  if (!Four)
    Parts.push_back(size(B, Size));
  return Parts.size() == 1 ? X : expandDim(B, X, Four ? 1 : 2, Parts);
}

AffineMap AttentionLowering::access(bool Four, bool IsQuery, int64_t Along,
                                    int64_t Last) {
  SmallVector<int64_t> Dims = {Batch};
  if (!Four)
    Dims.push_back(Along);
  Dims.push_back(Head);
  if (IsQuery && !single())
    Dims.push_back(Share);
  if (Four)
    Dims.push_back(Along);
  Dims.push_back(Last);
  return loops(Dims);
}

Value AttentionLowering::headsFirst(Value X, int64_t Size) {
  if (!Flat)
    return X;
  return transpose(B, split(X, false, Size), {0, 2, 1, 3});
}

/// Scale, cap, mask: one op over the scores.
Value AttentionLowering::masked(Value Scores, ArrayRef<OpFoldResult> Sizes) {
  double Scale = N.hasAttr("scale") ? N.f32("scale", 1)
                                    : 1 / std::sqrt(double(H.QuerySize));
  double Cap = N.f32("softcap", 0);
  bool Causal = N.i64("is_causal", 0);
  SmallVector<Value> Ins = {Scores};
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(Sizes.size())};
  bool Boolean = false;
  if (N.has(3)) {
    Value Mask = N.in(3);
    Boolean = N.inElem(3).isInteger(1);
    int64_t Rank = N.inRank(3);
    // A mask may end before the keys do: what it does not name is hidden.
    OpFoldResult Own = dimOf(B, Mask, Rank - 1), Keys = Sizes.back();
    if (!sameSize(Own, Keys)) {
      SmallVector<OpFoldResult> Low(Rank, size(B, 0)), High = Low;
      High.back() = subSize(B, Keys, Own);
      Type T = cast<RankedTensorType>(Mask.getType()).getElementType();
      Mask = pad(B, Mask, Low, High,
                 scalar::constant(B, T, Boolean ? 0.0 : -INFINITY));
    }
    if (Rank > 2 && !single()) {
      if (N.inShape(3)[Rank - 3] == H.Query && H.Query != 1)
        Mask =
            expandDim(B, Mask, Rank - 3, {size(B, H.Key), size(B, H.shared())});
      else
        Mask = insertUnitDims(B, Mask, {Rank - 2});
    }
    // Where only the run knows whether a size is 1, the mask itself is spread
    // out, once for all layers that share it, and not to the size of the
    // scores.
    SmallVector<OpFoldResult> Want = dimsOf(B, Mask);
    bool Unsure = false;
    for (auto [Have, Full] :
         llvm::zip(llvm::reverse(Want), llvm::reverse(Sizes)))
      if (!isConstantIntValue(Have, 1) && !sameSize(Have, Full)) {
        Have = Full;
        Unsure = true;
      }
    if (Unsure)
      Mask = broadcastTo(B, Mask, Want);
    Maps.push_back(broadcastMap(B, Mask, Sizes));
    Ins.push_back(Mask);
  }
  return pointwise(
      B, Sizes, Ins, Maps, Acc, [&](Builder &IB, ValueRange V) -> Value {
        Value S = V[0], Least = scalar::constant(IB, Acc, -INFINITY);
        if (Scale != 1)
          S = scalar::mul(IB, S, scalar::constant(IB, Acc, Scale));
        if (Cap > 0) {
          Value C = scalar::constant(IB, Acc, Cap);
          S = scalar::mul(
              IB, math::TanhOp::create(IB, arith::DivFOp::create(IB, S, C)), C);
        }
        if (V.size() > 1 && !Boolean)
          S = scalar::add(IB, S, scalar::cast(IB, V[1], V[1].getType(), Acc));
        if (V.size() > 1 && Boolean)
          S = scalar::select(IB, V[1], S, Least);
        if (Causal) {
          Value Row = linalg::IndexOp::create(IB, Query),
                Column = linalg::IndexOp::create(IB, Key);
          if (Past)
            Row = arith::AddIOp::create(IB, Row, Past);
          S = scalar::select(
              IB,
              arith::CmpIOp::create(IB, arith::CmpIPredicate::ule, Column, Row),
              S, Least);
        }
        return S;
      });
}

LogicalResult AttentionLowering::run() {
  Value Q = split(N.in(0), true, H.QuerySize), K = N.in(1), V = N.in(2);
  bool KeyFour = !Flat;
  SmallVector<Value> Results(N.op()->getNumResults());
  if (N.has(4)) {
    Past = sizeValue(B, dimOf(B, N.in(4), 2));
    K = tensor::ConcatOp::create(
        B, 2, ValueRange{N.in(4), headsFirst(K, H.QuerySize)});
    V = tensor::ConcatOp::create(
        B, 2, ValueRange{N.in(5), headsFirst(V, H.ValueSize)});
    KeyFour = true;
    Results[1] = K;
    Results[2] = V;
  } else {
    if (N.outUsed(1))
      Results[1] = headsFirst(K, H.QuerySize);
    if (N.outUsed(2))
      Results[2] = headsFirst(V, H.ValueSize);
    K = split(K, false, H.QuerySize);
    V = split(V, false, H.ValueSize);
  }
  Value Zero = scalar::constant(B, Acc, 0.0);
  auto Init = [&](ArrayRef<OpFoldResult> S) { return filled(B, S, Zero); };
  SmallVector<Iterator> Kinds(Depth + 1, Iterator::parallel);

  int64_t AtKey = KeyFour ? 2 : 1;
  SmallVector<OpFoldResult> Groups = {size(B, H.Key)};
  if (!single())
    Groups.push_back(size(B, H.shared()));
  OpFoldResult Queries = dimOf(B, N.in(0), Flat ? 1 : 2);
  SmallVector<OpFoldResult> Sizes = {dimOf(B, Q, 0)};
  Sizes.append(Groups);
  Sizes.append({Queries, dimOf(B, K, AtKey)});
  // What the scores and the weights are read and written by.
  AffineMap Plain = dimsMap(B, Depth + 1, llvm::to_vector(llvm::seq(Depth)));
  AffineMap KeyMap = access(KeyFour, false, Key, Depth);
  if (std::optional<int64_t> Known = getConstantIntValue(Queries);
      !Known || *Known >= ManyQueries) {
    K = transpose(B, K,
                  KeyFour ? SmallVector<int64_t>{0, 1, 3, 2}
                          : SmallVector<int64_t>{0, 2, 3, 1});
    KeyMap = loops({Batch, Head, Depth, Key});
  }
  Kinds[Depth] = Iterator::reduction;
  Value Scores = contraction(B, {Q, access(!Flat, true, Query, Depth)},
                             {K, KeyMap}, Init(Sizes), Plain, Kinds);
  // A row that may see nothing gives zeros.
  Value Weights = softmax(B, masked(Scores, Sizes), Key, Acc, /*Log=*/false,
                          /*MayHideAll=*/N.has(3));

  // The loops of the second product: Key is what is summed over.
  Kinds[Depth] = Iterator::parallel;
  Kinds[Key] = Iterator::reduction;
  SmallVector<OpFoldResult> OutSizes = {Sizes[0]};
  if (Flat)
    OutSizes.push_back(Queries);
  OutSizes.append(Groups);
  if (!Flat)
    OutSizes.push_back(Queries);
  OutSizes.push_back(size(B, H.ValueSize));
  Value Y =
      contraction(B, {Weights, Plain}, {V, access(KeyFour, false, Key, Depth)},
                  Init(OutSizes), access(!Flat, true, Query, Depth), Kinds);
  Type Out = N.outType().getElementType();
  if (Out != Acc)
    Y = elementwise(B, {Y}, Out, [&](Builder &IB, ValueRange S) {
      return scalar::cast(IB, S[0], Acc, Out);
    });
  if (Flat)
    Y = collapseRange(B, Y, 2, cast<RankedTensorType>(Y.getType()).getRank());
  else if (!single())
    Y = collapseRange(B, Y, 1, 3);
  Results[0] = Y;
  return N.replace(Results);
}

static LogicalResult lowerAttention(Node &N) {
  if (!lowersAttention(N.op()))
    return N.fail("this form of attention is expanded before");
  return AttentionLowering(N, *onnx::headsOf(cast<onnx::AttentionOp>(N.op())))
      .run();
}

void populateAttentionLoweringPatterns(const StorageTypeConverter &Types,
                                       RewritePatternSet &Patterns) {
  addLowering("onnx.Attention", lowerAttention, Types, Patterns);
}

} // namespace lathe::lower

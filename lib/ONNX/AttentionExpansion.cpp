//===- AttentionExpansion.cpp - Attention as two MatMuls ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Query heads that share a key head are rows of one product, so that both
// factors have the same batches and no key is copied. What a query may see
// (causal, window, padding, boolean masks) is one condition; a row that may see
// nothing gives zeros.
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/AttentionExpansion.h"
#include "lathe/ONNX/Facts.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

static RankedTensorType ranked(Value V) {
  return V ? dyn_cast<RankedTensorType>(V.getType()) : RankedTensorType();
}

std::optional<AttentionHeads> onnx::headsOf(AttentionOp Op) {
  RankedTensorType Q = ranked(Op.getQ()), K = ranked(Op.getK()),
                   V = ranked(Op.getV());
  if (!Q || !K || !V || Q.getRank() != K.getRank() ||
      Q.getRank() != V.getRank())
    return std::nullopt;
  AttentionHeads H;
  if (Q.getRank() == 4) {
    H = {Q.getDimSize(1), K.getDimSize(1), Q.getDimSize(3), V.getDimSize(3)};
  } else {
    if (Q.getRank() != 3 || Q.isDynamicDim(2) || !Op.getQNumHeads() ||
        !Op.getKvNumHeads())
      return std::nullopt;
    H.Query = *Op.getQNumHeads();
    H.Key = *Op.getKvNumHeads();
    if (H.Query <= 0 || H.Key <= 0)
      return std::nullopt;
    H.QuerySize = Q.getDimSize(2) / H.Query;
    H.ValueSize =
        V.isDynamicDim(2) ? ShapedType::kDynamic : V.getDimSize(2) / H.Key;
  }
  for (int64_t N : {H.Query, H.Key, H.QuerySize})
    if (ShapedType::isDynamic(N) || N <= 0)
      return std::nullopt;
  if (H.Query % H.Key)
    return std::nullopt;
  return H;
}

namespace {
class AttentionExpander {
public:
  AttentionExpander(AttentionOp Op, OnnxBuilder &B) : Op(Op), B(B) {}
  std::optional<SmallVector<Value>> run(std::string &Why);

private:
  /// [b, s, h * d] or [b, h, s, d] as [b, h, s, d].
  Value heads(Value X, int64_t Count) {
    if (ranked(X).getRank() == 4)
      return X;
    return B.transpose(B.reshape(X, {0, 0, Count, -1}), {0, 2, 1, 3});
  }
  bool hasWindow() {
    int64_t Left = Op.getLeftWindowSize(), Right = Op.getRightWindowSize();
    return Left >= 0 || Right >= 0;
  }
  /// The condition that a query sees a key, over [.., q, k]; null if always.
  Value visible(Value QuerySize, Value KeySize);
  Value both(Value X, Value Y) {
    return !X ? Y : !Y ? X : B.compare("And", X, Y);
  }

  AttentionOp Op;
  OnnxBuilder &B;
};
} // namespace

Value AttentionExpander::visible(Value QuerySize, Value KeySize) {
  int64_t Left = Op.getLeftWindowSize(), Right = Op.getRightWindowSize();
  Value Seen;
  Value Key = B.range(KeySize); // [k]
  if (Op.getIsCausal() || Left >= 0 || Right >= 0) {
    // The position of query i among the keys.
    Value Row = B.unsqueeze(B.range(QuerySize), {1}); // [q, 1]
    if (Value Past = Op.getPastKey()) {
      Row = B.add(Row, B.size(Past, 2));
    } else if (Value Valid = Op.getNonpadKvSeqlen()) {
      Value Offset = B.sub(Valid, QuerySize); // [b]
      Row = B.add(Row, B.unsqueeze(Offset, {1, 2, 3}));
    }
    if (Op.getIsCausal())
      Seen = B.compare("LessOrEqual", Key, Row);
    if (Left >= 0)
      Seen = both(Seen, B.compare("GreaterOrEqual", Key,
                                  B.sub(Row, B.scalarInt(Left))));
    if (Right >= 0)
      Seen = both(
          Seen, B.compare("LessOrEqual", Key, B.add(Row, B.scalarInt(Right))));
  }
  if (Value Valid = Op.getNonpadKvSeqlen())
    Seen = both(Seen, B.compare("Less", Key, B.unsqueeze(Valid, {1, 2, 3})));
  return Seen;
}

std::optional<SmallVector<Value>> AttentionExpander::run(std::string &Why) {
  std::optional<AttentionHeads> H = headsOf(Op);
  if (!H) {
    Why = "the numbers of heads and the size of a head must be known, and the "
          "query heads a multiple of the key heads";
    return std::nullopt;
  }
  RankedTensorType QType = ranked(Op.getQ()), KType = ranked(Op.getK());
  Type T = QType.getElementType();
  Value Q = heads(Op.getQ(), H->Query), K = heads(Op.getK(), H->Key),
        V = heads(Op.getV(), H->Key);
  if (Op.getPastKey())
    K = B.concat({Op.getPastKey(), K}, 2);
  if (Op.getPastValue())
    V = B.concat({Op.getPastValue(), V}, 2);
  Value PresentKey = K, PresentValue = V;
  Value QuerySize = B.size(Q, 2), KeySize = B.size(K, 2);

  double Scale = Op.getScale()
                     ? Op.getScale()->convertToDouble()
                     : 1.0 / std::sqrt(static_cast<double>(H->QuerySize));
  // From rows, heads and turning are one transposition.
  Value KT = KType.getRank() == 3 && !Op.getPastKey()
                 ? B.transpose(B.reshape(Op.getK(), {0, 0, H->Key, -1}),
                               {0, 2, 3, 1})
                 : B.transpose(K, {0, 1, 3, 2});
  bool Narrow = T.getIntOrFloatBitWidth() < 32;
  if (Narrow) {
    // Half of the scale on either side keeps narrow floats in range.
    Value Half = B.number(std::sqrt(Scale), T);
    Q = B.mul(Q, Half);
    KT = B.mul(KT, Half);
  }
  // [b, h, s, d] with the query heads of a key head one below the other, and
  // back.
  auto Stacked = [&](Value X) {
    return H->shared() == 1 ? X : B.reshape(X, {0, H->Key, -1, H->QuerySize});
  };
  auto Apart = [&](Value X, Value Last) {
    return H->shared() == 1
               ? X
               : B.reshape(
                     X, B.concat({B.ints({0, H->Query}), QuerySize, Last}, 0));
  };
  Value Scores = Apart(B.matmul(Stacked(Q), KT), KeySize);
  if (!Narrow && Scale != 1)
    Scores = B.mul(Scores, B.number(Scale, T));
  SmallVector<Value> Modes(4, Scores);
  if (double Cap = Op.getSoftcap().convertToDouble(); Cap > 0) {
    Value C = B.number(Cap, T);
    Scores = B.mul(B.op("Tanh", {B.div(Scores, C)}), C);
    Modes[1] = Modes[2] = Scores;
  }

  Value Seen = visible(QuerySize, KeySize);
  Value Mask = Op.getAttnMask();
  if (Mask) {
    RankedTensorType M = ranked(Mask);
    bool Boolean = OnnxBuilder::elementOf(Mask).isInteger(1);
    if (!M || M.getRank() == 0) {
      Why = "the rank of 'attn_mask' must be known";
      return std::nullopt;
    }
    // A mask may end before the keys do: what it does not name is hidden.
    int64_t Last = M.getRank() - 1,
            KeyLength = KType.getDimSize(KType.getRank() == 4 ? 2 : 1);
    bool Fits = !Op.getPastKey() && !M.isDynamicDim(Last) &&
                M.getDimSize(Last) == KeyLength;
    if (!Fits) {
      Value Missing = B.sub(KeySize, B.size(Mask, Last));
      Value Fill =
          B.number(Boolean ? 0.0 : -INFINITY, OnnxBuilder::elementOf(Mask));
      Mask = B.op("Pad", {Mask, B.concat({B.ints({0}), Missing}, 0), Fill,
                          B.ints({Last})});
    }
    if (Boolean)
      Seen = both(Seen, Mask);
    else
      Scores = B.add(Scores, Mask);
  }
  if (Seen)
    Scores = B.where(Seen, Scores, B.number(-INFINITY, T));
  Modes[2] = Seen || Mask ? Scores : Modes[2];

  Type Precision = T;
  if (auto Given = Op.getSoftmaxPrecision())
    if (Type P = getElementType(Op.getContext(), *Given))
      Precision = P;
  Value Wide = B.cast(Scores, Precision);
  Value Weights = B.softmax(Wide, -1);
  // A causal query sees itself at least.
  if (Mask || Op.getNonpadKvSeqlen() || hasWindow()) {
    Value Most = B.reduce("ReduceMax", Wide, {-1}, true);
    Value Blind = B.compare("Equal", Most, B.number(-INFINITY, Precision));
    Weights = B.where(Blind, B.number(0.0, Precision), Weights);
  }
  Weights = B.cast(Weights, T);
  Modes[3] = Weights;

  if (H->shared() > 1)
    Weights =
        B.reshape(Weights, B.concat({B.ints({0, H->Key, -1}), KeySize}, 0));
  Value Y = Apart(B.matmul(Weights, V), B.size(V, 3));
  if (QType.getRank() == 3)
    Y = B.reshape(B.transpose(Y, {0, 2, 1, 3}), {0, 0, -1});
  int64_t Mode = Op.getQkMatmulOutputMode();
  return SmallVector<Value>{Y, PresentKey, PresentValue,
                            Modes[Mode >= 0 && Mode < 4 ? Mode : 0]};
}

std::optional<SmallVector<Value>>
onnx::expandAttention(AttentionOp Op, OnnxBuilder &B, std::string &Why) {
  return AttentionExpander(Op, B).run(Why);
}

//===- ExpandAttention.cpp - Attention and RotaryEmbedding ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Attention becomes two MatMuls around a Softmax. Query heads that share a key
// head are a dimension of their own, so that no head is copied. What a query
// may see (causal, window, padding, boolean masks) is one condition; a row that
// may see nothing gives zeros.
//
//===----------------------------------------------------------------------===//

#include "Expansions.h"
#include "lathe/ONNX/ONNX.h"
#include <cmath>

using namespace mlir;

namespace lathe::lower {

static RankedTensorType ranked(Value V) {
  return V ? dyn_cast<RankedTensorType>(V.getType()) : RankedTensorType();
}

namespace {
class AttentionExpander {
public:
  AttentionExpander(onnx::AttentionOp Op, OnnxBuilder &B) : Op(Op), B(B) {}
  std::optional<SmallVector<Value>> run(std::string &Why);

private:
  /// [b, s, h * d] or [b, h, s, d] as [b, h, s, d].
  Value heads(Value X, std::optional<int64_t> Count) {
    if (ranked(X).getRank() == 4)
      return X;
    return B.transpose(B.reshape(X, {0, 0, *Count, -1}), {0, 2, 1, 3});
  }
  /// The condition that a query sees a key, over [.., q, k]; null if always.
  Value visible(Value QuerySize, Value KeySize);
  Value both(Value X, Value Y) {
    return !X ? Y : !Y ? X : B.compare("And", X, Y);
  }

  onnx::AttentionOp Op;
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
  RankedTensorType QType = ranked(Op.getQ()), KType = ranked(Op.getK()),
                   VType = ranked(Op.getV());
  if (!QType || !KType || !VType) {
    Why = "the ranks of Q, K and V must be known";
    return std::nullopt;
  }
  std::optional<int64_t> QHeads, KHeads;
  int64_t HeadSize;
  if (QType.getRank() == 4) {
    QHeads = QType.getDimSize(1);
    KHeads = KType.getDimSize(1);
    HeadSize = QType.getDimSize(3);
  } else {
    QHeads = Op.getQNumHeads();
    KHeads = Op.getKvNumHeads();
    HeadSize = QHeads && *QHeads > 0 && !QType.isDynamicDim(2)
                   ? QType.getDimSize(2) / *QHeads
                   : ShapedType::kDynamic;
  }
  if (!QHeads || !KHeads || ShapedType::isDynamic(*QHeads) ||
      ShapedType::isDynamic(*KHeads) || ShapedType::isDynamic(HeadSize) ||
      *KHeads == 0 || *QHeads % *KHeads) {
    Why = "the numbers of heads and the size of a head must be known, and the "
          "query heads a multiple of the key heads";
    return std::nullopt;
  }
  Type T = QType.getElementType();
  Value Q = heads(Op.getQ(), QHeads), K = heads(Op.getK(), KHeads),
        V = heads(Op.getV(), KHeads);
  if (Op.getPastKey())
    K = B.concat({Op.getPastKey(), K}, 2);
  if (Op.getPastValue())
    V = B.concat({Op.getPastValue(), V}, 2);
  Value PresentKey = K, PresentValue = V;
  Value QuerySize = B.size(Q, 2), KeySize = B.size(K, 2);

  // Half of the scale on either side keeps narrow floats in range.
  double Scale = Op.getScale() ? Op.getScale()->convertToDouble()
                               : 1.0 / std::sqrt(static_cast<double>(HeadSize));
  Value Half = B.number(std::sqrt(Scale), T);
  Q = B.mul(Q, Half);
  Value KT = B.mul(B.transpose(K, {0, 1, 3, 2}), Half);
  int64_t Shared = *QHeads / *KHeads;
  if (Shared > 1) {
    Q = B.reshape(Q, {0, *KHeads, Shared, -1, HeadSize});
    KT = B.unsqueeze(KT, {2});
    V = B.unsqueeze(V, {2});
  }
  Value Scores = B.matmul(Q, KT);
  if (Shared > 1)
    Scores = B.reshape(Scores,
                       B.concat({B.ints({0, *QHeads}), QuerySize, KeySize}, 0));
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
    if (Type P = onnx::getElementType(Op.getContext(), *Given))
      Precision = P;
  Value Wide = B.cast(Scores, Precision);
  Value Weights = B.softmax(Wide, -1);
  if (Seen || Mask) {
    Value Most = B.reduce("ReduceMax", Wide, {-1}, true);
    Value Blind = B.compare("Equal", Most, B.number(-INFINITY, Precision));
    Weights = B.where(Blind, B.number(0.0, Precision), Weights);
  }
  Weights = B.cast(Weights, T);
  Modes[3] = Weights;

  if (Shared > 1)
    Weights = B.reshape(
        Weights,
        B.concat({B.ints({0, *KHeads, Shared}), QuerySize, KeySize}, 0));
  Value Y = B.matmul(Weights, V);
  if (Shared > 1) {
    Value ValueSize = B.size(V, 4);
    Y = B.reshape(Y, B.concat({B.ints({0, *QHeads}), QuerySize, ValueSize}, 0));
  }
  if (QType.getRank() == 3)
    Y = B.reshape(B.transpose(Y, {0, 2, 1, 3}), {0, 0, -1});
  int64_t Mode = Op.getQkMatmulOutputMode();
  return SmallVector<Value>{Y, PresentKey, PresentValue,
                            Modes[Mode >= 0 && Mode < 4 ? Mode : 0]};
}

std::optional<SmallVector<Value>> expandAttention(Operation *Op, OnnxBuilder &B,
                                                  std::string &Why) {
  return AttentionExpander(cast<onnx::AttentionOp>(Op), B).run(Why);
}

/// Moves the subgraph of a modifier to the builder's place; without one, X.
static Value modify(OnnxBuilder &B, Region &Graph, Value X) {
  if (Graph.empty())
    return X;
  Block &Body = Graph.front();
  Body.getArgument(0).replaceAllUsesWith(X);
  Operation *Yield = Body.getTerminator();
  Value Y = Yield->getOperand(0);
  Yield->erase();
  B.getInsertionBlock()->getOperations().splice(B.getInsertionPoint(),
                                                Body.getOperations());
  return Y;
}

/// Attention whose scores and weights go through subgraphs of the model.
std::optional<SmallVector<Value>>
expandFlexAttention(Operation *Any, OnnxBuilder &B, std::string &Why) {
  auto Op = cast<onnx::PreviewFlexAttentionOp>(Any);
  RankedTensorType QType = ranked(Op.getQ()), KType = ranked(Op.getK());
  if (!QType || !KType || QType.isDynamicDim(1) || KType.isDynamicDim(1) ||
      QType.isDynamicDim(3) || KType.getDimSize(1) == 0 ||
      QType.getDimSize(1) % KType.getDimSize(1)) {
    Why = "the numbers of heads and the size of a head must be known, and the "
          "query heads a multiple of the key heads";
    return std::nullopt;
  }
  Type T = QType.getElementType();
  Type Precision = T.isF64() ? T : Type(B.getF32Type());
  if (auto Given = Op.getSoftmaxPrecision())
    if (Type P = onnx::getElementType(Op.getContext(), *Given))
      Precision = P;
  int64_t QHeads = QType.getDimSize(1), KHeads = KType.getDimSize(1),
          Size = QType.getDimSize(3), Shared = QHeads / KHeads;
  double Scale = Op.getScale() ? Op.getScale()->convertToDouble()
                               : 1.0 / std::sqrt(static_cast<double>(Size));
  Value Q = B.cast(Op.getQ(), Precision), K = B.cast(Op.getK(), Precision),
        V = Op.getV();
  Value QuerySize = B.size(Q, 2), KeySize = B.size(K, 2);
  Value KT = B.transpose(K, {0, 1, 3, 2});
  if (Shared > 1) {
    Q = B.reshape(Q, {0, KHeads, Shared, -1, Size});
    KT = B.unsqueeze(KT, {2});
    V = B.unsqueeze(V, {2});
  }
  Value Scores = B.mul(B.matmul(Q, KT), B.number(Scale, Precision));
  if (Shared > 1)
    Scores = B.reshape(Scores,
                       B.concat({B.ints({0, QHeads}), QuerySize, KeySize}, 0));
  Scores = modify(B, Op.getScoreMod(), Scores);
  Value Weights = modify(B, Op.getProbMod(), B.softmax(Scores, -1));
  Weights = B.cast(Weights, T);
  if (Shared > 1)
    Weights = B.reshape(
        Weights,
        B.concat({B.ints({0, KHeads, Shared}), QuerySize, KeySize}, 0));
  Value Y = B.matmul(Weights, V);
  if (Shared > 1)
    Y = B.reshape(Y,
                  B.concat({B.ints({0, QHeads}), QuerySize, B.size(V, 4)}, 0));
  return SmallVector<Value>{Y};
}

/// The rows of the tables that the positions name; the rotation itself has a
/// pattern.
std::optional<SmallVector<Value>> expandRotary(Operation *Any, OnnxBuilder &B,
                                               std::string &Why) {
  auto Op = cast<onnx::RotaryEmbeddingOp>(Any);
  Value At = Op.getPositionIds();
  SmallVector<NamedAttribute> Attrs = {
      B.attr("interleaved", int64_t(Op.getInterleaved())),
      B.attr("rotary_embedding_dim", int64_t(Op.getRotaryEmbeddingDim()))};
  if (auto Heads = Op.getNumHeads())
    Attrs.push_back(B.attr("num_heads", int64_t(*Heads)));
  return SmallVector<Value>{
      B.op("RotaryEmbedding",
           {Op.getX(), B.op("Gather", {Op.getCosCache(), At}),
            B.op("Gather", {Op.getSinCache(), At})},
           Attrs)};
}

} // namespace lathe::lower

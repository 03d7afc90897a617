//===- ExpandAttention.cpp - Attention and RotaryEmbedding ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Attention whose scores go through subgraphs of the model, as two MatMuls
// around a Softmax (onnx.Attention itself: ONNX/AttentionExpansion.h), and the
// tables of RotaryEmbedding.
//
//===----------------------------------------------------------------------===//

#include "Expansions.h"
#include "lathe/ONNX/AttentionExpansion.h"
#include "lathe/ONNX/ONNX.h"
#include <cmath>

using namespace mlir;

namespace lathe::lower {

static RankedTensorType ranked(Value V) {
  return V ? dyn_cast<RankedTensorType>(V.getType()) : RankedTensorType();
}

std::optional<SmallVector<Value>> expandAttention(Operation *Op, OnnxBuilder &B,
                                                  std::string &Why) {
  return onnx::expandAttention(cast<onnx::AttentionOp>(Op), B, Why);
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

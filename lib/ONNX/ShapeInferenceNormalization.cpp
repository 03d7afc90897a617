//===- ShapeInferenceNormalization.cpp - Normalisation, recurrence, attention -
//===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inference.h"

using namespace mlir;
using namespace lathe::onnx;

static LogicalResult inferLikeFirst(Inference &I) {
  return I.setLike(0, I.elementType(0), 0);
}

/// Reports unless operand \p Index is a vector of \p Size elements.
static LogicalResult checkVector(Inference &I, unsigned Index,
                                 const SymExpr &Size) {
  const Dims *Shape = I.has(Index) ? I.dims(Index) : nullptr;
  if (!Shape)
    return success();
  SymExpr Out;
  StringRef Name = getFacts(I.getOp())->Operands[Index].Name;
  if (Shape->size() != 1)
    return I.error() << "operand '" << Name << "' must have one dimension";
  return I.unify((*Shape)[0], Size, Out,
                 "size of '" + Name + "' and of the channels");
}

static LogicalResult inferBatchNormalization(Inference &I) {
  const Dims *X = I.dims(0);
  SymExpr Channels = X && X->size() > 1 ? (*X)[1]
                     : X                ? SymExpr(1)
                                        : I.unknown();
  for (unsigned V = 1; V < 5; ++V)
    if (failed(checkVector(I, V, Channels)))
      return failure();
  return failure(failed(inferLikeFirst(I)) ||
                 failed(I.set(1, I.elementType(3), {Channels})) ||
                 failed(I.set(2, I.elementType(3), {Channels})));
}

/// Operands 1 and 2 hold a value a channel.
static LogicalResult inferChannelNormalization(Inference &I) {
  if (const Dims *X = I.dims(0)) {
    if (failed(I.checkMinRank(0, 2)))
      return failure();
    if (failed(checkVector(I, 1, (*X)[1])) ||
        failed(checkVector(I, 2, (*X)[1])))
      return failure();
    auto Channels = (*X)[1].getConstant();
    if (auto Groups = I.findInt("num_groups"))
      if (*Groups < 1 || (Channels && *Channels % *Groups != 0))
        return I.error() << "num_groups = " << *Groups
                         << " does not divide the channels";
  }
  return inferLikeFirst(I);
}

/// Results 1 and 2: the statistics, 1 in the normalised axes.
static LogicalResult inferLayerNormalization(Inference &I) {
  const Dims *X = I.dims(0);
  if (failed(inferLikeFirst(I)))
    return failure();
  unsigned Results = I.getOp()->getNumResults();
  Type Stash = getElementType(I.getOp()->getContext(),
                              I.findInt("stash_type").value_or(1));
  if (!X) {
    for (unsigned R = 1; R < Results; ++R)
      if (failed(I.setUnranked(R, Stash)))
        return failure();
    return success();
  }
  auto Axis = I.axis(I.getInt("axis"), X->size());
  if (!Axis)
    return failure();
  Dims Shape = *X;
  std::fill(Shape.begin() + *Axis, Shape.end(), SymExpr(1));
  for (unsigned R = 1; R < Results; ++R)
    if (failed(I.set(R, Stash, Shape)))
      return failure();
  return success();
}

static LogicalResult inferRMSNormalization(Inference &I) {
  const Dims *X = I.dims(0);
  if (X && !I.axis(I.getInt("axis"), X->size()))
    return failure();
  return X ? I.set(0, I.elementType(1), *X)
           : I.setUnranked(0, I.elementType(1));
}

/// Output, and the sum of input and skip as the last result.
static LogicalResult inferSkipNormalization(Inference &I) {
  const Dims *X = I.dims(0);
  Type Element = I.elementType(0), F32 = I.builder().getF32Type();
  if (!X || X->empty()) {
    for (unsigned R : {0, 3})
      if (failed(I.setUnranked(R, Element)))
        return failure();
    return failure(failed(I.setUnranked(1, F32)) ||
                   failed(I.setUnranked(2, F32)));
  }
  Dims Statistics = *X;
  Statistics.back() = 1;
  return failure(
      failed(I.set(0, Element, *X)) || failed(I.set(1, F32, Statistics)) ||
      failed(I.set(2, F32, Statistics)) || failed(I.set(3, Element, *X)));
}

//===----------------------------------------------------------------------===//
// Recurrence
//===----------------------------------------------------------------------===//

/// RNN, GRU, LSTM: Y [seq, dirs, batch, hidden] and the last states, or batch
/// first.
static LogicalResult inferRecurrent(Inference &I) {
  for (unsigned V : {0, 1, 2})
    if (failed(I.checkRank(V, 3)))
      return failure();
  const Dims *X = I.dims(0), *R = I.dims(2);
  StringRef Direction = I.getString("direction");
  if (Direction != "forward" && Direction != "reverse" &&
      Direction != "bidirectional")
    return I.error() << "direction '" << Direction << "' is unknown";
  SymExpr Directions = Direction == "bidirectional" ? 2 : 1;
  bool BatchFirst = I.getInt("layout") != 0;
  SymExpr Hidden = I.unknown(), Sequence = I.unknown(), Batch = I.unknown();
  if (auto Size = I.findInt("hidden_size"))
    Hidden = *Size;
  if (R && failed(I.unify(Hidden, (*R)[2], Hidden,
                          "hidden_size and the recurrent weight")))
    return failure();
  if (X) {
    Sequence = (*X)[BatchFirst ? 1 : 0];
    Batch = (*X)[BatchFirst ? 0 : 1];
    SymExpr Out;
    if (const Dims *W = I.dims(1);
        W &&
        failed(I.unify((*X)[2], (*W)[2], Out, "input size and the weight")))
      return failure();
  }
  Dims Y = {Sequence, Directions, Batch, Hidden},
       State = {Directions, Batch, Hidden};
  if (BatchFirst) {
    Y = {Batch, Sequence, Directions, Hidden};
    State = {Batch, Directions, Hidden};
  }
  if (failed(I.set(0, I.elementType(0), Y)))
    return failure();
  for (unsigned Result = 1; Result < I.getOp()->getNumResults(); ++Result)
    if (failed(I.set(Result, I.elementType(0), State)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// Batch, heads, length and size of a head of a 4-D [B, H, L, D] or 3-D [B, L,
/// H * D] operand.
static std::optional<Dims> headShape(Inference &I, unsigned Index,
                                     std::optional<int64_t> Heads) {
  const Dims *Shape = I.dims(Index);
  if (!Shape)
    return std::nullopt;
  if (Shape->size() == 4)
    return *Shape;
  if (Shape->size() != 3)
    return std::nullopt;
  SymExpr Count = Heads ? SymExpr(*Heads) : I.unknown();
  SymExpr Size =
      Heads && *Heads > 0 ? I.floorDiv((*Shape)[2], *Heads) : I.unknown();
  return Dims{(*Shape)[0], Count, (*Shape)[1], Size};
}

static LogicalResult inferAttention(Inference &I) {
  for (unsigned V : {0, 1, 2})
    if (const Dims *Shape = I.dims(V);
        Shape && Shape->size() != 3 && Shape->size() != 4)
      return I.error() << "Q, K and V must have 3 or 4 dimensions";
  auto Q = headShape(I, 0, I.findInt("q_num_heads")),
       K = headShape(I, 1, I.findInt("kv_num_heads")),
       V = headShape(I, 2, I.findInt("kv_num_heads"));
  Type TQ = I.elementType(0), TV = I.elementType(2);
  if (!Q || !K || !V)
    return failure(
        failed(I.setUnranked(0, TQ)) || failed(I.setUnranked(1, TQ)) ||
        failed(I.setUnranked(2, TV)) || failed(I.setUnranked(3, TQ)));
  if (I.dims(0)->size() == 3 && !I.findInt("q_num_heads"))
    return I.error()
           << "3-dimensional operands need q_num_heads and kv_num_heads";
  SymExpr Out;
  if (failed(I.unify((*Q)[3], (*K)[3], Out, "head sizes of Q and K")) ||
      failed(I.unify((*K)[2], (*V)[2], Out, "lengths of K and V")))
    return failure();
  Dims Y = I.dims(0)->size() == 4
               ? Dims{(*Q)[0], (*Q)[1], (*Q)[2], (*V)[3]}
               : Dims{(*Q)[0], (*Q)[2], I.mul((*Q)[1], (*V)[3])};
  SymExpr Total = (*K)[2];
  if (I.has(4)) {
    const Dims *Past = I.dims(4);
    Total = Past && Past->size() == 4 ? I.add((*Past)[2], Total) : I.unknown();
  }
  return failure(failed(I.set(0, TQ, Y)) ||
                 failed(I.set(1, TQ, {(*K)[0], (*K)[1], Total, (*K)[3]})) ||
                 failed(I.set(2, TV, {(*V)[0], (*V)[1], Total, (*V)[3]})) ||
                 failed(I.set(3, TQ, {(*Q)[0], (*Q)[1], (*Q)[2], Total})));
}

static LogicalResult inferFlexAttention(Inference &I) {
  for (unsigned V : {0, 1, 2})
    if (failed(I.checkRank(V, 4)))
      return failure();
  const Dims *Q = I.dims(0), *K = I.dims(1), *V = I.dims(2);
  Dims Scores = {Q ? (*Q)[0] : I.unknown(), Q ? (*Q)[1] : I.unknown(),
                 Q ? (*Q)[2] : I.unknown(), K ? (*K)[2] : I.unknown()};
  Type Precision = I.elementType(0) && I.elementType(0).isF64()
                       ? I.elementType(0)
                       : Type(I.builder().getF32Type());
  if (auto Code = I.findInt("softmax_precision"))
    if (Type Ty = getElementType(I.getOp()->getContext(), *Code))
      Precision = Ty;
  for (Region &Body : I.getOp()->getRegions()) {
    if (Body.empty())
      continue;
    if (Body.getNumArguments() != 1)
      return I.error() << "a modifier graph takes one input";
    I.getContext().set(Body.getArgument(0),
                       {UnrankedTensorType::get(Precision), Scores, {}});
    if (failed(I.getContext().inferBody(Body)))
      return failure();
  }
  return I.set(0, I.elementType(0),
               {Scores[0], Scores[1], Scores[2], V ? (*V)[3] : I.unknown()});
}

static LogicalResult inferLinearAttention(Inference &I) {
  for (unsigned V : {0, 1, 2})
    if (failed(I.checkRank(V, 3)))
      return failure();
  const Dims *Q = I.dims(0), *K = I.dims(1), *V = I.dims(2);
  int64_t QHeads = I.getInt("q_num_heads"), Heads = I.getInt("kv_num_heads");
  if (QHeads < 1 || Heads < 1 || QHeads % Heads != 0)
    return I.error() << "q_num_heads = " << QHeads
                     << " must be a multiple of kv_num_heads = " << Heads;
  SymExpr Size = V ? I.floorDiv((*V)[2], Heads) : I.unknown();
  SymExpr KeySize = K ? I.floorDiv((*K)[2], Heads) : I.unknown();
  SymExpr Batch = Q ? (*Q)[0] : I.unknown(), Length = Q ? (*Q)[1] : I.unknown();
  Type State = I.has(3) ? I.elementType(3) : I.elementType(0);
  // Without a past state the declared type decides, if there is one.
  if (auto Stated = dyn_cast<TensorType>(I.getOp()->getResult(1).getType());
      Stated && !I.has(3))
    State = Stated.getElementType();
  return failure(failed(I.set(0, I.elementType(0),
                              {Batch, Length, I.mul(Size, QHeads)})) ||
                 failed(I.set(1, State, {Batch, Heads, KeySize, Size})));
}

static LogicalResult inferRotaryEmbedding(Inference &I) {
  if (const Dims *X = I.dims(0)) {
    if (X->size() != 3 && X->size() != 4)
      return I.error() << "X must have 3 or 4 dimensions";
    if (X->size() == 3 && I.findInt("num_heads").value_or(0) == 0)
      return I.error() << "a 3-dimensional X needs num_heads";
  }
  return inferLikeFirst(I);
}

ArrayRef<InferRow> lathe::onnx::getNormalizationRows() {
  static constexpr InferRow Rows[] = {
      {"Attention", inferAttention},
      {"BatchNormalization", inferBatchNormalization},
      {"GRU", inferRecurrent},
      {"GroupNormalization", inferChannelNormalization},
      {"InstanceNormalization", inferChannelNormalization},
      {"LSTM", inferRecurrent},
      {"LayerNormalization", inferLayerNormalization},
      {"LinearAttention", inferLinearAttention},
      {"RMSNormalization", inferRMSNormalization},
      {"RNN", inferRecurrent},
      {"RotaryEmbedding", inferRotaryEmbedding},
      {"ms.LayerNormalization", inferLayerNormalization},
      {"ms.SimplifiedLayerNormalization", inferLayerNormalization},
      {"ms.SkipLayerNormalization", inferSkipNormalization},
      {"ms.SkipSimplifiedLayerNormalization", inferSkipNormalization},
      {"preview.FlexAttention", inferFlexAttention},
  };
  return Rows;
}

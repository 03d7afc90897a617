//===- LinearAttention.cpp - Attention with a recurrent state -------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Per head a state matrix [key, value] that each step decays, corrects and adds
// to, and that the query reads. Steps depend on each other: one loop kernel,
// the state in f32 whatever the inputs are.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "IndexHelpers.h"
#include "lathe/Lower/MovementPatterns.h"
#include <cmath>

using namespace mlir;

namespace lathe::lower {

static LogicalResult lowerLinearAttention(Node &N) {
  TensorBuilder B(N);
  Value Query = N.in(0), Key = N.in(1), Val = N.in(2), Past = N.in(3),
        Decay = N.in(4), Beta = N.in(5);
  StringRef Rule = N.str("update_rule", "gated_delta");
  bool Gated = Rule.contains("gated"), Delta = Rule.contains("delta");
  int64_t QHeads = N.i64("q_num_heads", 0), KHeads = N.i64("kv_num_heads", 0);
  if (QHeads <= 0 || KHeads <= 0 || QHeads % KHeads)
    return N.fail("the query heads must be a multiple of the key heads");
  if (Gated != N.has(4) || Delta != N.has(5))
    return N.fail("'decay' and 'beta' must be given as 'update_rule' says");
  Type F32 = B.getF32Type(), Element = N.outType(0).getElementType();
  Scalar Batches = B.dim(Query, 0), Steps = B.dim(Query, 1);
  Scalar KeySize = B.dim(Query, 2) / B.index(QHeads),
         ValueSize = B.dim(Val, 2) / B.index(KHeads);
  Sizes OutSizes = {B.fold(Batches), B.fold(Steps), B.fold(ValueSize * QHeads)};
  Sizes StateSizes = {B.fold(Batches), B.attr(KHeads), B.fold(KeySize),
                      B.fold(ValueSize)};
  RankedTensorType StateType = tensorOf(StateSizes, F32);
  Value State =
      Past
          ? B.map(StateType, StateSizes, Past, B.getMultiDimIdentityMap(4),
                  [&](Indices &, ArrayRef<Scalar> In) { return In[0].to(F32); })
          : B.fill(StateType, StateSizes, B.constant(F32, 0.0));
  Scalar Scale;
  if (double Given = N.f32("scale", 0.0); Given != 0.0)
    Scale = B.constant(F32, Given);
  else
    Scale = B.constant(F32, 1.0) / sqrtOf(KeySize.to(B.getI64Type()).to(F32));
  // Per head one number, or one per element of the key; beta may be shared.
  bool DecayPerHead =
      Decay && B.dim(Decay, 2).constant() == KHeads && KeySize.constant() != 1;
  bool BetaShared = Beta && B.dim(Beta, 2).constant() == 1;
  int64_t Shared = QHeads / KHeads;
  Scalar Zero = B.index(0), None = B.constant(F32, 0.0);

  Values Result = B.loopKernel([&] {
    return B.nest(
        {Batches, B.index(KHeads), Steps},
        {B.empty(tensorOf(OutSizes, Element), OutSizes), State},
        [&](ArrayRef<Scalar> I, ValueRange Outs) -> Values {
          Scalar Batch = I[0], Head = I[1], Step = I[2];
          auto Part = [&](Value X, Scalar H, Scalar Size, Scalar K) {
            return B.load(X, {Batch, Step, H * Size + K}).to(F32);
          };
          auto At = [&](Value S, Scalar D, Scalar M) {
            return B.load(S, {Batch, Head, D, M});
          };
          auto Put = [&](Value S, Scalar D, Scalar M, Scalar V) {
            return B.store(V, S, {Batch, Head, D, M});
          };
          Value S = Outs[1];
          if (Gated)
            S = B.loop(Zero, KeySize, S, [&](Scalar D, ValueRange S) {
              Scalar G = DecayPerHead
                             ? B.load(Decay, {Batch, Step, Head}).to(F32)
                             : Part(Decay, Head, KeySize, D);
              Scalar Factor = expOf(G);
              return B.loop(Zero, ValueSize, S,
                            [&](Scalar M, ValueRange S) -> Values {
                              return {Put(S[0], D, M, At(S[0], D, M) * Factor)};
                            });
            })[0];
          S = B.loop(Zero, ValueSize, S, [&](Scalar M, ValueRange S) {
            Scalar V = Part(Val, Head, ValueSize, M);
            if (Delta) {
              Values Held = B.loop(
                  Zero, KeySize, {None}, [&](Scalar D, ValueRange H) -> Values {
                    return {B.wrap(H[0]) +
                            At(S[0], D, M) * Part(Key, Head, KeySize, D)};
                  });
              Scalar Rate =
                  B.load(Beta, {Batch, Step, BetaShared ? Zero : Head}).to(F32);
              V = Rate * (V - B.wrap(Held[0]));
            }
            return B.loop(
                Zero, KeySize, S, [&](Scalar D, ValueRange S) -> Values {
                  Scalar New = At(S[0], D, M) + Part(Key, Head, KeySize, D) * V;
                  return {Put(S[0], D, M, New)};
                });
          })[0];
          Values Out = B.nest(
              {B.index(Shared), ValueSize}, Outs[0],
              [&](ArrayRef<Scalar> J, ValueRange O) -> Values {
                Scalar QHead = Head * Shared + J[0];
                Values Sum = B.loop(Zero, KeySize, {None},
                                    [&](Scalar D, ValueRange A) -> Values {
                                      return {B.wrap(A[0]) +
                                              Part(Query, QHead, KeySize, D) *
                                                  At(S, D, J[1])};
                                    });
                Scalar V = B.wrap(Sum[0]) * Scale;
                return {B.store(V.to(Element), O[0],
                                {Batch, Step, QHead * ValueSize + J[1]})};
              });
          return {Out[0], S};
        });
  });
  Type Kept = N.outType(1).getElementType();
  Value Present = Result[1];
  if (Kept != F32)
    Present =
        B.map(tensorOf(StateSizes, Kept), StateSizes, Present,
              B.getMultiDimIdentityMap(4),
              [&](Indices &, ArrayRef<Scalar> In) { return In[0].to(Kept); });
  return N.replace({Result[0], Present});
}

void populateLinearAttentionPatterns(const StorageTypeConverter &Types,
                                     RewritePatternSet &Patterns) {
  addLowering("onnx.LinearAttention", lowerLinearAttention, Types, Patterns);
}

} // namespace lathe::lower

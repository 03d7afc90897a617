//===- ExpandAttention.cpp - The pass compress-expand-attention -----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Quantization stores the factors of each product in bytes. Those of Attention
// have no name, so it becomes two MatMuls around a Softmax before. What this
// form has not (shared key heads, a cache, windows, boolean masks that may hide
// a whole row) stays Attention, in floats.
//
//===----------------------------------------------------------------------===//

#include "Weights.h"
#include "lathe/Compress/Passes.h"
#include "lathe/ONNX/ONNX.h"
#include "lathe/ONNX/OnnxBuilder.h"
#include <cmath>

namespace lathe::compress {
#define GEN_PASS_DEF_EXPANDATTENTION
#include "lathe/Compress/Passes.h.inc"
} // namespace lathe::compress

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

namespace {
struct ExpandAttentionPass
    : compress::impl::ExpandAttentionBase<ExpandAttentionPass> {
  using ExpandAttentionBase::ExpandAttentionBase;

  void runOnOperation() override {
    SmallVector<onnx::AttentionOp> All;
    getOperation().walk([&](onnx::AttentionOp Op) {
      if (!isNamed(Op, skip))
        All.push_back(Op);
    });
    for (onnx::AttentionOp Op : All)
      expanded += expand(Op);
  }

  static RankedTensorType ranked(Value V) {
    return V ? dyn_cast<RankedTensorType>(V.getType()) : RankedTensorType();
  }

  /// -inf where a query stands before the key.
  static Value causalMask(onnx::OnnxBuilder &B, int64_t Size) {
    std::vector<char> Bytes(Size * Size * sizeof(float));
    for (int64_t I = 0; I < Size; ++I)
      for (int64_t J = 0; J < Size; ++J) {
        float F = J > I ? -INFINITY : 0.0f;
        std::memcpy(Bytes.data() + (I * Size + J) * sizeof(float), &F,
                    sizeof(float));
      }
    return makeConstant(B, B.getLoc(),
                        RankedTensorType::get({Size, Size}, B.getF32Type()),
                        std::move(Bytes), "causal");
  }

  static bool expand(onnx::AttentionOp Op) {
    RankedTensorType Q = ranked(Op.getQ()), K = ranked(Op.getK()),
                     V = ranked(Op.getV());
    int64_t Left = Op.getLeftWindowSize(), Right = Op.getRightWindowSize();
    if (!Q || !K || !V || Q.getRank() != K.getRank() ||
        Q.getRank() != V.getRank() || !Q.getElementType().isF32() ||
        Op.getPastKey() || Op.getPastValue() || Op.getNonpadKvSeqlen() ||
        Left >= 0 || Right >= 0 || Op.getSoftcap().convertToDouble() != 0 ||
        Op.getSoftmaxPrecision())
      return false;
    for (unsigned I = 1; I < Op->getNumResults(); ++I)
      if (!Op->getResult(I).use_empty())
        return false;
    bool Flat = Q.getRank() == 3;
    int64_t Heads, Size;
    if (Flat) {
      if (!Op.getQNumHeads() || Op.getQNumHeads() != Op.getKvNumHeads() ||
          *Op.getQNumHeads() <= 0 || Q.isDynamicDim(2))
        return false;
      Heads = *Op.getQNumHeads();
      Size = Q.getDimSize(2) / Heads;
    } else {
      if (Q.getRank() != 4 || Q.isDynamicDim(1) || Q.isDynamicDim(3) ||
          Q.getDimSize(1) != K.getDimSize(1))
        return false;
      Heads = Q.getDimSize(1);
      Size = Q.getDimSize(3);
    }
    RankedTensorType Mask = ranked(Op.getAttnMask());
    if (Op.getAttnMask() && (!Mask || !Mask.getElementType().isF32()))
      return false;
    int64_t Along = Flat ? 1 : 2;
    bool Causal = Op.getIsCausal();
    // A mask may end before the keys do; a causal one is written out.
    if (Mask && (Mask.getRank() == 0 || Mask.isDynamicDim(Mask.getRank() - 1) ||
                 Mask.getDimSize(Mask.getRank() - 1) != K.getDimSize(Along)))
      return false;
    constexpr int64_t MostCausal = 1024;
    if (Causal && (Q.isDynamicDim(Along) || Q.getDimSize(Along) > MostCausal ||
                   Q.getDimSize(Along) != K.getDimSize(Along)))
      return false;

    onnx::OnnxBuilder B(Op);
    auto HeadsFirst = [&](Value X, ArrayRef<int64_t> Order) {
      if (Flat)
        X = B.reshape(X, {0, 0, Heads, -1});
      return B.transpose(X, Order);
    };
    Value Rows = Flat ? HeadsFirst(Op.getQ(), {0, 2, 1, 3}) : Op.getQ();
    Value Keys = HeadsFirst(Op.getK(), Flat ? ArrayRef<int64_t>{0, 2, 3, 1}
                                            : ArrayRef<int64_t>{0, 1, 3, 2});
    Value Values = Flat ? HeadsFirst(Op.getV(), {0, 2, 1, 3}) : Op.getV();
    double Scale = Op.getScale() ? Op.getScale()->convertToDouble()
                                 : 1.0 / std::sqrt(double(Size));
    Value Scores = B.matmul(Rows, Keys);
    if (Scale != 1)
      Scores = B.mul(Scores, B.number(Scale, B.getF32Type()));
    if (Mask)
      Scores = B.add(Scores, Op.getAttnMask());
    if (Causal)
      Scores = B.add(Scores, causalMask(B, Q.getDimSize(Along)));
    Value Y = B.matmul(B.softmax(Scores, -1), Values);
    if (Flat)
      Y = B.reshape(B.transpose(Y, {0, 2, 1, 3}), {0, 0, -1});
    Y.setType(Op->getResult(0).getType());
    Op->getResult(0).replaceAllUsesWith(Y);
    Op->erase();
    return true;
  }
};
} // namespace

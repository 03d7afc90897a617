//===- ChannelLayers.cpp - Channels that are read and made ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rules of convolutions, dense layers, products of activations and attention.
// A dense layer reads atoms and makes new ones. A convolution in groups loses
// whole groups, or the same channels of each. Attention loses heads.
//
//===----------------------------------------------------------------------===//

#include "ChannelRules.h"
#include "lathe/Compress/Scores.h"
#include "lathe/ONNX/ONNX.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

static const char *Skipped = "stays as it is (--prune-skip)";

/// The atoms that \p Op makes: its bias has a row for each.
static void make(const Weights &W, Atoms List, unsigned Axis,
                 ChannelGroups &Groups) {
  if (Groups.isSkipped(W.Op))
    Groups.pin(List, textOf(W.Op) + " " + Skipped);
  if (W.Op->getNumOperands() > 2) {
    RankedTensorType Bias = rankedType(W.Op->getOperand(2));
    // A bias of one number serves every channel.
    bool Broadcast =
        Bias &&
        (Bias.getRank() == 0 ||
         (Bias.getDimSize(Bias.getRank() - 1) == 1 && List.size() != 1));
    if (!Broadcast && (!Bias || !Groups.cut(W.Op, 2, Bias.getRank() - 1, List)))
      Groups.pin(List, textOf(W.Op) + " has a bias that is not constant");
  }
  Groups.producer(W, List);
  Groups.track(W.Op->getResult(0), Axis, List);
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

/// Channel \p I of every group is one class.
static void joinAcross(const Atoms &List, int64_t Number,
                       ChannelGroups &Groups) {
  int64_t Size = List.size() / Number;
  for (int64_t I = Size; I < int64_t(List.size()); ++I)
    Groups.join(List[I % Size], List[I]);
}

static Verdict visitGroups(const Weights &W, const Atoms *In,
                           ChannelGroups &Groups) {
  Operation *Op = W.Op;
  ArrayRef<int64_t> Shape = W.View.getShape();
  int64_t Number = W.Groups;
  int64_t Inputs = W.OutPerGroup ? Shape[0] : Shape[1] * Number;
  int64_t Outputs = W.OutPerGroup ? Shape[1] * Number : Shape[0];
  if (Inputs % Number || Outputs % Number ||
      (In && int64_t(In->size()) != Inputs))
    return "has groups of different sizes";
  int64_t PerIn = Inputs / Number, PerOut = Outputs / Number;
  if (In && wholeGroups(Number, PerIn, PerOut)) {
    // One filter a channel goes with the channel: no atoms of its own.
    bool Depthwise = PerIn == 1 && PerOut == 1;
    Atoms Out = Depthwise ? *In : Groups.fresh(Outputs), First;
    for (int64_t G = 0; G < Number; ++G) {
      First.push_back((*In)[G * PerIn]);
      Groups.joinAll(ArrayRef<int>(*In).slice(G * PerIn, PerIn));
      for (int64_t O = 0; O < PerOut; ++O)
        Groups.join(First.back(), Out[G * PerOut + O]);
    }
    Groups.cut(Op, W.Operand, 0, W.OutPerGroup ? *In : Out);
    Groups.countAttr(Op, "group", First);
    if (!Depthwise) {
      make(W, Out, 1, Groups);
      return {};
    }
    if (Groups.isSkipped(Op))
      Groups.pin(Out, textOf(Op) + " " + Skipped);
    Groups.track(Op->getResult(0), 1, Out);
    if (Op->getNumOperands() > 2 && !Groups.cut(Op, 2, 0, Out))
      return "has a bias that is not constant";
    return {};
  }
  // The same channels of every group.
  Atoms Out = Groups.fresh(Outputs);
  joinAcross(Out, Number, Groups);
  ArrayRef<int> OneOut = ArrayRef<int>(Out).take_front(PerOut);
  if (In) {
    joinAcross(*In, Number, Groups);
    ArrayRef<int> OneIn = ArrayRef<int>(*In).take_front(PerIn);
    Groups.cut(Op, W.Operand, W.In, W.OutPerGroup ? *In : Atoms(OneIn));
  }
  Groups.cut(Op, W.Operand, W.Out, W.OutPerGroup ? Atoms(OneOut) : Out);
  make(W, Out, 1, Groups);
  return {};
}

Verdict compress::visitConvolution(Operation *Op, ChannelGroups &Groups) {
  std::optional<Weights> W = weightsOf(Op);
  if (!W)
    return "has weights that are not constant";
  const auto *In = Groups.tracked(Op->getOperand(0));
  for (unsigned I = 1; I < Op->getNumOperands(); ++I)
    if (Groups.tracked(Op->getOperand(I)))
      return "has weights that are not constant";
  if (In && In->Axis != 1)
    return "takes another dimension for channels";
  Atoms List = In ? In->List : Atoms();
  if (W->Groups != 1)
    return visitGroups(*W, In ? &List : nullptr, Groups);
  if (In && !Groups.cut(Op, W->Operand, W->In, List))
    return "reads another number of channels";
  Atoms Out = Groups.fresh(W->outputs());
  if (!Groups.cut(Op, W->Operand, W->Out, Out))
    Groups.pin(Out, textOf(Op) + " has weights that cannot be cut");
  make(*W, Out, 1, Groups);
  return {};
}

//===----------------------------------------------------------------------===//
// Dense layers and products
//===----------------------------------------------------------------------===//

Verdict compress::visitDense(Operation *Op, ChannelGroups &Groups) {
  std::optional<Weights> W = weightsOf(Op);
  if (!W)
    return "has weights that are not constant";
  RankedTensorType X = rankedType(Op->getOperand(0)),
                   Y = rankedType(Op->getResult(0));
  if (!X || !Y || X.getRank() < 2)
    return "has no rank";
  if (intAttr(Op, "transA", 0) || W->View.getShape().size() != 2)
    return "multiplies by a batch of matrices, or along another dimension";
  const auto *In = Groups.tracked(Op->getOperand(0));
  if (In && int64_t(In->Axis) != X.getRank() - 1) {
    if (isa<onnx::MatMulOp>(Op)) {
      // Each channel is multiplied by itself.
      Groups.track(Op->getResult(0), In->Axis, In->List);
      return {};
    }
    return "multiplies along another dimension";
  }
  if (In && !Groups.cut(Op, W->Operand, W->In, In->List))
    return "reads another number of channels";
  Atoms Out = Groups.fresh(W->outputs());
  if (!Groups.cut(Op, W->Operand, W->Out, Out))
    Groups.pin(Out, textOf(Op) + " has weights that cannot be cut");
  make(*W, Out, Y.getRank() - 1, Groups);
  return {};
}

/// Two activations: [..., m, k] by [..., k, n].
Verdict compress::visitProduct(Operation *Op, ChannelGroups &Groups) {
  if (weightsOf(Op))
    return visitDense(Op, Groups);
  RankedTensorType Y = rankedType(Op->getResult(0));
  if (!Y || Y.getRank() < 2)
    return "multiplies vectors";
  // Places from the back: 1 is the last dimension.
  std::optional<int64_t> Place[2];
  Atoms List[2];
  for (unsigned I : {0, 1}) {
    RankedTensorType T = rankedType(Op->getOperand(I));
    if (!T || T.getRank() < 2)
      return "multiplies vectors";
    if (const auto *X = Groups.tracked(Op->getOperand(I))) {
      Place[I] = T.getRank() - X->Axis;
      List[I] = X->List;
    }
  }
  auto JoinBoth = [&] {
    if (List[0].size() != List[1].size())
      return false;
    for (auto [A, B] : llvm::zip_equal(List[0], List[1]))
      Groups.join(A, B);
    return true;
  };
  // Channels are what is summed over.
  if (Place[0] == 1 && Place[1] == 2 && JoinBoth())
    return {};
  // Channels of one are rows or columns of the result.
  for (unsigned I : {0, 1})
    if (Place[I] == (I ? 1 : 2) && !Place[1 - I]) {
      Groups.track(Op->getResult(0), Y.getRank() - *Place[I], List[I]);
      return {};
    }
  // Each channel (a head) is multiplied by itself.
  if (Place[0] && Place[0] == Place[1] && *Place[0] > 2 && JoinBoth()) {
    Groups.track(Op->getResult(0), Y.getRank() - *Place[0], List[0]);
    return {};
  }
  return "multiplies them with channels of another place";
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// Whole heads: those of the queries that share keys and values, with these.
Verdict compress::visitAttention(Operation *Op, ChannelGroups &Groups) {
  auto Attention = cast<onnx::AttentionOp>(Op);
  if (Attention.getPastKey() || Attention.getPastValue())
    return "has keys of earlier calls";
  Value Operands[] = {Attention.getQ(), Attention.getK(), Attention.getV()};
  Atoms Lists[3];
  RankedTensorType Type = rankedType(Operands[0]);
  if (!Type || (Type.getRank() != 3 && Type.getRank() != 4))
    return "has no rank";
  bool Rows = Type.getRank() == 3; // [b, s, h * d], else [b, h, s, d]
  for (unsigned I : {0, 1, 2}) {
    const auto *T = Groups.tracked(Operands[I]);
    if (!T || T->Axis != (Rows ? 2 : 1))
      return "reads queries, keys or values from elsewhere";
    Lists[I] = T->List;
  }
  int64_t Queries = Rows ? intAttr(Op, "q_num_heads", 0) : Lists[0].size();
  int64_t Keys = Rows ? intAttr(Op, "kv_num_heads", 0) : Lists[1].size();
  if (Queries <= 0 || Keys <= 0 || Queries % Keys ||
      Lists[0].size() % Queries || Lists[1].size() % Keys ||
      Lists[2].size() % Keys)
    return "has heads of different sizes";
  // Each list in as many parts as there are heads of keys.
  Atoms HeadOf, KeyHeads;
  for (int64_t K = 0; K < Keys; ++K) {
    auto Part = [&](unsigned I) {
      size_t Size = Lists[I].size() / Keys;
      return ArrayRef<int>(Lists[I]).slice(K * Size, Size);
    };
    for (unsigned I : {0, 1, 2}) {
      Groups.joinAll(Part(I));
      Groups.join(Part(0).front(), Part(I).front());
    }
    KeyHeads.push_back(Part(1).front());
    HeadOf.append(Queries / Keys, Part(0).front());
  }
  if (Value Mask = Attention.getAttnMask()) {
    RankedTensorType M = rankedType(Mask);
    int64_t At = M ? M.getRank() - 3 : -1;
    if (!M || Groups.tracked(Mask))
      return "has a mask that depends on them";
    if (At >= 0 && M.getDimSize(At) != 1 && !Groups.cut(Op, 3, At, HeadOf))
      return "has a mask for each head that is not constant";
  }
  Atoms Result;
  int64_t Size = Rows ? Lists[2].size() / Keys : 1;
  for (int A : HeadOf)
    Result.append(Size, A);
  if (Rows) {
    Groups.countAttr(Op, "q_num_heads", HeadOf);
    Groups.countAttr(Op, "kv_num_heads", KeyHeads);
  }
  Groups.track(Op->getResult(0), Rows ? 2 : 1, Result);
  return {};
}

//===- AttentionScores.cpp - From a softmax down to its product -----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See AttentionScores.h. A boolean mask of the op hides with minus infinity: a
// finite filler is only the same where every row sees at least one key, which
// must be provable. One far below all scores may be added instead.
//
//===----------------------------------------------------------------------===//

#include "AttentionScores.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

/// Every row of the condition has an element that is \p Shown: the first one.
static bool everyRowShows(Value Condition, bool Shown) {
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

bool graph::everyRowSees(const ScoreMask &M) {
  return everyRowShows(M.V, !M.Hides);
}

bool graph::absorbsScores(const ScoreMask &M, Type Element) {
  // An ulp of 1e30 is 7e22 in f32; f16 has no such numbers.
  return M.Filler <= -1e30 && (Element.isF32() || Element.isF64());
}

bool graph::broadcastsTo(RankedTensorType Mask, ArrayRef<int64_t> S) {
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

bool graph::matchScores(Value V, Scores &S, Trail &T) {
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
    // Masks are on the scaled scores.
    if (S.Cap || S.Scale != 1)
      return false;
    if (isa<onnx::ReshapeOp>(Op)) {
      if (S.Windows || !matchWindows(V, S.Windows, T))
        return false;
      continue;
    }
    if (auto Where = dyn_cast<onnx::WhereOp>(Op)) {
      ScoreMask M = {Where.getCondition(), true, false, 0};
      auto Filler = getUniform(Where.getY());
      V = Where.getX();
      if (!Filler) {
        Filler = getUniform(Where.getX());
        V = Where.getY();
        M.Hides = true;
      }
      if (!Filler || *Filler > -1e4)
        return false;
      M.Filler = *Filler;
      S.Masks.push_back(M);
      continue;
    }
    if (!isa<onnx::AddOp>(Op))
      return false;
    // The side that leads to the product.
    for (unsigned I : {0u, 1u}) {
      Scores Deeper = S;
      Deeper.Masks.push_back({Op->getOperand(1 - I)});
      auto Mark = T.mark();
      if (!isConstant(Op->getOperand(I)) &&
          matchScores(Op->getOperand(I), Deeper, T)) {
        S = Deeper;
        return true;
      }
      T.undo(Mark);
    }
    return false;
  }
  return false;
}

double graph::takeScale(Value &V, Trail &T) {
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

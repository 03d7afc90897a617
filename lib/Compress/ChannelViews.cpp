//===- ChannelViews.cpp - Channels seen in another shape ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reshape and its relatives. Dimensions are matched in segments of equal
// products; in the segment of the channels every element belongs to an atom,
// and one dimension of the result is found along which atoms differ: alone
// where that loses nothing (Flatten: each atom many times), else the outermost,
// whose positions each become one class (heads of d channels, groups).
//
//===----------------------------------------------------------------------===//

#include "ChannelRules.h"
#include "lathe/ONNX/ONNX.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

namespace {
/// Dimensions [From, FromEnd) of the source and [To, ToEnd) of the result have
/// the same elements in the same order.
struct Segment {
  unsigned From, FromEnd, To, ToEnd;
};
} // namespace

/// The smallest segment with dimension \p Axis of \p From, where dimensions are
/// matched from the front. \p Same: a pair of dimensions of unknown size is
/// one.
static std::optional<Segment>
matchFromFront(ArrayRef<int64_t> From, ArrayRef<int64_t> To, unsigned Axis,
               llvm::function_ref<bool(unsigned, unsigned)> Same) {
  unsigned I = 0, J = 0;
  while (I < From.size() && I <= Axis) {
    if (ShapedType::isDynamic(From[I])) {
      if (I == Axis || J == To.size() || !Same(I, J))
        return std::nullopt;
      ++I, ++J;
      continue;
    }
    Segment S{I, I + 1, J, J};
    int64_t A = From[I], B = 1;
    while (A != B) {
      bool Left = A < B;
      ArrayRef<int64_t> Shape = Left ? From : To;
      unsigned &End = Left ? S.FromEnd : S.ToEnd;
      if (End == Shape.size() || Shape[End] <= 0)
        return std::nullopt;
      (Left ? A : B) *= Shape[End++];
    }
    if (Axis < S.FromEnd)
      return S;
    I = S.FromEnd;
    J = S.ToEnd;
  }
  return std::nullopt;
}

static std::optional<Segment>
matchSegment(RankedTensorType From, RankedTensorType To, unsigned Axis,
             llvm::function_ref<bool(unsigned, unsigned)> Same) {
  unsigned M = From.getRank(), N = To.getRank();
  auto Reversed = [](ArrayRef<int64_t> Shape) {
    return SmallVector<int64_t>(llvm::reverse(Shape));
  };
  auto Back =
      matchFromFront(Reversed(From.getShape()), Reversed(To.getShape()),
                     M - 1 - Axis, [](unsigned, unsigned) { return false; });
  if (Back)
    return Segment{M - Back->FromEnd, M - Back->From, N - Back->ToEnd,
                   N - Back->To};
  return matchFromFront(From.getShape(), To.getShape(), Axis, Same);
}

/// Reshape, Transpose, Reshape that put channels into another order, begun by
/// \p First; nothing where it is none.
static bool visitShuffle(Operation *First, const Segment &S, unsigned Axis,
                         ChannelGroups &Groups) {
  Value X = First->getOperand(0), Parts = First->getResult(0);
  if (S.FromEnd != S.From + 1 || !Parts.hasOneUse())
    return false;
  auto Turn = dyn_cast<onnx::TransposeOp>(*Parts.user_begin());
  if (!Turn || !Turn->hasOneUse() || !Turn->getAttr("perm"))
    return false;
  Operation *Last = *Turn->user_begin();
  if (!isa<onnx::ReshapeOp>(Last) ||
      Last->getOperand(0) != Turn->getResult(0) ||
      Last->getResult(0).getType() != X.getType())
    return false;
  auto Perm = Turn->getAttrOfType<DenseI64ArrayAttr>("perm").asArrayRef();
  for (auto [I, P] : llvm::enumerate(Perm))
    if ((I < S.To || I >= S.ToEnd) && P != int64_t(I))
      return false;
  // Where each channel of the result comes from.
  ArrayRef<int64_t> Shape =
      rankedType(Parts).getShape().slice(S.To, S.ToEnd - S.To);
  SmallVector<int64_t> Order = {0};
  for (unsigned I = S.To; I < S.ToEnd; ++I) {
    unsigned Dim = Perm[I] - S.To;
    int64_t Stride = ShapedType::getNumElements(Shape.drop_front(Dim + 1));
    SmallVector<int64_t> Next;
    for (int64_t Base : Order)
      for (int64_t K = 0; K < Shape[Dim]; ++K)
        Next.push_back(Base + K * Stride);
    Order = std::move(Next);
  }
  Groups.shuffle(X, Last->getResult(0), Axis, Order);
  return true;
}

Verdict compress::visitView(Operation *Op, ChannelGroups &Groups) {
  const auto *T = Groups.tracked(Op->getOperand(0));
  RankedTensorType From = rankedType(Op->getOperand(0)),
                   To = rankedType(Op->getResult(0));
  if (!T || !To)
    return "computes its shape";
  unsigned Axis = T->Axis;
  Atoms List = T->List;
  SmallVector<int64_t> Shape; // as it is written, or empty
  if (isa<onnx::ReshapeOp>(Op)) {
    auto View = onnx::ConstantView::get(Op->getOperand(1));
    if (!View || View->isElided())
      return "computes its shape";
    Shape = *View->getInts();
  }
  bool CopiesZeros = intAttr(Op, "allowzero", 0) == 0;
  auto Copies = [&](unsigned I) {
    return I < Shape.size() && Shape[I] == 0 && CopiesZeros;
  };
  auto S = matchSegment(From, To, Axis, [&](unsigned I, unsigned J) {
    return I == J && Copies(I);
  });
  if (!S)
    return "mixes them with other dimensions";
  if (visitShuffle(Op, *S, Axis, Groups))
    return {};

  int64_t Inner = ShapedType::getNumElements(
      From.getShape().slice(Axis + 1, S->FromEnd - Axis - 1));
  int64_t Total = ShapedType::getNumElements(
      From.getShape().slice(S->From, S->FromEnd - S->From));
  auto AtomAt = [&](int64_t I) { return List[I / Inner % List.size()]; };
  std::optional<unsigned> Chosen;
  Atoms Result;
  int64_t Stride = Total;
  for (unsigned D = S->To; D < S->ToEnd; ++D) {
    int64_t Size = To.getDimSize(D);
    Stride /= Size;
    if (Size == 1 && Total != 1)
      continue;
    Atoms Along(Size, -1);
    bool Exact = true;
    for (int64_t I = 0; I < Total; ++I) {
      int &Mine = Along[I / Stride % Size];
      if (Mine < 0)
        Mine = AtomAt(I);
      Exact &= Groups.find(Mine) == Groups.find(AtomAt(I));
    }
    if (!Exact && Chosen)
      continue;
    Chosen = D;
    Result = std::move(Along);
    if (Exact)
      break;
  }
  if (!Chosen || (Copies(Axis) && *Chosen != Axis))
    return "mixes them with other dimensions";
  Stride = ShapedType::getNumElements(
      To.getShape().slice(*Chosen + 1, S->ToEnd - *Chosen - 1));
  for (int64_t I = 0; I < Total; ++I)
    Groups.join(Result[I / Stride % Result.size()], AtomAt(I));
  if (!Shape.empty() && Shape[*Chosen] != -1)
    Groups.count(Op, 1, *Chosen, Result);
  Groups.track(Op->getResult(0), *Chosen, Result);
  return {};
}

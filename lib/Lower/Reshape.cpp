//===- Reshape.cpp - Any reshape as collapse_shape and expand_shape -------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A reshape splits into groups: runs of dimensions of the source and of the
// result that are known to hold the same number of elements, because their
// sizes are the same value or static products agree. Each group collapses to
// one dimension and expands again; what cannot be matched from either end is
// one group in the middle. So a view stays as narrow as what is known allows.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "TensorBuilder.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lathe::lower {

namespace {
/// Dimensions [SrcBegin, SrcEnd) of the source become [DstBegin, DstEnd).
struct Group {
  size_t SrcBegin, SrcEnd, DstBegin, DstEnd;
};
} // namespace

/// Groups from the front of Src and Dst, as far as sizes are known to agree.
static SmallVector<Group> matchFront(ArrayRef<OpFoldResult> Src,
                                     ArrayRef<OpFoldResult> Dst) {
  SmallVector<Group> Groups;
  size_t S = 0, D = 0;
  while (S < Src.size() && D < Dst.size()) {
    if (sameSize(Src[S], Dst[D])) {
      Groups.push_back({S, S + 1, D, D + 1});
      ++S, ++D;
      continue;
    }
    size_t SE = S, DE = D;
    int64_t SP = 1, DP = 1;
    auto Take = [](ArrayRef<OpFoldResult> Dims, size_t &End, int64_t &Product) {
      std::optional<int64_t> N =
          End < Dims.size() ? getConstantIntValue(Dims[End]) : std::nullopt;
      if (!N || *N == 0)
        return false;
      Product *= *N;
      ++End;
      return true;
    };
    if (!Take(Src, SE, SP) || !Take(Dst, DE, DP))
      break;
    while (SP != DP && (SP < DP ? Take(Src, SE, SP) : Take(Dst, DE, DP)))
      ;
    if (SP != DP)
      break;
    Groups.push_back({S, SE, D, DE});
    S = SE, D = DE;
  }
  return Groups;
}

static SmallVector<Group> match(ArrayRef<OpFoldResult> Src,
                                ArrayRef<OpFoldResult> Dst) {
  SmallVector<Group> Groups = matchFront(Src, Dst);
  size_t S = Groups.empty() ? 0 : Groups.back().SrcEnd;
  size_t D = Groups.empty() ? 0 : Groups.back().DstEnd;
  // From the back: match the reversed remainders.
  Sizes SrcBack(llvm::reverse(Src.drop_front(S)));
  Sizes DstBack(llvm::reverse(Dst.drop_front(D)));
  SmallVector<Group> Back = matchFront(SrcBack, DstBack);
  size_t SE = Src.size() - (Back.empty() ? 0 : Back.back().SrcEnd);
  size_t DE = Dst.size() - (Back.empty() ? 0 : Back.back().DstEnd);
  if (S < SE || D < DE)
    Groups.push_back({S, SE, D, DE});
  for (Group G : llvm::reverse(Back))
    Groups.push_back({Src.size() - G.SrcEnd, Src.size() - G.SrcBegin,
                      Dst.size() - G.DstEnd, Dst.size() - G.DstBegin});
  // A group empty on one side holds ones on the other: it joins a neighbour.
  for (size_t I = 0; I < Groups.size() && Groups.size() > 1;) {
    Group G = Groups[I];
    if (G.SrcBegin != G.SrcEnd && G.DstBegin != G.DstEnd) {
      ++I;
      continue;
    }
    size_t First = I ? I - 1 : 0;
    Groups[First] = {Groups[First].SrcBegin, Groups[First + 1].SrcEnd,
                     Groups[First].DstBegin, Groups[First + 1].DstEnd};
    Groups.erase(Groups.begin() + First + 1);
    I = First;
  }
  return Groups;
}

static bool isStatic(ArrayRef<OpFoldResult> S) {
  return llvm::all_of(S, [](OpFoldResult N) { return getConstantIntValue(N); });
}

Value TensorBuilder::reshape(Value Tensor, RankedTensorType T,
                             ArrayRef<OpFoldResult> S) {
  Sizes Dst = refine(T, S);
  Sizes Src = sizes(Tensor);
  Type Element = T.getElementType();
  auto IsEmpty = [](OpFoldResult N) { return isConstantIntValue(N, 0); };
  if (llvm::any_of(Src, IsEmpty) || llvm::any_of(Dst, IsEmpty))
    return empty(T, Dst);

  // To and from scalars every dimension is one.
  if (Src.empty() || Dst.empty()) {
    auto Ones = RankedTensorType::get(
        SmallVector<int64_t>(std::max(Src.size(), Dst.size()), 1), Element);
    if (Src.empty() && Dst.empty())
      return castTo(Tensor, T);
    if (Src.empty())
      return castTo(tensor::ExpandShapeOp::create(
                        *this, Ones, Tensor, ArrayRef<ReassociationIndices>{}),
                    T);
    return tensor::CollapseShapeOp::create(*this, T, castTo(Tensor, Ones),
                                           ArrayRef<ReassociationIndices>{});
  }

  SmallVector<Group> Groups = match(Src, Dst);
  SmallVector<ReassociationIndices> Collapse, Expand;
  Sizes Middle;
  bool MustCollapse = false, MustExpand = false;
  for (Group G : Groups) {
    auto GroupSrc = ArrayRef(Src).slice(G.SrcBegin, G.SrcEnd - G.SrcBegin);
    auto GroupDst = ArrayRef(Dst).slice(G.DstBegin, G.DstEnd - G.DstBegin);
    Collapse.push_back(
        llvm::to_vector<2>(llvm::seq<int64_t>(G.SrcBegin, G.SrcEnd)));
    Expand.push_back(
        llvm::to_vector<2>(llvm::seq<int64_t>(G.DstBegin, G.DstEnd)));
    MustCollapse |= GroupSrc.size() > 1;
    MustExpand |= GroupDst.size() > 1;
    // The static side, if there is one, knows the product.
    Middle.push_back(fold(product(isStatic(GroupDst) ? GroupDst : GroupSrc)));
  }

  // The source must be typed as dynamic or static as its collapsed form is.
  Value Result = Tensor;
  if (MustCollapse) {
    SmallVector<int64_t> Shape;
    auto From = cast<RankedTensorType>(Tensor.getType());
    for (auto &Dims : Collapse) {
      int64_t N = 1;
      for (int64_t D : Dims)
        N = From.isDynamicDim(D) || N == ShapedType::kDynamic
                ? ShapedType::kDynamic
                : N * From.getDimSize(D);
      Shape.push_back(N);
    }
    Result = tensor::CollapseShapeOp::create(
        *this, RankedTensorType::get(Shape, Element), Result, Collapse);
  }
  if (!MustExpand)
    return castTo(Result, T);
  // A group that expands into anything dynamic starts from a dynamic dimension.
  SmallVector<int64_t> Shape;
  for (auto [Dims, N] : llvm::zip(Expand, Middle)) {
    bool Dynamic = llvm::any_of(
        Dims, [&](int64_t D) { return !getConstantIntValue(Dst[D]); });
    Shape.push_back(Dynamic ? ShapedType::kDynamic
                            : getConstantIntValue(N).value());
  }
  Result = castTo(Result, RankedTensorType::get(Shape, Element));
  Result = tensor::ExpandShapeOp::create(*this, tensorOf(Dst, Element), Result,
                                         Expand, Dst);
  return castTo(Result, T);
}

} // namespace lathe::lower

//===- Views.cpp - Chains of movements as one -----------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See Views.h.
//
//===----------------------------------------------------------------------===//

#include "Views.h"
#include "Pattern.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// Longer chains are not worth the time.
static constexpr unsigned MaxOps = 12;

View View::of(Value Source) {
  View W;
  W.Source = Source;
  RankedTensorType Type = getRanked(Source);
  W.Offsets.assign(Type.getRank(), 0);
  for (int64_t D = 0; D < Type.getRank(); ++D) {
    W.Dims.emplace_back();
    if (Type.getDimSize(D) != 1)
      W.Dims.back().push_back({D, Type.getDimSize(D), 1});
  }
  return W;
}

bool View::isPart(unsigned D, int64_t SourceDim, int64_t Size,
                  int64_t Stride) const {
  if (Size == 1)
    return Dims[D].empty();
  return Dims[D].size() == 1 && Dims[D][0].Dim == SourceDim &&
         Dims[D][0].Size == Size && Dims[D][0].Stride == Stride;
}

bool View::isWhole(unsigned D, int64_t SourceDim) const {
  return Offsets[SourceDim] == 0 &&
         isPart(D, SourceDim, getRanked(Source).getDimSize(SourceDim), 1);
}

/// Part \p Index of \p Count equal ones along dimension \p D.
static bool takePart(View &W, int64_t D, int64_t Count, int64_t Index) {
  if (Count == 1)
    return true;
  if (W.Dims[D].empty())
    return false;
  Factor &F = W.Dims[D].front();
  if (ShapedType::isDynamic(F.Size) || F.Size % Count)
    return false;
  F.Size /= Count;
  W.Offsets[F.Dim] += Index * F.Size * F.Stride;
  if (F.Size == 1)
    W.Dims[D].erase(W.Dims[D].begin());
  return true;
}

/// \p Size positions from \p Start on, \p Step apart, of \p Whole along
/// dimension \p D.
static bool takeRange(View &W, int64_t D, int64_t Whole, int64_t Start,
                      int64_t Size, int64_t Step) {
  if (ShapedType::isDynamic(Whole) || Size <= 0 || Start < 0 || Step < 1 ||
      Start + (Size - 1) * Step >= Whole)
    return false;
  if (Step == 1 && Whole % Size == 0 && Start % Size == 0)
    return takePart(W, D, Whole / Size, Start / Size);
  if (W.Dims[D].size() != 1)
    return false;
  Factor &F = W.Dims[D].front();
  W.Offsets[F.Dim] += Start * F.Stride;
  F.Size = Size;
  F.Stride *= Step;
  if (Size == 1)
    W.Dims[D].clear();
  return true;
}

/// Groups the factors of \p W, in order, to dimensions of the sizes of \p To.
static bool regroup(View &W, onnx::ReshapeOp Op) {
  RankedTensorType To = getRanked(Op.getReshaped()),
                   From = getRanked(Op.getData());
  if (!To || !From)
    return false;
  SmallVector<Factor> Left;
  for (auto &D : W.Dims)
    Left.append(D.begin(), D.end());
  int64_t Rank = To.getRank(), First = 0, Last = Rank;
  SmallVector<SmallVector<Factor, 2>, 6> New(Rank);
  auto IsDynamic = [](const Factor &F) {
    return ShapedType::isDynamic(F.Size);
  };
  // What a size that is copied says.
  auto Given = getInts(Op.getShape());
  auto IsCopy = [&](int64_t D) {
    return Given && (*Given)[D] == 0 && !Op.getAllowzero() &&
           D < From.getRank();
  };
  size_t Next = 0;
  while (First < Last) {
    if (To.isDynamicDim(First)) {
      // A copied size names its factors; a dynamic one alone does too.
      if (!IsCopy(First) || W.Dims[First].size() != 1 || Next >= Left.size() ||
          Left[Next].Dim != W.Dims[First][0].Dim || !IsDynamic(Left[Next]))
        break;
      New[First++].push_back(Left[Next++]);
      continue;
    }
    int64_t Rest = To.getDimSize(First);
    while (Rest > 1) {
      if (Next >= Left.size() || IsDynamic(Left[Next]))
        return false;
      Factor &F = Left[Next];
      if (Rest % F.Size == 0) {
        New[First].push_back(F);
        Rest /= F.Size;
        ++Next;
      } else if (F.Size % Rest == 0) {
        F.Size /= Rest;
        New[First].push_back({F.Dim, Rest, F.Stride * F.Size});
        Rest = 1;
      } else {
        return false;
      }
    }
    ++First;
  }
  // From the end to the last dynamic size.
  while (First < Last && !To.isDynamicDim(Last - 1)) {
    int64_t Rest = To.getDimSize(--Last);
    while (Rest > 1) {
      if (Left.size() <= Next || IsDynamic(Left.back()))
        return false;
      Factor &F = Left.back();
      if (Rest % F.Size == 0) {
        New[Last].insert(New[Last].begin(), F);
        Rest /= F.Size;
        Left.pop_back();
      } else if (F.Size % Rest == 0) {
        New[Last].insert(New[Last].begin(), {F.Dim, Rest, F.Stride});
        F.Stride *= Rest;
        F.Size /= Rest;
        Rest = 1;
      } else {
        return false;
      }
    }
  }
  // One size is left for what is left.
  if (Last - First > 1)
    return false;
  if (First < Last)
    New[First].assign(Left.begin() + Next, Left.end());
  else if (Next != Left.size())
    return false;
  W.Dims = std::move(New);
  return true;
}

static bool apply(View &W, Operation *Op, Value Result) {
  if (!getRanked(Result))
    return false;
  if (auto T = dyn_cast<onnx::TransposeOp>(Op)) {
    View Old = W;
    for (auto [To, From] : llvm::enumerate(getPermutation(T)))
      W.Dims[To] = Old.Dims[From];
    return true;
  }
  if (auto R = dyn_cast<onnx::ReshapeOp>(Op))
    return regroup(W, R);
  if (isa<onnx::SqueezeOp, onnx::UnsqueezeOp>(Op)) {
    auto Axes = getAxes(Op);
    if (!Axes)
      return false;
    if (isa<onnx::SqueezeOp>(Op)) {
      for (int64_t A : llvm::reverse(*Axes))
        W.Dims.erase(W.Dims.begin() + A);
    } else {
      for (int64_t A : *Axes)
        W.Dims.insert(W.Dims.begin() + A, SmallVector<Factor, 2>());
    }
    return int64_t(W.Dims.size()) == getRank(Result);
  }
  RankedTensorType From = getRanked(Op->getOperand(0));
  if (auto G = dyn_cast<onnx::GatherOp>(Op)) {
    int64_t Axis = fromFront(G.getAxis(), From.getRank());
    auto Index = getUniform(G.getIndices());
    RankedTensorType Indices = getStatic(G.getIndices());
    if (!Index || !Indices || Indices.getNumElements() != 1 ||
        Indices.getRank() > 1 || From.isDynamicDim(Axis))
      return false;
    int64_t Size = From.getDimSize(Axis);
    if (!takePart(W, Axis, Size, fromFront(int64_t(*Index), Size)) ||
        !W.Dims[Axis].empty())
      return false;
    if (Indices.getRank() == 0)
      W.Dims.erase(W.Dims.begin() + Axis);
    return true;
  }
  if (auto S = dyn_cast<onnx::SplitOp>(Op)) {
    int64_t Axis = fromFront(S.getAxis(), From.getRank()), Start = 0;
    for (Value Part : S->getResults()) {
      RankedTensorType Type = getRanked(Part);
      if (!Type || Type.isDynamicDim(Axis))
        return false;
      if (Part == Result)
        return takeRange(W, Axis, From.getDimSize(Axis), Start,
                         Type.getDimSize(Axis), 1);
      Start += Type.getDimSize(Axis);
    }
    return false;
  }
  if (auto S = dyn_cast<onnx::SliceOp>(Op)) {
    auto Starts = getInts(S.getStarts()), Axes = getInts(getOperand(Op, 3)),
         Steps = getInts(getOperand(Op, 4));
    RankedTensorType To = getRanked(Result);
    if (!Starts || Starts->size() != 1 || !Axes || Axes->size() != 1 ||
        (getOperand(Op, 4) && !Steps))
      return false;
    int64_t Axis = fromFront(Axes->front(), From.getRank());
    if (From.isDynamicDim(Axis) || To.isDynamicDim(Axis))
      return false;
    int64_t Whole = From.getDimSize(Axis);
    return takeRange(W, Axis, Whole, fromFront(Starts->front(), Whole),
                     To.getDimSize(Axis), Steps ? Steps->front() : 1);
  }
  return false;
}

std::vector<View> graph::tracedViews(Value V) {
  std::vector<View> Found;
  SmallVector<std::pair<Operation *, Value>> Chain;
  V = peel(V);
  while (getRanked(V)) {
    View W = View::of(V);
    bool Told = true;
    for (auto [Op, Result] : llvm::reverse(Chain)) {
      if (!(Told = apply(W, Op, Result)))
        break;
      W.Ops.push_back(Op);
    }
    if (!Told)
      break;
    Found.push_back(std::move(W));
    Operation *Op = V.getDefiningOp();
    if (!isa_and_nonnull<onnx::TransposeOp, onnx::ReshapeOp, onnx::SqueezeOp,
                         onnx::UnsqueezeOp, onnx::SplitOp, onnx::SliceOp,
                         onnx::GatherOp>(Op) ||
        Chain.size() == MaxOps)
      break;
    Chain.emplace_back(Op, V);
    V = peel(Op->getOperand(0));
  }
  return Found;
}

HeadRows graph::findHeadRows(Value V, HeadLayout Layout) {
  HeadRows In;
  RankedTensorType Type = getRanked(V);
  unsigned Head = Layout == HeadLayout::PositionsFirst ? 2 : 1,
           Within = Layout == HeadLayout::PositionsLast ? 2 : 3,
           Along = 6 - Head - Within;
  In.Count = Type.getDimSize(Head);
  In.Size = Type.getDimSize(Within);
  if (ShapedType::isDynamic(In.Count) || ShapedType::isDynamic(In.Size))
    return In;
  for (View &W : tracedViews(V)) {
    RankedTensorType Source = getRanked(W.Source);
    int64_t Last = Source.getRank() - 1;
    if (Last < 1 || W.Dims.size() != 4 || Source.isDynamicDim(Last))
      continue;
    // Heads that something else made, of all positions.
    if (Last == 3 && W.isWhole(0, 0) && W.isWhole(Along, 1) &&
        W.isWhole(Head, 2) && W.isWhole(Within, 3) &&
        Source.getDimSize(2) == In.Count) {
      In.Rows = W.Source;
      In.Reshape = true;
      In.Whole = true;
      In.Offset = 0;
      continue;
    }
    int64_t Positions = W.Dims[Along].empty() ? 1 : W.Dims[Along][0].Dim;
    if (Positions >= Last || !W.isWhole(Along, Positions) ||
        !W.isPart(Head, Last, In.Count, In.Size) ||
        !W.isPart(Within, Last, In.Size, 1))
      continue;
    bool Plain = Last == 2 && Positions == 1 && W.isWhole(0, 0);
    if (!Plain) {
      // A batch of one may stand anywhere, or nowhere.
      bool Ones = W.Dims[0].empty() && !Source.isDynamicDim(Positions);
      for (int64_t D = 0; D < Last; ++D)
        Ones &= D == Positions || Source.getDimSize(D) == 1;
      if (!Ones)
        continue;
    }
    In.Rows = W.Source;
    In.Reshape = !Plain;
    In.Whole = false;
    In.Along = Positions;
    In.Offset = W.Offsets[Last];
  }
  return In;
}

Value HeadRows::all(NodeBuilder &B) const {
  if (!Reshape)
    return Rows;
  if (Whole)
    return B.op("Reshape", {Rows, B.ints({0, 0, Count * Size})});
  RankedTensorType Type = getRanked(Rows);
  return B.reshape(Rows, {1, Type.getDimSize(Along), Type.getShape().back()});
}

Value HeadRows::partOf(NodeBuilder &B, Value All) const {
  if (getRanked(All).getDimSize(2) == Count * Size)
    return All;
  return B.op("Slice", {All, B.ints({Offset}), B.ints({Offset + Count * Size}),
                        B.ints({2}), B.ints({1})});
}

Value HeadRows::part(NodeBuilder &B) const { return partOf(B, all(B)); }

//===- DataMovement.cpp - Elements of small tensors that move -------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of data propagation that moves elements without computing: Shape
// itself, gathers, slices, concatenations, and full reductions of a vector.
//
//===----------------------------------------------------------------------===//

#include "Inference.h"
#include "lathe/ONNX/ConstantView.h"

using namespace mlir;
using namespace lathe::onnx;

/// The result holds the same elements in the same order.
static LogicalResult propagateSame(Inference &I) {
  if (const Data *Elements = I.data(0))
    I.setData(0, Data(*Elements));
  return success();
}

static LogicalResult propagateShape(Inference &I) {
  const Dims *Input = I.dims(0);
  if (!Input)
    return success();
  int64_t Rank = Input->size();
  auto Bound = [&](int64_t V) {
    return std::clamp<int64_t>(V < 0 ? V + Rank : V, 0, Rank);
  };
  int64_t Start = Bound(I.getInt("start")),
          End = Bound(I.findInt("end").value_or(Rank));
  Data Out;
  for (int64_t D = Start; D < End; ++D)
    Out.push_back((*Input)[D]);
  I.setData(0, std::move(Out));
  return success();
}

static LogicalResult propagateSize(Inference &I) {
  if (const Dims *Input = I.dims(0))
    I.setData(0, {Element(I.product(*Input))});
  return success();
}

/// Copies element by element: \p Source gives the operand's position of a
/// result's.
static void permute(Inference &I, const Data &From,
                    llvm::function_ref<int64_t(ArrayRef<int64_t>)> Source) {
  auto Shape = constantShape(I.result(0).Shape ? &*I.result(0).Shape : nullptr);
  if (!Shape)
    return;
  int64_t Count = 1;
  for (int64_t Size : *Shape)
    if (llvm::MulOverflow(Count, Size, Count) ||
        Count > InferenceContext::MaxElements)
      return;
  Data Out;
  SmallVector<int64_t> Index(Shape->size(), 0);
  for (int64_t P = 0; P < Count; ++P) {
    int64_t Rest = P;
    for (int64_t D = Shape->size() - 1; D >= 0; --D) {
      Index[D] = Rest % (*Shape)[D];
      Rest /= (*Shape)[D];
    }
    int64_t S = Source(Index);
    Out.push_back(S >= 0 && S < int64_t(From.size()) ? From[S] : Element());
  }
  I.setData(0, std::move(Out));
}

static int64_t linear(ArrayRef<int64_t> Index, ArrayRef<int64_t> Shape) {
  int64_t P = 0;
  for (auto [X, Size] : llvm::zip(Index, Shape))
    P = P * Size + X;
  return P;
}

static LogicalResult propagateGather(Inference &I) {
  const Data *From = I.data(0);
  auto Shape = constantShape(I.dims(0));
  auto Indices = I.constants(1);
  auto IndexShape = constantShape(I.dims(1));
  if (!From || !Shape || !Indices || !IndexShape)
    return success();
  int64_t Axis = I.getInt("axis");
  Axis += Axis < 0 ? Shape->size() : 0;
  permute(I, *From, [&](ArrayRef<int64_t> At) -> int64_t {
    size_t R = IndexShape->size();
    int64_t Picked = (*Indices)[linear(At.slice(Axis, R), *IndexShape)];
    SmallVector<int64_t> Source(At.take_front(Axis));
    Source.push_back(Picked < 0 ? Picked + (*Shape)[Axis] : Picked);
    Source.append(At.begin() + Axis + R, At.end());
    return linear(Source, *Shape);
  });
  return success();
}

static LogicalResult propagateSlice(Inference &I) {
  const Data *From = I.data(0);
  auto Shape = constantShape(I.dims(0));
  auto Starts = I.constants(1);
  auto Axes = I.has(3) ? I.constants(3) : std::nullopt;
  auto Steps = I.has(4) ? I.constants(4) : std::nullopt;
  if (!From || !Shape || !Starts || (I.has(3) && !Axes) || (I.has(4) && !Steps))
    return success();
  SmallVector<int64_t> Begin(Shape->size(), 0), Step(Shape->size(), 1);
  for (size_t P = 0; P < Starts->size(); ++P) {
    int64_t Axis = Axes ? (*Axes)[P] : P;
    Axis += Axis < 0 ? Shape->size() : 0;
    int64_t Size = (*Shape)[Axis], Start = (*Starts)[P];
    Step[Axis] = Steps ? (*Steps)[P] : 1;
    Start += Start < 0 ? Size : 0;
    Begin[Axis] = std::clamp<int64_t>(
        Start, 0, std::max<int64_t>(Step[Axis] > 0 ? Size : Size - 1, 0));
  }
  permute(I, *From, [&](ArrayRef<int64_t> At) {
    SmallVector<int64_t> Source;
    for (size_t D = 0; D < At.size(); ++D)
      Source.push_back(Begin[D] + At[D] * Step[D]);
    return linear(Source, *Shape);
  });
  return success();
}

static LogicalResult propagateTranspose(Inference &I) {
  const Data *From = I.data(0);
  auto Shape = constantShape(I.dims(0));
  if (!From || !Shape)
    return success();
  auto Perm = I.findInts("perm");
  size_t Rank = Shape->size();
  permute(I, *From, [&](ArrayRef<int64_t> At) {
    SmallVector<int64_t> Source(Rank);
    for (size_t D = 0; D < Rank; ++D)
      Source[Perm ? (*Perm)[D] : Rank - 1 - D] = At[D];
    return linear(Source, *Shape);
  });
  return success();
}

/// Expand and Tile: positions wrap around.
static LogicalResult propagateRepeat(Inference &I) {
  const Data *From = I.data(0);
  auto Shape = constantShape(I.dims(0));
  if (!From || !Shape)
    return success();
  permute(I, *From, [&](ArrayRef<int64_t> At) -> int64_t {
    SmallVector<int64_t> Source;
    for (size_t D = 0; D < Shape->size(); ++D) {
      int64_t Size = (*Shape)[D];
      Source.push_back(Size ? At[At.size() - Shape->size() + D] % Size : 0);
    }
    return linear(Source, *Shape);
  });
  return success();
}

static LogicalResult propagateConcat(Inference &I) {
  auto Rank = I.result(0).Shape ? I.result(0).Shape->size() : 0;
  // Along the first axis the elements simply follow each other.
  int64_t Axis = I.getInt("axis");
  if (Rank == 0 || (Axis < 0 ? Axis + int64_t(Rank) : Axis) != 0)
    return success();
  Data Out;
  for (Value V : I.operandsFrom(0)) {
    auto Elements = I.elements(V);
    if (!Elements)
      return success();
    Out.append(*Elements);
  }
  I.setData(0, std::move(Out));
  return success();
}

/// Along the only axis.
static LogicalResult propagateSplit(Inference &I) {
  const Data *From = I.data(0);
  const Dims *Input = I.dims(0);
  if (!From || !Input || Input->size() != 1)
    return success();
  size_t Begin = 0;
  for (unsigned R = 0; R < I.getOp()->getNumResults(); ++R) {
    auto Sizes =
        constantShape(I.result(R).Shape ? &*I.result(R).Shape : nullptr);
    if (!Sizes || Begin + (*Sizes)[0] > From->size())
      return success();
    I.setData(R,
              Data(From->begin() + Begin, From->begin() + Begin + (*Sizes)[0]));
    Begin += (*Sizes)[0];
  }
  return success();
}

static LogicalResult propagateConstantOfShape(Inference &I) {
  auto Sizes = constantShape(I.result(0).Shape ? &*I.result(0).Shape : nullptr);
  if (!Sizes)
    return success();
  auto Count = I.product(*I.result(0).Shape).getConstant();
  if (!Count || *Count > InferenceContext::MaxElements)
    return success();
  Element Value = SymExpr(0);
  if (auto Attr = I.getOp()->getAttr("value"))
    if (auto View = ConstantView::get(Attr)) {
      if (View->isElided() || !(View->isInteger() || View->isFloat()))
        return success();
      Value = View->isInteger() ? Element(SymExpr(View->getInt(0)))
                                : Element::number(View->getFloat(0));
    }
  I.setData(0, Data(*Count, Value));
  return success();
}

static LogicalResult propagateRange(Inference &I) {
  auto Sizes = constantShape(I.result(0).Shape ? &*I.result(0).Shape : nullptr);
  const Data *Start = I.data(0), *Delta = I.data(2);
  if (!Sizes || (*Sizes)[0] > InferenceContext::MaxElements || !Start ||
      !Delta || isa<FloatType>(I.resultElementType(0)))
    return success();
  auto From = (*Start)[0].getInt(), By = (*Delta)[0].getInt();
  if (!From || !By)
    return success();
  Data Out;
  for (int64_t P = 0; P < (*Sizes)[0]; ++P) {
    auto Offset = SymExpr::mul(P, *By);
    Out.push_back(Offset ? Element(SymExpr::add(*From, *Offset)) : Element());
  }
  I.setData(0, std::move(Out));
  return success();
}

using FoldFn = llvm::function_ref<std::optional<SymExpr>(const SymExpr &,
                                                         const SymExpr &)>;

/// A full reduction of a vector by \p Fold.
static void reduceAll(Inference &I, const Data &From, SymExpr Initial,
                      FoldFn Fold) {
  if (isa<FloatType>(I.resultElementType(0)))
    return;
  Element Result = Initial;
  for (const Element &E : From)
    Result =
        Result.Int && E.Int ? Element(Fold(*Result.Int, *E.Int)) : Element();
  I.setData(0, {fitOrUnknown(I.resultElementType(0), Result)});
}

static bool isFullReduction(Inference &I) {
  if (!I.data(0) || I.data(0)->empty() || !I.result(0).Shape)
    return false;
  if (!I.has(1))
    return I.getInt("noop_with_empty_axes") == 0;
  return I.constants(1) && I.product(*I.result(0).Shape).isConstant(1);
}

static LogicalResult propagateReduceProd(Inference &I) {
  if (isFullReduction(I))
    reduceAll(I, *I.data(0), 1, SymExpr::mul);
  return success();
}
static LogicalResult propagateReduceSum(Inference &I) {
  if (isFullReduction(I))
    reduceAll(I, *I.data(0), 0, SymExpr::add);
  return success();
}
static LogicalResult propagateReduceMax(Inference &I) {
  if (isFullReduction(I) && (*I.data(0))[0].Int)
    reduceAll(I, *I.data(0), *(*I.data(0))[0].Int,
              [&](const SymExpr &A, const SymExpr &B) {
                return I.symbols().max(A, B);
              });
  return success();
}
static LogicalResult propagateReduceMin(Inference &I) {
  if (isFullReduction(I) && (*I.data(0))[0].Int)
    reduceAll(I, *I.data(0), *(*I.data(0))[0].Int,
              [&](const SymExpr &A, const SymExpr &B) {
                return I.symbols().min(A, B);
              });
  return success();
}

ArrayRef<InferRow> lathe::onnx::getMovementRows() {
  static constexpr InferRow Rows[] = {
      {"Concat", propagateConcat},
      {"ConstantOfShape", propagateConstantOfShape},
      {"Expand", propagateRepeat},
      {"Flatten", propagateSame},
      {"Gather", propagateGather},
      {"Identity", propagateSame},
      {"Range", propagateRange},
      {"ReduceMax", propagateReduceMax},
      {"ReduceMin", propagateReduceMin},
      {"ReduceProd", propagateReduceProd},
      {"ReduceSum", propagateReduceSum},
      {"Reshape", propagateSame},
      {"Shape", propagateShape},
      {"Size", propagateSize},
      {"Slice", propagateSlice},
      {"Split", propagateSplit},
      {"Squeeze", propagateSame},
      {"Tile", propagateRepeat},
      {"Transpose", propagateTranspose},
      {"Unsqueeze", propagateSame},
  };
  return Rows;
}

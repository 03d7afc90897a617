//===- ShapeInferenceReduction.cpp - Shapes of reductions and searches - ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inference.h"

using namespace mlir;
using namespace lathe::onnx;

/// The operand's shape without (or with 1 at) the axes of \p Mask.
static Dims reduce(const Dims &Input, ArrayRef<bool> Mask, bool Keep) {
  Dims Shape;
  for (auto [Size, Reduced] : llvm::zip(Input, Mask))
    if (!Reduced)
      Shape.push_back(Size);
    else if (Keep)
      Shape.push_back(1);
  return Shape;
}

static LogicalResult inferReduce(Inference &I) {
  const Dims *Input = I.dims(0);
  Type Element = I.elementType(0);
  if (!Input)
    return I.setUnranked(0, Element);
  bool Keep = I.getInt("keepdims") != 0;
  int64_t Rank = Input->size();
  SmallVector<bool> Mask(Rank, false);
  auto Axes = I.constants(1);
  if (I.has(1) && !Axes) {
    // The number of axes may be known though not which.
    const Dims *Count = I.dims(1);
    if (Keep)
      return I.set(0, Element, I.unknowns(Rank));
    if (Count && Count->size() == 1)
      if (auto N = (*Count)[0].getConstant(); N && *N > 0 && *N <= Rank)
        return I.set(0, Element, I.unknowns(Rank - *N));
    return I.setUnranked(0, Element);
  }
  if (!Axes || Axes->empty()) {
    Mask.assign(Rank, I.getInt("noop_with_empty_axes") == 0);
  } else {
    for (int64_t A : *Axes) {
      auto Axis = I.axis(A, Rank);
      if (!Axis)
        return failure();
      Mask[*Axis] = true;
    }
  }
  return I.set(0, Element, reduce(*Input, Mask, Keep));
}

static LogicalResult inferArg(Inference &I) {
  const Dims *Input = I.dims(0);
  Type Element = I.builder().getI64Type();
  if (!Input)
    return I.setUnranked(0, Element);
  auto Axis = I.axis(I.getInt("axis"), Input->size());
  if (!Axis)
    return failure();
  SmallVector<bool> Mask(Input->size(), false);
  Mask[*Axis] = true;
  return I.set(0, Element, reduce(*Input, Mask, I.getInt("keepdims") != 0));
}

static LogicalResult inferTopK(Inference &I) {
  const Dims *Input = I.dims(0);
  Type Index = I.builder().getI64Type();
  if (!Input)
    return failure(failed(I.setUnranked(0, I.elementType(0))) ||
                   failed(I.setUnranked(1, Index)));
  auto Axis = I.axis(I.getInt("axis"), Input->size());
  if (!Axis)
    return failure();
  Dims Shape = *Input;
  const Data *K = I.data(1);
  Shape[*Axis] =
      K && K->size() == 1 && (*K)[0].Int ? *(*K)[0].Int : I.unknown();
  auto Have = (*Input)[*Axis].getConstant(), Want = Shape[*Axis].getConstant();
  if (Have && Want && *Want > *Have)
    return I.error() << "K = " << *Want << " exceeds the " << *Have
                     << " elements of the axis";
  return failure(failed(I.set(0, I.elementType(0), Shape)) ||
                 failed(I.set(1, Index, Shape)));
}

static LogicalResult inferNonZero(Inference &I) {
  const Dims *Input = I.dims(0);
  SymExpr Rank =
      Input ? SymExpr(std::max<int64_t>(Input->size(), 1)) : I.unknown();
  return I.set(0, I.builder().getI64Type(), {Rank, I.unknown()});
}

static LogicalResult inferUnique(Inference &I) {
  const Dims *Input = I.dims(0);
  Type Index = I.builder().getI64Type();
  SymExpr Found = I.unknown(), Total = I.unknown();
  if (auto Axis = I.findInt("axis")) {
    if (!Input) {
      if (failed(I.setUnranked(0, I.elementType(0))))
        return failure();
    } else {
      auto A = I.axis(*Axis, Input->size());
      if (!A)
        return failure();
      Dims Shape = *Input;
      Total = Shape[*A];
      Shape[*A] = Found;
      if (failed(I.set(0, I.elementType(0), Shape)))
        return failure();
    }
  } else {
    if (Input)
      Total = I.product(*Input);
    if (failed(I.set(0, I.elementType(0), {Found})))
      return failure();
  }
  return failure(failed(I.set(1, Index, {Found})) ||
                 failed(I.set(2, Index, {Total})) ||
                 failed(I.set(3, Index, {Found})));
}

static LogicalResult inferNonMaxSuppression(Inference &I) {
  if (failed(I.checkRank(0, 3)) || failed(I.checkRank(1, 3)))
    return failure();
  return I.set(0, I.builder().getI64Type(), {I.unknown(), 3});
}

/// Losses: without reduction one value per position, else a scalar.
static LogicalResult inferLoss(Inference &I) {
  const Dims *Input = I.dims(0), *Labels = I.dims(1);
  if (Input && Labels && Labels->size() + 1 != Input->size())
    return I.error() << "the labels " << toString(*Labels)
                     << " do not fit the scores " << toString(*Input);
  Dims Shape;
  if (I.getString("reduction") == "none") {
    if (!Input && !Labels)
      return I.setUnranked(0, I.elementType(0));
    if (Labels)
      Shape = *Labels;
    else if (Input->size() >= 2) {
      Shape = *Input;
      Shape.erase(Shape.begin() + 1);
    }
  }
  return I.set(0, I.elementType(0), Shape);
}

static LogicalResult inferSoftmaxLoss(Inference &I) {
  if (failed(inferLoss(I)))
    return failure();
  const Dims *Input = I.dims(0);
  return Input ? I.set(1, I.elementType(0), *Input)
               : I.setUnranked(1, I.elementType(0));
}

/// Elements of one axis (or of all, flattened) where the condition holds.
static LogicalResult inferCompress(Inference &I) {
  const Dims *Input = I.dims(0);
  if (failed(I.checkRank(1, 1)))
    return failure();
  SymExpr Count = I.unknown();
  if (auto Condition = I.constants(1))
    Count =
        SymExpr(llvm::count_if(*Condition, [](int64_t C) { return C != 0; }));
  auto Axis = I.findInt("axis");
  if (!Axis)
    return I.set(0, I.elementType(0), {Count});
  if (!Input)
    return I.setUnranked(0, I.elementType(0));
  auto A = I.axis(*Axis, Input->size());
  if (!A)
    return failure();
  Dims Shape = *Input;
  Shape[*A] = Count;
  return I.set(0, I.elementType(0), Shape);
}

ArrayRef<InferRow> lathe::onnx::getReductionRows() {
  static constexpr InferRow Rows[] = {
      {"ArgMax", inferArg},
      {"ArgMin", inferArg},
      {"Compress", inferCompress},
      {"NegativeLogLikelihoodLoss", inferLoss},
      {"NonMaxSuppression", inferNonMaxSuppression},
      {"NonZero", inferNonZero},
      {"ReduceL1", inferReduce},
      {"ReduceL2", inferReduce},
      {"ReduceLogSum", inferReduce},
      {"ReduceLogSumExp", inferReduce},
      {"ReduceMax", inferReduce},
      {"ReduceMean", inferReduce},
      {"ReduceMin", inferReduce},
      {"ReduceProd", inferReduce},
      {"ReduceSum", inferReduce},
      {"ReduceSumSquare", inferReduce},
      {"SoftmaxCrossEntropyLoss", inferSoftmaxLoss},
      {"TopK", inferTopK},
      {"Unique", inferUnique},
  };
  return Rows;
}

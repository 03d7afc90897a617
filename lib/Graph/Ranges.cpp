//===- Ranges.cpp - The part of a tensor that a Slice takes ---------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Ranges.h"
#include "Match.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

std::optional<SmallVector<DimRange>> graph::getRanges(onnx::SliceOp Op) {
  RankedTensorType Type = getRanked(Op.getData());
  auto Starts = getInts(Op.getStarts()), Ends = getInts(Op.getEnds());
  auto Axes = Op.getAxes() ? getInts(Op.getAxes()) : std::nullopt;
  auto Steps = Op.getSteps() ? getInts(Op.getSteps()) : std::nullopt;
  if (!Type || !Starts || !Ends || Starts->size() != Ends->size() ||
      (Op.getAxes() && (!Axes || Axes->size() != Starts->size())) ||
      (Op.getSteps() && (!Steps || Steps->size() != Starts->size())) ||
      int64_t(Starts->size()) > Type.getRank())
    return std::nullopt;
  SmallVector<DimRange> Ranges;
  for (size_t I = 0; I < Starts->size(); ++I) {
    int64_t Axis = fromFront(Axes ? (*Axes)[I] : I, Type.getRank());
    int64_t Step = Steps ? (*Steps)[I] : 1, Size = Type.getDimSize(Axis);
    // TensorFlow writes its open ends so, with 32 bits.
    constexpr int64_t Open = std::numeric_limits<int32_t>::max();
    if (ShapedType::isDynamic(Size) && Step == 1 && (*Starts)[I] == 0 &&
        (*Ends)[I] >= Open)
      continue;
    if (ShapedType::isDynamic(Size) || Step == 0)
      return std::nullopt;
    auto Clamp = [&](int64_t V, int64_t Low, int64_t High) {
      return std::clamp(V < 0 ? V + Size : V, Low, std::max(Low, High));
    };
    DimRange R{Axis, 0, 0, Step};
    if (Step > 0) {
      R.Start = Clamp((*Starts)[I], 0, Size);
      int64_t End = Clamp((*Ends)[I], 0, Size);
      R.Size = std::max<int64_t>(0, (End - R.Start + Step - 1) / Step);
    } else {
      R.Start = Clamp((*Starts)[I], 0, Size - 1);
      // An end far below the start is not counted from the back.
      int64_t End = (*Ends)[I] < -Size ? -1 : Clamp((*Ends)[I], -1, Size - 1);
      R.Size = std::max<int64_t>(0, (End - R.Start + Step + 1) / Step);
    }
    if (R.Start == 0 && R.Size == Size && Step == 1)
      continue;
    Ranges.push_back(R);
  }
  llvm::sort(Ranges, [](const DimRange &A, const DimRange &B) {
    return A.Axis < B.Axis;
  });
  return Ranges;
}

std::optional<DimRange> graph::getRange(onnx::SplitOp Op, unsigned Index) {
  RankedTensorType Type = getRanked(Op.getInput());
  if (!Type)
    return std::nullopt;
  DimRange R{fromFront(Op.getAxis(), Type.getRank()), 0, 0, 1};
  for (unsigned I = 0; I <= Index; ++I) {
    RankedTensorType Part = getRanked(Op->getResult(I));
    if (!Part || Part.isDynamicDim(R.Axis))
      return std::nullopt;
    R.Start += R.Size;
    R.Size = Part.getDimSize(R.Axis);
  }
  return R;
}

Value graph::makeSlice(NodeBuilder &B, Value X, ArrayRef<DimRange> Ranges) {
  if (Ranges.empty())
    return X;
  SmallVector<int64_t> Starts, Ends, Axes, Steps;
  bool HasSteps = false;
  SmallVector<int64_t> Shape(getRanked(X).getShape());
  for (const DimRange &R : Ranges) {
    Starts.push_back(R.Start);
    int64_t End = R.Start + R.Size * R.Step;
    // Counted from the back it would be something else.
    Ends.push_back(End < 0 ? std::numeric_limits<int64_t>::min() : End);
    Axes.push_back(R.Axis);
    Steps.push_back(R.Step);
    HasSteps |= R.Step != 1;
    Shape[R.Axis] = R.Size;
  }
  return B.op("Slice",
              {X, B.ints(Starts), B.ints(Ends), B.ints(Axes),
               HasSteps ? B.ints(Steps) : Value()},
              {}, getRanked(X).clone(Shape));
}

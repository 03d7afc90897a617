//===- ShapeInferenceIndexing.cpp - Shapes of gathers, slices, pads - ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inference.h"
#include <cmath>

using namespace mlir;
using namespace lathe::onnx;

static LogicalResult inferLikeFirst(Inference &I) {
  return I.setLike(0, I.elementType(0), 0);
}

static LogicalResult inferGather(Inference &I) {
  const Dims *Data = I.dims(0), *Indices = I.dims(1);
  if (!Data || !Indices)
    return I.setUnranked(0, I.elementType(0));
  auto Axis = I.axis(I.getInt("axis"), Data->size());
  if (!Axis)
    return failure();
  Dims Shape(Data->begin(), Data->begin() + *Axis);
  Shape.append(*Indices);
  Shape.append(Data->begin() + *Axis + 1, Data->end());
  auto Size = (*Data)[*Axis].getConstant();
  if (auto Constants = I.constants(1); Constants && Size)
    for (int64_t C : *Constants)
      if (C < -*Size || C >= *Size)
        return I.error() << "the index " << C
                         << " is out of range for an axis of size " << *Size;
  return I.set(0, I.elementType(0), Shape);
}

static LogicalResult inferGatherElements(Inference &I) {
  const Dims *Data = I.dims(0), *Indices = I.dims(1);
  if (Data && !I.axis(I.getInt("axis"), Data->size()))
    return failure();
  if (Data && Indices && Data->size() != Indices->size())
    return I.error() << "data and indices differ in their number of dimensions";
  return Indices ? I.set(0, I.elementType(0), *Indices)
                 : I.setUnranked(0, I.elementType(0));
}

static LogicalResult inferGatherND(Inference &I) {
  const Dims *Data = I.dims(0), *Indices = I.dims(1);
  if (!Data || !Indices)
    return I.setUnranked(0, I.elementType(0));
  if (Data->empty() || Indices->empty())
    return I.error() << "data and indices need at least one dimension";
  int64_t Batch = I.getInt("batch_dims");
  auto Depth = Indices->back().getConstant();
  if (Batch < 0 || Batch >= int64_t(std::min(Data->size(), Indices->size())))
    return I.error() << "batch_dims = " << Batch << " is out of range";
  if (!Depth)
    return I.setUnranked(0, I.elementType(0));
  if (*Depth < 1 || Batch + *Depth > int64_t(Data->size()))
    return I.error() << "indices of " << *Depth
                     << " coordinates do not fit data with " << Data->size()
                     << " dimensions";
  Dims Shape(Indices->begin(), Indices->end() - 1);
  Shape.append(Data->begin() + Batch + *Depth, Data->end());
  return I.set(0, I.elementType(0), Shape);
}

static LogicalResult inferScatter(Inference &I) {
  const Dims *Data = I.dims(0), *Indices = I.dims(1), *Updates = I.dims(2);
  if (Data && I.findInt("axis") && !I.axis(I.getInt("axis"), Data->size()))
    return failure();
  if (Data && Indices && Updates && I.findInt("axis") &&
      (Data->size() != Indices->size() || Updates->size() != Indices->size()))
    return I.error()
           << "data, indices and updates differ in their number of dimensions";
  return inferLikeFirst(I);
}

static LogicalResult inferTensorScatter(Inference &I) {
  if (const Dims *Data = I.dims(0);
      Data && !I.axis(I.getInt("axis"), Data->size()))
    return failure();
  return inferLikeFirst(I);
}

/// The size of start:end:step over \p Size elements, as numpy has it.
static SymExpr sliceSize(Inference &I, const SymExpr &Size,
                         const Element &Start, const Element &End,
                         int64_t Step) {
  auto N = Size.getConstant(), S = Start.getInt(), E = End.getInt();
  if (N == 0)
    return 0;
  if (N && S && E) {
    auto Clamp = [&](int64_t V, int64_t Low, int64_t High) {
      return std::clamp(V < 0 ? V + *N : V, Low, High);
    };
    int64_t From = Step > 0 ? Clamp(*S, 0, *N) : Clamp(*S, 0, *N - 1);
    int64_t To = Step > 0 ? Clamp(*E, 0, *N) : Clamp(*E, -1, *N - 1);
    if (Step < 0 && *E < -*N)
      To = -1;
    int64_t Span = Step > 0 ? To - From : From - To;
    if (Span <= 0)
      return 0;
    uint64_t Stride = Step > 0 ? uint64_t(Step) : 0 - uint64_t(Step);
    return int64_t((uint64_t(Span) - 1) / Stride + 1);
  }
  if (!Start.Int || !End.Int || Step != 1) {
    // A full reversal keeps the size.
    if (Step == -1 && S && *S == -1 && E && *E < INT32_MIN + 1)
      return Size;
    return I.unknown();
  }
  // Positions from the front; one beyond any tensor's size means its end.
  auto Position = [&](const SymExpr &V) -> SymExpr {
    auto C = V.getConstant();
    if (C && *C >= INT32_MAX)
      return Size;
    if (C && *C <= -INT32_MAX)
      return 0;
    return C && *C < 0 ? I.add(Size, V) : V;
  };
  SymExpr From = Position(*Start.Int), To = Position(*End.Int);
  // The last k of fewer than k elements are all of them. (The last one is taken
  // to be there.)
  if (S && *S < -1 && !From.isNonNegative())
    From = I.max(From, 0);
  if (From.isConstant(0) && To.getConstant() && !N)
    return I.min(Size, To);
  return I.max(I.sub(To == Size ? To : I.min(To, Size), From), 0);
}

static LogicalResult inferSlice(Inference &I) {
  const Dims *Input = I.dims(0);
  Type Element = I.elementType(0);
  if (!Input)
    return I.setUnranked(0, Element);
  int64_t Rank = Input->size();
  const Data *Starts = I.data(1), *Ends = I.data(2);
  auto Axes = I.has(3) ? I.constants(3) : std::nullopt;
  auto Steps = I.has(4) ? I.constants(4) : std::nullopt;
  const Dims *Count = I.dims(1);
  auto N =
      Count && Count->size() == 1 ? (*Count)[0].getConstant() : std::nullopt;
  if ((I.has(3) && !Axes) || !N)
    return I.set(0, Element, I.unknowns(Rank));
  if (!Axes) {
    Axes.emplace();
    for (int64_t A = 0; A < *N; ++A)
      Axes->push_back(A);
  }
  auto Fits = [&](size_t Size) { return int64_t(Size) == *N; };
  if (!Fits(Axes->size()) || (Starts && !Fits(Starts->size())) ||
      (Ends && !Fits(Ends->size())) || (Steps && !Fits(Steps->size())))
    return I.error() << "starts, ends, axes and steps differ in length";
  Dims Shape = *Input;
  for (int64_t P = 0; P < *N; ++P) {
    auto Axis = I.axis((*Axes)[P], Rank);
    if (!Axis)
      return failure();
    int64_t Step = Steps ? (*Steps)[P] : 1;
    if (Step == 0)
      return I.error() << "a step of 0 does not advance";
    bool Known = Starts && Ends && (!I.has(4) || Steps);
    Shape[*Axis] =
        Known ? sliceSize(I, Shape[*Axis], (*Starts)[P], (*Ends)[P], Step)
              : I.unknown();
  }
  return I.set(0, Element, Shape);
}

static LogicalResult inferPad(Inference &I) {
  const Dims *Input = I.dims(0);
  Type Element = I.elementType(0);
  if (!Input)
    return I.setUnranked(0, Element);
  int64_t Rank = Input->size();
  const Data *Pads = I.data(1);
  auto Axes = I.has(3) ? I.constants(3) : std::nullopt;
  if (!Pads || (I.has(3) && !Axes))
    return I.set(0, Element, I.unknowns(Rank));
  if (!Axes) {
    Axes.emplace();
    for (int64_t A = 0; A < Rank; ++A)
      Axes->push_back(A);
  }
  if (Pads->size() != 2 * Axes->size())
    return I.error() << "pads has " << Pads->size() << " values, needs "
                     << 2 * Axes->size();
  Dims Shape = *Input;
  for (auto [P, A] : llvm::enumerate(*Axes)) {
    auto Axis = I.axis(A, Rank);
    if (!Axis)
      return failure();
    const auto &Begin = (*Pads)[P].Int, &End = (*Pads)[P + Axes->size()].Int;
    Shape[*Axis] =
        Begin && End ? I.add(Shape[*Axis], I.add(*Begin, *End)) : I.unknown();
  }
  return I.set(0, Element, Shape);
}

static LogicalResult inferCenterCropPad(Inference &I) {
  const Dims *Input = I.dims(0);
  if (!Input)
    return I.setUnranked(0, I.elementType(0));
  const Data *Target = I.data(1);
  Dims Shape = *Input;
  SmallVector<int64_t> Axes;
  if (auto Given = I.findInts("axes"))
    Axes.assign(Given->begin(), Given->end());
  else
    for (int64_t A = 0; A < int64_t(Shape.size()); ++A)
      Axes.push_back(A);
  if (Target && Target->size() != Axes.size())
    return I.error() << "shape has " << Target->size() << " values, needs "
                     << Axes.size();
  for (auto [P, A] : llvm::enumerate(Axes)) {
    auto Axis = I.axis(A, Shape.size());
    if (!Axis)
      return failure();
    Shape[*Axis] = Target && (*Target)[P].Int ? *(*Target)[P].Int : I.unknown();
  }
  return I.set(0, I.elementType(0), Shape);
}

//===----------------------------------------------------------------------===//
// Resize
//===----------------------------------------------------------------------===//

/// The output sizes for `sizes` under a policy that keeps the aspect ratio.
static void keepAspectRatio(ArrayRef<int64_t> Input, bool Larger,
                            SmallVectorImpl<int64_t> &Sizes) {
  double Scale = Larger ? 0.0 : 1e300;
  for (auto [In, Out] : llvm::zip(Input, Sizes)) {
    double S = double(Out) / double(In);
    Scale = Larger ? std::max(Scale, S) : std::min(Scale, S);
  }
  for (auto [In, Out] : llvm::zip(Input, Sizes))
    Out = int64_t(std::min(std::floor(Scale * double(In) + 0.5), 9e15));
}

static LogicalResult inferResize(Inference &I) {
  const Dims *Input = I.dims(0);
  Type Ty = I.elementType(0);
  if (!Input)
    return I.setUnranked(0, Ty);
  int64_t Rank = Input->size();
  SmallVector<int64_t> Axes;
  if (auto Given = I.findInts("axes")) {
    for (int64_t A : *Given) {
      auto Axis = I.axis(A, Rank);
      if (!Axis)
        return failure();
      Axes.push_back(*Axis);
    }
  } else {
    for (int64_t A = 0; A < Rank; ++A)
      Axes.push_back(A);
  }
  Dims Shape = *Input;
  auto HasValues = [&](unsigned Operand) {
    // An empty tensor says as little as an absent one.
    const Dims *Count = I.has(Operand) ? I.dims(Operand) : nullptr;
    return I.has(Operand) &&
           !(Count && Count->size() == 1 && (*Count)[0].isConstant(0));
  };
  unsigned Operand = HasValues(3) ? 3 : 2;
  if (!HasValues(Operand))
    return I.error() << "needs scales or sizes";
  const Data *Values = I.data(Operand);
  if (Values && Values->size() != Axes.size())
    return I.error() << (Operand == 3 ? "sizes" : "scales") << " has "
                     << Values->size() << " values, needs " << Axes.size();
  if (!Values) {
    for (int64_t A : Axes)
      Shape[A] = I.unknown();
    return I.set(0, Ty, Shape);
  }
  if (Operand == 2) {
    for (auto [A, E] : llvm::zip(Axes, *Values)) {
      auto Scale = E.getNumber();
      auto Size = Shape[A].getConstant();
      if (Scale && !(*Scale > 0))
        return I.error() << "the scale " << *Scale << " must be positive";
      if (Scale && Size && double(*Size) * *Scale > 9e15)
        return I.error() << "the scale " << *Scale << " makes the size "
                         << *Size << " too large";
      if (Scale && Size)
        Shape[A] = int64_t(std::floor(double(*Size) * double(float(*Scale))));
      else if (E.Int)
        Shape[A] = I.mul(Shape[A], *E.Int);
      else
        Shape[A] = I.unknown();
    }
    return I.set(0, Ty, Shape);
  }
  StringRef Policy = I.getString("keep_aspect_ratio_policy");
  if (Policy == "not_larger" || Policy == "not_smaller") {
    SmallVector<int64_t> In, Sizes;
    for (auto [A, E] : llvm::zip(Axes, *Values)) {
      auto Size = Shape[A].getConstant(), Want = E.getInt();
      if (Size && Want && *Size > 0) {
        In.push_back(*Size);
        Sizes.push_back(*Want);
      }
    }
    bool Known = Sizes.size() == Axes.size();
    if (Known)
      keepAspectRatio(In, Policy == "not_smaller", Sizes);
    for (auto [P, A] : llvm::enumerate(Axes))
      Shape[A] = Known ? SymExpr(Sizes[P]) : I.unknown();
    return I.set(0, Ty, Shape);
  }
  for (auto [A, E] : llvm::zip(Axes, *Values))
    Shape[A] = E.Int ? *E.Int : I.unknown();
  return I.set(0, Ty, Shape);
}

static LogicalResult inferGridSample(Inference &I) {
  const Dims *Input = I.dims(0), *Grid = I.dims(1);
  if (!Input || !Grid)
    return I.setUnranked(0, I.elementType(0));
  if (Input->size() != Grid->size() || Input->size() < 3)
    return I.error() << "the input " << toString(*Input) << " and the grid "
                     << toString(*Grid) << " do not go together";
  Dims Shape = {(*Input)[0], (*Input)[1]};
  Shape.append(Grid->begin() + 1, Grid->end() - 1);
  return I.set(0, I.elementType(0), Shape);
}

/// theta and [N, C, H, W] or [N, C, D, H, W]
static LogicalResult inferAffineGrid(Inference &I) {
  const Data *Size = I.data(1);
  const Dims *Count = I.dims(1);
  auto N =
      Count && Count->size() == 1 ? (*Count)[0].getConstant() : std::nullopt;
  if (!N)
    return I.setUnranked(0, I.elementType(0));
  if (*N != 4 && *N != 5)
    return I.error() << "size has " << *N << " values, needs 4 or 5";
  Dims Shape;
  for (int64_t D = 0; D < *N; ++D)
    if (D != 1)
      Shape.push_back(Size && (*Size)[D].Int ? *(*Size)[D].Int : I.unknown());
  Shape.push_back(*N - 2);
  return I.set(0, I.elementType(0), Shape);
}

static LogicalResult inferOneHot(Inference &I) {
  const Dims *Indices = I.dims(0);
  if (!Indices)
    return I.setUnranked(0, I.elementType(2));
  const Data *Depth = I.data(1);
  auto Axis = I.axis(I.getInt("axis"), Indices->size() + 1);
  if (!Axis)
    return failure();
  Dims Shape = *Indices;
  Shape.insert(Shape.begin() + *Axis,
               Depth && Depth->size() == 1 && (*Depth)[0].Int ? *(*Depth)[0].Int
                                                              : I.unknown());
  return I.set(0, I.elementType(2), Shape);
}

static LogicalResult inferReverseSequence(Inference &I) {
  return failed(I.checkMinRank(0, 2)) ? failure() : inferLikeFirst(I);
}

ArrayRef<InferRow> lathe::onnx::getIndexingRows() {
  static constexpr InferRow Rows[] = {
      {"AffineGrid", inferAffineGrid},
      {"CenterCropPad", inferCenterCropPad},
      {"Gather", inferGather},
      {"GatherElements", inferGatherElements},
      {"GatherND", inferGatherND},
      {"GridSample", inferGridSample},
      {"OneHot", inferOneHot},
      {"Pad", inferPad},
      {"Resize", inferResize},
      {"ReverseSequence", inferReverseSequence},
      {"ScatterElements", inferScatter},
      {"ScatterND", inferLikeFirst},
      {"Slice", inferSlice},
      {"TensorScatter", inferTensorScatter},
  };
  return Rows;
}

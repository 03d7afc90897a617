//===- ShapeInferenceWindow.cpp - Shapes of convolutions and pooling - ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inference.h"
#include "lathe/ONNX/WindowGeometry.h"

using namespace mlir;
using namespace lathe::onnx;

namespace {
/// What the ops of this family say about their windows, spatial axis by axis.
struct Windows {
  SmallVector<WindowAxis> Axes;
  AutoPad Mode = AutoPad::NotSet;
  bool Ceil = false;
};
} // namespace

/// Reads strides, dilations, pads and auto_pad for kernels of \p Kernel;
/// reports lists of the wrong length and values that mean nothing.
static LogicalResult readWindows(Inference &I, ArrayRef<int64_t> Kernel,
                                 Windows &Out) {
  size_t Rank = Kernel.size();
  auto Strides = I.findInts("strides"), Dilations = I.findInts("dilations");
  auto Pads = I.findInts("pads");
  auto Check = [&](std::optional<ArrayRef<int64_t>> List, StringRef Name,
                   size_t Size, int64_t Least) -> LogicalResult {
    if (List && List->size() != Size)
      return I.error() << Name << " has " << List->size() << " values, needs "
                       << Size;
    if (List && llvm::any_of(*List, [&](int64_t V) {
          return V < Least || V > INT32_MAX;
        }))
      return I.error() << Name << " has a value out of range";
    return success();
  };
  if (failed(Check(Strides, "strides", Rank, 1)) ||
      failed(Check(Dilations, "dilations", Rank, 1)) ||
      failed(Check(Pads, "pads", 2 * Rank, INT32_MIN)) ||
      failed(Check(Kernel, "kernel_shape", Rank, 1)))
    return failure();
  Out.Mode = getAutoPad(I.getString("auto_pad"));
  Out.Ceil = I.getInt("ceil_mode") != 0;
  for (size_t A = 0; A < Rank; ++A) {
    WindowAxis Axis;
    Axis.Kernel = Kernel[A];
    if (Strides)
      Axis.Stride = (*Strides)[A];
    if (Dilations)
      Axis.Dilation = (*Dilations)[A];
    if (Pads && Out.Mode == AutoPad::NotSet) {
      Axis.PadBegin = (*Pads)[A];
      Axis.PadEnd = (*Pads)[Rank + A];
    }
    Out.Axes.push_back(Axis);
  }
  return success();
}

/// The output size along one axis.
static FailureOr<SymExpr> outputSize(Inference &I, const SymExpr &Input,
                                     const Windows &W, WindowAxis Axis) {
  if (auto Size = Input.getConstant()) {
    resolveAutoPad(*Size, W.Mode, Axis);
    int64_t Output = getWindowOutput(*Size, Axis, W.Ceil);
    if (Output <= 0 && *Size != 0)
      return I.error() << "a window of " << Axis.extent()
                       << " does not fit the padded size "
                       << *Size + Axis.PadBegin + Axis.PadEnd;
    return SymExpr(std::max<int64_t>(Output, 0));
  }
  if (W.Mode == AutoPad::SameUpper || W.Mode == AutoPad::SameLower)
    return I.ceilDiv(Input, Axis.Stride);
  SymExpr Free = I.add(Input, Axis.PadBegin + Axis.PadEnd - Axis.extent());
  if (W.Ceil && Axis.Stride != 1)
    return I.unknown(); // the last window may be dropped
  return I.add(I.floorDiv(Free, Axis.Stride), 1);
}

/// The kernel: `kernel_shape`, else from the weight's shape. Empty if not
/// known.
static LogicalResult readKernel(Inference &I, const Dims *Weight,
                                size_t Spatial,
                                SmallVectorImpl<int64_t> &Kernel) {
  if (auto Attr = I.findInts("kernel_shape")) {
    if (Attr->size() != Spatial)
      return I.error() << "kernel_shape has " << Attr->size()
                       << " values, needs " << Spatial;
    Kernel.assign(Attr->begin(), Attr->end());
  }
  if (!Weight)
    return success();
  for (size_t A = 0; A < Spatial; ++A) {
    auto Size = (*Weight)[2 + A].getConstant();
    if (Kernel.size() == Spatial && Size && *Size != Kernel[A])
      return I.error() << "kernel_shape says " << Kernel[A]
                       << " for an axis where the weight has " << *Size;
  }
  if (!Kernel.empty())
    return success();
  for (size_t A = 0; A < Spatial; ++A) {
    auto Size = (*Weight)[2 + A].getConstant();
    if (!Size)
      return Kernel.clear(), success();
    Kernel.push_back(*Size);
  }
  return success();
}

/// Ranks of a convolution's input and weight, and its number of groups.
static LogicalResult checkLayer(Inference &I, const Dims &Input,
                                const Dims *Weight, int64_t Group) {
  if (Weight && Weight->size() != Input.size())
    return I.error() << "the input " << toString(Input) << " and the weight "
                     << toString(*Weight)
                     << " differ in their number of dimensions";
  if (Group < 1)
    return I.error() << "group = " << Group << " must be positive";
  return success();
}

/// Input, weight and bias of a convolution by position.
static LogicalResult inferConvolution(Inference &I, unsigned X, unsigned W,
                                      unsigned Bias, Type Element) {
  if (failed(I.checkMinRank(X, 2)) || failed(I.checkMinRank(W, 2)))
    return failure();
  const Dims *Input = I.dims(X), *Weight = I.dims(W);
  if (!Input)
    return I.setUnranked(0, Element);
  size_t Spatial = Input->size() - 2;
  int64_t Group = I.getInt("group");
  if (failed(checkLayer(I, *Input, Weight, Group)))
    return failure();
  SymExpr Filters = I.unknown();
  if (Weight) {
    Filters = (*Weight)[0];
    auto Channels = (*Input)[1].getConstant(),
         PerGroup = (*Weight)[1].getConstant();
    if (Channels && *Channels % Group != 0)
      return I.error() << "group = " << Group << " does not divide the "
                       << *Channels << " channels of the input";
    if (Channels && PerGroup && *Channels / Group != *PerGroup)
      return I.error() << "the input has " << *Channels << " channels in "
                       << Group << " groups but the weight takes " << *PerGroup
                       << " a group";
    if (auto M = Filters.getConstant(); M && *M % Group != 0)
      return I.error() << "group = " << Group << " does not divide the " << *M
                       << " filters";
    if (I.has(Bias))
      if (const Dims *B = I.dims(Bias))
        if (B->size() != 1 ||
            failed(I.unify(Filters, (*B)[0], Filters, "bias and filters")))
          return B->size() != 1
                     ? LogicalResult(I.error()
                                     << "the bias must have one dimension")
                     : failure();
  }
  Dims Shape = {(*Input)[0], Filters};
  SmallVector<int64_t> Kernel;
  if (failed(readKernel(I, Weight, Spatial, Kernel)))
    return failure();
  if (Kernel.size() != Spatial) {
    Shape.append(I.unknowns(Spatial));
    return I.set(0, Element, Shape);
  }
  Windows Win;
  if (failed(readWindows(I, Kernel, Win)))
    return failure();
  for (size_t A = 0; A < Spatial; ++A) {
    auto Size = outputSize(I, (*Input)[2 + A], Win, Win.Axes[A]);
    if (failed(Size))
      return failure();
    Shape.push_back(*Size);
  }
  return I.set(0, Element, Shape);
}

static LogicalResult inferConv(Inference &I) {
  return inferConvolution(I, 0, 1, 2, I.elementType(0));
}
static LogicalResult inferConvInteger(Inference &I) {
  return inferConvolution(I, 0, 1, ~0u, I.builder().getI32Type());
}
static LogicalResult inferQLinearConv(Inference &I) {
  return inferConvolution(I, 0, 3, 8, I.elementType(7));
}
static LogicalResult inferDeformConv(Inference &I) {
  return inferConvolution(I, 0, 1, 3, I.elementType(0));
}

static LogicalResult inferConvTranspose(Inference &I) {
  if (failed(I.checkMinRank(0, 2)) || failed(I.checkMinRank(1, 2)))
    return failure();
  const Dims *Input = I.dims(0), *Weight = I.dims(1);
  if (!Input)
    return I.setUnranked(0, I.elementType(0));
  size_t Spatial = Input->size() - 2;
  int64_t Group = I.getInt("group");
  if (failed(checkLayer(I, *Input, Weight, Group)))
    return failure();
  Dims Shape = {(*Input)[0], Weight ? I.mul((*Weight)[1], Group) : I.unknown()};
  if (Weight) {
    auto Channels = (*Input)[1].getConstant(),
         Taken = (*Weight)[0].getConstant();
    if (Channels && Taken && *Channels != *Taken)
      return I.error() << "the input has " << *Channels
                       << " channels but the weight takes " << *Taken;
    if (Channels && *Channels % Group != 0)
      return I.error() << "group = " << Group << " does not divide the "
                       << *Channels << " channels of the input";
  }
  SmallVector<int64_t> Kernel;
  if (failed(readKernel(I, Weight, Spatial, Kernel)))
    return failure();
  auto Sizes = I.findInts("output_shape"), Extra = I.findInts("output_padding");
  if (Sizes && Sizes->size() != Spatial && Sizes->size() != Spatial + 2)
    return I.error() << "output_shape has " << Sizes->size()
                     << " values, needs " << Spatial;
  if (Extra && Extra->size() != Spatial)
    return I.error() << "output_padding has " << Extra->size()
                     << " values, needs " << Spatial;
  if (Sizes) {
    for (int64_t Size : Sizes->take_back(Spatial))
      Shape.push_back(Size);
    return I.set(0, I.elementType(0), Shape);
  }
  if (Kernel.size() != Spatial) {
    Shape.append(I.unknowns(Spatial));
    return I.set(0, I.elementType(0), Shape);
  }
  Windows Win;
  if (failed(readWindows(I, Kernel, Win)))
    return failure();
  for (size_t A = 0; A < Spatial; ++A) {
    const WindowAxis &Axis = Win.Axes[A];
    const SymExpr &Size = (*Input)[2 + A];
    if (Win.Mode == AutoPad::SameUpper || Win.Mode == AutoPad::SameLower) {
      Shape.push_back(I.mul(Size, Axis.Stride));
      continue;
    }
    int64_t Rest =
        (Extra ? (*Extra)[A] : 0) + Axis.extent() - Axis.PadBegin - Axis.PadEnd;
    Shape.push_back(I.add(I.mul(I.sub(Size, 1), Axis.Stride), Rest));
  }
  return I.set(0, I.elementType(0), Shape);
}

/// The windows of a pooling, or of what undoes one.
static LogicalResult readPooling(Inference &I, Windows &Win) {
  SmallVector<int64_t> Kernel;
  return success(
      succeeded(readKernel(I, nullptr, I.dims(0)->size() - 2, Kernel)) &&
      succeeded(readWindows(I, Kernel, Win)));
}

/// The shape of a pooling's result.
static FailureOr<Dims> poolShape(Inference &I) {
  const Dims *Input = I.dims(0);
  Windows Win;
  if (failed(readPooling(I, Win)))
    return failure();
  Dims Shape = {(*Input)[0], (*Input)[1]};
  for (size_t A = 0; A < Win.Axes.size(); ++A) {
    auto Size = outputSize(I, (*Input)[2 + A], Win, Win.Axes[A]);
    if (failed(Size))
      return failure();
    Shape.push_back(*Size);
  }
  return Shape;
}

static LogicalResult inferPool(Inference &I) {
  if (failed(I.checkMinRank(0, 2)))
    return failure();
  if (!I.dims(0))
    return I.setUnranked(0, I.elementType(0));
  auto Shape = poolShape(I);
  return failed(Shape) ? failure() : I.set(0, I.elementType(0), *Shape);
}

static LogicalResult inferMaxPool(Inference &I) {
  if (failed(inferPool(I)))
    return failure();
  const ValueInfo &Values = I.result(0);
  Type Index = I.builder().getI64Type();
  return Values.Shape ? I.set(1, Index, *Values.Shape)
                      : I.setUnranked(1, Index);
}

static LogicalResult inferGlobalPool(Inference &I) {
  if (failed(I.checkMinRank(0, 2)))
    return failure();
  const Dims *Input = I.dims(0);
  if (!Input)
    return I.setUnranked(0, I.elementType(0));
  Dims Shape(Input->size(), SymExpr(1));
  bool Last = I.getInt("channels_last") != 0;
  Shape.front() = Input->front();
  (Last ? Shape.back() : Shape[1]) = Last ? Input->back() : (*Input)[1];
  return I.set(0, I.elementType(0), Shape);
}

static LogicalResult inferQLinearAveragePool(Inference &I) {
  if (I.getInt("channels_last") != 0) {
    const Dims *Input = I.dims(0);
    return Input ? I.set(0, I.elementType(0), I.unknowns(Input->size()))
                 : I.setUnranked(0, I.elementType(0));
  }
  return inferPool(I);
}

static LogicalResult inferMaxUnpool(Inference &I) {
  const Dims *Input = I.dims(0);
  if (failed(I.checkMinRank(0, 2)))
    return failure();
  if (!Input)
    return I.setUnranked(0, I.elementType(0));
  if (I.has(2)) {
    const Data *Sizes = I.data(2);
    Dims Shape;
    for (size_t D = 0; D < Input->size(); ++D)
      Shape.push_back(Sizes && D < Sizes->size() && (*Sizes)[D].Int
                          ? *(*Sizes)[D].Int
                          : I.unknown());
    return I.set(0, I.elementType(0), Shape);
  }
  Windows Win;
  if (failed(readPooling(I, Win)))
    return failure();
  Dims Shape = {(*Input)[0], (*Input)[1]};
  for (size_t A = 0; A < Win.Axes.size(); ++A) {
    const WindowAxis &Axis = Win.Axes[A];
    Shape.push_back(I.add(I.mul(I.sub((*Input)[2 + A], 1), Axis.Stride),
                          Axis.extent() - Axis.PadBegin - Axis.PadEnd));
  }
  return I.set(0, I.elementType(0), Shape);
}

/// [number of regions, channels, height, width]
static LogicalResult inferRoi(Inference &I, ArrayRef<int64_t> Pooled) {
  if (failed(I.checkRank(0, 4)) || failed(I.checkRank(1, 2)))
    return failure();
  const Dims *Input = I.dims(0), *Regions = I.dims(1);
  Dims Shape = {Regions ? (*Regions)[0] : I.unknown(),
                Input ? (*Input)[1] : I.unknown()};
  Shape.append(Pooled.begin(), Pooled.end());
  return I.set(0, I.elementType(0), Shape);
}

static LogicalResult inferMaxRoiPool(Inference &I) {
  auto Pooled = I.findInts("pooled_shape");
  if (!Pooled || Pooled->size() != 2)
    return I.error() << "pooled_shape needs 2 values";
  return inferRoi(I, *Pooled);
}

static LogicalResult inferRoiAlign(Inference &I) {
  return inferRoi(I, {I.getInt("output_height"), I.getInt("output_width")});
}

/// The blocks' columns are put back into an image.
static LogicalResult inferCol2Im(Inference &I) {
  if (failed(I.checkRank(0, 3)))
    return failure();
  const Dims *Input = I.dims(0), *Image = I.dims(1);
  if (!Input || !Image || Image->size() != 1 || !(*Image)[0].getConstant())
    return I.setUnranked(0, I.elementType(0));
  const Data *Sizes = I.data(1), *Block = I.data(2);
  SymExpr Cell = 1;
  if (Block)
    for (const Element &E : *Block)
      Cell = E.Int ? I.mul(Cell, *E.Int) : I.unknown();
  else
    Cell = I.unknown();
  Dims Shape = {(*Input)[0], I.floorDiv((*Input)[1], Cell)};
  for (int64_t A = 0; A < *(*Image)[0].getConstant(); ++A)
    Shape.push_back(Sizes && (*Sizes)[A].Int ? *(*Sizes)[A].Int : I.unknown());
  return I.set(0, I.elementType(0), Shape);
}

static LogicalResult inferCausalConv(Inference &I) {
  if (failed(I.checkRank(0, 3)) || failed(I.checkRank(1, 3)))
    return failure();
  const Dims *Input = I.dims(0), *Weight = I.dims(1);
  if (!Input)
    return failure(failed(I.setUnranked(0, I.elementType(0))) ||
                   failed(I.setUnranked(1, I.elementType(0))));
  Dims State = {(*Input)[0], (*Input)[1],
                Weight ? I.sub((*Weight)[2], 1) : I.unknown()};
  return failure(failed(I.set(0, I.elementType(0), *Input)) ||
                 failed(I.set(1, I.elementType(0), State)));
}

ArrayRef<InferRow> lathe::onnx::getWindowRows() {
  static constexpr InferRow Rows[] = {
      {"AveragePool", inferPool},
      {"CausalConvWithState", inferCausalConv},
      {"Col2Im", inferCol2Im},
      {"Conv", inferConv},
      {"ConvInteger", inferConvInteger},
      {"ConvTranspose", inferConvTranspose},
      {"DeformConv", inferDeformConv},
      {"GlobalAveragePool", inferGlobalPool},
      {"GlobalLpPool", inferGlobalPool},
      {"GlobalMaxPool", inferGlobalPool},
      {"LpPool", inferPool},
      {"MaxPool", inferMaxPool},
      {"MaxRoiPool", inferMaxRoiPool},
      {"MaxUnpool", inferMaxUnpool},
      {"QLinearConv", inferQLinearConv},
      {"RoiAlign", inferRoiAlign},
      {"ms.FusedConv", inferConv},
      {"ms.QLinearAveragePool", inferQLinearAveragePool},
      {"ms.QLinearGlobalAveragePool", inferGlobalPool},
  };
  return Rows;
}

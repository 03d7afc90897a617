//===- UpgradeShape.cpp - Shapes, slices, selections ----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Mostly attributes that became inputs.
//
//===----------------------------------------------------------------------===//

#include "Upgrade.h"
#include "lathe/ONNX/Facts.h"
#include "lathe/ONNX/ONNX.h"

using namespace lathe::import;
using namespace mlir;
using llvm::createStringError;
using llvm::Error;

static Error upgradeConcat1(Node &N, Upgrader &U) {
  if (!N.Attrs.get("axis"))
    N.Attrs.set("axis", U.B.getI64IntegerAttr(1));
  return Error::success();
}

static Error upgradePad1(Node &N, Upgrader &) {
  if (Attribute Pads = N.take("paddings"))
    N.Attrs.set("pads", Pads);
  return Error::success();
}

static Error upgradePad2(Node &N, Upgrader &U) {
  std::optional<SmallVector<int64_t>> Pads = N.takeInts("pads");
  double Value = N.takeFloat("value", 0);
  N.Inputs.push_back(U.ints(N.Loc, Pads.value_or(SmallVector<int64_t>())));
  if (Value == 0)
    return Error::success();
  N.Inputs.push_back(U.scalarLike(N.Loc, N.Inputs[0], Value));
  if (!N.Inputs.back())
    return createStringError(
        "the element type of its input is not known; annotate the model");
  return Error::success();
}

static Error upgradeReshape1(Node &N, Upgrader &U) {
  N.take("consumed_inputs");
  std::optional<SmallVector<int64_t>> Shape = N.takeInts("shape");
  if (!Shape)
    return createStringError("attribute 'shape' is missing");
  N.Inputs.push_back(U.ints(N.Loc, *Shape));
  return Error::success();
}

/// Squeeze, Unsqueeze: the axes were an attribute.
static Error upgradeAxes(Node &N, Upgrader &U) {
  if (std::optional<SmallVector<int64_t>> Axes = N.takeInts("axes"))
    N.Inputs.push_back(U.ints(N.Loc, *Axes));
  return Error::success();
}

static Error upgradeSlice1(Node &N, Upgrader &U) {
  for (StringRef Name : {"starts", "ends", "axes"})
    if (std::optional<SmallVector<int64_t>> Values = N.takeInts(Name))
      N.Inputs.push_back(U.ints(N.Loc, *Values));
  return Error::success();
}

static Error upgradeSplit1(Node &N, Upgrader &U) {
  if (Value Sizes = N.getInput(1)) {
    // Floats of the type of the input then.
    SmallVector<int64_t> Values;
    if (auto Ints = getConstantInts(Sizes))
      Values = *Ints;
    else if (auto Floats = getConstantFloats(Sizes))
      Values.assign(Floats->begin(), Floats->end());
    else
      return createStringError("its sizes are not constant");
    N.Attrs.set("split", U.B.getDenseI64ArrayAttr(Values));
  }
  N.Inputs.resize(1);
  return Error::success();
}

static Error upgradeSplit11(Node &N, Upgrader &U) {
  if (std::optional<SmallVector<int64_t>> Sizes = N.takeInts("split"))
    N.Inputs.push_back(U.ints(N.Loc, *Sizes));
  return Error::success();
}

static Error upgradeSplit13(Node &N, Upgrader &U) {
  if (!N.getInput(1))
    N.Attrs.set("num_outputs", U.B.getI64IntegerAttr(N.ResultTypes.size()));
  return Error::success();
}

static Error upgradeTile1(Node &N, Upgrader &U) {
  auto First = [](Value V) -> std::optional<int64_t> {
    if (auto Ints = getConstantInts(V); Ints && Ints->size() == 1)
      return Ints->front();
    if (auto Floats = getConstantFloats(V); Floats && Floats->size() == 1)
      return int64_t(Floats->front());
    return std::nullopt;
  };
  std::optional<int64_t> Tiles = First(N.Inputs[1]), Axis = First(N.Inputs[2]),
                         Rank = getRank(N.Inputs[0]);
  if (!Tiles || !Axis || !Rank)
    return createStringError("its tiles, axis or rank are not known");
  if (*Axis < 0 || *Axis >= *Rank)
    return createStringError("axis " + Twine(*Axis) + " of an input of rank " +
                             Twine(*Rank));
  SmallVector<int64_t> Repeats(*Rank, 1);
  Repeats[*Axis] = *Tiles;
  N.Inputs.assign({N.Inputs[0], U.ints(N.Loc, Repeats)});
  return Error::success();
}

static Error upgradeTopK1(Node &N, Upgrader &U) {
  N.Inputs.push_back(U.ints(N.Loc, N.takeInt("k", 1)));
  return Error::success();
}

static Error upgradeScatter9(Node &N, Upgrader &) {
  N.OpType = "ScatterElements";
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Upsample and Resize
//===----------------------------------------------------------------------===//

static Error upgradeUpsample1(Node &N, Upgrader &U) {
  float Height = N.takeFloat("height_scale", 1),
        Width = N.takeFloat("width_scale", 1);
  N.Attrs.set("scales", U.B.getDenseF32ArrayAttr({1, 1, Height, Width}));
  if (N.getString("mode", "nearest") == "bilinear")
    N.Attrs.set("mode", U.B.getStringAttr("linear"));
  return Error::success();
}

static Error upgradeUpsample7(Node &N, Upgrader &U) {
  if (auto Scales = dyn_cast_or_null<DenseF32ArrayAttr>(N.take("scales")))
    N.Inputs.push_back(U.floats(N.Loc, Scales.asArrayRef()));
  return Error::success();
}

static Error upgradeUpsample9(Node &N, Upgrader &U) {
  N.OpType = "Resize";
  if (N.getString("mode", "nearest") == "bilinear")
    N.Attrs.set("mode", U.B.getStringAttr("linear"));
  return Error::success();
}

static Error upgradeResize10(Node &N, Upgrader &U) {
  // Coordinates were x / scale; the nearest pixel that below it, and when
  // shrinking that above.
  N.Attrs.set("coordinate_transformation_mode",
              U.B.getStringAttr("asymmetric"));
  bool Shrinks = false, Grows = false;
  if (std::optional<SmallVector<double>> Scales =
          getConstantFloats(N.Inputs[1]))
    for (double Scale : *Scales)
      (Scale < 1 ? Shrinks : Grows) |= Scale != 1;
  if (N.getString("mode", "nearest") == "nearest") {
    if (Shrinks && Grows)
      return createStringError("it shrinks one dimension and grows another; "
                               "split it into two, or export with opset 11");
    N.Attrs.set("nearest_mode", U.B.getStringAttr(Shrinks ? "ceil" : "floor"));
  }
  N.Inputs.assign({N.Inputs[0], Value(), N.Inputs[1]});
  return Error::success();
}

static Error upgradeResize11(Node &N, Upgrader &U) {
  // What is not wanted had to be given as an empty tensor.
  auto IsEmpty = [](Value V) {
    auto Type = V ? dyn_cast<RankedTensorType>(V.getType()) : nullptr;
    return Type && Type.hasStaticShape() && Type.getNumElements() == 0;
  };
  bool HasSizes = N.getInput(3) && !IsEmpty(N.Inputs[3]);
  for (unsigned I = 1; I < N.Inputs.size(); ++I)
    if (IsEmpty(N.Inputs[I]))
      N.Inputs[I] = Value();
  if (HasSizes && N.getInput(2))
    N.Inputs[2] = Value();
  StringRef Mode = N.getString("coordinate_transformation_mode", "half_pixel");
  if (Mode == "tf_half_pixel_for_nn") {
    // floor((x + 0.5) / s): the pixel nearest to (x + 0.5) / s - 0.5, halves
    // up.
    if (N.getString("nearest_mode", "round_prefer_floor") != "floor" ||
        N.getString("mode", "nearest") != "nearest")
      return createStringError("tf_half_pixel_for_nn with another mode than "
                               "nearest and floor");
    N.Attrs.set("coordinate_transformation_mode",
                U.B.getStringAttr("half_pixel"));
    N.Attrs.set("nearest_mode", U.B.getStringAttr("round_prefer_ceil"));
  }
  return Error::success();
}

ArrayRef<Step> lathe::import::getShapeSteps() {
  static constexpr Step Steps[] = {
      {"", "Concat", 1, 4, upgradeConcat1},
      {"", "Pad", 1, 2, upgradePad1},
      {"", "Pad", 2, 11, upgradePad2},
      {"", "Reshape", 1, 5, upgradeReshape1},
      {"", "Squeeze", 11, 13, upgradeAxes},
      {"", "Unsqueeze", 11, 13, upgradeAxes},
      {"", "Slice", 1, 10, upgradeSlice1},
      {"", "Split", 1, 2, upgradeSplit1},
      {"", "Split", 11, 13, upgradeSplit11},
      {"", "Split", 13, 18, upgradeSplit13},
      {"", "Tile", 1, 6, upgradeTile1},
      {"", "TopK", 1, 10, upgradeTopK1},
      {"", "Scatter", 9, 11, upgradeScatter9},
      {"", "Upsample", 1, 7, upgradeUpsample1},
      {"", "Upsample", 7, 9, upgradeUpsample7},
      {"", "Upsample", 9, 10, upgradeUpsample9},
      {"", "Resize", 10, 11, upgradeResize10},
      {"", "Resize", 11, 13, upgradeResize11},
  };
  return Steps;
}

//===- UpgradeNN.cpp - Normalization, pooling, recurrent, ML --------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Upgrade.h"

using namespace lathe::import;
using namespace mlir;
using llvm::createStringError;
using llvm::Error;

//===----------------------------------------------------------------------===//
// Normalization
//===----------------------------------------------------------------------===//

static Error upgradeBatchNorm1(Node &N, Upgrader &) {
  N.take("consumed_inputs");
  return Error::success();
}

static Error upgradeBatchNorm6(Node &N, Upgrader &) {
  // From here on, as before where is_test was left out, the outputs say whether
  // it is training.
  if (N.takeInt("is_test", 0))
    N.ResultTypes.resize(1);
  return Error::success();
}

static Error upgradeBatchNorm7(Node &N, Upgrader &U) {
  if (N.takeInt("spatial", 1))
    return Error::success();
  // One mean and variance for each element of a sample: plain arithmetic.
  for (unsigned I = 1; I < 5; ++I)
    if (N.hasOutput(I))
      return createStringError("training with spatial=0");
  double Epsilon = N.takeFloat("epsilon", 1e-5);
  Value Eps = U.scalarLike(N.Loc, N.Inputs[4], Epsilon);
  if (!Eps)
    return createStringError(
        "the element type of its input is not known; annotate the model");
  Value Deviation =
      U.emit(N.Loc, "Sqrt", 6, U.emit(N.Loc, "Add", 7, {N.Inputs[4], Eps}));
  Value Centred = U.emit(N.Loc, "Sub", 7, {N.Inputs[0], N.Inputs[3]});
  Value Normal = U.emit(N.Loc, "Div", 7, {Centred, Deviation});
  Value Scaled = U.emit(N.Loc, "Mul", 7, {Normal, N.Inputs[1]});
  N.Replacement = {
      U.emit(N.Loc, "Add", 7, {Scaled, N.Inputs[2]}, {}, N.ResultTypes[0])};
  N.Replacement->resize(N.ResultTypes.size());
  return Error::success();
}

static Error upgradeBatchNorm9(Node &N, Upgrader &U) {
  if (N.hasOutput(3) || N.hasOutput(4))
    return createStringError("training with saved statistics");
  if (N.hasOutput(1) || N.hasOutput(2))
    N.Attrs.set("training_mode", U.B.getI64IntegerAttr(1));
  if (N.ResultTypes.size() > 3)
    N.ResultTypes.resize(3);
  return Error::success();
}

/// Scale and bias were one value a group, not one a channel.
static Error upgradeGroupNorm18(Node &N, Upgrader &U) {
  int64_t Groups = 0;
  if (auto Attr = dyn_cast_or_null<IntegerAttr>(N.Attrs.get("num_groups")))
    Groups = Attr.getInt();
  if (Groups < 1)
    return createStringError("attribute 'num_groups' is not positive");
  auto Type = dyn_cast<RankedTensorType>(N.Inputs[0].getType());
  bool Known = Type && Type.getRank() > 1 && !Type.isDynamicDim(1);
  if (Known && Type.getDimSize(1) % Groups)
    return createStringError(Twine(Type.getDimSize(1)) +
                             " channels do not divide into " + Twine(Groups) +
                             " groups");
  Value Repeats;
  if (Known) {
    Repeats = U.ints(N.Loc, {1, Type.getDimSize(1) / Groups});
  } else {
    Value Channels =
        U.emit(N.Loc, "Shape", 15, N.Inputs[0],
               {U.attr("start", int64_t(1)), U.attr("end", int64_t(2))});
    Value Each = U.emit(N.Loc, "Div", 14, {Channels, U.ints(N.Loc, Groups)});
    Repeats = U.emit(N.Loc, "Concat", 13, {U.ints(N.Loc, 1), Each},
                     U.attr("axis", int64_t(0)));
  }
  for (unsigned I : {1, 2}) {
    Value Column =
        U.emit(N.Loc, "Reshape", 14, {N.Inputs[I], U.ints(N.Loc, {-1, 1})});
    Value Spread = U.emit(N.Loc, "Expand", 13, {Column, Repeats});
    N.Inputs[I] =
        U.emit(N.Loc, "Reshape", 14, {Spread, U.ints(N.Loc, int64_t(-1))});
  }
  return Error::success();
}

static Error dropConsumed(Node &N, Upgrader &) {
  N.take("consumed_inputs");
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Dropout
//===----------------------------------------------------------------------===//

static Error upgradeDropout1(Node &N, Upgrader &) {
  N.take("consumed_inputs");
  return Error::success();
}

static Error upgradeDropout6(Node &N, Upgrader &) {
  // Inference whatever it says: nothing else is compiled.
  N.take("is_test");
  return Error::success();
}

/// The mask was of the type of the data, now it is bool.
static Error upgradeDropout7(Node &N, Upgrader &U) {
  if (!N.hasOutput(1))
    return Error::success();
  Type Mask = N.ResultTypes[1], Element = getElementTypeOf(N.Inputs[0]);
  if (!Element)
    return createStringError(
        "the element type of its input is not known; annotate the model");
  Node New(N.Loc);
  New.OpType = "Dropout";
  New.Version = 10;
  New.Inputs = N.Inputs;
  New.Attrs = N.Attrs;
  New.ResultTypes = {N.ResultTypes[0], U.B.getNoneType()};
  llvm::Expected<SmallVector<Value>> Values = U.build(std::move(New));
  if (!Values)
    return Values.takeError();
  Value Cast = U.emit(N.Loc, "Cast", 9, (*Values)[1],
                      U.attr("to", lathe::onnx::getDataType(Element)), Mask);
  N.Replacement = {(*Values)[0], Cast};
  return Error::success();
}

static Error upgradeDropout10(Node &N, Upgrader &U) {
  // Without training_mode it passes its input on; the ratio says nothing then.
  float Ratio = N.takeFloat("ratio", 0.5);
  N.Inputs.push_back(U.constant(
      N.Loc, DenseElementsAttr::get(RankedTensorType::get({}, U.B.getF32Type()),
                                    Ratio)));
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Pooling, recurrence, sampling
//===----------------------------------------------------------------------===//

static Error upgradeLpPool1(Node &N, Upgrader &U) {
  double P = N.takeFloat("p", 2);
  if (P != std::nearbyint(P) || std::fabs(P) > 1e6)
    return createStringError("a norm of order " + std::to_string(P));
  N.Attrs.set("p", U.B.getI64IntegerAttr(int64_t(P)));
  if (N.OpType == "LpPool" && !N.Attrs.get("kernel_shape"))
    return createStringError("it has no kernel_shape");
  return Error::success();
}

static Error upgradeGRU1(Node &N, Upgrader &U) {
  // The schema's own spelling of its default.
  if (N.getString("direction", "foward") == "foward")
    N.Attrs.set("direction", U.B.getStringAttr("forward"));
  return Error::success();
}

/// The outputs that a node names say the same.
static Error dropOutputSequence(Node &N, Upgrader &) {
  N.take("output_sequence");
  return Error::success();
}

static Error upgradeGridSample16(Node &N, Upgrader &U) {
  StringRef Mode = N.getString("mode", "bilinear");
  N.Attrs.set("mode", U.B.getStringAttr(Mode == "bilinear"  ? "linear"
                                        : Mode == "bicubic" ? "cubic"
                                                            : Mode));
  return Error::success();
}

static Error upgradeRoiAlign10(Node &N, Upgrader &U) {
  N.Attrs.set("coordinate_transformation_mode",
              U.B.getStringAttr("output_half_pixel"));
  return Error::success();
}

//===----------------------------------------------------------------------===//
// ai.onnx.ml
//===----------------------------------------------------------------------===//

/// One list served both directions; the input's type, or the default that is
/// given, says which.
static Error upgradeLabelEncoder1(Node &N, Upgrader &U) {
  auto Classes = dyn_cast_or_null<ArrayAttr>(N.take("classes_strings"));
  if (!Classes)
    return createStringError("attribute 'classes_strings' is missing");
  Type Element = getElementTypeOf(N.Inputs[0]);
  bool ToStrings = Element ? Element.isInteger(64)
                           : bool(N.Attrs.get("default_string")) &&
                                 !N.Attrs.get("default_int64");
  SmallVector<int64_t> Indices =
      llvm::to_vector(llvm::seq(int64_t(Classes.size())));
  N.Attrs.set(ToStrings ? "values_strings" : "keys_strings", Classes);
  N.Attrs.set(ToStrings ? "keys_int64s" : "values_int64s",
              U.B.getDenseI64ArrayAttr(Indices));
  return Error::success();
}

ArrayRef<Step> lathe::import::getNNSteps() {
  static constexpr Step Steps[] = {
      {"", "BatchNormalization", 1, 6, upgradeBatchNorm1},
      {"", "BatchNormalization", 6, 7, upgradeBatchNorm6},
      {"", "BatchNormalization", 7, 9, upgradeBatchNorm7},
      {"", "BatchNormalization", 9, 14, upgradeBatchNorm9},
      {"", "InstanceNormalization", 1, 6, dropConsumed},
      {"", "GroupNormalization", 18, 21, upgradeGroupNorm18},
      {"", "Dropout", 1, 6, upgradeDropout1},
      {"", "Dropout", 6, 7, upgradeDropout6},
      {"", "Dropout", 7, 10, upgradeDropout7},
      {"", "Dropout", 10, 12, upgradeDropout10},
      {"", "GlobalLpPool", 1, 2, upgradeLpPool1},
      {"", "LpPool", 1, 2, upgradeLpPool1},
      {"", "GRU", 1, 3, upgradeGRU1},
      {"", "GRU", 3, 7, dropOutputSequence},
      {"", "LSTM", 1, 7, dropOutputSequence},
      {"", "RNN", 1, 7, dropOutputSequence},
      {"", "GridSample", 16, 20, upgradeGridSample16},
      {"", "RoiAlign", 10, 16, upgradeRoiAlign10},
      {"ai.onnx.ml", "LabelEncoder", 1, 2, upgradeLabelEncoder1},
      // The successor, TreeEnsemble, has no labels: the newest version that
      // does is kept.
      {"ai.onnx.ml", "TreeEnsembleClassifier", 3, 5, nullptr,
       "its last version is the one that is compiled"},
      {"ai.onnx.ml", "TreeEnsembleRegressor", 3, 5, nullptr,
       "its last version is the one that is compiled"},
  };
  return Steps;
}

//===- UpgradeMath.cpp - Elementwise ops, reductions, products ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Upgrade.h"
#include "lathe/ONNX/Facts.h"

using namespace lathe::import;
using namespace mlir;
using llvm::createStringError;
using llvm::Error;

/// The attribute of opset 1 that let an op overwrite its inputs.
static Error dropConsumed(Node &N, Upgrader &) {
  N.take("consumed_inputs");
  return Error::success();
}

static Error upgradeSelu1(Node &N, Upgrader &U) {
  N.take("consumed_inputs");
  // The defaults had fewer digits.
  if (!N.Attrs.get("alpha"))
    N.Attrs.set("alpha", U.B.getF32FloatAttr(1.6732f));
  if (!N.Attrs.get("gamma"))
    N.Attrs.set("gamma", U.B.getF32FloatAttr(1.0507f));
  return Error::success();
}

/// Gives \p V dimensions of size 1 at its end, so that its first one stands at
/// dimension
/// \p Axis of a tensor of rank \p Rank.
static llvm::Expected<Value> alignAt(Node &N, Upgrader &U, Value V,
                                     int64_t Axis,
                                     std::optional<int64_t> Rank) {
  std::optional<int64_t> Own = getRank(V);
  if (!Own || !Rank)
    return createStringError(
        "its broadcast along an axis needs inputs of known rank; annotate the "
        "model by ONNX's shape inference or export it with opset 7 or newer");
  if (Axis < 0)
    Axis += *Rank;
  int64_t Missing = *Rank - Axis - *Own;
  if (Axis < 0 || Missing < 0)
    return createStringError("its second input of rank " + Twine(*Own) +
                             " does not fit at axis " + Twine(Axis) +
                             " of one of rank " + Twine(*Rank));
  if (Missing == 0)
    return V;
  SmallVector<int64_t> Axes = llvm::to_vector(llvm::seq(*Own, *Own + Missing));
  return U.emit(N.Loc, "Unsqueeze", 13, {V, U.ints(N.Loc, Axes)});
}

/// Before opset 7 the second operand was broadcast on request only, at an axis.
static Error upgradeBroadcast(Node &N, Upgrader &U) {
  N.take("consumed_inputs");
  int64_t Broadcast = N.takeInt("broadcast", 0);
  auto Axis = dyn_cast_or_null<IntegerAttr>(N.take("axis"));
  if (!Broadcast || !Axis)
    return Error::success();
  llvm::Expected<Value> Aligned =
      alignAt(N, U, N.Inputs[1], Axis.getInt(), getRank(N.Inputs[0]));
  if (!Aligned)
    return Aligned.takeError();
  N.Inputs[1] = *Aligned;
  return Error::success();
}

/// Of the two steps from opset 1 to 7 the first only drops consumed_inputs.
static Error upgradePRelu6(Node &N, Upgrader &U) {
  // A slope of one value a channel was not broadcast as in numpy.
  auto Type = dyn_cast<RankedTensorType>(N.Inputs[1].getType());
  if (Type && (Type.getRank() != 1 || Type.getDimSize(0) == 1))
    return Error::success();
  llvm::Expected<Value> Aligned =
      alignAt(N, U, N.Inputs[1], 1, getRank(N.Inputs[0]));
  if (!Aligned)
    return Aligned.takeError();
  N.Inputs[1] = *Aligned;
  return Error::success();
}

static Error upgradeClip6(Node &N, Upgrader &U) {
  // The defaults were the largest numbers, which clip infinities only; without
  // a bound those pass, as every runtime has let them.
  for (auto [Name, Bound] : {std::pair("min", -3.4028234663852886e+38),
                             std::pair("max", 3.4028234663852886e+38)}) {
    double Value = N.takeFloat(Name, Bound);
    mlir::Value Limit;
    if (Value != Bound) {
      Limit = U.scalarLike(N.Loc, N.Inputs[0], Value);
      if (!Limit)
        return createStringError(
            "the element type of its input is not known; annotate the model");
    }
    N.Inputs.push_back(Limit);
  }
  return Error::success();
}

static Error upgradeCast1(Node &N, Upgrader &U) {
  static constexpr StringLiteral Names[] = {
      "UNDEFINED", "FLOAT",  "UINT8",     "INT8",      "UINT16",  "INT16",
      "INT32",     "INT64",  "STRING",    "BOOL",      "FLOAT16", "DOUBLE",
      "UINT32",    "UINT64", "COMPLEX64", "COMPLEX128"};
  StringRef To = N.getString("to", "");
  const auto *It = llvm::find(Names, To);
  if (It == std::end(Names) || It == Names)
    return createStringError("attribute 'to' is '" + To +
                             "', which is no element type");
  N.Attrs.set("to", U.B.getI64IntegerAttr(It - Names));
  return Error::success();
}

/// Reductions took their axes as an attribute.
static Error upgradeReduction(Node &N, Upgrader &U) {
  std::optional<SmallVector<int64_t>> Axes = N.takeInts("axes");
  if (Axes && !Axes->empty())
    N.Inputs.push_back(U.ints(N.Loc, *Axes));
  return Error::success();
}

/// Before opset 13 the dimensions from `axis` on were one. It is the same as
/// today if that is the last dimension only.
static Error upgradeSoftmax11(Node &N, Upgrader &U) {
  int64_t Axis = N.takeInt("axis", 1);
  Value X = N.Inputs[0];
  std::optional<int64_t> Rank = getRank(X);
  if (Axis == -1 || (Rank && Axis == *Rank - 1)) {
    N.Attrs.set("axis", U.B.getI64IntegerAttr(-1));
    return Error::success();
  }
  Type Flat, Full = N.ResultTypes[0];
  Value Rows = U.emit(N.Loc, "Flatten", 11, X, U.attr("axis", Axis), Flat);
  Value Y = U.emit(N.Loc, N.OpType, 13, Rows, U.attr("axis", int64_t(-1)));
  Value Shape = U.emit(N.Loc, "Shape", 1, X);
  N.Replacement = {U.emit(N.Loc, "Reshape", 5, {Y, Shape}, {}, Full)};
  return Error::success();
}

static Error upgradeGemm6(Node &N, Upgrader &) {
  N.take("broadcast");
  return Error::success();
}

static Error upgradeDFT17(Node &N, Upgrader &U) {
  int64_t Axis = N.takeInt("axis", 1);
  N.Inputs.resize(2);
  N.Inputs.push_back(U.intScalar(N.Loc, Axis));
  return Error::success();
}

ArrayRef<Step> lathe::import::getMathSteps() {
  static constexpr Step Steps[] = {
      {"", "Abs", 1, 6, dropConsumed},
      {"", "Ceil", 1, 6, dropConsumed},
      {"", "Elu", 1, 6, dropConsumed},
      {"", "Exp", 1, 6, dropConsumed},
      {"", "Floor", 1, 6, dropConsumed},
      {"", "HardSigmoid", 1, 6, dropConsumed},
      {"", "LeakyRelu", 1, 6, dropConsumed},
      {"", "Log", 1, 6, dropConsumed},
      {"", "Max", 1, 6, dropConsumed},
      {"", "Mean", 1, 6, dropConsumed},
      {"", "Min", 1, 6, dropConsumed},
      {"", "Neg", 1, 6, dropConsumed},
      {"", "PRelu", 1, 6, dropConsumed},
      {"", "Reciprocal", 1, 6, dropConsumed},
      {"", "Relu", 1, 6, dropConsumed},
      {"", "Sigmoid", 1, 6, dropConsumed},
      {"", "Sqrt", 1, 6, dropConsumed},
      {"", "Sum", 1, 6, dropConsumed},
      {"", "Tanh", 1, 6, dropConsumed},
      {"", "Selu", 1, 6, upgradeSelu1},
      // Equal but for consumed_inputs: the broadcast is resolved in the next
      // step.
      {"", "Add", 1, 6, dropConsumed},
      {"", "Div", 1, 6, dropConsumed},
      {"", "Mul", 1, 6, dropConsumed},
      {"", "Sub", 1, 6, dropConsumed},
      {"", "Add", 6, 7, upgradeBroadcast},
      {"", "Div", 6, 7, upgradeBroadcast},
      {"", "Mul", 6, 7, upgradeBroadcast},
      {"", "Sub", 6, 7, upgradeBroadcast},
      {"", "And", 1, 7, upgradeBroadcast},
      {"", "Equal", 1, 7, upgradeBroadcast},
      {"", "Greater", 1, 7, upgradeBroadcast},
      {"", "Less", 1, 7, upgradeBroadcast},
      {"", "Or", 1, 7, upgradeBroadcast},
      {"", "Pow", 1, 7, upgradeBroadcast},
      {"", "Xor", 1, 7, upgradeBroadcast},
      {"", "PRelu", 6, 7, upgradePRelu6},
      {"", "Clip", 1, 6, dropConsumed},
      {"", "Clip", 6, 11, upgradeClip6},
      {"", "Cast", 1, 6, upgradeCast1},
      {"", "ReduceL1", 13, 18, upgradeReduction},
      {"", "ReduceL2", 13, 18, upgradeReduction},
      {"", "ReduceLogSum", 13, 18, upgradeReduction},
      {"", "ReduceLogSumExp", 13, 18, upgradeReduction},
      {"", "ReduceMax", 13, 18, upgradeReduction},
      {"", "ReduceMean", 13, 18, upgradeReduction},
      {"", "ReduceMin", 13, 18, upgradeReduction},
      {"", "ReduceProd", 13, 18, upgradeReduction},
      {"", "ReduceSum", 11, 13, upgradeReduction},
      {"", "ReduceSumSquare", 13, 18, upgradeReduction},
      {"", "Hardmax", 11, 13, upgradeSoftmax11},
      {"", "LogSoftmax", 11, 13, upgradeSoftmax11},
      {"", "Softmax", 11, 13, upgradeSoftmax11},
      {"", "Gemm", 6, 7, upgradeGemm6},
      {"", "DFT", 17, 20, upgradeDFT17},
  };
  return Steps;
}

//===- NarrowRules.cpp - Which part of its operands a part needs ----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A table from op to a function; elementwise ops and reductions are known by
// their traits. Each answers for the types that the op has now.
//
//===----------------------------------------------------------------------===//

#include "NarrowRules.h"
#include "Elementwise.h"
#include "Match.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

using Axes = std::optional<SmallVector<int64_t>>;
using RuleFn = Axes (*)(Operation *, int64_t Axis);

/// Only operand 0, along \p Axis.
static Axes ofFirst(Operation *Op, int64_t Axis) {
  SmallVector<int64_t> Result(Op->getNumOperands(), Whole);
  Result[0] = Axis;
  return Result;
}

/// The dimension of \p V that is dimension \p Axis of a result of rank \p Rank;
/// Whole where it is broadcast along it. Nullopt where that is not known.
static std::optional<int64_t> align(Value V, int64_t Axis, int64_t Rank,
                                    int64_t Size) {
  RankedTensorType Type = getRanked(V);
  if (!Type)
    return std::nullopt;
  int64_t Own = Axis - (Rank - Type.getRank());
  if (Own < 0 || Type.getDimSize(Own) == 1)
    return Whole;
  return Type.getDimSize(Own) == Size ? std::optional<int64_t>(Own)
                                      : std::nullopt;
}

static Axes ofElementwise(Operation *Op, int64_t Axis) {
  RankedTensorType Type = getRanked(Op->getResult(0));
  SmallVector<int64_t> Result;
  for (Value V : Op->getOperands()) {
    auto Own = align(V, Axis, Type.getRank(), Type.getDimSize(Axis));
    if (!Own)
      return std::nullopt;
    Result.push_back(*Own);
  }
  return Result;
}

static Axes ofMatMul(Operation *Op, int64_t Axis) {
  int64_t Rank = getRank(Op->getResult(0)), Left = getRank(Op->getOperand(0)),
          Right = getRank(Op->getOperand(1));
  if (Left < 2 || Right < 2)
    return std::nullopt;
  if (Axis == Rank - 2)
    return SmallVector<int64_t>{Left - 2, Whole};
  if (Axis == Rank - 1)
    return SmallVector<int64_t>{Whole, Right - 1};
  return ofElementwise(Op, Axis);
}

static Axes ofGemm(Operation *Op, int64_t Axis) {
  SmallVector<int64_t> Result(Op->getNumOperands(), Whole);
  if (Axis == 0)
    Result[0] = getIntAttr(Op, "transA") ? 1 : 0;
  else
    Result[1] = getIntAttr(Op, "transB") ? 0 : 1;
  if (Result.size() > 2) {
    auto Own = align(Op->getOperand(2), Axis, 2,
                     getRanked(Op->getResult(0)).getDimSize(Axis));
    if (!Own)
      return std::nullopt;
    Result[2] = *Own;
  }
  return Result;
}

static Axes ofConv(Operation *Op, int64_t Axis) {
  SmallVector<int64_t> Result(Op->getNumOperands(), Whole);
  if (Axis == 0) {
    Result[0] = 0;
    return Result;
  }
  if (Axis != 1 || getIntAttr(Op, "group") != 1)
    return std::nullopt;
  Result[1] = isa<onnx::ConvOp>(Op) ? 0 : 1;
  if (Result.size() > 2)
    Result[2] = 0;
  return Result;
}

static Axes ofBatchNormalization(Operation *Op, int64_t Axis) {
  if (getIntAttr(Op, "training_mode"))
    return std::nullopt;
  SmallVector<int64_t> Result(Op->getNumOperands(), Axis == 1 ? 0 : Whole);
  Result[0] = Axis;
  return Result;
}

/// Windows over the dimensions behind the second.
static Axes ofPooling(Operation *Op, int64_t Axis) {
  return Axis < 2 ? ofFirst(Op, Axis) : std::nullopt;
}

/// Rows along one axis.
static Axes ofRow(Operation *Op, int64_t Axis) {
  int64_t Along = fromFront(getIntAttr(Op, "axis"), getRank(Op->getResult(0)));
  return Axis != Along ? ofFirst(Op, Axis) : std::nullopt;
}
/// Rows over all dimensions from one axis on.
static Axes ofNormalization(Operation *Op, int64_t Axis) {
  int64_t Along = fromFront(getIntAttr(Op, "axis"), getRank(Op->getResult(0)));
  return Axis < Along ? ofFirst(Op, Axis) : std::nullopt;
}

static Axes ofReduction(Operation *Op, int64_t Axis) {
  auto Reduced = getAxes(Op);
  if (!Reduced)
    return std::nullopt;
  if (getIntAttr(Op, "keepdims"))
    return llvm::is_contained(*Reduced, Axis) ? std::nullopt
                                              : ofFirst(Op, Axis);
  for (int64_t D : *Reduced)
    Axis += D <= Axis;
  return ofFirst(Op, Axis);
}

static Axes ofTranspose(Operation *Op, int64_t Axis) {
  return ofFirst(Op, getPermutation(cast<onnx::TransposeOp>(Op))[Axis]);
}

/// A view: the dimension with the same size and the same number of elements in
/// front of it, if there is one.
static Axes ofView(Operation *Op, int64_t Axis) {
  RankedTensorType From = getRanked(Op->getOperand(0)),
                   To = getRanked(Op->getResult(0));
  if (!From || To.getNumDynamicDims() > 1 || From.getNumDynamicDims() > 1 ||
      llvm::is_contained(To.getShape(), 0))
    return std::nullopt;
  // A first dimension that only the run knows is the same in both if all behind
  // it is.
  auto Behind = [](ArrayRef<int64_t> Shape) {
    int64_t Product = 1;
    for (int64_t Size : Shape)
      Product =
          ShapedType::isDynamic(Size) || Product < 0 ? -1 : Product * Size;
    return Product;
  };
  ArrayRef<int64_t> FromShape = From.getShape(), ToShape = To.getShape();
  int64_t First = 0;
  if (!From.hasStaticShape() || !To.hasStaticShape()) {
    if (FromShape.empty() || ToShape.empty() ||
        !ShapedType::isDynamic(FromShape[0]) ||
        !ShapedType::isDynamic(ToShape[0]) || Axis == 0 ||
        Behind(FromShape.drop_front()) != Behind(ToShape.drop_front()))
      return std::nullopt;
    First = 1;
  }
  int64_t Before = Behind(ToShape.slice(First, Axis - First)), Own = 1;
  for (int64_t D = First; D < From.getRank(); ++D) {
    if (Own == Before && FromShape[D] == ToShape[Axis])
      return ofFirst(Op, D);
    Own *= FromShape[D];
  }
  return std::nullopt;
}

static Axes ofConcat(Operation *Op, int64_t Axis) {
  if (fromFront(getIntAttr(Op, "axis"), getRank(Op->getResult(0))) == Axis)
    return std::nullopt;
  return SmallVector<int64_t>(Op->getNumOperands(), Axis);
}

static Axes ofGather(Operation *Op, int64_t Axis) {
  int64_t Along = fromFront(getIntAttr(Op, "axis"), getRank(Op->getOperand(0))),
          Indices = getRank(Op->getOperand(1));
  if (Indices < 0 || getRank(Op->getOperand(0)) < 0)
    return std::nullopt;
  if (Axis < Along)
    return SmallVector<int64_t>{Axis, Whole};
  if (Axis < Along + Indices)
    return SmallVector<int64_t>{Whole, Axis - Along};
  return SmallVector<int64_t>{Axis - Indices + 1, Whole};
}

/// With one scale for all elements.
static Axes ofQuantization(Operation *Op, int64_t Axis) {
  for (Value V : Op->getOperands().drop_front())
    if (RankedTensorType Type = getStatic(V);
        !Type || Type.getNumElements() != 1)
      return std::nullopt;
  return ofFirst(Op, Axis);
}

/// Rows of queries; keys and values are needed whole.
static Axes ofAttention(Operation *Op, int64_t Axis) {
  auto Attention = cast<onnx::AttentionOp>(Op);
  int64_t Rank = getRank(Attention.getQ());
  if (Rank < 3 || Axis != Rank - 2 || Attention.getIsCausal() ||
      getIntAttr(Op, "left_window_size") != -1 ||
      getIntAttr(Op, "right_window_size") != -1 || Attention.getPastKey() ||
      Attention.getNonpadKvSeqlen())
    return std::nullopt;
  SmallVector<int64_t> Result(Op->getNumOperands(), Whole);
  Result[0] = Axis;
  if (Value Mask = Attention.getAttnMask()) {
    // Its last two dimensions are those of the scores.
    auto Own = align(Mask, 2, 4, getRanked(Attention.getQ()).getDimSize(Axis));
    if (!Own)
      return std::nullopt;
    Result[onnx::getOperandSegment(Op, 3).first] = *Own;
  }
  return Result;
}

namespace {
struct Row {
  StringLiteral Op;
  RuleFn Fn;
};
} // namespace

/// Sorted by name.
static constexpr Row Rows[] = {
    {"Attention", ofAttention},
    {"AveragePool", ofPooling},
    {"BatchNormalization", ofBatchNormalization},
    {"Concat", ofConcat},
    {"Conv", ofConv},
    {"ConvTranspose", ofConv},
    {"DequantizeLinear", ofQuantization},
    {"Flatten", ofView},
    {"Gather", ofGather},
    {"Gemm", ofGemm},
    {"GlobalAveragePool", ofPooling},
    {"GlobalMaxPool", ofPooling},
    {"LayerNormalization", ofNormalization},
    {"LogSoftmax", ofRow},
    {"MatMul", ofMatMul},
    {"MaxPool", ofPooling},
    {"QuantizeLinear", ofQuantization},
    {"RMSNormalization", ofNormalization},
    {"ReduceL1", ofReduction},
    {"ReduceL2", ofReduction},
    {"ReduceLogSumExp", ofReduction},
    {"ReduceMax", ofReduction},
    {"ReduceMean", ofReduction},
    {"ReduceMin", ofReduction},
    {"ReduceProd", ofReduction},
    {"ReduceSum", ofReduction},
    {"ReduceSumSquare", ofReduction},
    {"Reshape", ofView},
    {"Softmax", ofRow},
    {"Squeeze", ofView},
    {"Transpose", ofTranspose},
    {"Unsqueeze", ofView},
};

Axes graph::getOperandAxes(Operation *Op, int64_t Axis) {
  RankedTensorType Type =
      Op->getNumResults() ? getRanked(Op->getResult(0)) : RankedTensorType();
  if (!Type || Axis >= Type.getRank() || Op->getNumOperands() == 0)
    return std::nullopt;
  if (isElementwise(Op))
    return ofElementwise(Op, Axis);
  if (!onnx::getFacts(Op) || !onnx::getOpDomain(Op).empty() ||
      Op->getNumRegions() != 0)
    return std::nullopt;
  StringRef Name = onnx::getOpName(Op);
  auto *It = llvm::lower_bound(
      Rows, Name, [](const Row &R, StringRef N) { return R.Op < N; });
  return It != std::end(Rows) && It->Op == Name ? It->Fn(Op, Axis)
                                                : std::nullopt;
}

double graph::getSize(Value V) {
  RankedTensorType Type = getRanked(V);
  double Size = Type ? 1 : 0;
  for (int64_t D = 0, E = Type ? Type.getRank() : 0; D < E; ++D)
    if (!Type.isDynamicDim(D))
      Size *= double(Type.getDimSize(D));
  return Size;
}

double graph::getWork(Operation *Op) {
  double Elements = getSize(Op->getResult(0));
  // How many products an element of the result takes.
  auto Length = [](Value V, int64_t Axis) -> double {
    RankedTensorType Type = getRanked(V);
    return Type && Axis >= 0 && Axis < Type.getRank() &&
                   !Type.isDynamicDim(Axis)
               ? double(Type.getDimSize(Axis))
               : 1;
  };
  if (isa<onnx::ConvOp>(Op)) {
    Value Filter = Op->getOperand(1);
    return Elements * getSize(Filter) / std::max(1.0, Length(Filter, 0)) / 8;
  }
  if (isa<onnx::MatMulOp, onnx::GemmOp>(Op)) {
    Value Left = Op->getOperand(0);
    bool TransA = isa<onnx::GemmOp>(Op) && getIntAttr(Op, "transA");
    return Elements * Length(Left, TransA ? 0 : getRank(Left) - 1) / 8;
  }
  if (isa<onnx::AttentionOp>(Op))
    return getSize(Op->getOperand(0)) * 64;
  // Views are free; a reduction reads all of its operand.
  if (isa<onnx::ReshapeOp, onnx::FlattenOp, onnx::SqueezeOp, onnx::UnsqueezeOp>(
          Op))
    return 0;
  return std::max(Elements, getSize(Op->getOperand(0)));
}

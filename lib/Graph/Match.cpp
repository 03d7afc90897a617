//===- Match.cpp - Questions that rewrites of the graph ask ---------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Match.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace lathe;

RankedTensorType graph::getRanked(Value V) {
  return V ? dyn_cast<RankedTensorType>(V.getType()) : RankedTensorType();
}

RankedTensorType graph::getStatic(Value V) {
  RankedTensorType Type = getRanked(V);
  return Type && Type.hasStaticShape() ? Type : RankedTensorType();
}

int64_t graph::getRank(Value V) {
  RankedTensorType Type = getRanked(V);
  return Type ? Type.getRank() : -1;
}

bool graph::isFloat(Value V) {
  auto Type = V ? dyn_cast<TensorType>(V.getType()) : TensorType();
  return Type && isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(
                     Type.getElementType());
}

Operation *graph::getSingleUser(Value V) {
  if (!V || !V.hasOneUse())
    return nullptr;
  Operation *User = *V.user_begin();
  return User->getBlock() == V.getParentBlock() ? User : nullptr;
}

Value graph::getOperand(Operation *Op, unsigned Index) {
  auto [Start, Count] = onnx::getOperandSegment(Op, Index);
  return Count && Start < Op->getNumOperands() ? Op->getOperand(Start)
                                               : Value();
}

bool graph::isInQuantizedGroup(Operation *Op) {
  for (Value V : Op->getOperands())
    if (V.getDefiningOp<onnx::DequantizeLinearOp>())
      return true;
  for (Operation *User : Op->getUsers())
    if (isa<onnx::QuantizeLinearOp>(User))
      return true;
  return false;
}

std::optional<onnx::ConstantView> graph::getConstant(Value V) {
  auto View = onnx::ConstantView::get(V);
  if (!View || View->isElided())
    return std::nullopt;
  return View;
}

std::optional<double> graph::getUniform(Value V) {
  auto View = getConstant(V);
  if (!View || !(View->isInteger() || View->isFloat()) || View->size() == 0)
    return std::nullopt;
  double First = View->getNumber(0);
  for (int64_t I = 1, E = View->isSplat() ? 1 : View->size(); I < E; ++I)
    if (View->getNumber(I) != First)
      return std::nullopt;
  return std::isnan(First) ? std::nullopt : std::optional<double>(First);
}

bool graph::isAbout(Value V, double Number, double Relative) {
  auto Uniform = getUniform(V);
  return Uniform && std::abs(*Uniform - Number) <= Relative * std::abs(Number);
}

std::optional<SmallVector<int64_t>> graph::getInts(Value V) {
  auto View = getConstant(V);
  return View ? View->getInts() : std::nullopt;
}

std::optional<SmallVector<double>> graph::getFloats(Value V) {
  auto View = getConstant(V);
  if (!View || !View->isFloat())
    return std::nullopt;
  SmallVector<double> Values;
  Values.reserve(View->size());
  for (int64_t I = 0, E = View->size(); I < E; ++I)
    Values.push_back(View->getFloat(I));
  return Values;
}

std::pair<Value, Value> graph::splitConstant(Operation *Op) {
  if (Op->getNumOperands() != 2)
    return {};
  Value Left = Op->getOperand(0), Right = Op->getOperand(1);
  bool LeftIs = isConstant(Left), RightIs = isConstant(Right);
  if (LeftIs == RightIs)
    return {};
  return LeftIs ? std::pair(Right, Left) : std::pair(Left, Right);
}

SmallVector<int64_t> graph::getPermutation(onnx::TransposeOp Op) {
  if (auto Perm = Op.getPerm())
    return SmallVector<int64_t>(*Perm);
  SmallVector<int64_t> Reversed;
  for (int64_t D = getRank(Op.getData()) - 1; D >= 0; --D)
    Reversed.push_back(D);
  return Reversed;
}

int64_t graph::getIntAttr(Operation *Op, StringRef Name) {
  auto Attr = dyn_cast_or_null<IntegerAttr>(onnx::getAttrOrDefault(Op, Name));
  assert(Attr && "an attribute with a default or a required one");
  return Attr.getInt();
}

std::optional<SmallVector<int64_t>> graph::getAxes(Operation *Op) {
  RankedTensorType Type = getRanked(Op->getOperand(0));
  Value Given = getOperand(Op, 1);
  SmallVector<int64_t> Axes;
  // The axes of an Unsqueeze count in its result.
  int64_t Rank = isa<onnx::UnsqueezeOp>(Op) ? getRank(Op->getResult(0))
                 : Type                     ? Type.getRank()
                                            : -1;
  if (Rank < 0)
    return std::nullopt;
  if (Given) {
    auto Known = getInts(Given);
    if (!Known)
      return std::nullopt;
    for (int64_t Axis : *Known)
      Axes.push_back(fromFront(Axis, Rank));
    llvm::sort(Axes);
    if (!Axes.empty() && (Axes.front() < 0 || Axes.back() >= Rank))
      return std::nullopt;
  }
  if (isa<onnx::SqueezeOp>(Op)) {
    if (Given)
      return Axes;
    if (!Type.hasStaticShape())
      return std::nullopt;
    for (auto [D, Size] : llvm::enumerate(Type.getShape()))
      if (Size == 1)
        Axes.push_back(D);
    return Axes;
  }
  if (isa<onnx::UnsqueezeOp>(Op) || !Axes.empty())
    return Axes;
  // A reduction whose list of axes is empty or absent.
  if (!onnx::getAttrOrDefault(Op, "noop_with_empty_axes"))
    return std::nullopt;
  if (!getIntAttr(Op, "noop_with_empty_axes"))
    for (int64_t D = 0; D < Rank; ++D)
      Axes.push_back(D);
  return Axes;
}

//===- ChannelMovement.cpp - Channels that are strung, cut, turned --------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rules of Transpose, Concat, Split, Slice and Gather.
//
//===----------------------------------------------------------------------===//

#include "ChannelRules.h"
#include "lathe/ONNX/ONNX.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

/// Numbers of a constant that can be changed; nullopt if it is none.
static std::optional<SmallVector<int64_t>> constantInts(Value V) {
  auto View = onnx::ConstantView::get(V);
  return View ? View->getInts() : std::nullopt;
}

Verdict compress::visitTranspose(Operation *Op, ChannelGroups &Groups) {
  const auto *T = Groups.tracked(Op->getOperand(0));
  unsigned Rank = rankedType(Op->getOperand(0)).getRank();
  SmallVector<int64_t> Perm;
  if (auto A = Op->getAttrOfType<DenseI64ArrayAttr>("perm"))
    llvm::append_range(Perm, A.asArrayRef());
  else
    llvm::append_range(Perm, llvm::reverse(llvm::seq<int64_t>(0, Rank)));
  auto *At = llvm::find(Perm, int64_t(T->Axis));
  Groups.track(Op->getResult(0), At - Perm.begin(), T->List);
  return {};
}

Verdict compress::visitConcat(Operation *Op, ChannelGroups &Groups) {
  if (!rankedType(Op->getResult(0)))
    return "has no rank";
  int64_t Along = axisOf(Op, 0);
  std::optional<unsigned> Axis;
  Atoms All;
  for (Value V : Op->getOperands())
    if (const auto *T = Groups.tracked(V)) {
      if (Axis && *Axis != T->Axis)
        return "strings channels of different places";
      Axis = T->Axis;
      if (int64_t(*Axis) != Along)
        All = T->List;
    }
  for (auto [I, V] : llvm::enumerate(Op->getOperands())) {
    const auto *T = Groups.tracked(V);
    if (int64_t(*Axis) != Along) {
      // The same channels, one below the other.
      if (!T && !Groups.cut(Op, I, *Axis, All))
        return "puts them beside channels from elsewhere";
      if (T)
        for (auto [A, B] : llvm::zip_equal(All, T->List))
          Groups.join(A, B);
      continue;
    }
    if (T) {
      llvm::append_range(All, T->List);
      continue;
    }
    RankedTensorType Part = rankedType(V);
    if (!Part || Part.isDynamicDim(*Axis))
      return "strings an unknown number of channels";
    Atoms More = Groups.fresh(Part.getDimSize(*Axis));
    Groups.pin(More, textOf(Op) + " strings them with others");
    llvm::append_range(All, More);
  }
  Groups.track(Op->getResult(0), *Axis, All);
  return {};
}

Verdict compress::visitSplit(Operation *Op, ChannelGroups &Groups) {
  const auto *T = Groups.tracked(Op->getOperand(0));
  if (!T)
    return "splits by channels";
  unsigned Axis = T->Axis;
  Atoms List = T->List;
  if (int64_t(Axis) != axisOf(Op, 0)) {
    for (Value R : Op->getResults())
      Groups.track(R, Axis, List);
    return {};
  }
  SmallVector<int64_t> Sizes;
  for (Value R : Op->getResults()) {
    RankedTensorType Part = rankedType(R);
    Sizes.push_back(Part ? Part.getDimSize(Axis) : ShapedType::kDynamic);
  }
  if (llvm::is_contained(Sizes, ShapedType::kDynamic))
    return "has parts of unknown size";
  auto Split = cast<onnx::SplitOp>(Op);
  if (!Split.getSplit()) {
    // Equal parts need not stay equal.
    OpBuilder B(Op);
    auto Type = RankedTensorType::get({int64_t(Sizes.size())}, B.getI64Type());
    Split.getSplitMutable().assign(
        onnx::ConstantOp::create(B, Op->getLoc(), onnx::makeInts(Type, Sizes)));
    Op->removeAttr("num_outputs");
  } else if (!constantInts(Split.getSplit())) {
    return "computes the sizes of its parts";
  }
  ArrayRef<int> Rest = List;
  for (auto [I, R] : llvm::enumerate(Op->getResults())) {
    Atoms Part(Rest.take_front(Sizes[I]));
    Rest = Rest.drop_front(Part.size());
    Groups.count(Op, 1, I, Part);
    Groups.track(R, Axis, Part);
  }
  return {};
}

Verdict compress::visitSlice(Operation *Op, ChannelGroups &Groups) {
  auto Slice = cast<onnx::SliceOp>(Op);
  const auto *T = Groups.tracked(Slice.getData());
  if (!T)
    return "slices by channels";
  unsigned Axis = T->Axis, Rank = rankedType(Slice.getData()).getRank();
  Atoms List = T->List;
  auto Starts = constantInts(Slice.getStarts()),
       Ends = constantInts(Slice.getEnds());
  if (!Starts || !Ends)
    return "slices by numbers that are computed";
  SmallVector<int64_t> Axes = llvm::to_vector(
                           llvm::seq<int64_t>(0, Starts->size())),
                       Steps(Starts->size(), 1);
  if (Slice.getAxes()) {
    auto Given = constantInts(Slice.getAxes());
    if (!Given)
      return "slices along axes that are computed";
    Axes = *Given;
  }
  if (Slice.getSteps()) {
    auto Given = constantInts(Slice.getSteps());
    if (!Given)
      return "slices by steps that are computed";
    Steps = *Given;
  }
  for (auto [I, A] : llvm::enumerate(Axes)) {
    if ((A < 0 ? A + Rank : A) != Axis)
      continue;
    if (Steps[I] != 1)
      return "takes every so many of them";
    auto Bound = [&](int64_t V) {
      int64_t Size = List.size();
      return std::clamp<int64_t>(V < 0 ? V + Size : V, 0, Size);
    };
    int64_t Start = Bound((*Starts)[I]), End = Bound((*Ends)[I]);
    ArrayRef<int> All = List;
    Groups.count(Op, 1, I, Atoms(All.take_front(Start)));
    Groups.count(Op, 2, I, Atoms(All.take_front(End)));
    Groups.track(Slice.getOutput(), Axis,
                 Atoms(All.take_front(std::max(Start, End)).drop_front(Start)));
    return {};
  }
  Groups.track(Slice.getOutput(), Axis, List);
  return {};
}

Verdict compress::visitGather(Operation *Op, ChannelGroups &Groups) {
  const auto *T = Groups.tracked(Op->getOperand(0));
  RankedTensorType Indices = rankedType(Op->getOperand(1));
  if (!T || !Indices || Groups.tracked(Op->getOperand(1)))
    return "takes them for positions";
  int64_t Along = axisOf(Op, 0), Axis = T->Axis;
  Atoms List = T->List;
  if (Along != Axis) {
    Axis += Along < Axis ? Indices.getRank() - 1 : 0;
    Groups.track(Op->getResult(0), Axis, List);
    return {};
  }
  auto Which = constantInts(Op->getOperand(1));
  if (!Which || Indices.getRank() != 1)
    return "chooses among them";
  Atoms Taken;
  for (int64_t I : *Which)
    Taken.push_back(List[I < 0 ? I + int64_t(List.size()) : I]);
  Groups.positions(Op, 1, List);
  Groups.track(Op->getResult(0), Axis, Taken);
  return {};
}

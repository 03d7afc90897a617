//===- ChannelRules.cpp - What ops do to channels -------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The table of rules, and those of ops that handle channels one by one or along
// another axis. An op without a row pins what it meets: a missing rule costs
// channels, never correctness.
//
//===----------------------------------------------------------------------===//

#include "ChannelRules.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/Facts.h"
#include "lathe/ONNX/ONNX.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

int64_t compress::intAttr(Operation *Op, StringRef Name, int64_t Default) {
  auto A = dyn_cast_or_null<IntegerAttr>(onnx::getAttrOrDefault(Op, Name));
  return A ? A.getInt() : Default;
}

int64_t compress::axisOf(Operation *Op, int64_t Default) {
  int64_t Axis = intAttr(Op, "axis", Default);
  RankedTensorType Type = rankedType(Op->getOperand(0));
  return Axis < 0 && Type ? Axis + Type.getRank() : Axis;
}

std::string compress::textOf(Operation *Op) {
  StringRef Node = onnx::getNodeName(Op->getLoc());
  if (Node.empty())
    return onnx::getOpName(Op).str();
  return ("node '" + Node + "' (" + onnx::getOpName(Op) + ")").str();
}

//===----------------------------------------------------------------------===//
// Element by element
//===----------------------------------------------------------------------===//

/// Elements of the result are made of elements of the operands at the same
/// place, with broadcasting.
static Verdict visitOperands(Operation *Op, ArrayRef<unsigned> Operands,
                             ChannelGroups &Groups) {
  const Verdict Different = "meets channels of another place";
  RankedTensorType Type = rankedType(Op->getResult(0));
  if (!Type)
    return "has no rank";
  int64_t Rank = Type.getRank();
  std::optional<int64_t> Axis;
  Atoms Mine;
  for (unsigned I : Operands)
    if (const auto *T = Groups.tracked(Op->getOperand(I))) {
      int64_t Here = T->Axis + Rank - rankedType(Op->getOperand(I)).getRank();
      if (Type.getDimSize(Here) != int64_t(T->List.size()))
        continue; // spread over the axis: it stays as it is
      if (Axis && *Axis != Here)
        return Different;
      if (!Axis)
        Mine = T->List;
      Axis = Here;
    }
  if (!Axis)
    return "spreads one channel over many";
  for (unsigned I : Operands) {
    Value V = Op->getOperand(I);
    RankedTensorType T = rankedType(V);
    if (!T)
      return "has an operand without a rank";
    int64_t At = *Axis - (Rank - T.getRank());
    bool Spread = At < 0 || T.getDimSize(At) == 1;
    if (const auto *Other = Groups.tracked(V)) {
      if (int64_t(Other->Axis) != At || Other->List.size() != Mine.size()) {
        Groups.pin(Other->List, textOf(Op) + " " + Different);
        if (!Spread)
          return Different;
        continue;
      }
      for (auto [A, B] : llvm::zip_equal(Mine, Other->List))
        Groups.join(A, B);
    } else if (!Spread && !Groups.cut(Op, I, At, Mine)) {
      return "meets channels that come from elsewhere";
    }
  }
  Groups.track(Op->getResult(0), *Axis, Mine);
  return {};
}

static Verdict visitFirst(Operation *Op, ChannelGroups &Groups) {
  return visitOperands(Op, {0}, Groups);
}

static Verdict visitAll(Operation *Op, ChannelGroups &Groups) {
  return visitOperands(
      Op, llvm::to_vector(llvm::seq<unsigned>(0, Op->getNumOperands())),
      Groups);
}

//===----------------------------------------------------------------------===//
// Channels by themselves
//===----------------------------------------------------------------------===//

/// Scales and shifts of operands 1 to \p Parameters.
template <unsigned Parameters>
static Verdict visitPerChannel(Operation *Op, ChannelGroups &Groups) {
  const auto *T = Groups.tracked(Op->getOperand(0));
  RankedTensorType To = rankedType(Op->getResult(0));
  if (!T || T->Axis != 1)
    return "takes another dimension for channels";
  if (!To || To.getRank() < 2 || To.getDimSize(1) != int64_t(T->List.size()))
    return "changes their number";
  Atoms List = T->List;
  for (unsigned I = 1; I <= Parameters; ++I)
    if (!Groups.cut(Op, I, 0, List))
      return "has parameters that are not constant";
  Groups.track(Op->getResult(0), 1, List);
  return {};
}

/// The size of the result is written down, for all axes or for some others.
static Verdict visitResize(Operation *Op, ChannelGroups &Groups) {
  auto Resize = cast<onnx::ResizeOp>(Op);
  Verdict V = visitPerChannel<0>(Op, Groups);
  if (!V.empty() || !Resize.getSizes())
    return V;
  auto Sizes = onnx::ConstantView::get(Resize.getSizes());
  if (!Sizes || Sizes->isElided())
    return "computes its size";
  Atoms List = Groups.tracked(Op->getResult(0))->List;
  unsigned Operand = Op->getNumOperands() - 1;
  if (auto Axes = Op->getAttrOfType<DenseI64ArrayAttr>("axes")) {
    for (auto [I, A] : llvm::enumerate(Axes.asArrayRef()))
      if (A == 1 || A + rankedType(Op->getOperand(0)).getRank() == 1)
        Groups.count(Op, Operand, I, List);
  } else {
    Groups.count(Op, Operand, 1, List);
  }
  return {};
}

/// Groups of channels that share their statistics go as a whole.
static Verdict visitGroupNorm(Operation *Op, ChannelGroups &Groups) {
  Verdict V = visitPerChannel<2>(Op, Groups);
  if (!V.empty())
    return V;
  Atoms List = Groups.tracked(Op->getResult(0))->List, First;
  int64_t Number = intAttr(Op, "num_groups", 1);
  if (Number <= 0 || List.size() % Number)
    return "has groups of different sizes";
  size_t Size = List.size() / Number;
  for (size_t At = 0; At < List.size(); At += Size) {
    Groups.joinAll(ArrayRef<int>(List).slice(At, Size));
    First.push_back(List[At]);
  }
  Groups.countAttr(Op, "num_groups", First);
  return {};
}

//===----------------------------------------------------------------------===//
// Along another axis
//===----------------------------------------------------------------------===//

/// The channels of operand 0 all stay, and go on.
static Verdict keepAll(Operation *Op, ChannelGroups &Groups, StringRef Why) {
  const auto *T = Groups.tracked(Op->getOperand(0));
  Groups.pin(T->List, textOf(Op) + " " + Why);
  Groups.track(Op->getResult(0), T->Axis, T->List);
  return {};
}

/// From the axis to the last: a mean of fewer channels is another mean.
static Verdict visitLayerNorm(Operation *Op, ChannelGroups &Groups) {
  const auto *T = Groups.tracked(Op->getOperand(0));
  if (!T)
    return "has channels for parameters";
  if (int64_t(T->Axis) >= axisOf(Op, -1))
    return keepAll(Op, Groups, "normalises over them");
  Groups.track(Op->getResult(0), T->Axis, T->List);
  return {};
}

static Verdict visitAlong(Operation *Op, ChannelGroups &Groups) {
  const auto *T = Groups.tracked(Op->getOperand(0));
  if (int64_t(T->Axis) == axisOf(Op, -1))
    return keepAll(Op, Groups, "compares them with each other");
  Groups.track(Op->getResult(0), T->Axis, T->List);
  return {};
}

static Verdict visitReduce(Operation *Op, ChannelGroups &Groups) {
  const auto *T = Groups.tracked(Op->getOperand(0));
  auto Axes = Op->getNumOperands() > 1
                  ? onnx::ConstantView::get(Op->getOperand(1))
                  : std::nullopt;
  if (!T || !Axes || Axes->isElided() || !Axes->size())
    return "sums over them";
  unsigned Rank = rankedType(Op->getOperand(0)).getRank(), Axis = T->Axis;
  bool Keep = intAttr(Op, "keepdims", 1);
  for (int64_t I = 0; I < Axes->size(); ++I) {
    int64_t A = Axes->getInt(I);
    A += A < 0 ? Rank : 0;
    if (A == int64_t(T->Axis))
      return "sums over them";
    Axis -= !Keep && A < int64_t(T->Axis);
  }
  Groups.track(Op->getResult(0), Axis, T->List);
  return {};
}

/// Asked for at run time, of what is there then.
static Verdict visitShape(Operation *, ChannelGroups &) { return {}; }

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

namespace {
struct Row {
  Rule Apply;
  std::initializer_list<llvm::StringLiteral> Ops;
};
} // namespace

static const Row Table[] = {
    {visitConvolution,
     {"onnx.Conv", "onnx.ConvTranspose", "onnx.ms.FusedConv"}},
    {visitDense, {"onnx.Gemm", "onnx.ms.FusedGemm", "onnx.ms.FusedMatMul"}},
    {visitProduct, {"onnx.MatMul"}},
    {visitAttention, {"onnx.Attention"}},
    {visitFirst, {"onnx.Abs",         "onnx.Cast",       "onnx.Celu",
                  "onnx.Clip",        "onnx.Dropout",    "onnx.Elu",
                  "onnx.Erf",         "onnx.Exp",        "onnx.Gelu",
                  "onnx.HardSigmoid", "onnx.HardSwish",  "onnx.Identity",
                  "onnx.LeakyRelu",   "onnx.Log",        "onnx.Mish",
                  "onnx.Neg",         "onnx.Reciprocal", "onnx.Relu",
                  "onnx.Selu",        "onnx.Sigmoid",    "onnx.Softplus",
                  "onnx.Softsign",    "onnx.Sqrt",       "onnx.Swish",
                  "onnx.Tanh",        "onnx.ms.Gelu",    "onnx.ms.QuickGelu",
                  "onnx.Sign",        "onnx.Floor",      "onnx.Ceil",
                  "onnx.Round",       "onnx.Shrink",     "onnx.ThresholdedRelu",
                  "onnx.Sin",         "onnx.Cos"}},
    {visitAll,
     {"onnx.Add", "onnx.Sub", "onnx.Mul", "onnx.Div", "onnx.PRelu", "onnx.Pow",
      "onnx.Sum", "onnx.Max", "onnx.Min", "onnx.Mean", "onnx.Where"}},
    {visitPerChannel<0>,
     {"onnx.AveragePool", "onnx.GlobalAveragePool", "onnx.GlobalLpPool",
      "onnx.GlobalMaxPool", "onnx.LpPool", "onnx.MaxPool", "onnx.Pad"}},
    {visitResize, {"onnx.Resize"}},
    {visitPerChannel<2>, {"onnx.InstanceNormalization"}},
    {visitPerChannel<4>, {"onnx.BatchNormalization"}},
    {visitGroupNorm, {"onnx.GroupNormalization"}},
    {visitLayerNorm, {"onnx.LayerNormalization", "onnx.RMSNormalization"}},
    {visitAlong,
     {"onnx.Softmax", "onnx.LogSoftmax", "onnx.Hardmax",
      "onnx.LpNormalization"}},
    {visitReduce,
     {"onnx.ReduceMean", "onnx.ReduceSum", "onnx.ReduceMax", "onnx.ReduceMin",
      "onnx.ReduceL1", "onnx.ReduceL2", "onnx.ReduceSumSquare",
      "onnx.ReduceProd", "onnx.ReduceLogSumExp", "onnx.ReduceLogSum"}},
    {visitView,
     {"onnx.Flatten", "onnx.Reshape", "onnx.Squeeze", "onnx.Unsqueeze"}},
    {visitTranspose, {"onnx.Transpose"}},
    {visitConcat, {"onnx.Concat"}},
    {visitSplit, {"onnx.Split"}},
    {visitSlice, {"onnx.Slice"}},
    {visitGather, {"onnx.Gather"}},
    {visitShape, {"onnx.Shape"}},
};

static Rule ruleFor(StringRef Name) {
  static const llvm::StringMap<Rule> Rules = [] {
    llvm::StringMap<Rule> Map;
    for (const Row &R : Table)
      for (llvm::StringLiteral Op : R.Ops)
        Map[Op] = R.Apply;
    return Map;
  }();
  return Rules.lookup(Name);
}

void compress::visitChannels(Operation *Op, ChannelGroups &Groups) {
  bool Any = llvm::any_of(
      Op->getOperands(), [&](Value V) { return Groups.tracked(V) != nullptr; });
  auto PinAll = [&](ValueRange Values, const llvm::Twine &Reason) {
    for (Value V : Values)
      if (const auto *T = Groups.tracked(V))
        Groups.pin(T->List, Reason);
  };
  Verdict Why;
  if (Any || weightsOf(Op)) {
    if (Rule Apply = ruleFor(Op->getName().getStringRef()))
      Why = Apply(Op, Groups);
    else if (!Op->hasTrait<OpTrait::IsTerminator>())
      Why = "is an op without a rule";
  }
  bool IsResult = Any && Op->hasTrait<OpTrait::IsTerminator>();
  if (IsResult)
    PinAll(Op->getOperands(), "they are a result of the model");
  for (Value R : Op->getResults())
    if (Any && Why.empty() && !R.use_empty() && !Groups.tracked(R) &&
        R != Op->getResult(0))
      Why = "has a second result";
  if (!Why.empty()) {
    std::string Reason = textOf(Op) + " " + Why;
    PinAll(Op->getOperands(), Reason);
    PinAll(Op->getResults(), Reason);
  }
  for (Region &R : Op->getRegions())
    R.walk([&](Operation *Inner) {
      PinAll(Inner->getOperands(), textOf(Op) + " reads them");
    });
}

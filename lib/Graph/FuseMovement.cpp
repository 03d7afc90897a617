//===- FuseMovement.cpp - The pass graph-fuse-movement --------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Space to depth by slices: every n-th element of some dimensions, each start
// in turn, concatenated along another dimension. One Transpose between two
// Reshapes moves the same in one copy, which later passes merge with what
// stands around.
//
//===----------------------------------------------------------------------===//

#include "Fusion.h"
#include "lathe/Graph/Passes.h"

namespace lathe::graph {
#define GEN_PASS_DEF_GRAPHFUSEMOVEMENT
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

namespace {
/// Elements Start, Start + Step, ... of each dimension of the source.
struct Grid {
  Value Source;
  SmallVector<int64_t> Starts, Steps;
};
} // namespace

/// \p V as a grid of what a chain of slices reads; false if it is no such.
static bool findGrid(Value V, Grid &G, Trail &T) {
  RankedTensorType Type = getStatic(V);
  if (!Type)
    return false;
  G.Starts.assign(Type.getRank(), 0);
  G.Steps.assign(Type.getRank(), 1);
  V = peel(V, &T);
  while (auto Slice = V.getDefiningOp<onnx::SliceOp>()) {
    RankedTensorType From = getStatic(Slice.getData()),
                     To = getStatic(Slice.getOutput());
    auto Starts = getInts(Slice.getStarts()),
         Axes = getInts(getOperand(Slice, 3)),
         Steps = getInts(getOperand(Slice, 4));
    if (!From || !To || !Starts || !Axes || !Steps)
      return false;
    for (auto [Axis, Start, Step] : llvm::zip(*Axes, *Starts, *Steps)) {
      int64_t D = fromFront(Axis, From.getRank()), Size = From.getDimSize(D),
              First = fromFront(Start, Size);
      // To the end, and each dimension once.
      if (Step < 2 || First < 0 || First >= Step || G.Steps[D] != 1 ||
          Size % Step || To.getDimSize(D) != Size / Step)
        return false;
      G.Starts[D] = First;
      G.Steps[D] = Step;
    }
    T.pass(Slice);
    V = peel(Slice.getData(), &T);
  }
  G.Source = V;
  return llvm::any_of(G.Steps, [](int64_t S) { return S > 1; });
}

/// The strided dimensions, slowest first, in the order in which the parts count
/// their starts; empty if they do not count.
static SmallVector<int64_t> countingOrder(ArrayRef<Grid> Parts) {
  SmallVector<int64_t> Order;
  for (auto [D, Step] : llvm::enumerate(Parts[0].Steps))
    if (Step > 1)
      Order.push_back(D);
  do {
    bool Counts = llvm::all_of(llvm::enumerate(Parts), [&](const auto &Part) {
      int64_t Number = 0;
      for (int64_t D : Order)
        Number = Number * Part.value().Steps[D] + Part.value().Starts[D];
      return Number == int64_t(Part.index());
    });
    if (Counts)
      return Order;
  } while (std::next_permutation(Order.begin(), Order.end()));
  return {};
}

static bool fuseSpaceToDepth(Operation *Root, Fuser &F) {
  auto Concat = cast<onnx::ConcatOp>(Root);
  RankedTensorType Type = getStatic(Concat.getConcatResult());
  unsigned Count = Root->getNumOperands();
  if (!Type || Count < 2 || Count > 64)
    return false;
  int64_t Rank = Type.getRank(), Axis = fromFront(Concat.getAxis(), Rank);
  Trail T;
  SmallVector<Grid> Parts(Count);
  for (auto [V, G] : llvm::zip(Root->getOperands(), Parts))
    if (!findGrid(V, G, T) || G.Source != Parts[0].Source ||
        G.Steps != Parts[0].Steps)
      return false;
  ArrayRef<int64_t> Steps = Parts[0].Steps;
  unsigned All = 1;
  for (int64_t S : Steps)
    All *= S;
  RankedTensorType From = getStatic(Parts[0].Source);
  if (All != Count || Steps[Axis] != 1 || !From ||
      llvm::count_if(Steps, [](int64_t S) { return S > 1; }) > 4)
    return false;
  SmallVector<int64_t> Order = countingOrder(Parts);
  if (Order.empty() || !T.isClosed(Root))
    return false;

  // [.., size / step, step, ..], and where each of them lies.
  SmallVector<int64_t> Shape, Place(Rank), StepPlace(Rank), Perm;
  for (int64_t D = 0; D < Rank; ++D) {
    Place[D] = Shape.size();
    Shape.push_back(From.getDimSize(D) / Steps[D]);
    if (Steps[D] > 1) {
      StepPlace[D] = Shape.size();
      Shape.push_back(Steps[D]);
    }
  }
  for (int64_t D = 0; D < Rank; ++D) {
    if (D == Axis)
      for (int64_t Strided : Order)
        Perm.push_back(StepPlace[Strided]);
    Perm.push_back(Place[D]);
  }
  NodeBuilder B = F.at(Root, T.ops());
  Value Split = B.reshape(Parts[0].Source, Shape);
  return F.replace(
      Root, B.op("Reshape", {B.transpose(Split, Perm), B.ints(Type.getShape())},
                 {}, Type));
}

namespace {
struct FuseMovementPass : graph::impl::GraphFuseMovementBase<FuseMovementPass> {
  void runOnOperation() override {
    const Fusion Table[] = {{"onnx.Concat", fuseSpaceToDepth, &SpacesToDepth}};
    fuse(getOperation(), Table);
  }
};
} // namespace

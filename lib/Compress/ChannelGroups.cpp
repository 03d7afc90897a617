//===- ChannelGroups.cpp - Channels that shrink together ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Atoms, classes and what must shrink with them; how sets are scored.
//
//===----------------------------------------------------------------------===//

#include "ChannelGroups.h"
#include "ChannelRules.h"
#include <numeric>

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

//===----------------------------------------------------------------------===//
// Atoms
//===----------------------------------------------------------------------===//

ChannelGroups::ChannelGroups(func::FuncOp Main, ArrayRef<std::string> Skip)
    : Skip(Skip) {
  for (Operation &Op : Main.getBody().front())
    visitChannels(&Op, *this);
}

int ChannelGroups::find(int Atom) {
  while (Parent[Atom] != Atom)
    Atom = Parent[Atom] = Parent[Parent[Atom]];
  return Atom;
}

void ChannelGroups::join(int A, int B) {
  A = find(A);
  B = find(B);
  if (A == B)
    return;
  // The older one stands for both: results do not depend on the order.
  if (B < A)
    std::swap(A, B);
  Parent[B] = A;
  if (!PinnedBy[A])
    PinnedBy[A] = PinnedBy[B];
}

void ChannelGroups::joinAll(ArrayRef<int> List) {
  for (int A : List)
    join(List.front(), A);
}

void ChannelGroups::pin(ArrayRef<int> List, const llvm::Twine &Reason) {
  std::string Text = Reason.str();
  if (Reasons.empty() || Reasons.back() != Text)
    Reasons.push_back(std::move(Text));
  for (int A : List)
    if (unsigned &By = PinnedBy[find(A)]; !By)
      By = Reasons.size();
}

Atoms ChannelGroups::fresh(int64_t Number) {
  Atoms List(Number);
  std::iota(List.begin(), List.end(), int(Parent.size()));
  Parent.insert(Parent.end(), List.begin(), List.end());
  PinnedBy.resize(Parent.size());
  return List;
}

const ChannelGroups::Tracked *ChannelGroups::tracked(Value V) const {
  auto It = Values.find(V);
  return It == Values.end() ? nullptr : &It->second;
}

void ChannelGroups::track(Value V, unsigned Axis, Atoms List) {
  RankedTensorType Type = rankedType(V);
  if (!Type || Axis >= Type.getRank() ||
      Type.getDimSize(Axis) != int64_t(List.size())) {
    pin(List, "their number is not known");
    return;
  }
  Values[V] = {Axis, std::move(List)};
}

//===----------------------------------------------------------------------===//
// What shrinks with them
//===----------------------------------------------------------------------===//

bool ChannelGroups::cut(Operation *Op, unsigned Operand, unsigned Axis,
                        Atoms List) {
  auto View = onnx::ConstantView::get(Op->getOperand(Operand));
  if (!View || View->isElided() || Axis >= View->getShape().size() ||
      View->getShape()[Axis] != int64_t(List.size()) ||
      (View->getType().getElementTypeBitWidth() < 8 &&
       !View->getElementType().isInteger(1)))
    return false;
  Cuts.push_back({Op, Operand, Axis, std::move(List)});
  return true;
}

void ChannelGroups::count(Operation *Op, unsigned Operand, unsigned Index,
                          Atoms List) {
  Counts.push_back({Op, Operand, Index, std::move(List)});
}

void ChannelGroups::countAttr(Operation *Op, StringRef Name, Atoms List) {
  Attrs.push_back({Op, Name.str(), std::move(List)});
}

void ChannelGroups::positions(Operation *Op, unsigned Operand, Atoms List) {
  Positions.push_back({Op, Operand, 0, std::move(List)});
}

void ChannelGroups::shuffle(Value From, Value To, unsigned Axis,
                            ArrayRef<int64_t> Order) {
  Atoms List = tracked(From)->List, New;
  for (int64_t I : Order)
    New.push_back(List[I]);
  Shuffles.push_back({From, To, Axis, SmallVector<int64_t>(Order), List});
  track(To, Axis, std::move(New));
}

void ChannelGroups::producer(const Weights &W, Atoms List) {
  Producers.push_back({W, std::move(List)});
}

//===----------------------------------------------------------------------===//
// Sets and scores
//===----------------------------------------------------------------------===//

/// Of each output of a layer, the sum of the squares of its weights.
std::vector<double> ChannelGroups::squaresOf(const Producer &P) const {
  ArrayRef<int64_t> Shape = P.W.View.getShape();
  int64_t Outputs = P.W.outputs(), Inner = 1, PerGroup = INT64_MAX;
  for (int64_t Size : Shape.drop_front(P.W.Out + 1))
    Inner *= Size;
  // ConvTranspose: the inputs of a group, with the outputs of that group.
  if (P.W.OutPerGroup)
    PerGroup = P.W.inputs() / P.W.Groups * Outputs * Inner;
  std::vector<double> Squares(P.List.size());
  readFloats(P.W.View, [&](int64_t At, float F) {
    Squares[At / PerGroup * Outputs + At / Inner % Outputs] += double(F) * F;
  });
  return Squares;
}

std::vector<ChannelGroups::Set> ChannelGroups::sets() {
  // Producers with a class in common are one set.
  llvm::DenseMap<int, unsigned> SetOf;
  std::vector<unsigned> Leader(Producers.size());
  std::iota(Leader.begin(), Leader.end(), 0);
  auto Top = [&](unsigned I) {
    while (Leader[I] != I)
      I = Leader[I];
    return I;
  };
  for (auto [I, P] : llvm::enumerate(Producers))
    for (int A : P.List) {
      auto [It, New] = SetOf.try_emplace(find(A), I);
      unsigned L = Top(It->second), R = Top(I);
      Leader[std::max(L, R)] = std::min(L, R);
    }
  std::vector<Set> All;
  llvm::DenseMap<unsigned, unsigned> Number;
  llvm::DenseMap<int, unsigned> Place; // of a class in its set
  std::vector<llvm::SmallVector<unsigned>> Parts;
  for (auto [I, P] : llvm::enumerate(Producers)) {
    auto [It, New] = Number.try_emplace(Top(I), All.size());
    if (New) {
      All.emplace_back();
      Parts.emplace_back();
    }
    unsigned N = It->second;
    Set &S = All[N];
    S.Layers.push_back(P.W.Op);
    std::vector<double> Squares = squaresOf(P);
    double Total = std::accumulate(Squares.begin(), Squares.end(), 0.0);
    for (auto [J, A] : llvm::enumerate(P.List)) {
      int Root = find(A);
      auto [At, NewClass] = Place.try_emplace(Root, S.Classes.size());
      if (NewClass) {
        S.Classes.push_back(Root);
        S.Pinned.push_back(PinnedBy[Root] != 0);
        if (PinnedBy[Root] && S.Reason.empty())
          S.Reason = Reasons[PinnedBy[Root] - 1];
        S.Scores.push_back(0);
        Parts[N].push_back(0);
      }
      S.Scores[At->second] +=
          Total > 0 ? Squares[J] * double(P.List.size()) / Total : 0;
      ++Parts[N][At->second];
    }
  }
  for (auto [S, Count] : llvm::zip_equal(All, Parts))
    for (auto [Score, N] : llvm::zip_equal(S.Scores, Count))
      Score /= N;
  return All;
}

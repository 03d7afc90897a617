//===- LayoutMovement.cpp - Pads, slices and reshapes of moved tensors ----===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What only moves elements does so in the order in which they lie, and the
// transposition goes on behind it.
//
//===----------------------------------------------------------------------===//

#include "LayoutSweep.h"

using namespace mlir;
using namespace lathe::kernel;

void LayoutSweep::visitPad(tensor::PadOp Op) {
  linalg::TransposeOp T = travelling(Op.getSource());
  Value Padding = Op.getConstantPaddingValue();
  if (!T || !Padding)
    return;
  Perm Inverse = invertPermutationVector(T.getPermutation());
  B.setInsertionPoint(Op);
  auto New = tensor::PadOp::create(
      B, Op.getLoc(), permuted(Op.getType(), Inverse), T.getInput(),
      applyPermutation(Op.getMixedLowPad(), Inverse),
      applyPermutation(Op.getMixedHighPad(), Inverse), Padding);
  replaceReordered(Op.getResult(), New, Inverse);
  B.eraseOp(Op);
}

void LayoutSweep::visitConcat(tensor::ConcatOp Op) {
  // Move if most of what is joined moves.
  linalg::TransposeOp First;
  int64_t Moving = 0, Staying = 0;
  for (Value V : Op.getInputs()) {
    auto Type = cast<RankedTensorType>(V.getType());
    int64_t Size = Type.hasStaticShape() ? Type.getNumElements() : 1;
    linalg::TransposeOp T = travelling(V);
    if (T && (!First || T.getPermutation() == First.getPermutation())) {
      First = First ? First : T;
      Moving += Size;
    } else {
      Staying += Size;
    }
  }
  if (!First || Staying > Moving)
    return;
  Perm Inverse = invertPermutationVector(First.getPermutation());
  B.setInsertionPoint(Op);
  SmallVector<Value> Inputs;
  for (Value V : Op.getInputs()) {
    linalg::TransposeOp T = travelling(V);
    if (T && T.getPermutation() == First.getPermutation())
      Inputs.push_back(T.getInput());
    else
      Inputs.push_back(transpose(Op.getLoc(), V, Inverse));
  }
  int64_t Dim = First.getPermutation()[Op.getDim()];
  Value New = tensor::ConcatOp::create(
      B, Op.getLoc(), permuted(Op.getType(), Inverse), Dim, Inputs);
  replaceReordered(Op.getResult(), New, Inverse);
  B.eraseOp(Op);
}

void LayoutSweep::visitSlice(tensor::ExtractSliceOp Op) {
  linalg::TransposeOp T = travelling(Op.getSource());
  if (!T || Op.getType().getRank() != Op.getSourceType().getRank())
    return;
  Perm Inverse = invertPermutationVector(T.getPermutation());
  B.setInsertionPoint(Op);
  Value New = tensor::ExtractSliceOp::create(
      B, Op.getLoc(), permuted(Op.getType(), Inverse), T.getInput(),
      applyPermutation(Op.getMixedOffsets(), Inverse),
      applyPermutation(Op.getMixedSizes(), Inverse),
      applyPermutation(Op.getMixedStrides(), Inverse));
  replaceReordered(Op.getResult(), New, Inverse);
  B.eraseOp(Op);
}

/// Splitting a dimension commutes with moving it: its parts move together.
void LayoutSweep::visitExpand(tensor::ExpandShapeOp Op) {
  linalg::TransposeOp T = travelling(Op.getSrc());
  if (!T)
    return;
  ArrayRef<int64_t> P = T.getPermutation(); // result i is source P[i]
  SmallVector<ReassociationIndices> Old = Op.getReassociationIndices();
  Perm Inverse = invertPermutationVector(P); // source i is result Inverse[i]
  SmallVector<ReassociationIndices> New;
  Perm Order; // dimension i of the new result is Order[i] of the old one
  for (int64_t Source = 0; Source < int64_t(P.size()); ++Source) {
    ReassociationIndices Group;
    for (int64_t D : Old[Inverse[Source]]) {
      Group.push_back(Order.size());
      Order.push_back(D);
    }
    New.push_back(Group);
  }
  B.setInsertionPoint(Op);
  SmallVector<OpFoldResult> Sizes =
      applyPermutation(Op.getMixedOutputShape(), Order);
  Value Expanded = tensor::ExpandShapeOp::create(
      B, Op.getLoc(), permuted(Op.getType(), Order), T.getInput(), New, Sizes);
  replaceReordered(Op.getResult(), Expanded, Order);
  B.eraseOp(Op);
}

/// Joining dimensions commutes with moving them if they lie next to each other,
/// in order, on both sides. If not (a channel shuffle), one copy brings them
/// together where the innermost of them lie; the others stay moved.
void LayoutSweep::visitCollapse(tensor::CollapseShapeOp Op) {
  linalg::TransposeOp T = travelling(Op.getSrc());
  if (!T)
    return;
  ArrayRef<int64_t> P = T.getPermutation();
  SmallVector<ReassociationIndices> Old = Op.getReassociationIndices();
  SmallVector<std::pair<int64_t, int64_t>> Groups; // a source dim, group
  bool Apart = false;
  for (auto [G, Group] : llvm::enumerate(Old)) {
    if (Group.empty())
      return;
    int64_t Last = P[Group.front()];
    for (size_t I = 1; I < Group.size(); ++I) {
      Apart |= P[Group[I]] != P[Group[I - 1]] + 1;
      Last = std::max(Last, P[Group[I]]);
    }
    Groups.push_back({Last, G});
  }
  llvm::sort(Groups);
  SmallVector<ReassociationIndices> New;
  Perm Order;    // dimension i of the new result is Order[i] of the old one
  Perm Together; // dimension i of the new source is Together[i] of the old one
  for (auto &[LastDim, G] : Groups) {
    ReassociationIndices Group;
    for (int64_t D : Old[G]) {
      Group.push_back(Together.size());
      Together.push_back(P[D]);
    }
    New.push_back(Group);
    Order.push_back(G);
  }
  // All of it in its place: the transposition itself is that copy.
  if (Apart && isIdentityPermutation(Order))
    return;
  B.setInsertionPoint(Op);
  Value Source = T.getInput();
  if (Apart) {
    Source = transpose(Op.getLoc(), Source, Together);
    Travelling.erase(Source.getDefiningOp());
  }
  Value Collapsed = tensor::CollapseShapeOp::create(
      B, Op.getLoc(), permuted(Op.getType(), Order), Source, New);
  replaceReordered(Op.getResult(), Collapsed, Order);
  B.eraseOp(Op);
}

void LayoutSweep::visitDim(tensor::DimOp Op) {
  linalg::TransposeOp T = travelling(Op.getSource());
  std::optional<int64_t> Index = Op.getConstantIndex();
  if (!T || !Index)
    return;
  B.setInsertionPoint(Op);
  B.replaceOpWithNewOp<tensor::DimOp>(Op, T.getInput(),
                                      T.getPermutation()[*Index]);
}

//===- AssignLayout.cpp - Channels last, by transpositions that travel ---===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Convolutions compute channels last: their result gets the order batch, image,
// channels, followed by a linalg.transpose back. One sweep in program order
// then moves these transpositions down: an op that reads one reads its source
// instead (the permutation joins the indexing map) and, where that orders its
// result anew, is followed by a transposition itself. Pads, concatenations,
// slices and reshapes that keep the moved dimensions together let them pass.
// What arrives at an op that none of this fits, or at a result of main, becomes
// an elementwise kernel: arguments and results stay row-major.
//
// The filter, where it is constant, is transposed by the packing of its weight;
// no byte moves at compile time before emission. A dense convolution reads its
// input in any order (its elements are only broadcast), so none is forced on
// it.
//
//===----------------------------------------------------------------------===//

#include "LayoutSweep.h"
#include "lathe/Kernel/Passes.h"
#include "lathe/Kernel/Structure.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELASSIGNLAYOUTPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe::kernel;

Value LayoutSweep::transpose(Location Loc, Value V, ArrayRef<int64_t> P) {
  auto Type = permuted(V.getType(), P);
  SmallVector<OpFoldResult> Sizes =
      applyPermutation(tensor::getMixedSizes(B, Loc, V), P);
  Value Empty = tensor::EmptyOp::create(B, Loc, Sizes, Type.getElementType());
  auto Op = linalg::TransposeOp::create(B, Loc, V, Empty, P);
  Travelling.insert(Op);
  return Op->getResult(0);
}

void LayoutSweep::replaceReordered(Value Old, Value New, ArrayRef<int64_t> P) {
  B.setInsertionPointAfterValue(New);
  Value Back = transpose(Old.getLoc(), New, invertPermutationVector(P));
  B.replaceAllUsesWith(Old, Back);
}

/// A transposition that moves only dimensions of size 1 is a reshape.
static bool becomesReshape(IRRewriter &B, linalg::TransposeOp T) {
  auto From = cast<RankedTensorType>(T.getInput().getType());
  auto To = cast<RankedTensorType>(T->getResult(0).getType());
  if (!From.hasStaticShape())
    return false;
  SmallVector<int64_t> Kept; // source dims that are larger than 1, as ordered
  for (int64_t D : T.getPermutation())
    if (From.getDimSize(D) != 1)
      Kept.push_back(D);
  if (!llvm::is_sorted(Kept))
    return false;
  SmallVector<int64_t> Flat;
  for (int64_t D : Kept)
    Flat.push_back(From.getDimSize(D));
  auto Small = RankedTensorType::get(Flat, From.getElementType());
  // The reassociation of \p Type to Small: each kept dimension with the ones
  // before it, the rest with the last.
  auto Groups = [&](RankedTensorType Type) {
    SmallVector<ReassociationIndices> Result;
    ReassociationIndices Current;
    for (int64_t D = 0; D < Type.getRank(); ++D) {
      Current.push_back(D);
      if (Type.getDimSize(D) != 1) {
        Result.push_back(Current);
        Current.clear();
      }
    }
    if (!Result.empty())
      Result.back().append(Current.begin(), Current.end());
    return Result;
  };
  B.setInsertionPoint(T);
  Value V = T.getInput();
  if (Small != From)
    V = tensor::CollapseShapeOp::create(B, T.getLoc(), Small, V, Groups(From));
  if (Small != To)
    V = tensor::ExpandShapeOp::create(B, T.getLoc(), To, V, Groups(To));
  B.replaceOp(T, V);
  return true;
}

void LayoutSweep::run() {
  // Blocks in program order; ops that the sweep creates behind the current one
  // are only transpositions.
  Main.walk<WalkOrder::PreOrder>([&](Block *Block) {
    if (Operation *Parent = Block->getParentOp())
      if (isa<linalg::LinalgOp, tensor::PadOp>(Parent) || isLoopKernel(Parent))
        return WalkResult::skip();
    for (Operation &Op : llvm::make_early_inc_range(*Block)) {
      if (auto Generic = dyn_cast<linalg::GenericOp>(Op)) {
        if (Generic.hasPureTensorSemantics())
          visitGeneric(Generic);
      } else if (auto Pad = dyn_cast<tensor::PadOp>(Op)) {
        visitPad(Pad);
      } else if (auto Concat = dyn_cast<tensor::ConcatOp>(Op)) {
        visitConcat(Concat);
      } else if (auto Slice = dyn_cast<tensor::ExtractSliceOp>(Op)) {
        visitSlice(Slice);
      } else if (auto Expand = dyn_cast<tensor::ExpandShapeOp>(Op)) {
        visitExpand(Expand);
      } else if (auto Collapse = dyn_cast<tensor::CollapseShapeOp>(Op)) {
        visitCollapse(Collapse);
      } else if (auto Dim = dyn_cast<tensor::DimOp>(Op)) {
        visitDim(Dim);
      }
    }
    return WalkResult::advance();
  });
  // Those that nothing took up are elementwise ops, or reshapes.
  SmallVector<linalg::TransposeOp> Left;
  Main.walk([&](linalg::TransposeOp T) { Left.push_back(T); });
  for (linalg::TransposeOp T : llvm::reverse(Left)) {
    if (T->use_empty()) {
      B.eraseOp(T);
      continue;
    }
    if (becomesReshape(B, T))
      continue;
    B.setInsertionPoint(T);
    (void)linalg::generalizeNamedOp(B,
                                    cast<linalg::LinalgOp>(T.getOperation()));
  }
}

namespace {
struct AssignLayoutPass
    : lathe::kernel::impl::KernelAssignLayoutPassBase<AssignLayoutPass> {
  void runOnOperation() override {
    for (auto Main : getOperation().getOps<func::FuncOp>())
      if (!Main.isExternal())
        LayoutSweep(Main).run();
  }
};

} // namespace

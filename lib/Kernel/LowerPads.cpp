//===- LowerPads.cpp - Pads and concatenations as insertions -------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The larger buffer is created before the producer of the part that goes into
// it wherever its sizes allow, and each insertion stands right behind its
// source: only then can bufferization place the source inside the larger
// buffer.
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELLOWERPADSPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe::kernel;

namespace {

OpFoldResult addSizes(OpBuilder &B, Location Loc, OpFoldResult L,
                      OpFoldResult R) {
  AffineExpr D0, D1;
  bindDims(B.getContext(), D0, D1);
  return affine::makeComposedFoldedAffineApply(B, Loc, D0 + D1, {L, R});
}

/// The op that decides where \p Source lies: through destinations and views, so
/// that a chain bias + conv + relu counts as one producer.
Operation *firstProducer(Value Source) {
  Operation *First = nullptr;
  while (auto Op = Source.getDefiningOp<linalg::LinalgOp>()) {
    First = Op;
    Value Init = Op.getDpsInits()[cast<OpResult>(Source).getResultNumber()];
    if (!Init.getDefiningOp<linalg::LinalgOp>()) {
      // An elementwise op may share the buffer of what it reads; follow its
      // single full operand, whose producer becomes the head of one kernel.
      Value Next;
      for (OpOperand *In : Op.getDpsInputOperands())
        if (In->get().getType() == Source.getType() && In->get().hasOneUse() &&
            In->get().getDefiningOp<linalg::LinalgOp>())
          Next = In->get();
      if (!Next || Op.getNumReductionLoops() != 0)
        break;
      Source = Next;
      continue;
    }
    Source = Init;
  }
  return First;
}

/// Moves the insertion point before the producer of \p Source if \p Sizes exist
/// there; static sizes always do.
void hoistBefore(OpBuilder &B, Operation *Op, Value Source) {
  B.setInsertionPoint(Op);
  Operation *Producer = firstProducer(Source);
  if (Producer && Producer->getBlock() == Op->getBlock())
    B.setInsertionPoint(Producer);
}

void lowerPad(IRRewriter &Rewriter, tensor::PadOp Pad) {
  Location Loc = Pad.getLoc();
  Rewriter.setInsertionPoint(Pad);
  auto Type = Pad.getResultType();
  Value Source = Pad.getSource();
  SmallVector<OpFoldResult> Low = Pad.getMixedLowPad(),
                            High = Pad.getMixedHighPad();
  Value PadValue = Pad.getConstantPaddingValue();

  bool StaticShape = Type.hasStaticShape();
  SmallVector<OpFoldResult> SourceSizes =
      tensor::getMixedSizes(Rewriter, Loc, Source);
  SmallVector<OpFoldResult> Sizes;
  for (int64_t D = 0; D < Type.getRank(); ++D)
    Sizes.push_back(
        Type.isDynamicDim(D)
            ? addSizes(Rewriter, Loc,
                       addSizes(Rewriter, Loc, SourceSizes[D], Low[D]), High[D])
            : OpFoldResult(Rewriter.getIndexAttr(Type.getDimSize(D))));
  Value Filled;
  if (PadValue) {
    Attribute Constant;
    if (StaticShape && matchPattern(PadValue, m_Constant(&Constant))) {
      hoistBefore(Rewriter, Pad, Source);
      PadValue =
          arith::ConstantOp::create(Rewriter, Loc, cast<TypedAttr>(Constant));
    }
    Value Empty =
        tensor::EmptyOp::create(Rewriter, Loc, Sizes, Type.getElementType());
    Filled =
        linalg::FillOp::create(Rewriter, Loc, PadValue, Empty).getResult(0);
  } else {
    // The padding depends on the position: an elementwise op of its own.
    Value Empty =
        tensor::EmptyOp::create(Rewriter, Loc, Sizes, Type.getElementType());
    AffineMap Id = Rewriter.getMultiDimIdentityMap(Type.getRank());
    SmallVector<utils::IteratorType> Iterators(Type.getRank(),
                                               utils::IteratorType::parallel);
    auto Generic = linalg::GenericOp::create(Rewriter, Loc, Type, ValueRange(),
                                             Empty, ArrayRef(Id), Iterators);
    Block *Body = Rewriter.createBlock(&Generic.getRegion(), {},
                                       {Type.getElementType()}, {Loc});
    Rewriter.setInsertionPointToStart(Body);
    IRMapping Map;
    for (auto [D, Arg] : llvm::enumerate(Pad.getRegion().getArguments()))
      Map.map(Arg, linalg::IndexOp::create(Rewriter, Loc, D));
    for (Operation &Op : Pad.getRegion().front().without_terminator())
      Rewriter.clone(Op, Map);
    auto Yield = cast<tensor::YieldOp>(Pad.getRegion().front().getTerminator());
    linalg::YieldOp::create(Rewriter, Loc,
                            Map.lookupOrDefault(Yield.getValue()));
    Filled = Generic.getResult(0);
  }
  Rewriter.setInsertionPoint(Pad);
  SmallVector<OpFoldResult> Strides(Type.getRank(), Rewriter.getIndexAttr(1));
  Rewriter.replaceOpWithNewOp<tensor::InsertSliceOp>(Pad, Source, Filled, Low,
                                                     SourceSizes, Strides);
}

void lowerConcat(IRRewriter &Rewriter, tensor::ConcatOp Concat) {
  Location Loc = Concat.getLoc();
  auto Type = cast<RankedTensorType>(Concat.getType());
  int64_t Dim = Concat.getDim();
  Rewriter.setInsertionPoint(Concat);

  // Where each operand begins; the sum is the size of the result.
  SmallVector<SmallVector<OpFoldResult>> PartSizes;
  SmallVector<OpFoldResult> Begin;
  OpFoldResult End = Rewriter.getIndexAttr(0);
  for (Value Part : Concat.getInputs()) {
    PartSizes.push_back(tensor::getMixedSizes(Rewriter, Loc, Part));
    Begin.push_back(End);
    End = addSizes(Rewriter, Loc, End, PartSizes.back()[Dim]);
  }
  SmallVector<OpFoldResult> Sizes = PartSizes.front();
  Sizes[Dim] = End;
  for (int64_t D = 0; D < Type.getRank(); ++D)
    if (!Type.isDynamicDim(D))
      Sizes[D] = Rewriter.getIndexAttr(Type.getDimSize(D));

  // Insertions are disjoint: they go in the order in which the parts are made.
  SmallVector<unsigned> Order =
      llvm::to_vector(llvm::seq<unsigned>(0, Begin.size()));
  bool StaticShape =
      Type.hasStaticShape() && llvm::all_of(Concat.getInputs(), [](Value Part) {
        return cast<RankedTensorType>(Part.getType()).hasStaticShape();
      });
  auto InBlock = [&](unsigned I) -> Operation * {
    Operation *Def = Concat.getInputs()[I].getDefiningOp();
    return Def && Def->getBlock() == Concat->getBlock() ? Def : nullptr;
  };
  Operation *Earliest = nullptr;
  if (StaticShape) {
    llvm::stable_sort(Order, [&](unsigned L, unsigned R) {
      Operation *A = InBlock(L), *B = InBlock(R);
      if (!A || !B)
        return !A && B;
      return A != B && A->isBeforeInBlock(B);
    });
    for (unsigned I : Order)
      if (Operation *Def = firstProducer(Concat.getInputs()[I]);
          Def && Def->getBlock() == Concat->getBlock() &&
          (!Earliest || Def->isBeforeInBlock(Earliest)))
        Earliest = Def;
  }
  Rewriter.setInsertionPoint(Earliest ? Earliest : Concat.getOperation());
  Value Whole =
      tensor::EmptyOp::create(Rewriter, Loc, Sizes, Type.getElementType());
  SmallVector<OpFoldResult> Strides(Type.getRank(), Rewriter.getIndexAttr(1));
  for (unsigned I : Order) {
    Value Part = Concat.getInputs()[I];
    Operation *Def = InBlock(I);
    if (StaticShape && Def &&
        (!Whole.getDefiningOp() || Whole.getDefiningOp()->isBeforeInBlock(Def)))
      Rewriter.setInsertionPointAfter(Def);
    else if (StaticShape)
      Rewriter.setInsertionPointAfterValue(Whole);
    else
      Rewriter.setInsertionPoint(Concat);
    SmallVector<OpFoldResult> Offsets(Type.getRank(), Rewriter.getIndexAttr(0));
    Offsets[Dim] = Begin[I];
    Whole = tensor::InsertSliceOp::create(Rewriter, Loc, Part, Whole, Offsets,
                                          PartSizes[I], Strides);
  }
  if (Whole.getType() != Type) {
    Rewriter.setInsertionPoint(Concat);
    Whole = tensor::CastOp::create(Rewriter, Loc, Type, Whole);
  }
  Rewriter.replaceOp(Concat, Whole);
}

struct LowerPadsPass
    : lathe::kernel::impl::KernelLowerPadsPassBase<LowerPadsPass> {
  void runOnOperation() override {
    SmallVector<Operation *> Work;
    getOperation()->walk([&](Operation *Op) {
      if (isa<tensor::PadOp, tensor::ConcatOp>(Op))
        Work.push_back(Op);
    });
    IRRewriter Rewriter(&getContext());
    for (Operation *Op : Work) {
      if (auto Pad = dyn_cast<tensor::PadOp>(Op))
        lowerPad(Rewriter, Pad);
      else
        lowerConcat(Rewriter, cast<tensor::ConcatOp>(Op));
    }
  }
};

} // namespace

//===- LayoutStructured.cpp - Linalg ops and their layouts ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Structured ops read moved tensors where they lie and order their results
// anew; convolutions begin the moves. The filter, where it is constant, is
// transposed by the packing of its weight.
//
//===----------------------------------------------------------------------===//

#include "LayoutSweep.h"
#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/Structure.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"

using namespace mlir;
using namespace lathe::kernel;

/// The map by which an operand is read in the order \p P of its dimensions:
/// result i of the new map is result P[i] of \p Map.
static AffineMap reorder(AffineMap Map, ArrayRef<int64_t> P) {
  SmallVector<AffineExpr> Results(Map.getResults());
  return AffineMap::get(Map.getNumDims(), Map.getNumSymbols(),
                        applyPermutation(Results, P), Map.getContext());
}

static void setMap(linalg::GenericOp Op, OpOperand &Operand, AffineMap Map) {
  SmallVector<AffineMap> Maps = Op.getIndexingMapsArray();
  Maps[Operand.getOperandNumber()] = Map;
  Op.setIndexingMapsAttr(Builder(Op.getContext()).getAffineMapArrayAttr(Maps));
}

/// Loop dimensions in the order in which the results of \p Map use them first.
static SmallVector<int64_t> appearance(AffineMap Map) {
  llvm::SetVector<int64_t> Dims;
  for (AffineExpr Result : Map.getResults())
    for (unsigned D = 0; D < Map.getNumDims(); ++D)
      if (Result.isFunctionOfDim(D))
        Dims.insert(D);
  return llvm::to_vector(Dims);
}

/// The permutation that sorts the results of a projected permutation \p Map by
/// the position of their dimension in \p DimOrder; none if one is missing.
static std::optional<Perm> orderBy(AffineMap Map, ArrayRef<int64_t> DimOrder) {
  if (!Map.isProjectedPermutation())
    return std::nullopt;
  SmallVector<std::pair<int64_t, int64_t>> Keys;
  for (unsigned I = 0; I < Map.getNumResults(); ++I) {
    const int64_t *It = llvm::find(DimOrder, int64_t(Map.getDimPosition(I)));
    if (It == DimOrder.end())
      return std::nullopt;
    Keys.push_back({It - DimOrder.begin(), I});
  }
  llvm::sort(Keys);
  Perm P;
  for (auto &[Key, I] : Keys)
    P.push_back(I);
  return P;
}

/// Reorders the results (all of them) so that their dimensions come in the
/// order of \p DimOrder, and the loops likewise.
linalg::GenericOp LayoutSweep::orderResult(linalg::GenericOp Op,
                                           ArrayRef<int64_t> DimOrder) {
  SmallVector<Perm> Orders;
  bool Changes = false;
  for (OpOperand &Init : Op.getDpsInitsMutable()) {
    std::optional<Perm> P = orderBy(Op.getMatchingIndexingMap(&Init), DimOrder);
    if (!P)
      return Op;
    Changes |= !isIdentityPermutation(*P);
    Orders.push_back(*P);
  }
  Location Loc = Op.getLoc();
  if (Changes) {
    for (auto [I, P] : llvm::enumerate(Orders)) {
      OpOperand *Init = Op.getDpsInitOperand(I);
      Value Old = Op->getResult(I);
      // A destination without contents, or one filled, is made anew.
      B.setInsertionPoint(Op);
      Value V = Init->get(), New;
      auto Fill = V.getDefiningOp<linalg::FillOp>();
      Value Shape = Fill ? Fill.getOutputs()[0] : V;
      if (Fill || V.getDefiningOp<tensor::EmptyOp>() ||
          !Op.payloadUsesValueFromOperand(Init)) {
        SmallVector<OpFoldResult> Sizes =
            applyPermutation(tensor::getMixedSizes(B, Loc, Shape), P);
        auto Type = cast<RankedTensorType>(V.getType());
        New = tensor::EmptyOp::create(B, Loc, Sizes, Type.getElementType());
        if (Fill)
          New = linalg::FillOp::create(B, Loc, Fill.getInputs()[0], New)
                    .getResult(0);
      } else if (linalg::TransposeOp T = travelling(V);
                 T && ArrayRef<int64_t>(T.getPermutation()) ==
                          ArrayRef<int64_t>(invertPermutationVector(P))) {
        New = T.getInput();
      } else {
        New = transpose(Loc, V, P);
      }
      setMap(Op, *Init, reorder(Op.getMatchingIndexingMap(Init), P));
      Init->set(New);
      Old.setType(New.getType());
      // What used the result before sees it through a transposition.
      B.setInsertionPointAfter(Op);
      Value Back = transpose(Loc, Old, invertPermutationVector(P));
      // The sizes of Back itself, between the two, read the result as it is. (A
      // use may be in a body: the op that holds it counts.) The block is not
      // asked for the order of its ops, which each new one makes it count anew.
      llvm::SmallPtrSet<Operation *, 8> Itself;
      for (Operation *At = Op->getNextNode(); At != Back.getDefiningOp();
           At = At->getNextNode())
        Itself.insert(At);
      Itself.insert(Back.getDefiningOp());
      B.replaceUsesWithIf(Old, Back, [&](OpOperand &Use) {
        return !Itself.contains(
            Op->getBlock()->findAncestorOpInBlock(*Use.getOwner()));
      });
    }
  }
  // Loops: those of the first result in its order, then the others.
  SmallVector<unsigned> Order;
  for (AffineExpr E :
       Op.getMatchingIndexingMap(Op.getDpsInitOperand(0)).getResults())
    Order.push_back(cast<AffineDimExpr>(E).getPosition());
  for (int64_t D : DimOrder)
    if (!llvm::is_contained(Order, D))
      Order.push_back(D);
  for (unsigned D = 0; D < Op.getNumLoops(); ++D)
    if (!llvm::is_contained(Order, D))
      Order.push_back(D);
  if (!llvm::is_sorted(Order)) {
    B.setInsertionPoint(Op);
    FailureOr<linalg::GenericOp> New =
        linalg::interchangeGenericOp(B, Op, Order);
    if (succeeded(New))
      return *New;
  }
  return Op;
}

/// Filter: window, input channel, output channel; groups outermost.
void LayoutSweep::orderFilter(linalg::GenericOp Op,
                              const linalg::ConvolutionDimensions &Dims) {
  OpOperand &Filter = Op->getOpOperand(1);
  SmallVector<int64_t> Order;
  bool Grouped = !Dims.outputChannel.empty();
  if (Grouped)
    Order.append(Dims.depth.begin(), Dims.depth.end());
  Order.append(Dims.filterLoop.begin(), Dims.filterLoop.end());
  Order.append(Dims.inputChannel.begin(), Dims.inputChannel.end());
  if (!Grouped)
    Order.append(Dims.depth.begin(), Dims.depth.end());
  Order.append(Dims.outputChannel.begin(), Dims.outputChannel.end());
  reorderOperand(Op, Filter, Order);
}

/// Input of a convolution that vectorises over its channels: they come last.
void LayoutSweep::orderInput(linalg::GenericOp Op,
                             const linalg::ConvolutionDimensions &Dims) {
  OpOperand &Input = Op->getOpOperand(0);
  AffineMap Map = Op.getMatchingIndexingMap(&Input);
  SmallVector<int64_t> Batch, Image, Channels;
  for (unsigned I = 0; I < Map.getNumResults(); ++I) {
    auto Dim = dyn_cast<AffineDimExpr>(Map.getResult(I));
    if (!Dim)
      Image.push_back(I);
    else if (llvm::is_contained(Dims.batch, Dim.getPosition()))
      Batch.push_back(I);
    else if (llvm::is_contained(Dims.depth, Dim.getPosition()) ||
             llvm::is_contained(Dims.inputChannel, Dim.getPosition()))
      Channels.push_back(I);
    else
      Image.push_back(I);
  }
  Perm P(Batch);
  P.append(Image);
  P.append(Channels);
  if (isIdentityPermutation(P))
    return;
  B.setInsertionPoint(Op);
  Input.set(transpose(Op.getLoc(), Input.get(), P));
  setMap(Op, Input, reorder(Map, P));
}

/// A constant right-hand side lies with its columns innermost.
void LayoutSweep::orderRightHandSide(linalg::GenericOp Op) {
  FailureOr<linalg::ContractionDimensions> Dims =
      linalg::inferContractionDims(Op);
  if (failed(Dims) || Op.getNumDpsInputs() != 2)
    return;
  OpOperand &Right = Op->getOpOperand(1);
  if (!Right.get().getDefiningOp<WeightOp>())
    return;
  SmallVector<int64_t> Order(Dims->batch.begin(), Dims->batch.end());
  Order.append(Dims->k.begin(), Dims->k.end());
  Order.append(Dims->n.begin(), Dims->n.end());
  reorderOperand(Op, Right, Order);
}

/// Puts the dimensions of an operand in the order of \p DimOrder: a constant by
/// a record, any other value by a transposition.
void LayoutSweep::reorderOperand(linalg::GenericOp Op, OpOperand &Operand,
                                 ArrayRef<int64_t> DimOrder) {
  AffineMap Map = Op.getMatchingIndexingMap(&Operand);
  std::optional<Perm> P = orderBy(Map, DimOrder);
  if (!P || isIdentityPermutation(*P))
    return;
  B.setInsertionPoint(Op);
  if (auto Weight = Operand.get().getDefiningOp<WeightOp>()) {
    auto Packing = PackingAttr::get(B.getContext(), *P, {}, {});
    if (PackingAttr First = Weight.getPackingAttr())
      Packing = Packing.after(First);
    Value New =
        WeightOp::create(B, Weight.getLoc(), permuted(Weight.getType(), *P),
                         Weight.getValue(), Packing, IntegerAttr());
    Operand.set(New);
  } else {
    Operand.set(transpose(Op.getLoc(), Operand.get(), *P));
  }
  setMap(Op, Operand, reorder(Map, *P));
}

/// A product of a moved tensor and weights reads it where it lies if it sums
/// along what is innermost there; its result has the columns innermost then.
void LayoutSweep::readMoved(linalg::GenericOp Op) {
  if (Op.getNumDpsInputs() != 2 || Op->getNumResults() != 1 ||
      !Op.getDpsInputOperand(1)->get().getDefiningOp<WeightOp>())
    return;
  OpOperand *Left = Op.getDpsInputOperand(0);
  linalg::TransposeOp T = travelling(Left->get());
  AffineMap Out = Op.getMatchingIndexingMap(Op.getDpsInitOperand(0));
  if (!T || !Out.isProjectedPermutation())
    return;
  AffineMap Map = reorder(Op.getMatchingIndexingMap(Left),
                          invertPermutationVector(T.getPermutation()));
  int Sum = innermostLoop(Op, Map);
  if (Sum < 0 ||
      Op.getIteratorTypesArray()[Sum] != utils::IteratorType::reduction)
    return;
  setMap(Op, *Left, Map);
  Left->set(T.getInput());
  SmallVector<int64_t> Ranges = Op.getStaticLoopRanges(), Order;
  int64_t Columns = -1;
  for (AffineExpr E : Out.getResults()) {
    int64_t D = cast<AffineDimExpr>(E).getPosition();
    Order.push_back(D);
    if (!Map.isFunctionOfDim(D) && (Columns < 0 || Ranges[D] > Ranges[Columns]))
      Columns = D;
  }
  if (Columns < 0)
    return;
  llvm::erase(Order, Columns);
  Order.push_back(Columns);
  orderResult(Op, Order);
}

void LayoutSweep::visitGeneric(linalg::GenericOp Op) {
  StringRef Kind = kindOf(Op);
  // A contraction takes its other operands as they come: its emitter wants
  // their innermost dimension dense.
  if (Kind == "contraction") {
    orderRightHandSide(Op);
    return readMoved(Op);
  }
  // 1. Read the sources of transpositions.
  SmallVector<int64_t> Order;
  int64_t Largest = 0;
  for (OpOperand *Operand : Op.getDpsInputOperands()) {
    linalg::TransposeOp T = travelling(Operand->get());
    if (!T)
      continue;
    // Dimension i of the result is dimension P[i] of the source.
    Perm Inverse = invertPermutationVector(T.getPermutation());
    AffineMap Map = reorder(Op.getMatchingIndexingMap(Operand), Inverse);
    setMap(Op, *Operand, Map);
    Operand->set(T.getInput());
    auto Type = cast<RankedTensorType>(T.getInput().getType());
    int64_t Size =
        Type.hasStaticShape() ? Type.getNumElements() : Type.getRank();
    if (Size > Largest) {
      Largest = Size;
      Order = appearance(Map);
    }
  }
  // 2. Order the result.
  if (Kind == "conv") {
    FailureOr<linalg::ConvolutionDimensions> Dims =
        linalg::inferConvolutionDims(Op);
    if (failed(Dims) || Dims->outputImage.empty())
      return;
    orderFilter(Op, *Dims);
    // Bytes are read several channels at once.
    if (!Dims->depth.empty() ||
        getElementTypeOrSelf(Op->getOperand(0).getType()).isInteger(8))
      orderInput(Op, *Dims);
    SmallVector<int64_t> Result(Dims->batch.begin(), Dims->batch.end());
    Result.append(Dims->outputImage.begin(), Dims->outputImage.end());
    Result.append(Dims->depth.begin(), Dims->depth.end());
    Result.append(Dims->outputChannel.begin(), Dims->outputChannel.end());
    // The reduction walks window, then channels, as the filter lies.
    Result.append(Dims->filterLoop.begin(), Dims->filterLoop.end());
    Result.append(Dims->inputChannel.begin(), Dims->inputChannel.end());
    orderResult(Op, Result);
    return;
  }
  if (!Order.empty())
    orderResult(Op, Order);
}

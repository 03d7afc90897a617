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

#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/Passes.h"
#include "lathe/Kernel/Structure.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELASSIGNLAYOUTPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe::kernel;

namespace {

using Perm = SmallVector<int64_t>;

RankedTensorType permuted(Type T, ArrayRef<int64_t> P) {
  auto Tensor = cast<RankedTensorType>(T);
  return RankedTensorType::get(applyPermutation(Tensor.getShape(), P),
                               Tensor.getElementType());
}

class LayoutSweep {
public:
  LayoutSweep(func::FuncOp Main) : Main(Main), B(Main.getContext()) {}

  void run();

private:
  bool isTravelling(Value V) const {
    auto T = V.getDefiningOp<linalg::TransposeOp>();
    return T && Travelling.contains(T);
  }
  linalg::TransposeOp travelling(Value V) const {
    auto T = V.getDefiningOp<linalg::TransposeOp>();
    return T && Travelling.contains(T) ? T : nullptr;
  }

  Value transpose(Location Loc, Value V, ArrayRef<int64_t> P);
  /// Gives the uses of \p Old the value \p New, which holds it in the order P:
  /// dimension i of New is dimension P[i] of Old.
  void replaceReordered(Value Old, Value New, ArrayRef<int64_t> P);

  void visitGeneric(linalg::GenericOp Op);
  void orderFilter(linalg::GenericOp Op,
                   const linalg::ConvolutionDimensions &Dims);
  void orderInput(linalg::GenericOp Op,
                  const linalg::ConvolutionDimensions &Dims);
  void orderRightHandSide(linalg::GenericOp Op);
  void readMoved(linalg::GenericOp Op);
  void reorderOperand(linalg::GenericOp Op, OpOperand &Operand,
                      ArrayRef<int64_t> DimOrder);
  linalg::GenericOp orderResult(linalg::GenericOp Op,
                                ArrayRef<int64_t> DimOrder);
  void visitPad(tensor::PadOp Op);
  void visitConcat(tensor::ConcatOp Op);
  void visitSlice(tensor::ExtractSliceOp Op);
  void visitExpand(tensor::ExpandShapeOp Op);
  void visitCollapse(tensor::CollapseShapeOp Op);
  void visitDim(tensor::DimOp Op);

  func::FuncOp Main;
  IRRewriter B;
  llvm::SmallPtrSet<Operation *, 32> Travelling;
};

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

//===----------------------------------------------------------------------===//
// Structured ops
//===----------------------------------------------------------------------===//

/// The map by which an operand is read in the order \p P of its dimensions:
/// result i of the new map is result P[i] of \p Map.
AffineMap reorder(AffineMap Map, ArrayRef<int64_t> P) {
  SmallVector<AffineExpr> Results(Map.getResults());
  return AffineMap::get(Map.getNumDims(), Map.getNumSymbols(),
                        applyPermutation(Results, P), Map.getContext());
}

void setMap(linalg::GenericOp Op, OpOperand &Operand, AffineMap Map) {
  SmallVector<AffineMap> Maps = Op.getIndexingMapsArray();
  Maps[Operand.getOperandNumber()] = Map;
  Op.setIndexingMapsAttr(Builder(Op.getContext()).getAffineMapArrayAttr(Maps));
}

/// Loop dimensions in the order in which the results of \p Map use them first.
SmallVector<int64_t> appearance(AffineMap Map) {
  llvm::SetVector<int64_t> Dims;
  for (AffineExpr Result : Map.getResults())
    for (unsigned D = 0; D < Map.getNumDims(); ++D)
      if (Result.isFunctionOfDim(D))
        Dims.insert(D);
  return llvm::to_vector(Dims);
}

/// The permutation that sorts the results of a projected permutation \p Map by
/// the position of their dimension in \p DimOrder; none if one is missing.
std::optional<Perm> orderBy(AffineMap Map, ArrayRef<int64_t> DimOrder) {
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
      B.replaceAllUsesExcept(Old, Back, Back.getDefiningOp());
      // The sizes of Back itself read the result as it is.
      // (A use may be in a body: the op that holds it counts.)
      Operation *BackOp = Back.getDefiningOp();
      for (OpOperand &Use : llvm::make_early_inc_range(Back.getUses()))
        if (Operation *User =
                BackOp->getBlock()->findAncestorOpInBlock(*Use.getOwner());
            User && User->isBeforeInBlock(BackOp))
          Use.set(Old);
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

//===----------------------------------------------------------------------===//
// Data movement
//===----------------------------------------------------------------------===//

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
/// in order, on both sides.
void LayoutSweep::visitCollapse(tensor::CollapseShapeOp Op) {
  linalg::TransposeOp T = travelling(Op.getSrc());
  if (!T)
    return;
  ArrayRef<int64_t> P = T.getPermutation();
  SmallVector<ReassociationIndices> Old = Op.getReassociationIndices();
  SmallVector<std::pair<int64_t, int64_t>> Groups; // first source dim, group
  for (auto [G, Group] : llvm::enumerate(Old)) {
    for (size_t I = 1; I < Group.size(); ++I)
      if (P[Group[I]] != P[Group[I - 1]] + 1)
        return;
    if (Group.empty())
      return;
    Groups.push_back({P[Group.front()], G});
  }
  llvm::sort(Groups);
  SmallVector<ReassociationIndices> New;
  Perm Order; // dimension i of the new result is Order[i] of the old one
  for (auto &[FirstDim, G] : Groups) {
    ReassociationIndices Group;
    for (int64_t D : Old[G])
      Group.push_back(P[D]);
    New.push_back(Group);
    Order.push_back(G);
  }
  B.setInsertionPoint(Op);
  Value Collapsed = tensor::CollapseShapeOp::create(
      B, Op.getLoc(), permuted(Op.getType(), Order), T.getInput(), New);
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

/// A transposition that moves only dimensions of size 1 is a reshape.
bool becomesReshape(IRRewriter &B, linalg::TransposeOp T) {
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

struct AssignLayoutPass
    : lathe::kernel::impl::KernelAssignLayoutPassBase<AssignLayoutPass> {
  void runOnOperation() override {
    for (auto Main : getOperation().getOps<func::FuncOp>())
      if (!Main.isExternal())
        LayoutSweep(Main).run();
  }
};

} // namespace

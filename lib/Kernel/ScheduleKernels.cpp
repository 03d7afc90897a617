//===- ScheduleKernels.cpp - kernel-schedule ------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Asks the choose functions and records what they answer: the schedule on the
// kernel and the packing on the weights it reads. A packed operand is still an
// ordinary one: its indexing map says where element (k, n) lies,
// [n floordiv NR, k.., n mod NR], and its type has the padding.
//
// A kernel is packed only if all its calls pass constants in that place, and
// those are used nowhere else unpacked (they are copied otherwise: the blob
// holds what runs).
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/PackedProduct.h"
#include "lathe/Kernel/Passes.h"
#include "lathe/Kernel/Schedule.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELSCHEDULEPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe;
using namespace lathe::kernel;

namespace {

/// The weights operand of a contraction and how its loops are used.
struct Contraction {
  linalg::GenericOp Op;
  OpOperand *Weights;
  OpOperand *Rows;
  unsigned Column;
  ContractionFacts Facts;
  /// Each column has rows of its own; the loop of the sum whose terms are
  /// grouped. -1: columns share their rows.
  int Window = -1;
};

/// One product of two f32 inputs is added to the result.
bool isMultiplyAdd(linalg::GenericOp Op) {
  if (Op.getNumDpsInputs() != 2 || Op.getNumDpsInits() != 1)
    return false;
  Block &Body = Op.getRegion().front();
  auto Yield = Body.getTerminator();
  auto Add = Yield->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!Add || !Add.getType().isF32())
    return false;
  Value Acc = Body.getArgument(2);
  Value P = Add.getLhs() == Acc   ? Add.getRhs()
            : Add.getRhs() == Acc ? Add.getLhs()
                                  : Value();
  auto Mul = P ? P.getDefiningOp<arith::MulFOp>() : arith::MulFOp();
  if (!Mul)
    return false;
  // Weights may be bytes that are made floats on the way.
  auto Is = [&](Value X, unsigned I) {
    if (auto Real = X.getDefiningOp<arith::SIToFPOp>())
      X = Real.getIn();
    return X == Body.getArgument(I);
  };
  return (Is(Mul.getLhs(), 0) && Is(Mul.getRhs(), 1)) ||
         (Is(Mul.getLhs(), 1) && Is(Mul.getRhs(), 0));
}

/// No window slides: every loop of more than one iteration stands alone.
bool isPlain(AffineMap Map, ArrayRef<int64_t> Extents) {
  SmallVector<AffineExpr> Loops;
  for (auto [I, E] : llvm::enumerate(Extents))
    Loops.push_back(E == 1 ? getAffineConstantExpr(0, Map.getContext())
                           : getAffineDimExpr(I, Map.getContext()));
  return llvm::all_of(Map.getResults(), [&](AffineExpr E) {
    E = simplifyAffineExpr(E.replaceDims(Loops), Extents.size(), 0);
    return isa<AffineDimExpr, AffineConstantExpr>(E);
  });
}

/// The innermost loop of the sum that is one and walks the rows by itself (the
/// extent of a loop must be the size of some dimension), or -1.
int dotLoop(const Contraction &C) {
  linalg::GenericOp Op = C.Op;
  SmallVector<int64_t> Extents = Op.getStaticLoopRanges();
  AffineMap Rows = Op.getMatchingIndexingMap(C.Rows),
            Columns = Op.getMatchingIndexingMap(C.Weights);
  int Found = -1;
  for (unsigned L : reductionOrder(Op))
    if (Columns.isFunctionOfDim(L) &&
        Rows.getResultPosition(getAffineDimExpr(L, Op.getContext())) &&
        (Found < 0 || Extents[L] != 1))
      Found = L;
  return Found;
}

/// The one op of the kernel that sums, if there is just one.
static linalg::GenericOp onlyReduction(FuncOp Kernel) {
  linalg::GenericOp Root;
  for (auto Op : Kernel.getBody().front().getOps<linalg::GenericOp>()) {
    if (Op.getNumReductionLoops() == 0)
      continue;
    if (Root)
      return nullptr;
    Root = Op;
  }
  return Root;
}

std::optional<Contraction>
matchContraction(FuncOp Kernel, llvm::function_ref<bool(unsigned)> IsWeight,
                 int64_t Lanes) {
  linalg::GenericOp Root = onlyReduction(Kernel);
  if (!Root)
    return std::nullopt;
  bool Bytes = matchByteSum(Root, 0) != ByteRows::None ||
               matchByteSum(Root, 1) != ByteRows::None;
  std::optional<PackedProduct> Packed = matchPackedProduct(Root);
  if (!Bytes && !Packed && !isMultiplyAdd(Root))
    return std::nullopt;
  SmallVector<int64_t> Extents = Root.getStaticLoopRanges();
  auto Kinds = Root.getIteratorTypesArray();
  AffineMap Out = Root.getMatchingIndexingMap(Root.getDpsInitOperand(0));

  for (unsigned I : {1u, 0u}) {
    if (Packed && I == 0)
      break;
    OpOperand *W = Root.getDpsInputOperand(Packed ? Packed->Bytes : I);
    OpOperand *X = Root.getDpsInputOperand(Packed ? Packed->X : 1 - I);
    auto Arg = dyn_cast<BlockArgument>(W->get());
    AffineMap WMap = Root.getMatchingIndexingMap(W);
    AffineMap XMap = Root.getMatchingIndexingMap(X);
    ByteRows Rows8 = matchByteSum(Root, 1 - I);
    if (Bytes && Rows8 == ByteRows::None)
      continue;
    if (!Arg || !WMap.isProjectedPermutation() ||
        !Out.isProjectedPermutation() ||
        !cast<RankedTensorType>(Arg.getType()).hasStaticShape() ||
        !IsWeight(Arg.getArgNumber()))
      continue;
    // Of several loops that only the weights and the result have, the innermost
    // of the result is on the lanes; the others are as those of a batch.
    int Column = -1;
    for (AffineExpr E : Out.getResults()) {
      unsigned D = cast<AffineDimExpr>(E).getPosition();
      if (WMap.isFunctionOfDim(D) && !XMap.isFunctionOfDim(D) &&
          Extents[D] != 1)
        Column = D;
    }
    bool Usable = true, Plain = isPlain(XMap, Extents);
    int64_t Depth = 1, Rows = 1, RowsInnermost = 1;
    for (unsigned D = 0; D < Root.getNumLoops(); ++D) {
      bool InW = WMap.isFunctionOfDim(D), InX = XMap.isFunctionOfDim(D);
      int64_t E = Extents[D];
      if (Kinds[D] == utils::IteratorType::reduction) {
        Usable &= InW || (Packed && int(D) == Packed->Part);
        Depth *= ShapedType::isDynamic(E) ? 64 : E;
      } else if (InW && !InX && E != 1) {
        Usable &= !ShapedType::isDynamic(E);
      } else if (!InW && E != 1) {
        RowsInnermost = E;
        Rows = ShapedType::isDynamic(E) || ShapedType::isDynamic(Rows)
                   ? ShapedType::kDynamic
                   : Rows * E;
      }
    }
    if (!Usable || Column < 0)
      continue;
    // Scales and zero points are packed beside the weights.
    auto Beside = [&](int Operand) {
      if (Operand < 0)
        return true;
      OpOperand *O = Root.getDpsInputOperand(Operand);
      auto A = dyn_cast<BlockArgument>(O->get());
      AffineMap Map = Root.getMatchingIndexingMap(O);
      return A && IsWeight(A.getArgNumber()) && Map.isProjectedPermutation() &&
             Map.isFunctionOfDim(Column);
    };
    if (Packed && (!Beside(Packed->Scale) || !Beside(Packed->Zero) ||
                   cast<RankedTensorType>(Arg.getType()).getShape().back() % 4))
      continue;
    // Planar results: lanes over the columns store one by one, which a long sum
    // outweighs. Without a window the rows lie as well on the lanes, if they
    // fill them.
    auto Last = dyn_cast<AffineDimExpr>(Out.getResults().back());
    bool ColumnsInnermost = Last && Last.getPosition() == unsigned(Column);
    int64_t Wide = llvm::alignTo(std::max<int64_t>(Rows, 1), Lanes);
    if (!Bytes && !ColumnsInnermost && Plain && Depth < 512 &&
        (ShapedType::isDynamic(Rows) || Rows * 20 >= Wide * 17))
      continue;
    // Rows of a result with a halo do not follow each other.
    bool OneRun =
        Plain &&
        Kernel.getBody().front().getOps<tensor::InsertSliceOp>().empty();
    Contraction C{Root,
                  W,
                  X,
                  unsigned(Column),
                  {OneRun ? Rows : RowsInnermost, Extents[Column], Depth, 32,
                   Rows8, Packed ? Packed->Bits : 0}};
    if (int Loop = dotLoop(C); Loop >= 0)
      C.Facts.Group = Extents[Loop];
    return C;
  }
  return std::nullopt;
}

/// A product of bytes whose right-hand side is computed: in words of four terms
/// of a column, or byte by byte along the columns.
std::optional<Contraction> matchComputed(FuncOp Kernel) {
  linalg::GenericOp Root = onlyReduction(Kernel);
  if (!Root || Root.getNumDpsInputs() != 2)
    return std::nullopt;
  unsigned Term = 0;
  bool Signed = false, Words = isWordDot(Root, &Term, &Signed);
  SmallVector<int64_t> Extents = Root.getStaticLoopRanges();
  auto Kinds = Root.getIteratorTypesArray();
  AffineMap Out = Root.getMatchingIndexingMap(Root.getDpsInitOperand(0));
  auto LastLoop = [](AffineMap Map) {
    if (Map.getNumResults() == 0)
      return -1;
    auto D = dyn_cast<AffineDimExpr>(Map.getResults().back());
    return D ? int(D.getPosition()) : -1;
  };
  for (unsigned I : {1u, 0u}) {
    if (Words && I == 0)
      break;
    OpOperand *W = Root.getDpsInputOperand(I),
              *X = Root.getDpsInputOperand(1 - I);
    ByteRows Rows8 = Words ? Signed ? ByteRows::Signed : ByteRows::Unsigned
                           : matchByteSum(Root, 1 - I, /*AnyColumns=*/true);
    AffineMap XMap = Root.getMatchingIndexingMap(X),
              WMap = Root.getMatchingIndexingMap(W);
    int Column = LastLoop(WMap), Along = LastLoop(XMap);
    // Lanes lie along the columns in the operand and in the result; rows are
    // walked along the sum.
    if (Rows8 == ByteRows::None || !isa<BlockArgument>(W->get()) ||
        !isa<BlockArgument>(X->get()) || !WMap.isProjectedPermutation() ||
        !Out.isProjectedPermutation() || Column < 0 || Along < 0 ||
        Kinds[Column] != utils::IteratorType::parallel ||
        Kinds[Along] != utils::IteratorType::reduction ||
        XMap.isFunctionOfDim(Column) || Extents[Column] == 1)
      continue;
    if (Words ? unsigned(Along) != Term || !XMap.isProjectedPermutation()
              : LastLoop(Out) != Column)
      continue;
    int64_t Depth = 1, Rows = 1;
    bool Usable = true;
    for (unsigned D = 0; D < Root.getNumLoops(); ++D) {
      bool InW = WMap.isFunctionOfDim(D);
      if (Kinds[D] == utils::IteratorType::reduction) {
        Depth *= ShapedType::isDynamic(Extents[D]) ? 64 : Extents[D];
        // Pieces of a row have a size.
        Usable &= Words || (!ShapedType::isDynamic(Extents[D]) &&
                            (InW || Extents[D] == 1));
      } else if (!InW && Extents[D] != 1) {
        Rows = Extents[D];
      }
    }
    if (!Usable)
      continue;
    // The tile is chosen for many columns where only the run knows how many.
    int64_t Columns =
        ShapedType::isDynamic(Extents[Column]) ? 256 : Extents[Column];
    return Contraction{Root,
                       W,
                       X,
                       unsigned(Column),
                       {Rows, Columns, Depth, 32, Rows8, /*PackedBits=*/0,
                        /*Group=*/Depth, /*Terms=*/Words ? 4 : 1}};
  }
  return std::nullopt;
}

/// A window of bytes in which each channel, innermost everywhere, meets weights
/// of its own.
std::optional<Contraction>
matchDepthwise(FuncOp Kernel, llvm::function_ref<bool(unsigned)> IsWeight) {
  linalg::GenericOp Root = onlyReduction(Kernel);
  if (!Root || Root.getNumDpsInputs() != 2)
    return std::nullopt;
  SmallVector<int64_t> Extents = Root.getStaticLoopRanges();
  auto Kinds = Root.getIteratorTypesArray();
  AffineMap Out = Root.getMatchingIndexingMap(Root.getDpsInitOperand(0));
  int Column = innermostLoop(Root, Out);
  for (unsigned I : {1u, 0u}) {
    OpOperand *W = Root.getDpsInputOperand(I),
              *X = Root.getDpsInputOperand(1 - I);
    auto Arg = dyn_cast<BlockArgument>(W->get());
    AffineMap WMap = Root.getMatchingIndexingMap(W),
              XMap = Root.getMatchingIndexingMap(X);
    ByteRows Bytes = matchByteSum(Root, 1 - I);
    if (Bytes == ByteRows::None || !Arg || !WMap.isProjectedPermutation() ||
        !Out.isProjectedPermutation() || Column < 0 ||
        !WMap.isFunctionOfDim(Column) || innermostLoop(Root, XMap) != Column ||
        !cast<RankedTensorType>(Arg.getType()).hasStaticShape() ||
        !IsWeight(Arg.getArgNumber()))
      continue;
    bool Usable = true;
    int Row = -1;
    int64_t Depth = 1;
    for (AffineExpr E : Out.getResults()) {
      unsigned D = cast<AffineDimExpr>(E).getPosition();
      if (int(D) == Column || Extents[D] == 1)
        continue;
      Usable &= !WMap.isFunctionOfDim(D) && XMap.isFunctionOfDim(D);
      Row = D;
    }
    for (unsigned D = 0; D < Root.getNumLoops(); ++D)
      if (Kinds[D] == utils::IteratorType::reduction) {
        Usable &= WMap.isFunctionOfDim(D) && XMap.isFunctionOfDim(D) &&
                  !ShapedType::isDynamic(Extents[D]);
        Depth *= Extents[D];
      }
    if (!Usable)
      continue;
    // Terms lie together along a loop that does not slide along a line of
    // points: these share their words then.
    int Window = -1;
    bool Slides = true;
    for (unsigned D : reductionLoops(Root)) {
      bool Here = llvm::any_of(XMap.getResults(), [&](AffineExpr E) {
        return E.isFunctionOfDim(D) && Row >= 0 && E.isFunctionOfDim(Row);
      });
      if (Extents[D] > 1 && (Window < 0 || (Slides && !Here))) {
        Window = D;
        Slides = Here;
      }
    }
    if (Window < 0)
      continue;
    return Contraction{Root,
                       W,
                       X,
                       unsigned(Column),
                       {Row < 0 ? 1 : Extents[Row], Extents[Column], Depth, 32,
                        Bytes, /*PackedBits=*/0, Extents[Window]},
                       Window};
  }
  return std::nullopt;
}

struct SchedulePass
    : lathe::kernel::impl::KernelSchedulePassBase<SchedulePass> {
  using KernelSchedulePassBase::KernelSchedulePassBase;
  SchedulePass(const TargetDescription &T) : Explicit(T) {}

  void runOnOperation() override {
    TargetDescription Target =
        Explicit ? *Explicit : describeTarget(triple, cpu, features);
    llvm::DenseMap<StringAttr, SmallVector<CallOp>> Calls;
    getOperation().walk([&](CallOp Call) {
      Calls[Call.getCalleeAttr().getAttr()].push_back(Call);
    });
    for (FuncOp Kernel : getOperation().getOps<FuncOp>())
      if (!Kernel.isEmitted() && !Kernel.getScheduleAttr())
        schedule(Kernel, Calls.lookup(Kernel.getSymNameAttr()), Target);
  }

private:
  std::optional<TargetDescription> Explicit;

  void schedule(FuncOp Kernel, ArrayRef<CallOp> Calls,
                const TargetDescription &Target) {
    auto IsWeight = [&](unsigned Arg) {
      return !Calls.empty() && llvm::all_of(Calls, [&](CallOp Call) {
        auto W = Call->getOperand(Arg).getDefiningOp<WeightOp>();
        return W &&
               (!W.getPackingAttr() || W.getPackingAttr().getBlocks().empty());
      });
    };
    std::optional<Contraction> C =
        matchContraction(Kernel, IsWeight, Target.lanes(32));
    if (!C)
      C = matchComputed(Kernel);
    if (!C)
      C = matchDepthwise(Kernel, IsWeight);
    if (!C)
      return;
    std::optional<ContractionSchedule> S =
        C->Window >= 0 ? chooseDepthwise(C->Facts, Target)
                       : chooseContraction(C->Facts, Target);
    if (!S)
      return;
    Kernel.setScheduleAttr(ContractionScheduleAttr::get(
        &getContext(), S->MR, S->NV, S->Lanes, /*kc=*/0, S->Dot, S->Bits));
    if (C->Facts.Terms)
      return;
    if (C->Window >= 0)
      keepExtent(*C);
    pack(*C, C->Weights, S->NV * S->Lanes, S->group(), Calls);
    if (!S->Bits)
      return;
    PackedProduct P = *matchPackedProduct(C->Op);
    for (int Operand : {int(P.Scale), P.Zero})
      if (Operand >= 0)
        pack(*C, C->Op.getDpsInputOperand(Operand), S->NV * S->Lanes, 1, Calls);
  }

  /// The extent of the window's loop is the size of no dimension once its terms
  /// lie in groups: an operand of which nothing is read gives it.
  void keepExtent(Contraction &C) {
    linalg::GenericOp Op = C.Op;
    OpBuilder B(Op);
    Location Loc = Op.getLoc();
    Value Shape = tensor::EmptyOp::create(
        B, Loc, {Op.getStaticLoopRanges()[C.Window]}, B.getI8Type());
    SmallVector<Value> Ins = Op.getInputs();
    SmallVector<AffineMap> Maps = Op.getIndexingMapsArray();
    Maps.insert(
        Maps.begin() + Ins.size(),
        AffineMap::get(Op.getNumLoops(), 0, B.getAffineDimExpr(C.Window)));
    Op.getBody()->insertArgument(Ins.size(), B.getI8Type(), Loc);
    Ins.push_back(Shape);
    auto New = linalg::GenericOp::create(B, Loc, Op.getResultTypes(), Ins,
                                         Op.getOutputs(), Maps,
                                         Op.getIteratorTypesArray());
    New.getRegion().takeBody(Op.getRegion());
    C.Weights = New.getDpsInputOperand(C.Weights->getOperandNumber());
    C.Rows = New.getDpsInputOperand(C.Rows->getOperandNumber());
    Op.getResults().replaceAllUsesWith(New.getResults());
    Op.erase();
    C.Op = New;
  }

  /// [batch.., columns / NR, reduction in loop order.., NR], or with \p Dot > 1
  /// terms in a group [batch.., columns / NR, reduction.. / Dot, NR, Dot].
  void pack(Contraction &C, OpOperand *Operand, int64_t NR, int64_t Dot,
            ArrayRef<CallOp> Calls) {
    linalg::GenericOp Op = C.Op;
    MLIRContext *Ctx = &getContext();
    AffineMap Map = Op.getMatchingIndexingMap(Operand);
    auto Arg = cast<BlockArgument>(Operand->get());
    unsigned Number = Arg.getArgNumber();

    SmallVector<unsigned> Loops;
    auto Kinds = Op.getIteratorTypesArray();
    for (unsigned D = 0; D < Op.getNumLoops(); ++D)
      if (D != C.Column && Kinds[D] == utils::IteratorType::parallel)
        Loops.push_back(D);
    Loops.push_back(C.Column);
    SmallVector<unsigned> Sum = reductionOrder(Op);
    llvm::append_range(Loops, Sum);
    int DotLoop = Dot <= 1 ? -1 : C.Window >= 0 ? C.Window : dotLoop(C);
    SmallVector<int64_t> Outer;
    SmallVector<AffineExpr> At;
    int64_t ColumnDim = 0, DotDim = -1;
    for (unsigned L : Loops) {
      AffineExpr D = getAffineDimExpr(L, Ctx);
      auto P = Map.getResultPosition(D);
      if (!P)
        continue;
      Outer.push_back(*P);
      if (L == C.Column)
        ColumnDim = *P;
      if (int(L) == DotLoop)
        DotDim = *P;
      At.push_back(L == C.Column       ? D.floorDiv(NR)
                   : int(L) == DotLoop ? D.floorDiv(Dot)
                                       : D);
    }
    SmallVector<int64_t> Blocks = {ColumnDim}, Tiles = {NR};
    At.push_back(getAffineDimExpr(C.Column, Ctx) % NR);
    if (Dot > 1) {
      Blocks.push_back(DotDim);
      Tiles.push_back(Dot);
      At.push_back(getAffineDimExpr(DotLoop, Ctx) % Dot);
    }
    auto Packing = PackingAttr::get(Ctx, Outer, Blocks, Tiles);

    auto Source = cast<RankedTensorType>(Arg.getType());
    auto Type = RankedTensorType::get(Packing.packedShape(Source.getShape()),
                                      Source.getElementType());
    // The kernel.
    Arg.setType(Type);
    SmallVector<AffineMap> Maps = Op.getIndexingMapsArray();
    Maps[Operand->getOperandNumber()] =
        AffineMap::get(Op.getNumLoops(), 0, At, Ctx);
    OpBuilder B(Op);
    Op.setIndexingMapsAttr(B.getAffineMapArrayAttr(Maps));
    auto Kernel = cast<FuncOp>(Op->getParentOp());
    SmallVector<mlir::Type> Args(Kernel.getArgumentTypes());
    Args[Number] = Type;
    Kernel.setFunctionType(
        B.getFunctionType(Args, Kernel.getFunctionType().getResults()));
    // The weights.
    for (CallOp Call : Calls) {
      auto Plain = Call->getOperand(Number).getDefiningOp<WeightOp>();
      // A layout may have transposed it already.
      PackingAttr Whole = Packing;
      if (PackingAttr First = Plain.getPackingAttr())
        Whole = Packing.after(First);
      WeightOp Packed;
      for (Operation *User : Plain->getBlock()->getOps<WeightOp>())
        if (auto W = cast<WeightOp>(User);
            W.getValue() == Plain.getValue() && W.getPackingAttr() == Whole)
          Packed = W;
      if (!Packed) {
        OpBuilder WB(Plain);
        Packed = WeightOp::create(WB, Plain.getLoc(), Type, Plain.getValue(),
                                  Whole, IntegerAttr());
      }
      Call->setOperand(Number, Packed);
      if (Plain->use_empty())
        Plain->erase();
    }
  }
};

} // namespace

std::unique_ptr<Pass>
kernel::createKernelSchedulePass(const TargetDescription &Target) {
  return std::make_unique<SchedulePass>(Target);
}

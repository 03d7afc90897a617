//===- GPUPlan.cpp - How a nest lies on blocks and threads ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GPUPlan.h"
#include "lathe/Kernel/PackedProduct.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

using TypeFn = llvm::function_ref<MemRefType(Value)>;

int64_t lathe::codegen::extentOf(const NestGraph &G, ArrayRef<unsigned> Dims) {
  int64_t Product = 1;
  for (unsigned D : Dims) {
    if (ShapedType::isDynamic(G.Dims[D].Extent))
      return ShapedType::kDynamic;
    Product *= G.Dims[D].Extent;
  }
  return Product;
}

bool lathe::codegen::movesInVectors(ArrayRef<AffineExpr> At, MemRefType Type,
                                    unsigned D, unsigned Width) {
  if (llvm::any_of(At, [](AffineExpr X) { return !X; }))
    return false;
  // Rows must begin at multiples of the width: their strides are.
  SmallVector<int64_t> Strides;
  int64_t Offset;
  if (failed(Type.getStridesAndOffset(Strides, Offset)) ||
      ShapedType::isDynamic(Offset) || Offset % Width != 0)
    return false;
  Step S = stepAlong(At, Type, D, Width);
  if (S == Step::None)
    return true;
  if (S != Step::Unit || Type.getElementTypeBitWidth() < 8)
    return false;
  for (auto [X, Stride] : llvm::zip_equal(At, Strides)) {
    if (auto Dim = dyn_cast<AffineDimExpr>(X); Dim && Dim.getPosition() == D)
      continue;
    if (X.isFunctionOfDim(D))
      return false; // begins anywhere
    auto Constant = dyn_cast<AffineConstantExpr>(X);
    if (Constant && Constant.getValue() == 0)
      continue;
    if (ShapedType::isDynamic(Stride) || Stride % Width != 0)
      return false;
  }
  return true;
}

NestPlan lathe::codegen::planThread(const NestGraph &G) {
  NestPlan P;
  P.ReductionDim.assign(G.Reductions.size(), -1);
  P.Tile.assign(G.Dims.size(), 1);
  for (unsigned D = 0; D < G.NumParallel; ++D)
    if (G.Dims[D].Extent != 1)
      P.Order.push_back(D);
  for (const NestGraph::Reduction &R : G.Reductions) {
    P.ReductionOrder.emplace_back();
    for (unsigned D : R.Own)
      if (G.Dims[D].Extent != 1)
        P.ReductionOrder.back().push_back(D);
  }
  return P;
}

namespace {
class Planner {
public:
  Planner(const NestGraph &G, TypeFn TypeOf, const TargetDescription &Target)
      : G(G), TypeOf(TypeOf), Target(Target) {}

  GPUPlan plan(bool Ordered) {
    if (!Ordered && (planTiles() || planRows()))
      return P;
    planVectors();
    return P;
  }

private:
  bool planTiles();
  bool planRows();
  void planVectors();

  bool isDynamic(unsigned D) const {
    return ShapedType::isDynamic(G.Dims[D].Extent);
  }
  /// The loops among \p Dims that run more than once.
  SmallVector<unsigned> loops(const llvm::SmallBitVector &Dims) const {
    SmallVector<unsigned> R;
    for (unsigned D : Dims.set_bits())
      if (G.Dims[D].Extent != 1)
        R.push_back(D);
    return R;
  }
  SmallVector<unsigned> loops(ArrayRef<unsigned> Dims) const {
    SmallVector<unsigned> R;
    for (unsigned D : Dims)
      if (G.Dims[D].Extent != 1)
        R.push_back(D);
    return R;
  }
  /// Some access within \p Reduction (-1: outside of all) that moves along any
  /// of \p Dims moves by one element along \p D.
  bool isContiguous(int Reduction, unsigned D) const {
    return llvm::any_of(G.Accesses, [&](const NestGraph::Access &A) {
      return A.Reduction == Reduction &&
             llvm::none_of(A.At, [](AffineExpr E) { return !E; }) &&
             stepAlong(A.At, TypeOf(A.Tensor), D, 1) == Step::Unit;
    });
  }
  /// The dimensions that an element of \p T at \p At depends on, views and
  /// elementwise producers looked through; fails on anything else.
  LogicalResult depends(Value T, const Coords &At, llvm::SmallBitVector &Bits,
                        bool &UnitAlong, unsigned Dim) const;

  const NestGraph &G;
  TypeFn TypeOf;
  const TargetDescription &Target;
  GPUPlan P;
};
} // namespace

LogicalResult Planner::depends(Value T, const Coords &At,
                               llvm::SmallBitVector &Bits, bool &UnitAlong,
                               unsigned Dim) const {
  if (!isa<ShapedType>(T.getType()))
    return success();
  if (isa<BlockArgument>(T)) {
    for (AffineExpr E : At)
      Bits |= G.dimsOf(E);
    UnitAlong |= stepAlong(At, TypeOf(T), Dim, 1) == Step::Unit;
    return success();
  }
  Operation *Op = T.getDefiningOp();
  if (auto Generic = dyn_cast<linalg::GenericOp>(Op)) {
    if (Generic.getNumReductionLoops() != 0 || Generic.hasIndexSemantics())
      return failure();
    // Gathers move in ways that no dimension tells.
    for (Operation &X : Generic.getBody()->without_terminator())
      if (isa<tensor::ExtractOp>(X) || X.getNumRegions() != 0)
        return failure();
    Coords Loops =
        *loopsOfElement(Generic, cast<OpResult>(T).getResultNumber(), At);
    for (OpOperand &O : Generic->getOpOperands())
      if (Generic.payloadUsesValueFromOperand(&O) &&
          failed(depends(
              O.get(), composeCoords(Generic.getMatchingIndexingMap(&O), Loops),
              Bits, UnitAlong, Dim)))
        return failure();
    return success();
  }
  if (isa<tensor::EmptyOp, arith::ConstantOp>(Op))
    return success();
  auto View = throughView(T, At);
  if (failed(View))
    return failure();
  return depends(View->first, View->second, Bits, UnitAlong, Dim);
}

/// An argument of the kernel, or a part of one.
static bool isArgument(Value T) {
  while (Operation *View = T.getDefiningOp()) {
    if (!isa<tensor::CastOp, tensor::ExtractSliceOp, tensor::ExpandShapeOp,
             tensor::CollapseShapeOp>(View))
      return false;
    T = View->getOperand(0);
  }
  return true;
}

/// How the bytes of the operands \p A and \p C count whose products \p Op adds
/// in i32; nothing if it does anything else.
static std::optional<std::pair<GPUPlan::Bytes, GPUPlan::Bytes>>
matchDot(linalg::GenericOp Op, unsigned A, unsigned C) {
  Block &Body = Op.getRegion().front();
  auto Sum = Body.getTerminator()->getOperand(0).getDefiningOp<arith::AddIOp>();
  Value Out = Body.getArguments().back();
  if (!Sum || !Sum.getType().isInteger(32) ||
      (Sum.getLhs() != Out && Sum.getRhs() != Out))
    return std::nullopt;
  auto Product = (Sum.getLhs() == Out ? Sum.getRhs() : Sum.getLhs())
                     .getDefiningOp<arith::MulIOp>();
  if (!Product)
    return std::nullopt;
  bool Words = kernel::isWordDot(Op);
  std::optional<GPUPlan::Bytes> Found[2];
  for (Value Factor : Product->getOperands()) {
    Operation *Extension = Factor.getDefiningOp();
    if (!isa_and_nonnull<arith::ExtSIOp, arith::ExtUIOp>(Extension))
      return std::nullopt;
    GPUPlan::Bytes How{isa<arith::ExtSIOp>(Extension), false};
    Value Byte = Extension->getOperand(0);
    if (auto Flip = Byte.getDefiningOp<arith::XOrIOp>()) {
      APInt Mask;
      if (!matchPattern(Flip.getRhs(), m_ConstantInt(&Mask)) ||
          !Mask.isSignMask())
        return std::nullopt;
      How.Flipped = true;
      Byte = Flip.getLhs();
    }
    // The second operand of a word dot holds the words already.
    unsigned Number = 1;
    if (auto Arg = dyn_cast<BlockArgument>(Byte);
        Arg && Arg.getOwner() == &Body && Arg.getType().isInteger(8))
      Number = Arg.getArgNumber();
    else if (!Words)
      return std::nullopt;
    if (Number == A)
      Found[0] = How;
    if (Number == C)
      Found[1] = How;
  }
  if (!Found[0] || !Found[1])
    return std::nullopt;
  return std::pair(*Found[0], *Found[1]);
}

/// A sum of products of two operands, each of which lacks a dimension of the
/// other: what one thread loads, others use too.
bool Planner::planTiles() {
  if (G.Reductions.size() != 1)
    return false;
  const NestGraph::Reduction &R = G.Reductions[0];
  linalg::GenericOp Op = R.Op;
  // Words of bytes number their terms; nothing else may.
  if (G.UsesIndex && !kernel::isWordDot(Op))
    return false;
  if (Op.getNumDpsInits() != 1)
    return false;
  for (Operation &X : Op.getBody()->without_terminator())
    if (isa<tensor::ExtractOp>(X) || X.getNumRegions() != 0)
      return false;
  P.Depth = loops(R.Own);
  if (P.Depth.empty())
    return false;

  llvm::SmallBitVector Own(G.Dims.size()), Parallel(G.Dims.size());
  for (unsigned D : R.Own)
    Own.set(D);
  for (unsigned D = 0; D < G.NumParallel; ++D)
    if (G.Dims[D].Extent != 1)
      Parallel.set(D);
  // All points of the results must be points of the sum.
  llvm::SmallBitVector Missing = Parallel;
  Missing.reset(R.Parallel);
  if (Missing.any())
    return false;

  SmallVector<unsigned> Operands;
  SmallVector<llvm::SmallBitVector> Sides;
  SmallVector<bool> AlongDepth;
  for (OpOperand *O : Op.getDpsInputOperands()) {
    if (!Op.payloadUsesValueFromOperand(O))
      continue;
    llvm::SmallBitVector Bits(G.Dims.size());
    bool Unit = false;
    if (failed(depends(O->get(),
                       composeCoords(Op.getMatchingIndexingMap(O), R.Loops),
                       Bits, Unit, P.Depth.back())))
      return false;
    if (!Bits.anyCommon(Own))
      continue; // the same for all terms
    Operands.push_back(O->getOperandNumber());
    Sides.push_back(Bits & Parallel);
    AlongDepth.push_back(Unit);
  }
  if (Operands.size() != 2)
    return false;
  llvm::SmallBitVector Batch = Sides[0];
  Batch &= Sides[1];
  llvm::SmallBitVector A = Sides[0], C = Sides[1];
  A.reset(Batch);
  C.reset(Batch);
  llvm::SmallBitVector All = Batch;
  All |= A;
  All |= C;
  if (A.none() || C.none() || All != Parallel)
    return false;

  // Columns are what neighbours in the result differ in.
  unsigned Last = G.NumParallel;
  for (unsigned D = 0; D < G.NumParallel; ++D)
    if (Parallel.test(D) &&
        stepAlong(G.Stores[0].At, G.Stores[0].Type, D, 1) == Step::Unit)
      Last = D;
  unsigned RowSide = Last < G.NumParallel && A.test(Last) ? 1 : 0;
  P.Batch = loops(Batch);
  P.Rows = loops(RowSide == 0 ? A : C);
  P.Columns = loops(RowSide == 0 ? C : A);
  int64_t Rows = extentOf(G, P.Rows), Columns = extentOf(G, P.Columns),
          Depth = extentOf(G, P.Depth);
  // Too thin to share anything: a dot product for each point.
  auto Thin = [](int64_t Size, int64_t Least) {
    return !ShapedType::isDynamic(Size) && Size < Least;
  };
  if (Thin(Rows, 4) || Thin(Columns, 4) || Thin(Depth, 8))
    return false;
  P.RowOperand = Operands[RowSide];
  P.ColumnOperand = Operands[1 - RowSide];
  P.RowsAlongDepth = AlongDepth[RowSide];
  P.ColumnsAlongDepth = AlongDepth[1 - RowSide];
  auto Known = [](int64_t Size) {
    return ShapedType::isDynamic(Size) ? -1 : Size;
  };
  int64_t Fast = G.Dims[P.Depth.back()].Extent;
  // Bytes are loaded as they stand, four along the last loop.
  unsigned Term = 0;
  bool Fours =
      !ShapedType::isDynamic(Fast) && Fast % 4 == 0 &&
      isArgument(Op.getDpsInputOperand(P.RowOperand)->get()) &&
      isArgument(Op.getDpsInputOperand(P.ColumnOperand)->get()) &&
      (!kernel::isWordDot(Op, &Term) ||
       R.Loops[Term] == getAffineDimExpr(P.Depth.back(), Op.getContext()));
  if (Fours)
    if (auto Signs = matchDot(Op, P.RowOperand, P.ColumnOperand)) {
      P.Dots = true;
      std::tie(P.RowBytes, P.ColumnBytes) = *Signs;
      if (!ShapedType::isDynamic(Depth))
        Depth /= 4;
    }
  if (G.UsesIndex && !P.Dots)
    return false;
  P.Tile = chooseGPUTile(Known(extentOf(G, P.Batch)), Known(Rows),
                         Known(Columns), Known(Depth), Target.Multiprocessors);
  P.Kind = GPUPlan::Form::Tiles;
  return true;
}

bool Planner::planRows() {
  P.Shared.resize(G.Reductions.size());
  llvm::SmallBitVector Outer(G.Dims.size());
  int64_t Longest = 1;
  for (auto [I, R] : llvm::enumerate(G.Reductions)) {
    SmallVector<unsigned> Own = loops(R.Own);
    bool Reorders =
        matchCombiner(R.Op) && linalg::GenericOp(R.Op).getNumDpsInits() == 1;
    // Those within another reduction are that one's business.
    bool Nested = llvm::any_of(R.Parallel.set_bits(),
                               [&](unsigned D) { return D >= G.NumParallel; });
    if (Own.empty() || !Reorders || Nested)
      continue;
    bool Contiguous = llvm::any_of(
        Own, [&, N = int(I)](unsigned D) { return isContiguous(N, D); });
    int64_t Depth = extentOf(G, Own), Points = extentOf(G, loops(R.Parallel));
    auto Known = [](int64_t Size) {
      return ShapedType::isDynamic(Size) ? -1 : Size;
    };
    if (!sharesReduction(Known(Points), Known(Depth), Contiguous))
      continue;
    P.Shared.set(I);
    Outer |= R.Parallel;
    if (Longest >= 0)
      Longest = ShapedType::isDynamic(Depth) ? -1 : std::max(Longest, Depth);
  }
  if (P.Shared.none())
    return false;
  for (unsigned D = 0; D < G.NumParallel; ++D)
    if (G.Dims[D].Extent != 1)
      (Outer.test(D) ? P.Outer : P.Inner).push_back(D);
  int64_t Rows = extentOf(G, P.Outer);
  P.ThreadsPerRow =
      chooseThreadsPerRow(ShapedType::isDynamic(Rows) ? -1 : Rows, Longest);
  P.Kind = GPUPlan::Form::Rows;
  return true;
}

/// Elements of the innermost dimension in fours, where nothing reduces and
/// everything moves along it by one element or not at all.
void Planner::planVectors() {
  if (!G.Reductions.empty() || !G.Vectorizable || G.UsesIndex)
    return;
  const NestGraph::Store &First = G.Stores[0];
  constexpr int64_t Width = 4;
  for (unsigned D = 0; D < G.NumParallel; ++D) {
    int64_t E = G.Dims[D].Extent;
    if (ShapedType::isDynamic(E) || E % Width != 0 || E == 0 ||
        stepAlong(First.At, First.Type, D, Width) != Step::Unit)
      continue;
    bool Good = llvm::all_of(G.Stores,
                             [&](const NestGraph::Store &S) {
                               return movesInVectors(S.At, S.Type, D, Width);
                             }) &&
                llvm::all_of(G.Accesses, [&](const NestGraph::Access &A) {
                  return movesInVectors(A.At, TypeOf(A.Tensor), D, Width);
                });
    if (!Good)
      return;
    P.VectorDim = D;
    P.Width = Width;
    return;
  }
}

GPUPlan lathe::codegen::planGPU(const NestGraph &G, TypeFn TypeOf,
                                const TargetDescription &Target, bool Ordered) {
  return Planner(G, TypeOf, Target).plan(Ordered);
}

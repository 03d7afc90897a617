//===- NestGraph.cpp - A kernel's body as one loop nest -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NestGraph.h"
#include "Lanes.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

int NestGraph::findReduction(linalg::GenericOp Op, const Coords &Loops) const {
  for (auto [I, R] : llvm::enumerate(Reductions)) {
    if (R.Op != Op)
      continue;
    bool Same = true;
    for (auto [A, B] : llvm::zip_equal(R.Loops, Loops))
      Same &= !B || A == B;
    if (Same)
      return I;
  }
  return -1;
}

llvm::SmallBitVector NestGraph::dimsOf(AffineExpr E) const {
  llvm::SmallBitVector Bits(Dims.size());
  E.walk([&](AffineExpr X) {
    if (auto D = dyn_cast<AffineDimExpr>(X))
      if (D.getPosition() < Bits.size())
        Bits.set(D.getPosition());
  });
  return Bits;
}

FailureOr<Coords> lathe::codegen::loopsOfElement(linalg::GenericOp Op,
                                                 unsigned Number,
                                                 const Coords &At) {
  AffineMap Map =
      Op.getMatchingIndexingMap(Op.getDpsInitOperand(int64_t(Number)));
  Coords Loops(Op.getNumLoops());
  for (auto [E, C] : llvm::zip_equal(Map.getResults(), At)) {
    if (auto D = dyn_cast<AffineDimExpr>(E)) {
      if (Loops[D.getPosition()])
        return failure(); // a diagonal
      Loops[D.getPosition()] = C;
    } else if (!isa<AffineConstantExpr>(E)) {
      return failure();
    }
  }
  SmallVector<int64_t> Ranges = Op.getStaticLoopRanges();
  for (auto [I, Kind] : llvm::enumerate(Op.getIteratorTypesArray())) {
    if (Kind == utils::IteratorType::reduction) {
      if (Loops[I])
        return failure();
    } else if (!Loops[I]) {
      if (Ranges[I] != 1)
        return failure();
      Loops[I] = getAffineConstantExpr(0, Op.getContext());
    }
  }
  return Loops;
}

Coords lathe::codegen::composeCoords(AffineMap Map, const Coords &Loops) {
  // The simplifier works on rows of as many numbers as there are dimensions.
  unsigned NumDims = 0;
  for (AffineExpr E : Loops)
    if (E)
      E.walk([&](AffineExpr Sub) {
        if (auto D = dyn_cast<AffineDimExpr>(Sub))
          NumDims = std::max(NumDims, D.getPosition() + 1);
      });
  Coords R;
  for (AffineExpr E : Map.getResults()) {
    AffineExpr At = E.replaceDims(Loops);
    // The simplifier is slow, and most coordinates are simple already.
    R.push_back(!At || isa<AffineDimExpr, AffineConstantExpr>(At)
                    ? At
                    : simplifyAffineExpr(At, NumDims, 0));
  }
  return R;
}

FailureOr<std::pair<Value, Coords>>
lathe::codegen::throughView(Value T, const Coords &At) {
  Operation *Op = T.getDefiningOp();
  if (!Op)
    return failure();
  if (auto Cast = dyn_cast<tensor::CastOp>(Op))
    return std::make_pair(Value(Cast.getSource()), At);
  if (auto Slice = dyn_cast<tensor::ExtractSliceOp>(Op)) {
    Coords R;
    llvm::SmallBitVector Dropped = Slice.getDroppedDims();
    unsigned Next = 0;
    for (unsigned I = 0, E = Slice.getSourceType().getRank(); I < E; ++I) {
      if (Slice.isDynamicOffset(I) || Slice.isDynamicStride(I))
        return failure();
      AffineExpr C =
          getAffineConstantExpr(Slice.getStaticOffset(I), T.getContext());
      if (!Dropped.test(I))
        C = C + At[Next++] * Slice.getStaticStride(I);
      R.push_back(C);
    }
    return std::make_pair(Value(Slice.getSource()), R);
  }
  if (auto Expand = dyn_cast<tensor::ExpandShapeOp>(Op)) {
    Coords R;
    ArrayRef<int64_t> Shape = Expand.getResultType().getShape();
    for (const ReassociationIndices &Group : Expand.getReassociationIndices()) {
      AffineExpr Sum = getAffineConstantExpr(0, T.getContext());
      for (auto [N, I] : llvm::enumerate(Group)) {
        if (N > 0 && ShapedType::isDynamic(Shape[I]))
          return failure();
        Sum = N == 0 ? At[I] : Sum * Shape[I] + At[I];
      }
      R.push_back(Sum);
    }
    return std::make_pair(Value(Expand.getSrc()), R);
  }
  if (auto Collapse = dyn_cast<tensor::CollapseShapeOp>(Op)) {
    Coords R;
    ArrayRef<int64_t> Shape = Collapse.getSrcType().getShape();
    for (auto [G, Group] :
         llvm::enumerate(Collapse.getReassociationIndices())) {
      SmallVector<AffineExpr> Parts(Group.size());
      AffineExpr Rest = At[G];
      for (int N = Group.size() - 1; N >= 0; --N) {
        if (N == 0) {
          Parts[0] = Rest;
          break;
        }
        int64_t Size = Shape[Group[N]];
        if (ShapedType::isDynamic(Size))
          return failure();
        Parts[N] = Rest % Size;
        Rest = Rest.floorDiv(Size);
      }
      R.append(Parts);
    }
    return std::make_pair(Value(Collapse.getSrc()), R);
  }
  return failure();
}

namespace {
class GraphBuilder {
public:
  GraphBuilder(MLIRContext *Ctx) : Ctx(Ctx) {}
  NestGraph G;

  LogicalResult run(ValueRange Results, llvm::SmallBitVector &Pending);

private:
  MLIRContext *Ctx;
  SmallVector<std::pair<Value, Coords>> Seen;

  AffineExpr addDim(int64_t Extent, Value Tensor, int64_t Position) {
    G.Dims.push_back({Extent, Tensor, Position});
    return getAffineDimExpr(G.Dims.size() - 1, Ctx);
  }
  LogicalResult visit(Value T, const Coords &At, int Current);
  LogicalResult visitGeneric(linalg::GenericOp Op, unsigned Number,
                             const Coords &At, int Current);
  LogicalResult visitBody(linalg::GenericOp Op, const Coords &Loops,
                          int Current);
  void depends(Value T, const Coords &At, llvm::SmallBitVector &Bits,
               SmallVectorImpl<std::pair<Value, Coords>> &Visited);
  void dependsThroughBody(linalg::GenericOp Op, const Coords &Loops,
                          llvm::SmallBitVector &Bits,
                          SmallVectorImpl<std::pair<Value, Coords>> &Visited);
  void addAccess(Value Tensor, const Coords &At, int Current);
  bool scalarOutside(Value V);
};
} // namespace

void GraphBuilder::addAccess(Value Tensor, const Coords &At, int Current) {
  NestGraph::Access A{Tensor, At, {}, Current};
  for (AffineExpr E : At)
    A.Depends.push_back(G.dimsOf(E));
  G.Accesses.push_back(std::move(A));
}

/// A value computed in the kernel outside of any linalg op: the emitter clones
/// what leads to it.
bool GraphBuilder::scalarOutside(Value V) {
  if (isa<ShapedType>(V.getType()))
    return false;
  Operation *Op = V.getDefiningOp();
  if (!Op)
    return true;
  if (auto D = dyn_cast<tensor::DimOp>(Op))
    return D.getConstantIndex().has_value();
  if (auto X = dyn_cast<tensor::ExtractOp>(Op))
    return isa<BlockArgument>(X.getTensor()) &&
           llvm::all_of(X.getIndices(),
                        [&](Value I) { return scalarOutside(I); });
  return Op->getNumRegions() == 0 && isMemoryEffectFree(Op) &&
         llvm::all_of(Op->getOperands(),
                      [&](Value O) { return scalarOutside(O); });
}

LogicalResult GraphBuilder::visit(Value T, const Coords &At, int Current) {
  for (auto &[V, C] : Seen)
    if (V == T && C == At)
      return success();
  Seen.push_back({T, At});
  if (!isa<ShapedType>(T.getType()))
    return success(scalarOutside(T));
  if (isa<BlockArgument>(T)) {
    addAccess(T, At, Current);
    return success();
  }
  Operation *Op = T.getDefiningOp();
  if (auto Generic = dyn_cast<linalg::GenericOp>(Op))
    return visitGeneric(Generic, cast<OpResult>(T).getResultNumber(), At,
                        Current);
  if (isa<tensor::EmptyOp>(Op))
    return success();
  if (auto C = dyn_cast<arith::ConstantOp>(Op))
    return success(isa<SplatElementsAttr>(C.getValue()));
  auto View = throughView(T, At);
  if (failed(View))
    return failure();
  return visit(View->first, View->second, Current);
}

LogicalResult GraphBuilder::visitGeneric(linalg::GenericOp Op, unsigned Number,
                                         const Coords &At, int Current) {
  FailureOr<Coords> Loops = loopsOfElement(Op, Number, At);
  if (failed(Loops))
    return failure();
  if (Op.getNumReductionLoops() == 0)
    return visitBody(Op, *Loops, Current);
  if (G.findReduction(Op, *Loops) >= 0)
    return success();

  NestGraph::Reduction R;
  R.Op = Op;
  SmallVector<int64_t> Ranges = Op.getStaticLoopRanges();
  for (auto [I, E] : llvm::enumerate(*Loops)) {
    if (E)
      continue;
    Value From;
    int64_t Position = 0;
    AffineExpr D = getAffineDimExpr(I, Ctx);
    if (ShapedType::isDynamic(Ranges[I])) {
      for (OpOperand &O : Op->getOpOperands())
        for (auto [P, X] :
             llvm::enumerate(Op.getMatchingIndexingMap(&O).getResults()))
          if (!From && X == D) {
            From = O.get();
            Position = P;
          }
      if (!From)
        return failure();
    }
    if (Ranges[I] == 1) {
      // No loop; and d + 0 is plainly d.
      E = getAffineConstantExpr(0, Ctx);
      continue;
    }
    unsigned Loop = I;
    // The same sum at another place runs along the same dimension, so that the
    // two may be computed in one loop.
    auto Same = llvm::find_if(G.Reductions, [&](const NestGraph::Reduction &X) {
      return X.Op == Op && isa<AffineDimExpr>(X.Loops[Loop]);
    });
    if (Same != G.Reductions.end()) {
      E = Same->Loops[I];
      R.Own.push_back(cast<AffineDimExpr>(E).getPosition());
      continue;
    }
    R.Own.push_back(G.Dims.size());
    E = addDim(Ranges[I], From, Position);
  }
  R.Loops = *Loops;
  int Index = G.Reductions.size();
  G.Reductions.push_back(R);
  if (failed(visitBody(Op, R.Loops, Index)))
    return failure();
  G.Order.push_back(Index);
  return success();
}

LogicalResult GraphBuilder::visitBody(linalg::GenericOp Op, const Coords &Loops,
                                      int Current) {
  Block &Body = Op.getRegion().front();
  for (OpOperand &O : Op->getOpOperands()) {
    if (!Op.payloadUsesValueFromOperand(&O))
      continue; // it only gives a shape
    AffineMap Map = Op.getMatchingIndexingMap(&O);
    if (failed(visit(O.get(), composeCoords(Map, Loops), Current)))
      return failure();
  }

  // What indices inside of the body are made of.
  DenseMap<Value, std::pair<AffineExpr, llvm::SmallBitVector>> Index;
  auto Of = [&](Value V) -> std::pair<AffineExpr, llvm::SmallBitVector> {
    auto It = Index.find(V);
    if (It != Index.end())
      return It->second;
    llvm::SmallBitVector None(G.Dims.size());
    IntegerAttr C;
    if (V.getType().isIndex() && matchPattern(V, m_Constant(&C)))
      return {getAffineConstantExpr(C.getInt(), Ctx), None};
    if (auto Arg = dyn_cast<BlockArgument>(V); Arg && Arg.getOwner() == &Body) {
      AffineMap Map =
          Op.getMatchingIndexingMap(&Op->getOpOperand(Arg.getArgNumber()));
      for (AffineExpr E : composeCoords(Map, Loops))
        None |= G.dimsOf(E);
    }
    return {AffineExpr(), None};
  };
  bool Ok = true;
  Body.walk([&](Operation *X) {
    if (X == Body.getTerminator())
      return;
    // (An argument that is read at computed places is an access, below; a table
    // is none.)
    for (Value V : X->getOperands())
      if (V.getParentRegion() != &Op.getRegion() &&
          !Op.getRegion().isAncestor(V.getParentRegion()) &&
          !(isa<tensor::ExtractOp, kernel::LookupOp>(X) &&
            isa<BlockArgument>(V)))
        Ok &= scalarOutside(V);
    ++G.BodyOps;
    if (auto I = dyn_cast<linalg::IndexOp>(X)) {
      AffineExpr E = Loops[I.getDim()];
      G.UsesIndex = true;
      Index[I] = {E, G.dimsOf(E)};
      return;
    }
    if (auto E = dyn_cast<tensor::ExtractOp>(X)) {
      NestGraph::Access A{E.getTensor(), {}, {}, Current};
      for (Value V : E.getIndices()) {
        auto [Expr, Deps] = Of(V);
        A.At.push_back(Expr);
        A.Depends.push_back(Deps);
      }
      if (!isa<BlockArgument>(E.getTensor()))
        Ok = false;
      llvm::SmallBitVector All(G.Dims.size());
      for (auto &D : A.Depends)
        All |= D;
      Index[E] = {AffineExpr(), All};
      G.Accesses.push_back(std::move(A));
      // Within a nested region the index may not be computed for every lane.
      return;
    }
    G.HasMath |= isa_and_nonnull<math::MathDialect>(X->getDialect());
    for (Type T : X->getResultTypes())
      if (isa<FloatType>(T) || T.isInteger(32) || T.isInteger(16))
        G.BodyBits = std::max(G.BodyBits, T.getIntOrFloatBitWidth());
    if (X->getBlock() != &Body || !isVectorizable(X))
      G.Vectorizable = false;
    llvm::SmallBitVector Deps(G.Dims.size());
    AffineExpr Expr;
    SmallVector<AffineExpr> In;
    for (Value V : X->getOperands()) {
      auto [E, D] = Of(V);
      In.push_back(E);
      Deps |= D;
    }
    if (In.size() == 2 && In[0] && In[1]) {
      if (isa<arith::AddIOp>(X))
        Expr = In[0] + In[1];
      else if (isa<arith::SubIOp>(X))
        Expr = In[0] - In[1];
      else if (isa<arith::MulIOp>(X) &&
               (In[0].isSymbolicOrConstant() || In[1].isSymbolicOrConstant()))
        Expr = In[0] * In[1];
    }
    for (Value R : X->getResults())
      Index[R] = {Expr, Deps};
  });
  return success(Ok);
}

/// Adds to \p Bits the dimensions that element \p At of \p T depends on. Not
/// all that index it: a convolution with one weight for all is the same in
/// every channel, and computed once.
void GraphBuilder::depends(Value T, const Coords &At,
                           llvm::SmallBitVector &Bits,
                           SmallVectorImpl<std::pair<Value, Coords>> &Visited) {
  for (auto &[V, C] : Visited)
    if (V == T && C == At)
      return;
  Visited.push_back({T, At});
  if (isa<BlockArgument>(T)) {
    for (AffineExpr E : At)
      Bits |= G.dimsOf(E);
    return;
  }
  Operation *Op = T.getDefiningOp();
  if (auto Generic = dyn_cast<linalg::GenericOp>(Op)) {
    Coords Loops =
        *loopsOfElement(Generic, cast<OpResult>(T).getResultNumber(), At);
    if (Generic.getNumReductionLoops() == 0) {
      dependsThroughBody(Generic, Loops, Bits, Visited);
      return;
    }
    const NestGraph::Reduction &R =
        G.Reductions[G.findReduction(Generic, Loops)];
    dependsThroughBody(Generic, R.Loops, Bits, Visited);
    for (unsigned D : R.Own)
      Bits.reset(D);
    return;
  }
  auto View = throughView(T, At);
  if (succeeded(View))
    depends(View->first, View->second, Bits, Visited);
}

void GraphBuilder::dependsThroughBody(
    linalg::GenericOp Op, const Coords &Loops, llvm::SmallBitVector &Bits,
    SmallVectorImpl<std::pair<Value, Coords>> &Visited) {
  for (OpOperand &O : Op->getOpOperands())
    if (isa<ShapedType>(O.get().getType()) &&
        Op.payloadUsesValueFromOperand(&O))
      depends(O.get(), composeCoords(Op.getMatchingIndexingMap(&O), Loops),
              Bits, Visited);
  if (Op.hasIndexSemantics())
    for (AffineExpr E : Loops)
      Bits |= G.dimsOf(E);
}

LogicalResult GraphBuilder::run(ValueRange Results,
                                llvm::SmallBitVector &Pending) {
  int Last = Pending.find_last();
  assert(Last >= 0 && "nothing left to write");
  Value Anchor = Results[Last];
  auto Ty = cast<RankedTensorType>(Anchor.getType());
  Coords At;
  for (int64_t I = 0; I < Ty.getRank(); ++I)
    At.push_back(addDim(Ty.getDimSize(I), Anchor, I));
  G.NumParallel = Ty.getRank();
  if (failed(visit(Anchor, At, -1)))
    return failure();

  // The dimensions found later make earlier sets too short.
  for (NestGraph::Access &A : G.Accesses)
    for (llvm::SmallBitVector &D : A.Depends)
      D.resize(G.Dims.size());
  for (NestGraph::Reduction &R : G.Reductions) {
    R.Parallel.resize(G.Dims.size());
    SmallVector<std::pair<Value, Coords>> Visited;
    dependsThroughBody(R.Op, R.Loops, R.Parallel, Visited);
    for (unsigned D : R.Own)
      R.Parallel.reset(D);
  }

  // Other results that are computed for every point anyway.
  G.Stores.push_back({unsigned(Last), Anchor, At, {}});
  Pending.reset(Last);
  for (unsigned I : llvm::to_vector(Pending.set_bits())) {
    for (auto &[V, C] : Seen) {
      bool SameOp = V != Results[I] && V.getDefiningOp() &&
                    V.getDefiningOp() == Results[I].getDefiningOp() &&
                    cast<RankedTensorType>(V.getType()).getRank() ==
                        cast<RankedTensorType>(Results[I].getType()).getRank();
      if (V != Results[I] && !SameOp)
        continue;
      Coords Where = C;
      if (SameOp) {
        // A sibling: another result of an op that is computed.
        auto Op = dyn_cast<linalg::GenericOp>(V.getDefiningOp());
        if (!Op)
          continue;
        auto Loops = loopsOfElement(Op, cast<OpResult>(V).getResultNumber(), C);
        AffineMap Map = Op.getMatchingIndexingMap(
            Op.getDpsInitOperand(cast<OpResult>(Results[I]).getResultNumber()));
        bool Ok = succeeded(Loops);
        if (Ok)
          for (AffineExpr E : Map.getResults()) {
            if (auto D = dyn_cast<AffineDimExpr>(E))
              Ok &= bool((*Loops)[D.getPosition()]);
            else
              Ok &= isa<AffineConstantExpr>(E);
          }
        if (!Ok)
          continue;
        for (AffineExpr &E : *Loops)
          if (!E)
            E = getAffineConstantExpr(0, Ctx);
        Where = composeCoords(Map, *Loops);
      }
      // It must run through all elements exactly once.
      llvm::SmallBitVector Missing(G.NumParallel);
      for (unsigned D = 0; D < G.NumParallel; ++D)
        Missing[D] = G.Dims[D].Extent != 1;
      bool Bijective = true;
      ArrayRef<int64_t> Shape =
          cast<RankedTensorType>(Results[I].getType()).getShape();
      for (auto [E, Size] : llvm::zip_equal(Where, Shape)) {
        if (Size == 1)
          continue;
        auto D = dyn_cast<AffineDimExpr>(E);
        if (!D || D.getPosition() >= G.NumParallel ||
            !Missing.test(D.getPosition()) ||
            G.Dims[D.getPosition()].Extent != Size)
          Bijective = false;
        else
          Missing.reset(D.getPosition());
      }
      if (!Bijective || Missing.any())
        continue;
      G.Stores.push_back({I, Results[I], Where, {}});
      Pending.reset(I);
      break;
    }
  }
  return success();
}

FailureOr<NestGraph>
lathe::codegen::buildNestGraph(ValueRange Results,
                               llvm::SmallBitVector &Pending) {
  llvm::SmallBitVector Left = Pending;
  GraphBuilder B(Results[Pending.find_last()].getContext());
  if (failed(B.run(Results, Left)))
    return failure();
  Pending = Left;
  return std::move(B.G);
}

//===- Lanes.cpp - Values of one scalar or several lanes ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lanes.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

Value LaneBuilder::index(int64_t C) {
  return arith::ConstantIndexOp::create(B, Loc, C);
}

Value LaneBuilder::scalar(const Lane &L) {
  assert(!L.IsVector && "a vector has no single scalar");
  if (!L.V)
    return index(L.Offset);
  if (L.Offset == 0)
    return L.V;
  return B.createOrFold<arith::AddIOp>(Loc, L.V, index(L.Offset));
}

Value LaneBuilder::scalarOfLane(const Lane &L, unsigned I, const LaneShape &S) {
  if (L.isUniform())
    return scalar(L);
  Value Number;
  if (S.Mask && S.StaticCount >= 0)
    I = std::min<int64_t>(I, S.StaticCount - 1);
  else if (S.Mask && I > 0)
    Number = arith::MinSIOp::create(
        B, Loc, index(I),
        B.createOrFold<arith::SubIOp>(Loc, S.Count, index(1)));
  // A vector's lanes that are off were computed from clamped numbers already.
  if (L.IsVector)
    return vector::ExtractOp::create(B, Loc, L.V, int64_t(I));
  Lane R = L;
  R.Coef = 0;
  if (!Number) {
    R.Offset += L.Coef * int64_t(I);
    return scalar(R);
  }
  Value Step = B.createOrFold<arith::MulIOp>(Loc, Number, index(L.Coef));
  return B.createOrFold<arith::AddIOp>(Loc, scalar(R), Step);
}

Value LaneBuilder::vector(const Lane &L, Type Element, const LaneShape &S) {
  if (L.IsVector)
    return L.V;
  auto Ty = VectorType::get({int64_t(S.Width)}, Element);
  if (L.Coef == 0)
    return vector::BroadcastOp::create(B, Loc, Ty, scalar(L));
  assert(Element.isIndex() && "only indices are linear");
  SmallVector<Attribute> Steps;
  for (int64_t I = 0; I < S.Width; ++I) {
    int64_t N = I;
    if (S.Mask && S.StaticCount >= 0)
      N = std::min(N, S.StaticCount - 1);
    bool Clamp = S.Mask && S.StaticCount < 0;
    Steps.push_back(B.getIndexAttr(Clamp ? N : N * L.Coef));
  }
  Value Step =
      arith::ConstantOp::create(B, Loc, DenseElementsAttr::get(Ty, Steps));
  if (S.Mask && S.StaticCount < 0) {
    Value Last = B.createOrFold<arith::SubIOp>(Loc, S.Count, index(1));
    Step = arith::MinSIOp::create(
        B, Loc, Step, vector::BroadcastOp::create(B, Loc, Ty, Last));
    if (L.Coef != 1)
      Step = arith::MulIOp::create(
          B, Loc, Step, vector::BroadcastOp::create(B, Loc, Ty, index(L.Coef)));
  }
  Lane Base = L;
  Base.Coef = 0;
  if (Base.isConstantIndex() && Base.Offset == 0)
    return Step;
  return arith::AddIOp::create(
      B, Loc, vector::BroadcastOp::create(B, Loc, Ty, scalar(Base)), Step);
}

void LaneBuilder::setMask(LaneShape &S, unsigned Width, int64_t StaticCount,
                          Value Count) {
  S.Width = Width;
  S.StaticCount = StaticCount;
  S.Count = Count ? Count : index(StaticCount);
  auto Ty = VectorType::get({int64_t(Width)}, B.getI1Type());
  if (StaticCount >= 0)
    S.Mask = vector::ConstantMaskOp::create(B, Loc, Ty,
                                            ArrayRef<int64_t>{StaticCount});
  else
    S.Mask = vector::CreateMaskOp::create(B, Loc, Ty, ValueRange{S.Count});
}

Lane LaneBuilder::add(const Lane &A, const Lane &C, const LaneShape &S) {
  if (A.IsVector || C.IsVector) {
    Type Ix = B.getIndexType();
    return Lane::vector(
        arith::AddIOp::create(B, Loc, vector(A, Ix, S), vector(C, Ix, S)));
  }
  Lane R;
  if (A.V && C.V) {
    R.V = B.createOrFold<arith::AddIOp>(Loc, A.V, C.V);
    R.Align = std::gcd(A.Align, C.Align);
  } else {
    R.V = A.V ? A.V : C.V;
    R.Align = A.V ? A.Align : C.Align;
  }
  R.Offset = A.Offset + C.Offset;
  R.Coef = A.Coef + C.Coef;
  return R;
}

Lane LaneBuilder::mul(const Lane &A, int64_t F, const LaneShape &S) {
  if (F == 0)
    return Lane::index(0);
  if (F == 1)
    return A;
  if (A.IsVector) {
    Value By = vector(Lane::index(F), B.getIndexType(), S);
    return Lane::vector(arith::MulIOp::create(B, Loc, A.V, By));
  }
  Lane R = A;
  if (A.V)
    R.V = B.createOrFold<arith::MulIOp>(Loc, A.V, index(F));
  R.Offset *= F;
  R.Coef *= F;
  R.Align *= std::abs(F);
  return R;
}

Lane LaneBuilder::divOrMod(AffineExprKind Kind, const Lane &A, int64_t By,
                           const LaneShape &S) {
  // The panels of packed operands: all lanes in one block, the base a multiple
  // of it. Then the quotient is uniform and the remainder as linear as A.
  if (!A.IsVector && Kind != AffineExprKind::CeilDiv && A.Align % By == 0) {
    int64_t First = llvm::divideFloorSigned(A.Offset, By);
    int64_t Last =
        llvm::divideFloorSigned(A.Offset + A.Coef * (int64_t(S.Width) - 1), By);
    if (First == Last) {
      if (Kind == AffineExprKind::Mod)
        return {nullptr, false, A.Offset - First * By, A.Coef, 0};
      if (!A.V)
        return Lane::index(First);
      Value Q = B.createOrFold<arith::DivSIOp>(Loc, A.V, index(By));
      return {Q, false, First, 0, std::max<int64_t>(1, A.Align / By)};
    }
  }
  AffineExpr D = getAffineDimExpr(0, B.getContext());
  AffineExpr E =
      getAffineBinaryOpExpr(Kind, D, getAffineConstantExpr(By, B.getContext()));
  auto One = [&](Value X) {
    return affine::expandAffineExpr(B, Loc, E, X, {});
  };
  if (A.isUniform())
    return Lane::uniform(One(scalar(A)));
  SmallVector<Value> Scalars;
  for (unsigned I = 0; I < S.Width; ++I)
    Scalars.push_back(One(scalarOfLane(A, I, S)));
  auto Ty = VectorType::get({int64_t(S.Width)}, B.getIndexType());
  return Lane::vector(vector::FromElementsOp::create(B, Loc, Ty, Scalars));
}

Lane LaneBuilder::affine(AffineExpr E, ArrayRef<Lane> Dims,
                         const LaneShape &S) {
  switch (E.getKind()) {
  case AffineExprKind::Constant:
    return Lane::index(cast<AffineConstantExpr>(E).getValue());
  case AffineExprKind::DimId:
    return Dims[cast<AffineDimExpr>(E).getPosition()];
  case AffineExprKind::SymbolId:
    llvm_unreachable("indexing maps of a kernel have no symbols");
  default:
    break;
  }
  auto Bin = cast<AffineBinaryOpExpr>(E);
  Lane L = affine(Bin.getLHS(), Dims, S);
  if (E.getKind() == AffineExprKind::Add)
    return add(L, affine(Bin.getRHS(), Dims, S), S);
  int64_t C = cast<AffineConstantExpr>(Bin.getRHS()).getValue();
  if (E.getKind() == AffineExprKind::Mul)
    return mul(L, C, S);
  return divOrMod(E.getKind(), L, C, S);
}

arith::MulFOp lathe::codegen::fusedProduct(Operation *Op) {
  auto Add = dyn_cast<arith::AddFOp>(Op);
  if (!Add || !(Add.getType().isF32() || Add.getType().isF64()))
    return {};
  for (Value V : {Add.getLhs(), Add.getRhs()})
    if (auto Mul = V.getDefiningOp<arith::MulFOp>())
      if (Mul->hasOneUse() && Mul->getBlock() == Op->getBlock())
        return Mul;
  return {};
}

bool lathe::codegen::isVectorizable(Operation *Op) {
  if (Op->getNumRegions() != 0)
    return false;
  if (isa<kernel::LookupOp>(Op))
    return true;
  auto Ok = [](Type T) { return VectorType::isValidElementType(T); };
  if (!llvm::all_of(Op->getResultTypes(), Ok) ||
      !llvm::all_of(Op->getOperandTypes(), Ok))
    return false;
  return Op->hasTrait<OpTrait::ConstantLike>() ||
         OpTrait::hasElementwiseMappableTraits(Op);
}

SmallVector<Lane> LaneBuilder::emit(Operation *Op, ArrayRef<Lane> Operands,
                                    const LaneShape &S) {
  // Indices stay linear through sums and products with constants.
  if (Op->getNumResults() == 1 && Op->getResult(0).getType().isIndex()) {
    if (auto C = dyn_cast<arith::ConstantOp>(Op))
      return {Lane::index(cast<IntegerAttr>(C.getValue()).getInt())};
    if (isa<arith::AddIOp>(Op))
      return {add(Operands[0], Operands[1], S)};
    if (isa<arith::SubIOp>(Op))
      return {add(Operands[0], mul(Operands[1], -1, S), S)};
    if (isa<arith::MulIOp>(Op))
      for (int I : {0, 1})
        if (Operands[I].isConstantIndex())
          return {mul(Operands[1 - I], Operands[I].Offset, S)};
  }

  bool AnyVector =
      llvm::any_of(Operands, [](const Lane &L) { return !L.isUniform(); });
  OperationState State(Loc, Op->getName());
  State.addAttributes(Op->getAttrDictionary().getValue());
  if (!AnyVector) {
    for (const Lane &L : Operands)
      State.operands.push_back(scalar(L));
    State.addTypes(Op->getResultTypes());
  } else {
    // A select may keep a scalar condition.
    bool ScalarCondition = isa<arith::SelectOp>(Op) && Operands[0].isUniform();
    for (auto [I, L] : llvm::enumerate(Operands))
      State.operands.push_back(I == 0 && ScalarCondition
                                   ? scalar(L)
                                   : vector(L, Op->getOperand(I).getType(), S));
    // Lanes that are off hold zeros: they must not trap.
    if (S.Mask &&
        isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
            arith::FloorDivSIOp, arith::CeilDivSIOp, arith::CeilDivUIOp>(Op)) {
      auto Ty = cast<VectorType>(State.operands[1].getType());
      Value One = arith::ConstantOp::create(
          B, Loc,
          DenseElementsAttr::get(
              Ty, cast<Attribute>(B.getIntegerAttr(Ty.getElementType(), 1))));
      State.operands[1] =
          arith::SelectOp::create(B, Loc, S.Mask, State.operands[1], One);
    }
    for (Type T : Op->getResultTypes())
      State.addTypes(VectorType::get({int64_t(S.Width)}, T));
  }
  Operation *New = B.create(State);
  SmallVector<Lane> Results;
  for (Value R : New->getResults())
    Results.push_back(AnyVector ? Lane::vector(R) : Lane::uniform(R));
  return Results;
}

//===- Structured.cpp - Builders of structured ops ----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Broadcasting is in the indexing maps. A dimension that may or may not be 1,
// which only the run can tell, is read by tensor.extract at a selected index;
// that form is slow, so sizes are proved equal wherever tracing can.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "RunTimeChecks.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace lathe::lower {

Type accumulatorType(Type Elem) {
  if (auto Float = dyn_cast<FloatType>(Elem))
    return Float.getWidth() < 32 ? Type(Float32Type::get(Elem.getContext()))
                                 : Elem;
  return Elem.getIntOrFloatBitWidth() < 32
             ? Type(IntegerType::get(Elem.getContext(), 32))
             : Elem;
}

//===----------------------------------------------------------------------===//
// Broadcasting
//===----------------------------------------------------------------------===//

namespace {
/// How operands meet in an elementwise op.
struct BroadcastPlan {
  SmallVector<OpFoldResult> Sizes;
  /// For each operand and dimension of the result.
  enum Access { Absent, One, Full, Unsure };
  SmallVector<SmallVector<Access>> Accesses;
};
} // namespace

static BroadcastPlan planBroadcast(Builder &B, ValueRange Ins,
                                   ArrayRef<int64_t> Known) {
  int64_t Rank = Known.size();
  for (Value V : Ins)
    Rank = std::max(Rank, typeOf(V).getRank());
  BroadcastPlan Plan;
  Plan.Accesses.assign(Ins.size(), SmallVector<BroadcastPlan::Access>(
                                       Rank, BroadcastPlan::Absent));
  for (int64_t D = 0; D < Rank; ++D) {
    SmallVector<std::pair<unsigned, OpFoldResult>>
        Sizes; // those that are not 1 for sure
    for (auto [I, V] : llvm::enumerate(Ins)) {
      int64_t At = D - (Rank - typeOf(V).getRank());
      if (At < 0)
        continue;
      OpFoldResult S = dimOf(B, V, At);
      Plan.Accesses[I][D] =
          isConstantIntValue(S, 1) ? BroadcastPlan::One : BroadcastPlan::Full;
      if (!isConstantIntValue(S, 1))
        Sizes.emplace_back(I, S);
    }
    if (Sizes.empty()) {
      Plan.Sizes.push_back(B.getIndexAttr(1));
      // An identity map serves later passes better than a constant.
      for (auto &A : Plan.Accesses)
        if (A[D] == BroadcastPlan::One)
          A[D] = BroadcastPlan::Full;
      continue;
    }
    OpFoldResult Result;
    for (auto &[I, S] : Sizes)
      if (getConstantIntValue(S))
        Result = S;
    bool AllSame = llvm::all_of(Sizes, [&](auto &P) {
      return sameSize(P.second, Sizes.front().second);
    });
    int64_t Hint = D < static_cast<int64_t>(Known.size())
                       ? Known[D]
                       : ShapedType::kDynamic;
    if (!Result && AllSame)
      Result = ShapedType::isDynamic(Hint) ? Sizes.front().second
                                           : OpFoldResult(B.getIndexAttr(Hint));
    if (!Result && !ShapedType::isDynamic(Hint))
      Result = B.getIndexAttr(Hint);
    if (!Result) {
      Value One = arith::ConstantIndexOp::create(B, 1);
      Value Size = sizeValue(B, Sizes.front().second);
      for (auto &[I, S] : llvm::drop_begin(Sizes)) {
        Value IsOne =
            arith::CmpIOp::create(B, arith::CmpIPredicate::eq, Size, One);
        Size = arith::SelectOp::create(B, IsOne, sizeValue(B, S), Size);
      }
      Result = Size;
    }
    if (!AllSame)
      for (auto &[I, S] : Sizes)
        if (!getConstantIntValue(S) && !sameSize(S, Result))
          Plan.Accesses[I][D] = BroadcastPlan::Unsure;
    Plan.Sizes.push_back(Result);
  }
  return Plan;
}

SmallVector<OpFoldResult> broadcastSizes(Builder &B, ValueRange Ins,
                                         ArrayRef<int64_t> Known) {
  return planBroadcast(B, Ins, Known).Sizes;
}

/// The one value of a constant of equal elements.
static TypedAttr splatOf(Value V) {
  auto Constant = V.getDefiningOp<arith::ConstantOp>();
  auto Dense = Constant ? dyn_cast<DenseElementsAttr>(Constant.getValue())
                        : DenseElementsAttr();
  if (!Dense || !Dense.isSplat() ||
      !isa<IntegerType, FloatType>(Dense.getElementType()))
    return {};
  return Dense.getSplatValue<TypedAttr>();
}

static bool isZero(TypedAttr A) {
  if (auto Int = dyn_cast<IntegerAttr>(A))
    return Int.getValue().isZero();
  return cast<FloatAttr>(A).getValue().isZero();
}

SmallVector<Value> elementwise(Builder &B, ValueRange Ins,
                               ArrayRef<Type> OutElems, MultiPayload Body,
                               ArrayRef<int64_t> Known) {
  BroadcastPlan Plan = planBroadcast(B, Ins, Known);
  int64_t Rank = Plan.Sizes.size();
  MLIRContext *Context = B.getContext();
  SmallVector<Value> Operands;
  SmallVector<AffineMap> Maps;
  SmallVector<int> OperandOf(Ins.size(),
                             -1); // -1: a scalar constant or read by extract
  for (auto [I, V] : llvm::enumerate(Ins)) {
    if (splatOf(V) ||
        llvm::is_contained(Plan.Accesses[I], BroadcastPlan::Unsure))
      continue;
    SmallVector<AffineExpr> Exprs;
    SmallVector<int64_t> Shape;
    for (int64_t D = 0; D < Rank; ++D) {
      if (Plan.Accesses[I][D] == BroadcastPlan::Absent)
        continue;
      bool One = Plan.Accesses[I][D] == BroadcastPlan::One;
      Exprs.push_back(One ? getAffineConstantExpr(0, Context)
                          : getAffineDimExpr(D, Context));
      std::optional<int64_t> S = getConstantIntValue(Plan.Sizes[D]);
      Shape.push_back(One ? 1 : S ? *S : ShapedType::kDynamic);
    }
    OperandOf[I] = Operands.size();
    Operands.push_back(castShape(B, V, Shape));
    Maps.push_back(AffineMap::get(Rank, 0, Exprs, Context));
  }
  SmallVector<Value> Inits;
  SmallVector<Type> Types;
  for (Type T : OutElems) {
    Inits.push_back(empty(B, Plan.Sizes, T));
    Types.push_back(Inits.back().getType());
    Maps.push_back(AffineMap::getMultiDimIdentityMap(Rank, Context));
  }
  SmallVector<utils::IteratorType> Iterators(Rank,
                                             utils::IteratorType::parallel);
  // Conditions of run-time broadcasts do not depend on the element.
  SmallVector<SmallVector<Value>> IsOne(Ins.size());
  for (auto [I, V] : llvm::enumerate(Ins))
    for (int64_t D = 0; D < Rank; ++D) {
      Value Condition;
      if (Plan.Accesses[I][D] == BroadcastPlan::Unsure && !splatOf(V)) {
        Value Size =
            sizeValue(B, dimOf(B, V, D - (Rank - typeOf(V).getRank())));
        requireBroadcast(B, Size, Plan.Sizes[D]);
        Condition = arith::CmpIOp::create(B, arith::CmpIPredicate::eq, Size,
                                          arith::ConstantIndexOp::create(B, 1));
      }
      IsOne[I].push_back(Condition);
    }
  auto Generic = linalg::GenericOp::create(
      B, Types, Operands, Inits, Maps, Iterators,
      [&](OpBuilder &Inner, Location Loc, ValueRange Args) {
        Builder IB(Loc, Inner);
        SmallVector<Value> Scalars;
        for (auto [I, V] : llvm::enumerate(Ins)) {
          if (OperandOf[I] >= 0) {
            Scalars.push_back(Args[OperandOf[I]]);
          } else if (TypedAttr Splat = splatOf(V)) {
            Scalars.push_back(arith::ConstantOp::create(IB, Splat));
          } else {
            SmallVector<Value> Indices;
            for (int64_t D = 0; D < Rank; ++D) {
              BroadcastPlan::Access A = Plan.Accesses[I][D];
              if (A == BroadcastPlan::Absent)
                continue;
              Value Zero = arith::ConstantIndexOp::create(IB, 0);
              Value Index = A == BroadcastPlan::One
                                ? Zero
                                : Value(linalg::IndexOp::create(IB, D));
              if (A == BroadcastPlan::Unsure)
                Index = arith::SelectOp::create(IB, IsOne[I][D], Zero, Index);
              Indices.push_back(Index);
            }
            Scalars.push_back(tensor::ExtractOp::create(IB, V, Indices));
          }
        }
        linalg::YieldOp::create(IB, Body(IB, Scalars));
      });
  return SmallVector<Value>(Generic.getResults());
}

Value elementwise(Builder &B, ValueRange Ins, Type OutElem, Payload Body,
                  ArrayRef<int64_t> Known) {
  return elementwise(
      B, Ins, ArrayRef<Type>(OutElem),
      [&](Builder &IB, ValueRange Args) {
        return SmallVector<Value>{Body(IB, Args)};
      },
      Known)[0];
}

Value broadcastTo(Builder &B, Value V, ArrayRef<OpFoldResult> Sizes) {
  int64_t Rank = Sizes.size(), First = Rank - typeOf(V).getRank();
  MLIRContext *Context = B.getContext();
  SmallVector<AffineExpr> Exprs;
  SmallVector<Value> IsOne;
  bool Unsure = false, Identity = First == 0;
  for (int64_t D = First; D < Rank; ++D) {
    OpFoldResult S = dimOf(B, V, D - First);
    IsOne.emplace_back();
    if (sameSize(S, Sizes[D])) {
      Exprs.push_back(getAffineDimExpr(D, Context));
      continue;
    }
    Identity = false;
    Exprs.push_back(getAffineConstantExpr(0, Context));
    std::optional<int64_t> C = getConstantIntValue(S);
    if (C == 1)
      continue;
    if (C) { // static and not 1: the result has that size too
      Exprs.back() = getAffineDimExpr(D, Context);
      continue;
    }
    Unsure = true;
    requireBroadcast(B, S, Sizes[D]);
    IsOne.back() =
        arith::CmpIOp::create(B, arith::CmpIPredicate::eq, sizeValue(B, S),
                              arith::ConstantIndexOp::create(B, 1));
  }
  if (Identity)
    return castShape(B, V, staticShape(Sizes));
  Type Elem = typeOf(V).getElementType();
  if (Unsure)
    return generate(
        B, Sizes, Elem, [&](Builder &IB, ValueRange Indices) -> Value {
          SmallVector<Value> At;
          Value Zero = arith::ConstantIndexOp::create(IB, 0);
          for (auto [I, E] : llvm::enumerate(Exprs)) {
            Value Index =
                isa<AffineDimExpr>(E) || IsOne[I] ? Indices[First + I] : Zero;
            At.push_back(IsOne[I] ? Value(arith::SelectOp::create(IB, IsOne[I],
                                                                  Zero, Index))
                                  : Index);
          }
          return tensor::ExtractOp::create(IB, V, At);
        });
  Value Init = empty(B, Sizes, Elem);
  SmallVector<AffineMap> Maps = {
      AffineMap::get(Rank, 0, Exprs, Context),
      AffineMap::getMultiDimIdentityMap(Rank, Context)};
  SmallVector<utils::IteratorType> Iterators(Rank,
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             B, Init.getType(), V, Init, Maps, Iterators,
             [](OpBuilder &IB, Location Loc, ValueRange Args) {
               linalg::YieldOp::create(IB, Loc, Args[0]);
             })
      .getResult(0);
}

AffineMap dimsMap(Builder &B, int64_t Rank, ArrayRef<int64_t> Dims) {
  SmallVector<AffineExpr> Exprs;
  for (int64_t D : Dims)
    Exprs.push_back(B.getAffineDimExpr(D));
  return AffineMap::get(Rank, 0, Exprs, B.getContext());
}

AffineMap broadcastMap(Builder &B, Value &V, ArrayRef<OpFoldResult> Sizes) {
  int64_t Rank = Sizes.size(), First = Rank - typeOf(V).getRank();
  SmallVector<AffineExpr> Exprs;
  SmallVector<int64_t> Shape;
  for (int64_t D = First; D < Rank; ++D) {
    OpFoldResult S = dimOf(B, V, D - First);
    bool One = isConstantIntValue(S, 1) && !isConstantIntValue(Sizes[D], 1);
    if (!One && !sameSize(S, Sizes[D])) {
      V = broadcastTo(B, V, Sizes);
      return B.getMultiDimIdentityMap(Rank);
    }
    Exprs.push_back(One ? B.getAffineConstantExpr(0) : B.getAffineDimExpr(D));
    std::optional<int64_t> C = getConstantIntValue(S);
    Shape.push_back(C ? *C : ShapedType::kDynamic);
  }
  V = castShape(B, V, Shape);
  return AffineMap::get(Rank, 0, Exprs, B.getContext());
}

Value pointwise(Builder &B, ArrayRef<OpFoldResult> Sizes, ValueRange Ins,
                ArrayRef<AffineMap> InMaps, Type OutElem, Payload Body) {
  int64_t Rank = Sizes.size();
  SmallVector<Value> Operands;
  SmallVector<AffineMap> Maps;
  for (auto [V, M] : llvm::zip_equal(Ins, InMaps))
    if (!splatOf(V)) {
      Operands.push_back(V);
      Maps.push_back(M);
    }
  Maps.push_back(B.getMultiDimIdentityMap(Rank));
  Value Init = empty(B, Sizes, OutElem);
  SmallVector<utils::IteratorType> Iterators(Rank,
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             B, Init.getType(), Operands, Init, Maps, Iterators,
             [&](OpBuilder &Inner, Location Loc, ValueRange Args) {
               Builder IB(Loc, Inner);
               SmallVector<Value> Scalars;
               unsigned Next = 0;
               for (Value V : Ins) {
                 TypedAttr Splat = splatOf(V);
                 Scalars.push_back(
                     Splat ? Value(arith::ConstantOp::create(IB, Splat))
                           : Args[Next++]);
               }
               linalg::YieldOp::create(IB, Body(IB, Scalars));
             })
      .getResult(0);
}

Value generate(Builder &B, ArrayRef<OpFoldResult> Sizes, Type Elem,
               Payload Body) {
  int64_t Rank = Sizes.size();
  Value Init = empty(B, Sizes, Elem);
  SmallVector<AffineMap> Maps = {
      AffineMap::getMultiDimIdentityMap(Rank, B.getContext())};
  SmallVector<utils::IteratorType> Iterators(Rank,
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             B, Init.getType(), ValueRange(), Init, Maps, Iterators,
             [&](OpBuilder &Inner, Location Loc, ValueRange) {
               Builder IB(Loc, Inner);
               SmallVector<Value> Indices;
               for (int64_t D = 0; D < Rank; ++D)
                 Indices.push_back(linalg::IndexOp::create(IB, D));
               linalg::YieldOp::create(IB, Body(IB, Indices));
             })
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// Reductions and contractions
//===----------------------------------------------------------------------===//

Value reduce(Builder &B, Value In, ArrayRef<int64_t> Dims, Value Init,
             Combine Body) {
  int64_t Rank = typeOf(In).getRank();
  SmallVector<utils::IteratorType> Iterators(Rank,
                                             utils::IteratorType::parallel);
  for (int64_t D : Dims)
    Iterators[D] = utils::IteratorType::reduction;
  SmallVector<AffineExpr> Left;
  SmallVector<OpFoldResult> Sizes;
  for (int64_t D = 0; D < Rank; ++D)
    if (Iterators[D] == utils::IteratorType::parallel) {
      Left.push_back(B.getAffineDimExpr(D));
      Sizes.push_back(dimOf(B, In, D));
    }
  Value Start = filled(B, Sizes, Init);
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(Rank),
                                 AffineMap::get(Rank, 0, Left, B.getContext())};
  return linalg::GenericOp::create(
             B, Start.getType(), In, Start, Maps, Iterators,
             [&](OpBuilder &Inner, Location Loc, ValueRange Args) {
               Builder IB(Loc, Inner);
               linalg::YieldOp::create(IB, Body(IB, Args[0], Args[1]));
             })
      .getResult(0);
}

Value loopNest(Builder &B, ArrayRef<Value> Bounds, Value Init,
               function_ref<Value(Builder &, ValueRange, Value)> Body) {
  SmallVector<Value> AllBounds(Bounds), Indices;
  if (AllBounds.empty()) // a nest must have a loop to be a kernel
    AllBounds.push_back(arith::ConstantIndexOp::create(B, 1));
  Value Zero = arith::ConstantIndexOp::create(B, 0),
        One = arith::ConstantIndexOp::create(B, 1);
  std::function<Value(Builder &, Value)> Nest = [&](Builder &OB,
                                                    Value Carried) -> Value {
    unsigned Depth = Indices.size();
    auto For = scf::ForOp::create(
        OB, Zero, AllBounds[Depth], One, ValueRange(Carried),
        [&](OpBuilder &Inner, Location Loc, Value I, ValueRange Args) {
          Builder IB(Loc, Inner);
          Indices.push_back(I);
          Value R = Indices.size() == AllBounds.size()
                        ? Body(IB, Indices, Args[0])
                        : Nest(IB, Args[0]);
          Indices.pop_back();
          scf::YieldOp::create(IB, R);
        });
    if (Depth == 0)
      For->setAttr("lathe.loop_kernel", OB.getUnitAttr());
    return For.getResult(0);
  };
  return Nest(B, Init);
}

Value contraction(Builder &B, const Factor &X, const Factor &Y, Value Init,
                  AffineMap OutMap, ArrayRef<utils::IteratorType> Iterators) {
  Type Acc = typeOf(Init).getElementType();
  SmallVector<Value> Ins = {X.V, Y.V};
  SmallVector<AffineMap> Maps = {X.Map, Y.Map};
  // Where a zero point that is not a constant stands among the operands.
  int ZeroAt[2] = {-1, -1};
  const Factor *Factors[2] = {&X, &Y};
  for (int I : {0, 1})
    if (Factors[I]->Zero && !splatOf(Factors[I]->Zero)) {
      ZeroAt[I] = Ins.size();
      Ins.push_back(Factors[I]->Zero);
      Maps.push_back(Factors[I]->ZeroMap);
    }
  Maps.push_back(OutMap);
  return linalg::GenericOp::create(
             B, Init.getType(), Ins, Init, Maps, Iterators,
             [&](OpBuilder &Inner, Location Loc, ValueRange Args) {
               Builder IB(Loc, Inner);
               auto Extend = [&](Value V, bool Unsigned) -> Value {
                 if (V.getType() == Acc)
                   return V;
                 if (isa<FloatType>(Acc) && isa<FloatType>(V.getType()))
                   return arith::ExtFOp::create(IB, Acc, V);
                 if (isa<FloatType>(Acc))
                   return arith::SIToFPOp::create(IB, Acc, V);
                 return Unsigned ? Value(arith::ExtUIOp::create(IB, Acc, V))
                                 : Value(arith::ExtSIOp::create(IB, Acc, V));
               };
               Value Terms[2];
               for (int I : {0, 1}) {
                 const Factor &F = *Factors[I];
                 Value Term = Args[I];
                 if (F.Flipped)
                   Term = arith::XOrIOp::create(
                       IB, Term,
                       scalar::constant(IB, Term.getType(), int64_t(-128)));
                 Terms[I] = Extend(Term, F.Unsigned);
                 TypedAttr Splat = F.Zero ? splatOf(F.Zero) : TypedAttr();
                 if (!F.Zero || (Splat && isZero(Splat)))
                   continue;
                 Value Zero = Splat
                                  ? Value(arith::ConstantOp::create(IB, Splat))
                                  : Args[ZeroAt[I]];
                 Terms[I] = scalar::sub(IB, Terms[I], Extend(Zero, F.Unsigned));
               }
               linalg::YieldOp::create(
                   IB, scalar::add(IB, Args.back(),
                                   scalar::mul(IB, Terms[0], Terms[1])));
             })
      .getResult(0);
}

} // namespace lathe::lower

//===- KernelContext.cpp - A kernel being emitted -------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelContext.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace lathe::codegen;

Value KernelContext::scalar(Value V) {
  if (Value A = Arguments.lookup(V))
    return A;
  if (Value S = Scalars.lookup(V))
    return S;
  Operation *Op = V.getDefiningOp();
  OpBuilder::InsertionGuard Guard(B);
  Value R;
  if (auto D = dyn_cast<tensor::DimOp>(Op)) {
    R = size(D.getSource(), *D.getConstantIndex());
  } else if (auto X = dyn_cast<tensor::ExtractOp>(Op)) {
    SmallVector<Value> At;
    for (Value I : X.getIndices())
      At.push_back(scalar(I));
    B.setInsertionPoint(Prologue);
    R = memref::LoadOp::create(B, Loc, memref(X.getTensor()), At);
  } else {
    IRMapping Map;
    for (Value O : Op->getOperands())
      Map.map(O, scalar(O));
    B.setInsertionPoint(Prologue);
    Operation *New = B.clone(*Op, Map);
    for (auto [Old, Created] :
         llvm::zip_equal(Op->getResults(), New->getResults()))
      Scalars[Old] = Created;
    return Scalars[V];
  }
  return Scalars[V] = R;
}

Value KernelContext::size(Value Tensor, int64_t Position) {
  auto Ty = cast<RankedTensorType>(Tensor.getType());
  OpBuilder::InsertionGuard Guard(B);
  B.setInsertionPoint(Prologue);
  if (!Ty.isDynamicDim(Position))
    return arith::ConstantIndexOp::create(B, Loc, Ty.getDimSize(Position));
  if (Value M = Arguments.lookup(Tensor))
    return B.createOrFold<memref::DimOp>(Loc, M, Position);
  Operation *Op = Tensor.getDefiningOp();
  if (auto Linalg = dyn_cast_or_null<linalg::LinalgOp>(Op))
    return size(
        Linalg.getDpsInitOperand(cast<OpResult>(Tensor).getResultNumber())
            ->get(),
        Position);
  if (auto Empty = dyn_cast_or_null<tensor::EmptyOp>(Op))
    return scalar(Empty.getDynamicSize(Position));
  if (auto Cast = dyn_cast_or_null<tensor::CastOp>(Op))
    return size(Cast.getSource(), Position);
  if (auto Slice = dyn_cast_or_null<tensor::ExtractSliceOp>(Op)) {
    llvm::SmallBitVector Dropped = Slice.getDroppedDims();
    int64_t Source = 0;
    for (int64_t Kept = -1;; ++Source)
      if (!Dropped.test(Source) && ++Kept == Position)
        break;
    OpFoldResult S = Slice.getMixedSizes()[Source];
    if (auto V = dyn_cast<Value>(S))
      return scalar(V);
    return arith::ConstantIndexOp::create(B, Loc, *getConstantIntValue(S));
  }
  if (auto Expand = dyn_cast_or_null<tensor::ExpandShapeOp>(Op)) {
    OpFoldResult S = Expand.getMixedOutputShape()[Position];
    if (auto V = dyn_cast<Value>(S))
      return scalar(V);
    return arith::ConstantIndexOp::create(B, Loc, *getConstantIntValue(S));
  }
  if (auto Collapse = dyn_cast_or_null<tensor::CollapseShapeOp>(Op)) {
    Value Product;
    for (int64_t I : Collapse.getReassociationIndices()[Position]) {
      Value S = size(Collapse.getSrc(), I);
      if (!S)
        return {};
      Product = Product ? B.createOrFold<arith::MulIOp>(Loc, Product, S) : S;
    }
    return Product;
  }
  return {};
}

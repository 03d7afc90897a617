//===- PackedBits.cpp - Elements that share a byte ------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackedBits.h"
#include "NarrowTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace lathe::lower;

RankedTensorType lathe::lower::packedType(RankedTensorType T) {
  int64_t PerByte = 8 / packedBits(T.getElementType());
  return RankedTensorType::get({(T.getNumElements() + PerByte - 1) / PerByte},
                               IntegerType::get(T.getContext(), 8));
}

SmallVector<OpFoldResult> lathe::lower::staticSizes(OpBuilder &B,
                                                    ArrayRef<int64_t> Shape) {
  return llvm::map_to_vector(
      Shape, [&](int64_t S) -> OpFoldResult { return B.getIndexAttr(S); });
}

/// The bytes that \p Body makes of each index below \p Size.
static Value
flatGenerate(ImplicitLocOpBuilder &B, int64_t Size,
             function_ref<Value(ImplicitLocOpBuilder &, Value)> Body) {
  Value Init =
      tensor::EmptyOp::create(B, staticSizes(B, {Size}), B.getI8Type());
  return linalg::GenericOp::create(
             B, Init.getType(), ValueRange(), Init,
             ArrayRef<AffineMap>{B.getMultiDimIdentityMap(1)},
             ArrayRef<utils::IteratorType>{utils::IteratorType::parallel},
             [&](OpBuilder &Inner, Location Loc, ValueRange) {
               ImplicitLocOpBuilder IB(Loc, Inner);
               Value I = linalg::IndexOp::create(IB, 0);
               linalg::YieldOp::create(IB, Body(IB, I));
             })
      .getResult(0);
}

static Value reshaped(ImplicitLocOpBuilder &B, Value V, RankedTensorType To) {
  if (To.getRank() == 1)
    return V;
  if (To.getRank() == 0)
    return tensor::CollapseShapeOp::create(B, To, V,
                                           ArrayRef<ReassociationIndices>());
  ReassociationIndices All =
      llvm::to_vector<2>(llvm::seq<int64_t>(0, To.getRank()));
  return tensor::ExpandShapeOp::create(B, To, V,
                                       ArrayRef<ReassociationIndices>{All},
                                       staticSizes(B, To.getShape()));
}

Value lathe::lower::unpackBits(ImplicitLocOpBuilder &B, Value Bytes,
                               RankedTensorType T) {
  unsigned Bits = packedBits(T.getElementType()), PerByte = 8 / Bits;
  Value Flat = flatGenerate(
      B, T.getNumElements(), [&](ImplicitLocOpBuilder &IB, Value I) -> Value {
        Value Per = arith::ConstantIndexOp::create(IB, PerByte),
              Width = arith::ConstantIndexOp::create(IB, Bits);
        Value Byte = tensor::ExtractOp::create(
            IB, Bytes, ValueRange{arith::DivUIOp::create(IB, I, Per)});
        Value Shift = arith::MulIOp::create(
            IB, arith::RemUIOp::create(IB, I, Per), Width);
        Value Moved = arith::ShRUIOp::create(
            IB, Byte, arith::IndexCastOp::create(IB, IB.getI8Type(), Shift));
        return arith::AndIOp::create(
            IB, Moved,
            arith::ConstantOp::create(IB,
                                      IB.getI8IntegerAttr((1 << Bits) - 1)));
      });
  return reshaped(B, Flat, cast<RankedTensorType>(T.clone(B.getI8Type())));
}

Value lathe::lower::packBits(ImplicitLocOpBuilder &B, Value V,
                             RankedTensorType T) {
  unsigned Bits = packedBits(T.getElementType()), PerByte = 8 / Bits;
  int64_t Count = T.getNumElements();
  if (T.getRank() > 1) {
    ReassociationIndices All =
        llvm::to_vector<2>(llvm::seq<int64_t>(0, T.getRank()));
    V = tensor::CollapseShapeOp::create(B, V,
                                        ArrayRef<ReassociationIndices>{All});
  } else if (T.getRank() == 0) {
    auto One = RankedTensorType::get({1}, B.getI8Type());
    V = tensor::ExpandShapeOp::create(
        B, One, V, ArrayRef<ReassociationIndices>(), staticSizes(B, {1}));
  }
  return flatGenerate(
      B, packedType(T).getDimSize(0),
      [&](ImplicitLocOpBuilder &IB, Value I) -> Value {
        Value First = arith::MulIOp::create(
                  IB, I, arith::ConstantIndexOp::create(IB, PerByte)),
              Byte;
        Value Last = arith::ConstantIndexOp::create(IB, Count - 1);
        for (unsigned P = 0; P < PerByte; ++P) {
          Value At = arith::AddIOp::create(
              IB, First, arith::ConstantIndexOp::create(IB, P));
          Value E = tensor::ExtractOp::create(
              IB, V, ValueRange{arith::MinUIOp::create(IB, At, Last)});
          // Past the end there are zeros.
          Value Inside =
              arith::CmpIOp::create(IB, arith::CmpIPredicate::ule, At, Last);
          E = arith::SelectOp::create(
              IB, Inside, E,
              arith::ConstantOp::create(IB, IB.getI8IntegerAttr(0)));
          E = arith::ShLIOp::create(
              IB, E,
              arith::ConstantOp::create(IB, IB.getI8IntegerAttr(P * Bits)));
          Byte = Byte ? Value(arith::OrIOp::create(IB, Byte, E)) : E;
        }
        return Byte;
      });
}

//===- DeformConv.cpp - DeformConv --------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The displaced samples are a tensor of their own, [n, c, kh, kw, oh, ow], made
// by one gathering generic; what remains is a contraction over c, kh and kw.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "Window.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lathe::lower {

using Iterator = utils::IteratorType;

/// X[n, c, y, x] for a real position: the four neighbours by their distance,
/// those outside count as 0.
static Value bilinear(Builder &B, Value X, Value N, Value C, Value Y,
                      Value XPos, Value Height, Value Width, Type Acc) {
  Type Elem = typeOf(X).getElementType(), I64 = B.getI64Type();
  Value One = scalar::constant(B, Acc, 1.0),
        Zero = arith::ConstantIndexOp::create(B, 0);
  Value Y0 = math::FloorOp::create(B, Y), X0 = math::FloorOp::create(B, XPos);
  Value FY = arith::SubFOp::create(B, Y, Y0),
        FX = arith::SubFOp::create(B, XPos, X0);
  Value Sum = scalar::constant(B, Acc, 0.0);
  for (int64_t DY : {0, 1})
    for (int64_t DX : {0, 1}) {
      auto Corner = [&](Value Base, int64_t D, Value Size, Value &Index) {
        Value I = arith::AddIOp::create(B, scalar::cast(B, Base, Acc, I64),
                                        scalar::constant(B, I64, D));
        Index = arith::IndexCastOp::create(B, B.getIndexType(), I);
        return arith::CmpIOp::create(B, arith::CmpIPredicate::ult, Index,
                                     Size); // negative ones are huge
      };
      Value IY, IX;
      Value Inside = arith::AndIOp::create(B, Corner(Y0, DY, Height, IY),
                                           Corner(X0, DX, Width, IX));
      IY = scalar::select(B, Inside, IY, Zero);
      IX = scalar::select(B, Inside, IX, Zero);
      Value V = scalar::cast(
          B, tensor::ExtractOp::create(B, X, ValueRange{N, C, IY, IX}), Elem,
          Acc);
      Value WY = DY ? FY : scalar::sub(B, One, FY),
            WX = DX ? FX : scalar::sub(B, One, FX);
      V = scalar::mul(B, V, scalar::mul(B, WY, WX));
      Sum = scalar::add(
          B, Sum, scalar::select(B, Inside, V, scalar::constant(B, Acc, 0.0)));
    }
  return Sum;
}

/// X, W, offset, B?, mask?
static LogicalResult lowerDeformConv(Node &N) {
  Builder &B = N.B;
  Value X = N.in(0), W = N.in(1), Offset = N.in(2), Bias = N.in(3),
        Mask = N.in(4);
  if (N.inRank(0) != 4)
    return N.fail("only two spatial dimensions are supported");
  if (!typeOf(W).hasStaticShape() || typeOf(X).isDynamicDim(1))
    return N.fail("weights or channels of unknown size are not supported");
  FailureOr<Window> Win = windowOf(N, X, N.inShape(1).drop_front(2));
  if (failed(Win))
    return failure();
  int64_t Groups = N.i64("group", 1), OffsetGroups = N.i64("offset_group", 1);
  int64_t Channels = typeOf(X).getDimSize(1), Filters = typeOf(W).getDimSize(0),
          KH = Win->Kernel[0], KW = Win->Kernel[1];
  if (Groups <= 0 || OffsetGroups <= 0 || Channels % Groups ||
      Channels % OffsetGroups || Filters % Groups)
    return N.fail("group and offset_group must divide the channels");
  Type Elem = typeOf(X).getElementType(), Acc = accumulatorType(Elem);
  Value Height = sizeValue(B, Win->In[0]), Width = sizeValue(B, Win->In[1]);
  Value Low[2] = {sizeValue(B, Win->Low[0]), sizeValue(B, Win->Low[1])};
  SmallVector<OpFoldResult> Sizes = {
      dimOf(B, X, 0), size(B, Groups), size(B, Channels / Groups),
      size(B, KH),    size(B, KW),     Win->Out[0],
      Win->Out[1]};
  Value Samples =
      generate(B, Sizes, Acc, [&](Builder &IB, ValueRange I) -> Value {
        auto Const = [&](int64_t V) -> Value {
          return arith::ConstantIndexOp::create(IB, V);
        };
        auto Fma = [&](Value P, int64_t Q, Value R) -> Value {
          return arith::AddIOp::create(
              IB, arith::MulIOp::create(IB, P, Const(Q)), R);
        };
        Value C = Fma(I[1], Channels / Groups, I[2]);
        Value OffsetGroup =
            arith::DivUIOp::create(IB, C, Const(Channels / OffsetGroups));
        Value Tap = Fma(OffsetGroup, KH * KW, Fma(I[3], KW, I[4]));
        Value Position[2];
        for (int64_t D : {0, 1}) {
          Value Channel = Fma(Tap, 2, Const(D));
          Value Moved = tensor::ExtractOp::create(
              IB, Offset, ValueRange{I[0], Channel, I[5], I[6]});
          Value Base = Fma(
              I[5 + D], Win->Strides[D],
              arith::MulIOp::create(IB, I[3 + D], Const(Win->Dilations[D])));
          Base = arith::SubIOp::create(IB, Base, Low[D]);
          Value Real = arith::SIToFPOp::create(
              IB, Acc, arith::IndexCastOp::create(IB, IB.getI64Type(), Base));
          Position[D] =
              scalar::add(IB, Real, scalar::cast(IB, Moved, Elem, Acc));
        }
        Value V = bilinear(IB, X, I[0], C, Position[0], Position[1], Height,
                           Width, Acc);
        if (!Mask)
          return V;
        Value M = tensor::ExtractOp::create(IB, Mask,
                                            ValueRange{I[0], Tap, I[5], I[6]});
        return scalar::mul(IB, V, scalar::cast(IB, M, Elem, Acc));
      });
  // Loops: n g m oh ow, c kh kw.
  W = expandDim(B, W, 0, {size(B, Groups), size(B, Filters / Groups)});
  if (Acc != Elem)
    W = elementwise(B, {W}, Acc, [&](Builder &IB, ValueRange V) {
      return scalar::cast(IB, V[0], Elem, Acc);
    });
  SmallVector<OpFoldResult> OutSizes = {Sizes[0], size(B, Groups),
                                        size(B, Filters / Groups), Win->Out[0],
                                        Win->Out[1]};
  SmallVector<Iterator> Iterators(8, Iterator::parallel);
  std::fill(Iterators.begin() + 5, Iterators.end(), Iterator::reduction);
  Value Sum = contraction(B, {Samples, dimsMap(B, 8, {0, 1, 5, 6, 7, 3, 4})},
                          {W, dimsMap(B, 8, {1, 2, 5, 6, 7})},
                          filled(B, OutSizes, scalar::constant(B, Acc, 0.0)),
                          dimsMap(B, 8, {0, 1, 2, 3, 4}), Iterators);
  Sum = collapseRange(B, Sum, 1, 3);
  if (!Bias && Acc == Elem)
    return N.replace({Sum});
  SmallVector<Value> Ins = {Sum};
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(4)};
  if (Bias) {
    Ins.push_back(Bias);
    Maps.push_back(dimsMap(B, 4, {1}));
  }
  return N.replace({pointwise(
      B, dimsOf(B, Sum), Ins, Maps, Elem, [&](Builder &IB, ValueRange V) {
        Value S = Bias
                      ? scalar::add(IB, V[0], scalar::cast(IB, V[1], Elem, Acc))
                      : V[0];
        return scalar::cast(IB, S, Acc, Elem);
      })});
}

void populateDeformConvLoweringPatterns(const StorageTypeConverter &Types,
                                        RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {{"onnx.DeformConv", lowerDeformConv}};
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

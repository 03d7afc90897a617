//===- Rotary.cpp - RotaryEmbedding ------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Pairs of elements of each head are turned by an angle that depends on the
// position: (a, b) -> (a cos - b sin, a sin + b cos). One op reads both parts
// of the head as slices and gives both parts of the result, which are written
// where they belong: no half is copied, nothing is negated first.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "Common.h"
#include "Node.h"
#include "lathe/ONNX/ONNX.h"

using namespace mlir;

namespace lathe::lower {

bool lowersRotary(Operation *Any) {
  return !cast<onnx::RotaryEmbeddingOp>(Any).getPositionIds();
}

static LogicalResult lowerRotary(Node &N) {
  if (!lowersRotary(N.op()))
    return N.fail("positions are looked up before");
  Builder &B = N.B;
  bool Flat = N.inRank(0) == 3;
  int64_t Heads = N.i64("num_heads", 0);
  if (!Flat && N.inRank(0) != 4)
    return N.fail("the input must be of rank 3 or 4");
  if (Flat && (Heads <= 0 || ShapedType::isDynamic(N.inShape(0)[2]) ||
               N.inShape(0)[2] % Heads))
    return N.fail("an input of rank 3 needs 'num_heads', which must divide a "
                  "known last dimension");
  Value X = N.in(0);
  // [b, s, h, d] or [b, h, s, d]
  if (Flat)
    X = expandDim(B, X, 2, {size(B, Heads), size(B, N.inShape(0)[2] / Heads)});
  auto Type = cast<RankedTensorType>(X.getType());
  int64_t Size = Type.getDimSize(3), Turned = N.i64("rotary_embedding_dim", 0);
  if (ShapedType::isDynamic(Size))
    return N.fail("the size of a head must be known");
  if (Turned == 0)
    Turned = Size;
  if (Turned < 0 || Turned > Size || Turned % 2)
    return N.fail("'rotary_embedding_dim' must be even and at most the size of "
                  "a head");
  for (unsigned I : {1, 2})
    if (N.inRank(I) != 3)
      return N.fail("the tables must be of rank 3 without positions");
  int64_t Half = Turned / 2, Step = N.i64("interleaved", 0) ? 2 : 1,
          Second = Step == 2 ? 1 : Half;
  mlir::Type Elem = Type.getElementType(), Acc = accumulatorType(Elem);
  SmallVector<OpFoldResult> Sizes = dimsOf(B, X), Ones(4, size(B, 1)),
                            Steps(Ones), PartSizes(Sizes);
  Steps[3] = size(B, Step);
  PartSizes[3] = size(B, Half);
  auto At = [&](int64_t Offset) {
    SmallVector<OpFoldResult> Offsets(4, size(B, 0));
    Offsets[3] = size(B, Offset);
    return Offsets;
  };
  Value Low = tensor::ExtractSliceOp::create(B, X, At(0), PartSizes, Steps),
        High =
            tensor::ExtractSliceOp::create(B, X, At(Second), PartSizes, Steps);
  // A table for one batch serves all.
  AffineMap All = B.getMultiDimIdentityMap(4);
  SmallVector<Value> Ins = {Low, High};
  SmallVector<AffineMap> Maps = {All, All};
  for (unsigned I : {1, 2}) {
    bool Shared = N.inShape(I)[0] == 1 && Type.getDimSize(0) != 1;
    SmallVector<AffineExpr> Exprs = {
        Shared ? B.getAffineConstantExpr(0) : B.getAffineDimExpr(0),
        B.getAffineDimExpr(Flat ? 1 : 2), B.getAffineDimExpr(3)};
    Ins.push_back(N.in(I));
    Maps.push_back(AffineMap::get(4, 0, Exprs, B.getContext()));
  }
  Maps.append({All, All});
  Value Init = empty(B, PartSizes, Elem);
  SmallVector<utils::IteratorType> Kinds(4, utils::IteratorType::parallel);
  auto Parts = linalg::GenericOp::create(
      B, TypeRange{Init.getType(), Init.getType()}, Ins, ValueRange{Init, Init},
      Maps, Kinds, [&](OpBuilder &Inner, Location Loc, ValueRange V) {
        Builder IB(Loc, Inner);
        SmallVector<Value> R;
        for (Value S : V.take_front(4))
          R.push_back(scalar::cast(IB, S, S.getType(), Acc));
        Value Real = scalar::sub(IB, scalar::mul(IB, R[0], R[2]),
                                 scalar::mul(IB, R[1], R[3])),
              Imaginary = scalar::add(IB, scalar::mul(IB, R[0], R[3]),
                                      scalar::mul(IB, R[1], R[2]));
        linalg::YieldOp::create(
            IB, ValueRange{scalar::cast(IB, Real, Acc, Elem),
                           scalar::cast(IB, Imaginary, Acc, Elem)});
      });
  Value Y = empty(B, Sizes, Elem);
  auto Insert = [&](Value Part, int64_t Offset, ArrayRef<OpFoldResult> Extents,
                    ArrayRef<OpFoldResult> Strides) {
    Y = tensor::InsertSliceOp::create(B, Part, Y, At(Offset), Extents, Strides);
  };
  Insert(Parts.getResult(0), 0, PartSizes, Steps);
  Insert(Parts.getResult(1), Second, PartSizes, Steps);
  if (Turned < Size) {
    SmallVector<OpFoldResult> Rest(Sizes);
    Rest[3] = size(B, Size - Turned);
    Insert(tensor::ExtractSliceOp::create(B, X, At(Turned), Rest, Ones), Turned,
           Rest, Ones);
  }
  return N.replace({Flat ? collapseRange(B, Y, 2, 4) : Y});
}

void populateRotaryLoweringPatterns(const StorageTypeConverter &Types,
                                    RewritePatternSet &Patterns) {
  addLowering("onnx.RotaryEmbedding", lowerRotary, Types, Patterns);
}

} // namespace lathe::lower

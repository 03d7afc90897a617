//===- GeneratorOps.cpp - Tensors made from sizes and positions -----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ConstantOfShape, Range, OneHot, EyeLike, Trilu, CenterCropPad: each is one
// generic whose elements follow from their position.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "IndexHelpers.h"
#include "lathe/Lower/MovementPatterns.h"

using namespace mlir;

namespace lathe::lower {

/// The scalar of a one-element attribute, in storage type T.
static Scalar splat(TensorBuilder &B, DenseElementsAttr Value, Type T) {
  if (isa<FloatType>(T))
    return B.wrap(arith::ConstantOp::create(
        B, B.getFloatAttr(T, *Value.getValues<APFloat>().begin())));
  return B.wrap(arith::ConstantOp::create(
      B, B.getIntegerAttr(T, *Value.getValues<APInt>().begin())));
}

static LogicalResult lowerConstantOfShape(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Sizes To(T.getRank());
  if (!T.hasStaticShape())
    for (auto [D, E] : llvm::enumerate(B.elements(N.in(0))))
      To[D] = B.fold(E.toIndex());
  Type Element = T.getElementType();
  auto Value = dyn_cast_if_present<DenseElementsAttr>(N.op()->getAttr("value"));
  if (!Value && N.op()->getAttr("value"))
    return N.fail("'value' must hold one element");
  return N.replace(
      B.fill(T, B.refine(T, To),
             Value ? splat(B, Value, Element) : B.constant(Element, 0)));
}

static LogicalResult lowerRange(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Scalar Start = B.elements(N.in(0)).front(),
         Limit = B.elements(N.in(1)).front(),
         Delta = B.elements(N.in(2)).front();
  Type Element = T.getElementType();
  OpFoldResult Count;
  if (!T.isDynamicDim(0)) {
    Count = B.attr(T.getDimSize(0));
  } else if (Start.isFloat()) {
    // Counted in double: a quotient that rounds up would add an element.
    Type F64 = B.getF64Type();
    Scalar Steps = ceilOf((Limit.to(F64) - Start.to(F64)) / Delta.to(F64));
    Count = B.fold(smax(Steps, Steps.same(0)).toIndex());
  } else {
    Scalar Span = Limit.toIndex() - Start.toIndex();
    Scalar Step = Delta.toIndex();
    Scalar Steps = Step.constant() == 1 ? Span : ceilDiv(Span, Step);
    Count = B.fold(smax(Steps, B.index(0)));
  }
  return N.replace(B.map(T, Count, [&](Indices &I) {
    Scalar P = Element.isIntOrIndex() ? I[0].to(Element)
                                      : I[0].to(B.getI64Type()).to(Element);
    Scalar Scaled = Delta.constant() == 1 ? P : P * Delta;
    return Start.constant() == 0 ? Scaled : Start + Scaled;
  }));
}

static LogicalResult lowerOneHot(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  int64_t Rank = T.getRank(), Axis = N.i64("axis", -1);
  if (Axis < 0)
    Axis += Rank;
  Scalar Depth = B.elements(N.in(1)).front();
  Depth = N.inElem(1).isUnsignedInteger()
              ? Depth.toFromUnsigned(B.getIndexType())
              : Depth.toIndex();
  Sizes To = B.sizes(N.in(0));
  To.insert(To.begin() + Axis, B.fold(Depth));
  SmallVector<AffineExpr> Exprs;
  for (int64_t D = 0; D < Rank; ++D)
    if (D != Axis)
      Exprs.push_back(B.getAffineDimExpr(D));
  Scalar Off = B.load(N.in(2), {B.index(0)}),
         On = B.load(N.in(2), {B.index(1)});
  bool Unsigned = N.inElem(0).isUnsignedInteger();
  return N.replace(
      B.map(T, To, N.in(0), AffineMap::get(Rank, 0, Exprs, B.getContext()),
            [&](Indices &I, ArrayRef<Scalar> In) {
              Scalar At = Unsigned ? In[0].toFromUnsigned(B.getIndexType())
                                   : In[0].toIndex();
              At = select(At < 0, At + Depth, At);
              return select(At == I[Axis], On, Off);
            }));
}

static LogicalResult lowerEyeLike(Node &N) {
  TensorBuilder B(N);
  int64_t K = N.i64("k", 0);
  Type T = N.outType().getElementType();
  return N.replace(B.map(N.outType(), B.sizes(N.in(0)), [&](Indices &I) {
    return select(I[1] == I[0] + K, B.constant(T, 1), B.constant(T, 0));
  }));
}

static LogicalResult lowerTrilu(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  int64_t Rank = T.getRank();
  Scalar K = N.has(1) ? B.elements(N.in(1)).front().toIndex() : B.index(0);
  bool Upper = N.i64("upper", 1);
  return N.replace(
      B.map(T, B.sizes(N.in(0)), N.in(0), B.getMultiDimIdentityMap(Rank),
            [&](Indices &I, ArrayRef<Scalar> In) {
              Scalar Column = I[Rank - 1], Diagonal = I[Rank - 2] + K;
              Scalar Keep = Upper ? Column >= Diagonal : Column <= Diagonal;
              return select(Keep, In[0], B.constant(T.getElementType(), 0));
            }));
}

/// Crops or pads with zeros around the centre of each axis.
static LogicalResult lowerCenterCropPad(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0);
  RankedTensorType T = N.outType();
  int64_t Rank = T.getRank();
  Scalars Wanted = B.elements(N.in(1));
  SmallVector<int64_t> Axes = N.ints("axes");
  if (Axes.empty() && !N.hasAttr("axes"))
    Axes = iota(Rank);
  Sizes To = B.sizes(Data);
  Scalars Shift(Rank);
  for (auto [I, A] : llvm::enumerate(Axes)) {
    int64_t D = A < 0 ? A + Rank : A;
    Scalar Want = Wanted[I].toIndex();
    // The amount cut or added in front is half, rounded down, of the whole.
    Scalar Have = B.dim(Data, D), Two = B.index(2);
    Shift[D] = select(Want > Have, B.index(0) - (Want - Have) / Two,
                      (Have - Want) / Two);
    To[D] = B.fold(Want);
  }
  return N.replace(B.map(T, To, [&](Indices &I) {
    Scalars At;
    Scalar Inside;
    for (int64_t D = 0; D < Rank; ++D) {
      if (!Shift[D]) {
        At.push_back(I[D]);
        continue;
      }
      Scalar P = I[D] + Shift[D], Dim = B.dim(Data, D);
      Scalar In = unsignedLess(P, Dim);
      Inside = Inside ? Inside & In : In;
      At.push_back(clamp(P, B.index(0), Dim - 1));
    }
    Scalar V = B.load(Data, At);
    return Inside ? select(Inside, V, B.constant(T.getElementType(), 0)) : V;
  }));
}

static constexpr Lowering Table[] = {
    {"onnx.ConstantOfShape", lowerConstantOfShape},
    {"onnx.Range", lowerRange},
    {"onnx.OneHot", lowerOneHot},
    {"onnx.EyeLike", lowerEyeLike},
    {"onnx.Trilu", lowerTrilu},
    {"onnx.CenterCropPad", lowerCenterCropPad},
};

void populateGeneratorLoweringPatterns(const StorageTypeConverter &Types,
                                       RewritePatternSet &Patterns) {
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

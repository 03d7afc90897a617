//===- GatherOps.cpp - Reads by index -------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Gather and its kin are generics that take the index tensor as an input and
// read the data with tensor.extract. Negative indices count from the end; an
// index outside of the dimension is clamped, so that no model reads beyond a
// tensor whatever its inputs say. Constant indices need neither.
//
//===----------------------------------------------------------------------===//

#include "IndexHelpers.h"
#include "Node.h"
#include "lathe/Lower/MovementPatterns.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lathe::lower {

Scalar wrapIndex(TensorBuilder &B, Scalar I, Scalar Dim) {
  I = I.toIndex();
  std::optional<int64_t> Known = I.constant(), Size = Dim.constant();
  if (Known && Size) {
    int64_t Wrapped = *Known < 0 ? *Known + *Size : *Known;
    return B.index(
        std::clamp<int64_t>(Wrapped, 0, std::max<int64_t>(*Size - 1, 0)));
  }
  return clamp(select(I < 0, I + Dim, I), B.index(0), Dim - 1);
}

/// Whether every constant index lies in [0, Dim): no wrapping to do.
static bool allInside(std::optional<SmallVector<int64_t>> &Idx, Scalar Dim) {
  std::optional<int64_t> Size = Dim.constant();
  return Idx && Size &&
         llvm::all_of(*Idx, [&](int64_t I) { return 0 <= I && I < *Size; });
}

static LogicalResult lowerGather(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0), Idx = N.in(1);
  RankedTensorType T = N.outType();
  int64_t Rank = N.inRank(0), IdxRank = N.inRank(1), Axis = N.i64("axis", 0);
  if (Axis < 0)
    Axis += Rank;
  Sizes From = B.sizes(Data), IdxSizes = B.sizes(Idx);
  Scalar Dim = B.dim(Data, Axis);
  requireIndices(B, N, 1, Dim);

  // One index, or a run of them, is a slice.
  auto Known = N.constInts(1);
  bool Run = Known && !Known->empty();
  for (size_t I = 1; Run && I < Known->size(); ++I)
    Run = (*Known)[I] == (*Known)[I - 1] + 1 && (*Known)[I] != 0;
  bool Single =
      N.inType(1).hasStaticShape() && N.inType(1).getNumElements() == 1;
  if ((Run && IdxRank <= 1) || (Single && IdxRank <= 1)) {
    Sizes Offsets(Rank, B.attr(0)), Extents = From, Ones(Rank, B.attr(1));
    Scalar First = Run ? B.wrap(B.index((*Known)[0])) : B.elements(Idx).front();
    Offsets[Axis] = B.fold(wrapIndex(B, First, Dim));
    Extents[Axis] = B.attr(Run ? Known->size() : 1);
    Sizes To = Extents;
    Value Cut = B.slice(Data, tensorOf(Extents, T.getElementType()), Offsets,
                        Extents, Ones);
    if (IdxRank == 0)
      To.erase(To.begin() + Axis);
    return N.replace(B.reshape(Cut, T, To));
  }

  Sizes To(ArrayRef(From).take_front(Axis));
  llvm::append_range(To, IdxSizes);
  llvm::append_range(To, ArrayRef(From).drop_front(Axis + 1));
  AffineMap Map = AffineMap::getMultiDimIdentityMap(IdxRank, B.getContext())
                      .shiftDims(Axis);
  Map = AffineMap::get(T.getRank(), 0, Map.getResults(), B.getContext());
  bool Inside = allInside(Known, Dim);
  return N.replace(B.map(T, To, Idx, Map, [&](Indices &I, ArrayRef<Scalar> In) {
    Scalars At;
    for (int64_t D = 0; D < Rank; ++D)
      At.push_back(D < Axis ? I[D]
                   : D == Axis
                       ? (Inside ? In[0].toIndex() : wrapIndex(B, In[0], Dim))
                       : I[D - 1 + IdxRank]);
    return B.load(Data, At);
  }));
}

static LogicalResult lowerGatherElements(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0), Idx = N.in(1);
  int64_t Rank = N.inRank(0), Axis = N.i64("axis", 0);
  if (Axis < 0)
    Axis += Rank;
  requireIndices(B, N, 1, B.dim(Data, Axis));
  return N.replace(B.map(
      N.outType(), B.sizes(Idx), Idx, B.getMultiDimIdentityMap(Rank),
      [&](Indices &I, ArrayRef<Scalar> In) {
        Scalars At;
        for (int64_t D = 0; D < Rank; ++D)
          At.push_back(D == Axis ? wrapIndex(B, In[0], B.dim(Data, D)) : I[D]);
        return B.load(Data, At);
      }));
}

static LogicalResult lowerGatherND(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0), Idx = N.in(1);
  int64_t Batch = N.i64("batch_dims", 0), Rank = N.inRank(0),
          Lead = N.inRank(1) - 1;
  int64_t Tuple = N.inType(1).getDimSize(Lead);
  if (ShapedType::isDynamic(Tuple))
    return N.fail("the last dimension of 'indices' must be known");
  Scalars Limits;
  for (int64_t K = 0; K < Tuple; ++K)
    Limits.push_back(B.dim(Data, Batch + K));
  requireIndices(B, N, 1, Limits);
  Sizes From = B.sizes(Data), To = B.sizes(Idx);
  To.pop_back();
  llvm::append_range(To, ArrayRef(From).drop_front(Batch + Tuple));
  return N.replace(B.map(N.outType(), To, [&](Indices &I) {
    Scalars At, Where;
    for (int64_t D = 0; D < Batch; ++D)
      At.push_back(I[D]);
    for (int64_t D = 0; D < Lead; ++D)
      Where.push_back(I[D]);
    Where.push_back(Scalar());
    for (int64_t K = 0; K < Tuple; ++K) {
      Where.back() = B.index(K);
      At.push_back(wrapIndex(B, B.load(Idx, Where), B.dim(Data, Batch + K)));
    }
    for (int64_t D = Batch + Tuple; D < Rank; ++D)
      At.push_back(I[Lead + D - Batch - Tuple]);
    return B.load(Data, At);
  }));
}

static LogicalResult lowerReverseSequence(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0), Lengths = N.in(1);
  int64_t Rank = N.inRank(0), Time = N.i64("time_axis", 0),
          Batch = N.i64("batch_axis", 1);
  AffineMap Map =
      AffineMap::get(Rank, 0, {B.getAffineDimExpr(Batch)}, B.getContext());
  return N.replace(B.map(N.outType(), B.sizes(Data), Lengths, Map,
                         [&](Indices &I, ArrayRef<Scalar> In) {
                           Scalars At = I.all();
                           Scalar Length = In[0].toIndex(), P = I[Time];
                           Scalar Back = clamp(Length - 1 - P, B.index(0),
                                               B.dim(Data, Time) - 1);
                           At[Time] = select(P < Length, Back, P);
                           return B.load(Data, At);
                         }));
}

static constexpr Lowering Table[] = {
    {"onnx.Gather", lowerGather},
    {"onnx.GatherElements", lowerGatherElements},
    {"onnx.GatherND", lowerGatherND},
    {"onnx.ReverseSequence", lowerReverseSequence},
};

void populateGatherLoweringPatterns(const StorageTypeConverter &Types,
                                    RewritePatternSet &Patterns) {
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

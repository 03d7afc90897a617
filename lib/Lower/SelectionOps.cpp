//===- SelectionOps.cpp - NonZero, Compress, NonMaxSuppression ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ops whose result is as long as the data says. Each is a loop kernel that
// fills a buffer made for the most there can be and counts, then a slice of
// that length.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "IndexHelpers.h"
#include "lathe/Lower/MovementPatterns.h"

using namespace mlir;

namespace lathe::lower {

static LogicalResult lowerNonZero(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0);
  int64_t Rank = N.inRank(0);
  Type I64 = B.getI64Type();
  Sizes To = {B.attr(Rank), B.fold(B.product(B.sizes(Data)))};
  Scalars Extents;
  for (int64_t D = 0; D < Rank; ++D)
    Extents.push_back(B.dim(Data, D));
  Values Found = B.loopKernel([&] {
    return B.nest(
        Extents, {B.index(0), B.empty(tensorOf(To, I64), To)},
        [&](ArrayRef<Scalar> At, ValueRange S) {
          Scalar Count = B.wrap(S[0]), V = B.load(Data, At);
          return B.when(V != V.same(0), S, [&]() -> Values {
            Value List = S[1];
            for (int64_t D = 0; D < Rank; ++D)
              List = B.store(At[D].to(I64), List, {B.index(D), Count});
            return {Count + 1, List};
          });
        });
  });
  return N.replace(takeFirst(B, Found[1], 1, B.wrap(Found[0]), N.outType()));
}

static LogicalResult lowerCompress(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0), Condition = N.in(1);
  Type I64 = B.getI64Type(), Element = N.outType().getElementType();
  if (!N.hasAttr("axis")) {
    Sizes Flat = {B.fold(B.product(B.sizes(Data)))};
    Data = B.reshape(Data, tensorOf(Flat, Element), Flat);
  }
  int64_t Rank = cast<RankedTensorType>(Data.getType()).getRank();
  int64_t Axis = normalAxis(N.i64("axis", 0), Rank);
  // The condition may be shorter than the axis: what it does not name is out.
  Scalar Most = smin(B.dim(Condition, 0), B.dim(Data, Axis));
  Sizes List = {B.fold(Most)};
  Value Start =
      B.fill(tensorOf(List, I64), List, constantScalar(B, I64, int64_t(0)));
  Values Chosen = B.loopKernel([&] {
    return B.loop(B.index(0), Most, {B.index(0), Start},
                  [&](Scalar I, ValueRange S) {
                    Scalar Count = B.wrap(S[0]), V = B.load(Condition, {I});
                    return B.when(V, S, [&]() -> Values {
                      return {Count + 1, B.store(I.to(I64), S[1], {Count})};
                    });
                  });
  });
  // Every row that may be chosen is read; the list holds zeros past its end.
  Sizes To = B.sizes(Data);
  To[Axis] = List[0];
  AffineMap Map =
      AffineMap::get(Rank, 0, {B.getAffineDimExpr(Axis)}, B.getContext());
  Value Rows = B.map(tensorOf(To, Element), To, Chosen[1], Map,
                     [&](Indices &I, ArrayRef<Scalar> In) {
                       Scalars At = I.all();
                       At[Axis] = In[0].toIndex();
                       return B.load(Data, At);
                     });
  return N.replace(takeFirst(B, Rows, Axis, B.wrap(Chosen[0]), N.outType()));
}

namespace {
/// A box by its corners.
struct Box {
  Scalar Y0, X0, Y1, X1;
};
} // namespace

static Box loadBox(TensorBuilder &B, Value Boxes, Scalar Batch, Scalar I,
                   bool Centred) {
  auto At = [&](int64_t C) { return B.load(Boxes, {Batch, I, B.index(C)}); };
  Scalar P = At(0), Q = At(1), R = At(2), S = At(3);
  if (Centred) // x, y, width, height
    return {Q - S / S.same(2.0), P - R / R.same(2.0), Q + S / S.same(2.0),
            P + R / R.same(2.0)};
  // Corners may come in any order.
  return {smin(P, R), smin(Q, S), smax(P, R), smax(Q, S)};
}

static Scalar area(const Box &X) { return (X.Y1 - X.Y0) * (X.X1 - X.X0); }

/// Whether the intersection of A and C is more than Limit of their union.
static Scalar overlaps(const Box &A, const Box &C, Scalar Limit) {
  Scalar Height = smin(A.Y1, C.Y1) - smax(A.Y0, C.Y0),
         Width = smin(A.X1, C.X1) - smax(A.X0, C.X0), Zero = Height.same(0);
  Scalar Common = smax(Height, Zero) * smax(Width, Zero);
  Scalar Union = area(A) + area(C) - Common;
  return (Union > Zero) & (Common / Union > Limit);
}

static LogicalResult lowerNonMaxSuppression(Node &N) {
  TensorBuilder B(N);
  Value Boxes = N.in(0), Scores = N.in(1);
  bool Centred = N.i64("center_point_box", 0);
  Type I64 = B.getI64Type();
  Type Element = N.inType(0).getElementType();
  auto Single = [&](unsigned I) { return B.elements(N.in(I)).front(); };
  Scalar Batches = B.dim(Scores, 0), Classes = B.dim(Scores, 1),
         Count = B.dim(Scores, 2);
  // Left out, the limit is 0: nothing is selected.
  Scalar Limit = N.has(2) ? smin(Single(2).toIndex(), Count) : B.index(0);
  Limit = smax(Limit, B.index(0));
  Scalar Overlap = N.has(3) ? Single(3).to(Element) : B.constant(Element, 0.0);
  Scalar Threshold = N.has(4) ? Single(4) : Scalar();

  Sizes To = {B.fold(Batches * Classes * Limit), B.attr(3)},
        Lists = {B.attr(2), B.fold(Count)};
  Scalar Zero = B.index(0);
  Values End = B.loopKernel([&] {
    return B.nest(
        {Batches, Classes},
        {Zero, B.empty(tensorOf(To, I64), To),
         B.empty(tensorOf(Lists, I64), Lists)},
        [&](ArrayRef<Scalar> At, ValueRange S) -> Values {
          Scalar Batch = At[0], Class = At[1], First = B.wrap(S[0]);
          auto Score = [&](Scalar I) {
            return B.load(Scores, {Batch, Class, I});
          };
          // Candidates above the threshold, best first.
          Values Found =
              B.loop(Zero, Count, {Zero, S[2]}, [&](Scalar I, ValueRange C) {
                Scalar Good = constantScalar(B, B.getI1Type(), int64_t(1));
                if (Threshold) {
                  Scalar V = Score(I);
                  Good = V > Threshold.to(V.type());
                }
                return B.when(Good, C, [&]() -> Values {
                  Scalar Place = B.wrap(C[0]);
                  return {Place + 1, B.store(I.to(I64), C[1], {Zero, Place})};
                });
              });
          Scalar Candidates = B.wrap(Found[0]);
          Value Sorted =
              sortIndices(B, Candidates, Found[1], [&](Scalar P, Scalar Q) {
                return Score(P) > Score(Q);
              });
          // Keep what overlaps nothing that is kept already.
          Values Kept = B.loop(
              Zero, Candidates, {First, S[1]}, [&](Scalar K, ValueRange C) {
                Scalar Place = B.wrap(C[0]);
                Value Output = C[1];
                Scalar Item = B.load(Sorted, {Zero, K}).toIndex();
                Box Mine = loadBox(B, Boxes, Batch, Item, Centred);
                Scalar Free = constantScalar(B, B.getI1Type(), int64_t(1));
                // Past the limit nothing is compared any more.
                Scalar Room = Place - First < Limit;
                Values Clear = B.loop(
                    First, select(Room, Place, First), {Free},
                    [&](Scalar P, ValueRange F) -> Values {
                      Scalar Other = B.load(Output, {P, B.index(2)}).toIndex();
                      Box Theirs = loadBox(B, Boxes, Batch, Other, Centred);
                      return {B.wrap(F[0]) &
                              logicalNot(overlaps(Mine, Theirs, Overlap))};
                    });
                return B.when(B.wrap(Clear[0]) & Room, C, [&]() -> Values {
                  Value O = B.store(Batch.to(I64), Output, {Place, Zero});
                  O = B.store(Class.to(I64), O, {Place, B.index(1)});
                  O = B.store(Item.to(I64), O, {Place, B.index(2)});
                  return {Place + 1, O};
                });
              });
          return {Kept[0], Kept[1], Sorted};
        });
  });
  return N.replace(takeFirst(B, End[1], 0, B.wrap(End[0]), N.outType()));
}

void populateSelectionLoweringPatterns(const StorageTypeConverter &Types,
                                       RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.NonZero", lowerNonZero},
      {"onnx.Compress", lowerCompress},
      {"onnx.NonMaxSuppression", lowerNonMaxSuppression},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

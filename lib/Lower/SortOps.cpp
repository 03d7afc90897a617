//===- SortOps.cpp - TopK, Unique -----------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ops that order elements: loop kernels around one merge sort of index lists.
// The lists are destinations of the kernel, so that sorting needs no memory of
// its own.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "IndexHelpers.h"
#include "lathe/Lower/MovementPatterns.h"

using namespace mlir;

namespace lathe::lower {

Value sortIndices(TensorBuilder &B, Scalar Count, Value Lists,
                  function_ref<Scalar(Scalar, Scalar)> Before) {
  Type I64 = B.getI64Type();
  Scalar Last = smax(Count - 1, B.index(0)), Row0 = B.index(0),
         Row1 = B.index(1);
  return B.loopWhile(
      {B.index(1), Lists}, [&](ValueRange S) { return B.wrap(S[0]) < Count; },
      [&](ValueRange S) -> Values {
        Scalar Width = B.wrap(S[0]), Both = Width * 2;
        Values Merged = B.loop(
            B.index(0), ceilDiv(Count, Both), S[1],
            [&](Scalar Block, ValueRange Out) -> Values {
              Scalar Low = Block * Both, Middle = smin(Low + Width, Count),
                     High = smin(Low + Both, Count);
              Values Run = B.loop(
                  Low, High, {Low, Middle, Out[0]},
                  [&](Scalar K, ValueRange R) -> Values {
                    Scalar L = B.wrap(R[0]), H = B.wrap(R[1]);
                    Scalar Left = B.load(R[2], {Row0, smin(L, Last)}).toIndex(),
                           Right =
                               B.load(R[2], {Row0, smin(H, Last)}).toIndex();
                    Scalar TakeLeft =
                        (L < Middle) &
                        ((H >= High) | logicalNot(Before(Right, Left)));
                    Scalar Taken = select(TakeLeft, Left, Right);
                    return {select(TakeLeft, L + 1, L),
                            select(TakeLeft, H, H + 1),
                            B.store(Taken.to(I64), R[2], {Row1, K})};
                  });
              return {Run[2]};
            });
        Values Back = B.loop(
            B.index(0), Count, Merged, [&](Scalar K, ValueRange To) -> Values {
              return {B.store(B.load(To[0], {Row1, K}), To[0], {Row0, K})};
            });
        return {Both, Back[0]};
      })[1];
}

Value takeFirst(TensorBuilder &B, Value Buffer, int64_t Axis, Scalar Count,
                RankedTensorType T) {
  auto From = cast<RankedTensorType>(Buffer.getType());
  Sizes Offsets(From.getRank(), B.attr(0)), Ones(From.getRank(), B.attr(1)),
      Extents = B.sizes(Buffer);
  Extents[Axis] = B.fold(Count);
  Value Cut = B.slice(Buffer, tensorOf(Extents, From.getElementType()), Offsets,
                      Extents, Ones);
  return B.castTo(Cut, T);
}

/// Row 0 of the lists becomes 0 .. Count - 1.
static Value fillIota(TensorBuilder &B, Scalar Count, Value Lists) {
  return B.loop(B.index(0), Count, Lists,
                [&](Scalar I, ValueRange L) -> Values {
                  return {B.store(I.to(B.getI64Type()), L[0], {B.index(0), I})};
                })[0];
}

/// Strictly less, by the sign of ONNX's element type.
static Scalar lessThan(Scalar A, Scalar C, bool Unsigned) {
  return Unsigned ? unsignedLess(A, C) : A < C;
}

static LogicalResult lowerTopK(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0);
  RankedTensorType T = N.outType(0);
  int64_t Rank = T.getRank(), Axis = normalAxis(N.i64("axis", -1), Rank);
  bool Largest = N.i64("largest", 1);
  bool Unsigned = scalar::isUnsigned(N.inElem(0));
  Scalar Length = B.dim(Data, Axis);
  Scalar K = clamp(B.elements(N.in(1)).front().toIndex(), B.index(0), Length);
  if (!T.isDynamicDim(Axis))
    K = B.index(T.getDimSize(Axis));
  Sizes To = B.sizes(Data);
  To[Axis] = B.fold(K);
  Type I64 = B.getI64Type(), Element = T.getElementType();
  Sizes Lists = {B.attr(2), B.fold(Length)};
  Values Outs = {B.empty(tensorOf(To, Element), To),
                 B.empty(tensorOf(To, I64), To)};
  // Short lists are each row's own, so that rows depend on nothing of each
  // other; longer ones are carried from row to row.
  constexpr int64_t MostOwn = 2048;
  auto ListType = tensorOf(Lists, I64);
  bool Own = !ListType.isDynamicDim(1) && ListType.getDimSize(1) <= MostOwn;
  if (!Own)
    Outs.push_back(B.empty(ListType, Lists));
  Scalars Rows;
  for (int64_t D = 0; D < Rank; ++D)
    Rows.push_back(D == Axis ? B.index(1) : B.dim(Data, D));
  Values Result = B.loopKernel([&] {
    return B.nest(Rows, Outs, [&](ArrayRef<Scalar> Row, ValueRange Outs) {
      Scalars At(Row);
      auto Load = [&](Scalar I) {
        At[Axis] = I;
        return B.load(Data, At);
      };
      Value Places = Own ? B.empty(ListType, Lists) : Outs[2];
      Value Sorted = sortIndices(B, Length, fillIota(B, Length, Places),
                                 [&](Scalar P, Scalar Q) {
                                   Scalar V = Load(P), W = Load(Q);
                                   return Largest ? lessThan(W, V, Unsigned)
                                                  : lessThan(V, W, Unsigned);
                                 });
      Values Taken =
          B.loop(B.index(0), K, {Outs[0], Outs[1]},
                 [&](Scalar I, ValueRange R) -> Values {
                   Scalar From = B.load(Sorted, {B.index(0), I});
                   Scalar V = Load(From.toIndex());
                   At[Axis] = I;
                   return {B.store(V, R[0], At), B.store(From, R[1], At)};
                 });
      return Own ? Taken : Values{Taken[0], Taken[1], Sorted};
    });
  });
  return N.replace({Result[0], Result[1]});
}

/// Values in order of size or of first appearance, where each first appears,
/// which of them each element is, and how often each appears.
static LogicalResult lowerUnique(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0);
  bool Whole = !N.hasAttr("axis"), SortedOrder = N.i64("sorted", 1);
  bool Unsigned = scalar::isUnsigned(N.inElem(0));
  Type I64 = B.getI64Type(), Element = N.inType(0).getElementType();
  if (Whole) {
    Sizes Flat = {B.fold(B.product(B.sizes(Data)))};
    Data = B.reshape(Data, tensorOf(Flat, Element), Flat);
  }
  int64_t Rank = cast<RankedTensorType>(Data.getType()).getRank();
  int64_t Axis = normalAxis(N.i64("axis", 0), Rank);
  Scalar Length = B.dim(Data, Axis);
  // Lists of one entry per slice, as rows: the order and the scratch of the
  // sort, then first appearance, inverse, counts.
  enum { Order, Scratch, First, Inverse, Counts, Rows };
  Sizes Lists = {B.attr(Rows), B.fold(Length)};
  Values Outs = {B.empty(tensorOf(B.sizes(Data), Element), B.sizes(Data)),
                 B.empty(tensorOf(Lists, I64), Lists)};
  // All coordinates but the axis.
  Scalars Inner;
  for (int64_t D = 0; D < Rank; ++D)
    if (D != Axis)
      Inner.push_back(B.dim(Data, D));
  auto AtSlice = [&](ArrayRef<Scalar> In, Scalar I) {
    Scalars At(In);
    At.insert(At.begin() + Axis, I);
    return At;
  };
  // Order of slices P and Q: -1, 0 or 1 by the first element that differs.
  auto Compare = [&](Scalar P, Scalar Q) {
    Values R =
        B.nest(Inner, {constantScalar(B, I64, int64_t(0))},
               [&](ArrayRef<Scalar> In, ValueRange So) -> Values {
                 Scalar V = B.load(Data, AtSlice(In, P)),
                        W = B.load(Data, AtSlice(In, Q)), Far = B.wrap(So[0]);
                 Scalar Here = select(lessThan(V, W, Unsigned), Far.same(-1),
                                      select(lessThan(W, V, Unsigned),
                                             Far.same(1), Far.same(0)));
                 return {select(Far == 0, Here, Far)};
               });
    return B.wrap(R[0]);
  };
  auto Get = [&](Value L, int Row, Scalar I) {
    return B.load(L, {B.index(Row), I});
  };
  auto Put = [&](Value L, int Row, Scalar I, Scalar V) {
    return B.store(V.to(I64), L, {B.index(Row), I});
  };
  Values Result = B.loopKernel([&] {
    Scalar Zero = B.index(0);
    Value Sorted =
        sortIndices(B, Length, fillIota(B, Length, Outs[1]),
                    [&](Scalar P, Scalar Q) { return Compare(P, Q) < 0; });
    // Runs of equal slices in sorted order: the first of a run is its earliest
    // appearance, the sort being stable. The inverse row holds the run's number
    // or, if runs are to be numbered by appearance, the earliest slice so far.
    Values Runs = B.loop(
        Zero, Length, {Zero, Sorted}, [&](Scalar K, ValueRange S) -> Values {
          Scalar Groups = B.wrap(S[0]);
          Value L = S[1];
          Scalar Item = Get(L, Order, K).toIndex(),
                 Previous = Get(L, Order, smax(K - 1, Zero)).toIndex();
          Scalar New = (K == 0) | (Compare(Previous, Item) != 0);
          Scalar Group = select(New, Groups, Groups - 1);
          Scalar Head = select(New, Item.to(I64), Get(L, First, Group));
          Scalar Old = Get(L, Counts, Group);
          Scalar Count = select(New, Old.same(0), Old);
          L = Put(L, First, Group, Head);
          L = Put(L, Inverse, Item, SortedOrder ? Group : Head);
          L = Put(L, Counts, Group, Count + 1);
          return {Group + 1, L};
        });
    Scalar Groups = B.wrap(Runs[0]);
    Value L = Runs[1];
    if (!SortedOrder) {
      // Number the runs anew by appearance; recount on the way.
      Values Renamed = B.loop(
          Zero, Length, {Zero, L}, [&](Scalar I, ValueRange S) -> Values {
            Value L = S[1];
            Scalar Head = Get(L, Inverse, I).toIndex(), Next = B.wrap(S[0]);
            Scalar New = Head == I;
            Scalar Id = select(New, Next, Get(L, Scratch, Head).toIndex());
            Scalar Old = Get(L, Counts, Id);
            Scalar Count = select(New, Old.same(0), Old);
            L = Put(L, Scratch, I, Id);
            L = Put(L, First, Id, Head);
            L = Put(L, Inverse, I, Id);
            L = Put(L, Counts, Id, Count + 1);
            return {select(New, Next + 1, Next), L};
          });
      Groups = B.wrap(Renamed[0]);
      L = Renamed[1];
    }
    Values Y = B.loop(Zero, Groups, Outs[0], [&](Scalar G, ValueRange Y) {
      Scalar From = Get(L, First, G).toIndex();
      return B.nest(Inner, Y, [&](ArrayRef<Scalar> In, ValueRange Y) -> Values {
        return {B.store(B.load(Data, AtSlice(In, From)), Y[0], AtSlice(In, G))};
      });
    });
    return Values{Y[0], L, Groups};
  });
  Scalar Count = B.wrap(Result[2]);
  auto Row = [&](int R, OpFoldResult Size, unsigned Out) {
    return B.slice(Result[1], N.outType(Out), {B.attr(R), B.attr(0)},
                   {B.attr(1), Size}, {B.attr(1), B.attr(1)});
  };
  OpFoldResult Some = B.fold(Count);
  return N.replace({takeFirst(B, Result[0], Axis, Count, N.outType(0)),
                    Row(First, Some, 1), Row(Inverse, Lists[1], 2),
                    Row(Counts, Some, 3)});
}

void populateSortLoweringPatterns(const StorageTypeConverter &Types,
                                  RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.TopK", lowerTopK},
      {"onnx.Unique", lowerUnique},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

//===- SliceOps.cpp - Slice, Split, Concat, Pad ---------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ops that cut and join. Forward slices are tensor.extract_slice, joins are
// tensor.concat, constant borders tensor.pad: views and copies that later
// stages can remove. Only backward steps and mirrored borders read by index.
//
//===----------------------------------------------------------------------===//

#include "IndexHelpers.h"
#include "Node.h"
#include "TensorBuilder.h"
#include "lathe/Lower/MovementPatterns.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lathe::lower {

namespace {
/// One axis of a slice: elements First, First + Step ... Count of them.
struct Cut {
  Scalar First, Step, Count;
};
} // namespace

/// ONNX's Slice of one axis of size Dim. End may lie far outside.
static Cut cut(TensorBuilder &B, Scalar Start, Scalar End, Scalar Step,
               Scalar Dim) {
  Scalar Zero = B.index(0);
  auto Wrap = [&](Scalar P) {
    if (std::optional<int64_t> C = P.constant())
      return *C < 0 ? Dim + *C : P;
    return select(P < 0, P + Dim, P);
  };
  auto Limit = [&](Scalar P, Scalar Lo, Scalar Hi) {
    std::optional<int64_t> C = P.constant(), L = Lo.constant();
    // The usual ends need no comparison: 0, and 'to the end'.
    if (C && L && *C <= *L)
      return Lo;
    if (C && *C >= std::numeric_limits<int32_t>::max())
      return Hi;
    Scalar Low = C && L ? P : smax(P, Lo);
    return smin(Low, Hi);
  };
  std::optional<int64_t> KnownStep = Step.constant();
  auto Forward = [&]() -> Cut {
    Scalar S = Limit(Wrap(Start), Zero, Dim), E = Limit(Wrap(End), Zero, Dim);
    Scalar Span = E - S;
    Scalar Count = KnownStep == 1 ? Span : ceilDiv(Span, Step);
    if (S.constant() != 0)
      Count = smax(Count, Zero);
    return {S, Step, Count};
  };
  auto Backward = [&]() -> Cut {
    Scalar S = Limit(Wrap(Start), Zero, Dim - 1);
    // An end far below zero is before the first element; wrapping -1 is not.
    std::optional<int64_t> C = End.constant();
    Scalar E = C && *C <= std::numeric_limits<int32_t>::min()
                   ? B.index(-1)
                   : Limit(Wrap(End), B.index(-1), Dim - 1);
    return {S, Step, smax(ceilDiv(S - E, Zero - Step), Zero)};
  };
  if (KnownStep)
    return *KnownStep > 0 ? Forward() : Backward();
  Cut F = Forward(), R = Backward();
  Scalar Up = Step > 0;
  return {select(Up, F.First, R.First), Step, select(Up, F.Count, R.Count)};
}

/// The elements that the cuts select, as a slice where all steps go forward.
static Value takeCuts(TensorBuilder &B, Value Data, RankedTensorType T,
                      ArrayRef<Cut> Cuts) {
  Sizes Offsets, Extents, Strides;
  bool Forward = true, Known = true;
  for (const Cut &C : Cuts) {
    std::optional<int64_t> Step = C.Step.constant(), First = C.First.constant();
    Forward &= Step && *Step > 0;
    Known &= Step && First;
    Offsets.push_back(B.fold(C.First));
    Extents.push_back(B.fold(C.Count));
    Strides.push_back(B.fold(C.Step));
  }
  Extents = B.refine(T, Extents);
  if (Forward)
    return B.slice(Data, T, Offsets, Extents, Strides);
  if (Known) {
    SmallVector<AffineExpr> Exprs;
    for (auto [D, C] : llvm::enumerate(Cuts))
      Exprs.push_back(B.getAffineDimExpr(D) * *C.Step.constant() +
                      *C.First.constant());
    return B.view(Data, AffineMap::get(Cuts.size(), 0, Exprs, B.getContext()),
                  T, Extents);
  }
  return B.map(T, Extents, [&](Indices &I) {
    Scalars At;
    for (auto [D, C] : llvm::enumerate(Cuts))
      At.push_back(C.First + I[D] * C.Step);
    return B.load(Data, At);
  });
}

/// Whether an axis given at run time means dimension D.
static Scalar isAxis(TensorBuilder &B, Scalar Axis, int64_t D, int64_t Rank) {
  Scalar A = Axis.toIndex();
  return (A == D) | (A == D - Rank);
}

/// A slice of as many leading axes as 'starts' turns out to have elements.
static LogicalResult sliceLeading(Node &N, TensorBuilder &B) {
  Value Data = N.in(0), Starts = N.in(1);
  Scalar Given = B.dim(Starts, 0);
  SmallVector<Cut> Cuts;
  for (int64_t D = 0; D < N.outType().getRank(); ++D) {
    Scalar At = smax(smin(B.index(D), Given - 1), B.index(0));
    Scalar Dim = B.dim(Data, D), Applies = Given > D;
    Cut C = cut(B, B.load(Starts, {At}).toIndex(),
                B.load(N.in(2), {At}).toIndex(), B.index(1), Dim);
    Cuts.push_back({select(Applies, C.First, B.index(0)), B.index(1),
                    select(Applies, C.Count, Dim)});
  }
  return N.replace(takeCuts(B, Data, N.outType(), Cuts));
}

static LogicalResult lowerSlice(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0);
  RankedTensorType T = N.outType();
  int64_t Rank = T.getRank();
  if (!N.inType(1).hasStaticShape() && !N.has(3))
    return sliceLeading(N, B);
  if (!N.inType(1).hasStaticShape())
    return N.fail("'starts' has no known length");
  Scalars Starts = B.elements(N.in(1)), Ends = B.elements(N.in(2)), Steps;
  if (N.has(4))
    Steps = B.elements(N.in(4));
  SmallVector<int64_t> Axes = iota(Starts.size());
  Scalars RuntimeAxes;
  if (auto Given = N.constInts(3))
    Axes = *Given;
  else if (N.has(3))
    RuntimeAxes = B.elements(N.in(3));
  SmallVector<Cut> Cuts;
  for (int64_t D = 0; D < Rank; ++D)
    Cuts.push_back({B.index(0), B.index(1), B.dim(Data, D)});
  auto CutAt = [&](size_t I, int64_t D) {
    Scalar Step = Steps.empty() ? B.index(1) : Steps[I].toIndex();
    return cut(B, Starts[I].toIndex(), Ends[I].toIndex(), Step, B.dim(Data, D));
  };
  for (Scalar S : Steps)
    if (S.constant() == 0)
      return N.fail("a step of 0");
  for (auto [I, A] : llvm::enumerate(Axes)) {
    if (RuntimeAxes.empty()) {
      int64_t D = A < 0 ? A + Rank : A;
      Cuts[D] = CutAt(I, D);
      continue;
    }
    // An axis known only at run time may be any: each takes its cut if it is.
    for (int64_t D = 0; D < Rank; ++D) {
      Cut C = CutAt(I, D);
      Scalar Mine = isAxis(B, RuntimeAxes[I], D, Rank);
      Cuts[D] = {select(Mine, C.First, Cuts[D].First),
                 select(Mine, C.Step, Cuts[D].Step),
                 select(Mine, C.Count, Cuts[D].Count)};
    }
  }
  return N.replace(takeCuts(B, Data, T, Cuts));
}

static LogicalResult lowerSplit(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0);
  int64_t Rank = N.inRank(0), Axis = N.i64("axis", 0);
  if (Axis < 0)
    Axis += Rank;
  unsigned Parts = N.op()->getNumResults();
  Scalar Dim = B.dim(Data, Axis);
  Scalars Lengths;
  if (N.has(1)) {
    Lengths = B.elements(N.in(1));
    if (Lengths.size() != Parts)
      return N.fail("'split' has another number of entries than there are "
                    "outputs");
    for (Scalar &L : Lengths)
      L = L.toIndex();
  } else {
    // Equal parts; the last one may be shorter.
    Scalar Chunk = ceilDiv(Dim, B.index(Parts));
    Lengths.assign(Parts, Chunk);
    Lengths.back() = Dim - Chunk * (Parts - 1);
  }
  Scalar First = B.index(0);
  Values Results;
  for (unsigned P = 0; P < Parts; ++P) {
    SmallVector<Cut> Cuts;
    for (int64_t D = 0; D < Rank; ++D)
      Cuts.push_back({B.index(0), B.index(1), B.dim(Data, D)});
    Cuts[Axis] = {First, B.index(1), Lengths[P]};
    First = First + Lengths[P];
    Results.push_back(N.outUsed(P) ? takeCuts(B, Data, N.outType(P), Cuts)
                                   : Value());
  }
  return N.replace(Results);
}

static LogicalResult lowerConcat(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  int64_t Axis = N.i64("axis", 0);
  if (Axis < 0)
    Axis += T.getRank();
  // Empty parts add nothing. Parts agree in all dimensions but the axis, so
  // what one of them knows all of them know.
  Values Parts;
  for (Value V : N.ins(0)) {
    auto Part = cast<RankedTensorType>(V.getType());
    if (Part.getDimSize(Axis) == 0)
      continue;
    SmallVector<int64_t> Shape(T.getShape());
    Shape[Axis] = Part.getDimSize(Axis);
    Parts.push_back(
        B.castTo(V, RankedTensorType::get(Shape, T.getElementType())));
  }
  if (Parts.empty())
    return N.replace(B.empty(T, B.sizes(N.ins(0).front())));
  return N.replace(B.concat(Axis, Parts, T));
}

/// Pad with the values of the tensor itself: where index P of the result lies
/// in a tensor of size Dim, P already less the amount in front.
static Scalar mirrored(TensorBuilder &B, StringRef Mode, Scalar P, Scalar Dim) {
  Scalar Zero = B.index(0), Last = Dim - 1;
  if (Mode == "edge")
    return clamp(P, Zero, Last);
  auto Modulo = [&](Scalar A, Scalar M) {
    Scalar R = A % M;
    return select(R < 0, R + M, R);
  };
  if (Mode == "wrap")
    return Modulo(P, Dim);
  Scalar Period = smax(Last * 2, B.index(1));
  Scalar R = Modulo(P, Period);
  return select(R > Last, Period - R, R);
}

static LogicalResult lowerPad(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0);
  RankedTensorType T = N.outType();
  int64_t Rank = T.getRank();
  StringRef Mode = N.str("mode", "constant");
  if (!N.inType(1).hasStaticShape())
    return N.fail("'pads' has no known length");
  Scalars Pads = B.elements(N.in(1));
  SmallVector<int64_t> Axes = iota(Rank);
  Scalars RuntimeAxes;
  if (auto Given = N.constInts(3)) {
    Axes = *Given;
  } else if (N.has(3)) {
    RuntimeAxes = B.elements(N.in(3));
    Axes.resize(RuntimeAxes.size());
  }
  if (Pads.size() != 2 * Axes.size())
    return N.fail("'pads' must hold two amounts per axis");
  Scalars Front(Rank, B.index(0)), Back(Rank, B.index(0));
  for (auto [I, A] : llvm::enumerate(Axes)) {
    Scalar F = Pads[I].toIndex(), K = Pads[I + Axes.size()].toIndex();
    if (RuntimeAxes.empty()) {
      int64_t D = A < 0 ? A + Rank : A;
      Front[D] = F;
      Back[D] = K;
      continue;
    }
    for (int64_t D = 0; D < Rank; ++D) {
      Scalar Mine = isAxis(B, RuntimeAxes[I], D, Rank);
      Front[D] = select(Mine, F, Front[D]);
      Back[D] = select(Mine, K, Back[D]);
    }
  }
  Sizes To;
  bool Constant = true;
  for (int64_t D = 0; D < Rank; ++D) {
    To.push_back(B.fold(B.dim(Data, D) + Front[D] + Back[D]));
    Constant &= Front[D].constant() && Back[D].constant();
  }
  To = B.refine(T, To);

  if (Mode != "constant")
    return N.replace(B.map(T, To, [&](Indices &I) {
      Scalars At;
      for (int64_t D = 0; D < Rank; ++D)
        At.push_back(Front[D].constant() == 0 && Back[D].constant() == 0
                         ? I[D]
                         : mirrored(B, Mode, I[D] - Front[D], B.dim(Data, D)));
      return B.load(Data, At);
    }));

  Type Element = T.getElementType();
  Scalar Value =
      N.has(2) ? B.elements(N.in(2)).front() : B.constant(Element, 0);
  if (!Constant)
    return N.replace(B.map(T, To, [&](Indices &I) {
      Scalars At;
      Scalar Inside;
      for (int64_t D = 0; D < Rank; ++D) {
        Scalar P = I[D] - Front[D], Dim = B.dim(Data, D);
        // Unsigned: negative positions are far above any size.
        Scalar In = unsignedLess(P, Dim);
        Inside = Inside ? Inside & In : In;
        At.push_back(clamp(P, B.index(0), Dim - 1));
      }
      Scalar Loaded = B.load(Data, At);
      return Inside ? select(Inside, Loaded, Value) : Loaded;
    }));

  // Negative amounts crop first.
  SmallVector<Cut> Crop;
  Sizes Low, High;
  bool Crops = false, Pads1 = false;
  for (int64_t D = 0; D < Rank; ++D) {
    int64_t F = *Front[D].constant(), K = *Back[D].constant();
    Crop.push_back(
        {B.index(std::max<int64_t>(-F, 0)), B.index(1),
         B.dim(Data, D) + std::min<int64_t>(F, 0) + std::min<int64_t>(K, 0)});
    Crops |= F < 0 || K < 0;
    Pads1 |= F > 0 || K > 0;
    Low.push_back(B.attr(std::max<int64_t>(F, 0)));
    High.push_back(B.attr(std::max<int64_t>(K, 0)));
  }
  mlir::Value Inner = Data;
  if (Crops) {
    Sizes Kept;
    for (const Cut &C : Crop)
      Kept.push_back(B.fold(C.Count));
    Inner = takeCuts(B, Data, tensorOf(Kept, Element), Crop);
  }
  if (!Pads1)
    return N.replace(Inner);
  return N.replace(tensor::PadOp::create(B, Type(), Inner, Low, High,
                                         Value.value(), /*nofold=*/false)
                       .getResult());
}

static constexpr Lowering Table[] = {
    {"onnx.Slice", lowerSlice},
    {"onnx.Split", lowerSplit},
    {"onnx.Concat", lowerConcat},
    {"onnx.Pad", lowerPad},
};

void populateSliceLoweringPatterns(const StorageTypeConverter &Types,
                                   RewritePatternSet &Patterns) {
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

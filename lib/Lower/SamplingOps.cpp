//===- SamplingOps.cpp - Reads at computed positions ----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// GridSample and AffineGrid are generics; regions of interest, MaxUnpool,
// Col2Im and Det, whose loops depend on data or overlap, are loop kernels. A
// position that is not a number reads element 0.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "IndexHelpers.h"
#include "lathe/Lower/MovementPatterns.h"

using namespace mlir;

namespace lathe::lower {

/// A size as a float of type T.
static Scalar asFloat(TensorBuilder &B, Scalar Size, Type T) {
  return Size.to(B.getI64Type()).to(T);
}

/// The float V as an index in [0, Dim).
static Scalar boundedIndex(TensorBuilder &B, Scalar V, Scalar Dim) {
  Scalar Last = asFloat(B, Dim - 1, V.type());
  V = select(V > 0.0, V, V.same(0.0));
  V = select(V < Last, V, Last);
  return clamp(V.toIndex(), B.index(0), Dim - 1);
}

//===----------------------------------------------------------------------===//
// GridSample, AffineGrid
//===----------------------------------------------------------------------===//

namespace {
class GridSampler {
public:
  GridSampler(Node &N, TensorBuilder &B)
      : B(B), Data(N.in(0)), Mode(N.str("mode", "linear")),
        Padding(N.str("padding_mode", "zeros")),
        Corners(N.i64("align_corners", 0)) {
    Type Element = N.inType(0).getElementType();
    T = Element.isF64() ? Element : Type(B.getF32Type());
  }

  /// The sample of channel At[1] of batch At[0] around Point.
  Scalar sample(ArrayRef<Scalar> At, ArrayRef<Scalar> Point);
  /// A grid coordinate in [-1, 1] as a position along dimension D.
  Scalar position(Scalar Coordinate, int64_t D);
  Type computeType() const { return T; }

private:
  Scalar low(int64_t) { return B.constant(T, Corners ? 0.0 : -0.5); }
  Scalar high(int64_t D) {
    return asFloat(B, B.dim(Data, D), T) - (Corners ? 1.0 : 0.5);
  }
  /// X folded back into [low, high] at its ends.
  Scalar reflect(Scalar X, int64_t D) {
    Scalar Low = low(D), High = high(D), Range = High - Low;
    Scalar Safe = select(Range > 0.0, Range, Range.same(1.0));
    Scalar Far = absOf(X - Low), Turns = floorOf(Far / Safe);
    Scalar Rest = Far - Turns * Safe;
    Scalar Odd = Turns - floorOf(Turns / 2.0) * 2.0;
    return select(Range > 0.0, select(Odd == 0.0, Low + Rest, High - Rest),
                  Low);
  }
  /// Sums over the taps of dimensions from D on.
  Scalar taps(SmallVectorImpl<Scalar> &At, ArrayRef<Scalar> Point, size_t D,
              Scalar Inside);

  TensorBuilder &B;
  Value Data;
  StringRef Mode, Padding;
  bool Corners;
  Type T;
};
} // namespace

Scalar GridSampler::position(Scalar C, int64_t D) {
  Scalar Size = asFloat(B, B.dim(Data, D), T);
  Scalar X =
      Corners ? (C + 1.0) / 2.0 * (Size - 1.0) : ((C + 1.0) * Size - 1.0) / 2.0;
  Scalar Out = (X < low(D)) | (X > high(D));
  if (Padding == "border")
    return select(Out, clamp(X, X.same(0.0), Size - 1.0), X);
  if (Padding == "reflection")
    return select(Out, reflect(X, D), X);
  return X;
}

Scalar GridSampler::taps(SmallVectorImpl<Scalar> &At, ArrayRef<Scalar> Point,
                         size_t D, Scalar Inside) {
  if (D == Point.size()) {
    Scalar V = B.load(Data, At).to(T);
    return Inside ? select(Inside, V, V.same(0.0)) : V;
  }
  Scalar X = Point[D], Dim = B.dim(Data, D + 2);
  // Positions and weights along this dimension.
  Scalar First = Mode == "nearest" ? roundEven(X) : floorOf(X);
  Scalars Where, Weight;
  if (Mode == "nearest") {
    Where = {First};
    Weight = {Scalar()};
  } else if (Mode == "linear") {
    Scalar F = X - First;
    Where = {First, First + 1.0};
    Weight = {1.0 - F, F};
  } else {
    double A = -0.75;
    Scalar F = X - First;
    for (int K = -1; K <= 2; ++K) {
      Scalar S = absOf(F - static_cast<double>(K));
      Where.push_back(First + static_cast<double>(K));
      Weight.push_back(K == 0 || K == 1
                           ? ((A + 2.0) * S - (A + 3.0)) * S * S + 1.0
                           : ((A * S - 5.0 * A) * S + 8.0 * A) * S - 4.0 * A);
    }
  }
  Scalar Sum;
  for (auto [P, W] : llvm::zip_equal(Where, Weight)) {
    Scalar In = Inside;
    Scalar Q = P;
    if (Padding == "zeros") {
      Scalar Here = (P >= 0.0) & (P <= asFloat(B, Dim - 1, T));
      In = In ? In & Here : Here;
    } else if (Padding == "reflection") {
      Q = reflect(P, D + 2);
    }
    At.push_back(boundedIndex(B, Q, Dim));
    Scalar V = taps(At, Point, D + 1, In);
    At.pop_back();
    if (W)
      V = V * W;
    Sum = Sum ? Sum + V : V;
  }
  return Sum;
}

Scalar GridSampler::sample(ArrayRef<Scalar> At, ArrayRef<Scalar> Point) {
  Scalars Index(At.take_front(2));
  return taps(Index, Point, 0, Scalar());
}

static LogicalResult lowerGridSample(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0), Grid = N.in(1);
  RankedTensorType T = N.outType();
  int64_t Spatial = N.inRank(0) - 2;
  if (!isa<FloatType>(T.getElementType()))
    return N.fail("only floats are supported");
  GridSampler Sampler(N, B);
  Sizes To = {B.size(Data, 0), B.size(Data, 1)};
  for (int64_t D = 0; D < Spatial; ++D)
    To.push_back(B.size(Grid, D + 1));
  return N.replace(B.map(T, To, [&](Indices &I) {
    Scalars All = I.all(), Where = {All[0]}, Point;
    llvm::append_range(Where, ArrayRef(All).drop_front(2));
    Where.push_back(Scalar());
    // The grid lists coordinates innermost dimension first.
    for (int64_t D = 0; D < Spatial; ++D) {
      Where.back() = B.index(Spatial - 1 - D);
      Point.push_back(Sampler.position(
          B.load(Grid, Where).to(Sampler.computeType()), D + 2));
    }
    return Sampler.sample(All, Point).to(T.getElementType());
  }));
}

static LogicalResult lowerAffineGrid(Node &N) {
  TensorBuilder B(N);
  Value Theta = N.in(0);
  RankedTensorType T = N.outType();
  int64_t Spatial = T.getRank() - 2;
  bool Corners = N.i64("align_corners", 0);
  Type Element = T.getElementType();
  Scalars Wanted = B.elements(N.in(1));
  Sizes To = {B.size(Theta, 0)};
  for (int64_t D = 0; D < Spatial; ++D)
    To.push_back(B.fold(Wanted[D + 2].toIndex()));
  To.push_back(B.attr(Spatial));
  To = B.refine(T, To);
  return N.replace(B.map(T, To, [&](Indices &I) {
    // theta[n, row] . (x, y, .., 1) with x along the innermost dimension.
    Scalar Sum = B.load(Theta, {I[0], I[Spatial + 1], B.index(Spatial)});
    for (int64_t C = 0; C < Spatial; ++C) {
      int64_t D = Spatial - C;
      Scalar Size = asFloat(B, B.wrap(To[D]), Element),
             P = asFloat(B, I[D], Element);
      Scalar Last = smax(Size - 1.0, Size.same(1.0));
      Scalar X = Corners ? P * 2.0 / Last - 1.0 : (P * 2.0 + 1.0) / Size - 1.0;
      Sum = Sum + B.load(Theta, {I[0], I[Spatial + 1], B.index(C)}) * X;
    }
    return Sum;
  }));
}

//===----------------------------------------------------------------------===//
// Regions of interest
//===----------------------------------------------------------------------===//

static LogicalResult lowerRoiAlign(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0), Rois = N.in(1), Batches = N.in(2);
  Type Element = N.outType().getElementType();
  Type T = Element.isF64() ? Element : Type(B.getF32Type());
  bool Average = N.str("mode", "avg") == "avg";
  bool Half =
      N.str("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  int64_t Ratio = N.i64("sampling_ratio", 0);
  double Scale = N.f32("spatial_scale", 1.0);
  Sizes To = {B.size(Rois, 0), B.size(Data, 1),
              B.attr(N.i64("output_height", 1)),
              B.attr(N.i64("output_width", 1))};
  Scalar Zero = B.index(0);
  Scalars Extents;
  for (OpFoldResult S : To)
    Extents.push_back(B.wrap(S));
  Value Out = B.empty(tensorOf(To, Element), To);
  return N.replace(B.loopKernel([&] {
    return B.nest(
        Extents, Out, [&](ArrayRef<Scalar> At, ValueRange Outs) -> Values {
          Scalar Batch = wrapIndex(B, B.load(Batches, {At[0]}), B.dim(Data, 0));
          // Along each axis: where the bin starts, how wide it is, how many
          // samples.
          Scalar Start[2], Bin[2], Samples[2];
          for (int A = 0; A < 2; ++A) {
            auto Corner = [&](int K) {
              return B.load(Rois, {At[0], B.index(K)}).to(T) * Scale -
                     (Half ? 0.5 : 0.0);
            };
            Scalar First = Corner(1 - A), Size = Corner(3 - A) - First;
            if (!Half)
              Size = smax(Size, Size.same(1.0));
            Bin[A] = Size / asFloat(B, Extents[2 + A], T);
            Samples[A] = Ratio > 0 ? B.index(Ratio)
                                   : smax(ceilOf(Bin[A]).toIndex(), Zero);
            Start[A] = First + asFloat(B, At[2 + A], T) * Bin[A];
          }
          Scalar None = B.constant(T, 0.0);
          Values Sum = B.nest(
              {Samples[0], Samples[1]}, {None},
              [&](ArrayRef<Scalar> S, ValueRange So) -> Values {
                Scalar Low[2], High[2], Near[2], Far[2], Inside;
                for (int A = 0; A < 2; ++A) {
                  Scalar Dim = B.dim(Data, 2 + A), Size = asFloat(B, Dim, T);
                  Scalar X = Start[A] + (asFloat(B, S[A], T) + 0.5) * Bin[A] /
                                            asFloat(B, Samples[A], T);
                  Scalar In = (X >= -1.0) & (X <= Size);
                  Inside = Inside ? Inside & In : In;
                  X = smin(smax(X, X.same(0.0)), Size - 1.0);
                  Low[A] = boundedIndex(B, X, Dim);
                  High[A] = smin(Low[A] + 1, Dim - 1);
                  Far[A] = X - asFloat(B, Low[A], T);
                  Near[A] = 1.0 - Far[A];
                }
                auto Corner = [&](Scalar Y, Scalar X, Scalar W) {
                  return B.load(Data, {Batch, At[1], Y, X}).to(T) * W;
                };
                Scalar C[4] = {Corner(Low[0], Low[1], Near[0] * Near[1]),
                               Corner(Low[0], High[1], Near[0] * Far[1]),
                               Corner(High[0], Low[1], Far[0] * Near[1]),
                               Corner(High[0], High[1], Far[0] * Far[1])};
                Scalar V = Average ? C[0] + C[1] + C[2] + C[3]
                                   : smax(smax(C[0], C[1]), smax(C[2], C[3]));
                V = select(Inside, V, None);
                Scalar Old = B.wrap(So[0]);
                Scalar First = (S[0] == 0) & (S[1] == 0);
                return {Average ? Old + V : select(First, V, smax(Old, V))};
              });
          Scalar Result = B.wrap(Sum[0]);
          if (Average)
            Result = Result /
                     asFloat(B, smax(Samples[0] * Samples[1], B.index(1)), T);
          return {B.store(Result.to(Element), Outs[0], At)};
        });
  }));
}

static LogicalResult lowerMaxRoiPool(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0), Rois = N.in(1);
  Type T = N.outType().getElementType();
  SmallVector<int64_t> Pooled = N.ints("pooled_shape");
  if (Pooled.size() != 2)
    return N.fail("'pooled_shape' must have two entries");
  double Scale = N.f32("spatial_scale", 1.0);
  Sizes To = {B.size(Rois, 0), B.size(Data, 1), B.attr(Pooled[0]),
              B.attr(Pooled[1])};
  Scalars Extents;
  for (OpFoldResult S : To)
    Extents.push_back(B.wrap(S));
  Value Out = B.empty(tensorOf(To, T), To);
  return N.replace(B.loopKernel([&] {
    return B.nest(
        Extents, Out, [&](ArrayRef<Scalar> At, ValueRange Outs) -> Values {
          Scalar Batch = boundedIndex(B, B.load(Rois, {At[0], B.index(0)}),
                                      B.dim(Data, 0));
          Scalar Low[2], Count[2];
          for (int A = 0; A < 2; ++A) {
            auto Corner = [&](int K) {
              return floorOf(B.load(Rois, {At[0], B.index(K)}) * Scale + 0.5);
            };
            Scalar First = Corner(2 - A), Last = Corner(4 - A);
            Scalar Bin = smax(Last - First + 1.0, First.same(1.0)) /
                         static_cast<double>(Pooled[A]);
            Scalar P = asFloat(B, At[2 + A], T);
            Scalar Dim = B.dim(Data, 2 + A), Zero = B.index(0);
            Scalar Start = (floorOf(P * Bin) + First).toIndex();
            Scalar End = (ceilOf((P + 1.0) * Bin) + First).toIndex();
            Low[A] = clamp(Start, Zero, Dim);
            Count[A] = smax(clamp(End, Zero, Dim) - Low[A], Zero);
          }
          Scalar None = B.constant(T, 0.0);
          Values Most =
              B.nest({Count[0], Count[1]}, {None},
                     [&](ArrayRef<Scalar> K, ValueRange So) -> Values {
                       Scalar V = B.load(
                           Data, {Batch, At[1], Low[0] + K[0], Low[1] + K[1]});
                       return {select((K[0] == 0) & (K[1] == 0), V,
                                      smax(B.wrap(So[0]), V))};
                     });
          return {B.store(B.wrap(Most[0]), Outs[0], At)};
        });
  }));
}

//===----------------------------------------------------------------------===//
// MaxUnpool, Col2Im, Det
//===----------------------------------------------------------------------===//

/// Element K goes to where the pooling took it from; the indices count through
/// the shape that the pooling had, which a wanted shape may exceed.
static LogicalResult lowerMaxUnpool(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0), Idx = N.in(1);
  RankedTensorType T = N.outType();
  int64_t Rank = T.getRank();
  SmallVector<int64_t> Kernel = N.ints("kernel_shape"),
                       Strides = N.ints("strides"), Pads = N.ints("pads");
  Strides.resize(Rank - 2, 1);
  Pads.resize(2 * (Rank - 2), 0);
  Sizes Pooled = {B.size(Data, 0), B.size(Data, 1)};
  for (int64_t D = 0; D < Rank - 2; ++D)
    Pooled.push_back(B.fold((B.dim(Data, D + 2) - 1) * Strides[D] -
                            (Pads[D] + Pads[D + Rank - 2]) + Kernel[D]));
  Sizes To = Pooled;
  if (N.has(2))
    for (auto [D, E] : llvm::enumerate(B.elements(N.in(2))))
      To[D] = B.fold(E.toIndex());
  To = B.refine(T, To);
  Scalars Extents;
  for (int64_t D = 0; D < Rank; ++D)
    Extents.push_back(B.dim(Data, D));
  Value Out = B.fill(T, To, B.constant(T.getElementType(), 0));
  return N.replace(B.loopKernel([&] {
    return B.nest(Extents, Out,
                  [&](ArrayRef<Scalar> I, ValueRange Outs) -> Values {
                    Scalar Flat = B.load(Idx, I).toIndex();
                    Scalars At(Rank);
                    for (int64_t D = Rank - 1; D >= 0; --D) {
                      Scalar Size = B.wrap(Pooled[D]);
                      At[D] = clamp(Flat % Size, B.index(0), B.wrap(To[D]) - 1);
                      Flat = Flat / Size;
                    }
                    return {B.store(B.load(Data, I), Outs[0], At)};
                  });
  }));
}

static LogicalResult lowerCol2Im(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0);
  RankedTensorType T = N.outType();
  int64_t Spatial = T.getRank() - 2;
  Scalars Image = B.elements(N.in(1)), Block = B.elements(N.in(2));
  SmallVector<int64_t> Strides = N.ints("strides"), Pads = N.ints("pads"),
                       Dilations = N.ints("dilations");
  Strides.resize(Spatial, 1);
  Dilations.resize(Spatial, 1);
  Pads.resize(2 * Spatial, 0);
  Scalar BlockSize = B.index(1);
  Scalars Extents = {B.dim(Data, 0), Scalar()};
  for (int64_t D = 0; D < Spatial; ++D) {
    Image[D] = Image[D].toIndex();
    Block[D] = Block[D].toIndex();
    if (!T.isDynamicDim(D + 2))
      Image[D] = B.index(T.getDimSize(D + 2));
    BlockSize = BlockSize * Block[D];
    Extents.push_back(Block[D]);
  }
  Scalar Channels =
      T.isDynamicDim(1) ? B.dim(Data, 1) / BlockSize : B.index(T.getDimSize(1));
  Extents[1] = Channels;
  Sizes To = {B.size(Data, 0), B.fold(Channels)};
  Scalars Columns;
  for (int64_t D = 0; D < Spatial; ++D) {
    To.push_back(B.fold(Image[D]));
    Scalar Span = Image[D] + (Pads[D] + Pads[D + Spatial]) -
                  (Block[D] - 1) * Dilations[D] - 1;
    Columns.push_back(Span / B.index(Strides[D]) + 1);
    Extents.push_back(Columns[D]);
  }
  Value Out = B.fill(T, To, B.constant(T.getElementType(), 0));
  return N.replace(B.loopKernel([&] {
    // Batch, channel, place in the block, column.
    return B.nest(Extents, Out, [&](ArrayRef<Scalar> I, ValueRange Outs) {
      Scalars At = {I[0], I[1]};
      Scalar Row = I[1], Column = B.index(0), Inside;
      for (int64_t D = 0; D < Spatial; ++D) {
        Scalar K = I[2 + D], L = I[2 + Spatial + D];
        Row = Row * Block[D] + K;
        Column = Column * Columns[D] + L;
        Scalar P = L * Strides[D] + K * Dilations[D] - Pads[D];
        Scalar In = unsignedLess(P, Image[D]);
        Inside = Inside ? Inside & In : In;
        At.push_back(P);
      }
      return B.when(Inside, Outs, [&]() -> Values {
        Scalar V = B.load(Data, {I[0], Row, Column});
        return {B.store(B.load(Outs[0], At) + V, Outs[0], At)};
      });
    });
  }));
}

/// The determinant by elimination with row exchanges, on a copy of the matrix.
static LogicalResult lowerDet(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0);
  RankedTensorType T = N.outType();
  int64_t Lead = T.getRank();
  Type Element = T.getElementType();
  Scalar Size = B.dim(Data, Lead);
  Sizes To = B.sizes(Data), Square = {B.fold(Size), B.fold(Size)};
  To.resize(Lead);
  Scalars Extents;
  for (OpFoldResult S : To)
    Extents.push_back(B.wrap(S));
  Scalar Zero = B.index(0);
  Values Outs = {B.empty(T, To), B.empty(tensorOf(Square, Element), Square)};
  Values Result = B.loopKernel([&] {
    return B.nest(
        Extents, Outs, [&](ArrayRef<Scalar> Row, ValueRange Outs) -> Values {
          Scalars Batch(Row);
          Values Copy = B.nest({Size, Size}, Outs[1],
                               [&](ArrayRef<Scalar> I, ValueRange M) -> Values {
                                 Scalars At = Batch;
                                 llvm::append_range(At, I);
                                 return {B.store(B.load(Data, At), M[0], I)};
                               });
          Values Done = B.loop(
              Zero, Size, {B.constant(Element, 1.0), Copy[0]},
              [&](Scalar K, ValueRange S) -> Values {
                Value M = S[1];
                // The largest element of column K from row K on.
                Values Best = B.loop(
                    K + 1, Size, {K}, [&](Scalar R, ValueRange P) -> Values {
                      Scalar Old = B.wrap(P[0]);
                      Scalar Larger =
                          absOf(B.load(M, {R, K})) > absOf(B.load(M, {Old, K}));
                      return {select(Larger, R, Old)};
                    });
                Scalar Pivot = B.wrap(Best[0]);
                Values Swapped =
                    B.loop(K, Size, M, [&](Scalar C, ValueRange M) -> Values {
                      Scalar Up = B.load(M[0], {K, C}),
                             Down = B.load(M[0], {Pivot, C});
                      Value First = B.store(Down, M[0], {K, C});
                      return {B.store(Up, First, {Pivot, C})};
                    });
                Scalar Diagonal = B.load(Swapped[0], {K, K});
                Scalar Det = B.wrap(S[0]) * Diagonal;
                Det = select(Pivot == K, Det, -Det);
                Scalar Safe =
                    select(Diagonal == 0.0, Diagonal.same(1.0), Diagonal);
                Values Reduced =
                    B.loop(K + 1, Size, Swapped, [&](Scalar R, ValueRange M) {
                      Scalar Factor = B.load(M[0], {R, K}) / Safe;
                      return B.loop(K, Size, M,
                                    [&](Scalar C, ValueRange M) -> Values {
                                      Scalar V = B.load(M[0], {R, C}) -
                                                 Factor * B.load(M[0], {K, C});
                                      return {B.store(V, M[0], {R, C})};
                                    });
                    });
                return {Det, Reduced[0]};
              });
          return {B.store(B.wrap(Done[0]), Outs[0], Batch), Done[1]};
        });
  });
  return N.replace(Result[0]);
}

void populateSamplingLoweringPatterns(const StorageTypeConverter &Types,
                                      RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.AffineGrid", lowerAffineGrid},
      {"onnx.Col2Im", lowerCol2Im},
      {"onnx.Det", lowerDet},
      {"onnx.GridSample", lowerGridSample},
      {"onnx.MaxRoiPool", lowerMaxRoiPool},
      {"onnx.MaxUnpool", lowerMaxUnpool},
      {"onnx.RoiAlign", lowerRoiAlign},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

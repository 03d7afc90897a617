//===- ResizeOps.cpp - Resize ---------------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A resize is separable: along each axis that changes, every output element is
// a weighted sum of a few input elements. Per axis there are two tables,
// positions and weights, [size x taps]: constants where sizes and scales are
// known, small generics where not. One generic per axis reads through them.
//
// Enlarging by a whole number to the nearest element is a broadcast and a
// collapse_shape: no table, no arithmetic.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "IndexHelpers.h"
#include "lathe/Lower/MovementPatterns.h"
#include <cmath>

using namespace mlir;

namespace lathe::lower {

namespace {

enum class Mode { Nearest, Linear, Cubic };

/// What the attributes say; the same for every axis.
struct Settings {
  Mode M;
  StringRef Coordinates, Rounding;
  double CubicA, Extrapolation;
  bool ExcludeOutside, Antialias;
};

/// One axis: sizes and scale as numbers or as scalars of type f64.
template <class T> struct Axis { T In, Out, Scale, RoiStart, RoiEnd; };

/// The position in the input that output element I comes from.
template <class T> T sourcePosition(const Settings &S, const Axis<T> &A, T I) {
  if (S.Coordinates == "asymmetric")
    return I / A.Scale;
  if (S.Coordinates == "align_corners") {
    // The scale that was asked for counts, whole number of elements or not.
    T Span = A.Scale * A.In - 1.0;
    return select(A.Out == 1.0, I * 0.0,
                  I * (A.In - 1.0) / select(Span == 0.0, Span + 1.0, Span));
  }
  if (S.Coordinates == "pytorch_half_pixel")
    return select(A.Out <= 1.0, I * 0.0, (I + 0.5) / A.Scale - 0.5);
  if (S.Coordinates == "tf_crop_and_resize")
    return select(A.Out <= 1.0, (A.RoiStart + A.RoiEnd) * (A.In - 1.0) * 0.5,
                  A.RoiStart * (A.In - 1.0) +
                      I * (A.RoiEnd - A.RoiStart) * (A.In - 1.0) /
                          smax(A.Out - 1.0, I * 0.0 + 1.0));
  if (S.Coordinates == "half_pixel_symmetric") {
    // The scale that was asked for may not give a whole number of elements; the
    // difference is split evenly between both ends.
    T Exact = A.Scale * A.In;
    T Centre = A.In / 2.0, Offset = Centre * (1.0 - A.Out / Exact);
    return Offset + (I + 0.5) / A.Scale - 0.5;
  }
  return (I + 0.5) / A.Scale - 0.5;
}

template <class T> T roundPosition(const Settings &S, T X) {
  if (S.Rounding == "round_prefer_ceil")
    return floorOf(X + 0.5);
  if (S.Rounding == "floor")
    return floorOf(X);
  if (S.Rounding == "ceil")
    return ceilOf(X);
  return ceilOf(X - 0.5);
}

/// The interpolation kernel at distance X.
template <class T> T kernelWeight(const Settings &S, T X) {
  T D = absOf(X);
  if (S.M == Mode::Linear)
    return smax(1.0 - D, D * 0.0);
  double A = S.CubicA;
  T Near = ((A + 2.0) * D - (A + 3.0)) * D * D + 1.0;
  T Far = ((A * D - 5.0 * A) * D + 8.0 * A) * D - 4.0 * A;
  return select(D <= 1.0, Near, select(D < 2.0, Far, D * 0.0));
}

/// Positions and weights of the taps of one output element.
template <class T> struct Taps { SmallVector<T> At, Weight; };

/// \p Stretch is 1 or, for an antialiased reduction, 1 / scale; \p Count taps.
template <class T>
Taps<T> tapsOf(const Settings &S, const Axis<T> &A, T I, int64_t Count,
               T Stretch) {
  Taps<T> R;
  T X = sourcePosition(S, A, I), Zero = I * 0.0, Last = A.In - 1.0;
  if (S.M == Mode::Nearest) {
    T P = roundPosition(S, X);
    R.At = {smin(smax(P, Zero), Last)};
    R.Weight = {Zero + 1.0};
    return R;
  }
  // Taps lie around X: from floor(X) - half + 1.
  T First = floorOf(X) - static_cast<double>(Count / 2 - 1);
  T Sum = Zero;
  for (int64_t K = 0; K < Count; ++K) {
    T P = First + static_cast<double>(K);
    T W = kernelWeight(S, (P - X) / Stretch);
    if (S.ExcludeOutside)
      W = select(P < 0.0, Zero, select(P > Last, Zero, W));
    Sum = Sum + W;
    R.At.push_back(smin(smax(P, Zero), Last));
    R.Weight.push_back(W);
  }
  // Weights of a stretched or cut kernel do not add up to one by themselves.
  if (S.ExcludeOutside || S.Antialias)
    for (T &W : R.Weight)
      W = W / Sum;
  return R;
}

struct Tables {
  Value At, Weight;
};

/// Tables of one axis with all numbers known.
Tables constantTables(TensorBuilder &B, const Settings &S,
                      const Axis<double> &A, Type Compute) {
  double Stretch = S.Antialias && A.Scale < 1.0 ? 1.0 / A.Scale : 1.0;
  int64_t Half = S.M == Mode::Cubic ? 2 : 1;
  int64_t Count = S.M == Mode::Nearest
                      ? 1
                      : 2 * static_cast<int64_t>(std::ceil(Half * Stretch));
  SmallVector<int64_t> At;
  SmallVector<Attribute> Weights;
  for (int64_t I = 0; I < A.Out; ++I) {
    Taps<double> R = tapsOf<double>(S, A, I, Count, Stretch);
    for (auto [P, W] : llvm::zip_equal(R.At, R.Weight)) {
      At.push_back(static_cast<int64_t>(P));
      Weights.push_back(B.getFloatAttr(Compute, W));
    }
  }
  SmallVector<int64_t> Shape = {static_cast<int64_t>(A.Out), Count};
  auto AtType = RankedTensorType::get(Shape, B.getI64Type());
  auto WeightType = RankedTensorType::get(Shape, Compute);
  return {arith::ConstantOp::create(
              B, DenseElementsAttr::get(AtType, ArrayRef(At))),
          arith::ConstantOp::create(
              B, DenseElementsAttr::get(WeightType, Weights))};
}

/// The same computed at run time, a generic per table and tap.
Tables dynamicTables(TensorBuilder &B, const Settings &S, const Axis<Scalar> &A,
                     OpFoldResult Out, int64_t Count, Type Compute) {
  auto Make = [&](Type Element, bool Weights) {
    Sizes Shape = {Out, B.attr(Count)};
    return B.map(tensorOf(Shape, Element), Shape, [&](Indices &I) {
      Scalar P = I[0].to(B.getI64Type()).to(B.getF64Type());
      Scalar Stretch = P.same(1.0);
      if (S.Antialias)
        Stretch = smax(Stretch / A.Scale, Stretch);
      Taps<Scalar> R = tapsOf<Scalar>(S, A, P, Count, Stretch);
      auto &List = Weights ? R.Weight : R.At;
      Scalar V = List[0];
      for (int64_t K = 1; K < Count; ++K)
        V = select(I[1] == K, List[K], V);
      return V.to(Element);
    });
  };
  return {Make(B.getI64Type(), false), Make(Compute, true)};
}

/// Data with dimension D read through the tables.
Value apply(TensorBuilder &B, Value Data, int64_t D, OpFoldResult Out,
            const Tables &T, const Settings &S, Type Compute) {
  auto From = cast<RankedTensorType>(Data.getType());
  int64_t Rank = From.getRank();
  Sizes To = B.sizes(Data);
  To[D] = Out;
  int64_t Count = cast<RankedTensorType>(T.At.getType()).getDimSize(1);
  Type Element = From.getElementType();
  bool Copies = S.M == Mode::Nearest;
  // One operand per tap: column K of a table, by its own map.
  SmallVector<AffineMap> Maps;
  Values Ins;
  for (int64_t K = 0; K < Count; ++K) {
    AffineMap Map = AffineMap::get(
        Rank, 0, {B.getAffineDimExpr(D), B.getAffineConstantExpr(K)},
        B.getContext());
    Ins.push_back(T.At);
    Maps.push_back(Map);
    if (!Copies) {
      Ins.push_back(T.Weight);
      Maps.push_back(Map);
    }
  }
  return B.map(tensorOf(To, Copies ? Element : Compute), To, Ins, Maps,
               [&](Indices &I, ArrayRef<Scalar> In) {
                 Scalars At = I.all();
                 if (Copies) {
                   At[D] = In[0].toIndex();
                   return B.load(Data, At);
                 }
                 Scalar Sum;
                 for (int64_t K = 0; K < Count; ++K) {
                   At[D] = In[2 * K].toIndex();
                   Scalar Term = B.load(Data, At).to(Compute) * In[2 * K + 1];
                   Sum = Sum ? Sum + Term : Term;
                 }
                 return Sum;
               });
}

/// Whether element I of Out comes from I / Factor for every I.
bool repeats(const Settings &S, const Axis<double> &A) {
  if (S.M != Mode::Nearest || A.In <= 0 || std::fmod(A.Out, A.In) != 0)
    return false;
  double Factor = A.Out / A.In;
  for (int64_t I = 0; I < A.Out; ++I)
    if (tapsOf<double>(S, A, I, 1, 1.0).At[0] != std::floor(I / Factor))
      return false;
  return true;
}

} // namespace

/// Size D of Data times a known scale that is a whole number or one over one;
/// else nothing. Sizes stay in integers that way.
static Scalar scaledSize(TensorBuilder &B, int64_t D, Value Data,
                         const std::optional<SmallVector<double>> &Scales,
                         size_t I) {
  if (!Scales || (*Scales)[I] <= 0)
    return {};
  double Scale = (*Scales)[I];
  if (Scale == std::floor(Scale))
    return B.dim(Data, D) * static_cast<int64_t>(Scale);
  if (1 / Scale == std::floor(1 / Scale))
    return B.dim(Data, D) / B.index(static_cast<int64_t>(1 / Scale));
  return {};
}

/// [.., n, ..] as [.., n * Factor, ..], each element Factor times in a row.
static Value repeatEach(TensorBuilder &B, Value Data, int64_t D, int64_t Factor,
                        OpFoldResult Out) {
  auto T = cast<RankedTensorType>(Data.getType());
  Sizes Wide = B.sizes(Data), To = Wide;
  Wide.insert(Wide.begin() + D + 1, B.attr(Factor));
  To[D] = Out;
  SmallVector<AffineExpr> Exprs;
  for (int64_t E = 0; E < T.getRank(); ++E)
    Exprs.push_back(B.getAffineDimExpr(E <= D ? E : E + 1));
  Value Repeated =
      B.view(Data, AffineMap::get(T.getRank() + 1, 0, Exprs, B.getContext()),
             tensorOf(Wide, T.getElementType()), Wide);
  return B.reshape(Repeated, tensorOf(To, T.getElementType()), To);
}

static LogicalResult lowerResize(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0);
  RankedTensorType T = N.outType();
  int64_t Rank = T.getRank();
  Settings S;
  StringRef M = N.str("mode", "nearest");
  S.M = M == "nearest"  ? Mode::Nearest
        : M == "linear" ? Mode::Linear
                        : Mode::Cubic;
  S.Coordinates = N.str("coordinate_transformation_mode", "half_pixel");
  S.Rounding = N.str("nearest_mode", "round_prefer_floor");
  S.CubicA = N.f32("cubic_coeff_a", -0.75);
  S.Extrapolation = N.f32("extrapolation_value", 0.0);
  S.ExcludeOutside = N.i64("exclude_outside", 0);
  S.Antialias = N.i64("antialias", 0) && S.M != Mode::Nearest;
  bool Crops = S.Coordinates == "tf_crop_and_resize";
  StringRef Policy = N.str("keep_aspect_ratio_policy", "stretch");

  SmallVector<int64_t> Axes = N.ints("axes");
  if (!N.hasAttr("axes"))
    Axes = iota(Rank);
  for (int64_t &A : Axes)
    A = A < 0 ? A + Rank : A;
  bool BySize = N.has(3), ByScale = N.has(2) && !BySize;
  if (!BySize && !ByScale)
    return N.fail("neither 'scales' nor 'sizes' is given");

  // Scales and sizes per axis, in double.
  Type F64 = B.getF64Type();
  Scalars Given = B.elements(N.in(BySize ? 3 : 2)), Roi;
  if (Crops && N.has(1))
    Roi = B.elements(N.in(1));
  if (Given.size() != Axes.size() ||
      (!Roi.empty() && Roi.size() != 2 * Axes.size()))
    return N.fail("'scales', 'sizes' or 'roi' has the wrong number of entries");
  auto Known = BySize ? std::optional<SmallVector<double>>() : N.constFloats(2);
  auto KnownRoi = Crops ? N.constFloats(1) : std::nullopt;
  if (auto Ints = BySize ? N.constInts(3) : std::nullopt) {
    Known.emplace();
    for (int64_t I : *Ints)
      Known->push_back(static_cast<double>(I));
  }
  RankedTensorType From = N.inType(0);
  // One scale for all axes where the aspect ratio is kept.
  std::optional<double> OneScale;
  Scalar RuntimeScale;
  if (BySize && Policy != "stretch" && !Known) {
    for (auto [I, A] : llvm::enumerate(Axes)) {
      Scalar Scale =
          Given[I].to(F64) / B.dim(Data, A).to(B.getI64Type()).to(F64);
      RuntimeScale = !RuntimeScale            ? Scale
                     : Policy == "not_larger" ? smin(RuntimeScale, Scale)
                                              : smax(RuntimeScale, Scale);
    }
  } else if (BySize && Policy != "stretch") {
    for (auto [I, A] : llvm::enumerate(Axes)) {
      if (From.isDynamicDim(A))
        return N.fail("keeping the aspect ratio needs known dimensions");
      double Scale = (*Known)[I] / From.getDimSize(A);
      OneScale = !OneScale                ? Scale
                 : Policy == "not_larger" ? std::min(*OneScale, Scale)
                                          : std::max(*OneScale, Scale);
    }
  }

  Type Element = T.getElementType();
  Type Compute = Element.isF64() ? F64 : B.getF32Type();
  Value Current = Data;
  SmallVector<std::pair<int64_t, Value>> InsideOf;
  for (auto [I, D] : llvm::enumerate(Axes)) {
    bool Fixed = !From.isDynamicDim(D) && !T.isDynamicDim(D) && Known &&
                 (!Crops || Roi.empty() || KnownRoi);
    if (Fixed) {
      Axis<double> A;
      A.In = From.getDimSize(D);
      A.Out = T.getDimSize(D);
      A.Scale = OneScale ? *OneScale : BySize ? A.Out / A.In : (*Known)[I];
      A.RoiStart = KnownRoi ? (*KnownRoi)[I] : 0.0;
      A.RoiEnd = KnownRoi ? (*KnownRoi)[I + Axes.size()] : 1.0;
      if (A.In == A.Out && A.Scale == 1.0 && !Crops)
        continue;
      if (Crops) {
        SmallVector<Attribute> Inside;
        for (int64_t P = 0; P < A.Out; ++P) {
          double X = sourcePosition<double>(S, A, P);
          Inside.push_back(B.getBoolAttr(X >= 0 && X <= A.In - 1));
        }
        InsideOf.emplace_back(
            D,
            arith::ConstantOp::create(
                B, DenseElementsAttr::get(
                       RankedTensorType::get({T.getDimSize(D)}, B.getI1Type()),
                       Inside)));
      }
      if (repeats(S, A)) {
        Current = repeatEach(B, Current, D, static_cast<int64_t>(A.Out / A.In),
                             B.attr(T.getDimSize(D)));
        continue;
      }
      Current = apply(B, Current, D, B.attr(T.getDimSize(D)),
                      constantTables(B, S, A, Compute), S, Compute);
      continue;
    }
    // How many taps a stretched kernel has follows from the sizes alone.
    int64_t Half = S.M == Mode::Cubic ? 2 : 1, Count = 2 * Half;
    if (S.M == Mode::Nearest)
      Count = 1;
    if (S.Antialias) {
      if (From.isDynamicDim(D) || T.isDynamicDim(D))
        return N.fail("antialiasing needs known sizes");
      double Ratio = static_cast<double>(From.getDimSize(D)) /
                     std::max<int64_t>(T.getDimSize(D), 1);
      Count = 2 * static_cast<int64_t>(std::ceil(Half * std::max(Ratio, 1.0)));
    }
    Axis<Scalar> A;
    auto AsF64 = [&](Scalar V) {
      return isa<IndexType>(V.type()) ? V.to(B.getI64Type()).to(F64)
                                      : V.to(F64);
    };
    A.In = AsF64(B.dim(Data, D));
    // Scales are f32; their product with a size is rounded down.
    Scalar Out = BySize ? Given[I].toIndex() : scaledSize(B, D, Data, Known, I);
    if (!Out)
      Out = floorOf(A.In * AsF64(Given[I])).toIndex();
    if (!T.isDynamicDim(D))
      Out = B.index(T.getDimSize(D));
    A.Out = AsF64(Out);
    if (RuntimeScale && T.isDynamicDim(D)) {
      Out = floorOf(A.In * RuntimeScale + 0.5).toIndex();
      A.Out = AsF64(Out);
    }
    A.Scale = RuntimeScale ? RuntimeScale
              : BySize     ? A.Out / A.In
                           : AsF64(Given[I]);
    A.RoiStart = Roi.empty() ? A.In.same(0.0) : AsF64(Roi[I]);
    A.RoiEnd = Roi.empty() ? A.In.same(1.0) : AsF64(Roi[I + Axes.size()]);
    if (!Crops && ByScale && Known && (*Known)[I] == 1.0)
      continue;
    OpFoldResult Size = B.fold(Out);
    // In these modes where an element comes from does not depend on the size.
    if (ByScale && Known && (*Known)[I] > 1 &&
        (S.Coordinates == "asymmetric" || S.Coordinates == "half_pixel")) {
      double Factor = (*Known)[I];
      if (Factor == std::floor(Factor) &&
          repeats(S, Axis<double>{64, 64 * Factor, Factor, 0, 1})) {
        Current = repeatEach(B, Current, D, static_cast<int64_t>(Factor), Size);
        continue;
      }
    }
    if (Crops)
      InsideOf.emplace_back(
          D, B.map(tensorOf(Size, B.getI1Type()), Size, [&](Indices &P) {
            Scalar X =
                sourcePosition<Scalar>(S, A, P[0].to(B.getI64Type()).to(F64));
            return (X >= 0.0) & (X <= A.In - 1.0);
          }));
    Current = apply(B, Current, D, Size,
                    dynamicTables(B, S, A, Size, Count, Compute), S, Compute);
  }

  // Back to the element type; outside of the crop stands a constant.
  auto CurrentType = cast<RankedTensorType>(Current.getType());
  if (CurrentType.getElementType() == Element && InsideOf.empty())
    return N.replace(Current);
  Values Ins = {Current};
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(Rank)};
  for (auto &[D, Inside] : InsideOf) {
    Ins.push_back(Inside);
    Maps.push_back(
        AffineMap::get(Rank, 0, {B.getAffineDimExpr(D)}, B.getContext()));
  }
  Type OnnxElement = N.outElem();
  return N.replace(B.map(
      tensorOf(B.sizes(Current), Element), B.sizes(Current), Ins, Maps,
      [&](Indices &, ArrayRef<Scalar> In) {
        Scalar V = In[0];
        V = B.wrap(scalar::cast(B, V, V.isFloat() ? V.type() : OnnxElement,
                                OnnxElement, /*Saturate=*/true));
        for (Scalar Inside : In.drop_front())
          V = select(Inside, V, B.constant(Element, S.Extrapolation));
        return V;
      }));
}

void populateResizeLoweringPatterns(const StorageTypeConverter &Types,
                                    RewritePatternSet &Patterns) {
  addLowering("onnx.Resize", lowerResize, Types, Patterns);
}

} // namespace lathe::lower

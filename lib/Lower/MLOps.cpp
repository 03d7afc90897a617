//===- MLOps.cpp - The simple ops of ai.onnx.ml ---------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Preprocessing and linear models on numbers. Names (strings) and maps have no
// form in memory yet and are refused.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "IndexHelpers.h"
#include "lathe/Lower/MovementPatterns.h"
#include <cmath>

using namespace mlir;

namespace lathe::lower {

static Value constantReals(TensorBuilder &B, ArrayRef<double> V, Type T) {
  SmallVector<Attribute> A;
  for (double D : V)
    A.push_back(B.getFloatAttr(T, D));
  auto Type = RankedTensorType::get({static_cast<int64_t>(V.size())}, T);
  return arith::ConstantOp::create(B, DenseElementsAttr::get(Type, A));
}

/// A number as the reals of T, by the sign of ONNX's element type.
static Scalar real(Node &N, Scalar V, Type T) {
  return N.inElem(0).isUnsignedInteger() ? V.toFromUnsigned(T) : V.to(T);
}

static LogicalResult lowerBinarizer(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Type Element = T.getElementType();
  double Threshold = N.f32("threshold", 0.0);
  return N.replace(
      B.map(T, B.sizes(N.in(0)), N.in(0), B.getMultiDimIdentityMap(T.getRank()),
            [&](Indices &, ArrayRef<Scalar> In) {
              return select(real(N, In[0], B.getF64Type()) > Threshold,
                            B.constant(Element, 1), B.constant(Element, 0));
            }));
}

static LogicalResult lowerArrayFeatureExtractor(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0), Idx = N.in(1);
  RankedTensorType T = N.outType();
  int64_t Rank = N.inRank(0), IdxRank = N.inRank(1);
  Sizes To(T.getRank(), B.attr(1));
  To.back() = B.fold(B.product(B.sizes(Idx)));
  for (int64_t D = 0; D + 1 < Rank; ++D)
    To[D] = B.size(Data, D);
  Sizes Flat = {To.back()};
  Type IdxElement = N.inType(1).getElementType();
  Value List =
      IdxRank == 1 ? Idx : B.reshape(Idx, tensorOf(Flat, IdxElement), Flat);
  return N.replace(B.map(T, To, [&](Indices &I) {
    Scalars At;
    for (int64_t D = 0; D + 1 < Rank; ++D)
      At.push_back(I[D]);
    At.push_back(wrapIndex(B, B.load(List, {I[T.getRank() - 1]}),
                           B.dim(Data, Rank - 1)));
    return B.load(Data, At);
  }));
}

/// (x - offset) * scale, each one number or one per feature.
static LogicalResult lowerScaler(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Type Element = T.getElementType();
  int64_t Rank = T.getRank();
  SmallVector<double> Offset = N.floats("offset"), Scale = N.floats("scale");
  if (Offset.empty())
    Offset = {0.0};
  if (Scale.empty())
    Scale = {1.0};
  auto Map = [&](ArrayRef<double> V) {
    AffineExpr E = V.size() == 1 ? B.getAffineConstantExpr(0)
                                 : B.getAffineDimExpr(Rank - 1);
    return AffineMap::get(Rank, 0, {E}, B.getContext());
  };
  Values Ins = {N.in(0), constantReals(B, Offset, Element),
                constantReals(B, Scale, Element)};
  return N.replace(
      B.map(T, B.sizes(N.in(0)), Ins,
            {B.getMultiDimIdentityMap(Rank), Map(Offset), Map(Scale)},
            [&](Indices &, ArrayRef<Scalar> In) {
              return (real(N, In[0], Element) - In[1]) * In[2];
            }));
}

static LogicalResult lowerImputer(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Type Element = T.getElementType();
  int64_t Rank = T.getRank();
  bool Float = isa<FloatType>(Element);
  SmallVector<double> New = N.floats("imputed_value_floats");
  if (!Float)
    for (int64_t V : N.ints("imputed_value_int64s"))
      New.push_back(static_cast<double>(V));
  if (New.empty())
    return N.fail("no imputed values are given");
  double Old = Float ? N.f32("replaced_value_float", 0.0)
                     : static_cast<double>(N.i64("replaced_value_int64", 0));
  auto Type =
      RankedTensorType::get({static_cast<int64_t>(New.size())}, Element);
  SmallVector<Attribute> A;
  for (double V : New)
    A.push_back(Float ? Attribute(B.getFloatAttr(Element, V))
                      : B.getIntegerAttr(Element, static_cast<int64_t>(V)));
  Values Ins = {N.in(0),
                arith::ConstantOp::create(B, DenseElementsAttr::get(Type, A))};
  AffineExpr E = New.size() == 1 ? B.getAffineConstantExpr(0)
                                 : B.getAffineDimExpr(Rank - 1);
  return N.replace(B.map(T, B.sizes(N.in(0)), Ins,
                         {B.getMultiDimIdentityMap(Rank),
                          AffineMap::get(Rank, 0, {E}, B.getContext())},
                         [&](Indices &, ArrayRef<Scalar> In) {
                           Scalar Gone =
                               std::isnan(Old) ? In[0] != In[0] : In[0] == Old;
                           return select(Gone, In[1], In[0]);
                         }));
}

/// Rows divided by their largest element, sum of magnitudes, or length.
static LogicalResult lowerNormalizer(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Type Element = T.getElementType();
  StringRef Norm = N.str("norm", "MAX");
  Value Data = N.in(0);
  int64_t Rank = T.getRank();
  if (Rank < 1 || Rank > 2)
    return N.fail("only matrices and vectors are supported");
  Scalar Columns = B.dim(Data, Rank - 1), Zero = B.index(0);
  Sizes To = B.sizes(Data);
  return N.replace(B.loopKernel([&] {
    Scalars Rows;
    if (Rank == 2)
      Rows.push_back(B.dim(Data, 0));
    return B.nest(
        Rows, {B.empty(T, To)}, [&](ArrayRef<Scalar> Row, ValueRange Outs) {
          auto Load = [&](Scalar C) {
            Scalars At(Row);
            At.push_back(C);
            return real(N, B.load(Data, At), Element);
          };
          // The largest of negative numbers is negative, and turns their signs.
          double Start = Norm == "MAX" ? -INFINITY : 0.0;
          Values Whole = B.loop(Zero, Columns, {B.constant(Element, Start)},
                                [&](Scalar C, ValueRange S) -> Values {
                                  Scalar V = Load(C), Sum = B.wrap(S[0]);
                                  return {Norm == "MAX"  ? smax(Sum, V)
                                          : Norm == "L1" ? Sum + absOf(V)
                                                         : Sum + V * V};
                                });
          Scalar By = B.wrap(Whole[0]);
          if (Norm == "L2")
            By = sqrtOf(By);
          By = select(By == 0.0, By.same(1.0), By);
          return B.loop(Zero, Columns, Outs,
                        [&](Scalar C, ValueRange O) -> Values {
                          Scalars At(Row);
                          At.push_back(C);
                          return {B.store(Load(C) / By, O[0], At)};
                        });
        });
  }));
}

/// LabelEncoder from numbers to numbers: a sorted table, searched by halves.
static LogicalResult lowerLabelEncoder(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Type From = N.inType(0).getElementType(), To = T.getElementType();
  auto Tensor = [&](StringRef Name) -> std::optional<SmallVector<double>> {
    auto Dense = dyn_cast_if_present<DenseElementsAttr>(N.op()->getAttr(Name));
    if (!Dense || !Dense.getElementType().isIntOrFloat())
      return std::nullopt;
    SmallVector<double> R;
    for (Attribute A : Dense.getValues<Attribute>())
      R.push_back(isa<FloatAttr>(A)
                      ? cast<FloatAttr>(A).getValueAsDouble()
                      : static_cast<double>(
                            cast<IntegerAttr>(A).getValue().getSExtValue()));
    return R;
  };
  auto List = [&](StringRef What) -> SmallVector<double> {
    SmallVector<double> R = N.floats((What + "_floats").str());
    for (int64_t V : N.ints((What + "_int64s").str()))
      R.push_back(static_cast<double>(V));
    if (auto V = Tensor((What + "_tensor").str()))
      R = *V;
    return R;
  };
  SmallVector<double> Keys = List("keys"), New = List("values");
  if (Keys.empty() || Keys.size() != New.size() || !From.isIntOrFloat() ||
      !To.isIntOrFloat())
    return N.fail("it maps to or from names (strings), which is not "
                  "supported yet");
  double Default = isa<FloatType>(To)
                       ? N.f32("default_float", -0.0)
                       : static_cast<double>(N.i64("default_int64", -1));
  if (auto Given = Tensor("default_tensor"); Given && !Given->empty())
    Default = Given->front();
  // Of equal keys the last one counts. NaN is a key like any other.
  std::optional<double> OfNaN;
  SmallVector<std::pair<double, double>> Pairs;
  for (auto [K, V] : llvm::zip_equal(Keys, New)) {
    if (std::isnan(K))
      OfNaN = V;
    else
      Pairs.emplace_back(K, V);
  }
  llvm::stable_sort(Pairs, llvm::less_first());
  SmallVector<double> Sorted, Results;
  for (auto &[K, V] : Pairs) {
    if (!Sorted.empty() && Sorted.back() == K) {
      Results.back() = V;
      continue;
    }
    Sorted.push_back(K);
    Results.push_back(V);
  }
  Type F64 = B.getF64Type();
  Scalar Zero = B.index(0), Count = B.index(Sorted.size());
  Value KeyTable, ValueTable;
  if (!Sorted.empty()) {
    KeyTable = constantReals(B, Sorted, F64);
    ValueTable = constantReals(B, Results, F64);
  }
  Value Data = N.in(0);
  Scalars Extents;
  for (int64_t D = 0; D < T.getRank(); ++D)
    Extents.push_back(B.dim(Data, D));
  return N.replace(B.loopKernel([&] {
    return B.nest(
        Extents, {B.empty(T, B.sizes(Data))},
        [&](ArrayRef<Scalar> I, ValueRange Outs) -> Values {
          Scalar X = real(N, B.load(Data, I), F64);
          Scalar R = B.constant(F64, Default);
          if (KeyTable) {
            // The first key that is not less.
            Values Range = B.loopWhile(
                {Zero, Count},
                [&](ValueRange S) { return B.wrap(S[0]) < B.wrap(S[1]); },
                [&](ValueRange S) -> Values {
                  Scalar Low = B.wrap(S[0]), High = B.wrap(S[1]);
                  Scalar Middle = (Low + High) / B.index(2);
                  Scalar Less = B.load(KeyTable, {Middle}) < X;
                  return {select(Less, Middle + 1, Low),
                          select(Less, High, Middle)};
                });
            Scalar At = smin(B.wrap(Range[0]), Count - 1);
            R = select(B.load(KeyTable, {At}) == X, B.load(ValueTable, {At}),
                       R);
          }
          if (OfNaN)
            R = select(X != X, R.same(*OfNaN), R);
          return {B.store(R.to(To), Outs[0], I)};
        });
  }));
}

void populateMLLoweringPatterns(const StorageTypeConverter &Types,
                                RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.ml.ArrayFeatureExtractor", lowerArrayFeatureExtractor},
      {"onnx.ml.Binarizer", lowerBinarizer},
      {"onnx.ml.Imputer", lowerImputer},
      {"onnx.ml.LabelEncoder", lowerLabelEncoder},
      {"onnx.ml.Normalizer", lowerNormalizer},
      {"onnx.ml.Scaler", lowerScaler},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

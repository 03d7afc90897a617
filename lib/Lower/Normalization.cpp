//===- Normalization.cpp - Normalizations -------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Mean and variance are reductions of their own over the same loops as the
// final elementwise step; the variance is that of the centred values, never
// E[x^2] - E[x]^2. All compute in f32 at least.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lathe::lower {

static Value sumUp(Builder &B, Value X, Value S) {
  return scalar::add(B, S, X);
}

static Value inverseRoot(Builder &B, Value X) {
  Value One = scalar::constant(B, X.getType(), 1.0);
  return arith::DivFOp::create(B, One, math::SqrtOp::create(B, X));
}

/// The number of elements that \p Axes span, as a scalar of \p T.
static Value countOf(Builder &B, Value X, ArrayRef<int64_t> Axes, Type T) {
  OpFoldResult Count = size(B, 1);
  for (int64_t A : Axes)
    Count = mulSize(B, Count, dimOf(B, X, A));
  if (auto Known = getConstantIntValue(Count))
    return scalar::constant(B, T, static_cast<double>(*Known));
  return arith::SIToFPOp::create(
      B, T, arith::IndexCastOp::create(B, B.getI64Type(), sizeValue(B, Count)));
}

static Value scaledBy(Builder &B, Value Sum, Value Count) {
  return elementwise(B, {Sum}, Count.getType(),
                     [&](Builder &IB, ValueRange V) -> Value {
                       return arith::DivFOp::create(IB, V[0], Count);
                     });
}

namespace {
/// What normalizations know of the rows that they normalize over.
struct Rows {
  Value Mean, Variance; // over the dimensions that are left
  AffineMap Map;        // their access
  SmallVector<OpFoldResult> Sizes;
  Type Acc;
};
} // namespace

static Rows statistics(Builder &B, Value X, ArrayRef<int64_t> Axes) {
  Rows R;
  int64_t Rank = typeOf(X).getRank();
  Type Elem = typeOf(X).getElementType();
  R.Acc = accumulatorType(Elem);
  R.Sizes = dimsOf(B, X);
  SmallVector<int64_t> Left;
  for (int64_t D = 0; D < Rank; ++D)
    if (!llvm::is_contained(Axes, D))
      Left.push_back(D);
  R.Map = dimsMap(B, Rank, Left);
  Value Count = countOf(B, X, Axes, R.Acc),
        Zero = scalar::constant(B, R.Acc, 0.0);
  Value Sum = reduce(B, X, Axes, Zero, [&](Builder &IB, Value V, Value S) {
    return sumUp(IB, scalar::cast(IB, V, Elem, R.Acc), S);
  });
  R.Mean = scaledBy(B, Sum, Count);
  Value Squares = pointwise(
      B, R.Sizes, {X, R.Mean}, {B.getMultiDimIdentityMap(Rank), R.Map}, R.Acc,
      [&](Builder &IB, ValueRange V) {
        Value D = arith::SubFOp::create(IB, scalar::cast(IB, V[0], Elem, R.Acc),
                                        V[1]);
        return scalar::mul(IB, D, D);
      });
  R.Variance = scaledBy(B, reduce(B, Squares, Axes, Zero, sumUp), Count);
  return R;
}

/// 1 / sqrt(variance + epsilon)
static Value inverseDeviation(Builder &B, const Rows &R, double Epsilon) {
  return elementwise(B, {R.Variance}, R.Acc, [&](Builder &IB, ValueRange V) {
    return inverseRoot(
        IB, scalar::add(IB, V[0], scalar::constant(IB, R.Acc, Epsilon)));
  });
}

/// (X - mean) * inverse * scale + bias. Scale and Bias may be null; their
/// accesses are given.
static Value normalize(Builder &B, Value X, const Rows &R, Value Inverse,
                       Value Scale, AffineMap ScaleMap, Value Bias,
                       AffineMap BiasMap, Type OutElem) {
  Type Elem = typeOf(X).getElementType();
  SmallVector<Value> Ins = {X, Inverse};
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(R.Sizes.size()),
                                 R.Map};
  auto Add = [&](Value V, AffineMap M) {
    if (V) {
      Ins.push_back(V);
      Maps.push_back(M);
    }
  };
  Add(R.Mean, R.Map);
  Add(Scale, ScaleMap);
  Add(Bias, BiasMap);
  return pointwise(B, R.Sizes, Ins, Maps, OutElem,
                   [&](Builder &IB, ValueRange V) {
                     auto Real = [&](Value S) {
                       return scalar::cast(IB, S, S.getType(), R.Acc);
                     };
                     unsigned Next = 2;
                     Value Y = scalar::cast(IB, V[0], Elem, R.Acc);
                     if (R.Mean)
                       Y = arith::SubFOp::create(IB, Y, V[Next++]);
                     Y = scalar::mul(IB, Y, V[1]);
                     if (Scale)
                       Y = scalar::mul(IB, Y, Real(V[Next++]));
                     if (Bias)
                       Y = scalar::add(IB, Y, Real(V[Next++]));
                     return scalar::cast(IB, Y, R.Acc, OutElem);
                   });
}

/// A statistic as a result of the op: in its element type, with the axes as
/// ones.
static Value asResult(Builder &B, Value V, ArrayRef<int64_t> Axes, Type Elem) {
  if (typeOf(V).getElementType() != Elem)
    V = elementwise(B, {V}, Elem, [&](Builder &IB, ValueRange X) {
      return scalar::cast(IB, X[0], X[0].getType(), Elem);
    });
  return insertUnitDims(B, V, Axes);
}

static SmallVector<int64_t> axesFrom(int64_t First, int64_t Rank) {
  return llvm::to_vector(llvm::seq(First, Rank));
}

//===----------------------------------------------------------------------===//
// Layer and RMS normalization
//===----------------------------------------------------------------------===//

/// X, Scale, B? -> Y, Mean, InvStdDev
static LogicalResult lowerLayerNorm(Node &N) {
  Builder &B = N.B;
  Value X = N.in(0), Scale = N.in(1), Bias = N.in(2);
  int64_t Rank = N.inRank(0), Axis = normalAxis(N.i64("axis", -1), Rank);
  if (Axis < 0 || Axis >= Rank)
    return N.fail("axis is outside the rank of the input");
  SmallVector<int64_t> Axes = axesFrom(Axis, Rank);
  Rows R = statistics(B, X, Axes);
  Value Inverse = inverseDeviation(B, R, N.f32("epsilon", 1e-5));
  AffineMap ScaleMap = broadcastMap(B, Scale, R.Sizes),
            BiasMap = Bias ? broadcastMap(B, Bias, R.Sizes) : AffineMap();
  Value Y = normalize(B, X, R, Inverse, Scale, ScaleMap, Bias, BiasMap,
                      N.outType().getElementType());
  SmallVector<Value> Results = {Y};
  if (N.op()->getNumResults() > 1)
    Results.push_back(
        N.outUsed(1) ? asResult(B, R.Mean, Axes, N.outType(1).getElementType())
                     : Value());
  if (N.op()->getNumResults() > 2)
    Results.push_back(
        N.outUsed(2) ? asResult(B, Inverse, Axes, N.outType(2).getElementType())
                     : Value());
  return N.replace(Results);
}

/// x / sqrt(mean(x^2) + epsilon) * scale; com.microsoft's also gives the
/// inverse.
static LogicalResult lowerRMSNorm(Node &N) {
  Builder &B = N.B;
  Value X = N.in(0), Scale = N.in(1);
  int64_t Rank = N.inRank(0), Axis = normalAxis(N.i64("axis", -1), Rank);
  if (Axis < 0 || Axis >= Rank)
    return N.fail("axis is outside the rank of the input");
  SmallVector<int64_t> Axes = axesFrom(Axis, Rank);
  Type Elem = typeOf(X).getElementType();
  Rows R;
  R.Acc = accumulatorType(Elem);
  R.Sizes = dimsOf(B, X);
  R.Map = dimsMap(B, Rank, llvm::to_vector(llvm::seq<int64_t>(0, Axis)));
  Value Sum = reduce(B, X, Axes, scalar::constant(B, R.Acc, 0.0),
                     [&](Builder &IB, Value V, Value S) {
                       V = scalar::cast(IB, V, Elem, R.Acc);
                       return scalar::add(IB, S, scalar::mul(IB, V, V));
                     });
  R.Variance = scaledBy(B, Sum, countOf(B, X, Axes, R.Acc));
  Value Inverse = inverseDeviation(B, R, N.f32("epsilon", 1e-5));
  AffineMap ScaleMap = broadcastMap(B, Scale, R.Sizes);
  Value Y = normalize(B, X, R, Inverse, Scale, ScaleMap, {}, {},
                      N.outType().getElementType());
  SmallVector<Value> Results = {Y};
  if (N.op()->getNumResults() > 1)
    Results.push_back(
        N.outUsed(1) ? asResult(B, Inverse, Axes, N.outType(1).getElementType())
                     : Value());
  return N.replace(Results);
}

/// input, skip, gamma, beta?, bias? -> output, mean, inv_std_var, sum
static LogicalResult lowerSkipLayerNorm(Node &N, bool Simplified) {
  Builder &B = N.B;
  unsigned BiasAt = Simplified ? 3 : 4;
  Value Beta = Simplified ? Value() : N.in(3), Gamma = N.in(2);
  SmallVector<Value> Terms = {N.in(0), N.in(1)};
  if (N.has(BiasAt))
    Terms.push_back(N.in(BiasAt));
  Value X = elementwise(
      B, Terms, N.outType().getElementType(),
      [](Builder &IB, ValueRange V) {
        Value S = scalar::add(IB, V[0], V[1]);
        return V.size() > 2 ? scalar::add(IB, S, V[2]) : S;
      },
      N.outType().getShape());
  int64_t Rank = typeOf(X).getRank();
  SmallVector<int64_t> Axes = {Rank - 1};
  Rows R = statistics(B, X, Axes);
  if (Simplified) {
    Type Elem = typeOf(X).getElementType();
    Value Sum = reduce(B, X, Axes, scalar::constant(B, R.Acc, 0.0),
                       [&](Builder &IB, Value V, Value S) {
                         V = scalar::cast(IB, V, Elem, R.Acc);
                         return scalar::add(IB, S, scalar::mul(IB, V, V));
                       });
    R.Variance = scaledBy(B, Sum, countOf(B, X, Axes, R.Acc));
  }
  Value Mean = R.Mean;
  if (Simplified)
    R.Mean = {};
  Value Inverse = inverseDeviation(B, R, N.f32("epsilon", 1e-12));
  AffineMap GammaMap = broadcastMap(B, Gamma, R.Sizes),
            BetaMap = Beta ? broadcastMap(B, Beta, R.Sizes) : AffineMap();
  Value Y = normalize(B, X, R, Inverse, Gamma, GammaMap, Beta, BetaMap,
                      N.outType().getElementType());
  SmallVector<Value> Results = {Y};
  Value Others[] = {Mean, Inverse};
  for (unsigned I = 1; I < N.op()->getNumResults(); ++I) {
    if (!N.outUsed(I))
      Results.push_back({});
    else
      Results.push_back(I == 3 ? X
                               : asResult(B, Others[I - 1], Axes,
                                          N.outType(I).getElementType()));
  }
  return N.replace(Results);
}

//===----------------------------------------------------------------------===//
// Normalization by channel
//===----------------------------------------------------------------------===//

/// x * inv + shift with one inv and one shift a channel, which are constants
/// where the statistics are.
static Value perChannel(Builder &B, Value X, Value Scale, Value Bias,
                        Value Mean, Value Variance, double Epsilon,
                        Type OutElem) {
  int64_t Rank = typeOf(X).getRank();
  Type Elem = typeOf(X).getElementType(), Acc = accumulatorType(Elem);
  auto Real = [&](Builder &IB, Value V) {
    return scalar::cast(IB, V, V.getType(), Acc);
  };
  Value Factor = elementwise(
      B, {Scale, Variance}, Acc, [&](Builder &IB, ValueRange V) -> Value {
        Value Sum =
            scalar::add(IB, Real(IB, V[1]), scalar::constant(IB, Acc, Epsilon));
        return arith::DivFOp::create(IB, Real(IB, V[0]),
                                     math::SqrtOp::create(IB, Sum));
      });
  Value Shift =
      elementwise(B, {Bias, Mean, Factor}, Acc, [&](Builder &IB, ValueRange V) {
        return scalar::sub(IB, Real(IB, V[0]),
                           scalar::mul(IB, Real(IB, V[1]), V[2]));
      });
  AffineMap Channel = Rank > 1 ? dimsMap(B, Rank, {1}) : dimsMap(B, Rank, {0});
  return pointwise(
      B, dimsOf(B, X), {X, Factor, Shift},
      {B.getMultiDimIdentityMap(Rank), Channel, Channel}, OutElem,
      [&](Builder &IB, ValueRange V) {
        Value Y = scalar::mul(IB, scalar::cast(IB, V[0], Elem, Acc), V[1]);
        return scalar::cast(IB, scalar::add(IB, Y, V[2]), Acc, OutElem);
      });
}

/// X, scale, B, mean, var -> Y, running_mean, running_var
static LogicalResult lowerBatchNorm(Node &N) {
  Builder &B = N.B;
  Value X = N.in(0), Mean = N.in(3), Variance = N.in(4);
  double Epsilon = N.f32("epsilon", 1e-5);
  Type Elem = N.outType().getElementType();
  SmallVector<Value> Results(N.op()->getNumResults());
  if (N.i64("training_mode", 0)) {
    SmallVector<int64_t> Axes = {0};
    llvm::append_range(Axes, llvm::seq<int64_t>(2, N.inRank(0)));
    Rows R = statistics(B, X, Axes);
    double Momentum = N.f32("momentum", 0.9);
    auto Running = [&](Value Old, Value New, Type T) {
      return elementwise(B, {Old, New}, T, [&](Builder &IB, ValueRange V) {
        Value P = scalar::mul(IB, scalar::cast(IB, V[0], V[0].getType(), R.Acc),
                              scalar::constant(IB, R.Acc, Momentum));
        Value Q =
            scalar::mul(IB, V[1], scalar::constant(IB, R.Acc, 1.0 - Momentum));
        return scalar::cast(IB, scalar::add(IB, P, Q), R.Acc, T);
      });
    };
    if (Results.size() > 2) {
      Results[1] = Running(Mean, R.Mean, N.outType(1).getElementType());
      Results[2] = Running(Variance, R.Variance, N.outType(2).getElementType());
    }
    Mean = R.Mean;
    Variance = R.Variance;
  } else if (N.outUsed(1) || N.outUsed(2)) {
    return N.fail("running statistics are only given in training mode");
  }
  Results[0] =
      perChannel(B, X, N.in(1), N.in(2), Mean, Variance, Epsilon, Elem);
  return N.replace(Results);
}

static LogicalResult lowerInstanceNorm(Node &N) {
  Builder &B = N.B;
  Value X = N.in(0);
  int64_t Rank = N.inRank(0);
  Rows R = statistics(B, X, axesFrom(2, Rank));
  Value Inverse = inverseDeviation(B, R, N.f32("epsilon", 1e-5));
  AffineMap Channel = dimsMap(B, Rank, {1});
  return N.replace({normalize(B, X, R, Inverse, N.in(1), Channel, N.in(2),
                              Channel, N.outType().getElementType())});
}

static LogicalResult lowerGroupNorm(Node &N) {
  Builder &B = N.B;
  Value X = N.in(0), Scale = N.in(1), Bias = N.in(2);
  int64_t Groups = N.i64("num_groups", 1), Channels = N.inShape(0)[1];
  if (ShapedType::isDynamic(Channels) || Groups <= 0 || Channels % Groups)
    return N.fail("num_groups = " + Twine(Groups) +
                  " must divide a known number of channels");
  SmallVector<OpFoldResult> Sizes = dimsOf(B, X);
  OpFoldResult Parts[] = {size(B, Groups), size(B, Channels / Groups)};
  X = expandDim(B, X, 1, Parts);
  int64_t Rank = typeOf(X).getRank();
  Rows R = statistics(B, X, axesFrom(2, Rank));
  Value Inverse = inverseDeviation(B, R, N.f32("epsilon", 1e-5));
  // One value a channel; one a group before opset 21.
  auto Access = [&](Value &V) {
    if (typeOf(V).getDimSize(0) == Groups && Groups != Channels)
      return dimsMap(B, Rank, {1});
    V = expandDim(B, V, 0, Parts);
    return dimsMap(B, Rank, {1, 2});
  };
  AffineMap ScaleMap = Access(Scale), BiasMap = Access(Bias);
  Value Y = normalize(B, X, R, Inverse, Scale, ScaleMap, Bias, BiasMap,
                      N.outType().getElementType());
  return N.replace({collapseRange(B, Y, 1, 3)});
}

//===----------------------------------------------------------------------===//
// The others
//===----------------------------------------------------------------------===//

/// x / (sum |x|^p)^(1/p) along an axis; rows of zeros stay zeros.
static LogicalResult lowerLpNorm(Node &N) {
  Builder &B = N.B;
  Value X = N.in(0);
  int64_t Rank = N.inRank(0), Axis = normalAxis(N.i64("axis", -1), Rank),
          P = N.i64("p", 2);
  if (P != 1 && P != 2)
    return N.fail("p must be 1 or 2");
  Type Elem = typeOf(X).getElementType(), Acc = accumulatorType(Elem);
  Value Sum =
      reduce(B, X, {Axis}, scalar::constant(B, Acc, 0.0),
             [&](Builder &IB, Value V, Value S) {
               V = scalar::cast(IB, V, Elem, Acc);
               return scalar::add(IB, S,
                                  P == 1 ? Value(math::AbsFOp::create(IB, V))
                                         : scalar::mul(IB, V, V));
             });
  AffineMap All = B.getMultiDimIdentityMap(Rank);
  return N.replace({pointwise(
      B, dimsOf(B, X), {X, Sum}, {All, All.dropResult(Axis)},
      N.outType().getElementType(), [&](Builder &IB, ValueRange V) {
        Value Norm = P == 1 ? V[1] : Value(math::SqrtOp::create(IB, V[1]));
        Value Zero = scalar::constant(IB, Acc, 0.0);
        Value IsZero =
            scalar::compare(IB, scalar::Compare::Equal, Norm, Zero, Acc);
        Norm = scalar::select(IB, IsZero, scalar::constant(IB, Acc, 1.0), Norm);
        Value Y =
            arith::DivFOp::create(IB, scalar::cast(IB, V[0], Elem, Acc), Norm);
        return scalar::cast(IB, Y, Acc, Elem);
      })});
}

/// x / (bias + alpha / size * sum of squares over `size` neighbouring
/// channels)^beta
static LogicalResult lowerLRN(Node &N) {
  Builder &B = N.B;
  Value X = N.in(0);
  int64_t Rank = N.inRank(0), Size = N.i64("size", 1);
  if (Size <= 0 || Rank < 2)
    return N.fail("size must be positive and the input have channels");
  double Alpha = N.f32("alpha", 1e-4), Beta = N.f32("beta", 0.75),
         Bias = N.f32("bias", 1.0);
  Type Elem = typeOf(X).getElementType(), Acc = accumulatorType(Elem);
  SmallVector<OpFoldResult> Low(Rank, B.getIndexAttr(0)), High(Low),
      Sizes = dimsOf(B, X);
  Low[1] = size(B, (Size - 1) / 2);
  High[1] = size(B, Size / 2);
  Value P = pad(B, X, Low, High, scalar::constant(B, Elem, 0.0));
  // Loops: the dimensions of X, then the window over the channels.
  AffineMap All = B.getMultiDimIdentityMap(Rank);
  SmallVector<AffineExpr> Access;
  for (int64_t D = 0; D < Rank; ++D)
    Access.push_back(D == 1 ? B.getAffineDimExpr(1) + B.getAffineDimExpr(Rank)
                            : B.getAffineDimExpr(D));
  MLIRContext *C = B.getContext();
  SmallVector<AffineMap> Maps = {
      AffineMap::get(Rank + 1, 0, Access, C), dimsMap(B, Rank + 1, {Rank}),
      dimsMap(B, Rank + 1, llvm::to_vector(llvm::seq<int64_t>(0, Rank)))};
  SmallVector<utils::IteratorType> Iterators(Rank + 1,
                                             utils::IteratorType::parallel);
  Iterators.back() = utils::IteratorType::reduction;
  Value Start = filled(B, Sizes, scalar::constant(B, Acc, 0.0)),
        Shape = empty(B, {size(B, Size)}, Elem);
  Value Sum =
      linalg::GenericOp::create(
          B, Start.getType(), ValueRange{P, Shape}, Start, Maps, Iterators,
          [&](OpBuilder &Inner, Location Loc, ValueRange Args) {
            Builder IB(Loc, Inner);
            Value V = scalar::cast(IB, Args[0], Elem, Acc);
            linalg::YieldOp::create(
                IB, scalar::add(IB, Args[2], scalar::mul(IB, V, V)));
          })
          .getResult(0);
  return N.replace({pointwise(
      B, Sizes, {X, Sum}, {All, All}, Elem, [&](Builder &IB, ValueRange V) {
        Value S =
            scalar::mul(IB, V[1], scalar::constant(IB, Acc, Alpha / Size));
        S = scalar::add(IB, S, scalar::constant(IB, Acc, Bias));
        Value Y;
        if (Beta ==
            0.75) { // by far the most common: s^0.75 = sqrt(s) * sqrt(sqrt(s))
          Value Root = math::SqrtOp::create(IB, S);
          Y = scalar::mul(IB, Root, math::SqrtOp::create(IB, Root));
        } else {
          Y = math::PowFOp::create(IB, S, scalar::constant(IB, Acc, Beta));
        }
        return scalar::cast(
            IB, arith::DivFOp::create(IB, scalar::cast(IB, V[0], Elem, Acc), Y),
            Acc, Elem);
      })});
}

/// (x - mean) / (deviation + 1e-9) over the given axes.
static LogicalResult lowerMVN(Node &N) {
  Builder &B = N.B;
  Value X = N.in(0);
  int64_t Rank = N.inRank(0);
  SmallVector<int64_t> Axes =
      N.hasAttr("axes") ? N.ints("axes") : SmallVector<int64_t>{0, 2, 3};
  for (int64_t &A : Axes) {
    A = normalAxis(A, Rank);
    if (A < 0 || A >= Rank)
      return N.fail("axes are outside the rank of the input");
  }
  Rows R = statistics(B, X, Axes);
  Value Inverse = elementwise(
      B, {R.Variance}, R.Acc, [&](Builder &IB, ValueRange V) -> Value {
        Value D = scalar::add(IB, math::SqrtOp::create(IB, V[0]),
                              scalar::constant(IB, R.Acc, 1e-9));
        return arith::DivFOp::create(IB, scalar::constant(IB, R.Acc, 1.0), D);
      });
  return N.replace({normalize(B, X, R, Inverse, {}, {}, {}, {},
                              N.outType().getElementType())});
}

void populateNormalizationLoweringPatterns(const StorageTypeConverter &Types,
                                           RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.BatchNormalization", lowerBatchNorm},
      {"onnx.GroupNormalization", lowerGroupNorm},
      {"onnx.InstanceNormalization", lowerInstanceNorm},
      {"onnx.LRN", lowerLRN},
      {"onnx.LayerNormalization", lowerLayerNorm},
      {"onnx.LpNormalization", lowerLpNorm},
      {"onnx.MeanVarianceNormalization", lowerMVN},
      {"onnx.RMSNormalization", lowerRMSNorm},
      {"onnx.ms.LayerNormalization", lowerLayerNorm},
      {"onnx.ms.SimplifiedLayerNormalization", lowerRMSNorm},
      {"onnx.ms.SkipLayerNormalization",
       [](Node &N) { return lowerSkipLayerNorm(N, false); }},
      {"onnx.ms.SkipSimplifiedLayerNormalization",
       [](Node &N) { return lowerSkipLayerNorm(N, true); }},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

//===- Pooling.cpp - Poolings -------------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A pooling is a tensor.pad with the neutral element and one windowed
// reduction; what it divides by is a count a dimension, which does not depend
// on the data.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "Quantization.h"
#include "Window.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lathe::lower {

using Iterator = utils::IteratorType;

/// Cuts off what a single window has behind the input and the pads that were
/// asked for: a global pooling may be written as a huge window with ceil_mode,
/// which pads nobody wants to store. Those elements count nowhere.
static void cutSingleWindow(Builder &B, Window &W) {
  for (int64_t D = 0; D < W.rank(); ++D) {
    auto In = getConstantIntValue(W.In[D]), Low = getConstantIntValue(W.Low[D]),
         Asked = getConstantIntValue(W.AskedHigh[D]);
    if (!In || !Low || !Asked || getConstantIntValue(W.Out[D]) != 1)
      continue;
    int64_t End = *Low + *In + *Asked;
    W.Kernel[D] =
        std::min<int64_t>(W.Kernel[D], llvm::divideCeil(End, W.Dilations[D]));
    W.High[D] = size(B, std::max<int64_t>(*Asked, W.extent(D) - *Low - *In));
  }
}

static FailureOr<Window> poolWindow(Node &N, Value X) {
  SmallVector<int64_t> Kernel = N.ints("kernel_shape");
  if (Kernel.empty())
    return N.fail("kernel_shape is missing");
  FailureOr<Window> W = windowOf(N, X, Kernel);
  if (succeeded(W))
    cutSingleWindow(N.B, *W);
  return W;
}

/// Reduces the windows of the padded \p X: loops n, c, out..., k...
static Value reduceWindows(Builder &B, const Window &W, Value X, Value Init,
                           Combine Body) {
  int64_t S = W.rank(), Loops = 2 + 2 * S;
  SmallVector<AffineExpr> MapX = {B.getAffineDimExpr(0), B.getAffineDimExpr(1)},
                          MapK, MapOut(MapX);
  SmallVector<OpFoldResult> Sizes = {dimOf(B, X, 0), dimOf(B, X, 1)};
  for (int64_t D = 0; D < S; ++D) {
    MapX.push_back(windowExpr(B, W, D, 2, 2 + S));
    MapK.push_back(B.getAffineDimExpr(2 + S + D));
    MapOut.push_back(B.getAffineDimExpr(2 + D));
    Sizes.push_back(W.Out[D]);
  }
  MLIRContext *C = B.getContext();
  SmallVector<AffineMap> Maps = {AffineMap::get(Loops, 0, MapX, C),
                                 AffineMap::get(Loops, 0, MapK, C),
                                 AffineMap::get(Loops, 0, MapOut, C)};
  SmallVector<Iterator> Iterators(Loops, Iterator::parallel);
  std::fill(Iterators.begin() + 2 + S, Iterators.end(), Iterator::reduction);
  Value Start = filled(B, Sizes, Init);
  return linalg::GenericOp::create(
             B, Start.getType(),
             ValueRange{X, windowShape(B, W, typeOf(X).getElementType())},
             Start, Maps, Iterators,
             [&](OpBuilder &Inner, Location Loc, ValueRange Args) {
               Builder IB(Loc, Inner);
               linalg::YieldOp::create(IB, Body(IB, Args[0], Args[2]));
             })
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// MaxPool
//===----------------------------------------------------------------------===//

/// One instruction for floats; a NaN in the window is passed over.
static Value maxOf(Builder &B, Value X, Value Acc, Type OnnxElem) {
  if (isa<FloatType>(X.getType()))
    return arith::MaxNumFOp::create(B, X, Acc);
  return scalar::maximum(B, X, Acc, OnnxElem);
}

/// Value and position of the largest element of each window. Positions count
/// the elements of the input without pads; storage_order 1 counts columns
/// first.
static std::pair<Value, Value> maxWithIndex(Node &N, const Window &W, Value X,
                                            Value Lowest) {
  Builder &B = N.B;
  int64_t S = W.rank(), Loops = 2 + 2 * S;
  Type Elem = typeOf(X).getElementType(), OnnxElem = N.inElem(0),
       I64 = B.getI64Type();
  SmallVector<AffineExpr> MapX = {B.getAffineDimExpr(0), B.getAffineDimExpr(1)},
                          MapK, MapOut(MapX);
  SmallVector<OpFoldResult> Sizes = {dimOf(B, X, 0), dimOf(B, X, 1)};
  OpFoldResult Channels = Sizes[1];
  for (int64_t D = 0; D < S; ++D) {
    MapX.push_back(windowExpr(B, W, D, 2, 2 + S));
    MapK.push_back(B.getAffineDimExpr(2 + S + D));
    MapOut.push_back(B.getAffineDimExpr(2 + D));
    Sizes.push_back(W.Out[D]);
  }
  // Elements between neighbours of each spatial dimension.
  SmallVector<Value> Pitch(S), LowPad(S);
  bool ColumnsFirst = N.i64("storage_order", 0);
  OpFoldResult Plane = size(B, 1);
  for (int64_t I = 0; I < S; ++I) {
    int64_t D = ColumnsFirst ? I : S - 1 - I;
    Pitch[D] = sizeValue(B, Plane);
    LowPad[D] = sizeValue(B, W.Low[D]);
    Plane = mulSize(B, Plane, W.In[D]);
  }
  Value PlaneSize = sizeValue(B, Plane), ChannelCount = sizeValue(B, Channels);
  MLIRContext *C = B.getContext();
  AffineMap Out = AffineMap::get(Loops, 0, MapOut, C);
  SmallVector<AffineMap> Maps = {AffineMap::get(Loops, 0, MapX, C),
                                 AffineMap::get(Loops, 0, MapK, C), Out, Out};
  SmallVector<Iterator> Iterators(Loops, Iterator::parallel);
  std::fill(Iterators.begin() + 2 + S, Iterators.end(), Iterator::reduction);
  Value Start = filled(B, Sizes, Lowest),
        StartAt = filled(B, Sizes, scalar::constant(B, I64, int64_t(-1)));
  auto G = linalg::GenericOp::create(
      B, TypeRange{Start.getType(), StartAt.getType()},
      ValueRange{X, windowShape(B, W, Elem)}, ValueRange{Start, StartAt}, Maps,
      Iterators, [&](OpBuilder &Inner, Location Loc, ValueRange Args) {
        Builder IB(Loc, Inner);
        auto Index = [&](int64_t D) -> Value {
          return linalg::IndexOp::create(IB, D);
        };
        Value At = arith::AddIOp::create(
            IB, arith::MulIOp::create(IB, Index(0), ChannelCount), Index(1));
        At = arith::MulIOp::create(IB, At, PlaneSize);
        Value Inside;
        for (int64_t D = 0; D < S; ++D) {
          auto Const = [&](int64_t V) -> Value {
            return arith::ConstantIndexOp::create(IB, V);
          };
          Value P = arith::AddIOp::create(
              IB, arith::MulIOp::create(IB, Index(2 + D), Const(W.Strides[D])),
              arith::MulIOp::create(IB, Index(2 + S + D),
                                    Const(W.Dilations[D])));
          P = arith::SubIOp::create(IB, P, LowPad[D]);
          // Unsigned: a position before the input is a huge one.
          Value In = arith::CmpIOp::create(IB, arith::CmpIPredicate::ult, P,
                                           sizeValue(IB, W.In[D]));
          Inside = Inside ? Value(arith::AndIOp::create(IB, Inside, In)) : In;
          At = arith::AddIOp::create(IB, At,
                                     arith::MulIOp::create(IB, P, Pitch[D]));
        }
        Value Position = arith::IndexCastOp::create(IB, I64, At);
        // The first element inside counts even if it is the lowest value.
        Value None =
            arith::CmpIOp::create(IB, arith::CmpIPredicate::slt, Args[3],
                                  scalar::constant(IB, I64, int64_t(0)));
        Value Larger = scalar::compare(IB, scalar::Compare::Greater, Args[0],
                                       Args[2], OnnxElem);
        Value Takes = arith::AndIOp::create(
            IB, Inside, arith::OrIOp::create(IB, None, Larger));
        linalg::YieldOp::create(
            IB, ValueRange{scalar::select(IB, Takes, Args[0], Args[2]),
                           scalar::select(IB, Takes, Position, Args[3])});
      });
  return {G.getResult(0), G.getResult(1)};
}

static LogicalResult lowerMaxPool(Node &N) {
  Builder &B = N.B;
  FailureOr<Window> W = poolWindow(N, N.in(0));
  if (failed(W))
    return failure();
  Type OnnxElem = N.inElem(0);
  Value Lowest = scalar::lowest(B, OnnxElem);
  Value X = padded(B, *W, N.in(0), Lowest);
  if (N.outUsed(1)) {
    auto [Values, Indices] = maxWithIndex(N, *W, X, Lowest);
    return N.replace({Values, Indices});
  }
  Value R =
      reduceWindows(B, *W, X, Lowest, [&](Builder &IB, Value V, Value Acc) {
        return maxOf(IB, V, Acc, OnnxElem);
      });
  return N.replace({R, Value()});
}

//===----------------------------------------------------------------------===//
// AveragePool, LpPool
//===----------------------------------------------------------------------===//

/// How many elements of each window along dimension \p D count, as a float
/// tensor over the result's dimension; nothing if all windows are full.
static Value windowCounts(Builder &B, const Window &W, int64_t D,
                          bool CountPads, Type Real) {
  OpFoldResult First = CountPads ? size(B, 0) : W.Low[D];
  OpFoldResult End = addSize(B, W.In[D], W.Low[D]); // in padded coordinates
  if (CountPads)
    End = addSize(B, End, W.AskedHigh[D]);
  auto F = getConstantIntValue(First), E = getConstantIntValue(End),
       O = getConstantIntValue(W.Out[D]);
  if (F && E && O) {
    SmallVector<double> Counts(*O, 0.0);
    bool Full = true;
    for (int64_t I = 0; I < *O; ++I) {
      for (int64_t K = 0; K < W.Kernel[D]; ++K) {
        int64_t P = I * W.Strides[D] + K * W.Dilations[D];
        Counts[I] += P >= *F && P < *E;
      }
      Full &= Counts[I] == W.Kernel[D];
    }
    if (Full)
      return {};
    SmallVector<Attribute> Attrs = llvm::map_to_vector(
        Counts, [&](double C) -> Attribute { return B.getFloatAttr(Real, C); });
    return arith::ConstantOp::create(
        B, DenseElementsAttr::get(RankedTensorType::get({*O}, Real), Attrs));
  }
  Value FirstV = sizeValue(B, First), EndV = sizeValue(B, End);
  return generate(B, {W.Out[D]}, Real, [&](Builder &IB, ValueRange I) -> Value {
    auto Const = [&](int64_t V) -> Value {
      return arith::ConstantIndexOp::create(IB, V);
    };
    Value Base = arith::MulIOp::create(IB, I[0], Const(W.Strides[D])),
          Count = Const(0);
    for (int64_t K = 0; K < W.Kernel[D]; ++K) {
      Value P = arith::AddIOp::create(IB, Base, Const(K * W.Dilations[D]));
      Value In = arith::AndIOp::create(
          IB, arith::CmpIOp::create(IB, arith::CmpIPredicate::sge, P, FirstV),
          arith::CmpIOp::create(IB, arith::CmpIPredicate::slt, P, EndV));
      Count = arith::AddIOp::create(
          IB, Count, arith::SelectOp::create(IB, In, Const(1), Const(0)));
    }
    return arith::SIToFPOp::create(
        IB, Real, arith::IndexCastOp::create(IB, IB.getI64Type(), Count));
  });
}

/// Sum of each window divided by how many elements count.
static Value averageWindows(Builder &B, const Window &W, Value Sum,
                            bool CountPads, Type OutElem,
                            function_ref<Value(Builder &, Value)> Finish) {
  Type Acc = typeOf(Sum).getElementType();
  int64_t Rank = 2 + W.rank();
  SmallVector<Value> Ins = {Sum};
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(Rank)};
  int64_t Known = 1;
  for (int64_t D = 0; D < W.rank(); ++D) {
    Value Counts = windowCounts(B, W, D, CountPads, Acc);
    if (!Counts) {
      Known *= W.Kernel[D];
      continue;
    }
    Ins.push_back(Counts);
    Maps.push_back(dimsMap(B, Rank, {2 + D}));
  }
  return pointwise(
      B, dimsOf(B, Sum), Ins, Maps, OutElem, [&](Builder &IB, ValueRange X) {
        Value Count = scalar::constant(IB, Acc, static_cast<double>(Known));
        for (Value C : X.drop_front())
          Count = arith::MulFOp::create(IB, Count, C);
        return Finish(IB, arith::DivFOp::create(IB, X[0], Count));
      });
}

static Value sumWindows(Builder &B, const Window &W, Value X, Type Acc) {
  Type Elem = typeOf(X).getElementType();
  return reduceWindows(B, W, X, scalar::constant(B, Acc, 0.0),
                       [&](Builder &IB, Value V, Value Sum) {
                         return scalar::add(IB, Sum,
                                            scalar::cast(IB, V, Elem, Acc));
                       });
}

static LogicalResult lowerAveragePool(Node &N) {
  Builder &B = N.B;
  FailureOr<Window> W = poolWindow(N, N.in(0));
  if (failed(W))
    return failure();
  Type Elem = N.outType().getElementType(), Acc = accumulatorType(Elem);
  Value X = padded(B, *W, N.in(0), scalar::constant(B, Elem, 0.0));
  Value R = averageWindows(
      B, *W, sumWindows(B, *W, X, Acc), N.i64("count_include_pad", 0), Elem,
      [&](Builder &IB, Value V) { return scalar::cast(IB, V, Acc, Elem); });
  return N.replace({R});
}

/// |x|^p, and the p-th root, by the cheapest means.
static Value powerOf(Builder &B, Value X, int64_t P) {
  Value Abs = math::AbsFOp::create(B, X);
  if (P == 1)
    return Abs;
  if (P == 2)
    return scalar::mul(B, X, X);
  return math::PowFOp::create(
      B, Abs, scalar::constant(B, X.getType(), static_cast<double>(P)));
}
static Value rootOf(Builder &B, Value X, int64_t P) {
  if (P == 1)
    return X;
  if (P == 2)
    return math::SqrtOp::create(B, X);
  return math::PowFOp::create(B, X, scalar::constant(B, X.getType(), 1.0 / P));
}

static LogicalResult lowerLpPool(Node &N) {
  Builder &B = N.B;
  FailureOr<Window> W = poolWindow(N, N.in(0));
  if (failed(W))
    return failure();
  int64_t P = N.i64("p", 2);
  Type Elem = N.outType().getElementType(), Acc = accumulatorType(Elem);
  Value X = padded(B, *W, N.in(0), scalar::constant(B, Elem, 0.0));
  Value Sum = reduceWindows(
      B, *W, X, scalar::constant(B, Acc, 0.0),
      [&](Builder &IB, Value V, Value S) {
        return scalar::add(IB, S,
                           powerOf(IB, scalar::cast(IB, V, Elem, Acc), P));
      });
  return N.replace({elementwise(B, {Sum}, Elem, [&](Builder &IB, ValueRange V) {
    return scalar::cast(IB, rootOf(IB, V[0], P), Acc, Elem);
  })});
}

//===----------------------------------------------------------------------===//
// Global poolings
//===----------------------------------------------------------------------===//

/// A number of elements as a float.
static Value countOf(Builder &B, OpFoldResult Count, Type Real) {
  if (auto Known = getConstantIntValue(Count))
    return scalar::constant(B, Real, static_cast<double>(*Known));
  return arith::SIToFPOp::create(
      B, Real,
      arith::IndexCastOp::create(B, B.getI64Type(), sizeValue(B, Count)));
}

/// Reduces all spatial dimensions; \p Finish gets the reduced value and the
/// number of elements as a float.
static LogicalResult
lowerGlobal(Node &N, double Start, Combine Body,
            function_ref<Value(Builder &, Value, Value)> Finish) {
  Builder &B = N.B;
  Value X = N.in(0);
  Type Elem = typeOf(X).getElementType(), Acc = accumulatorType(Elem);
  SmallVector<int64_t> Spatial =
      llvm::to_vector(llvm::seq<int64_t>(2, typeOf(X).getRank()));
  SmallVector<OpFoldResult> Sizes = dimsOf(B, X);
  OpFoldResult Count = product(B, ArrayRef<OpFoldResult>(Sizes).drop_front(2));
  Value R = reduce(B, X, Spatial, scalar::constant(B, Acc, Start),
                   [&](Builder &IB, Value V, Value S) {
                     return Body(IB, scalar::cast(IB, V, Elem, Acc), S);
                   });
  R = elementwise(B, {R}, Elem, [&](Builder &IB, ValueRange V) {
    Value C = countOf(IB, Count, Acc);
    return scalar::cast(IB, Finish(IB, V[0], C), Acc, Elem);
  });
  return N.replace({insertUnitDims(B, R, Spatial)});
}

static Value addTo(Builder &B, Value X, Value Sum) {
  return scalar::add(B, Sum, X);
}

static LogicalResult lowerGlobalAverage(Node &N) {
  return lowerGlobal(N, 0.0, addTo,
                     [](Builder &B, Value Sum, Value Count) -> Value {
                       return arith::DivFOp::create(B, Sum, Count);
                     });
}
static LogicalResult lowerGlobalMax(Node &N) {
  return lowerGlobal(
      N, -std::numeric_limits<double>::infinity(),
      [](Builder &B, Value X, Value Max) -> Value {
        return arith::MaxNumFOp::create(B, X, Max);
      },
      [](Builder &, Value Max, Value) { return Max; });
}
static LogicalResult lowerGlobalLp(Node &N) {
  int64_t P = N.i64("p", 2);
  return lowerGlobal(
      N, 0.0,
      [&](Builder &B, Value X, Value Sum) {
        return scalar::add(B, Sum, powerOf(B, X, P));
      },
      [&](Builder &B, Value Sum, Value) { return rootOf(B, Sum, P); });
}

//===----------------------------------------------------------------------===//
// Quantized poolings of com.microsoft
//===----------------------------------------------------------------------===//

/// X, x_scale, x_zero, y_scale, y_zero
static LogicalResult lowerQLinearGlobalAverage(Node &N) {
  Builder &B = N.B;
  Value X = N.in(0);
  Type Elem = N.inElem(0), I32 = B.getI32Type(), F32 = B.getF32Type();
  // Channels lie behind the batch, or last.
  int64_t First = N.i64("channels_last", 0) ? 1 : 2;
  SmallVector<int64_t> Spatial =
      llvm::to_vector(llvm::seq<int64_t>(First, N.inRank(0) - 2 + First));
  SmallVector<OpFoldResult> Extents;
  for (int64_t D : Spatial)
    Extents.push_back(dimOf(B, X, D));
  OpFoldResult Count = product(B, Extents);
  Value Sum =
      reduce(B, X, Spatial, scalar::constant(B, I32, int64_t(0)),
             [&](Builder &IB, Value V, Value S) {
               return scalar::add(IB, S, scalar::cast(IB, V, Elem, I32));
             });
  Value Zero = N.in(2);
  AffineMap ZeroMap = parameterMap(B, Zero, 2, 0);
  Value Mean = pointwise(
      B, dimsOf(B, Sum), {Sum, Zero}, {B.getMultiDimIdentityMap(2), ZeroMap},
      F32, [&](Builder &IB, ValueRange V) -> Value {
        Value M =
            arith::DivFOp::create(IB, arith::SIToFPOp::create(IB, F32, V[0]),
                                  countOf(IB, Count, F32));
        return arith::SubFOp::create(IB, M, scalar::cast(IB, V[1], Elem, F32));
      });
  Value R =
      requantize(B, Mean, {N.in(1)}, N.in(3), N.in(4), /*Axis=*/1, N.outElem());
  return N.replace({insertUnitDims(B, R, Spatial)});
}

static LogicalResult lowerQLinearAverage(Node &N) {
  Builder &B = N.B;
  if (N.i64("channels_last", 0))
    return N.fail("channels_last is not supported yet");
  FailureOr<Window> W = poolWindow(N, N.in(0));
  if (failed(W))
    return failure();
  Value X = N.in(0), Zero = N.in(2);
  Type Elem = N.inElem(0), F32 = B.getF32Type();
  SmallVector<Value> Ins = {X};
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(N.inRank(0))};
  if (Zero) {
    Maps.push_back(parameterMap(B, Zero, N.inRank(0), 0));
    Ins.push_back(Zero);
  }
  Value Real = pointwise(
      B, dimsOf(B, X), Ins, Maps, F32, [&](Builder &IB, ValueRange V) {
        return dequantizeScalar(IB, V[0], V.size() > 1 ? V[1] : Value(), Elem,
                                F32);
      });
  Real = padded(B, *W, Real, scalar::constant(B, F32, 0.0));
  Value Mean = averageWindows(B, *W, sumWindows(B, *W, Real, F32),
                              N.i64("count_include_pad", 0), F32,
                              [](Builder &, Value V) { return V; });
  return N.replace({requantize(B, Mean, {N.in(1)}, N.in(3), N.in(4), /*Axis=*/1,
                               N.outElem())});
}

void populatePoolingLoweringPatterns(const StorageTypeConverter &Types,
                                     RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.AveragePool", lowerAveragePool},
      {"onnx.GlobalAveragePool", lowerGlobalAverage},
      {"onnx.GlobalLpPool", lowerGlobalLp},
      {"onnx.GlobalMaxPool", lowerGlobalMax},
      {"onnx.LpPool", lowerLpPool},
      {"onnx.MaxPool", lowerMaxPool},
      {"onnx.ms.QLinearAveragePool", lowerQLinearAverage},
      {"onnx.ms.QLinearGlobalAveragePool", lowerQLinearGlobalAverage},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

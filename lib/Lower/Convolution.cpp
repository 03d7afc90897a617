//===- Convolution.cpp - Conv, ConvTranspose and the quantized convolutions
//===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A convolution is a tensor.pad and one linalg.generic whose body is
// multiply-add and whose window is an affine access, so linalg recognises it.
// Groups are a loop of their own over expanded channels; one channel a group is
// the depthwise form. Bias and activation are generics of their own, which
// Kernel fuses as epilogues.
//
//===----------------------------------------------------------------------===//

#include "Activation.h"
#include "Common.h"
#include "IntegerSums.h"
#include "Quantization.h"
#include "Window.h"

using namespace mlir;

namespace lathe::lower {

using Iterator = utils::IteratorType;

/// The sum over window and channels, [N, M, out...], of a padded input and
/// weights [M, C / Groups, k...]. Zero points: one for X, one or one a filter
/// for W.
static Value convolve(Builder &B, const Window &W, Factor X, Factor F,
                      int64_t Groups, Type Acc) {
  int64_t S = W.rank(), Channels = typeOf(F.V).getDimSize(1),
          Filters = typeOf(F.V).getDimSize(0);
  bool Grouped = Groups > 1, Depthwise = Grouped && Channels == 1,
       Multiplies = Filters != Groups;
  OpFoldResult GroupSize = size(B, Groups);
  if (Grouped && !Depthwise)
    X.V = expandDim(B, X.V, 1, {GroupSize, size(B, Channels)});
  if (Depthwise) {
    F.V = Multiplies ? F.V : dropUnitDims(B, F.V, {1});
    if (Multiplies)
      F.V = dropUnitDims(
          B, expandDim(B, F.V, 0, {GroupSize, size(B, Filters / Groups)}), {2});
  } else if (Grouped) {
    F.V = expandDim(B, F.V, 0, {GroupSize, size(B, Filters / Groups)});
  }

  // Loops: n, [g], [m], out..., [c], k...
  int64_t Next = 1, G = -1, M = -1, C = -1;
  if (Grouped)
    G = Next++;
  if (!Depthwise || Multiplies)
    M = Next++;
  int64_t Out = Next;
  Next += S;
  int64_t Parallel = Next;
  if (!Depthwise)
    C = Next++;
  int64_t K = Next;
  Next += S;
  SmallVector<AffineExpr> MapX = {B.getAffineDimExpr(0)}, MapF,
                          MapOut = {B.getAffineDimExpr(0)};
  SmallVector<OpFoldResult> Sizes = {dimOf(B, X.V, 0)};
  if (G >= 0) {
    MapX.push_back(B.getAffineDimExpr(G));
    MapF.push_back(B.getAffineDimExpr(G));
    MapOut.push_back(B.getAffineDimExpr(G));
    Sizes.push_back(GroupSize);
  }
  if (M >= 0) {
    MapF.push_back(B.getAffineDimExpr(M));
    MapOut.push_back(B.getAffineDimExpr(M));
    Sizes.push_back(size(B, Grouped ? Filters / Groups : Filters));
  }
  if (C >= 0) {
    MapX.push_back(B.getAffineDimExpr(C));
    MapF.push_back(B.getAffineDimExpr(C));
  }
  for (int64_t D = 0; D < S; ++D) {
    MapX.push_back(windowExpr(B, W, D, Out, K));
    MapF.push_back(B.getAffineDimExpr(K + D));
    MapOut.push_back(B.getAffineDimExpr(Out + D));
    Sizes.push_back(W.Out[D]);
  }
  X.Map = AffineMap::get(Next, 0, MapX, B.getContext());
  F.Map = AffineMap::get(Next, 0, MapF, B.getContext());
  // Zero points: X has one, W may have one a filter.
  if (X.Zero)
    X.ZeroMap = parameterMap(B, X.Zero, Next, 0);
  if (F.Zero && typeOf(F.Zero).getRank() == 1 &&
      typeOf(F.Zero).getDimSize(0) != 1) {
    if (Grouped && M >= 0)
      F.Zero = expandDim(B, F.Zero, 0, {GroupSize, size(B, Filters / Groups)});
    F.ZeroMap = G >= 0 && M >= 0 ? dimsMap(B, Next, {G, M})
                                 : dimsMap(B, Next, {M >= 0 ? M : G});
  } else if (F.Zero) {
    F.ZeroMap = parameterMap(B, F.Zero, Next, 0);
  }
  SmallVector<Iterator> Iterators(Next, Iterator::parallel);
  std::fill(Iterators.begin() + Parallel, Iterators.end(), Iterator::reduction);
  Value Init = filled(B, Sizes, scalar::constant(B, Acc, int64_t(0)));
  Value R =
      contraction(B, X, F, Init,
                  AffineMap::get(Next, 0, MapOut, B.getContext()), Iterators);
  return G >= 0 && M >= 0 ? collapseRange(B, R, 1, 3) : R;
}

/// Checks what all convolutions need: static weights that fit the input.
static LogicalResult checkWeights(Node &N, Value X, Value W, int64_t Groups) {
  if (!typeOf(W).hasStaticShape())
    return N.fail("weights of unknown shape are not supported");
  int64_t Channels = typeOf(X).getDimSize(1),
          PerGroup = typeOf(W).getDimSize(1);
  if (Groups <= 0 || typeOf(W).getDimSize(0) % Groups)
    return N.fail("group = " + Twine(Groups) + " does not divide the " +
                  Twine(typeOf(W).getDimSize(0)) + " filters");
  if (!ShapedType::isDynamic(Channels) && Channels != PerGroup * Groups)
    return N.fail("the input has " + Twine(Channels) +
                  " channels, the weights want " + Twine(PerGroup * Groups));
  return success();
}

/// Adds bias [M] and a summand, applies the activation, narrows to the result's
/// type.
static Value epilogue(Node &N, Value Sum, Value Bias, Value Summand,
                      const std::optional<Activation> &Act) {
  Builder &B = N.B;
  Type Elem = N.outType().getElementType(), Acc = typeOf(Sum).getElementType();
  if (!Bias && !Summand && !Act && Acc == Elem)
    return Sum;
  int64_t Rank = typeOf(Sum).getRank();
  SmallVector<Value> Ins = {Sum};
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(Rank)};
  SmallVector<OpFoldResult> Sizes = dimsOf(B, Sum);
  if (Bias) {
    Ins.push_back(Bias);
    Maps.push_back(dimsMap(B, Rank, {1}));
  }
  if (Summand) {
    Maps.push_back(broadcastMap(B, Summand, Sizes));
    Ins.push_back(Summand);
  }
  return pointwise(B, Sizes, Ins, Maps, Elem, [&](Builder &IB, ValueRange X) {
    Value V = X[0];
    for (Value Term : X.drop_front())
      V = scalar::add(IB, V, scalar::cast(IB, Term, Elem, Acc));
    if (Act)
      V = (*Act)(IB, V);
    return scalar::cast(IB, V, Acc, Elem);
  });
}

/// The window of a convolution whose weights fit its input.
static FailureOr<Window> checkedWindow(Node &N, unsigned Weights,
                                       int64_t Groups) {
  if (failed(checkWeights(N, N.in(0), N.in(Weights), Groups)))
    return failure();
  return windowOf(N, N.in(0), N.inShape(Weights).drop_front(2));
}

static LogicalResult lowerConv(Node &N) {
  Builder &B = N.B;
  Value X = N.in(0), W = N.in(1);
  int64_t Groups = N.i64("group", 1);
  FailureOr<Window> Win = checkedWindow(N, /*Weights=*/1, Groups);
  if (failed(Win))
    return failure();
  std::optional<Activation> Act;
  if (StringRef Name = N.str("activation"); !Name.empty()) {
    SmallVector<double> P = N.floats("activation_params");
    Act = activationByName(
        Name, P.size() > 0 ? std::optional<double>(P[0]) : std::nullopt,
        P.size() > 1 ? std::optional<double>(P[1]) : std::nullopt);
    if (!Act)
      return N.fail("the activation '" + Name + "' is not supported");
  }
  Type Elem = typeOf(X).getElementType();
  X = padded(B, *Win, X, scalar::constant(B, Elem, int64_t(0)));
  std::optional<ScaledWeights> Bytes = scaledWeights(N, 1, /*Out=*/0);
  Value Sum = convolve(B, *Win, {X}, {Bytes ? Bytes->Integers : W}, Groups,
                       accumulatorType(Elem));
  if (Bytes)
    Sum = scaled(B, Sum, Bytes->Scales, /*Axis=*/1);
  return N.replace({epilogue(N, Sum, N.in(2), N.in(3), Act)});
}

/// Pads with the zero point, which stands for 0.
static Value paddedQuantized(Builder &B, const Window &W, Value X, Value Zero) {
  Value Scalar =
      Zero ? scalarOf(B, Zero)
           : scalar::constant(B, typeOf(X).getElementType(), int64_t(0));
  return padded(B, W, X, Scalar);
}

/// Each channel has filters of its own: lanes lie over channels, and no terms
/// of one sum lie together.
static bool isDepthwise(Node &N, unsigned Weights, int64_t Groups) {
  return Groups > 1 && N.inShape(Weights)[1] == 1;
}

static LogicalResult lowerConvInteger(Node &N) {
  Value X = N.in(0);
  int64_t Groups = N.i64("group", 1);
  FailureOr<Window> Win = checkedWindow(N, /*Weights=*/1, Groups);
  if (failed(Win))
    return failure();
  X = paddedQuantized(N.B, *Win, X, N.in(2));
  IntegerSum S =
      integerSum(N, X, 0, 2, 1, 3, /*OutDim=*/0, isDepthwise(N, 1, Groups));
  Value Sum = convolve(N.B, *Win, S.X, S.W, Groups, N.B.getI32Type());
  return N.replace({addCorrection(N, Sum, S.Correction, -1, /*Axis=*/1)});
}

/// x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, B
static LogicalResult lowerQLinearConv(Node &N) {
  Builder &B = N.B;
  Value X = N.in(0);
  int64_t Groups = N.i64("group", 1);
  FailureOr<Window> Win = checkedWindow(N, /*Weights=*/3, Groups);
  if (failed(Win))
    return failure();
  X = paddedQuantized(B, *Win, X, N.in(2));
  IntegerSum S =
      integerSum(N, X, 0, 2, 3, 5, /*OutDim=*/0, isDepthwise(N, 3, Groups));
  Value Sum = convolve(B, *Win, S.X, S.W, Groups, B.getI32Type());
  Sum = addCorrection(N, Sum, S.Correction, N.has(8) ? 8 : -1, /*Axis=*/1);
  return N.replace({requantize(B, Sum, {N.in(1), N.in(4)}, N.in(6), N.in(7),
                               /*Axis=*/1, N.outElem())});
}

//===----------------------------------------------------------------------===//
// ConvTranspose
//===----------------------------------------------------------------------===//

/// Weights [C, M / g, k...] of a transposed convolution as those of the plain
/// one: [M, C / g, k...], each window reversed.
static Value turnedWeights(Builder &B, Value W, int64_t Groups) {
  int64_t C = typeOf(W).getDimSize(0), M = typeOf(W).getDimSize(1),
          Rank = typeOf(W).getRank();
  SmallVector<OpFoldResult> Sizes = dimsOf(B, W);
  Sizes[0] = size(B, M * Groups);
  Sizes[1] = size(B, C / Groups);
  Type Elem = typeOf(W).getElementType();
  return generate(B, Sizes, Elem, [&](Builder &IB, ValueRange I) -> Value {
    auto Const = [&](int64_t V) -> Value {
      return arith::ConstantIndexOp::create(IB, V);
    };
    Value Group = arith::DivUIOp::create(IB, I[0], Const(M)),
          Filter = arith::RemUIOp::create(IB, I[0], Const(M));
    Value First = arith::MulIOp::create(IB, Group, Const(C / Groups));
    SmallVector<Value> At = {arith::AddIOp::create(IB, First, I[1]), Filter};
    for (int64_t D = 2; D < Rank; ++D)
      At.push_back(
          arith::SubIOp::create(IB, Const(typeOf(W).getDimSize(D) - 1), I[D]));
    return tensor::ExtractOp::create(IB, W, At);
  });
}

/// Spreads the spatial elements \p Strides apart, zeros between them, with \p
/// Low and
/// \p High zeros around (both may be negative: then elements are cut off).
static Value spread(Builder &B, Value X, ArrayRef<int64_t> Strides,
                    ArrayRef<OpFoldResult> Low, ArrayRef<OpFoldResult> High) {
  int64_t Rank = typeOf(X).getRank();
  Type Elem = typeOf(X).getElementType();
  SmallVector<OpFoldResult> In = dimsOf(B, X), Sizes(In);
  SmallVector<OpFoldResult> Offsets(Rank, B.getIndexAttr(0)),
      Steps(Rank, B.getIndexAttr(1));
  bool Cuts = false;
  for (int64_t D = 2; D < Rank; ++D) {
    OpFoldResult Stride = size(B, Strides[D - 2]);
    Sizes[D] = addSize(B, mulSize(B, subSize(B, In[D], size(B, 1)), Stride),
                       size(B, 1));
    Sizes[D] = addSize(B, addSize(B, Sizes[D], Low[D - 2]), High[D - 2]);
    Offsets[D] = Low[D - 2];
    Steps[D] = Stride;
    auto L = getConstantIntValue(Low[D - 2]),
         H = getConstantIntValue(High[D - 2]);
    Cuts |= !L || !H || *L < 0 || *H < 0;
  }
  if (!Cuts) {
    if (llvm::all_of(Strides, [](int64_t S) { return S == 1; })) {
      SmallVector<OpFoldResult> L(2, B.getIndexAttr(0)), H(L);
      llvm::append_range(L, Low);
      llvm::append_range(H, High);
      return pad(B, X, L, H, scalar::constant(B, Elem, int64_t(0)));
    }
    Value Zero = filled(B, Sizes, scalar::constant(B, Elem, int64_t(0)));
    return tensor::InsertSliceOp::create(B, X, Zero, Offsets, In, Steps);
  }
  // Rare: read each element where there is one.
  return generate(B, Sizes, Elem, [&](Builder &IB, ValueRange I) -> Value {
    SmallVector<Value> At(I);
    Value Inside, Zero = arith::ConstantIndexOp::create(IB, 0);
    auto And = [&](Value C) {
      Inside = Inside ? Value(arith::AndIOp::create(IB, Inside, C)) : C;
    };
    for (int64_t D = 2; D < Rank; ++D) {
      Value P = arith::SubIOp::create(IB, I[D], sizeValue(IB, Low[D - 2]));
      Value Stride = arith::ConstantIndexOp::create(IB, Strides[D - 2]);
      Value Q = arith::DivSIOp::create(IB, P, Stride),
            R = arith::RemSIOp::create(IB, P, Stride);
      And(arith::CmpIOp::create(IB, arith::CmpIPredicate::eq, R, Zero));
      And(arith::CmpIOp::create(IB, arith::CmpIPredicate::sge, P, Zero));
      And(arith::CmpIOp::create(IB, arith::CmpIPredicate::slt, Q,
                                sizeValue(IB, In[D])));
      At[D] = Q;
    }
    for (int64_t D = 2; D < Rank; ++D)
      At[D] = arith::SelectOp::create(IB, Inside, At[D], Zero);
    Value V = tensor::ExtractOp::create(IB, X, At);
    return arith::SelectOp::create(IB, Inside, V,
                                   scalar::constant(IB, Elem, int64_t(0)));
  });
}

/// Windows that tile the result, each stride as long as its window: every
/// element of the input is multiplied by all weights of its channel, and no two
/// of these products meet. One contraction over the channels, whose result
/// [n, m, (i, k)...] has the result's elements in order.
static Value disjointWindows(Builder &B, Value X, Value W) {
  int64_t S = typeOf(X).getRank() - 2;
  int64_t Next = 2 + 2 * S, C = Next++;
  SmallVector<OpFoldResult> In = dimsOf(B, X);
  SmallVector<OpFoldResult> Sizes = {In[0], dimOf(B, W, 1)};
  SmallVector<AffineExpr> MapX = {B.getAffineDimExpr(0), B.getAffineDimExpr(C)},
                          MapW = {B.getAffineDimExpr(C), B.getAffineDimExpr(1)},
                          MapOut = {B.getAffineDimExpr(0),
                                    B.getAffineDimExpr(1)};
  SmallVector<ReassociationIndices> Groups = {{0}, {1}};
  for (int64_t D = 0; D < S; ++D) {
    int64_t I = 2 + 2 * D, K = I + 1;
    MapX.push_back(B.getAffineDimExpr(I));
    MapW.push_back(B.getAffineDimExpr(K));
    MapOut.append({B.getAffineDimExpr(I), B.getAffineDimExpr(K)});
    Sizes.append({In[2 + D], dimOf(B, W, 2 + D)});
    Groups.push_back({I, K});
  }
  SmallVector<Iterator> Iterators(Next, Iterator::parallel);
  Iterators[C] = Iterator::reduction;
  Type Acc = accumulatorType(typeOf(X).getElementType());
  Value Init = filled(B, Sizes, scalar::constant(B, Acc, int64_t(0)));
  auto Map = [&](ArrayRef<AffineExpr> E) {
    return AffineMap::get(Next, 0, E, B.getContext());
  };
  Factor Left{X}, Right{W};
  Left.Map = Map(MapX);
  Right.Map = Map(MapW);
  Value R = contraction(B, Left, Right, Init, Map(MapOut), Iterators);
  return tensor::CollapseShapeOp::create(B, R, Groups);
}

static LogicalResult lowerConvTranspose(Node &N) {
  Builder &B = N.B;
  Value X = N.in(0), W = N.in(1);
  if (!typeOf(W).hasStaticShape())
    return N.fail("weights of unknown shape are not supported");
  int64_t S = N.inRank(0) - 2, Groups = N.i64("group", 1);
  if (Groups <= 0 || typeOf(W).getDimSize(0) % Groups)
    return N.fail("group = " + Twine(Groups) + " does not divide the " +
                  Twine(typeOf(W).getDimSize(0)) + " channels");
  Window Win;
  Win.Kernel.assign(N.inShape(1).begin() + 2, N.inShape(1).end());
  Win.Dilations = N.ints("dilations");
  Win.Dilations.resize(S, 1);
  Win.Strides.assign(S, 1);
  SmallVector<int64_t> Strides = N.ints("strides"), Pads = N.ints("pads"),
                       Extra = N.ints("output_padding");
  SmallVector<int64_t> Wanted = N.ints("output_shape");
  Strides.resize(S, 1);
  Pads.resize(2 * S, 0);
  Extra.resize(S, 0);
  if (static_cast<int64_t>(Wanted.size()) >
      S) // some exporters give all dimensions
    Wanted.erase(Wanted.begin(), Wanted.end() - S);
  StringRef Auto = N.str("auto_pad", "NOTSET");
  bool Same = Auto == "SAME_UPPER" || Auto == "SAME_LOWER";
  for (int64_t D = 0; D < S; ++D) {
    OpFoldResult In = dimOf(B, X, D + 2), Stride = size(B, Strides[D]),
                 Reach = size(B, Win.extent(D) - 1);
    // Without pads the result has stride (in - 1) + extent + output_padding
    // elements.
    OpFoldResult Full =
        addSize(B, mulSize(B, subSize(B, In, size(B, 1)), Stride),
                size(B, Win.extent(D) + Extra[D]));
    OpFoldResult Begin = size(B, Pads[D]), End = size(B, Pads[S + D]);
    if (!Wanted.empty() || Same) {
      OpFoldResult Out =
          Wanted.empty() ? mulSize(B, In, Stride) : size(B, Wanted[D]);
      OpFoldResult Total = maxSize(B, subSize(B, Full, Out), size(B, 0));
      // An output larger than everything reaches is zeros at the end.
      OpFoldResult Missing = maxSize(B, subSize(B, Out, Full), size(B, 0));
      OpFoldResult Half = divSize(B, Total, size(B, 2)),
                   Rest = subSize(B, Total, Half);
      Begin = Auto == "SAME_UPPER" ? Half : Rest;
      End = subSize(B, Auto == "SAME_UPPER" ? Rest : Half, Missing);
    } else if (Auto == "VALID") {
      Begin = End = size(B, 0);
    }
    Win.In.push_back(In);
    Win.Low.push_back(subSize(B, Reach, Begin));
    Win.High.push_back(addSize(B, subSize(B, Reach, End), size(B, Extra[D])));
    Win.Out.push_back(subSize(B, subSize(B, Full, Begin), End));
  }
  bool Disjoint = Groups == 1 && Wanted.empty() && !Same;
  for (int64_t D = 0; D < S; ++D)
    Disjoint &= Strides[D] == Win.Kernel[D] && Win.Dilations[D] == 1 &&
                Extra[D] == 0 &&
                (Auto == "VALID" || (Pads[D] == 0 && Pads[S + D] == 0));
  if (Disjoint)
    return N.replace(
        {epilogue(N, disjointWindows(B, X, W), N.in(2), {}, std::nullopt)});
  X = spread(B, X, Strides, Win.Low, Win.High);
  Type Elem = typeOf(X).getElementType();
  Value Sum = convolve(B, Win, {X}, {turnedWeights(B, W, Groups)}, Groups,
                       accumulatorType(Elem));
  return N.replace({epilogue(N, Sum, N.in(2), {}, std::nullopt)});
}

void populateConvolutionLoweringPatterns(const StorageTypeConverter &Types,
                                         RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.Conv", lowerConv},
      {"onnx.ConvInteger", lowerConvInteger},
      {"onnx.ConvTranspose", lowerConvTranspose},
      {"onnx.QLinearConv", lowerQLinearConv},
      {"onnx.ms.FusedConv", lowerConv},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

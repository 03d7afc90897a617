//===- Contraction.cpp - MatMul, Gemm and their kin ---------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each is one linalg.generic that accumulates wide (f32 for narrow floats, i32
// for bytes) and separate elementwise generics for scaling and bias. A matrix
// with plain two-dimensional weights is brought to two dimensions, which is
// what the GEMM emitter knows best.
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "Activation.h"
#include "IntegerSums.h"
#include "Quantization.h"
#include "lathe/ONNX/ConstantView.h"

using namespace mlir;

namespace lathe::lower {

using Iterator = utils::IteratorType;

/// Positions of the leading \p Count dimensions of \p V that are 1 for sure
/// while the result's (aligned at the end) are not.
static SmallVector<int64_t> unitBatchDims(Builder &B, Value V, int64_t Count) {
  SmallVector<int64_t> Units;
  for (int64_t D = 0; D < Count; ++D)
    if (isConstantIntValue(dimOf(B, V, D), 1))
      Units.push_back(D);
  return Units;
}

/// Accesses of one side of a matrix product, after dropping unit batch
/// dimensions.
static SmallVector<int64_t> batchDims(Builder &B, Value &V, int64_t Batch,
                                      int64_t Own) {
  int64_t First = Batch - Own;
  SmallVector<int64_t> Units = unitBatchDims(B, V, Own), Dims;
  for (int64_t D = 0; D < Own; ++D)
    if (!llvm::is_contained(Units, D))
      Dims.push_back(First + D);
  V = dropUnitDims(B, V, Units);
  return Dims;
}

Value matmul(Builder &B, Factor X, Factor Y, Type Acc) {
  auto RankOf = [](Value V) {
    return cast<RankedTensorType>(V.getType()).getRank();
  };
  int64_t RankX = RankOf(X.V), RankY = RankOf(Y.V);
  bool HasM = RankX > 1, HasN = RankY > 1;
  int64_t BatchX = std::max<int64_t>(RankX - 2, 0),
          BatchY = std::max<int64_t>(RankY - 2, 0);

  // [batch.., M, K] x [K, N]: all rows in one matrix.
  SmallVector<OpFoldResult> RowSizes;
  bool YIsMatrix =
      RankY == 2 ||
      (RankY > 2 &&
       static_cast<int64_t>(unitBatchDims(B, Y.V, BatchY).size()) == BatchY);
  if (BatchX > 0 && YIsMatrix && BatchX >= BatchY &&
      (!X.Zero || RankOf(X.Zero) == 0)) {
    SmallVector<OpFoldResult> SizesX = dimsOf(B, X.V);
    RowSizes.assign(SizesX.begin(), SizesX.end() - 1);
    X.V = collapseRange(B, X.V, 0, RankX - 1);
    if (BatchY > 0)
      Y.V = collapseRange(B, Y.V, 0, BatchY + 1);
    RankX = RankY = 2;
    BatchX = BatchY = 0;
  }

  // Batch dimensions broadcast against each other.
  int64_t Batch = std::max(BatchX, BatchY);
  SmallVector<OpFoldResult> Sizes;
  for (int64_t D = 0; D < Batch; ++D) {
    int64_t AtX = D - (Batch - BatchX), AtY = D - (Batch - BatchY);
    OpFoldResult P =
        AtX >= 0 ? dimOf(B, X.V, AtX) : OpFoldResult(B.getIndexAttr(1));
    OpFoldResult Q =
        AtY >= 0 ? dimOf(B, Y.V, AtY) : OpFoldResult(B.getIndexAttr(1));
    if (isConstantIntValue(P, 1))
      Sizes.push_back(Q);
    else if (isConstantIntValue(Q, 1) || sameSize(P, Q) ||
             getConstantIntValue(P))
      Sizes.push_back(P);
    else if (getConstantIntValue(Q))
      Sizes.push_back(Q);
    else {
      Value One = arith::ConstantIndexOp::create(B, 1);
      Value IsOne = arith::CmpIOp::create(B, arith::CmpIPredicate::eq,
                                          sizeValue(B, P), One);
      Sizes.push_back(Value(
          arith::SelectOp::create(B, IsOne, sizeValue(B, Q), sizeValue(B, P))));
    }
  }
  // An operand whose batch size may be 1 at run time is spread out first.
  auto Spread = [&](Value &V, int64_t Own) {
    SmallVector<OpFoldResult> Want = dimsOf(B, V);
    bool Unsure = false;
    for (int64_t D = 0; D < Own; ++D) {
      OpFoldResult Size = Sizes[Batch - Own + D];
      if (isConstantIntValue(Want[D], 1) || sameSize(Want[D], Size))
        continue;
      Want[D] = Size;
      Unsure = true;
    }
    if (Unsure)
      V = broadcastTo(B, V, Want);
  };
  Spread(X.V, BatchX);
  Spread(Y.V, BatchY);

  int64_t Loops = Batch + HasM + HasN + 1, M = Batch, N = Batch + HasM,
          K = Loops - 1;
  if (HasM)
    Sizes.push_back(dimOf(B, X.V, RankX - 2));
  if (HasN)
    Sizes.push_back(dimOf(B, Y.V, RankY - 1));
  SmallVector<int64_t> DimsX = batchDims(B, X.V, Batch, BatchX),
                       DimsY = batchDims(B, Y.V, Batch, BatchY);
  if (HasM)
    DimsX.push_back(M);
  DimsX.push_back(K);
  DimsY.push_back(K);
  if (HasN)
    DimsY.push_back(N);
  X.Map = dimsMap(B, Loops, DimsX);
  Y.Map = dimsMap(B, Loops, DimsY);
  auto ZeroMap = [&](Value &Zero, bool Has, int64_t Loop) {
    if (!Zero)
      return AffineMap();
    if (RankOf(Zero) == 0)
      return dimsMap(B, Loops, {});
    if (RankOf(Zero) == 1 &&
        cast<RankedTensorType>(Zero.getType()).getDimSize(0) == 1) {
      Zero = dropUnitDims(B, Zero, {0});
      return dimsMap(B, Loops, {});
    }
    return Has ? dimsMap(B, Loops, {Loop}) : AffineMap();
  };
  X.ZeroMap = ZeroMap(X.Zero, HasM, M);
  Y.ZeroMap = ZeroMap(Y.Zero, HasN, N);
  SmallVector<Iterator> Iterators(Loops, Iterator::parallel);
  Iterators.back() = Iterator::reduction;
  Value Init = filled(B, Sizes, scalar::constant(B, Acc, int64_t(0)));
  Value R = contraction(
      B, X, Y, Init,
      AffineMap::getMultiDimIdentityMap(Loops, B.getContext()).dropResult(K),
      Iterators);
  if (!RowSizes.empty())
    R = expandDim(B, R, 0, RowSizes);
  return R;
}

/// Storage element type of a result, from its accumulator.
static Value narrowed(Builder &B, Value Acc, Type Elem) {
  if (cast<RankedTensorType>(Acc.getType()).getElementType() == Elem)
    return Acc;
  return elementwise(B, {Acc}, Elem, [&](Builder &IB, ValueRange X) -> Value {
    return arith::TruncFOp::create(IB, Elem, X[0]);
  });
}

static LogicalResult lowerMatMul(Node &N) {
  Type Elem = N.outType().getElementType();
  Type Acc = isa<FloatType>(Elem) ? accumulatorType(Elem) : Elem;
  if (N.inRank(1) == 2)
    if (std::optional<ScaledWeights> W = scaledWeights(N, 1, /*Out=*/1)) {
      Value Sum = matmul(N.B, {N.in(0)}, {W->Integers}, Acc);
      int64_t Rank = cast<RankedTensorType>(Sum.getType()).getRank();
      return N.replace({scaled(N.B, Sum, W->Scales, Rank - 1)});
    }
  Value R = matmul(N.B, {N.in(0), {}, scalar::isUnsigned(N.inElem(0))},
                   {N.in(1), {}, scalar::isUnsigned(N.inElem(1))}, Acc);
  return N.replace({narrowed(N.B, R, Elem)});
}

/// Zero points come as a scalar, [M] or [1] tensors; per-row ones of a batch
/// are rare.
static LogicalResult zeroPoint(Node &N, unsigned I, Value &Zero) {
  Zero = N.in(I);
  if (Zero && N.inRank(I) > 1)
    return N.fail(
        "zero points of more than one dimension are not supported yet");
  return success();
}

/// The product of integers in operands \p X and \p Y with zero points \p XZ and
/// \p YZ, in i32.
static Value integerMatmul(Node &N, unsigned X, unsigned XZ, unsigned Y,
                           unsigned YZ) {
  Builder &B = N.B;
  if (!onnx::ConstantView::get(N.original(Y)) &&
      !onnx::ConstantView::get(N.original(X)))
    if (Value Sum = byteProduct(N, X, XZ, Y, YZ))
      return Sum;
  // A matrix of weights, one sum of them a column; else zero points stay.
  bool Matrix = N.inRank(Y) == 2;
  IntegerSum S = integerSum(N, N.in(X), X, XZ, Y, YZ, Matrix ? 1 : 64);
  Value Sum = matmul(B, S.X, S.W, B.getI32Type());
  int64_t Rank = cast<RankedTensorType>(Sum.getType()).getRank();
  return addCorrection(N, Sum, S.Correction, -1, Rank - 1);
}

static LogicalResult lowerMatMulInteger(Node &N) {
  Value XZero, YZero;
  if (failed(zeroPoint(N, 2, XZero)) || failed(zeroPoint(N, 3, YZero)))
    return failure();
  return N.replace({integerMatmul(N, 0, 2, 1, 3)});
}

/// a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero
static LogicalResult lowerQLinearMatMul(Node &N) {
  Value XZero, YZero;
  if (failed(zeroPoint(N, 2, XZero)) || failed(zeroPoint(N, 5, YZero)))
    return failure();
  if (N.inRank(1) > 1 || N.inRank(4) > 1 || N.inRank(6) > 1 ||
      (N.inRank(1) == 1 && N.inShape(1)[0] != 1))
    return N.fail("scales of more than one dimension, or one a row, are not "
                  "supported yet");
  Value Sum = integerMatmul(N, 0, 2, 3, 5);
  int64_t Rank = cast<RankedTensorType>(Sum.getType()).getRank();
  return N.replace({requantize(N.B, Sum, {N.in(1), N.in(4)}, N.in(6), N.in(7),
                               /*Axis=*/Rank - 1, N.outElem())});
}

//===----------------------------------------------------------------------===//
// Gemm
//===----------------------------------------------------------------------===//

Value gemm(Builder &B, Factor X, Factor Y, bool TransX, bool TransY, Type Acc) {
  X.Map = TransX ? dimsMap(B, 3, {2, 0}) : dimsMap(B, 3, {0, 2});
  Y.Map = TransY ? dimsMap(B, 3, {1, 2}) : dimsMap(B, 3, {2, 1});
  SmallVector<OpFoldResult> Sizes = {dimOf(B, X.V, TransX ? 1 : 0),
                                     dimOf(B, Y.V, TransY ? 0 : 1)};
  Value Init = filled(B, Sizes, scalar::constant(B, Acc, int64_t(0)));
  return contraction(
      B, X, Y, Init, dimsMap(B, 3, {0, 1}),
      {Iterator::parallel, Iterator::parallel, Iterator::reduction});
}

static LogicalResult lowerGemm(Node &N) {
  Builder &B = N.B;
  Type Elem = N.outType().getElementType(),
       Acc = isa<FloatType>(Elem) ? accumulatorType(Elem) : Elem;
  double Alpha = N.f32("alpha", 1.0), Beta = N.f32("beta", 1.0);
  std::optional<Activation> Act;
  if (N.hasAttr("activation")) {
    auto Param = [&](StringRef Name) {
      return N.hasAttr(Name) ? std::optional<double>(N.f32(Name, 0))
                             : std::nullopt;
    };
    Act = activationByName(N.str("activation"), Param("activation_alpha"),
                           Param("activation_beta"));
    if (!Act)
      return N.fail("the activation '" + N.str("activation") +
                    "' is not supported");
  }
  bool TransB = N.i64("transB", 0);
  std::optional<ScaledWeights> Bytes = scaledWeights(N, 1, TransB ? 0 : 1);
  Value Sum = gemm(B, {N.in(0)}, {Bytes ? Bytes->Integers : N.in(1)},
                   N.i64("transA", 0), TransB, Acc);
  if (Bytes)
    Sum = scaled(B, Sum, Bytes->Scales, /*Axis=*/1);
  bool HasC = N.has(2) && Beta != 0;
  if (!HasC && Alpha == 1 && !Act)
    return N.replace({narrowed(B, Sum, Elem)});
  SmallVector<OpFoldResult> Sizes = dimsOf(B, Sum);
  SmallVector<Value> Ins = {Sum};
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(2)};
  if (HasC) {
    Value C = N.in(2);
    Maps.push_back(broadcastMap(B, C, Sizes));
    Ins.push_back(C);
  }
  // Integers scale as reals only where a scale is given.
  Type OnnxElem = N.outElem();
  Value R =
      pointwise(B, Sizes, Ins, Maps, Elem, [&](Builder &IB, ValueRange X) {
        Type Compute = isa<FloatType>(Acc) || (Alpha == 1 && Beta == 1)
                           ? Acc
                           : Type(IB.getF64Type());
        Type From = isa<FloatType>(Acc) ? Acc : OnnxElem;
        auto Scaled = [&](Value V, Type T, double Factor) {
          V = Compute == V.getType() ? V : scalar::cast(IB, V, T, Compute);
          return Factor == 1
                     ? V
                     : scalar::mul(IB, V,
                                   scalar::constant(IB, Compute, Factor));
        };
        Value S = Scaled(X[0], From, Alpha);
        if (HasC)
          S = scalar::add(IB, S, Scaled(X[1], OnnxElem, Beta));
        if (Act)
          S = (*Act)(IB, S);
        return S.getType() == Elem ? S : scalar::cast(IB, S, Compute, OnnxElem);
      });
  return N.replace({R});
}

static LogicalResult lowerFusedMatMul(Node &N) {
  if (N.i64("transBatchA", 0) || N.i64("transBatchB", 0))
    return N.fail("transBatchA and transBatchB are not supported yet");
  auto Operand = [&](unsigned I, StringRef Attr) {
    Value V = N.in(I);
    int64_t Rank = N.inRank(I);
    if (!N.i64(Attr, 0) || Rank < 2)
      return V;
    SmallVector<int64_t> Order = llvm::to_vector(llvm::seq<int64_t>(0, Rank));
    std::swap(Order[Rank - 1], Order[Rank - 2]);
    return transpose(N.B, V, Order);
  };
  Type Elem = N.outType().getElementType(), Acc = accumulatorType(Elem);
  Value R = matmul(N.B, {Operand(0, "transA")}, {Operand(1, "transB")}, Acc);
  double Alpha = N.f32("alpha", 1.0);
  if (Alpha == 1)
    return N.replace({narrowed(N.B, R, Elem)});
  return N.replace({elementwise(N.B, {R}, Elem, [&](Builder &B, ValueRange X) {
    return scalar::cast(
        B, scalar::mul(B, X[0], scalar::constant(B, Acc, Alpha)), Acc, Elem);
  })});
}

void populateContractionLoweringPatterns(const StorageTypeConverter &Types,
                                         RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.Gemm", lowerGemm},
      {"onnx.MatMul", lowerMatMul},
      {"onnx.MatMulInteger", lowerMatMulInteger},
      {"onnx.QLinearMatMul", lowerQLinearMatMul},
      {"onnx.ms.FusedGemm", lowerGemm},
      {"onnx.ms.FusedMatMul", lowerFusedMatMul},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

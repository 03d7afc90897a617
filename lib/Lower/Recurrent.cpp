//===- Recurrent.cpp - LSTM, GRU and RNN --------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The input projection of all steps is one matrix product before the loop; the
// loop over time is an scf.for in main that carries the state through the steps
// of RecurrentCells.h. States are kept in f32 at least. A sequence that has
// ended keeps its state and gives zeros.
//
//===----------------------------------------------------------------------===//

#include "RecurrentCells.h"
#include "lathe/ONNX/ConstantView.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <cstring>

using namespace mlir;

namespace lathe::lower {

using Iterator = utils::IteratorType;

/// Element \p I of dimension \p D, without that dimension.
static Value element(Builder &B, Value V, OpFoldResult I, int64_t D = 0) {
  SmallVector<OpFoldResult> Sizes = dimsOf(B, V);
  SmallVector<OpFoldResult> Offsets(Sizes.size(), B.getIndexAttr(0)),
      Strides(Sizes.size(), B.getIndexAttr(1));
  Offsets[D] = I;
  Sizes[D] = B.getIndexAttr(1);
  SmallVector<int64_t> Shape = staticShape(Sizes);
  Shape.erase(Shape.begin() + D);
  auto Type = RankedTensorType::get(Shape, typeOf(V).getElementType());
  return tensor::ExtractSliceOp::create(B, Type, V, Offsets, Sizes, Strides);
}

/// Init + X [batch, k] * W' for W [n, k].
static Value product(Builder &B, Value X, Value W, Value Init) {
  return contraction(
      B, {X, dimsMap(B, 3, {0, 2})}, {W, dimsMap(B, 3, {1, 2})}, Init,
      dimsMap(B, 3, {0, 1}),
      {Iterator::parallel, Iterator::parallel, Iterator::reduction});
}

/// The state before the first step: of known size a constant, which nobody has
/// to write.
static Value zeroState(Builder &B, ArrayRef<OpFoldResult> Sizes, Type T) {
  SmallVector<int64_t> Shape = staticShape(Sizes);
  if (ShapedType::isDynamicShape(Shape))
    return zeros(B, Sizes, T);
  auto Type = RankedTensorType::get(Shape, T);
  return arith::ConstantOp::create(
      B, DenseElementsAttr::get(Type, B.getFloatAttr(T, 0.0)));
}

//===----------------------------------------------------------------------===//
// The loop over time
//===----------------------------------------------------------------------===//

/// New where step \p At lies inside the sequence of its batch entry, else Old
/// (written into Old) or 0.
static Value whileRunning(Builder &B, Value Lengths, Value At, Value New,
                          Value Old) {
  Type T = typeOf(New).getElementType();
  Value Time = arith::IndexCastOp::create(B, B.getI32Type(), At);
  AffineMap All = B.getMultiDimIdentityMap(2);
  SmallVector<Value> Ins = {New, Lengths};
  SmallVector<AffineMap> Maps = {All, dimsMap(B, 2, {0}), All};
  Value Init = Old ? Old : empty(B, dimsOf(B, New), T);
  SmallVector<Iterator> Iterators(2, Iterator::parallel);
  return linalg::GenericOp::create(
             B, Init.getType(), Ins, Init, Maps, Iterators,
             [&](OpBuilder &Inner, Location Loc, ValueRange Args) {
               Builder IB(Loc, Inner);
               Value Runs = arith::CmpIOp::create(IB, arith::CmpIPredicate::slt,
                                                  Time, Args[1]);
               Value Else = Old ? Args[2] : scalar::constant(IB, T, 0.0);
               linalg::YieldOp::create(IB,
                                       scalar::select(IB, Runs, Args[0], Else));
             })
      .getResult(0);
}

namespace {
/// How one direction walks, and which it is.
struct Walk {
  bool Reverse, BatchFirst;
  int64_t Direction;
};
} // namespace

/// Runs one direction. \p Projected is [time, batch, gates, hidden]; \p States
/// are the initial ones; they are replaced by the final ones. \p Y (or null) is
/// [time, directions, batch, hidden]. Batch first, they are [batch, time, ..]
/// and [batch, time, directions, hidden].
static void runDirection(Builder &B, const Cell &C, Step Next, Value Projected,
                         Value Lengths, const Walk &W,
                         SmallVectorImpl<Value> &States, Value &Y) {
  Value Zero = arith::ConstantIndexOp::create(B, 0),
        One = arith::ConstantIndexOp::create(B, 1);
  OpFoldResult Time = dimOf(B, Projected, W.BatchFirst);
  Value Steps = sizeValue(B, Time);
  SmallVector<Value> Carried(States.begin(), States.end());
  if (Y)
    Carried.push_back(Y);
  auto For = scf::ForOp::create(
      B, Zero, Steps, One, Carried,
      [&](OpBuilder &Inner, Location Loc, Value I, ValueRange Args) {
        Builder IB(Loc, Inner);
        Value At = I;
        if (W.Reverse)
          At = arith::SubIOp::create(IB, arith::SubIOp::create(IB, Steps, One),
                                     I);
        SmallVector<Value> Old(Args.take_front(States.size()));
        // Without lengths the new state overwrites the old one at once.
        SmallVector<Value> Into(Old);
        if (Lengths)
          for (Value &V : Into)
            V = empty(IB, dimsOf(IB, V), C.Acc);
        SmallVector<Value> New = Next(IB, C,
                                      element(IB, Projected, At, W.BatchFirst),
                                      Old, Into),
                           Yield(New);
        if (Lengths)
          for (auto [S, N, O] : llvm::zip_equal(Yield, New, Old))
            S = whileRunning(IB, Lengths, At, N, O);
        if (Y) {
          Value H =
              Lengths ? whileRunning(IB, Lengths, At, New[0], {}) : New[0];
          if (C.Elem != C.Acc)
            H = elementwise(IB, {H}, C.Elem, [&](Builder &EB, ValueRange V) {
              return scalar::cast(EB, V[0], C.Acc, C.Elem);
            });
          OpFoldResult Zero = size(IB, 0), One = size(IB, 1),
                       Which = size(IB, W.Direction), Rows = dimOf(IB, H, 0),
                       Units = size(IB, C.Hidden);
          SmallVector<OpFoldResult> Sizes = {One, One, Rows, Units},
                                    Offsets = {At, Which, Zero, Zero};
          if (W.BatchFirst) {
            Sizes = {Rows, One, One, Units};
            Offsets = {Zero, At, Which, Zero};
          }
          SmallVector<OpFoldResult> Strides(4, IB.getIndexAttr(1));
          Yield.push_back(tensor::InsertSliceOp::create(
              IB, H, Args.back(), Offsets, Sizes, Strides));
        }
        scf::YieldOp::create(IB, Yield);
      });
  for (unsigned I = 0; I < States.size(); ++I)
    States[I] = For.getResult(I);
  if (Y)
    Y = For.getResults().back();
}

namespace {
/// What differs between the three ops.
struct Family {
  int64_t Gates;
  unsigned States; // h, or h and c
  ArrayRef<StringLiteral> Activations;
  Step Next;
};
} // namespace

/// The activations of all directions, with their parameters consumed in order.
static FailureOr<SmallVector<Activation>> activations(Node &N, const Family &F,
                                                      int64_t Directions) {
  SmallVector<StringRef> Names = N.strs("activations");
  if (Names.empty())
    for (int64_t D = 0; D < Directions; ++D)
      Names.append(F.Activations.begin(), F.Activations.end());
  // The schema's default lists two directions.
  if (Names.size() > F.Activations.size() * Directions)
    Names.resize(F.Activations.size() * Directions);
  if (Names.size() != F.Activations.size() * Directions)
    return N.fail("activations must name " + Twine(F.Activations.size()) +
                  " functions a direction");
  SmallVector<double> Alphas = N.floats("activation_alpha"),
                      Betas = N.floats("activation_beta");
  unsigned NextAlpha = 0, NextBeta = 0;
  SmallVector<Activation> Result;
  for (StringRef Name : Names) {
    std::string Lower = Name.lower();
    bool TakesBeta =
        Lower == "affine" || Lower == "scaledtanh" || Lower == "hardsigmoid";
    bool TakesAlpha = TakesBeta || Lower == "leakyrelu" ||
                      Lower == "thresholdedrelu" || Lower == "elu";
    std::optional<double> Alpha, Beta;
    if (TakesAlpha && NextAlpha < Alphas.size())
      Alpha = Alphas[NextAlpha++];
    if (TakesBeta && NextBeta < Betas.size())
      Beta = Betas[NextBeta++];
    std::optional<Activation> A = activationByName(Name, Alpha, Beta);
    if (!A)
      return N.fail("the activation '" + Name + "' is not known");
    Result.push_back(*A);
  }
  return Result;
}

/// The biases of input and state as one, [directions, gates * hidden] in \p
/// Acc; of each direction from \p Shared on that of the input alone. Constants
/// are added now.
static Value sumOfBiases(Builder &B, Node &N, Value Bias, int64_t Shared,
                         Type Acc) {
  Type Elem = typeOf(Bias).getElementType();
  int64_t Directions = typeOf(Bias).getDimSize(0),
          Total = typeOf(Bias).getDimSize(1) / 2;
  auto View = onnx::ConstantView::get(N.original(3));
  if (View && !View->isElided() && View->isFloat() && Acc.isF32()) {
    std::vector<char> Bytes(Directions * Total * sizeof(float));
    for (int64_t I = 0; I < Directions * Total; ++I) {
      int64_t Unit = I % Total, At = I / Total * 2 * Total + Unit;
      float Sum = View->getFloat(At);
      if (Unit < Shared)
        Sum += float(View->getFloat(At + Total));
      std::memcpy(&Bytes[I * sizeof(float)], &Sum, sizeof(float));
    }
    auto Type = RankedTensorType::get({Directions, Total}, Acc);
    return arith::ConstantOp::create(
        B, cast<TypedAttr>(
               onnx::makeTensor(Type, std::move(Bytes), "recurrent_bias")));
  }
  auto Half = [&](int64_t First) {
    return slice(B, Bias, 1, size(B, First), size(B, Total));
  };
  return elementwise(
      B, {Half(0), Half(Total)}, Acc, [&](Builder &IB, ValueRange V) -> Value {
        Value P = scalar::cast(IB, V[0], Elem, Acc),
              Q = scalar::cast(IB, V[1], Elem, Acc), S = scalar::add(IB, P, Q);
        if (Shared == Total)
          return S;
        Value Unit = linalg::IndexOp::create(IB, 1);
        Value Is =
            arith::CmpIOp::create(IB, arith::CmpIPredicate::ult, Unit,
                                  arith::ConstantIndexOp::create(IB, Shared));
        return scalar::select(IB, Is, S, P);
      });
}

/// X W' of all steps and directions, with every bias that does not sit behind a
/// reset gate: [.., .., directions, gates, hidden], the first two as those of
/// X.
static Value project(Builder &B, Node &N, const Family &F, Value X, Value W,
                     Value Bias, int64_t Hidden, Type Acc) {
  int64_t Directions = typeOf(W).getDimSize(0), Total = F.Gates * Hidden;
  SmallVector<OpFoldResult> Outer = {dimOf(B, X, 0), dimOf(B, X, 1)};
  Value Rows = collapseRange(B, X, 0, 2);
  OpFoldResult NumRows = dimOf(B, Rows, 0);
  Value Sum;
  if (Bias) {
    // A reset gate before the sum keeps the bias of h apart.
    int64_t Shared = N.i64("linear_before_reset", 0) ? 2 * Hidden : Total;
    Sum = sumOfBiases(B, N, Bias, Shared, Acc);
  }
  Value Projected;
  if (Directions == 1) {
    SmallVector<OpFoldResult> Sizes = {NumRows, size(B, Total)};
    Projected =
        product(B, Rows, element(B, W, size(B, 0)), zeros(B, Sizes, Acc));
    if (Sum)
      Projected = pointwise(B, Sizes, {Projected, element(B, Sum, size(B, 0))},
                            {B.getMultiDimIdentityMap(2), dimsMap(B, 2, {1})},
                            Acc, [](Builder &IB, ValueRange V) {
                              return scalar::add(IB, V[0], V[1]);
                            });
    Projected = expandDim(B, Projected, 1,
                          {size(B, 1), size(B, F.Gates), size(B, Hidden)});
  } else {
    SmallVector<OpFoldResult> Sizes = {NumRows, size(B, Directions),
                                       size(B, Total)};
    Projected = gatesOf(B, Rows, W, zeros(B, Sizes, Acc));
    if (Sum)
      Projected =
          pointwise(B, Sizes, {Projected, Sum},
                    {B.getMultiDimIdentityMap(3), dimsMap(B, 3, {1, 2})}, Acc,
                    [](Builder &IB, ValueRange V) {
                      return scalar::add(IB, V[0], V[1]);
                    });
    Projected = expandDim(B, Projected, 2, {size(B, F.Gates), size(B, Hidden)});
  }
  return expandDim(B, Projected, 0, Outer);
}

/// X, W, R, B?, sequence_lens?, initial_h?, [initial_c?, P?]
static LogicalResult lowerRecurrent(Node &N, const Family &F) {
  Builder &B = N.B;
  Value X = N.in(0), W = N.in(1), R = N.in(2), Bias = N.in(3),
        Lengths = N.in(4), Peephole = N.in(7);
  StringRef Direction = N.str("direction", "forward");
  int64_t Directions = Direction == "bidirectional" ? 2 : 1;
  if (!typeOf(R).hasStaticShape() || !typeOf(W).hasStaticShape())
    return N.fail("weights of unknown shape are not supported");
  int64_t Hidden = typeOf(R).getDimSize(2), Total = F.Gates * Hidden;
  if (typeOf(W).getDimSize(0) != Directions ||
      typeOf(W).getDimSize(1) != Total || typeOf(R).getDimSize(1) != Total)
    return N.fail("the shapes of W and R do not fit direction and hidden_size");
  FailureOr<SmallVector<Activation>> Acts = activations(N, F, Directions);
  if (failed(Acts))
    return failure();
  // Batch first, time lies inside: rows of the projection are read, and of Y
  // written, at a stride.
  bool BatchFirst = N.i64("layout", 0);
  Type Elem = typeOf(X).getElementType(), Acc = accumulatorType(Elem);
  OpFoldResult Time = dimOf(B, X, BatchFirst), Batch = dimOf(B, X, !BatchFirst);

  Value Y;
  if (N.outUsed(0)) {
    SmallVector<OpFoldResult> Sizes = {Time, size(B, Directions), Batch,
                                       size(B, Hidden)};
    if (BatchFirst)
      Sizes = {Batch, Time, size(B, Directions), size(B, Hidden)};
    Y = empty(B, Sizes, Elem);
  }
  Value Projected = project(B, N, F, X, W, Bias, Hidden, Acc);
  SmallVector<SmallVector<Value>> Final(F.States);
  for (int64_t D = 0; D < Directions; ++D) {
    auto Of = [&](Value V) { return V ? element(B, V, size(B, D)) : Value(); };
    SmallVector<OpFoldResult> GateSizes = {size(B, F.Gates), size(B, Hidden)};
    Cell C;
    C.Hidden = Hidden;
    C.Elem = Elem;
    C.Acc = Acc;
    C.R = expandDim(B, Of(R), 0, GateSizes);
    C.Peephole = Of(Peephole);
    unsigned PerDirection = F.Activations.size();
    C.Acts.assign(Acts->begin() + D * PerDirection,
                  Acts->begin() + (D + 1) * PerDirection);
    if (N.hasAttr("clip"))
      C.Clip = N.f32("clip", 0);
    C.InputForget = N.i64("input_forget", 0);
    C.LinearBeforeReset = N.i64("linear_before_reset", 0);
    if (C.LinearBeforeReset)
      C.LastBiasR = part(B, Of(Bias), 2 * Total - Hidden, Hidden);
    Value Own = element(B, Projected, size(B, D), 2);

    SmallVector<Value> States;
    for (unsigned S = 0; S < F.States; ++S) {
      Value Init = N.in(5 + S);
      if (!Init) {
        States.push_back(zeroState(B, {Batch, size(B, Hidden)}, Acc));
        continue;
      }
      Init = castShape(B, element(B, Init, size(B, D), BatchFirst),
                       staticShape({Batch, size(B, Hidden)}));
      if (Acc != Elem)
        Init = elementwise(B, {Init}, Acc, [&](Builder &IB, ValueRange V) {
          return scalar::cast(IB, V[0], Elem, Acc);
        });
      States.push_back(Init);
    }
    bool Reverse = Direction == "reverse" || D == 1;
    runDirection(B, C, F.Next, Own, Lengths, {Reverse, BatchFirst, D}, States,
                 Y);
    for (unsigned S = 0; S < F.States; ++S) {
      Value V = States[S];
      if (Acc != Elem)
        V = elementwise(B, {V}, Elem, [&](Builder &IB, ValueRange X) {
          return scalar::cast(IB, X[0], Acc, Elem);
        });
      Final[S].push_back(insertUnitDims(B, V, {BatchFirst ? 1 : 0}));
    }
  }
  SmallVector<Value> Results = {Y};
  for (unsigned S = 0; S < F.States; ++S)
    Results.push_back(Directions == 1 ? Final[S][0]
                                      : Value(tensor::ConcatOp::create(
                                            B, BatchFirst, Final[S])));
  return N.replace(Results);
}

void populateRecurrentLoweringPatterns(const StorageTypeConverter &Types,
                                       RewritePatternSet &Patterns) {
  static constexpr StringLiteral LSTMActs[] = {"Sigmoid", "Tanh", "Tanh"},
                                 GRUActs[] = {"Sigmoid", "Tanh"},
                                 RNNActs[] = {"Tanh"};
  static constexpr Lowering Table[] = {
      {"onnx.GRU",
       [](Node &N) {
         return lowerRecurrent(N, {3, 1, GRUActs, stepGRU});
       }},
      {"onnx.LSTM",
       [](Node &N) {
         return lowerRecurrent(N, {4, 2, LSTMActs, stepLSTM});
       }},
      {"onnx.RNN",
       [](Node &N) {
         return lowerRecurrent(N, {1, 1, RNNActs, stepRNN});
       }},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

//===- Reduction.cpp - Reductions, ArgMax and CumSum --------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Narrow floats accumulate in f32. The twelve reductions are a table of what
// happens to an element, how two partial results join, and what happens at the
// end.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "Softmax.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lathe::lower {

namespace {
using Scalar = Value (*)(Builder &, Value);

struct Reduction {
  enum Join { Sum, Product, Max, Min };
  StringLiteral Op;
  Join How;
  Scalar Before, After; // null: nothing
  bool Mean = false;
  /// Roots and logarithms of integers are taken in f64.
  bool NeedsReal = false;
};
} // namespace

static Value magnitude(Builder &B, Value X) {
  return isa<FloatType>(X.getType()) ? Value(math::AbsFOp::create(B, X))
                                     : Value(math::AbsIOp::create(B, X));
}
static Value squared(Builder &B, Value X) { return scalar::mul(B, X, X); }
static Value root(Builder &B, Value X) { return math::SqrtOp::create(B, X); }
static Value logarithm(Builder &B, Value X) {
  return math::LogOp::create(B, X);
}

static constexpr Reduction Reductions[] = {
    {"onnx.ReduceL1", Reduction::Sum, magnitude, nullptr},
    {"onnx.ReduceL2", Reduction::Sum, squared, root, false, true},
    {"onnx.ReduceLogSum", Reduction::Sum, nullptr, logarithm, false, true},
    {"onnx.ReduceMax", Reduction::Max, nullptr, nullptr},
    {"onnx.ReduceMean", Reduction::Sum, nullptr, nullptr, true},
    {"onnx.ReduceMin", Reduction::Min, nullptr, nullptr},
    {"onnx.ReduceProd", Reduction::Product, nullptr, nullptr},
    {"onnx.ReduceSum", Reduction::Sum, nullptr, nullptr},
    {"onnx.ReduceSumSquare", Reduction::Sum, squared, nullptr},
};

//===----------------------------------------------------------------------===//
// Axes
//===----------------------------------------------------------------------===//

namespace {
/// The axes of a reduction: known, or one condition a dimension that the run
/// decides.
struct Axes {
  SmallVector<int64_t> Known;
  SmallVector<Value> Reduced; // empty if known
  bool isKnown() const { return Reduced.empty(); }
};
} // namespace

/// The axes that take \p In to \p Out, if only one set of them does. Axes of
/// size 1 that stay do not matter.
static std::optional<SmallVector<int64_t>>
axesFromShapes(ArrayRef<int64_t> In, ArrayRef<int64_t> Out, bool Keep) {
  if (ShapedType::isDynamicShape(In) || ShapedType::isDynamicShape(Out) ||
      In.size() > 16)
    return std::nullopt;
  std::optional<SmallVector<int64_t>> Found;
  for (unsigned Set = 0; Set < (1u << In.size()); ++Set) {
    SmallVector<int64_t> Shape, Axes;
    for (auto [D, S] : llvm::enumerate(In)) {
      bool Reduced = Set >> D & 1;
      if (Reduced && S == 1 && Keep)
        Shape.clear(), Axes.push_back(-1);
      if (Reduced)
        Axes.push_back(D);
      if (!Reduced || Keep)
        Shape.push_back(Reduced ? 1 : S);
    }
    if (llvm::is_contained(Axes, -1) || ArrayRef<int64_t>(Shape) != Out)
      continue;
    if (Found)
      return std::nullopt;
    Found = Axes;
  }
  return Found;
}

static FailureOr<Axes> reducedAxes(Node &N) {
  int64_t Rank = N.inRank(0);
  Axes Result;
  SmallVector<int64_t> List;
  if (N.has(1)) {
    if (N.inRank(1) != 1)
      return N.fail("axes must have one dimension");
    if (auto Values = N.constInts(1)) {
      List = *Values;
    } else if (N.inShape(1)[0] != 0) {
      // Values that only the run knows; often the shapes give them away.
      if (auto Inferred = axesFromShapes(N.inShape(0), N.outType().getShape(),
                                         N.i64("keepdims", 1))) {
        Result.Known = *Inferred;
        return Result;
      }
      Builder &B = N.B;
      int64_t Count = N.inShape(1)[0];
      if (ShapedType::isDynamic(Count))
        return N.fail("the number of axes must be known");
      Type Elem = typeOf(N.in(1)).getElementType();
      SmallVector<Value> Values;
      for (int64_t I = 0; I < Count; ++I)
        Values.push_back(tensor::ExtractOp::create(
            B, N.in(1), ValueRange{arith::ConstantIndexOp::create(B, I)}));
      for (int64_t D = 0; D < Rank; ++D) {
        Value Any = scalar::constant(B, B.getI1Type(), int64_t(0));
        for (Value V : Values)
          for (int64_t Same : {D, D - Rank}) {
            Value Is = arith::CmpIOp::create(B, arith::CmpIPredicate::eq, V,
                                             scalar::constant(B, Elem, Same));
            Any = arith::OrIOp::create(B, Any, Is);
          }
        Result.Reduced.push_back(Any);
      }
      return Result;
    }
  } else {
    List = N.ints("axes");
  }
  if (List.empty() && !N.i64("noop_with_empty_axes", 0)) {
    Result.Known = llvm::to_vector(llvm::seq<int64_t>(0, Rank));
    return Result;
  }
  for (int64_t &A : List) {
    if (A < -Rank || A >= Rank)
      return N.fail("axis " + Twine(A) + " is outside the rank " + Twine(Rank));
    A = normalAxis(A, Rank);
  }
  llvm::sort(List);
  List.erase(llvm::unique(List), List.end());
  Result.Known = List;
  return Result;
}

/// Reduces \p X; the result has the dimensions that are left, or all of them
/// with ones where the run decides.
static Value reduceOver(Builder &B, Value X, const Axes &A, Value Start,
                        Combine Body) {
  if (A.isKnown())
    return reduce(B, X, A.Known, Start, Body);
  SmallVector<OpFoldResult> In = dimsOf(B, X), Out;
  SmallVector<Value> Bounds;
  Value One = arith::ConstantIndexOp::create(B, 1);
  for (auto [S, R] : llvm::zip_equal(In, A.Reduced)) {
    Bounds.push_back(sizeValue(B, S));
    Out.push_back(Value(arith::SelectOp::create(B, R, One, Bounds.back())));
  }
  return loopNest(B, Bounds, filled(B, Out, Start),
                  [&](Builder &IB, ValueRange I, Value Acc) -> Value {
                    SmallVector<Value> At;
                    Value Zero = arith::ConstantIndexOp::create(IB, 0);
                    for (auto [Index, R] : llvm::zip_equal(I, A.Reduced))
                      At.push_back(arith::SelectOp::create(IB, R, Zero, Index));
                    Value V = Body(IB, tensor::ExtractOp::create(IB, X, I),
                                   tensor::ExtractOp::create(IB, Acc, At));
                    return tensor::InsertOp::create(IB, V, Acc, At);
                  });
}

/// The result of \p reduceOver in the form that keepdims wants.
static LogicalResult finish(Node &N, const Axes &A, Value Y) {
  Builder &B = N.B;
  bool Keep = N.i64("keepdims", 1);
  if (A.isKnown())
    return N.replace({Keep ? insertUnitDims(B, Y, A.Known) : Y});
  if (Keep)
    return N.replace({Y});
  // The K-th size that is left, counting from the first.
  SmallVector<OpFoldResult> Sizes;
  Value Zero = arith::ConstantIndexOp::create(B, 0),
        One = arith::ConstantIndexOp::create(B, 1);
  for (int64_t K = 0; K < N.outType().getRank(); ++K) {
    if (!N.outType().isDynamicDim(K)) {
      Sizes.push_back(size(B, N.outType().getDimSize(K)));
      continue;
    }
    Value Seen = Zero, Size = One,
          Wanted = arith::ConstantIndexOp::create(B, K);
    for (int64_t D = 0, E = A.Reduced.size(); D < E; ++D) {
      Value Left =
          arith::CmpIOp::create(B, arith::CmpIPredicate::eq, A.Reduced[D],
                                scalar::constant(B, B.getI1Type(), int64_t(0)));
      Value Here = arith::AndIOp::create(
          B, Left,
          arith::CmpIOp::create(B, arith::CmpIPredicate::eq, Seen, Wanted));
      Size = arith::SelectOp::create(B, Here,
                                     sizeValue(B, dimOf(B, N.in(0), D)), Size);
      Seen = arith::AddIOp::create(B, Seen,
                                   arith::SelectOp::create(B, Left, One, Zero));
    }
    Sizes.push_back(Size);
  }
  return N.replace({reshape(B, Y, Sizes)});
}

/// How many elements make one of the result.
static OpFoldResult reducedCount(Builder &B, Value X, const Axes &A) {
  OpFoldResult Count = size(B, 1);
  for (int64_t D : A.Known)
    Count = mulSize(B, Count, dimOf(B, X, D));
  for (auto [D, R] : llvm::enumerate(A.Reduced)) {
    Value One = arith::ConstantIndexOp::create(B, 1);
    Count = mulSize(B, Count,
                    Value(arith::SelectOp::create(
                        B, R, sizeValue(B, dimOf(B, X, D)), One)));
  }
  return Count;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// A size as a scalar of \p T.
static Value sizeAs(Builder &B, OpFoldResult Size, Type T) {
  if (auto Known = getConstantIntValue(Size))
    return scalar::constant(B, T, *Known);
  Value I = arith::IndexCastOp::create(B, B.getI64Type(), sizeValue(B, Size));
  if (isa<FloatType>(T))
    return arith::SIToFPOp::create(B, T, I);
  unsigned Width = T.getIntOrFloatBitWidth();
  return Width < 64 ? Value(arith::TruncIOp::create(B, T, I)) : I;
}

static LogicalResult lowerReduce(Node &N, const Reduction &R) {
  Builder &B = N.B;
  FailureOr<Axes> A = reducedAxes(N);
  if (failed(A))
    return failure();
  Value X = N.in(0);
  Type OnnxElem = N.inElem(0), Elem = typeOf(X).getElementType();
  Type Acc = Elem;
  if (isa<FloatType>(Elem))
    Acc = accumulatorType(Elem);
  else if (R.NeedsReal)
    Acc = B.getF64Type();
  Type AccOnnx = isa<FloatType>(Acc) ? Acc : OnnxElem;
  Value Start;
  switch (R.How) {
  case Reduction::Sum:
    Start = scalar::constant(B, Acc, int64_t(0));
    break;
  case Reduction::Product:
    Start = scalar::constant(B, Acc, int64_t(1));
    break;
  case Reduction::Max:
    Start = scalar::lowest(B, AccOnnx);
    break;
  case Reduction::Min:
    Start = scalar::highest(B, AccOnnx);
    break;
  }
  Value Y = reduceOver(B, X, *A, Start, [&](Builder &IB, Value V, Value S) {
    if (Acc != Elem)
      V = scalar::cast(IB, V, OnnxElem, Acc);
    if (R.Before)
      V = R.Before(IB, V);
    switch (R.How) {
    case Reduction::Sum:
      return scalar::add(IB, S, V);
    case Reduction::Product:
      return scalar::mul(IB, S, V);
    case Reduction::Max:
      return scalar::maximum(IB, S, V, AccOnnx);
    case Reduction::Min:
      return scalar::minimum(IB, S, V, AccOnnx);
    }
    llvm_unreachable("all kinds are handled");
  });
  if (R.After || R.Mean || Acc != Elem) {
    OpFoldResult Count = reducedCount(B, X, *A);
    Y = elementwise(B, {Y}, Elem, [&](Builder &IB, ValueRange V) {
      Value Z = V[0];
      if (R.Mean)
        Z = scalar::div(IB, Z, sizeAs(IB, Count, Acc), AccOnnx);
      if (R.After)
        Z = R.After(IB, Z);
      return Acc == Elem ? Z : scalar::cast(IB, Z, Acc, OnnxElem);
    });
  }
  return finish(N, *A, Y);
}

/// log(sum(exp(x - max))) + max; a maximum that is not finite counts as 0
/// there.
static LogicalResult lowerLogSumExp(Node &N) {
  Builder &B = N.B;
  FailureOr<Axes> A = reducedAxes(N);
  if (failed(A))
    return failure();
  Value X = N.in(0);
  Type OnnxElem = N.inElem(0), Elem = typeOf(X).getElementType();
  Type Acc =
      isa<FloatType>(Elem) ? accumulatorType(Elem) : Type(B.getF64Type());
  int64_t Rank = typeOf(X).getRank();
  Value Max = reduceOver(
      B, X, *A, scalar::lowest(B, Acc), [&](Builder &IB, Value V, Value S) {
        return scalar::maximum(IB, S, scalar::cast(IB, V, OnnxElem, Acc), Acc);
      });
  Value Shift = elementwise(B, {Max}, Acc, [&](Builder &IB, ValueRange V) {
    Value Inf =
        scalar::constant(IB, Acc, std::numeric_limits<double>::infinity());
    Value Finite = scalar::compare(IB, scalar::Compare::Less,
                                   math::AbsFOp::create(IB, V[0]), Inf, Acc);
    return scalar::select(IB, Finite, V[0], scalar::constant(IB, Acc, 0.0));
  });
  // How a value per result is read per element.
  Value PerElement = Shift;
  AffineMap Access;
  if (A->isKnown()) {
    SmallVector<int64_t> Left;
    for (int64_t D = 0; D < Rank; ++D)
      if (!llvm::is_contained(A->Known, D))
        Left.push_back(D);
    Access = dimsMap(B, Rank, Left);
  } else {
    Access = broadcastMap(B, PerElement, dimsOf(B, X));
  }
  Value Exp = pointwise(B, dimsOf(B, X), {X, PerElement},
                        {B.getMultiDimIdentityMap(Rank), Access}, Acc,
                        [&](Builder &IB, ValueRange V) -> Value {
                          Value Real = scalar::cast(IB, V[0], OnnxElem, Acc);
                          return math::ExpOp::create(
                              IB, arith::SubFOp::create(IB, Real, V[1]));
                        });
  Value Sum = reduceOver(
      B, Exp, *A, scalar::constant(B, Acc, 0.0),
      [](Builder &IB, Value V, Value S) { return scalar::add(IB, S, V); });
  Value Y = elementwise(B, {Sum, Shift}, Elem, [&](Builder &IB, ValueRange V) {
    return scalar::cast(IB,
                        scalar::add(IB, math::LogOp::create(IB, V[0]), V[1]),
                        Acc, OnnxElem);
  });
  return finish(N, *A, Y);
}

//===----------------------------------------------------------------------===//
// ArgMax, ArgMin
//===----------------------------------------------------------------------===//

Value argReduce(Builder &B, Value X, int64_t Axis, bool Max, bool SelectLast,
                Type OnnxElem) {
  int64_t Rank = typeOf(X).getRank();
  Type I64 = B.getI64Type();
  SmallVector<int64_t> Left;
  SmallVector<OpFoldResult> Sizes;
  for (int64_t D = 0; D < Rank; ++D)
    if (D != Axis) {
      Left.push_back(D);
      Sizes.push_back(dimOf(B, X, D));
    }
  SmallVector<utils::IteratorType> Iterators(Rank,
                                             utils::IteratorType::parallel);
  Iterators[Axis] = utils::IteratorType::reduction;
  Value Start =
      filled(B, Sizes,
             Max ? scalar::lowest(B, OnnxElem) : scalar::highest(B, OnnxElem));
  Value StartAt = filled(B, Sizes, scalar::constant(B, I64, int64_t(0)));
  AffineMap Out = dimsMap(B, Rank, Left);
  using C = scalar::Compare;
  C Better = Max ? (SelectLast ? C::GreaterOrEqual : C::Greater)
                 : (SelectLast ? C::LessOrEqual : C::Less);
  return linalg::GenericOp::create(
             B, TypeRange{Start.getType(), StartAt.getType()}, X,
             ValueRange{Start, StartAt},
             ArrayRef<AffineMap>{B.getMultiDimIdentityMap(Rank), Out, Out},
             Iterators,
             [&](OpBuilder &Inner, Location Loc, ValueRange Args) {
               Builder IB(Loc, Inner);
               Value At = arith::IndexCastOp::create(
                   IB, I64, linalg::IndexOp::create(IB, Axis));
               Value Takes =
                   scalar::compare(IB, Better, Args[0], Args[1], OnnxElem);
               linalg::YieldOp::create(
                   IB, ValueRange{scalar::select(IB, Takes, Args[0], Args[1]),
                                  scalar::select(IB, Takes, At, Args[2])});
             })
      .getResult(1);
}

static LogicalResult lowerArg(Node &N, bool Max) {
  int64_t Axis = normalAxis(N.i64("axis", 0), N.inRank(0));
  if (Axis < 0 || Axis >= N.inRank(0))
    return N.fail("axis is outside the rank of the input");
  Value Y = argReduce(N.B, N.in(0), Axis, Max, N.i64("select_last_index", 0),
                      N.inElem(0));
  if (N.i64("keepdims", 1))
    Y = insertUnitDims(N.B, Y, {Axis});
  return N.replace({Y});
}

void populateReductionLoweringPatterns(const StorageTypeConverter &Types,
                                       RewritePatternSet &Patterns) {
  for (const Reduction &R : Reductions)
    addLowering(
        R.Op, [&R](Node &N) { return lowerReduce(N, R); }, Types, Patterns);
  static constexpr Lowering Others[] = {
      {"onnx.ArgMax", [](Node &N) { return lowerArg(N, true); }},
      {"onnx.ArgMin", [](Node &N) { return lowerArg(N, false); }},
      {"onnx.ReduceLogSumExp", lowerLogSumExp},
  };
  addLowerings(Others, Types, Patterns);
}

} // namespace lathe::lower

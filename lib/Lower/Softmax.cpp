//===- Softmax.cpp - Softmax, LogSoftmax, Hardmax -----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Three passes over each row: maximum, exponentials, their sum. Each is a
// generic of its own over the same loops, so that fusion may join them; all
// compute in f32 at least.
//
//===----------------------------------------------------------------------===//

#include "Softmax.h"
#include "Common.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;

namespace lathe::lower {

/// The access of a value per row: all loops but \p Axis.
static AffineMap rowMap(Builder &B, int64_t Rank, int64_t Axis) {
  return B.getMultiDimIdentityMap(Rank).dropResult(Axis);
}

Value softmax(Builder &B, Value X, int64_t Axis, Type OutElem, bool Log,
              bool MayHideAll) {
  int64_t Rank = typeOf(X).getRank();
  Type Elem = typeOf(X).getElementType(), Acc = accumulatorType(Elem);
  SmallVector<OpFoldResult> Sizes = dimsOf(B, X);
  AffineMap All = B.getMultiDimIdentityMap(Rank), Row = rowMap(B, Rank, Axis);
  Value Max = reduce(B, X, {Axis}, scalar::lowest(B, Acc),
                     [&](Builder &IB, Value V, Value M) -> Value {
                       return arith::MaxNumFOp::create(
                           IB, scalar::cast(IB, V, Elem, Acc), M);
                     });
  // The value \p V, or \p Instead where V is \p Bad.
  auto Guard = [&](Builder &IB, Value V, double Bad, double Instead) -> Value {
    if (!MayHideAll)
      return V;
    Value Is = arith::CmpFOp::create(IB, arith::CmpFPredicate::OEQ, V,
                                     scalar::constant(IB, Acc, Bad));
    return scalar::select(IB, Is, scalar::constant(IB, Acc, Instead), V);
  };
  auto Shifted = [&](Builder &IB, ValueRange V) -> Value {
    return arith::SubFOp::create(IB, scalar::cast(IB, V[0], Elem, Acc),
                                 Guard(IB, V[1], -INFINITY, 0));
  };
  if (Log) {
    // The exponentials are needed for their sum only.
    Value Exp = pointwise(B, Sizes, {X, Max}, {All, Row}, Acc,
                          [&](Builder &IB, ValueRange V) -> Value {
                            return math::ExpOp::create(IB, Shifted(IB, V));
                          });
    Value Sum = reduce(
        B, Exp, {Axis}, scalar::constant(B, Acc, 0.0),
        [](Builder &IB, Value V, Value S) { return scalar::add(IB, S, V); });
    Value LogSum =
        elementwise(B, {Sum}, Acc, [](Builder &IB, ValueRange V) -> Value {
          return math::LogOp::create(IB, V[0]);
        });
    return pointwise(B, Sizes, {X, Max, LogSum}, {All, Row, Row}, OutElem,
                     [&](Builder &IB, ValueRange V) {
                       return scalar::cast(
                           IB, arith::SubFOp::create(IB, Shifted(IB, V), V[2]),
                           Acc, OutElem);
                     });
  }
  Value Exp = pointwise(B, Sizes, {X, Max}, {All, Row}, Acc,
                        [&](Builder &IB, ValueRange V) -> Value {
                          return math::ExpOp::create(IB, Shifted(IB, V));
                        });
  Value Sum = reduce(
      B, Exp, {Axis}, scalar::constant(B, Acc, 0.0),
      [](Builder &IB, Value V, Value S) { return scalar::add(IB, S, V); });
  return pointwise(B, Sizes, {Exp, Sum}, {All, Row}, OutElem,
                   [&](Builder &IB, ValueRange V) {
                     Value Total = Guard(IB, V[1], 0, 1);
                     return scalar::cast(IB,
                                         arith::DivFOp::create(IB, V[0], Total),
                                         Acc, OutElem);
                   });
}

static FailureOr<int64_t> axisOf(Node &N) {
  int64_t Axis = normalAxis(N.i64("axis", -1), N.inRank(0));
  if (Axis < 0 || Axis >= N.inRank(0))
    return N.fail("axis is outside the rank of the input");
  return Axis;
}

static LogicalResult lowerSoftmax(Node &N, bool Log) {
  FailureOr<int64_t> Axis = axisOf(N);
  if (failed(Axis))
    return failure();
  return N.replace(
      {softmax(N.B, N.in(0), *Axis, N.outType().getElementType(), Log)});
}

/// 1 at the first largest element of each row.
static LogicalResult lowerHardmax(Node &N) {
  FailureOr<int64_t> Axis = axisOf(N);
  if (failed(Axis))
    return failure();
  Builder &B = N.B;
  int64_t Rank = N.inRank(0);
  Type Elem = N.outType().getElementType();
  Value At = argReduce(B, N.in(0), *Axis, /*Max=*/true, /*SelectLast=*/false,
                       N.inElem(0));
  Value R =
      pointwise(B, dimsOf(B, N.in(0)), {At}, {rowMap(B, Rank, *Axis)}, Elem,
                [&](Builder &IB, ValueRange V) -> Value {
                  Value Here = arith::IndexCastOp::create(
                      IB, IB.getI64Type(), linalg::IndexOp::create(IB, *Axis));
                  Value Is = arith::CmpIOp::create(IB, arith::CmpIPredicate::eq,
                                                   Here, V[0]);
                  return scalar::select(IB, Is, scalar::constant(IB, Elem, 1.0),
                                        scalar::constant(IB, Elem, 0.0));
                });
  return N.replace({R});
}

void populateSoftmaxLoweringPatterns(const StorageTypeConverter &Types,
                                     RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.Hardmax", lowerHardmax},
      {"onnx.LogSoftmax", [](Node &N) { return lowerSoftmax(N, true); }},
      {"onnx.Softmax", [](Node &N) { return lowerSoftmax(N, false); }},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

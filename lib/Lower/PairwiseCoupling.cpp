//===- PairwiseCoupling.cpp - Probabilities of classes from those of pairs ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The probabilities p of k classes that fit those of all pairs best: the
// minimum of p' Q p with sum p = 1, where Q_ii = sum_j r_ji^2 and Q_ij =
// -r_ji r_ij (Wu, Lin, Weng: Probability Estimates for Multi-class
// Classification by Pairwise Coupling, JMLR 5, 2004, algorithm 2, which every
// library of support vector machines follows). One class after another is moved
// to where the error is least, and all are scaled to the sum 1 again.
//
// Invariant: a row whose error is small stays as it is, whatever the others of
// its batch need.
//
//===----------------------------------------------------------------------===//

#include "Expansions.h"
#include "lathe/ONNX/ONNX.h"

namespace lathe::lower {

namespace {

Value matrix(OnnxBuilder &B, ArrayRef<float> V, int64_t Rows, int64_t Columns) {
  return onnx::ConstantOp::create(
      B, DenseElementsAttr::get(
             RankedTensorType::get({Rows, Columns}, B.getF32Type()), V));
}

/// Q as [rows, classes, classes].
Value quadraticForm(OnnxBuilder &B, Value First, int64_t Classes) {
  int64_t Pairs = Classes * (Classes - 1) / 2, Square = Classes * Classes;
  // Which pairs stand where: each pair's product off the diagonal, twice, and
  // the square of each of its probabilities in the row of the other class.
  std::vector<float> Off(Pairs * Square, 0.0f), Diagonal(2 * Pairs * Square);
  int64_t Pair = 0;
  for (int64_t I = 0; I < Classes; ++I)
    for (int64_t J = I + 1; J < Classes; ++J, ++Pair) {
      Off[Pair * Square + I * Classes + J] = -1;
      Off[Pair * Square + J * Classes + I] = -1;
      Diagonal[Pair * Square + J * (Classes + 1)] = 1;
      Diagonal[(Pairs + Pair) * Square + I * (Classes + 1)] = 1;
    }
  Value Second = B.sub(B.number(1, B.getF32Type()), First);
  Value Both = B.concat({First, Second}, 1);
  Value Q = B.add(
      B.matmul(B.mul(First, Second), matrix(B, Off, Pairs, Square)),
      B.matmul(B.mul(Both, Both), matrix(B, Diagonal, 2 * Pairs, Square)));
  return B.reshape(Q, {-1, Classes, Classes});
}

} // namespace

Value coupledProbabilities(OnnxBuilder &B, Value First, int64_t Classes) {
  constexpr int64_t MostTrips = 100;
  Type F32 = B.getF32Type();
  Value Q = quadraticForm(B, First, Classes);
  Value Start =
      B.op("Expand", {B.number(1.0 / Classes, F32),
                      B.concat({B.size(First, 0), B.ints({Classes})}, 0)});
  auto Rows = RankedTensorType::get({ShapedType::kDynamic, Classes}, F32);
  auto Loop = onnx::LoopOp::create(B, TypeRange{Rows}, B.scalarInt(MostTrips),
                                   Value(), ValueRange{Start});
  OpBuilder::InsertionGuard Guard(B);
  Block *Body = B.createBlock(&Loop.getBody());
  Location Loc = B.getLoc();
  Body->addArgument(RankedTensorType::get({}, B.getI64Type()), Loc);
  Body->addArgument(RankedTensorType::get({}, B.getI1Type()), Loc);
  Value Old = Body->addArgument(Rows, Loc), P = Old;

  auto Column = [&](Value X, int64_t I) {
    return B.slice(X, B.ints({I}), B.ints({I + 1}), 1);
  };
  Value Qp = B.reduce("ReduceSum", B.mul(Q, B.unsqueeze(P, {1})), {2}, false);
  Value Error = B.reduce("ReduceSum", B.mul(P, Qp), {1}, true);
  Value Worst =
      B.reduce("ReduceMax", B.op("Abs", {B.sub(Qp, Error)}), {1}, true);
  Value Moves =
      B.compare("GreaterOrEqual", Worst, B.number(0.005 / Classes, F32));
  Value One = B.number(1, F32), Two = B.number(2, F32);
  for (int64_t I = 0; I < Classes; ++I) {
    Value Row = B.squeeze(Column(Q, I), {1}); // [rows, classes]
    Value Own = Column(Row, I), Here = Column(Qp, I);
    Value Step = B.div(B.sub(Error, Here), Own), Sum = B.add(One, Step);
    std::vector<float> Unit(Classes, 0.0f);
    Unit[I] = 1;
    P = B.div(B.add(P, B.mul(Step, matrix(B, Unit, 1, Classes))), Sum);
    Value Gain = B.mul(Step, B.add(B.mul(Step, Own), B.mul(Two, Here)));
    Error = B.div(B.div(B.add(Error, Gain), Sum), Sum);
    Qp = B.div(B.add(Qp, B.mul(Step, Row)), Sum);
  }
  Value Any = B.reduceAll("ReduceMax", B.cast(Moves, B.getI32Type()));
  onnx::YieldOp::create(
      B, ValueRange{B.cast(Any, B.getI1Type()), B.where(Moves, P, Old)});
  return Loop->getResult(0);
}

} // namespace lathe::lower

//===- Cumulative.cpp - CumSum and CumProd --------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Running sums and products are sequential along their axis: loop kernels, the
// axis innermost. Narrow floats accumulate in f32.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace lathe::lower {

/// A scan along an axis that only the run knows: every element is made from the
/// one before it along that axis, whatever it is.
static LogicalResult lowerCumulativeAny(Node &N, bool Product) {
  Builder &B = N.B;
  Value X = N.in(0), AxisValue = scalarOf(B, N.in(1));
  int64_t Rank = N.inRank(0);
  bool Exclusive = N.i64("exclusive", 0), Reverse = N.i64("reverse", 0);
  Type Elem = typeOf(X).getElementType(), AxisType = AxisValue.getType();
  SmallVector<OpFoldResult> Sizes = dimsOf(B, X);
  SmallVector<Value> Bounds = llvm::map_to_vector(
      Sizes, [&](OpFoldResult S) { return sizeValue(B, S); });
  SmallVector<Value> IsAxis;
  for (int64_t D = 0; D < Rank; ++D) {
    auto Is = [&](int64_t A) -> Value {
      return arith::CmpIOp::create(B, arith::CmpIPredicate::eq, AxisValue,
                                   scalar::constant(B, AxisType, A));
    };
    IsAxis.push_back(arith::OrIOp::create(B, Is(D), Is(D - Rank)));
  }
  Value Start = scalar::constant(B, Elem, int64_t(Product ? 1 : 0));
  Value R = loopNest(
      B, Bounds, empty(B, Sizes, Elem),
      [&](Builder &IB, ValueRange I, Value Done) -> Value {
        Value Zero = arith::ConstantIndexOp::create(IB, 0),
              One = arith::ConstantIndexOp::create(IB, 1);
        SmallVector<Value> At, Before;
        Value First = scalar::constant(IB, IB.getI1Type(), int64_t(0));
        for (int64_t D = 0; D < Rank; ++D) {
          Value Last = arith::SubIOp::create(IB, Bounds[D], One);
          Value Here =
              Reverse ? Value(arith::SubIOp::create(IB, Last, I[D])) : I[D];
          Value Edge =
              arith::CmpIOp::create(IB, arith::CmpIPredicate::eq, I[D], Zero);
          Value Previous = Reverse
                               ? Value(arith::AddIOp::create(IB, Here, One))
                               : Value(arith::SubIOp::create(IB, Here, One));
          At.push_back(Here);
          Value Moves = arith::AndIOp::create(
              IB, IsAxis[D],
              arith::XOrIOp::create(
                  IB, Edge, scalar::constant(IB, IB.getI1Type(), int64_t(1))));
          Before.push_back(arith::SelectOp::create(IB, Moves, Previous, Here));
          First = arith::OrIOp::create(
              IB, First, arith::AndIOp::create(IB, IsAxis[D], Edge));
        }
        Value Sum = scalar::select(IB, First, Start,
                                   tensor::ExtractOp::create(IB, Done, Before));
        Value Term = tensor::ExtractOp::create(IB, X, Exclusive ? Before : At);
        if (Exclusive)
          Term = scalar::select(IB, First, Start, Term);
        Value V =
            Product ? scalar::mul(IB, Sum, Term) : scalar::add(IB, Sum, Term);
        return tensor::InsertOp::create(IB, V, Done, At);
      });
  return N.replace({R});
}

/// A scan along one axis: loops over the elements in row-major order of the
/// other dimensions, the axis innermost. The outermost loop is the kernel.
static LogicalResult lowerCumulative(Node &N, bool Product) {
  Builder &B = N.B;
  Value X = N.in(0);
  int64_t Rank = N.inRank(0);
  auto AxisValue = N.constInts(1);
  if (!AxisValue && Rank != 1)
    return lowerCumulativeAny(N, Product);
  int64_t Axis = AxisValue ? normalAxis((*AxisValue)[0], Rank) : 0;
  if (Axis < 0 || Axis >= Rank)
    return N.fail("the axis is outside the rank of the input");
  bool Exclusive = N.i64("exclusive", 0), Reverse = N.i64("reverse", 0);
  Type Elem = typeOf(X).getElementType(),
       Acc = isa<FloatType>(Elem) ? accumulatorType(Elem) : Elem;
  SmallVector<OpFoldResult> Sizes = dimsOf(B, X);
  SmallVector<int64_t> Order;
  for (int64_t D = 0; D < Rank; ++D)
    if (D != Axis)
      Order.push_back(D);
  Order.push_back(Axis);
  Value Zero = arith::ConstantIndexOp::create(B, 0),
        One = arith::ConstantIndexOp::create(B, 1);
  Value Start = scalar::constant(B, Acc, int64_t(Product ? 1 : 0));
  SmallVector<Value> Bounds = llvm::map_to_vector(
      Order, [&](int64_t D) { return sizeValue(B, Sizes[D]); });
  SmallVector<Value> At(Rank);

  std::function<Value(Builder &, unsigned, Value)> Nest =
      [&](Builder &OB, unsigned Depth, Value Result) -> Value {
    bool Last = Depth + 1 == Order.size();
    SmallVector<Value> Carried = {Result};
    if (Last)
      Carried.push_back(Start);
    auto For = scf::ForOp::create(
        OB, Zero, Bounds[Depth], One, Carried,
        [&](OpBuilder &Inner, Location Loc, Value I, ValueRange Args) {
          Builder IB(Loc, Inner);
          At[Order[Depth]] = I;
          if (!Last) {
            scf::YieldOp::create(IB, Nest(IB, Depth + 1, Args[0]));
            return;
          }
          if (Reverse)
            At[Axis] = arith::SubIOp::create(
                IB, arith::SubIOp::create(IB, Bounds[Depth], One), I);
          Value V =
              scalar::cast(IB, tensor::ExtractOp::create(IB, X, At), Elem, Acc);
          Value Next = Product ? scalar::mul(IB, Args[1], V)
                               : scalar::add(IB, Args[1], V);
          Value Stored =
              scalar::cast(IB, Exclusive ? Args[1] : Next, Acc, Elem);
          Value R = tensor::InsertOp::create(IB, Stored, Args[0], At);
          scf::YieldOp::create(IB, ValueRange{R, Next});
        });
    if (Depth == 0)
      For->setAttr("lathe.loop_kernel", OB.getUnitAttr());
    return For.getResult(0);
  };
  return N.replace({Nest(B, 0, empty(B, Sizes, Elem))});
}

void populateCumulativeLoweringPatterns(const StorageTypeConverter &Types,
                                        RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.CumProd", [](Node &N) { return lowerCumulative(N, true); }},
      {"onnx.CumSum", [](Node &N) { return lowerCumulative(N, false); }},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

//===- GPURows.cpp - Reductions shared by the threads of a row ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A row is a point of the dimensions that the long reductions hang on. Its
// threads, a warp or a block, take every n-th term each, combine what they have
// by shuffles and, across warps, through shared memory, and know the result
// all; then they take every n-th element of what lies within the row. The order
// of a sum depends on sizes only: results repeat from run to run.
//
//===----------------------------------------------------------------------===//

#include "GPUEmitter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

Value GPUEmitter::combine(Operation *Combiner, Value X, Value Y) {
  return L.scalar(
      L.emit(Combiner, {Lane::uniform(X), Lane::uniform(Y)}, LaneShape())[0]);
}

/// The value of the thread whose number differs in the bit \p Distance.
Value GPUEmitter::shuffled(Value V, int64_t Distance) {
  Type T = V.getType();
  auto I32 = B.getI32Type();
  auto Exchange = [&](Value Word) -> Value {
    return gpu::ShuffleOp::create(B, L.Loc, Word, Distance, GPUWarp,
                                  gpu::ShuffleMode::XOR)
        .getShuffleResult();
  };
  if (T.isF32() || T == I32)
    return Exchange(V);
  // As whole words of 32 bits.
  unsigned Bits = T.getIntOrFloatBitWidth();
  auto Int = B.getIntegerType(Bits);
  Value X = isa<FloatType>(T)
                ? arith::BitcastOp::create(B, L.Loc, Int, V).getResult()
                : V;
  if (Bits < 32) {
    X = Exchange(arith::ExtUIOp::create(B, L.Loc, I32, X));
    X = arith::TruncIOp::create(B, L.Loc, Int, X);
  } else {
    Value Shift = arith::ConstantOp::create(B, L.Loc, B.getI64IntegerAttr(32));
    Value Low = Exchange(arith::TruncIOp::create(B, L.Loc, I32, X));
    Value High = Exchange(arith::TruncIOp::create(
        B, L.Loc, I32, arith::ShRUIOp::create(B, L.Loc, X, Shift)));
    Low = arith::ExtUIOp::create(B, L.Loc, Int, Low);
    High = arith::ExtUIOp::create(B, L.Loc, Int, High);
    X = arith::OrIOp::create(B, L.Loc, Low,
                             arith::ShLIOp::create(B, L.Loc, High, Shift));
  }
  return isa<FloatType>(T)
             ? arith::BitcastOp::create(B, L.Loc, T, X).getResult()
             : X;
}

Value GPUEmitter::meet(Operation *Combiner, Value V) {
  for (int64_t Distance = GPUWarp / 2; Distance > 0; Distance /= 2)
    V = combine(Combiner, V, shuffled(V, Distance));
  if (Plan.ThreadsPerRow == GPUWarp)
    return V;
  int64_t Warps = Plan.ThreadsPerRow / GPUWarp;
  Value Place = makeShared(B, L.Loc, {Warps}, V.getType());
  Value Warp = arith::DivUIOp::create(B, L.Loc, Thread, L.index(GPUWarp));
  Value InWarp = arith::RemUIOp::create(B, L.Loc, Thread, L.index(GPUWarp));
  ifThen(arith::CmpIOp::create(B, L.Loc, arith::CmpIPredicate::eq, InWarp,
                               L.index(0)),
         [&] { memref::StoreOp::create(B, L.Loc, V, Place, Warp); });
  gpu::BarrierOp::create(B, L.Loc);
  Value All;
  for (int64_t W = 0; W < Warps; ++W) {
    Value One = memref::LoadOp::create(B, L.Loc, Place, L.index(W));
    All = All ? combine(Combiner, All, One) : One;
  }
  // Nobody writes there again before all have read.
  gpu::BarrierOp::create(B, L.Loc);
  return All;
}

void GPUEmitter::shareReduction(unsigned Index, Point Pt, Value Lane0) {
  const NestGraph::Reduction &R = G.Reductions[Index];
  linalg::GenericOp Op = R.Op;
  Operation *Combiner = matchCombiner(Op);
  ArrayRef<unsigned> Own = P.ReductionOrder[Index];
  for (unsigned D : R.Own)
    Pt.At[D] = Lane::index(0);
  Value Neutral =
      arith::ConstantOp::create(B, L.Loc, *arith::getNeutralElement(Combiner));
  auto Loop =
      scf::ForOp::create(B, L.Loc, Lane0, product(Own),
                         L.index(Plan.ThreadsPerRow), ValueRange(Neutral),
                         [&](OpBuilder &, Location, Value Iv, ValueRange Acc) {
                           size_t Mark = openScope();
                           Point Term = Pt;
                           spread(Iv, Own, Term);
                           SmallVector<Value> Next = step(R, {Term}, Acc);
                           closeScope(Mark);
                           scf::YieldOp::create(B, L.Loc, Next);
                         });
  Value Sum = meet(Combiner, Loop.getResult(0));
  // Where it starts comes in once.
  OpOperand &Init = *Op.getDpsInitOperand(0);
  Lane Start = element(
      Init.get(), composeCoords(Op.getMatchingIndexingMap(&Init), R.Loops), Pt);
  Value Result = combine(Combiner, L.scalar(Start), Sum);
  remember(Op->getResult(0),
           composeCoords(Op.getMatchingIndexingMap(&Init), R.Loops), Pt,
           Lane::uniform(Result));
}

void GPUEmitter::emitRows() {
  unsigned Width = Plan.ThreadsPerRow;
  int64_t RowsPerBlock = GPUThreads / Width;
  Value Rows = product(Plan.Outer);
  Value First = Thread, Number;
  if (RowsPerBlock > 1) {
    First = arith::RemUIOp::create(B, L.Loc, Thread, L.index(Width));
    Number = arith::DivUIOp::create(B, L.Loc, Thread, L.index(Width));
  }
  overBlocks(ceilDiv(Rows, RowsPerBlock), [&](Value Block) {
    Value Row = Block;
    if (Number)
      Row = B.createOrFold<arith::AddIOp>(
          L.Loc,
          B.createOrFold<arith::MulIOp>(L.Loc, Block, L.index(RowsPerBlock)),
          Number);
    auto Body = [&] {
      Point Pt = origin();
      spread(Row, Plan.Outer, Pt);
      for (unsigned R : G.Order)
        if (Plan.Shared.test(R))
          shareReduction(R, Pt, First);
      if (Plan.Inner.empty()) {
        ifThen(arith::CmpIOp::create(B, L.Loc, arith::CmpIPredicate::eq, First,
                                     L.index(0)),
               [&] { storePoints({Pt}); });
        return;
      }
      scf::ForOp::create(B, L.Loc, First, product(Plan.Inner), L.index(Width),
                         ValueRange(),
                         [&](OpBuilder &, Location, Value Iv, ValueRange) {
                           size_t Mark = openScope();
                           Point Inside = Pt;
                           spread(Iv, Plan.Inner, Inside);
                           storePoints({Inside});
                           closeScope(Mark);
                           scf::YieldOp::create(B, L.Loc);
                         });
    };
    // A row is a whole warp's: all of its threads skip together.
    if (Number)
      ifThen(less(Row, Rows), Body);
    else
      Body();
  });
}

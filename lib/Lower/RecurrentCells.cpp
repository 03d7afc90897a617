//===- RecurrentCells.cpp - One step of LSTM, GRU and RNN -----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Gates stand in ONNX's order. All computes in the accumulator's type.
//
//===----------------------------------------------------------------------===//

#include "RecurrentCells.h"

using namespace mlir;

namespace lathe::lower {

using Iterator = utils::IteratorType;

Value slice(Builder &B, Value V, int64_t D, OpFoldResult First,
            OpFoldResult Count) {
  SmallVector<OpFoldResult> Sizes = dimsOf(B, V);
  SmallVector<OpFoldResult> Offsets(Sizes.size(), B.getIndexAttr(0)),
      Strides(Sizes.size(), B.getIndexAttr(1));
  Offsets[D] = First;
  Sizes[D] = Count;
  return tensor::ExtractSliceOp::create(B, V, Offsets, Sizes, Strides);
}

/// Gates [First, First + Count) along dimension \p D.
static Value gates(Builder &B, Value V, int64_t D, int64_t First,
                   int64_t Count) {
  return slice(B, V, D, size(B, First), size(B, Count));
}

Value part(Builder &B, Value V, int64_t First, int64_t Count) {
  return V ? slice(B, V, 0, size(B, First), size(B, Count)) : Value();
}

Value gatesOf(Builder &B, Value H, Value R, Value Init) {
  return contraction(B, {H, dimsMap(B, 4, {0, 3})},
                     {R, dimsMap(B, 4, {1, 2, 3})}, Init,
                     dimsMap(B, 4, {0, 1, 2}),
                     {Iterator::parallel, Iterator::parallel,
                      Iterator::parallel, Iterator::reduction});
}

Value zeros(Builder &B, ArrayRef<OpFoldResult> Sizes, Type T) {
  return filled(B, Sizes, scalar::constant(B, T, 0.0));
}

static Value clipped(Builder &B, const Cell &C, Value X) {
  if (!C.Clip)
    return X;
  Value Low = scalar::constant(B, C.Acc, -*C.Clip),
        High = scalar::constant(B, C.Acc, *C.Clip);
  return scalar::clamp(B, X, Low, High, C.Acc);
}

namespace {
/// What an elementwise op over [batch, unit] reads: a tensor of these
/// dimensions, one of the units alone, or gate \p Gate of [batch, gate, unit].
struct Input {
  Value V;
  int64_t Gate = 0;
};
} // namespace

/// A generic over [batch, unit] that writes into \p Inits.
static SmallVector<Value> perUnit(Builder &B, ArrayRef<Input> Inputs,
                                  ValueRange Inits, MultiPayload Body) {
  SmallVector<AffineMap> Maps;
  SmallVector<Value> Ins;
  AffineExpr Batch = B.getAffineDimExpr(0), Unit = B.getAffineDimExpr(1);
  for (const Input &I : Inputs) {
    Ins.push_back(I.V);
    SmallVector<AffineExpr> At = {Batch, Unit};
    if (typeOf(I.V).getRank() == 1)
      At = {Unit};
    else if (typeOf(I.V).getRank() == 3)
      At = {Batch, B.getAffineConstantExpr(I.Gate), Unit};
    Maps.push_back(AffineMap::get(2, 0, At, B.getContext()));
  }
  Maps.append(Inits.size(), B.getMultiDimIdentityMap(2));
  SmallVector<Iterator> Iterators(2, Iterator::parallel);
  auto Generic = linalg::GenericOp::create(
      B, Inits.getTypes(), Ins, Inits, Maps, Iterators,
      [&](OpBuilder &Inner, Location Loc, ValueRange Args) {
        Builder IB(Loc, Inner);
        linalg::YieldOp::create(IB, Body(IB, Args.take_front(Ins.size())));
      });
  return SmallVector<Value>(Generic.getResults());
}

/// Gates i o f c; peepholes i o f.
SmallVector<Value> stepLSTM(Builder &B, const Cell &C, Value Projected,
                            ValueRange State, ValueRange Into) {
  Value Sum = gatesOf(B, State[0], C.R, Projected);
  SmallVector<Input> Ins = {{Sum, 0}, {Sum, 1}, {Sum, 2}, {Sum, 3}, {State[1]}};
  if (C.Peephole)
    for (int64_t I = 0; I < 3; ++I)
      Ins.push_back({part(B, C.Peephole, I * C.Hidden, C.Hidden)});
  return perUnit(B, Ins, Into, [&](Builder &IB, ValueRange V) {
    auto Peep = [&](Value X, unsigned I, Value Cell) {
      if (!C.Peephole)
        return X;
      Value P = scalar::cast(IB, V[5 + I], C.Elem, C.Acc);
      return scalar::add(IB, X, scalar::mul(IB, P, Cell));
    };
    Value Old = V[4];
    Value I = C.Acts[0](IB, clipped(IB, C, Peep(V[0], 0, Old)));
    Value F = C.InputForget
                  ? scalar::sub(IB, scalar::constant(IB, C.Acc, 1.0), I)
                  : C.Acts[0](IB, clipped(IB, C, Peep(V[2], 2, Old)));
    Value G = C.Acts[1](IB, clipped(IB, C, V[3]));
    Value New = scalar::add(IB, scalar::mul(IB, F, Old), scalar::mul(IB, I, G));
    Value O = C.Acts[0](IB, clipped(IB, C, Peep(V[1], 1, New)));
    Value H = scalar::mul(IB, O, C.Acts[2](IB, New));
    return SmallVector<Value>{H, New};
  });
}

/// Gates z r h.
SmallVector<Value> stepGRU(Builder &B, const Cell &C, Value Projected,
                           ValueRange State, ValueRange Into) {
  Value H = State[0];
  auto Mix = [&](Builder &IB, Value Z, Value New, Value Old) {
    Value Rest = scalar::sub(IB, scalar::constant(IB, C.Acc, 1.0), Z);
    return scalar::add(IB, scalar::mul(IB, Rest, New), scalar::mul(IB, Z, Old));
  };
  if (C.LinearBeforeReset) {
    // The recurrent part of h is gated as a whole, its bias included.
    Value Sum = gatesOf(
        B, H, C.R,
        zeros(B, {dimOf(B, H, 0), size(B, 3), size(B, C.Hidden)}, C.Acc));
    SmallVector<Input> Ins;
    for (Value V : {Projected, Sum})
      for (int64_t I = 0; I < 3; ++I)
        Ins.push_back({V, I});
    Ins.push_back({H});
    if (C.LastBiasR)
      Ins.push_back({C.LastBiasR});
    return perUnit(B, Ins, Into, [&](Builder &IB, ValueRange V) {
      Value Z = C.Acts[0](IB, clipped(IB, C, scalar::add(IB, V[0], V[3])));
      Value R = C.Acts[0](IB, clipped(IB, C, scalar::add(IB, V[1], V[4])));
      Value Recurrent =
          C.LastBiasR
              ? scalar::add(IB, V[5], scalar::cast(IB, V[7], C.Elem, C.Acc))
              : V[5];
      Value New = C.Acts[1](
          IB,
          clipped(IB, C, scalar::add(IB, V[2], scalar::mul(IB, R, Recurrent))));
      return SmallVector<Value>{Mix(IB, Z, New, V[6])};
    });
  }
  // The reset gate acts on h, which a second product takes.
  Value ZR =
      gatesOf(B, H, gates(B, C.R, 0, 0, 2), gates(B, Projected, 1, 0, 2));
  SmallVector<OpFoldResult> Sizes = dimsOf(B, H);
  SmallVector<Value> Reset =
      perUnit(B, {{ZR, 0}, {ZR, 1}, {H}},
              {empty(B, Sizes, C.Acc), empty(B, Sizes, C.Acc)},
              [&](Builder &IB, ValueRange V) {
                Value R = C.Acts[0](IB, clipped(IB, C, V[1]));
                return SmallVector<Value>{C.Acts[0](IB, clipped(IB, C, V[0])),
                                          scalar::mul(IB, R, V[2])};
              });
  Value New = gatesOf(B, Reset[1], gates(B, C.R, 0, 2, 1),
                      gates(B, Projected, 1, 2, 1));
  return perUnit(
      B, {{Reset[0]}, {New, 0}, {H}}, Into, [&](Builder &IB, ValueRange V) {
        return SmallVector<Value>{
            Mix(IB, V[0], C.Acts[1](IB, clipped(IB, C, V[1])), V[2])};
      });
}

SmallVector<Value> stepRNN(Builder &B, const Cell &C, Value Projected,
                           ValueRange State, ValueRange Into) {
  Value Sum = gatesOf(B, State[0], C.R, Projected);
  return perUnit(B, {{Sum, 0}}, Into, [&](Builder &IB, ValueRange V) {
    return SmallVector<Value>{C.Acts[0](IB, clipped(IB, C, V[0]))};
  });
}

} // namespace lathe::lower

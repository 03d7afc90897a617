//===- RecurrentCells.h - One step of LSTM, GRU and RNN ---------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A step is one product h R' with the gates as a dimension of its own,
// [batch, gate, unit], and one elementwise op over [batch, unit] that reads
// each gate of it: the two become one kernel. (A GRU that resets before the
// product has two such pairs.)
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_RECURRENTCELLS_H
#define LATHE_LIB_LOWER_RECURRENTCELLS_H

#include "Activation.h"
#include "Common.h"

namespace lathe::lower {

/// One direction of a recurrent op.
struct Cell {
  int64_t Hidden;
  Type Elem, Acc;
  /// R [gates, hidden, hidden]; the recurrent bias of the last gate [hidden] or
  /// null; peepholes [3 * hidden].
  Value R, LastBiasR, Peephole;
  SmallVector<Activation> Acts;
  std::optional<double> Clip;
  bool InputForget = false, LinearBeforeReset = false;
};

/// New state from the projected input [batch, gates, hidden] and the old state.
using Step = SmallVector<Value> (*)(Builder &, const Cell &, Value Projected,
                                    ValueRange State, ValueRange Into);

SmallVector<Value> stepLSTM(Builder &B, const Cell &C, Value Projected,
                            ValueRange State, ValueRange Into);
SmallVector<Value> stepGRU(Builder &B, const Cell &C, Value Projected,
                           ValueRange State, ValueRange Into);
SmallVector<Value> stepRNN(Builder &B, const Cell &C, Value Projected,
                           ValueRange State, ValueRange Into);

/// Slice [First, First + Count) of dimension \p D.
Value slice(Builder &B, Value V, int64_t D, OpFoldResult First,
            OpFoldResult Count);
/// Elements [First, First + Count) of dimension 0; null stays null.
Value part(Builder &B, Value V, int64_t First, int64_t Count);
/// Init + H [batch, k] * R' for R [gates, n, k]: [batch, gates, n].
Value gatesOf(Builder &B, Value H, Value R, Value Init);
Value zeros(Builder &B, ArrayRef<OpFoldResult> Sizes, Type T);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_RECURRENTCELLS_H

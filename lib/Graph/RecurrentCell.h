//===- RecurrentCell.h - One step of an LSTM or GRU, written out -*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What graph-fuse-recurrent knows of a cell: for each gate a sum of products
// with blocks of constant matrices, and constants. Nothing here changes the IR.
//
// An LSTM adds the products of its inputs and of its state alike, so one cell
// by itself does not tell which is which; that is decided where cells are
// joined. The first cell of an unrolled network may have lost its state, which
// was zero, to constant folding.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_RECURRENTCELL_H
#define LATHE_LIB_GRAPH_RECURRENTCELL_H

#include "Pattern.h"
#include "llvm/ADT/SetVector.h"

namespace lathe::graph {

/// A part of a constant matrix: its element (k, n), k being summed over, is
/// element (Row + k, Column + n) of Source, or of its transpose.
struct MatrixBlock {
  Value Source;
  bool Transposed = false;
  int64_t Row = 0, Column = 0;

  bool operator==(const MatrixBlock &Other) const;
};

/// Columns from Column on of a constant that is the same for all rows.
struct BiasBlock {
  Value Source;
  int64_t Column = 0;
};

/// A function of an elementwise op that recurrent ops have by name.
struct CellFunction {
  StringRef Name;
  std::optional<double> Alpha, Beta;

  bool operator==(const CellFunction &Other) const {
    return Name == Other.Name && Alpha == Other.Alpha && Beta == Other.Beta;
  }
};

struct RecurrentCell {
  enum KindT { LSTM, GRU };
  /// A value that is multiplied by a block of weights for each gate, in ONNX's
  /// order (i o f c, z r h).
  struct Input {
    Value V;
    int64_t Size = 0;
    SmallVector<MatrixBlock, 4> Blocks;
  };

  KindT Kind = LSTM;
  bool LinearBeforeReset = false;
  /// The update gate was written as 1 - z: its weights change sign.
  bool NegatedUpdate = false;
  int64_t Hidden = 0;
  SmallVector<Input, 3> Inputs;
  /// Which of Inputs is the state; -1: not known yet, or none.
  int State = -1;
  SmallVector<SmallVector<BiasBlock, 2>, 4> Biases;
  /// Of a GRU with LinearBeforeReset, those behind the reset gate.
  SmallVector<BiasBlock, 2> RecurrentBias;
  SmallVector<CellFunction, 3> Functions; // f g h, or f g
  /// The old state of a GRU, which its last line reads; null: zero.
  Value OldH;
  /// Of an LSTM; null: zero.
  Value OldC;
  /// New states; C null for a GRU.
  Value H, C;
  /// The state is a constant zero, and its products are gone: weights of the
  /// state, and of an LSTM's gate f, are not known.
  bool Starts = false;
  /// Every op that the cell is made of, those of H and C included.
  llvm::SetVector<Operation *> Ops;

  unsigned numGates() const { return Kind == LSTM ? 4 : 3; }
  /// The first op that the whole cell can stand in front of.
  Operation *firstRoot() const { return (C ? C : H).getDefiningOp(); }
  /// The bias of \p Gate as numbers.
  SmallVector<double> bias(unsigned Gate) const;
  SmallVector<double> recurrentBias() const;
};

/// The cell whose new state h is the result of \p Root.
std::optional<RecurrentCell> matchRecurrentCell(Operation *Root);

/// \p Next goes on where \p Cell ends, with the same weights. Settles what is
/// the state in both, where they left it open.
bool continues(RecurrentCell &Cell, RecurrentCell &Next);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_RECURRENTCELL_H

//===- GateSums.h - The sums in front of a recurrent gate -------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a gate's function is applied to, read from nodes: products with
// constant matrices and constant biases, column by column of wider values that
// hold several gates.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_GATESUMS_H
#define LATHE_LIB_GRAPH_GATESUMS_H

#include "RecurrentCell.h"

namespace lathe::graph {

/// A value times a block of a constant matrix.
struct GateTerm {
  mlir::Value V;
  int64_t Size;
  MatrixBlock Block;
};
struct GateSum {
  llvm::SmallVector<GateTerm, 3> Terms;
  llvm::SmallVector<BiasBlock, 2> Biases;
  /// One summand of another form, where the reader was told to take one.
  mlir::Value Rest;
};

/// Reads Count columns of values [rows, columns] as sums.
class GateSumReader {
public:
  GateSumReader(int64_t Count, Trail &T) : Count(Count), T(T) {}

  bool read(mlir::Value V, int64_t Column, GateSum &S, bool TakeRest = false);

private:
  int64_t Count;
  Trail &T;

  bool readBias(mlir::Value V, int64_t Column, GateSum &S);
  bool readProduct(mlir::Value V, mlir::Value W, bool Transposed,
                   int64_t Column, GateSum &S);
};

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_GATESUMS_H

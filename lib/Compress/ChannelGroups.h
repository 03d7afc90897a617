//===- ChannelGroups.h - Channels that shrink together ----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A dependency analysis: which channels of which layers must go together so
// that the network stays well-formed. Every channel of every value is an atom;
// ops that handle channels one by one keep atoms (pooling, activations,
// depthwise convolutions), residual sums join them, Concat and Split string and
// cut lists of them, dense layers consume the atoms of their input and make new
// ones. What the analysis does not know pins the atoms it meets: these stay.
//
// A class of joined atoms is removed as a whole, by slicing every constant that
// has a row for one of its atoms.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_COMPRESS_CHANNELGROUPS_H
#define LATHE_LIB_COMPRESS_CHANNELGROUPS_H

#include "Weights.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/MapVector.h"

namespace lathe::compress {

class ChannelGroups {
public:
  using Atoms = llvm::SmallVector<int>;

  ChannelGroups(mlir::func::FuncOp Main, llvm::ArrayRef<std::string> Skip);

  /// Classes of channels that are made by the same layers, each set by itself:
  /// what is ranked against each other.
  struct Set {
    /// Atoms that stand for their classes, and whether each may go.
    Atoms Classes;
    llvm::SmallVector<bool> Pinned;
    /// Norm of each class's weights, relative to the mean of their layers.
    llvm::SmallVector<double> Scores;
    /// A layer that makes them, for messages.
    mlir::Operation *Layer;
  };
  std::vector<Set> sets();

  /// Removes the classes of these atoms. Returns how many channels of layers
  /// went.
  int64_t remove(llvm::ArrayRef<int> Classes);

private:
  struct Tracked {
    unsigned Axis;
    Atoms List;
  };
  /// Dimension \p Axis of a constant has a row for each of these atoms.
  struct Cut {
    mlir::Operation *Op;
    unsigned Operand, Axis;
    Atoms List;
  };
  /// A layer that makes the atoms: scored by the rows of its weights.
  struct Producer {
    Weights W;
    Atoms List;
  };
  /// Element \p Index of a small constant counts these atoms.
  struct Count {
    mlir::Operation *Op;
    unsigned Operand, Index;
    Atoms List;
  };

  int find(int Atom);
  void join(int A, int B);
  void pin(const Atoms &List);
  Atoms fresh(int64_t Number, bool Pinned);
  const Tracked *tracked(mlir::Value V) const;
  void track(mlir::Value V, unsigned Axis, Atoms List);
  bool cut(mlir::Operation *Op, unsigned Operand, unsigned Axis,
           const Atoms &List);

  void visit(mlir::Operation *Op);
  bool visitLayer(mlir::Operation *Op);
  bool visitElementwise(mlir::Operation *Op, llvm::ArrayRef<unsigned> Operands);
  bool visitNormalization(mlir::Operation *Op, unsigned Parameters);
  bool visitConcat(mlir::Operation *Op);
  bool visitSplit(mlir::Operation *Op);
  bool visitView(mlir::Operation *Op);
  bool visitTranspose(mlir::Operation *Op);
  bool visitReduce(mlir::Operation *Op);

  llvm::ArrayRef<std::string> Skip;
  std::vector<int> Parent;
  std::vector<bool> IsPinned; // of the root
  llvm::MapVector<mlir::Value, Tracked> Values;
  std::vector<Cut> Cuts;
  std::vector<Producer> Producers;
  std::vector<Count> Counts;
  llvm::SmallVector<mlir::Operation *> Depthwise;
};

} // namespace lathe::compress

#endif // LATHE_LIB_COMPRESS_CHANNELGROUPS_H

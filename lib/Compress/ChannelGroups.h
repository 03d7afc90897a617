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
// What an op does to atoms is a rule (ChannelRules.h); this is what rules write
// down. Invariant: without a class the network computes what it computes with
// the rows of that class zero.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_COMPRESS_CHANNELGROUPS_H
#define LATHE_LIB_COMPRESS_CHANNELGROUPS_H

#include "Weights.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"

namespace lathe::compress {

using Atoms = llvm::SmallVector<int>;

class ChannelGroups {
public:
  /// Visits all ops of \p Main by their rules. Layers named in \p Skip keep
  /// their channels.
  ChannelGroups(mlir::func::FuncOp Main, llvm::ArrayRef<std::string> Skip);

  /// Classes of channels that are made by the same layers, each set by itself:
  /// what is ranked against each other.
  struct Set {
    /// Atoms that stand for their classes, and whether each may go.
    Atoms Classes;
    llvm::SmallVector<bool> Pinned;
    /// Norm of each class's weights, relative to the mean of their layers.
    llvm::SmallVector<double> Scores;
    /// The layers that make them.
    llvm::SmallVector<mlir::Operation *> Layers;
    /// Why the first one that is pinned stays.
    std::string Reason;
  };
  std::vector<Set> sets();

  /// Removes the classes of these atoms; with \p KeepShapes their rows become
  /// zero instead. \p Uses are those of the module. Returns how many channels
  /// of layers went.
  int64_t remove(llvm::ArrayRef<int> Classes, onnx::ResourceUses &Uses,
                 bool KeepShapes);

  //===--------------------------------------------------------------------===//
  // For the rules
  //===--------------------------------------------------------------------===//

  /// Position i of dimension Axis of a value is the atom List[i].
  struct Tracked {
    unsigned Axis;
    Atoms List;
  };
  /// Null where \p V has no channels that are known. Valid until the next
  /// value is tracked.
  const Tracked *tracked(mlir::Value V) const;
  void track(mlir::Value V, unsigned Axis, Atoms List);

  int find(int Atom);
  void join(int A, int B);
  /// All of \p List become one class.
  void joinAll(llvm::ArrayRef<int> List);
  Atoms fresh(int64_t Number);
  void pin(llvm::ArrayRef<int> List, const llvm::Twine &Reason);
  bool isSkipped(mlir::Operation *Op) const { return isNamed(Op, Skip); }

  /// Dimension \p Axis of a constant operand has a row for each of these atoms;
  /// false if it is no constant of that size.
  bool cut(mlir::Operation *Op, unsigned Operand, unsigned Axis, Atoms List);
  /// Element \p Index of a small constant operand counts these atoms.
  void count(mlir::Operation *Op, unsigned Operand, unsigned Index, Atoms List);
  /// The attribute \p Name of \p Op counts these atoms.
  void countAttr(mlir::Operation *Op, llvm::StringRef Name, Atoms List);
  /// The elements of a constant operand are positions in \p List.
  void positions(mlir::Operation *Op, unsigned Operand, Atoms List);
  /// \p To holds the channels of \p From, dimension \p Axis of both, in the
  /// order \p Order.
  void shuffle(mlir::Value From, mlir::Value To, unsigned Axis,
               llvm::ArrayRef<int64_t> Order);
  /// A layer that makes the atoms: scored by the rows of its weights.
  void producer(const Weights &W, Atoms List);

private:
  struct Cut {
    mlir::Operation *Op;
    unsigned Operand, Axis;
    Atoms List;
  };
  struct Count {
    mlir::Operation *Op;
    unsigned Operand, Index;
    Atoms List;
  };
  struct Attr {
    mlir::Operation *Op;
    std::string Name;
    Atoms List;
  };
  struct Producer {
    Weights W;
    Atoms List;
  };
  struct Shuffle {
    mlir::Value From, To;
    unsigned Axis;
    llvm::SmallVector<int64_t> Order;
    Atoms List; // of From
  };
  class Remover;

  std::vector<double> squaresOf(const Producer &P) const;

  llvm::ArrayRef<std::string> Skip;
  std::vector<int> Parent;
  /// By the root of a class: 0, or one more than the index of a reason.
  std::vector<unsigned> PinnedBy;
  std::vector<std::string> Reasons;
  llvm::MapVector<mlir::Value, Tracked> Values;
  std::vector<Cut> Cuts;
  std::vector<Producer> Producers;
  std::vector<Count> Counts, Positions;
  std::vector<Attr> Attrs;
  std::vector<Shuffle> Shuffles;
};

} // namespace lathe::compress

#endif // LATHE_LIB_COMPRESS_CHANNELGROUPS_H

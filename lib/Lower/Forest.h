//===- Forest.h - Decision trees as tables ----------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One table of nodes and one of leaves, constants of the model, and the loop
// kernel that walks every tree for every row. Invariant: a child is a node
// number, or minus one minus a leaf's.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_FOREST_H
#define LATHE_LIB_LOWER_FOREST_H

#include "Common.h"
#include "IndexHelpers.h"

namespace lathe::lower {

/// The tests of a node, numbered as in TreeEnsemble (ai.onnx.ml 5).
enum Compare : int64_t { LEQ, LT, GTE, GT, EQ, NEQ, Member };

struct Forest {
  SmallVector<int64_t> Feature, Mode, Missing, OnFalse, OnTrue;
  SmallVector<double> Split;
  /// Leaf L gives the (target, weight) pairs [First[L], First[L + 1]).
  SmallVector<int64_t> First = {0}, Target;
  SmallVector<double> Weight;
  SmallVector<int64_t> Roots;
  int64_t Targets = 1;

  int64_t addNode(int64_t F, int64_t M, double S, bool TracksTrue) {
    Feature.push_back(F);
    Mode.push_back(M);
    Split.push_back(S);
    Missing.push_back(TracksTrue);
    OnFalse.push_back(0);
    OnTrue.push_back(0);
    return Feature.size() - 1;
  }
  void endLeaf() { First.push_back(Target.size()); }
};

enum class Aggregate { Average, Sum, Min, Max };
/// The scores of \p X [rows, features] in type \p T: [rows, targets]. \p Base,
/// if not empty, is added to each row.
Value walkForest(TensorBuilder &B, const Forest &F, Value X, Type T,
                 Aggregate How, ArrayRef<double> Base);

/// Reals of an attribute, or of its tensor form.
SmallVector<double> realsOf(Node &N, StringRef Name);

/// The forest of a TreeEnsembleClassifier or Regressor; \p What is the prefix
/// of the attributes of leaves.
LogicalResult readForest(Node &N, StringRef What, Forest &F);

/// Whether some path through the forest comes back to a node.
bool hasCycle(const Forest &F);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_FOREST_H

//===- AttentionScores.h - From a softmax down to its product ---*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of attention that no movement is in: masks, cap and scale on the
// product of queries and keys; and what a mask says.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_ATTENTIONSCORES_H
#define LATHE_LIB_GRAPH_ATTENTIONSCORES_H

#include "Pattern.h"
#include "lathe/ONNX/SizeAnalysis.h"

namespace lathe::graph {

/// Added to the scores; or boolean, and Filler stands where it hides.
struct ScoreMask {
  Value V;
  /// \c Hides: true means hidden.
  bool Boolean = false, Hides = false;
  double Filler = 0;
};

/// What was found between the softmax and the product of queries and keys.
struct Scores {
  Value Q, KT; // [b, h, s, d], [b, h, d, t]
  double Scale = 1, Cap = 0;
  SmallVector<ScoreMask, 2> Masks;
  /// A mask more, over windows that are the batch: [1, b, h or 1, s, t].
  Value Windows;
};

/// Takes masks, cap and scale off, from the softmax down to the product.
bool matchScores(Value V, Scores &S, Trail &T);

/// A number that \p V is scaled by alone; V becomes what is scaled.
double takeScale(Value &V, Trail &T);

/// The boolean mask provably shows every query a key.
bool everyRowSees(const ScoreMask &M);
/// What hides is so far below all scores that a score added to it is lost: the
/// same as replacing it.
bool absorbsScores(const ScoreMask &M, Type Element);

/// \p Mask broadcasts to scores of shape \p S and never the other way round.
bool broadcastsTo(RankedTensorType Mask, ArrayRef<int64_t> S);

/// \p M hides exactly the keys behind each query's own position: of \p Keys
/// keys the last are those of the \p Queries queries.
bool isCausal(const ScoreMask &M, const onnx::SymExpr &Queries,
              const onnx::SymExpr &Keys, const onnx::SizeAnalysis &Sizes);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_ATTENTIONSCORES_H

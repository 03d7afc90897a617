//===- Views.h - Chains of movements as one ---------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a value is after Transpose, Reshape, Squeeze, Unsqueeze, Split, Slice
// and Gather of one index: each of its dimensions as a product of factors of
// the source's dimensions. Two chains that move the same are the same view,
// however an exporter spelled them.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_VIEWS_H
#define LATHE_LIB_GRAPH_VIEWS_H

#include "Match.h"

namespace lathe::graph {

/// Part of a dimension of the source: Size positions, Stride apart.
struct Factor {
  int64_t Dim, Size, Stride;
};

struct View {
  Value Source;
  /// Of each dimension of the view, outermost first; none of size 1.
  SmallVector<SmallVector<Factor, 2>, 6> Dims;
  /// Where the view begins in each dimension of the source.
  SmallVector<int64_t, 6> Offsets;
  SmallVector<Operation *, 4> Ops;

  /// The whole of \p Source.
  static View of(Value Source);
  /// Dimension \p D is dimension \p SourceDim, all of it.
  bool isWhole(unsigned D, int64_t SourceDim) const;
  /// Dimension \p D is \p Size positions of dimension \p SourceDim, \p Stride
  /// apart.
  bool isPart(unsigned D, int64_t SourceDim, int64_t Size,
              int64_t Stride) const;
};

/// \p V as a view of the values that it was moved from, the nearest first (\p V
/// itself). Chains end at what is no movement or cannot be told.
std::vector<View> tracedViews(Value V);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_VIEWS_H

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
#include "NodeBuilder.h"
#include <vector>

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

/// The order of heads, positions and numbers of a head behind the batch.
enum class HeadLayout {
  HeadsFirst,     // [b, h, s, d]
  PositionsFirst, // [b, s, h, d]
  PositionsLast,  // [b, h, d, s]
};

/// Heads [b, h, s, d] as part of rows [b, s, all].
struct HeadRows {
  /// The rows; null if the heads are none. With ones around a batch of one they
  /// may be of another rank or order: then they are reshaped first.
  Value Rows;
  bool Reshape = false;
  /// Rows is [b, s, h, d], which is reshaped too.
  bool Whole = false;
  int64_t Along = 1;  // the dimension of Rows that is s
  int64_t Offset = 0; // where in a row the first head begins
  int64_t Count = 0, Size = 0;

  explicit operator bool() const { return bool(Rows); }
  /// Rows as [b, s, all].
  Value all(NodeBuilder &B) const;
  /// The heads alone, [b, s, h * d].
  Value part(NodeBuilder &B) const;
  Value partOf(NodeBuilder &B, Value All) const;
};

/// \p V as part of rows as far back as they go.
HeadRows findHeadRows(Value V, HeadLayout Layout = HeadLayout::HeadsFirst);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_VIEWS_H

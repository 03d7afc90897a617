//===- RotaryTables.h - Cosines and sines of positions ----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A model multiplies a head by tables of its own width in which every number
// stands twice; the op wants each once. That it stands twice must follow from
// how the table was made.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_ROTARYTABLES_H
#define LATHE_LIB_GRAPH_ROTARYTABLES_H

#include "Match.h"
#include "NodeBuilder.h"

namespace lathe::graph {

/// How the numbers of a table stand.
enum class TableForm {
  Once,   // as the op wants them
  Halves, // a b c a b c
  Pairs,  // a a b b c c
};

/// What to multiply heads of [b, h, s, d], or (\p HeadsInside) [b, s, h, d],
/// by: \p V broadcasts to them, the same for all heads, over their positions.
bool isTable(Value V, RankedTensorType Heads, bool HeadsInside, int64_t Width,
             TableForm Form);

/// That table as [b or 1, s, width], each number once.
Value makeTable(NodeBuilder &B, Value V, bool HeadsInside, TableForm Form);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_ROTARYTABLES_H

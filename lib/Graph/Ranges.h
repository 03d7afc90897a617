//===- Ranges.h - The part of a tensor that a Slice takes -------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_RANGES_H
#define LATHE_LIB_GRAPH_RANGES_H

#include "NodeBuilder.h"
#include "lathe/ONNX/ONNX.h"

namespace lathe::graph {

/// Elements Start, Start + Step, ... (Size of them) of one dimension.
struct DimRange {
  int64_t Axis, Start, Size, Step = 1;
};

/// What \p Op takes of dimensions whose sizes are known; a dimension that is
/// taken whole is left out. Nullopt where that is not known.
std::optional<SmallVector<DimRange>> getRanges(onnx::SliceOp Op);

/// The part that result \p Index of \p Op is.
std::optional<DimRange> getRange(onnx::SplitOp Op, unsigned Index);

/// A Slice of \p X; \p X itself where \p Ranges is empty.
Value makeSlice(NodeBuilder &B, Value X, ArrayRef<DimRange> Ranges);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_RANGES_H

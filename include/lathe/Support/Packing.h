//===- Packing.h - Laying out the bytes of a constant -----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Executes a packing (see `#kernel.packing`) on bytes: what `linalg.pack` with
// zero padding means, in pieces, so that a large constant needs no second copy.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_SUPPORT_PACKING_H
#define LATHE_SUPPORT_PACKING_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace lathe {

struct Packing {
  /// Result dimension i, of the first ones, is source dimension Outer[i].
  llvm::ArrayRef<int64_t> Outer;
  /// Source dimension Blocks[j] is cut into tiles of Tiles[j] elements, which
  /// are the innermost dimensions in this order.
  llvm::ArrayRef<int64_t> Blocks, Tiles;

  llvm::SmallVector<int64_t> packedShape(llvm::ArrayRef<int64_t> Source) const;
};

/// Writes rows [\p Begin, \p End) of the packed form's first dimension to \p
/// To.
/// \p From holds a dense row-major tensor of shape \p Shape with elements of
/// \p ElementBytes bytes.
void packRows(const char *From, llvm::ArrayRef<int64_t> Shape,
              unsigned ElementBytes, const Packing &P, int64_t Begin,
              int64_t End, char *To);

} // namespace lathe

#endif // LATHE_SUPPORT_PACKING_H

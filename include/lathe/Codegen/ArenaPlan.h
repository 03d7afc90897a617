//===- ArenaPlan.h - Places for buffers that live for a while ---*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Pure functions: no MLIR in sight, tested on tables.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_CODEGEN_ARENAPLAN_H
#define LATHE_CODEGEN_ARENAPLAN_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace lathe::codegen {

/// Every buffer begins at a multiple of this.
inline constexpr int64_t ArenaAlignment = 64;

/// A buffer of \p Bytes that is live from \p Begin to \p End, both included.
struct Lifetime {
  int64_t Bytes = 0;
  unsigned Begin = 0;
  unsigned End = 0;

  bool overlaps(const Lifetime &Other) const {
    return Begin <= Other.End && Other.Begin <= End;
  }
};

struct ArenaPlan {
  llvm::SmallVector<int64_t> Offsets; // one per buffer
  int64_t Bytes = 0;                  // of the whole arena
};

/// Places \p Buffers so that no two that live at the same time overlap: largest
/// first, each into the smallest gap that holds it.
ArenaPlan planArena(llvm::ArrayRef<Lifetime> Buffers);

/// Shares slots of unknown size: assigns each buffer the number of a slot that
/// no buffer alive at the same time has. Buffers of equal \p Keys (equal sizes)
/// are brought together first. Returns the number of slots.
unsigned assignSlots(llvm::ArrayRef<Lifetime> Buffers,
                     llvm::ArrayRef<unsigned> Keys,
                     llvm::SmallVectorImpl<unsigned> &Slots);

} // namespace lathe::codegen

#endif // LATHE_CODEGEN_ARENAPLAN_H

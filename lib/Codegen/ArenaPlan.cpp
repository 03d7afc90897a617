//===- ArenaPlan.cpp - Places for buffers that live for a while ----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Codegen/ArenaPlan.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace lathe::codegen;

ArenaPlan lathe::codegen::planArena(ArrayRef<Lifetime> Buffers) {
  ArenaPlan Plan;
  Plan.Offsets.assign(Buffers.size(), 0);
  SmallVector<unsigned> Order = to_vector(seq<unsigned>(0, Buffers.size()));
  stable_sort(Order, [&](unsigned L, unsigned R) {
    return Buffers[L].Bytes > Buffers[R].Bytes;
  });

  // Placed buffers by ascending offset.
  SmallVector<unsigned> Placed;
  for (unsigned I : Order) {
    int64_t Need = alignTo(Buffers[I].Bytes, ArenaAlignment);
    int64_t Best = -1, BestGap = 0, End = 0;
    for (unsigned P : Placed) {
      if (!Buffers[P].overlaps(Buffers[I]))
        continue;
      int64_t Gap = Plan.Offsets[P] - End;
      if (Gap >= Need && (Best < 0 || Gap < BestGap)) {
        Best = End;
        BestGap = Gap;
      }
      End = std::max<int64_t>(
          End, Plan.Offsets[P] + alignTo(Buffers[P].Bytes, ArenaAlignment));
    }
    Plan.Offsets[I] = Best < 0 ? End : Best;
    Plan.Bytes = std::max(Plan.Bytes, Plan.Offsets[I] + Need);
    auto Where =
        upper_bound(Placed, Plan.Offsets[I], [&](int64_t Offset, unsigned P) {
          return Offset < Plan.Offsets[P];
        });
    Placed.insert(Where, I);
  }
  return Plan;
}

unsigned lathe::codegen::assignSlots(ArrayRef<Lifetime> Buffers,
                                     ArrayRef<unsigned> Keys,
                                     SmallVectorImpl<unsigned> &Slots) {
  Slots.assign(Buffers.size(), 0);
  // The tenants of each slot.
  SmallVector<SmallVector<unsigned>> Tenants;
  auto Fits = [&](unsigned Slot, unsigned I) {
    return none_of(Tenants[Slot],
                   [&](unsigned T) { return Buffers[T].overlaps(Buffers[I]); });
  };
  SmallVector<unsigned> Order = to_vector(seq<unsigned>(0, Buffers.size()));
  stable_sort(Order, [&](unsigned L, unsigned R) {
    return Buffers[L].Begin < Buffers[R].Begin;
  });
  for (unsigned I : Order) {
    int Found = -1;
    for (unsigned S = 0; S < Tenants.size(); ++S) {
      if (!Fits(S, I))
        continue;
      bool Same =
          is_contained(Tenants[S], I) ||
          any_of(Tenants[S], [&](unsigned T) { return Keys[T] == Keys[I]; });
      if (Same || Found < 0)
        Found = S;
      if (Same)
        break;
    }
    if (Found < 0) {
      Found = Tenants.size();
      Tenants.emplace_back();
    }
    Tenants[Found].push_back(I);
    Slots[I] = Found;
  }
  return Tenants.size();
}

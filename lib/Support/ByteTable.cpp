//===- ByteTable.cpp - How a target looks bytes up in a table -------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Support/ByteTable.h"
#include "lathe/Support/TargetDescription.h"

using namespace lathe;

unsigned lathe::lookupCost(unsigned Bytes, const TargetDescription &Target) {
  auto Pieces = [&](unsigned Lanes) { return (Bytes + Lanes - 1) / Lanes; };
  switch (Target.Lookup) {
  case ByteLookup::Scalar:
    // Two loads and a store, which take as long as 1.5 others.
    return 3 * Bytes / 2;
  case ByteLookup::Rows16:
    // 16 rows, 15 choices, and what brings the bits of the index up: little
    // waits for anything else. (Measured: as long as 28 steps of a function.)
    return 28;
  case ByteLookup::Pairs64:
    return 4;
  case ByteLookup::Lists64:
    // Four of four registers, each of which takes as long as four others.
    return 20 * Pieces(16);
  case ByteLookup::Lists32:
    // Eight, with half a register at a time.
    return 22 * Pieces(8);
  }
  return 0;
}

bool lathe::paysAsTable(unsigned Instructions, unsigned Bytes,
                        const TargetDescription &Target) {
  // A device hides latencies, and loads of many addresses cost it most.
  return !Target.IsGPU && Instructions >= lookupCost(Bytes, Target) * 5 / 4 + 2;
}

//===- ArenaPlanTest.cpp --------------------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Codegen/ArenaPlan.h"
#include "gtest/gtest.h"
#include <random>

using namespace lathe::codegen;

TEST(ArenaPlan, NothingNeedsNothing) { EXPECT_EQ(planArena({}).Bytes, 0); }

TEST(ArenaPlan, BuffersShareWhatTheyDoNotNeedTogether) {
  // A chain: each buffer dies where the next but one begins.
  Lifetime Chain[] = {{1000, 0, 1}, {1000, 1, 2}, {1000, 2, 3}, {1000, 3, 4}};
  ArenaPlan Plan = planArena(Chain);
  EXPECT_EQ(Plan.Bytes, 2048);
  EXPECT_EQ(Plan.Offsets[0], Plan.Offsets[2]);
  EXPECT_NE(Plan.Offsets[0], Plan.Offsets[1]);
}

TEST(ArenaPlan, SmallestGapIsTaken) {
  // Holes of 256 and 128 bytes at time 1; a buffer of 100 takes the smaller.
  Lifetime Buffers[] = {{1024, 0, 2}, {512, 0, 2}, {256, 0, 0},
                        {128, 0, 0},  {64, 0, 2},  {100, 1, 1}};
  ArenaPlan Plan = planArena(Buffers);
  EXPECT_EQ(Plan.Offsets[5] % ArenaAlignment, 0);
  EXPECT_EQ(Plan.Bytes, 1024 + 512 + 256 + 128 + 64);
}

TEST(ArenaPlan, LivingBuffersNeverOverlap) {
  std::mt19937 Random(7);
  for (int Round = 0; Round < 50; ++Round) {
    llvm::SmallVector<Lifetime> Buffers;
    for (int I = 0; I < 60; ++I) {
      unsigned Begin = Random() % 40;
      Buffers.push_back({int64_t(1 + Random() % 5000), Begin,
                         Begin + unsigned(Random() % 10)});
    }
    ArenaPlan Plan = planArena(Buffers);
    for (size_t I = 0; I < Buffers.size(); ++I) {
      EXPECT_EQ(Plan.Offsets[I] % ArenaAlignment, 0);
      EXPECT_LE(Plan.Offsets[I] + Buffers[I].Bytes, Plan.Bytes);
      for (size_t J = 0; J < I; ++J)
        if (Buffers[I].overlaps(Buffers[J]))
          EXPECT_TRUE(Plan.Offsets[I] + Buffers[I].Bytes <= Plan.Offsets[J] ||
                      Plan.Offsets[J] + Buffers[J].Bytes <= Plan.Offsets[I]);
    }
  }
}

TEST(ArenaPlan, SlotsOfEqualSizeMeet) {
  Lifetime Buffers[] = {{0, 0, 1}, {0, 0, 1}, {0, 2, 3}, {0, 2, 3}};
  unsigned Keys[] = {1, 2, 2, 1};
  llvm::SmallVector<unsigned> Slots;
  EXPECT_EQ(assignSlots(Buffers, Keys, Slots), 2u);
  EXPECT_EQ(Slots[0], Slots[3]);
  EXPECT_EQ(Slots[1], Slots[2]);
}

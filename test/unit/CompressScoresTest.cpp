//===- CompressScoresTest.cpp - Which weights matter least ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Compress/Scores.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace lathe::compress;

static std::vector<bool> pruned(llvm::ArrayRef<float> All, int64_t Number) {
  MagnitudeSelector S;
  for (float F : All)
    S.count(F);
  S.select(Number);
  for (float F : All)
    S.refine(F);
  std::vector<bool> Gone;
  for (float F : All)
    Gone.push_back(S.prunes(F));
  return Gone;
}

TEST(CompressScores, MagnitudeTakesTheSmallest) {
  EXPECT_EQ(pruned({3, -1, 0.5f, -4, 2}, 2),
            (std::vector<bool>{false, true, true, false, false}));
  // Close numbers share a bucket of the first round.
  EXPECT_EQ(pruned({1.00001f, 1.00002f, 1, 1.00003f}, 2),
            (std::vector<bool>{true, false, true, false}));
}

TEST(CompressScores, MagnitudeTakesExactlyAsManyAmongEquals) {
  EXPECT_EQ(pruned({1, -1, 1, 1}, 3),
            (std::vector<bool>{true, true, true, false}));
  EXPECT_EQ(pruned({0, 0, 5}, 3), (std::vector<bool>{true, true, true}));
}

TEST(CompressScores, MagnitudeAgreesWithSorting) {
  std::vector<float> All;
  uint32_t State = 1;
  for (int I = 0; I < 5000; ++I) {
    State = State * 1664525 + 1013904223;
    All.push_back((int32_t(State) >> 8) * 1e-6f);
  }
  for (int64_t Number : {1, 700, 2500, 4999, 5000}) {
    std::vector<bool> Gone = pruned(All, Number);
    float LargestGone = 0, SmallestKept = INFINITY;
    int64_t Count = 0;
    for (size_t I = 0; I < All.size(); ++I)
      if (Gone[I]) {
        ++Count;
        LargestGone = std::max(LargestGone, std::fabs(All[I]));
      } else {
        SmallestKept = std::min(SmallestKept, std::fabs(All[I]));
      }
    EXPECT_EQ(Count, Number);
    EXPECT_LE(LargestGone, SmallestKept);
  }
}

TEST(CompressScores, Deviation) {
  EXPECT_DOUBLE_EQ(deviation(4, 0, 16), 2);
  EXPECT_DOUBLE_EQ(deviation(2, 6, 18), 0);
  EXPECT_EQ(deviation(0, 0, 0), 0);
}

TEST(CompressScores, KeepLargest) {
  using V = llvm::SmallVector<unsigned>;
  EXPECT_EQ(keepLargest({1, -5, 3, 2}, 2), (V{1, 2}));
  EXPECT_EQ(keepLargest({1, 1, 1, 1}, 2), (V{0, 1}));
  EXPECT_EQ(keepLargest({1, 2}, 4), (V{0, 1}));
  EXPECT_EQ(keepLargest({1, 2}, 0), V{});
}

TEST(CompressScores, LeastOf) {
  using V = llvm::SmallVector<int64_t>;
  EXPECT_EQ(leastOf({3, 1, 2, 0}, 2), (V{1, 3}));
  EXPECT_EQ(leastOf({1, 1, 1}, 1), (V{2}));
}

TEST(CompressScores, GroupsOfChannels) {
  EXPECT_TRUE(wholeGroups(32, 1, 1));  // depthwise
  EXPECT_TRUE(wholeGroups(32, 4, 4));  // ResNeXt
  EXPECT_TRUE(wholeGroups(16, 64, 1)); // few outputs each
  EXPECT_FALSE(wholeGroups(2, 8, 8));
}

TEST(CompressScores, RemovableKeepsOne) {
  EXPECT_EQ(removableOf(10, 0.3), 3);
  EXPECT_EQ(removableOf(3, 0.99), 2);
  EXPECT_EQ(removableOf(1, 0.99), 0);
  EXPECT_EQ(removableOf(0, 0.5), 0);
}

TEST(CompressScores, Patterns) {
  std::string Why;
  auto P = parsePattern("2:4", Why);
  ASSERT_TRUE(P);
  EXPECT_EQ(P->N, 2u);
  EXPECT_EQ(P->M, 4u);
  P = parsePattern("4x1:0.25", Why);
  ASSERT_TRUE(P);
  EXPECT_EQ(P->M, 0u);
  EXPECT_EQ(P->Rows, 4u);
  EXPECT_EQ(P->Columns, 1u);
  EXPECT_EQ(P->Fraction, 0.25);
  for (llvm::StringRef Bad : {"", "2", "5:4", "2:0", "a:4", "4x:0.5", "0x1:0.5",
                              "4x4:1.5", "4x4", "-1:4", "4x4:nan"}) {
    Why.clear();
    EXPECT_FALSE(parsePattern(Bad, Why)) << Bad.str();
    EXPECT_NE(Why, "") << Bad.str();
  }
}

TEST(CompressScores, BranchGain) {
  EXPECT_DOUBLE_EQ(branchGain({{16, 4}, {9, 1}}), 6);
  EXPECT_DOUBLE_EQ(branchGain({}), 1);
}

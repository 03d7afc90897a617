//===- GraphParallelCostTest.cpp - Whether parallel contractions are one --===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Graph/ParallelCost.h"
#include "gtest/gtest.h"

using lathe::graph::paysToMerge;

TEST(GraphParallelCost, OneIsNone) {
  EXPECT_FALSE(paysToMerge({1, 768, {768}}));
}

TEST(GraphParallelCost, OneRowHasItsPartsSideBySide) {
  EXPECT_TRUE(paysToMerge({1, 768, {768, 768, 768}}));
  EXPECT_TRUE(paysToMerge({1, 768, {768, 64, 64}}));
}

TEST(GraphParallelCost, ManyRowsWouldBeCopied) {
  EXPECT_FALSE(paysToMerge({128, 768, {768, 768, 768}}));
  EXPECT_FALSE(paysToMerge({784, 192, {64, 96, 64}}));
}

TEST(GraphParallelCost, PartsThatStayCostNothing) {
  EXPECT_TRUE(paysToMerge({128, 768, {768, 768, 768}, true}));
  EXPECT_TRUE(paysToMerge({2, 64, {64, 16, 16}, true}));
}

TEST(GraphParallelCost, FewColumnsLeaveLanesIdle) {
  EXPECT_TRUE(paysToMerge({784, 480, {4, 8, 8}}));
  EXPECT_TRUE(paysToMerge({2000, 64, {1, 2, 2, 4}}));
  // Whole tiles have none to win.
  EXPECT_FALSE(paysToMerge({2000, 64, {32, 32}}));
}

//===- GPUTileTest.cpp - Sizes that a GPU kernel is cut into --------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Codegen/GPUTile.h"
#include "gtest/gtest.h"

using namespace lathe::codegen;

static void expectTile(int64_t Batch, int64_t Rows, int64_t Columns,
                       int64_t Depth, unsigned TileRows, unsigned TileColumns) {
  GPUTile T = chooseGPUTile(Batch, Rows, Columns, Depth, 132);
  EXPECT_EQ(T.rows(), TileRows) << Rows << "x" << Columns << "x" << Depth;
  EXPECT_EQ(T.columns(), TileColumns) << Rows << "x" << Columns << "x" << Depth;
  EXPECT_EQ(T.threadRows() * T.ThreadColumns, GPUThreads);
}

TEST(GPUTile, LargeProductsTakeLargeTiles) {
  expectTile(1, 4096, 4096, 4096, 128, 128);
  expectTile(64, 1024, 1024, 64, 128, 128);
}

TEST(GPUTile, SmallProductsFillTheMachine) {
  GPUTile T = chooseGPUTile(1, 128, 768, 768, 132);
  EXPECT_LE(T.PerThread, 2u);
  T = chooseGPUTile(1, 16, 16, 64, 132);
  EXPECT_EQ(T.PerThread, 2u);
}

TEST(GPUTile, ThinProductsTakeThinTiles) {
  // A convolution's first layer: many rows, few columns.
  GPUTile T = chooseGPUTile(1, 112 * 112 * 8, 32, 27, 132);
  EXPECT_LE(T.columns(), 32u);
  T = chooseGPUTile(1, 32, 112 * 112 * 8, 27, 132);
  EXPECT_LE(T.rows(), 32u);
}

TEST(GPUTile, UnknownSizesAreTypical) {
  GPUTile A = chooseGPUTile(1, -1, 512, 256, 132),
          B = chooseGPUTile(1, 128, 512, 256, 132);
  EXPECT_EQ(A.PerThread, B.PerThread);
  EXPECT_EQ(A.ThreadColumns, B.ThreadColumns);
}

TEST(GPUTile, SharedReductions) {
  EXPECT_TRUE(sharesReduction(60, 200, /*Contiguous=*/true));
  EXPECT_FALSE(sharesReduction(60, 9, true)); // a window
  // Channels last: neighbours are points, not terms.
  EXPECT_FALSE(sharesReduction(1000, 49, false));
  EXPECT_TRUE(sharesReduction(3, 10000, false));
  EXPECT_TRUE(sharesReduction(-1, -1, true));
}

TEST(GPUTile, ThreadsPerRow) {
  EXPECT_EQ(chooseThreadsPerRow(60, 200), GPUWarp);
  EXPECT_EQ(chooseThreadsPerRow(4096, 4096), GPUWarp);
  EXPECT_EQ(chooseThreadsPerRow(1, 100000), GPUThreads);
  EXPECT_EQ(chooseThreadsPerRow(-1, -1), GPUWarp);
}

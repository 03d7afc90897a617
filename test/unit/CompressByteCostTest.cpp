//===- CompressByteCostTest.cpp - Whether a product is faster in bytes ----===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Compress/ByteCost.h"
#include "gtest/gtest.h"

using namespace lathe;
using namespace lathe::compress;

static const ByteUnit VNNI512{16, 4, 4}, VNNI256{8, 4, 4}, Pairs{8, 2, 0};

/// Scores and sums of values: the first reason of either.
static FloatsPay attention(int64_t Heads, int64_t Queries, int64_t Keys,
                           int64_t Size, const ByteUnit &Unit) {
  FloatsPay Scores = floatsPay({Heads, Queries, Size, Keys, false}, Unit),
            Values = floatsPay({Heads, Queries, Keys, Size, false}, Unit);
  return Scores != FloatsPay::No ? Scores : Values;
}

TEST(CompressByteCost, AttentionPaysByItsSize) {
  for (auto [Heads, Rows, Size, Expected] :
       {std::tuple{2, 7, 4, FloatsPay::LittleWork},
        {2, 16, 16, FloatsPay::LittleWork},
        {2, 16, 64, FloatsPay::LittleWork},
        {2, 7, 64, FloatsPay::LittleWork},
        {2, 32, 32, FloatsPay::LittleWork},
        {4, 32, 64, FloatsPay::No},
        {4, 64, 16, FloatsPay::No},
        {12, 128, 64, FloatsPay::No},
        {12, 197, 64, FloatsPay::No},
        {2, 512, 64, FloatsPay::No}})
    EXPECT_EQ(attention(Heads, Rows, Rows, Size, VNNI512), Expected)
        << Heads << " x " << Rows << " x " << Size;
}

TEST(CompressByteCost, OneRowDoesNotPayForItsColumns) {
  // A token beside a long past, however long.
  EXPECT_EQ(attention(12, 1, 100000, 64, VNNI512), FloatsPay::LittleWork);
}

TEST(CompressByteCost, NarrowVectorsGainSooner) {
  EXPECT_EQ(attention(2, 32, 32, 32, VNNI512), FloatsPay::LittleWork);
  EXPECT_EQ(attention(2, 32, 32, 32, VNNI256), FloatsPay::No);
}

TEST(CompressByteCost, ComputedColumnsNeedAnInstruction) {
  EXPECT_EQ(attention(12, 512, 512, 64, Pairs), FloatsPay::NoInstruction);
}

TEST(CompressByteCost, WeightsPayUnlessTheyAreFew) {
  auto Layer = [](int64_t Depth, int64_t Columns, const ByteUnit &Unit) {
    return floatsPay({1, 64, Depth, Columns, true}, Unit);
  };
  EXPECT_EQ(Layer(4, 4, VNNI512), FloatsPay::FewWeights);
  EXPECT_EQ(Layer(18, 2, VNNI512), FloatsPay::FewWeights);
  EXPECT_EQ(Layer(8, 32, VNNI512), FloatsPay::FewWeights);
  EXPECT_EQ(Layer(36, 4, VNNI512), FloatsPay::No);
  EXPECT_EQ(Layer(16, 4, Pairs), FloatsPay::FewWeights);
  EXPECT_EQ(Layer(27, 16, Pairs), FloatsPay::No);
}

TEST(CompressByteCost, UnknownTargetsTakeBytes) {
  EXPECT_EQ(attention(2, 7, 7, 4, {}), FloatsPay::No);
  EXPECT_EQ(floatsPay({1, 1, 1, 1, true}, {}), FloatsPay::No);
}

TEST(CompressByteCost, UnitsOfTargets) {
  TargetDescription T =
      describeTarget("x86_64-linux-gnu", "x86-64-v3", "+avx,+avx2,+fma");
  EXPECT_EQ(byteUnit(T).Lanes, 8);
  EXPECT_EQ(byteUnit(T).Packed, 2);
  EXPECT_EQ(byteUnit(T).Computed, 0);
  T.Dots.push_back(DotKind::VNNI);
  EXPECT_EQ(byteUnit(T).Packed, 4);
  EXPECT_EQ(byteUnit(T).Computed, 4);
  T.IsGPU = true;
  EXPECT_EQ(byteUnit(T).Lanes, 0);
}

//===- TargetDescriptionTest.cpp ------------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Support/TargetDescription.h"
#include "gtest/gtest.h"

using namespace lathe;

TEST(TargetDescription, VectorWidthFollowsFeatures) {
  TargetDescription SSE = describeTarget("x86_64-linux-gnu", "x86-64", "+sse2");
  EXPECT_EQ(SSE.VectorBits, 128u);
  EXPECT_FALSE(SSE.HasFMA);
  TargetDescription AVX2 =
      describeTarget("x86_64-linux-gnu", "x86-64-v3", "+avx,+avx2,+fma,+f16c");
  EXPECT_EQ(AVX2.lanes(32), 8u);
  EXPECT_TRUE(AVX2.HasFMA);
  // AVX-512F alone (Knights Landing) lacks the masked narrow forms.
  TargetDescription F =
      describeTarget("x86_64-linux-gnu", "knl", "+avx,+avx512f");
  EXPECT_EQ(F.VectorBits, 256u);
  TargetDescription V4 =
      describeTarget("x86_64-linux-gnu", "x86-64-v4",
                     "+avx,+avx512f,+avx512vl,+avx512bw,+avx512dq,+fma");
  EXPECT_EQ(V4.VectorBits, 512u);
  EXPECT_EQ(V4.VectorRegisters, 32u);
}

TEST(TargetDescription, LaterFeaturesOverrideEarlierOnes) {
  EXPECT_FALSE(describeTarget("x86_64-linux-gnu", "x", "+fma,-fma").HasFMA);
}

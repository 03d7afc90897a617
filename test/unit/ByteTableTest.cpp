//===- ByteTableTest.cpp - Tables or arithmetic ---------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Support/ByteTable.h"
#include "lathe/Support/TargetDescription.h"
#include "gtest/gtest.h"

using namespace lathe;

namespace {
// Instructions for a register full of bytes: a clamp of bytes, another scale in
// 32 bits (4 registers of some 13), a sigmoid.
constexpr unsigned Clamp = 2, Rescale = 52, Sigmoid = 170;

struct Machine {
  TargetDescription Target;
  ByteLookup Lookup;
};
Machine machines[] = {
    {describeTarget("x86_64-linux-gnu", "x86-64", "+sse2"), ByteLookup::Scalar},
    {describeTarget("x86_64-linux-gnu", "x86-64-v2", "+sse2,+ssse3,+sse4.1"),
     ByteLookup::Rows16},
    {describeTarget("x86_64-linux-gnu", "x86-64-v3",
                    "+sse2,+ssse3,+avx,+avx2,+fma"),
     ByteLookup::Rows16},
    {describeTarget("x86_64-linux-gnu", "x86-64-v4",
                    "+ssse3,+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,"
                    "+avx512dq"),
     ByteLookup::Rows16},
    {describeTarget("x86_64-linux-gnu", "znver4",
                    "+ssse3,+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,"
                    "+avx512dq,+avx512vbmi"),
     ByteLookup::Pairs64},
    {describeTarget("aarch64-linux-gnu", "cortex-a53", "+neon"),
     ByteLookup::Lists64},
    {describeTarget("armv7-linux-gnueabihf", "cortex-a7", "+neon"),
     ByteLookup::Lists32},
};
} // namespace

TEST(ByteTable, EachMachineHasItsLookup) {
  for (const Machine &M : machines)
    EXPECT_EQ(M.Target.Lookup, M.Lookup) << M.Target.CPU;
}

static bool alone(unsigned Instructions, const TargetDescription &T) {
  return paysAsTable(Instructions, T.lanes(8), T);
}
static bool betweenFloats(unsigned Instructions, const TargetDescription &T) {
  return paysAsTable(Instructions / 4, T.lanes(32), T);
}

TEST(ByteTable, FunctionsPayEverywhereClampsNowhere) {
  for (const Machine &M : machines) {
    EXPECT_TRUE(alone(Sigmoid, M.Target)) << M.Target.CPU;
    EXPECT_FALSE(alone(Clamp, M.Target)) << M.Target.CPU;
  }
}

TEST(ByteTable, AnotherScalePaysWhereLookupsAreCheap) {
  for (const Machine &M : machines) {
    EXPECT_EQ(alone(Rescale, M.Target), M.Lookup != ByteLookup::Lists32)
        << M.Target.CPU;
    // Measured behind a convolution: 1.2 to 1.4 times as long by pshufb.
    EXPECT_EQ(betweenFloats(Rescale, M.Target),
              M.Lookup == ByteLookup::Pairs64 ||
                  M.Lookup == ByteLookup::Scalar)
        << M.Target.CPU;
  }
}

TEST(ByteTable, FunctionsBetweenFloatsPayToo) {
  for (const Machine &M : machines)
    EXPECT_TRUE(betweenFloats(Sigmoid, M.Target)) << M.Target.CPU;
}

TEST(ByteTable, DevicesCompute) {
  TargetDescription GPU =
      describeTarget("nvptx64-nvidia-cuda", "sm_80", "+ptx80");
  EXPECT_FALSE(alone(1000, GPU));
}

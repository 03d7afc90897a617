//===- ScheduleTest.cpp - The choose functions over tables of shapes ------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Schedule.h"
#include "gtest/gtest.h"

using namespace lathe;
using namespace lathe::kernel;

static TargetDescription avx512() {
  return describeTarget(
      "x86_64-linux-gnu", "x86-64-v4",
      "+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq");
}
static TargetDescription avx2() {
  return describeTarget("x86_64-linux-gnu", "x86-64-v3", "+avx,+avx2,+fma");
}

static TargetDescription neon() {
  return describeTarget("aarch64-unknown-linux-gnu", "cortex-a76", "+neon");
}
static TargetDescription neon32() {
  return describeTarget("armv7-unknown-linux-gnueabihf", "cortex-a7",
                        "+neon,+vfp4");
}

namespace {
struct Case {
  int64_t Rows, Columns, Depth;
  std::optional<ContractionSchedule> Expected;
};
} // namespace

static void check(const TargetDescription &Target, llvm::ArrayRef<Case> Cases) {
  for (const Case &C : Cases) {
    auto S = chooseContraction({C.Rows, C.Columns, C.Depth, 32}, Target);
    EXPECT_EQ(S.has_value(), C.Expected.has_value())
        << C.Rows << " x " << C.Columns;
    if (S && C.Expected) {
      EXPECT_EQ(S->MR, C.Expected->MR) << C.Rows << " x " << C.Columns;
      EXPECT_EQ(S->NV, C.Expected->NV) << C.Rows << " x " << C.Columns;
      EXPECT_EQ(S->Lanes, C.Expected->Lanes);
    }
  }
}

TEST(Schedule, ContractionTilesOfAVX512) {
  check(
      avx512(),
      {
          {128, 768, 768, ContractionSchedule{6, 4, 16}},
          // Rows are balanced; seven rows are one block of narrower panels.
          {49, 512, 4608, ContractionSchedule{6, 4, 16}},
          {7, 512, 4608, ContractionSchedule{7, 2, 16}},
          {14, 64, 64, ContractionSchedule{5, 4, 16}},
          // Five vectors of columns are three and two, not four and one.
          {100, 80, 64, ContractionSchedule{7, 3, 16}},
          // Two columns: a register for each row's broadcast.
          {256, 32, 576, ContractionSchedule{10, 2, 16}},
          {100, 16, 64, ContractionSchedule{13, 1, 16}},
          // One row: eight streams.
          {1, 1000, 2048, ContractionSchedule{1, 8, 16}},
          {mlir::ShapedType::kDynamic, 768, 768, ContractionSchedule{6, 4, 16}},
          // Too few columns for the lanes; nothing to sum.
          {100, 3, 64, std::nullopt},
          {100, 64, 1, std::nullopt},
      });
}

TEST(Schedule, ContractionTilesOfAVX2) {
  check(avx2(), {{128, 768, 768, ContractionSchedule{5, 2, 8}},
                 {1, 1000, 2048, ContractionSchedule{1, 8, 8}},
                 {100, 8, 64, ContractionSchedule{8, 1, 8}}});
}

static ContractionFacts bytes(int64_t Rows, int64_t Columns, int64_t Group,
                              bool Signed = false) {
  return {Rows,
          Columns,
          9 * Group,
          32,
          Signed ? ByteRows::Signed : ByteRows::Unsigned,
          /*PackedBits=*/0,
          Group};
}

TEST(Schedule, BytesTakeTheDotProductOfTheTarget) {
  ContractionFacts F = bytes(128, 768, 768);
  TargetDescription VNNI = avx512();
  VNNI.Dots = {DotKind::VNNI};
  EXPECT_EQ(chooseContraction(F, VNNI),
            (ContractionSchedule{6, 4, 16, DotKind::VNNI}));
  // Signed rows have no instruction, nor have sums without a loop for groups.
  EXPECT_FALSE(chooseContraction(bytes(128, 768, 768, true), VNNI));
  F.Group = 0;
  EXPECT_FALSE(chooseContraction(F, VNNI));
  F.Group = 768;
  TargetDescription AVX2 = avx2();
  AVX2.Dots = {DotKind::WordPairs};
  EXPECT_EQ(chooseContraction(F, AVX2),
            (ContractionSchedule{5, 2, 8, DotKind::WordPairs}));
  // AVX without AVX2: integers are half as wide as floats.
  AVX2.IntegerBits = 128;
  EXPECT_EQ(chooseContraction(F, AVX2)->Lanes, 4);
  // Without such an instruction the generic tier is as good.
  AVX2.Dots = {};
  EXPECT_FALSE(chooseContraction(F, AVX2));
}

TEST(Schedule, WeightsOfFewBits) {
  auto Choose = [](int64_t Rows, int64_t Columns, const TargetDescription &T) {
    ContractionFacts F{Rows, Columns, 1024, 32};
    F.PackedBits = 4;
    return *chooseContraction(F, T);
  };
  using S = ContractionSchedule;
  // Words, weights, scales and all rows' broadcasts lie beside the
  // accumulators.
  EXPECT_EQ(Choose(64, 768, avx512()), (S{8, 2, 16, DotKind::None, 4}));
  EXPECT_EQ(Choose(mlir::ShapedType::kDynamic, 768, avx512()),
            (S{8, 2, 16, DotKind::None, 4}));
  EXPECT_EQ(Choose(64, 768, avx2()), (S{5, 1, 8, DotKind::None, 4}));
  // Few rows take more columns, one as many as its sums hide the latency with.
  EXPECT_EQ(Choose(3, 768, avx512()), (S{3, 4, 16, DotKind::None, 4}));
  EXPECT_EQ(Choose(1, 768, avx512()), (S{1, 4, 16, DotKind::None, 4}));
  EXPECT_EQ(Choose(1, 768, avx2()), (S{1, 2, 8, DotKind::None, 4}));
  EXPECT_EQ(Choose(1, 20, avx512()), (S{1, 2, 16, DotKind::None, 4}));
}

TEST(Schedule, FewColumnsOfBytesFillTheirTerms) {
  TargetDescription T = avx512();
  T.Dots.push_back(DotKind::VNNI);
  // A lane does four terms: two of sixteen columns are as much as eight floats.
  EXPECT_TRUE(chooseContraction(bytes(64, 2, 4), T).has_value());
  EXPECT_FALSE(chooseContraction(bytes(64, 1, 4), T).has_value());
  EXPECT_FALSE(chooseContraction({64, 4, 64, 32}, T).has_value());
  // Without masks a part of a vector is stored in pieces.
  EXPECT_FALSE(chooseContraction(bytes(64, 3, 4), avx2()).has_value());
}

TEST(Schedule, BytesOnARM) {
  auto With = [](llvm::StringRef Features) {
    return describeTarget("aarch64-unknown-linux-gnu", "generic", Features);
  };
  TargetDescription Plain = With("+neon"), Dot = With("+neon,+dotprod"),
                    Matrix = With("+neon,+dotprod,+i8mm");
  EXPECT_FALSE(Plain.wantsSignedRows());
  EXPECT_TRUE(Dot.wantsSignedRows());
  EXPECT_FALSE(Matrix.wantsSignedRows());
  // Words: a vector of columns is two registers of sums. Rows of both signs.
  for (bool Signed : {false, true}) {
    EXPECT_EQ(chooseContraction(bytes(100, 64, 64, Signed), Plain),
              (ContractionSchedule{5, 2, 8, DotKind::WordLanes}));
    EXPECT_EQ(chooseContraction(bytes(100, 64, 64, Signed), neon32()),
              (ContractionSchedule{3, 1, 8, DotKind::WordLanes}));
  }
  EXPECT_EQ(chooseContraction(bytes(1, 1000, 64), Plain),
            (ContractionSchedule{1, 4, 8, DotKind::WordLanes}));
  EXPECT_EQ(chooseContraction(bytes(100, 64, 64, true), Dot),
            (ContractionSchedule{5, 4, 4, DotKind::SDot}));
  EXPECT_EQ(chooseContraction(bytes(100, 64, 64, false), Dot)->Dot,
            DotKind::WordLanes);
  // Squares of two rows by two columns; one row alone would be half of them.
  EXPECT_EQ(chooseContraction(bytes(96, 64, 64), Matrix),
            (ContractionSchedule{6, 4, 4, DotKind::USMMLA}));
  EXPECT_EQ(chooseContraction(bytes(3, 64, 64), Matrix)->MR, 4);
  // A computed right-hand side lies as it does.
  ContractionFacts Computed = bytes(96, 64, 64);
  Computed.Terms = 4;
  EXPECT_EQ(chooseDot(Computed, Matrix), DotKind::SUDot);
  EXPECT_EQ(chooseDot(Computed, Plain), DotKind::None);
  Computed.Terms = 1;
  EXPECT_EQ(chooseDot(Computed, Matrix), DotKind::WordLanes);
  EXPECT_TRUE(Matrix.wantsByteWords());
  EXPECT_FALSE(Plain.wantsByteWords());
  // In order: columns are there before they are needed.
  TargetDescription InOrder = Matrix;
  InOrder.InOrder = true;
  EXPECT_EQ(chooseContraction(bytes(96, 384, 64), InOrder),
            (ContractionSchedule{6, 3, 4, DotKind::USMMLA}));
  for (int64_t Columns = 4; Columns <= 400; Columns += 4)
    for (const TargetDescription &T : {Matrix, InOrder}) {
      auto S = chooseContraction(bytes(96, Columns, 64), T);
      // Sums, two groups of rows, columns.
      EXPECT_LE(S->MR / 2 * (2 * S->NV + 2) + (T.InOrder ? 6 : 2), 32);
    }
  EXPECT_EQ(chooseContraction(bytes(1, 64, 64), Matrix)->Dot, DotKind::SUDot);
  // Groups of eight would be mostly empty, those of four too.
  EXPECT_EQ(chooseContraction(bytes(100, 64, 3), Matrix)->Dot, DotKind::SUDot);
  EXPECT_EQ(chooseContraction(bytes(100, 64, 1), Matrix)->Dot,
            DotKind::WordLanes);
}

TEST(Schedule, AccumulatorsFitTheRegisters) {
  for (int64_t Rows = 1; Rows < 70; ++Rows)
    for (int64_t Columns = 8; Columns < 300; Columns += 3) {
      auto S = chooseContraction({Rows, Columns, 64, 32}, avx512());
      ASSERT_TRUE(S);
      EXPECT_LE(S->MR * S->NV, 26);
      auto T = chooseContraction({Rows, Columns, 64, 32}, avx2());
      ASSERT_TRUE(T);
      EXPECT_LE(T->MR * T->NV + T->NV + 1, 17);
    }
}

TEST(Schedule, ContractionTilesOfNEON) {
  // A row's scalar takes a register: 5 x 4 accumulators, 4 vectors, 5 scalars.
  check(neon(), {{128, 768, 768, ContractionSchedule{5, 4, 4}},
                 {49, 8, 64, ContractionSchedule{9, 2, 4}},
                 {1, 1000, 2048, ContractionSchedule{1, 8, 4}}});
  check(neon32(), {{128, 768, 768, ContractionSchedule{4, 2, 4}}});
}

TEST(Schedule, WindowsInLine) {
  EXPECT_EQ(windowInLine(avx512(), false, 9), 9);
  EXPECT_EQ(windowInLine(neon(), true, 9), 3);
  // Each row's scalar holds a register of its own.
  EXPECT_EQ(windowInLine(neon(), false, 9), 1);
  EXPECT_EQ(windowInLine(neon32(), true, 9), 1);
}

TEST(Schedule, DepthwiseWindowsOfBytesByWords) {
  // Points of a line, channels, rows of the window.
  auto Choose = [](const TargetDescription &T, int64_t Rows, int64_t Columns,
                   int64_t Group) {
    return chooseDepthwise({Rows, Columns, 3 * Group, 32, ByteRows::Unsigned,
                            /*PackedBits=*/0, Group},
                           T);
  };
  TargetDescription VNNI = describeTarget(
      "x86_64-linux-gnu", "znver4",
      "+sse2,+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq,"
      "+avx512vnni");
  TargetDescription Words = describeTarget("x86_64-linux-gnu", "x86-64-v3",
                                           "+sse2,+avx,+avx2,+fma");
  using Schedule = ContractionSchedule;
  EXPECT_EQ(Choose(VNNI, 56, 96, 3), (Schedule{8, 1, 16, DotKind::VNNI}));
  // Blocks of even height.
  EXPECT_EQ(Choose(VNNI, 14, 384, 5), (Schedule{7, 1, 16, DotKind::VNNI}));
  EXPECT_EQ(Choose(Words, 56, 96, 3), (Schedule{4, 1, 8, DotKind::WordPairs}));
  EXPECT_EQ(Choose(VNNI, mlir::ShapedType::kDynamic, 96, 3),
            (Schedule{8, 1, 16, DotKind::VNNI}));
  // One row of a window, few channels, other machines.
  EXPECT_EQ(Choose(VNNI, 56, 96, 1), std::nullopt);
  EXPECT_EQ(Choose(VNNI, 56, 6, 3), std::nullopt);
  EXPECT_EQ(Choose(neon(), 56, 96, 3), std::nullopt);
}

//===- TargetSelectionTest.cpp --------------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Target/TargetSelection.h"
#include "llvm/Target/TargetMachine.h"
#include "gtest/gtest.h"

using namespace lathe;
using namespace lathe::target;

static std::string failure(TargetRequest Request) {
  llvm::Expected<TargetSpec> Spec = resolveTarget(Request);
  return Spec ? "" : llvm::toString(Spec.takeError());
}

TEST(TargetSelection, LevelsOfX86) {
  llvm::Expected<TargetSpec> V3 = resolveTarget({"x86-64-v3", "", ""});
  ASSERT_TRUE(bool(V3));
  EXPECT_EQ(V3->Triple, "x86_64-unknown-linux-gnu");
  EXPECT_EQ(V3->Description.VectorBits, 256u);
  EXPECT_TRUE(V3->Description.HasFMA);
  llvm::Expected<TargetSpec> V4 = resolveTarget({"x86-64-v4", "", ""});
  ASSERT_TRUE(bool(V4));
  EXPECT_EQ(V4->Description.VectorBits, 512u);
}

TEST(TargetSelection, FeaturesAddAndRemove) {
  llvm::Expected<TargetSpec> Spec =
      resolveTarget({"x86_64-linux-gnu", "x86-64-v3", "-fma"});
  ASSERT_TRUE(bool(Spec));
  EXPECT_FALSE(Spec->Description.HasFMA);
  EXPECT_NE(Spec->Features.find("-fma"), std::string::npos);
  Spec = resolveTarget({"x86-64-v3", "", "avx512vnni,+avx512bw"});
  ASSERT_TRUE(bool(Spec));
  // Implied features come along.
  EXPECT_NE(Spec->Features.find("+avx512f"), std::string::npos);
}

TEST(TargetSelection, Native) {
  llvm::Expected<TargetSpec> Spec = resolveTarget({});
  ASSERT_TRUE(bool(Spec));
  EXPECT_NE(createTargetMachine(*Spec, true, false), nullptr);
}

TEST(TargetSelection, WrongNames) {
  EXPECT_EQ(failure({"x86-64-v5", "", ""})
                .find("unknown target 'x86-64-v5'; did you mean"),
            0u);
  EXPECT_EQ(
      failure({"x87_64-linux-gnu", "", ""}),
      "unknown target 'x87_64-linux-gnu'; did you mean 'x86_64-linux-gnu'?");
  EXPECT_NE(failure({"x86-64", "znver44", ""}).find("unknown CPU 'znver44'"),
            std::string::npos);
  EXPECT_NE(failure({"x86-64", "znver44", ""}).find("'znver4'"),
            std::string::npos);
  EXPECT_NE(failure({"x86-64", "", "+avx22"}).find("unknown feature 'avx22'"),
            std::string::npos);
  EXPECT_NE(failure({"aarch64-linux-gnu", "znver4", ""}).find("unknown CPU"),
            std::string::npos);
}

TEST(TargetSelection, Help) {
  std::string CPUs = failure({"aarch64-linux-gnu", "help", ""});
  EXPECT_EQ(CPUs.find("--cpu of target 'aarch64-unknown-linux-gnu' may be:\n"),
            0u);
  EXPECT_NE(CPUs.find("\n  cortex-a53\n"), std::string::npos);
  EXPECT_NE(failure({"aarch64-linux-gnu", "", "help"}).find("\n  dotprod\n"),
            std::string::npos);
  EXPECT_NE(failure({"aarch64-linux-gnu", "quite-unlike-any", ""})
                .find("; --cpu=help names all"),
            std::string::npos);
}

TEST(TargetSelection, PairsThatLLVMWouldDieOf) {
  EXPECT_NE(failure({"x86_64-linux-gnu", "i386", ""}).find("lacks '64bit'"),
            std::string::npos);
  EXPECT_NE(failure({"x86-64", "", "-sse2"}).find("lacks 'sse2'"),
            std::string::npos);
  EXPECT_NE(failure({"i686-linux-gnu", "", ""}).find("not supported"),
            std::string::npos);
  EXPECT_NE(failure({"", "", "-"}).find("unknown feature ''"),
            std::string::npos);
}

TEST(TargetSelection, ARM) {
  auto Plain = resolveTarget({"armv7-linux-gnueabihf", "", ""});
  ASSERT_TRUE(bool(Plain));
  EXPECT_EQ(Plain->Description.PointerBits, 32u);
  EXPECT_EQ(Plain->Description.VectorBits, 128u);
  EXPECT_FALSE(Plain->Description.HasFMA);
  EXPECT_FALSE(Plain->Description.HasRounding);
  // LLVM's own table of this CPU names no vector unit.
  auto A7 = resolveTarget({"armv7-linux-gnueabihf", "cortex-a7", ""});
  ASSERT_TRUE(bool(A7));
  EXPECT_TRUE(A7->Description.HasFMA);
  auto A72 = resolveTarget({"armv7-linux-gnueabihf", "cortex-a72", ""});
  ASSERT_TRUE(bool(A72));
  EXPECT_TRUE(A72->Description.HasRounding);
  EXPECT_NE(failure({"armv7-linux-gnueabihf", "cortex-m4", ""}).find("lacks"),
            std::string::npos);
  auto A76 = resolveTarget({"aarch64-linux-gnu", "cortex-a76", ""});
  ASSERT_TRUE(bool(A76));
  EXPECT_EQ(A76->Description.VectorRegisters, 32u);
  EXPECT_FALSE(A76->Description.BroadcastsFromMemory);
}

TEST(TargetSelection, TuningIsNoChange) {
  auto A53 = resolveTarget({"aarch64-linux-gnu", "cortex-a53", ""});
  ASSERT_TRUE(bool(A53));
  EXPECT_NE(A53->Features.find("+slow-paired-128"), std::string::npos);
  EXPECT_EQ(A53->FeatureChanges, "");
  auto Paired =
      resolveTarget({"aarch64-linux-gnu", "cortex-a53", "-slow-paired-128"});
  ASSERT_TRUE(bool(Paired));
  EXPECT_EQ(Paired->Features.find("+slow-paired-128"), std::string::npos);
  EXPECT_EQ(Paired->FeatureChanges, "-slow-paired-128");
}

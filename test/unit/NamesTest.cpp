//===- NamesTest.cpp ------------------------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Support/Names.h"
#include "gtest/gtest.h"

using namespace lathe;

TEST(Names, Identifiers) {
  EXPECT_EQ(makeIdentifier("image"), "image");
  EXPECT_EQ(makeIdentifier("input.1"), "input_1");
  EXPECT_EQ(makeIdentifier("a::b/c"), "a_b_c");
  EXPECT_EQ(makeIdentifier("__x"), "x");
  EXPECT_EQ(makeIdentifier("300"), "x300");
  EXPECT_EQ(makeIdentifier(""), "x");
  EXPECT_EQ(makeIdentifier("int"), "int_");
  EXPECT_EQ(makeIdentifier("class"), "class_");
  EXPECT_EQ(makeIdentifier("\xc3\xa4"), "x");
  EXPECT_EQ(makeIdentifier("a b"), "a_b");
}

TEST(Names, UniqueIdentifiers) {
  llvm::StringSet<> Taken;
  EXPECT_EQ(makeUniqueIdentifier("a.b", Taken), "a_b");
  EXPECT_EQ(makeUniqueIdentifier("a/b", Taken), "a_b_2");
  EXPECT_EQ(makeUniqueIdentifier("a_b_2", Taken), "a_b_2_2");
}

TEST(Names, Suggestions) {
  llvm::StringRef Known[] = {"znver3", "znver4", "skylake", "cortex-a76"};
  EXPECT_EQ(suggestNames("skylke", Known), "; did you mean 'skylake'?");
  EXPECT_EQ(suggestNames("znver9", Known),
            "; did you mean 'znver3' or 'znver4'?");
  EXPECT_EQ(suggestNames("qqqqqq", Known), "");
}

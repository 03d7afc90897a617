//===- ONNXSymbolicTest.cpp -----------------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/Symbolic.h"
#include "lathe/ONNX/WindowGeometry.h"
#include "gtest/gtest.h"
#include <limits>

using namespace lathe::onnx;

TEST(SymExpr, EqualSizesCompareEqualHoweverComputed) {
  SymbolTable Table;
  SymExpr A = Table.fresh(), B = Table.named("batch");
  EXPECT_EQ(B, Table.named("batch"));
  // (a + b) * (a - b) = a a - b b
  auto Left = *SymExpr::mul(*SymExpr::add(A, B), *SymExpr::sub(A, B));
  auto Right = *SymExpr::sub(*SymExpr::mul(A, A), *SymExpr::mul(B, B));
  EXPECT_EQ(Left, Right);
  EXPECT_EQ(SymExpr::sub(Left, Right)->getConstant(), 0);
  EXPECT_NE(A, B);
}

TEST(SymExpr, DivisionIsExactOrNothing) {
  SymbolTable Table;
  SymExpr A = Table.fresh(), B = Table.fresh();
  auto Product = *SymExpr::mul(*SymExpr::mul(A, B), 12);
  EXPECT_EQ(*SymExpr::divideExactly(Product, *SymExpr::mul(A, 4)),
            *SymExpr::mul(B, 3));
  EXPECT_FALSE(SymExpr::divideExactly(Product, 5));
  EXPECT_FALSE(SymExpr::divideExactly(A, B));
  EXPECT_FALSE(SymExpr::divideExactly(A, 0));
  // (a + 1)(b + 2) / (b + 2)
  auto Sum = *SymExpr::add(A, 1), Other = *SymExpr::add(B, 2);
  EXPECT_EQ(*SymExpr::divideExactly(*SymExpr::mul(Sum, Other), Other), Sum);
}

TEST(SymExpr, OverflowIsReported) {
  constexpr int64_t Max = std::numeric_limits<int64_t>::max();
  EXPECT_FALSE(SymExpr::add(Max, 1));
  EXPECT_FALSE(SymExpr::mul(Max, 2));
  EXPECT_FALSE(SymExpr::divideExactly(std::numeric_limits<int64_t>::min(), -1));
}

TEST(SymbolTable, QuotientsAndBounds) {
  SymbolTable Table;
  SymExpr A = Table.fresh();
  EXPECT_EQ(Table.floorDiv(-7, 2)->getConstant(), -4);
  EXPECT_EQ(Table.ceilDiv(7, 2)->getConstant(), 4);
  EXPECT_EQ(*Table.floorDiv(*SymExpr::mul(A, 6), 3), *SymExpr::mul(A, 2));
  EXPECT_EQ(*Table.floorDiv(A, 3), *Table.floorDiv(A, 3));
  EXPECT_EQ(*Table.min(A, *SymExpr::add(A, 1)), A);
  EXPECT_EQ(Table.max(3, 5)->getConstant(), 5);
  EXPECT_EQ(*Table.max(A, 5), *Table.max(5, A));
}

TEST(WindowGeometry, OutputSizes) {
  EXPECT_EQ(getWindowOutput(224, {7, 2, 1, 3, 3}, false), 112);
  EXPECT_EQ(getWindowOutput(5, {3, 1, 2, 0, 0}, false), 1);
  EXPECT_EQ(getWindowOutput(4, {3, 2, 1, 0, 0}, true), 2);
  // The second window would begin in the padding behind the input.
  EXPECT_EQ(getWindowOutput(2, {2, 2, 1, 0, 1}, true), 1);
  EXPECT_LE(getWindowOutput(2, {3, 1, 1, 0, 0}, false), 0);
}

TEST(WindowGeometry, AutoPadSplitsUnevenPadsBySide) {
  WindowAxis Upper{4, 2, 1, 9, 9}, Lower = Upper, Valid = Upper,
                                   Explicit = Upper;
  resolveAutoPad(7, AutoPad::SameUpper, Upper);
  EXPECT_EQ(Upper.PadBegin, 1);
  EXPECT_EQ(Upper.PadEnd, 2);
  resolveAutoPad(7, AutoPad::SameLower, Lower);
  EXPECT_EQ(Lower.PadBegin, 2);
  EXPECT_EQ(Lower.PadEnd, 1);
  EXPECT_EQ(getWindowOutput(7, Lower, false), 4);
  resolveAutoPad(7, AutoPad::Valid, Valid);
  EXPECT_EQ(Valid.PadBegin + Valid.PadEnd, 0);
  resolveAutoPad(7, AutoPad::NotSet, Explicit);
  EXPECT_EQ(Explicit.PadEnd, 9);
}

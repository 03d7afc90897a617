//===- ONNXConstantViewTest.cpp -------------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/ConstantView.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Builders.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace lathe::onnx;

namespace {
struct ConstantViewTest : testing::Test {
  MLIRContext Context;
  Builder B{&Context};
  ConstantViewTest() { Context.loadDialect<ONNXDialect>(); }

  ConstantView resource(Type Element, int64_t Count, ArrayRef<char> Bytes) {
    auto Ty = RankedTensorType::get({Count}, Element);
    return *ConstantView::get(DenseResourceElementsAttr::get(
        Ty, "k", UnmanagedAsmResourceBlob::allocateInferAlign(Bytes)));
  }
};
} // namespace

TEST_F(ConstantViewTest, DenseIntegersKeepSignAndWidth) {
  auto I1 = *ConstantView::get(makeInts(
      RankedTensorType::get({9}, B.getI1Type()), {1, 0, 1, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(*I1.getInts(), (SmallVector<int64_t>{1, 0, 1, 0, 0, 0, 0, 0, 1}));
  auto I4 = *ConstantView::get(
      makeInts(RankedTensorType::get({3}, B.getIntegerType(4)), {-8, 7, -1}));
  EXPECT_EQ(*I4.getInts(), (SmallVector<int64_t>{-8, 7, -1}));
  auto U8 = *ConstantView::get(makeInts(
      RankedTensorType::get({2}, getElementType(&Context, 2)), {255, 1}));
  EXPECT_EQ(*U8.getInts(), (SmallVector<int64_t>{255, 1}));
  auto Splat = *ConstantView::get(
      makeInts(RankedTensorType::get({4}, B.getI64Type()), {5, 5, 5, 5}));
  EXPECT_TRUE(Splat.isSplat());
  EXPECT_EQ(*Splat.getInts(), (SmallVector<int64_t>{5, 5, 5, 5}));
}

TEST_F(ConstantViewTest, FloatsConvertExactly) {
  auto F16 = *ConstantView::get(
      makeFloats(RankedTensorType::get({2}, B.getF16Type()), {0.5, -2.25}));
  EXPECT_EQ(F16.getFloat(0), 0.5);
  EXPECT_EQ(F16.getFloat(1), -2.25);
  auto F32 = *ConstantView::get(
      makeFloats(RankedTensorType::get({2}, B.getF32Type()), {0.1, 1e30}));
  EXPECT_EQ(F32.getFloat(0), double(0.1f));
}

TEST_F(ConstantViewTest, ResourcesFollowTheLayoutOfONNX) {
  // Bytes at an odd address, as in a mapped file.
  const char Bytes[] = "\x7f\x21\xf8\x01\x00\x00\x80\x3f";
  ConstantView I4 =
      resource(B.getIntegerType(4), 3, ArrayRef<char>(Bytes + 1, 2));
  EXPECT_EQ(*I4.getInts(), (SmallVector<int64_t>{1, 2, -8}));
  ConstantView Bool = resource(B.getI1Type(), 3, ArrayRef<char>(Bytes + 3, 3));
  EXPECT_EQ(*Bool.getInts(), (SmallVector<int64_t>{1, 0, 0}));
  ConstantView U2 =
      resource(getElementType(&Context, 25), 4, ArrayRef<char>(Bytes + 1, 1));
  EXPECT_EQ(*U2.getInts(), (SmallVector<int64_t>{1, 0, 2, 0}));
}

TEST_F(ConstantViewTest, ShortResourcesAreElided) {
  ConstantView V = resource(B.getF32Type(), 2, ArrayRef<char>("abc", 3));
  EXPECT_TRUE(V.isElided());
  EXPECT_EQ(V.getInts(), std::nullopt);
}

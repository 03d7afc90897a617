//===- EvaluatorTest.cpp --------------------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/Evaluator.h"
#include "lathe/Driver/Registration.h"
#include "lathe/ONNX/ConstantView.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

namespace {
struct EvaluatorTest : testing::Test {
  MLIRContext Context;
  EvaluatorTest() {
    DialectRegistry Registry;
    registerAllDialects(Registry);
    Context.appendDialectRegistry(Registry);
  }

  llvm::Expected<std::unique_ptr<Evaluation>>
  compile(StringRef Text, EvaluationOptions Options = {}) {
    OwningOpRef<ModuleOp> Module = parseSourceString<ModuleOp>(Text, &Context);
    EXPECT_TRUE(Module);
    return driver::hostEvaluator().compile(*Module, Options);
  }
  std::vector<EvaluatedTensor> run(StringRef Text,
                                   ArrayRef<TensorView> Inputs = {},
                                   EvaluationOptions Options = {}) {
    auto Compiled = compile(Text, Options);
    if (!Compiled) {
      ADD_FAILURE() << llvm::toString(Compiled.takeError());
      return {};
    }
    auto Results = (*Compiled)->run(Inputs);
    if (!Results) {
      ADD_FAILURE() << llvm::toString(Results.takeError());
      return {};
    }
    return std::move(*Results);
  }
  static ConstantView view(const EvaluatedTensor &T) {
    return *ConstantView::get(makeTensor(T.Type, T.Bytes));
  }
  TensorView floats(ArrayRef<float> Values, ArrayRef<int64_t> Shape) {
    return {RankedTensorType::get(Shape, Float32Type::get(&Context)),
            ArrayRef(reinterpret_cast<const char *>(Values.data()),
                     Values.size() * sizeof(float))};
  }
};
} // namespace

TEST_F(EvaluatorTest, ResultsHaveTheirActualShapes) {
  auto Compiled = compile(R"(
    func.func @main(%x: tensor<?x3xf32>) -> (tensor<*xf32>, tensor<*xi64>, none) {
      %y = onnx.Exp(%x) : (tensor<?x3xf32>) -> tensor<*xf32>
      %n = onnx.NonZero(%x) : (tensor<?x3xf32>) -> tensor<*xi64>
      %p = onnx.Greater(%x, %y) : (tensor<?x3xf32>, tensor<*xf32>) -> none
      return %y, %n, %p : tensor<*xf32>, tensor<*xi64>, none
    })");
  ASSERT_TRUE(bool(Compiled)) << llvm::toString(Compiled.takeError());
  for (int64_t Rows : {1, 2}) {
    float X[] = {0, 1, -1, 2, 0, 3};
    auto Results = (*Compiled)->run(floats(ArrayRef(X, Rows * 3), {Rows, 3}));
    ASSERT_TRUE(bool(Results)) << llvm::toString(Results.takeError());
    ASSERT_EQ(Results->size(), 3u);
    EXPECT_EQ((*Results)[0].Type.getShape(), ArrayRef<int64_t>({Rows, 3}));
    for (int64_t I = 0; I < Rows * 3; ++I)
      EXPECT_NEAR(view((*Results)[0]).getFloat(I), std::exp(X[I]), 1e-5);
    EXPECT_EQ((*Results)[1].Type.getShape(),
              ArrayRef<int64_t>({2, Rows == 1 ? 2 : 4}));
    EXPECT_TRUE((*Results)[2].Type.getElementType().isInteger(1));
    EXPECT_EQ(view((*Results)[2]).getInt(0), 0);
  }
}

// Constants too large for text are read where they lie, at any address.
TEST_F(EvaluatorTest, LargeConstantsCross) {
  OwningOpRef<ModuleOp> Module = parseSourceString<ModuleOp>(R"(
    func.func @main() -> tensor<100xf32> {
      %w = onnx.Constant dense<1.0> : tensor<100xf32>
      %y = onnx.Add(%w, %w) : (tensor<100xf32>, tensor<100xf32>) -> tensor<100xf32>
      return %y : tensor<100xf32>
    })",
                                                             &Context);
  std::vector<char> Bytes(401);
  for (int I = 0; I < 100; ++I) {
    float F = I;
    std::memcpy(Bytes.data() + 1 + 4 * I, &F, 4);
  }
  auto Type = RankedTensorType::get({100}, Float32Type::get(&Context));
  auto Value = DenseResourceElementsAttr::get(
      Type, "w",
      UnmanagedAsmResourceBlob::allocateWithAlign(ArrayRef(Bytes).drop_front(),
                                                  1));
  Module->walk([&](Operation *Op) {
    if (Op->hasAttr("value"))
      Op->setAttr("value", Value);
  });
  auto Compiled = driver::hostEvaluator().compile(*Module);
  ASSERT_TRUE(bool(Compiled)) << llvm::toString(Compiled.takeError());
  auto Results = (*Compiled)->run({});
  ASSERT_TRUE(bool(Results)) << llvm::toString(Results.takeError());
  EXPECT_EQ(view(Results->front()).getFloat(99), 198);
}

// Strictness is the order of the loop, one sum after the other.
TEST_F(EvaluatorTest, StrictSumsKeepTheirOrder) {
  constexpr StringLiteral Text = R"(
    func.func @main(%a: tensor<1x64xf32>, %b: tensor<64x32xf32>) -> tensor<1x32xf32> {
      %y = onnx.MatMul(%a, %b) : (tensor<1x64xf32>, tensor<64x32xf32>) -> tensor<1x32xf32>
      return %y : tensor<1x32xf32>
    })";
  std::vector<float> A(64, 1), B(64 * 32);
  for (int K = 0; K < 64; ++K)
    for (int N = 0; N < 32; ++N)
      B[K * 32 + N] = std::sin(K * 32 + N);
  auto Strict = run(Text, {floats(A, {1, 64}), floats(B, {64, 32})});
  EvaluationOptions Fast;
  Fast.StrictFloats = false;
  auto Other = run(Text, {floats(A, {1, 64}), floats(B, {64, 32})}, Fast);
  ASSERT_EQ(Strict.size(), 1u);
  ASSERT_EQ(Other.size(), 1u);
  for (int N = 0; N < 32; ++N) {
    float Sum = 0;
    for (int K = 0; K < 64; ++K)
      Sum += B[K * 32 + N];
    EXPECT_EQ(float(view(Strict[0]).getFloat(N)), Sum);
    EXPECT_NEAR(view(Other[0]).getFloat(N), Sum, 1e-5);
  }
}

TEST_F(EvaluatorTest, NarrowTypesKeepTheirLayout) {
  auto Results = run(R"(
    func.func @main() -> (tensor<3xi4>, tensor<70xi1>) {
      %f = onnx.Constant dense<[-1.0, 7.0, 2.0]> : tensor<3xf32>
      %i = onnx.Cast(%f) {to = 22} : (tensor<3xf32>) -> tensor<3xi4>
      %z = onnx.Constant dense<[70]> : tensor<1xi64>
      %b = onnx.ConstantOfShape(%z) {value = dense<true> : tensor<1xi1>} : (tensor<1xi64>) -> tensor<70xi1>
      return %i, %b : tensor<3xi4>, tensor<70xi1>
    })");
  ASSERT_EQ(Results.size(), 2u);
  EXPECT_EQ(Results[0].Bytes, (std::vector<char>{0x7f, 0x02}));
  EXPECT_EQ(view(Results[0]).getInt(0), -1);
  EXPECT_EQ(Results[1].Bytes, std::vector<char>(70, 1));
  EXPECT_EQ(view(Results[1]).getInt(69), 1);
}

TEST_F(EvaluatorTest, FailuresHaveReasons) {
  auto Compiled = compile(R"(
    func.func @main(%x: tensor<2x3xf32>, %y: tensor<4xf32>) -> none {
      %z = onnx.Add(%x, %y) : (tensor<2x3xf32>, tensor<4xf32>) -> none loc("sum")
      return %z : none
    })");
  ASSERT_FALSE(bool(Compiled));
  std::string Reason = llvm::toString(Compiled.takeError());
  EXPECT_NE(Reason.find("'sum'"), std::string::npos) << Reason;

  auto Good = compile(R"(
    func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
      %z = onnx.Neg(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
      return %z : tensor<2x3xf32>
    })");
  ASSERT_TRUE(bool(Good)) << llvm::toString(Good.takeError());
  float X[] = {1, 2, 3};
  for (TensorView Wrong : {floats(X, {1, 3}), floats(X, {2, 3})}) {
    auto Results = (*Good)->run(Wrong);
    ASSERT_FALSE(bool(Results));
    EXPECT_NE(llvm::toString(Results.takeError()), "");
  }
}

TEST_F(EvaluatorTest, TensorsKeepTheirBytes) {
  Builder B(&Context);
  auto I4 = RankedTensorType::get({3}, B.getIntegerType(4));
  std::vector<char> Storage;
  EXPECT_EQ(ConstantView::get(makeInts(I4, {-8, 7, -1}))->getBytes(Storage),
            ArrayRef<char>({char(0x78), char(0x0f)}));
  auto I1 = RankedTensorType::get({9}, B.getI1Type());
  EXPECT_EQ(ConstantView::get(makeInts(I1, {1, 0, 0, 0, 0, 0, 0, 0, 1}))
                ->getBytes(Storage),
            ArrayRef<char>({1, 0, 0, 0, 0, 0, 0, 0, 1}));
  auto Splat = RankedTensorType::get({3}, B.getIntegerType(16));
  EXPECT_EQ(ConstantView::get(makeInts(Splat, {5, 5, 5}))->getBytes(Storage),
            ArrayRef<char>({5, 0, 5, 0, 5, 0}));
  std::vector<char> Large(35, char(0x9f));
  auto I4Large = RankedTensorType::get({70}, B.getIntegerType(4));
  ElementsAttr Resource = makeTensor(I4Large, Large);
  EXPECT_TRUE(isa<DenseResourceElementsAttr>(Resource));
  EXPECT_EQ(ConstantView::get(Resource)->getInt(0), -1);
  EXPECT_EQ(ConstantView::get(Resource)->getInt(69), -7);
  EXPECT_EQ(ConstantView::get(Resource)->getBytes(Storage), ArrayRef(Large));
}

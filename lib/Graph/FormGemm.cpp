//===- FormGemm.cpp - The pass graph-form-gemm ----------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Match.h"
#include "NodeBuilder.h"
#include "lathe/Graph/Passes.h"

namespace lathe::graph {
#define GEN_PASS_DEF_FORMGEMM
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// The matrix behind a transposition that is not of a constant; null if none.
static Value getUntransposed(Value V) {
  auto Transpose = V.getDefiningOp<onnx::TransposeOp>();
  if (!Transpose || getRank(V) != 2 || isConstant(Transpose.getData()) ||
      getPermutation(Transpose) != SmallVector<int64_t>{1, 0})
    return {};
  return Transpose.getData();
}

/// A bias that is smaller than the result and broadcast to it.
static bool isBias(Value C, RankedTensorType Result) {
  RankedTensorType Type = getStatic(C);
  if (!Type || Type.getRank() > 2 ||
      Type.getElementType() != Result.getElementType())
    return false;
  for (int64_t D = 0; D < Type.getRank(); ++D) {
    int64_t Size = Type.getDimSize(D),
            Wanted = Result.getDimSize(2 - Type.getRank() + D);
    if (Size != 1 && Size != Wanted)
      return false;
  }
  return isConstant(C) || !Result.hasStaticShape() ||
         Type.getNumElements() < Result.getNumElements();
}

namespace {
struct FormGemmPass : graph::impl::FormGemmBase<FormGemmPass> {
  void runOnOperation() override {
    SmallVector<Operation *> Products;
    getOperation().walk([&](Operation *Op) {
      if (isa<onnx::MatMulOp, onnx::GemmOp>(Op) &&
          getRank(Op->getOperand(0)) == 2 && getRank(Op->getOperand(1)) == 2 &&
          getRanked(Op->getResult(0)) && isFloat(Op->getResult(0)) &&
          !isInQuantizedGroup(Op))
        Products.push_back(Op);
    });
    IRRewriter Rewriter(&getContext());
    for (Operation *Op : Products)
      rewrite(Rewriter, Op);
  }

private:
  void rewrite(IRRewriter &Rewriter, Operation *Op) {
    bool IsGemm = isa<onnx::GemmOp>(Op);
    Value A = Op->getOperand(0), B = Op->getOperand(1), C = getOperand(Op, 2);
    bool TransA = IsGemm && getIntAttr(Op, "transA"),
         TransB = IsGemm && getIntAttr(Op, "transB"), Changed = false;
    if (Value Inner = getUntransposed(A)) {
      A = Inner;
      TransA = !TransA;
      Changed = true;
    }
    if (Value Inner = getUntransposed(B)) {
      B = Inner;
      TransB = !TransB;
      Changed = true;
    }
    Operation *Last = Op;
    auto Add = dyn_cast_or_null<onnx::AddOp>(getSingleUser(Op->getResult(0)));
    if (Add && !C && Add.getC().getType() == Op->getResult(0).getType() &&
        !isInQuantizedGroup(Add)) {
      Value Other =
          Add->getOperand(Add->getOperand(0) == Op->getResult(0) ? 1 : 0);
      if (isBias(Other, getRanked(Add.getC()))) {
        C = Other;
        Last = Add;
        Changed = true;
      }
    }
    if (!Changed)
      return;
    Rewriter.setInsertionPoint(Last);
    NodeBuilder Builder(Rewriter,
                        Last == Op ? Op->getLoc() : fuseLocs({Op, Last}));
    SmallVector<NamedAttribute> Attributes{
        Builder.attr("transA", int64_t(TransA)),
        Builder.attr("transB", int64_t(TransB))};
    for (StringRef Name : {"alpha", "beta"})
      if (Attribute Given = Op->getAttr(Name);
          Given && (Name == "alpha" || Last == Op))
        Attributes.push_back(Rewriter.getNamedAttr(Name, Given));
    Value New =
        Builder.op("Gemm", {A, B, C}, Attributes, Last->getResult(0).getType());
    Rewriter.replaceAllUsesWith(Last->getResult(0), New);
    eraseDead(Rewriter, {Last});
    ++Formed;
  }
};
} // namespace

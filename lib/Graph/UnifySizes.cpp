//===- UnifySizes.cpp - The pass graph-unify-sizes ------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Exporters ask every value anew for its shape. What is equal in every run by
// the symbols of shape inference is here one value, or none: shapes of Reshape
// become constants where 0 says 'as before', what keeps all of a tensor goes,
// and matrices that were rows of a batch are that again.
//
// Invariant: only the function's own block is rewritten; a value is only
// replaced by one that stands before it.
//
//===----------------------------------------------------------------------===//

#include "Match.h"
#include "NodeBuilder.h"
#include "lathe/Graph/Passes.h"
#include "lathe/ONNX/SizeAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace lathe::graph {
#define GEN_PASS_DEF_UNIFYSIZES
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;
using onnx::SizeAnalysis;
using onnx::SymExpr;

namespace {
class UnifySizesPass : public graph::impl::UnifySizesBase<UnifySizesPass> {
  void runOnOperation() override {
    for (auto Function : getOperation().getOps<func::FuncOp>())
      if (!Function.isExternal() && hasDynamicSizes(Function))
        runOnFunction(Function);
  }

  static bool hasDynamicSizes(func::FuncOp Function) {
    return llvm::any_of(Function.getBody().front(), [](Operation &Op) {
      return llvm::any_of(Op.getResultTypes(), [](Type T) {
        auto Tensor = dyn_cast<RankedTensorType>(T);
        return Tensor && !Tensor.hasStaticShape();
      });
    });
  }

  void runOnFunction(func::FuncOp Function) {
    SizeAnalysis Analysis(Function);
    Sizes = &Analysis;
    IRRewriter Rewriter(&getContext());
    SmallVector<Operation *> Ops;
    for (Operation &Op : Function.getBody().front())
      if (isa_and_nonnull<onnx::ONNXDialect>(Op.getDialect()))
        Ops.push_back(&Op);
    SmallVector<Operation *> Dead;
    First.clear();
    for (Operation *Op : Ops)
      if (Op->getNumResults() > 0 && !Op->use_empty() && rewrite(Rewriter, Op))
        Dead.push_back(Op);
    eraseDead(Rewriter, Dead);
  }

  /// True if nothing but results that nobody used is left of \p Op.
  bool rewrite(IRRewriter &Rewriter, Operation *Op) {
    Value Result = Op->getResult(0);
    if (Value Same = Op->getNumResults() == 1 ? findEqual(Op) : Value()) {
      Rewriter.replaceAllUsesWith(Result, Same);
      ++Unified;
      return true;
    }
    if (Op->getNumResults() == 1 && keepsAll(Op) &&
        Op->getOperand(0).getType() == Result.getType()) {
      Rewriter.replaceAllUsesWith(Result, Op->getOperand(0));
      ++Removed;
      return true;
    }
    auto Reshape = dyn_cast<onnx::ReshapeOp>(Op);
    if (!Reshape)
      return false;
    if (Value Rows = makeRows(Rewriter, Reshape)) {
      Rewriter.replaceAllUsesWith(Result, Rows);
      ++Rejoined;
      return true;
    }
    fixShape(Rewriter, Reshape);
    return false;
  }

  //===-- Equal values ----------------------------------------------------===//

  /// A value before \p Op with the same sizes as its elements.
  Value findEqual(Operation *Op) {
    Value Result = Op->getResult(0);
    if (isa<onnx::ConstantOp>(Op) || !getStatic(Result))
      return {};
    auto Elements = Sizes->getElements(Result);
    if (!Elements)
      return {};
    std::string Key;
    llvm::raw_string_ostream OS(Key);
    OS << Result.getType();
    for (const SymExpr &E : *Elements)
      OS << ' ' << E.str();
    auto [It, New] = First.try_emplace(Key, Result);
    return New ? Value() : It->second;
  }

  //===-- What changes nothing --------------------------------------------===//

  bool keepsAll(Operation *Op) {
    if (isa<onnx::ExpandOp, onnx::ReshapeOp>(Op)) {
      auto From = Sizes->getShape(Op->getOperand(0)),
           To = Sizes->getShape(Op->getResult(0));
      return From && From == To;
    }
    auto Slice = dyn_cast<onnx::SliceOp>(Op);
    if (!Slice)
      return false;
    // From the start, as many as there are.
    auto From = Sizes->getShape(Slice.getData()),
         To = Sizes->getShape(Slice.getOutput());
    Value Steps = getOperand(Op, 4);
    return From && From == To && isUniform(Slice.getStarts(), 0) &&
           (!Steps || isUniform(Steps, 1));
  }

  //===-- Shapes ----------------------------------------------------------===//

  /// The sizes of a Reshape as constants.
  void fixShape(IRRewriter &Rewriter, onnx::ReshapeOp Op) {
    auto From = Sizes->getShape(Op.getData()),
         To = Sizes->getElements(Op.getShape());
    RankedTensorType Type = getRanked(Op.getReshaped());
    if (!From || !To || !Type || isConstant(Op.getShape()) || Op.getAllowzero())
      return;
    SmallVector<int64_t> Given;
    unsigned Open = 0, Copies = 0;
    for (auto [D, Size] : llvm::enumerate(*To)) {
      if (auto Constant = Size.getConstant()) {
        if (*Constant == 0)
          return;
        Open += *Constant == -1;
        Given.push_back(*Constant);
      } else if (D < From->size() && (*From)[D] == Size) {
        ++Copies;
        Given.push_back(0);
      } else {
        ++Open;
        Given.push_back(-1);
      }
    }
    // What is left of a batch of none is not told by a quotient.
    bool OwnQuotient =
        llvm::any_of(*To, [](const SymExpr &E) { return E.isConstant(-1); });
    if (Open > 1 || (Open == 1 && Copies > 0 && !OwnQuotient))
      return;
    NodeBuilder B(Rewriter, Op);
    Value Shape = B.ints(Given);
    Rewriter.modifyOpInPlace(Op, [&] { Op.getShapeMutable().assign(Shape); });
    ++Fixed;
  }

  //===-- Matrices of rows ------------------------------------------------===//

  /// Rows [.., k] that became a matrix for a Gemm alone, and its result rows
  /// again: the product of the rows themselves.
  Value makeRows(IRRewriter &Rewriter, onnx::ReshapeOp Op) {
    auto Gemm = singleUse<onnx::GemmOp>(Op.getData());
    auto Flat = Gemm ? Gemm.getA().getDefiningOp<onnx::ReshapeOp>() : nullptr;
    if (!Flat || isInQuantizedGroup(Gemm))
      return {};
    Value X = Flat.getData(), W = Gemm.getB(), Bias = getOperand(Gemm, 2);
    auto Rows = Sizes->getShape(X), Matrix = Sizes->getShape(Gemm.getA()),
         Product = Sizes->getShape(Gemm.getY()),
         Result = Sizes->getShape(Op.getReshaped());
    if (!Rows || !Matrix || !Product || !Result || Rows->size() < 2 ||
        Matrix->size() != 2 || Rows->size() != Result->size() ||
        Rows->back() != Matrix->back() || Result->back() != Product->back())
      return {};
    if (!std::equal(Rows->begin(), Rows->end() - 1, Result->begin()))
      return {};
    bool Plain = Gemm.getAlpha().convertToFloat() == 1 &&
                 Gemm.getBeta().convertToFloat() == 1 && !Gemm.getTransA() &&
                 (!Gemm.getTransB() || isConstant(W)) &&
                 (!Bias || getRank(Bias) <= 1);
    if (!Plain)
      return {};
    Rewriter.setInsertionPoint(Op);
    NodeBuilder B(Rewriter, fuseLocs({Gemm, Op}));
    if (Gemm.getTransB())
      W = B.transpose(W, {1, 0});
    Value Y = B.op("MatMul", {X, W});
    if (Bias)
      Y = B.op("Add", {Y, Bias});
    return Y.getType() == Op.getReshaped().getType() ? Y : Value();
  }

  const SizeAnalysis *Sizes = nullptr;
  /// The first value of each key, a type and the elements.
  llvm::StringMap<Value> First;
};
} // namespace

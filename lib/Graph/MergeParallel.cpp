//===- MergeParallel.cpp - The pass graph-merge-parallel ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Collects, for each value and each form, the contractions that read it with
// constant weights of their own, asks the cost function, and puts their weights
// side by side.
//
// Invariant: each column is the same sum as before.
//
//===----------------------------------------------------------------------===//

#include "Match.h"
#include "NodeBuilder.h"
#include "lathe/Graph/ParallelCost.h"
#include "lathe/Graph/Passes.h"
#include "lathe/ONNX/ConstantMemory.h"
#include "llvm/ADT/MapVector.h"

namespace lathe::graph {
#define GEN_PASS_DEF_MERGEPARALLEL
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

namespace {
/// One of several contractions of a value.
struct Member {
  Operation *Op;
  Value Weights;
  /// A constant vector, or null.
  Value Bias;
  /// The Add that brings the bias to a MatMul, else null.
  Operation *BiasAdd = nullptr;
  int64_t Columns = 0;

  Value result() const { return (BiasAdd ? BiasAdd : Op)->getResult(0); }
};
} // namespace

/// The dimension of the weights that runs along the columns of the result.
static unsigned getColumnAxis(Operation *Op) {
  if (isa<onnx::ConvOp>(Op))
    return 0;
  return isa<onnx::GemmOp>(Op) && getIntAttr(Op, "transB") ? 0 : 1;
}

/// A constant vector of \p Columns numbers, with ones in front perhaps.
static bool isColumnVector(Value V, int64_t Columns) {
  RankedTensorType Type = getStatic(V);
  return Type && isConstant(V) && Type.getRank() >= 1 &&
         Type.getNumElements() == Columns && Type.getShape().back() == Columns;
}

static std::optional<Member> getMember(Operation *Op) {
  if (!isa<onnx::MatMulOp, onnx::GemmOp, onnx::ConvOp>(Op) ||
      isInQuantizedGroup(Op))
    return std::nullopt;
  Member M{Op, Op->getOperand(1), getOperand(Op, 2)};
  auto View = getConstant(M.Weights);
  if (!View || !View->isFloat() || !M.Weights.hasOneUse() ||
      !isFloat(Op->getOperand(0)))
    return std::nullopt;
  ArrayRef<int64_t> Shape = View->getShape();
  M.Columns = Shape.size() >= 2 ? Shape[getColumnAxis(Op)] : 0;
  if (isa<onnx::ConvOp>(Op)) {
    if (getIntAttr(Op, "group") != 1 || Shape.size() < 3)
      return std::nullopt;
  } else if (Shape.size() != 2 || getRank(Op->getOperand(0)) < 2) {
    return std::nullopt;
  }
  if (M.Bias && !isColumnVector(M.Bias, M.Columns))
    return std::nullopt;
  if (isa<onnx::MatMulOp>(Op))
    if (auto Add =
            dyn_cast_or_null<onnx::AddOp>(getSingleUser(Op->getResult(0))))
      if (auto [X, Bias] = splitConstant(Add);
          X && isColumnVector(Bias, M.Columns) &&
          Add.getC().getType() == Op->getResult(0).getType()) {
        M.Bias = Bias;
        M.BiasAdd = Add;
      }
  return M;
}

/// Everything that comes of \p V, through views and rotations, is attended to.
static bool isAttended(Value V, unsigned Depth = 6) {
  return Depth > 0 && !V.use_empty() &&
         llvm::all_of(V.getUsers(), [&](Operation *User) {
           if (isa<onnx::AttentionOp>(User))
             return true;
           return isa<onnx::ReshapeOp, onnx::TransposeOp,
                      onnx::RotaryEmbeddingOp>(User) &&
                  isAttended(User->getResult(0), Depth - 1);
         });
}

static ParallelShape getShape(ArrayRef<Member> Group, bool KeepAttended) {
  ParallelShape Shape;
  Operation *Op = Group.front().Op;
  RankedTensorType Result = getRanked(Op->getResult(0));
  bool IsConv = isa<onnx::ConvOp>(Op);
  int64_t Channel = IsConv ? 1 : Result.getRank() - 1;
  for (int64_t D = 0; D < Result.getRank(); ++D)
    if (D != Channel)
      Shape.Rows *= Result.isDynamicDim(D) ? 1 : Result.getDimSize(D);
  RankedTensorType Weights = getRanked(Group.front().Weights);
  Shape.Depth = Weights.getNumElements() / Group.front().Columns;
  for (const Member &M : Group)
    Shape.Columns.push_back(M.Columns);
  Shape.PartsStay =
      !IsConv && !KeepAttended && llvm::all_of(Group, [](const Member &M) {
        return isAttended(M.result());
      });
  return Shape;
}

namespace {
struct MergeParallelPass : graph::impl::MergeParallelBase<MergeParallelPass> {
  using MergeParallelBase::MergeParallelBase;

  void runOnOperation() override {
    SmallVector<Block *> Blocks;
    getOperation().walk([&](Block *B) { Blocks.push_back(B); });
    for (Block *B : Blocks)
      runOnBlock(*B);
  }

private:
  void runOnBlock(Block &Body) {
    // The data, and everything that must be equal but is no weight.
    llvm::MapVector<std::pair<Value, Attribute>, SmallVector<Member>> Groups;
    for (Operation &Op : Body) {
      auto M = getMember(&Op);
      if (!M)
        continue;
      Builder B(&getContext());
      RankedTensorType Type = getRanked(M->Weights);
      SmallVector<int64_t> Rest(Type.getShape());
      Rest[getColumnAxis(&Op)] = 0;
      Attribute Form = B.getArrayAttr(
          {Op.getName().getIdentifier(), Op.getAttrDictionary(),
           TypeAttr::get(Type.clone(Rest)), B.getBoolAttr(bool(M->Bias))});
      Groups[{Op.getOperand(0), Form}].push_back(*M);
    }
    for (auto &[Form, Group] : Groups)
      if (Group.size() > 1 && paysToMerge(getShape(Group, KeepAttended)))
        merge(Group);
  }

  void merge(ArrayRef<Member> Group) {
    SmallVector<Operation *> Ops;
    for (const Member &M : Group)
      Ops.push_back(M.Op);
    Operation *First = Ops.front();
    OpBuilder Builder(First);
    NodeBuilder B(Builder, fuseLocs(Ops));
    SmallVector<int64_t> Sizes;
    for (const Member &M : Group)
      Sizes.push_back(M.Columns);
    int64_t Columns = std::accumulate(Sizes.begin(), Sizes.end(), int64_t(0));

    Value W = concatenate(B, Group, Columns, getColumnAxis(First));
    RankedTensorType Result = getRanked(First->getResult(0));
    int64_t Axis = isa<onnx::ConvOp>(First) ? 1 : Result.getRank() - 1;
    SmallVector<int64_t> Shape(Result.getShape());
    Shape[Axis] = Columns;
    auto Type = Result.clone(Shape);
    Value Bias;
    if (Group.front().Bias) {
      SmallVector<double> Numbers;
      for (const Member &M : Group)
        Numbers.append(*getFloats(M.Bias));
      Bias = B.constant(
          RankedTensorType::get({Columns}, Result.getElementType()), Numbers);
    }
    Value Y;
    StringRef Name = onnx::getOpName(First);
    if (isa<onnx::MatMulOp>(First)) {
      Y = B.op(Name, {First->getOperand(0), W}, {}, Type);
      if (Bias)
        Y = B.op("Add", {Y, Bias}, {}, Type);
    } else {
      Y = B.op(Name, {First->getOperand(0), W, Bias},
               First->getAttrDictionary().getValue(), Type);
    }
    SmallVector<mlir::Type> Types;
    for (const Member &M : Group)
      Types.push_back(M.result().getType());
    Operation *Split = B.node("Split", {Y, B.ints(Sizes)}, B.attr("axis", Axis),
                              Types, Types.size());
    for (auto [M, Part] : llvm::zip(Group, Split->getResults())) {
      M.result().replaceAllUsesWith(Part);
      if (M.BiasAdd)
        M.BiasAdd->erase();
      M.Op->erase();
    }
    Merged += Group.size();
  }

  /// The weights side by side along dimension \p Axis.
  static Value concatenate(NodeBuilder &B, ArrayRef<Member> Group,
                           int64_t Columns, unsigned Axis) {
    RankedTensorType First = getRanked(Group.front().Weights);
    SmallVector<int64_t> Shape(First.getShape());
    Shape[Axis] = Columns;
    int64_t Inner = 1;
    for (int64_t Size : First.getShape().drop_front(Axis + 1))
      Inner *= Size;
    // Bytes of one column, repeated for every index in front of the axis.
    unsigned Width = First.getElementTypeBitWidth() / 8;
    int64_t Outer = Axis == 0 ? 1 : First.getDimSize(0);
    std::vector<char> Bytes;
    Bytes.reserve(size_t(Outer * Columns * Inner * Width));
    for (int64_t O = 0; O < Outer; ++O)
      for (const Member &M : Group) {
        onnx::ConstantView View = *getConstant(M.Weights);
        size_t Size = size_t(M.Columns * Inner * Width);
        ArrayRef<char> Raw = View.getRawData();
        if (!View.isSplat())
          Bytes.insert(Bytes.end(), Raw.begin() + O * Size,
                       Raw.begin() + (O + 1) * Size);
        else
          for (int64_t I = 0; I < M.Columns * Inner; ++I)
            Bytes.insert(Bytes.end(), Raw.begin(), Raw.begin() + Width);
      }
    for (const Member &M : Group)
      onnx::releaseBytes(getConstant(M.Weights)->getAttr());
    auto Type = First.clone(Shape);
    return onnx::ConstantOp::create(
        B.getBuilder(), B.getLoc(),
        makeConstant(Type, std::move(Bytes), B.getLoc()));
  }
};
} // namespace

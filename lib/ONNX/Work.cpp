//===- Work.cpp - Multiply-accumulates of ops -----------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// By a table: a row for each op that sums products.
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/Work.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

/// Elements of \p V if its shape is known.
static std::optional<int64_t> elements(Value V) {
  auto Type = dyn_cast<RankedTensorType>(V.getType());
  if (!Type || !Type.hasStaticShape())
    return std::nullopt;
  return Type.getNumElements();
}

static std::optional<int64_t> dimension(Value V, int64_t D) {
  auto Type = dyn_cast<RankedTensorType>(V.getType());
  if (!Type)
    return std::nullopt;
  D = D < 0 ? D + Type.getRank() : D;
  if (D < 0 || D >= Type.getRank())
    return std::nullopt;
  int64_t Size = Type.getDimSize(D);
  return ShapedType::isDynamic(Size) ? std::nullopt
                                     : std::optional<int64_t>(Size);
}

namespace {
/// How the work of an op follows from its shapes.
enum class Work {
  Product,    // elements of the result times the last dimension of Left
  Window,     // elements of the result times those of one filter of Right
  Transposed, // elements of Left times those of one filter of Right
  Recurrent,  // steps times batch times both matrices
  Attention,  // both products: Left is Q, Right is K, the operand after it V
};
struct WorkRow {
  llvm::StringLiteral Op;
  Work Kind;
  unsigned Left, Right;
};
} // namespace

static constexpr WorkRow WorkTable[] = {
    {"onnx.Attention", Work::Attention, 0, 1},
    {"onnx.Conv", Work::Window, 0, 1},
    {"onnx.ConvInteger", Work::Window, 0, 1},
    {"onnx.ConvTranspose", Work::Transposed, 0, 1},
    {"onnx.DeformConv", Work::Window, 0, 1},
    {"onnx.GRU", Work::Recurrent, 1, 2},
    {"onnx.Gemm", Work::Product, 0, 1},
    {"onnx.LSTM", Work::Recurrent, 1, 2},
    {"onnx.MatMul", Work::Product, 0, 1},
    {"onnx.MatMulInteger", Work::Product, 0, 1},
    {"onnx.QLinearConv", Work::Window, 0, 3},
    {"onnx.QLinearMatMul", Work::Product, 0, 3},
    {"onnx.RNN", Work::Recurrent, 1, 2},
    {"onnx.ms.FusedConv", Work::Window, 0, 1},
    {"onnx.ms.FusedGemm", Work::Product, 0, 1},
    {"onnx.ms.FusedMatMul", Work::Product, 0, 1},
};

static const WorkRow *workOf(Operation *Op) {
  llvm::StringRef Name = Op->getName().getStringRef();
  const WorkRow *Row =
      llvm::find_if(WorkTable, [&](const WorkRow &R) { return R.Op == Name; });
  return Row == std::end(WorkTable) ? nullptr : Row;
}

Value lathe::onnx::getFactor(Operation *Op) {
  const WorkRow *Row = workOf(Op);
  return Row && Row->Right < Op->getNumOperands() ? Op->getOperand(Row->Right)
                                                  : Value();
}

std::optional<int64_t> lathe::onnx::countMACs(Operation *Op) {
  const WorkRow *Row = workOf(Op);
  if (!Row)
    return 0;
  if (Op->getNumOperands() <= std::max(Row->Left, Row->Right) ||
      !Op->getNumResults())
    return std::nullopt;
  Value Left = Op->getOperand(Row->Left), Right = Op->getOperand(Row->Right);
  std::optional<int64_t> Result = elements(Op->getResult(0)),
                         LeftAll = elements(Left), RightAll = elements(Right);
  switch (Row->Kind) {
  case Work::Product: {
    bool Transposed = false;
    if (auto A = Op->getAttrOfType<IntegerAttr>("transA"))
      Transposed = A.getInt() != 0;
    std::optional<int64_t> K = dimension(Left, Transposed ? 0 : -1);
    if (!Result || !K)
      return std::nullopt;
    return *Result * *K;
  }
  case Work::Window:
  case Work::Transposed: {
    std::optional<int64_t> Filters = dimension(Right, 0);
    std::optional<int64_t> Positions =
        Row->Kind == Work::Window ? Result : LeftAll;
    if (!Positions || !RightAll || !Filters || !*Filters)
      return std::nullopt;
    return *Positions * (*RightAll / *Filters);
  }
  case Work::Attention: {
    // Elements of Q are queries times heads times their size; each meets every
    // key. The product with V has as many for each of its own elements.
    std::optional<int64_t> Queries = elements(Left),
                           Keys = dimension(Right, -2);
    // With a past there are more keys than K has; present_key holds all.
    if (Op->getNumResults() > 1)
      if (auto Present = dimension(Op->getResult(1), -2))
        Keys = Present;
    if (Op->getNumOperands() < 3 || !Queries || !Keys || !Result)
      return std::nullopt;
    return (*Queries + *Result) * *Keys;
  }
  case Work::Recurrent: {
    std::optional<int64_t> Steps = dimension(Op->getOperand(0), 0),
                           Batch = dimension(Op->getOperand(0), 1);
    if (!Steps || !Batch || !LeftAll || !RightAll)
      return std::nullopt;
    return *Steps * *Batch * (*LeftAll + *RightAll);
  }
  }
  return std::nullopt;
}

//===- GateSums.cpp - The sums in front of a recurrent gate ---------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A reader that goes through Gemm, MatMul, Add, Split, Slice and Concat and
// keeps count of columns.
//
//===----------------------------------------------------------------------===//

#include "GateSums.h"
#include "Ranges.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// All rows of the constant \p View are equal.
static bool rowsAreEqual(const onnx::ConstantView &View) {
  if (View.isSplat() || View.size() == 0)
    return true;
  int64_t Columns = View.getShape().empty() ? 1 : View.getShape().back();
  for (int64_t I = Columns; I < View.size(); ++I)
    if (View.getFloat(I) != View.getFloat(I % Columns))
      return false;
  return true;
}

bool GateSumReader::readBias(Value V, int64_t Column, GateSum &S) {
  auto View = getConstant(V);
  if (!View || !View->isFloat() || View->getShape().size() > 2)
    return false;
  int64_t Columns = View->getShape().empty() ? 1 : View->getShape().back();
  if ((Columns != 1 && Columns < Column + Count) || !rowsAreEqual(*View))
    return false;
  S.Biases.push_back({V, Columns == 1 ? -1 : Column});
  return true;
}

bool GateSumReader::readProduct(Value V, Value W, bool Transposed,
                                int64_t Column, GateSum &S) {
  auto View = getConstant(W);
  RankedTensorType Type = getRanked(V);
  if (!View || !View->isFloat() || View->getShape().size() != 2 || !Type ||
      Type.getRank() != 2)
    return false;
  int64_t Depth = View->getShape()[Transposed ? 1 : 0], Row = 0;
  auto Take = [&](Value Part, int64_t Size) {
    // The state of the first step.
    if (!isUniform(Part, 0))
      S.Terms.push_back({Part, Size, {W, Transposed, Row, Column}});
    Row += Size;
  };
  V = peel(V, &T);
  if (auto Concat = V.getDefiningOp<onnx::ConcatOp>();
      Concat && fromFront(Concat.getAxis(), 2) == 1) {
    for (Value Part : Concat->getOperands())
      if (RankedTensorType P = getRanked(Part);
          !P || P.getRank() != 2 || P.isDynamicDim(1))
        return false;
    T.pass(Concat);
    for (Value Part : Concat->getOperands())
      Take(peel(Part, &T), getRanked(Part).getDimSize(1));
    return Row == Depth;
  }
  Take(V, Depth);
  return true;
}

bool GateSumReader::read(Value V, int64_t Column, GateSum &S, bool TakeRest) {
  V = peel(V, &T);
  if (isConstant(V))
    return readBias(V, Column, S);
  Operation *Op = V.getDefiningOp();
  RankedTensorType Type = getRanked(V);
  if (!Type || Type.getRank() != 2 || !isFloat(V))
    return false;
  if (auto Add = dyn_cast_or_null<onnx::AddOp>(Op)) {
    for (Value Part : Add->getOperands())
      if (!isConstant(peel(Part)) && Part.getType() != Type)
        return false;
    T.pass(Op);
    return read(Add.getA(), Column, S, TakeRest) &&
           read(Add.getB(), Column, S, TakeRest);
  }
  if (auto Gemm = dyn_cast_or_null<onnx::GemmOp>(Op);
      Gemm && isConstant(Gemm.getB())) {
    Value C = getOperand(Op, 2);
    if (Gemm.getTransA() || !Gemm.getAlpha().isExactlyValue(1) ||
        (C && !Gemm.getBeta().isExactlyValue(1)))
      return false;
    T.pass(Op);
    return readProduct(Gemm.getA(), Gemm.getB(), Gemm.getTransB(), Column, S) &&
           (!C || read(C, Column, S));
  }
  if (auto MatMul = dyn_cast_or_null<onnx::MatMulOp>(Op);
      MatMul && isConstant(MatMul.getB())) {
    T.pass(Op);
    return readProduct(MatMul.getA(), MatMul.getB(), false, Column, S);
  }
  if (auto Split = dyn_cast_or_null<onnx::SplitOp>(Op)) {
    auto Range = getRange(Split, cast<OpResult>(V).getResultNumber());
    if (!Range || Range->Axis != 1)
      return false;
    T.pass(Op);
    return read(Split.getInput(), Column + Range->Start, S);
  }
  if (auto Slice = dyn_cast_or_null<onnx::SliceOp>(Op)) {
    auto Ranges = getRanges(Slice);
    if (!Ranges || Ranges->size() != 1 || Ranges->front().Axis != 1 ||
        Ranges->front().Step != 1)
      return false;
    T.pass(Op);
    return read(Slice.getData(), Column + Ranges->front().Start, S);
  }
  if (!TakeRest || S.Rest || Column != 0 || Type.getDimSize(1) != Count)
    return false;
  S.Rest = V;
  return true;
}

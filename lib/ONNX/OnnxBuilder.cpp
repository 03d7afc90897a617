//===- OnnxBuilder.cpp - Ops of the onnx dialect by name ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See OnnxBuilder.h.
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/OnnxBuilder.h"
#include "lathe/ONNX/ONNX.h"

using namespace mlir;

namespace lathe::onnx {

SmallVector<Value> OnnxBuilder::ops(StringRef Name, ArrayRef<Value> Operands,
                                    ArrayRef<Type> Elems, Attrs A) {
  OperationState State(getLoc(), ("onnx." + Name).str());
  const OpFacts *Facts = lookupOp(getContext(), "", Name);
  assert(Facts && "expansions name ops that exist");
  SmallVector<int32_t> Segments;
  unsigned Loose = 0;
  for (auto [I, F] : llvm::enumerate(Facts->Operands)) {
    Loose += F.Kind != Arity::Single;
    // A variadic is the last and takes the rest.
    size_t Count = I >= Operands.size()        ? 0
                   : F.Kind == Arity::Variadic ? Operands.size() - I
                   : Operands[I]               ? 1
                                               : 0;
    Segments.push_back(Count);
    for (size_t K = 0; K < Count; ++K)
      State.addOperands(Operands[I + K]);
  }
  if (Loose > 1)
    State.addAttribute("operandSegmentSizes", getDenseI32ArrayAttr(Segments));
  State.addAttributes(A);
  for (Type T : Elems)
    State.addTypes(UnrankedTensorType::get(T));
  // Every declared result exists.
  for (unsigned R = Elems.size(); R < Facts->Results.size(); ++R)
    State.addTypes(UnrankedTensorType::get(Elems.front()));
  return SmallVector<Value>(create(State)->getResults());
}

Value OnnxBuilder::op(StringRef Name, ArrayRef<Value> Operands, Attrs A,
                      Type Elem) {
  return ops(Name, Operands, Elem ? Elem : elementOf(Operands.front()), A)
      .front();
}

Value OnnxBuilder::ints(ArrayRef<int64_t> V) {
  auto T =
      RankedTensorType::get({static_cast<int64_t>(V.size())}, getI64Type());
  return ConstantOp::create(*this, DenseElementsAttr::get(T, V));
}

Value OnnxBuilder::scalarInt(int64_t V) {
  auto T = RankedTensorType::get({}, getI64Type());
  return ConstantOp::create(*this, DenseElementsAttr::get(T, V));
}

Value OnnxBuilder::number(double V, Type Elem) {
  Attribute A = isa<FloatType>(Elem)
                    ? Attribute(getFloatAttr(Elem, V))
                    : getIntegerAttr(Elem, static_cast<int64_t>(V));
  auto T = RankedTensorType::get({}, Elem);
  return ConstantOp::create(*this, DenseElementsAttr::get(T, A));
}

Value OnnxBuilder::cast(Value X, Type To) {
  if (elementOf(X) == To)
    return X;
  return op("Cast", {X}, attr("to", getDataType(To)), To);
}

void replaceResults(Operation *Op, ValueRange New) {
  for (auto [Old, V] : llvm::zip(Op->getResults(), New)) {
    if (!V)
      continue;
    auto Declared = dyn_cast<RankedTensorType>(Old.getType());
    if (Declared && !isa<RankedTensorType>(V.getType()))
      V.setType(Declared);
    Old.replaceAllUsesWith(V);
  }
}

} // namespace lathe::onnx

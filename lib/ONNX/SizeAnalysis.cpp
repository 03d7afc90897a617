//===- SizeAnalysis.cpp - Which sizes of a model are equal ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See SizeAnalysis.h.
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/SizeAnalysis.h"
#include "Inference.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace lathe::onnx;

SizeAnalysis::SizeAnalysis(func::FuncOp Function)
    : Context(std::make_unique<InferenceContext>(Function.getContext())),
      Body(&Function.getBody().front()) {
  // What contradicts was reported by the pass that states the types.
  ScopedDiagnosticHandler Quiet(Function.getContext(),
                                [](Diagnostic &) { return success(); });
  for (BlockArgument Arg : Function.getArguments())
    Context->set(Arg, Context->fromType(Arg.getType(),
                                        Function.getArgAttrOfType<ArrayAttr>(
                                            Arg.getArgNumber(), "onnx.dims")));
  (void)Context->inferBody(Function.getBody());
}

SizeAnalysis::~SizeAnalysis() = default;

bool SizeAnalysis::isOwn(Value V) const {
  return V && V.getParentBlock() == Body;
}

std::optional<SizeAnalysis::Sizes> SizeAnalysis::getShape(Value V) const {
  if (!isOwn(V))
    return std::nullopt;
  const ValueInfo &Info = Context->get(V);
  return Info.Shape ? std::optional(Sizes(*Info.Shape)) : std::nullopt;
}

std::optional<SymExpr> SizeAnalysis::getSize(Value V, int64_t Dim) const {
  auto Shape = getShape(V);
  if (!Shape || Dim < 0 || Dim >= int64_t(Shape->size()))
    return std::nullopt;
  return (*Shape)[Dim];
}

std::optional<SizeAnalysis::Sizes> SizeAnalysis::getElements(Value V) const {
  if (!isOwn(V))
    return std::nullopt;
  const ValueInfo &Info = Context->get(V);
  auto Type = dyn_cast<TensorType>(Info.Type);
  if (!Info.Elements || !Type || !isa<IntegerType>(Type.getElementType()))
    return std::nullopt;
  Sizes Elements;
  for (const Element &E : *Info.Elements) {
    if (!E.Int)
      return std::nullopt;
    Elements.push_back(*E.Int);
  }
  return Elements;
}

std::optional<SymExpr> SizeAnalysis::getElement(Value V) const {
  auto Elements = getElements(V);
  return Elements && Elements->size() == 1 ? std::optional(Elements->front())
                                           : std::nullopt;
}

bool SizeAnalysis::isSameSize(Value A, int64_t I, Value B, int64_t J) const {
  auto X = getSize(A, I), Y = getSize(B, J);
  return X && Y && *X == *Y;
}

void SizeAnalysis::forget(Operation *Op) {
  for (Value Result : Op->getResults())
    Context->forget(Result);
}

//===- ShapeInference.cpp - Dispatch of shape inference -------------- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Joins the tables of the families: one map from op to functions, built once
// for each dialect instance.
//
//===----------------------------------------------------------------------===//

#include "Inference.h"

using namespace mlir;
using namespace lathe::onnx;

void ONNXDialect::registerInference() {
  auto Add = [&](ArrayRef<InferRow> Rows, bool IsData) {
    for (const InferRow &Row : Rows) {
      OperationName Name(("onnx." + Row.Op).str(), getContext());
      assert(getFacts(Name) && "a row of no op");
      InferenceFns &Fns = Inferences[Name.getAsOpaquePointer()];
      (IsData ? Fns.Data : Fns.Shape) = Row.Fn;
    }
  };
  for (ArrayRef<InferRow> Rows :
       {getElementwiseRows(), getContractionRows(), getWindowRows(),
        getReductionRows(), getReshapeRows(), getIndexingRows(),
        getNormalizationRows(), getGeneratorRows(), getSequenceRows(),
        getControlRows(), getMLRows()})
    Add(Rows, false);
  Add(getDataRows(), true);
  Add(getMovementRows(), true);
}

LogicalResult lathe::onnx::detail::inferShapes(Operation *Op,
                                               InferenceContext &Context) {
  InferenceFns Fns =
      cast<ONNXDialect>(Op->getDialect())->getInference(Op->getName());
  Inference I(Op, Context);
  if (Fns.Shape && failed(Fns.Shape(I)))
    return failure();
  if (!Fns.Data || !isa<TensorType>(I.result(0).Type))
    return success();
  return Fns.Data(I);
}

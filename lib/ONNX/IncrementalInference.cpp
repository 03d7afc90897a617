//===- IncrementalInference.cpp - Types of ops as they are built -- ------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/IncrementalInference.h"
#include "Inference.h"

using namespace mlir;
using namespace lathe::onnx;

IncrementalInference::IncrementalInference(MLIRContext *Context)
    : Context(std::make_unique<InferenceContext>(Context)) {}

IncrementalInference::~IncrementalInference() = default;

void IncrementalInference::refine(Operation *Op) {
  auto Inferable = dyn_cast<ShapeInference>(Op);
  if (!Inferable)
    return;
  ScopedDiagnosticHandler Quiet(Op->getContext(),
                                [](Diagnostic &) { return success(); });
  if (failed(Inferable.inferShapes(*Context)))
    return;
  for (Value Result : Op->getResults())
    if (Type Known = Context->toType(Context->get(Result));
        !isa<NoneType>(Known))
      Result.setType(Known);
}

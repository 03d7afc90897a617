//===- IncrementalInference.h - Types of ops as they are built -*- C++ -*- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Shape inference for a builder: each op is refined when it is made, so that
// what is built next may ask for ranks and element types. The pass
// onnx-infer-shapes does the same for a whole module, and reports what
// contradicts.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_INCREMENTALINFERENCE_H
#define LATHE_ONNX_INCREMENTALINFERENCE_H

#include "mlir/IR/Operation.h"
#include <memory>

namespace lathe::onnx {

class InferenceContext;

class IncrementalInference {
public:
  explicit IncrementalInference(mlir::MLIRContext *Context);
  ~IncrementalInference();

  /// Refines the result types of \p Op, whose operands have been refined. An op
  /// that contradicts its schema keeps its types; nothing is reported.
  void refine(mlir::Operation *Op);

private:
  std::unique_ptr<InferenceContext> Context;
};

} // namespace lathe::onnx

#endif // LATHE_ONNX_INCREMENTALINFERENCE_H

//===- SizeAnalysis.h - Which sizes of a model are equal --------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What shape inference knows beyond the types: every dynamic dimension, and
// every element of a small integer tensor, as an expression over symbols. Two
// sizes are equal in every run if their expressions are. Nothing in the IR is
// changed; values made later are known by their types alone, and an op that
// goes must be forgotten.
//
// Only values of a function's own block are asked for: in the body of a loop a
// symbol stands for another size in every iteration.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_SIZEANALYSIS_H
#define LATHE_ONNX_SIZEANALYSIS_H

#include "lathe/ONNX/Symbolic.h"
#include "mlir/IR/Value.h"
#include <memory>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace lathe::onnx {

class InferenceContext;

class SizeAnalysis {
public:
  explicit SizeAnalysis(mlir::func::FuncOp Function);
  ~SizeAnalysis();

  using Sizes = llvm::SmallVector<SymExpr, 4>;

  /// The sizes of a ranked tensor.
  std::optional<Sizes> getShape(mlir::Value V) const;
  /// One of them, counted from the front.
  std::optional<SymExpr> getSize(mlir::Value V, int64_t Dim) const;
  /// All elements of a small integer tensor, in row-major order.
  std::optional<Sizes> getElements(mlir::Value V) const;
  /// The only element of an integer tensor.
  std::optional<SymExpr> getElement(mlir::Value V) const;

  bool isSameSize(mlir::Value A, int64_t I, mlir::Value B, int64_t J) const;

  /// \p Op is about to be erased: another may come to its address.
  void forget(mlir::Operation *Op);

private:
  bool isOwn(mlir::Value V) const;

  std::unique_ptr<InferenceContext> Context;
  mlir::Block *Body;
};

} // namespace lathe::onnx

#endif // LATHE_ONNX_SIZEANALYSIS_H

//===- OnnxBuilder.h - Ops of the onnx dialect by name ----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For rewrites that stay in the onnx dialect. Results are of known element
// type and unknown rank: shape inference runs afterwards.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_ONNXBUILDER_H
#define LATHE_ONNX_ONNXBUILDER_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lathe::onnx {

class OnnxBuilder : public mlir::ImplicitLocOpBuilder {
public:
  explicit OnnxBuilder(mlir::Operation *Op)
      : mlir::ImplicitLocOpBuilder(Op->getLoc(), mlir::OpBuilder(Op)) {}

  using Attrs = llvm::ArrayRef<mlir::NamedAttribute>;
  mlir::NamedAttribute attr(llvm::StringRef Name, int64_t V) {
    return getNamedAttr(Name, getI64IntegerAttr(V));
  }
  mlir::NamedAttribute attr(llvm::StringRef Name, llvm::ArrayRef<int64_t> V) {
    return getNamedAttr(Name, getDenseI64ArrayAttr(V));
  }
  mlir::NamedAttribute attr(llvm::StringRef Name, llvm::StringRef V) {
    return getNamedAttr(Name, getStringAttr(V));
  }
  mlir::NamedAttribute real(llvm::StringRef Name, double V) {
    return getNamedAttr(Name, getF32FloatAttr(static_cast<float>(V)));
  }

  /// The op onnx.Name; a null operand is an absent one. Result 0 has elements
  /// of type Elem (of operand 0 if null).
  mlir::Value op(llvm::StringRef Name, llvm::ArrayRef<mlir::Value> Operands,
                 Attrs A = {}, mlir::Type Elem = {});
  /// All results, of the given element types.
  llvm::SmallVector<mlir::Value> ops(llvm::StringRef Name,
                                     llvm::ArrayRef<mlir::Value> Operands,
                                     llvm::ArrayRef<mlir::Type> Elems,
                                     Attrs A = {});

  static mlir::Type elementOf(mlir::Value V) {
    return llvm::cast<mlir::ShapedType>(V.getType()).getElementType();
  }
  /// A 1-D constant of i64, and scalars of any type.
  mlir::Value ints(llvm::ArrayRef<int64_t> V);
  mlir::Value scalarInt(int64_t V);
  mlir::Value number(double V, mlir::Type Elem);

  mlir::Value add(mlir::Value X, mlir::Value Y) { return op("Add", {X, Y}); }
  mlir::Value sub(mlir::Value X, mlir::Value Y) { return op("Sub", {X, Y}); }
  mlir::Value mul(mlir::Value X, mlir::Value Y) { return op("Mul", {X, Y}); }
  mlir::Value div(mlir::Value X, mlir::Value Y) { return op("Div", {X, Y}); }
  mlir::Value matmul(mlir::Value X, mlir::Value Y) {
    return op("MatMul", {X, Y});
  }
  mlir::Value where(mlir::Value C, mlir::Value X, mlir::Value Y) {
    return op("Where", {C, X, Y}, {}, elementOf(X));
  }
  mlir::Value compare(llvm::StringRef Name, mlir::Value X, mlir::Value Y) {
    return op(Name, {X, Y}, {}, getI1Type());
  }
  mlir::Value cast(mlir::Value X, mlir::Type To);
  mlir::Value transpose(mlir::Value X, llvm::ArrayRef<int64_t> Perm) {
    return op("Transpose", {X}, attr("perm", Perm));
  }
  mlir::Value unsqueeze(mlir::Value X, llvm::ArrayRef<int64_t> Axes) {
    return op("Unsqueeze", {X, ints(Axes)});
  }
  mlir::Value squeeze(mlir::Value X, llvm::ArrayRef<int64_t> Axes) {
    return op("Squeeze", {X, ints(Axes)});
  }
  mlir::Value concat(llvm::ArrayRef<mlir::Value> Parts, int64_t Axis) {
    return op("Concat", Parts, attr("axis", Axis));
  }
  mlir::Value reshape(mlir::Value X, mlir::Value Shape) {
    return op("Reshape", {X, Shape});
  }
  mlir::Value reshape(mlir::Value X, llvm::ArrayRef<int64_t> Shape) {
    return reshape(X, ints(Shape));
  }
  mlir::Value slice(mlir::Value X, mlir::Value Start, mlir::Value End,
                    int64_t Axis, int64_t Step = 1) {
    return op("Slice", {X, Start, End, ints({Axis}), ints({Step})});
  }
  /// Size D of X as tensor<1xi64>.
  mlir::Value size(mlir::Value X, int64_t D) {
    return op("Shape", {X}, {attr("start", D), attr("end", D + 1)},
              getI64Type());
  }
  /// 0 .. N - 1 for N of type tensor<1xi64>.
  mlir::Value range(mlir::Value N) {
    return op("Range", {scalarInt(0), squeeze(N, {0}), scalarInt(1)});
  }
  mlir::Value softmax(mlir::Value X, int64_t Axis) {
    return op("Softmax", {X}, attr("axis", Axis));
  }
  mlir::Value reduce(llvm::StringRef Name, mlir::Value X,
                     llvm::ArrayRef<int64_t> Axes, bool Keep) {
    return op(Name, {X, ints(Axes)}, attr("keepdims", int64_t(Keep)));
  }
  mlir::Value reduceAll(llvm::StringRef Name, mlir::Value X) {
    return op(Name, {X}, attr("keepdims", int64_t(0)));
  }
};

/// What read results of \p Op reads \p New, which keeps the declared types:
/// users were checked against them. Null where nobody reads a result.
void replaceResults(mlir::Operation *Op, mlir::ValueRange New);

} // namespace lathe::onnx

#endif // LATHE_ONNX_ONNXBUILDER_H

//===- OnnxBuilder.h - Ops of the onnx dialect by name ----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For expansions that stay in the onnx dialect. Results are of known element
// type and unknown rank: shape inference runs afterwards.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_ONNXBUILDER_H
#define LATHE_LIB_LOWER_ONNXBUILDER_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lathe::lower {

using namespace mlir;

class OnnxBuilder : public ImplicitLocOpBuilder {
public:
  explicit OnnxBuilder(Operation *Op)
      : ImplicitLocOpBuilder(Op->getLoc(), OpBuilder(Op)) {}

  using Attrs = ArrayRef<NamedAttribute>;
  NamedAttribute attr(StringRef Name, int64_t V) {
    return getNamedAttr(Name, getI64IntegerAttr(V));
  }
  NamedAttribute attr(StringRef Name, ArrayRef<int64_t> V) {
    return getNamedAttr(Name, getDenseI64ArrayAttr(V));
  }
  NamedAttribute attr(StringRef Name, StringRef V) {
    return getNamedAttr(Name, getStringAttr(V));
  }

  /// The op onnx.Name; a null operand is an absent one. Result 0 has elements
  /// of type Elem (of operand 0 if null).
  Value op(StringRef Name, ArrayRef<Value> Operands, Attrs A = {},
           Type Elem = {});
  /// All results, of the given element types.
  SmallVector<Value> ops(StringRef Name, ArrayRef<Value> Operands,
                         ArrayRef<Type> Elems, Attrs A = {});

  static Type elementOf(Value V) {
    return llvm::cast<ShapedType>(V.getType()).getElementType();
  }
  /// A 1-D constant of i64, and scalars of any type.
  Value ints(ArrayRef<int64_t> V);
  Value scalarInt(int64_t V);
  Value number(double V, Type Elem);

  Value add(Value X, Value Y) { return op("Add", {X, Y}); }
  Value sub(Value X, Value Y) { return op("Sub", {X, Y}); }
  Value mul(Value X, Value Y) { return op("Mul", {X, Y}); }
  Value div(Value X, Value Y) { return op("Div", {X, Y}); }
  Value matmul(Value X, Value Y) { return op("MatMul", {X, Y}); }
  Value where(Value C, Value X, Value Y) {
    return op("Where", {C, X, Y}, {}, elementOf(X));
  }
  Value compare(StringRef Name, Value X, Value Y) {
    return op(Name, {X, Y}, {}, getI1Type());
  }
  Value cast(Value X, Type To);
  Value transpose(Value X, ArrayRef<int64_t> Perm) {
    return op("Transpose", {X}, attr("perm", Perm));
  }
  Value unsqueeze(Value X, ArrayRef<int64_t> Axes) {
    return op("Unsqueeze", {X, ints(Axes)});
  }
  Value squeeze(Value X, ArrayRef<int64_t> Axes) {
    return op("Squeeze", {X, ints(Axes)});
  }
  Value concat(ArrayRef<Value> Parts, int64_t Axis) {
    return op("Concat", Parts, attr("axis", Axis));
  }
  Value reshape(Value X, Value Shape) { return op("Reshape", {X, Shape}); }
  Value reshape(Value X, ArrayRef<int64_t> Shape) {
    return reshape(X, ints(Shape));
  }
  Value slice(Value X, Value Start, Value End, int64_t Axis, int64_t Step = 1) {
    return op("Slice", {X, Start, End, ints({Axis}), ints({Step})});
  }
  /// Size D of X as tensor<1xi64>.
  Value size(Value X, int64_t D) {
    return op("Shape", {X}, {attr("start", D), attr("end", D + 1)},
              getI64Type());
  }
  /// 0 .. N - 1 for N of type tensor<1xi64>.
  Value range(Value N) {
    return op("Range", {scalarInt(0), squeeze(N, {0}), scalarInt(1)});
  }
  Value softmax(Value X, int64_t Axis) {
    return op("Softmax", {X}, attr("axis", Axis));
  }
  Value reduce(StringRef Name, Value X, ArrayRef<int64_t> Axes, bool Keep) {
    return op(Name, {X, ints(Axes)}, attr("keepdims", int64_t(Keep)));
  }
  Value reduceAll(StringRef Name, Value X) {
    return op(Name, {X}, attr("keepdims", int64_t(0)));
  }
};

/// The expansion of an op into onnx ops: the values of its results (null for
/// unused ones), or nothing with the reason why not in Why.
using Expansion = std::optional<SmallVector<Value>> (*)(Operation *Op,
                                                        OnnxBuilder &B,
                                                        std::string &Why);

std::optional<SmallVector<Value>> expandAttention(Operation *, OnnxBuilder &,
                                                  std::string &);
std::optional<SmallVector<Value>> expandRotary(Operation *, OnnxBuilder &,
                                               std::string &);
std::optional<SmallVector<Value>>
expandFlexAttention(Operation *, OnnxBuilder &, std::string &);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_ONNXBUILDER_H

//===- NodeBuilder.h - Nodes and weights that rewrites make -----*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Builds ops of the onnx dialect by ONNX's names at the insertion point of a
// builder (a pattern's rewriter too), typed by shape inference as they are
// made. Attributes that are not given hold their default.
//
// Invariant: new weights are computed in double and rounded once; those of more
// than 64 elements are resources, as the import makes them.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_NODEBUILDER_H
#define LATHE_LIB_GRAPH_NODEBUILDER_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include <vector>

namespace lathe::graph {

using namespace mlir;

class NodeBuilder {
public:
  NodeBuilder(OpBuilder &B, Location Loc) : B(B), Loc(Loc) {}
  /// In front of \p Op, with its location.
  NodeBuilder(OpBuilder &B, Operation *Op) : B(B), Loc(Op->getLoc()) {
    B.setInsertionPoint(Op);
  }

  OpBuilder &getBuilder() { return B; }
  Location getLoc() const { return Loc; }

  using Attrs = ArrayRef<NamedAttribute>;
  NamedAttribute attr(StringRef Name, int64_t V) const {
    return B.getNamedAttr(Name, B.getI64IntegerAttr(V));
  }
  NamedAttribute attr(StringRef Name, double V) const {
    return B.getNamedAttr(Name, B.getF32FloatAttr(float(V)));
  }
  NamedAttribute attr(StringRef Name, ArrayRef<int64_t> V) const {
    return B.getNamedAttr(Name, B.getDenseI64ArrayAttr(V));
  }
  NamedAttribute attr(StringRef Name, StringRef V) const {
    return B.getNamedAttr(Name, B.getStringAttr(V));
  }

  /// The op \p Name ("Conv", or "ms.FusedConv"); a null operand is an absent
  /// one. \p ResultTypes, where given, are those of the first results (null:
  /// inferred). \p NumResults: of an op with variadic results.
  Operation *node(StringRef Name, ArrayRef<Value> Operands, Attrs Given = {},
                  ArrayRef<Type> ResultTypes = {}, unsigned NumResults = 0);
  /// Its first result.
  Value op(StringRef Name, ArrayRef<Value> Operands, Attrs Given = {},
           Type ResultType = {});

  /// A vector of i64.
  Value ints(ArrayRef<int64_t> V);
  /// A constant of a float or integer type from numbers in row-major order,
  /// rounded once; one number stands for all.
  Value constant(RankedTensorType Type, ArrayRef<double> Numbers);
  Value scalar(Type Element, double Number);
  /// The same from a function of the row-major index, for large ones.
  Value generate(RankedTensorType Type,
                 llvm::function_ref<double(int64_t)> Number);

  Value transpose(Value X, ArrayRef<int64_t> Perm);
  Value reshape(Value X, ArrayRef<int64_t> Shape);

private:
  OpBuilder &B;
  Location Loc;
};

/// A constant of a float or integer type; above 64 elements a resource named
/// after \p Loc's node.
ElementsAttr makeNumbers(RankedTensorType Type, ArrayRef<double> Numbers,
                         Location Loc);

ElementsAttr makeNumbers(RankedTensorType Type,
                         llvm::function_ref<double(int64_t)> Number,
                         Location Loc);

/// A constant from bytes laid out as those of a resource (ConstantView.h).
ElementsAttr makeConstant(RankedTensorType Type, std::vector<char> Bytes,
                          Location Loc);

/// The locations of all \p Ops as one, the first one's name first.
Location fuseLocs(ArrayRef<Operation *> Ops);

/// Erases the ops of \p Candidates that have become dead, and what only they
/// used.
void eraseDead(RewriterBase &Rewriter, ArrayRef<Operation *> Candidates);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_NODEBUILDER_H

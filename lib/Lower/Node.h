//===- Node.h - An onnx op as its lowering sees it ------------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A lowering is a function on a Node: the op with its operands already
// converted to storage types. Operands are numbered as in the schema, an absent
// optional one is null; `elem` answers with ONNX's element type, whose sign the
// storage type no longer has. Works by op name, so tables need no C++ class.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_NODE_H
#define LATHE_LIB_LOWER_NODE_H

#include "lathe/Lower/Patterns.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/DialectConversion.h"
#include <functional>
#include <optional>

namespace lathe::lower {

using namespace mlir;

class Node {
public:
  Node(Operation *Op, ValueRange Converted, ConversionPatternRewriter &Rewriter,
       const StorageTypeConverter &Types);

  Operation *op() const { return Op; }
  ConversionPatternRewriter &rewriter() const { return Rewriter; }
  const StorageTypeConverter &types() const { return Types; }
  /// "Conv" of onnx.Conv, "ms.FusedConv" of onnx.ms.FusedConv.
  StringRef name() const;

  // Operands, by their number in the schema.
  bool has(unsigned I) const {
    return I < Segments.size() && Segments[I].second;
  }
  Value in(unsigned I) const;
  /// The values of a variadic operand.
  ArrayRef<Value> ins(unsigned I) const;
  RankedTensorType inType(unsigned I) const;
  int64_t inRank(unsigned I) const { return inType(I).getRank(); }
  ArrayRef<int64_t> inShape(unsigned I) const { return inType(I).getShape(); }
  /// ONNX's element type of operand \p I (of its first value if variadic).
  Type inElem(unsigned I) const;
  /// The operand before conversion.
  Value original(unsigned I) const;

  // Results.
  RankedTensorType outType(unsigned I = 0) const;
  Type outElem(unsigned I = 0) const;
  bool outUsed(unsigned I) const;

  // Attributes, with ONNX's default where the model leaves them out.
  bool hasAttr(StringRef Name) const { return bool(Op->getAttr(Name)); }
  int64_t i64(StringRef Name, int64_t Default) const;
  double f32(StringRef Name, double Default) const;
  StringRef str(StringRef Name, StringRef Default = "") const;
  SmallVector<int64_t> ints(StringRef Name) const;
  SmallVector<double> floats(StringRef Name) const;
  SmallVector<StringRef> strs(StringRef Name) const;

  /// The elements of a constant operand, if it is one (axes, pads, scales).
  std::optional<SmallVector<int64_t>> constInts(unsigned I) const;
  std::optional<SmallVector<double>> constFloats(unsigned I) const;

  /// Refuses the op; \p Why ends the message "node 'n' (Op): ...".
  LogicalResult fail(const Twine &Why) const;
  /// Replaces the op, casting each value to the shape that its type declares. A
  /// null value stands for an unused result.
  LogicalResult replace(ValueRange Values);

  /// Builds before the op, with its location.
  ImplicitLocOpBuilder B;

private:
  Operation *Op;
  ConversionPatternRewriter &Rewriter;
  const StorageTypeConverter &Types;
  SmallVector<Value> Inputs;
  /// First value and number of values of each declared operand.
  SmallVector<std::pair<unsigned, unsigned>> Segments;
};

using LowerFn = std::function<LogicalResult(Node &)>;

/// Registers \p Fn as the pattern of the op called \p OpName ("onnx.Conv").
void addLowering(StringRef OpName, LowerFn Fn,
                 const StorageTypeConverter &Types,
                 RewritePatternSet &Patterns);

struct Lowering {
  StringLiteral Op;
  LogicalResult (*Fn)(Node &);
};
void addLowerings(ArrayRef<Lowering> Table, const StorageTypeConverter &Types,
                  RewritePatternSet &Patterns);

/// The elements of a constant (onnx.Constant or arith.constant) as integers or
/// reals; nothing if \p V is not a constant or of another kind.
std::optional<SmallVector<int64_t>> constantInts(Value V);
std::optional<SmallVector<double>> constantFloats(Value V);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_NODE_H

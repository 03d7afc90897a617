//===- Facts.h - What the schemas say of each op ------*- C++ -*- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The generated table behind the onnx dialect: for each op its domain, name,
// version, operands, results and attributes. The import builds ops from it, the
// parser and printer read and write them by it, the verifier checks against it.
// Constant data without constructors.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_FACTS_H
#define LATHE_ONNX_FACTS_H

#include "mlir/IR/Attributes.h"
#include "mlir/IR/Types.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace mlir {
class Operation;
class MLIRContext;
} // namespace mlir

namespace lathe::onnx {

enum class AttrKind : uint8_t {
  Int,
  Float,
  String,
  Ints,
  Floats,
  Strings,
  Tensor,
  Type,
  Graph
};
enum class Arity : uint8_t { Single, Optional, Variadic };

/// Bit n of a mask is element type n of TensorProto.DataType.
struct TypeSet {
  uint32_t Tensor, Seq, Opt, OptSeq;
  /// Maps and sequences of maps.
  bool Maps;
};

struct ValueFacts {
  llvm::StringLiteral Name;
  Arity Kind;
  /// Number of the schema's type variable within its op, or -1: values of one
  /// variable have one element type.
  int8_t TypeVar;
  TypeSet Types;
  /// The values of a variadic have one type.
  bool Homogeneous;
  uint8_t MinArity;
};

struct AttrFacts {
  llvm::StringLiteral Name;
  AttrKind Kind;
  bool Required, HasDefault;
  /// The default, in the field of the kind.
  int64_t Int;
  float Float;
  llvm::StringLiteral String;
  llvm::ArrayRef<int64_t> Ints;
  llvm::ArrayRef<llvm::StringLiteral> Strings;
};

struct OpFacts {
  /// The name in MLIR, e.g. "onnx.ml.Scaler".
  llvm::StringLiteral OpName;
  /// ONNX's domain ("" for ai.onnx) and name.
  llvm::StringLiteral Domain, Name;
  /// The version of the domain's opset that the op follows.
  unsigned SinceVersion;
  /// A variadic value is always the last. Results: optional ones always exist.
  llvm::ArrayRef<ValueFacts> Operands, Results;
  /// Attributes, then graphs (regions) in the order of the regions.
  llvm::ArrayRef<AttrFacts> Attrs;

  bool hasOptionalOperands() const;
  const AttrFacts *findAttr(llvm::StringRef Name) const;
};

/// All ops but Yield.
llvm::ArrayRef<OpFacts> getAllOps();

/// The op of ONNX's \p Domain ("" or "ai.onnx" for the standard one) and \p
/// Name; null if unknown. Linear in nothing: asks the dialect loaded in \p
/// Context.
const OpFacts *lookupOp(mlir::MLIRContext *Context, llvm::StringRef Domain,
                        llvm::StringRef Name);

/// The facts of \p Op; null if it is no op of this dialect or a Yield.
const OpFacts *getFacts(mlir::Operation *Op);

/// ONNX's domain of \p Op ("" for ai.onnx) and its name there ("Conv").
llvm::StringRef getOpDomain(mlir::Operation *Op);
llvm::StringRef getOpName(mlir::Operation *Op);

/// The default of an attribute as the attribute that the op would hold, or
/// null.
mlir::Attribute getDefault(mlir::MLIRContext *Context, const AttrFacts &Attr);

/// The attribute \p Name of \p Op, its default where absent, or null.
mlir::Attribute getAttrOrDefault(mlir::Operation *Op, llvm::StringRef Name);

/// Position of operand \p Index of the schema among the operands of \p Op and
/// how many there are (0 where an optional one is absent).
std::pair<unsigned, unsigned> getOperandSegment(mlir::Operation *Op,
                                                unsigned Index);

/// Element types by TensorProto.DataType, and back; null and 0 where there is
/// none.
mlir::Type getElementType(mlir::MLIRContext *Context, int64_t DataType);
int64_t getDataType(mlir::Type ElementType);

/// The type as ONNX writes it, e.g. "seq(tensor(float))".
std::string getONNXTypeName(mlir::Type Type);

/// True if \p Type belongs to \p Set. A type that is not known yet (`none`)
/// does.
bool isIn(const TypeSet &Set, mlir::Type Type);

} // namespace lathe::onnx

#endif // LATHE_ONNX_FACTS_H

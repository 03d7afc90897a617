//===- ONNX.h - The onnx dialect ------------------------*- C++ -*- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Everything of the onnx dialect: types, ops and what the generated classes
// need.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_ONNX_H
#define LATHE_ONNX_ONNX_H

#include "lathe/ONNX/Facts.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace lathe::onnx {

/// Unit attribute of a module whose results have the shapes that a file states.
inline constexpr llvm::StringLiteral StatedShapes = "onnx.stated_shapes";

class Inference;
class InferenceContext;
using InferFn = llvm::LogicalResult (*)(Inference &);
/// Functions of one op: its shapes, and the elements of small tensors.
struct InferenceFns {
  InferFn Shape = nullptr, Data = nullptr;
};

namespace detail {
mlir::ParseResult parseOp(mlir::OpAsmParser &Parser,
                          mlir::OperationState &State);
void printOp(mlir::OpAsmPrinter &Printer, mlir::Operation *Op);
llvm::LogicalResult verifySchema(mlir::Operation *Op);
llvm::LogicalResult inferShapes(mlir::Operation *Op, InferenceContext &Context);
} // namespace detail

template <typename ConcreteOp>
class FollowsSchema
    : public mlir::OpTrait::TraitBase<ConcreteOp, FollowsSchema> {
public:
  static llvm::LogicalResult verifyRegionTrait(mlir::Operation *Op) {
    return detail::verifySchema(Op);
  }
};

} // namespace lathe::onnx

#include "lathe/ONNX/ShapeInference.h.inc"

#include "lathe/ONNX/ONNXDialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "lathe/ONNX/ONNXTypes.h.inc"

#define GET_OP_CLASSES
#include "lathe/ONNX/ONNXOps.h.inc"

#endif // LATHE_ONNX_ONNX_H

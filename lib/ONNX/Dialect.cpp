//===- Dialect.cpp - The onnx dialect ------------------------------ ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Registration of types, ops and facts, and the hand-written methods of the few
// ops that have any.
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/ConstantMemory.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lathe::onnx;

#include "lathe/ONNX/ONNXDialect.cpp.inc"
#include "lathe/ONNX/ShapeInference.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "lathe/ONNX/ONNXTypes.cpp.inc"

void ONNXDialect::initialize() {
  registerTypes();
  registerONNXDialectOperations(this);
  registerFacts();
  registerInference();
  addInterface<ConstantMemory>();
}

void ONNXDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "lathe/ONNX/ONNXTypes.cpp.inc"
      >();
}

void ONNXDialect::registerFacts() {
  for (const OpFacts &Op : getAllOps())
    Facts[OperationName(Op.OpName, getContext()).getAsOpaquePointer()] = &Op;
}

Operation *ONNXDialect::materializeConstant(OpBuilder &Builder, Attribute Value,
                                            Type Ty, Location Loc) {
  auto Elements = dyn_cast<ElementsAttr>(Value);
  if (!Elements || !isa<TensorType>(Ty))
    return nullptr;
  return ConstantOp::create(Builder, Loc, Ty, Elements);
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValueAttr(); }

/// A dropout that trains draws random numbers; any other is the identity.
void DropoutOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &Effects) {
  if (!getTrainingMode())
    return;
  Effects.emplace_back(MemoryEffects::Read::get());
  Effects.emplace_back(MemoryEffects::Write::get());
}

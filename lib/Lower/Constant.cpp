//===- Constant.cpp - Constants and ops that pass a value on ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace lathe::lower {

/// The same bytes under a storage type; a resource still points into the model
/// file.
static TypedAttr withStorageType(ElementsAttr Value, RankedTensorType Type) {
  if (Value.getShapedType() == Type)
    return cast<TypedAttr>(Value);
  if (auto Resource = dyn_cast<DenseResourceElementsAttr>(Value))
    return DenseResourceElementsAttr::get(Type, Resource.getRawHandle());
  if (auto Dense = dyn_cast<DenseElementsAttr>(Value))
    return Dense.bitcast(Type.getElementType());
  return {};
}

static LogicalResult lowerConstant(Node &N) {
  auto Value = dyn_cast_if_present<ElementsAttr>(N.op()->getAttr("value"));
  if (!Value)
    return N.fail("its value is not a tensor");
  TypedAttr Stored = withStorageType(Value, N.outType());
  if (!Stored)
    return N.fail("a constant in this form is not supported");
  return N.replace({arith::ConstantOp::create(N.B, Stored)});
}

static LogicalResult lowerIdentity(Node &N) { return N.replace({N.in(0)}); }

static LogicalResult lowerDropout(Node &N) {
  if (N.has(2)) {
    auto Training = N.constInts(2);
    auto Ratio = N.constFloats(1);
    bool Drops = !Training || (*Training)[0];
    if (Drops && !(Ratio && (*Ratio)[0] == 0))
      return N.fail("dropout in training mode is not supported; export the "
                    "model for inference");
  }
  Value Mask;
  if (N.outUsed(1))
    Mask = filled(N.B, dimsOf(N.B, N.in(0)),
                  scalar::constant(N.B, N.B.getI1Type(), int64_t(1)));
  return N.replace({N.in(0), Mask});
}

void populateConstantLoweringPatterns(const StorageTypeConverter &Types,
                                      RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.Constant", lowerConstant},
      {"onnx.Identity", lowerIdentity},
      {"onnx.Dropout", lowerDropout},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

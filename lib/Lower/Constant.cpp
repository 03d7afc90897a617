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

/// In training mode elements survive where a random number reaches the ratio,
/// and are scaled to keep the mean.
static LogicalResult lowerTrainingDropout(Node &N) {
  Builder &B = N.B;
  auto Input = cast<RankedTensorType>(N.original(0).getType());
  Type F32 = B.getF32Type(), Elem = N.outType().getElementType(),
       I1 = B.getI1Type();
  // The generator is an op of its own; it is lowered like any other.
  OperationState State(N.op()->getLoc(), "onnx.RandomUniformLike");
  State.addOperands(N.original(0));
  State.addTypes(Input.clone(F32));
  State.addAttribute("dtype", B.getI64IntegerAttr(1));
  State.addAttribute("low", B.getF32FloatAttr(0));
  State.addAttribute("high", B.getF32FloatAttr(1));
  if (N.hasAttr("seed"))
    State.addAttribute("seed", B.getF32FloatAttr(N.i64("seed", 0)));
  Value Random = N.rewriter().create(State)->getResult(0);
  Value Ratio = N.has(1)
                    ? scalar::cast(B, scalarOf(B, N.in(1)), N.inElem(1), F32)
                    : scalar::constant(B, F32, 0.5);
  Value Trains = scalarOf(B, N.in(2));
  Ratio = scalar::select(B, Trains, Ratio, scalar::constant(B, F32, 0.0));
  Value Mask = elementwise(B, {Random}, I1, [&](Builder &IB, ValueRange V) {
    return scalar::compare(IB, scalar::Compare::GreaterOrEqual, V[0], Ratio,
                           F32);
  });
  Value Scale = arith::DivFOp::create(
      B, scalar::constant(B, F32, 1.0),
      arith::SubFOp::create(B, scalar::constant(B, F32, 1.0), Ratio));
  Value Y =
      elementwise(B, {N.in(0), Mask}, Elem, [&](Builder &IB, ValueRange V) {
        Value Kept = scalar::mul(IB, V[0], scalar::cast(IB, Scale, F32, Elem));
        return scalar::select(IB, V[1], Kept, scalar::constant(IB, Elem, 0.0));
      });
  return N.replace({Y, Mask});
}

static LogicalResult lowerDropout(Node &N) {
  if (N.has(2)) {
    auto Training = N.constInts(2);
    auto Ratio = N.constFloats(1);
    bool Drops = !Training || (*Training)[0];
    if (Drops && !(Ratio && (*Ratio)[0] == 0))
      return lowerTrainingDropout(N);
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

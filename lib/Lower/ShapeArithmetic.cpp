//===- ShapeArithmetic.cpp - Small tensors of sizes as scalars ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a model computes of Shape (Gather, Concat, Cast, Mul ...) stays scalar:
// an op whose operands are all constants or tensor.from_elements, and whose
// results hold at most 64 elements, is evaluated element by element into
// another tensor.from_elements, or a constant. tensor.extract then folds
// through the whole chain and the sizes reach their users as plain arith on
// tensor.dim.
//
// The one pattern here is tried before the patterns of the ops themselves.
// Invariant: it fires only where no element has to be loaded from memory.
//
//===----------------------------------------------------------------------===//

#include "SmallTensors.h"
#include "lathe/Lower/MovementPatterns.h"

using namespace mlir;

namespace lathe::lower {

namespace {

/// The elements of V if none of them has to be loaded.
std::optional<Small> smallOf(TensorBuilder &B, Value V) {
  auto T = dyn_cast<RankedTensorType>(V.getType());
  if (!T || !T.hasStaticShape() || T.getNumElements() > MaxElements)
    return std::nullopt;
  Small S{SmallVector<int64_t>(T.getShape()), {}};
  if (auto Cast = V.getDefiningOp<tensor::CastOp>())
    V = Cast.getSource();
  if (auto From = V.getDefiningOp<tensor::FromElementsOp>()) {
    for (Value E : From.getElements())
      S.Elements.push_back(B.wrap(E));
    return S;
  }
  auto Constant = V.getDefiningOp<arith::ConstantOp>();
  auto Dense = Constant ? dyn_cast<DenseElementsAttr>(Constant.getValue())
                        : DenseElementsAttr();
  if (!Dense || !isa<IntegerType, FloatType>(T.getElementType()))
    return std::nullopt;
  for (Attribute A : Dense.getValues<Attribute>())
    S.Elements.push_back(
        B.wrap(arith::ConstantOp::create(B, cast<TypedAttr>(A))));
  return S;
}

/// A constant where all elements are; else their from_elements.
Value materialise(TensorBuilder &B, RankedTensorType T, const Scalars &S) {
  SmallVector<Attribute> Known;
  for (Scalar E : S) {
    auto C = E.value().getDefiningOp<arith::ConstantOp>();
    if (!C)
      return B.fromElements(T, S);
    Known.push_back(C.getValue());
  }
  return arith::ConstantOp::create(B, DenseElementsAttr::get(T, Known));
}

class ShapeArithmetic : public ConversionPattern {
public:
  ShapeArithmetic(const StorageTypeConverter &Types, MLIRContext *Context)
      : ConversionPattern(Types, MatchAnyOpTypeTag(), /*benefit=*/2, Context) {}

  LogicalResult
  matchAndRewrite(Operation *Op, ArrayRef<Value> Operands,
                  ConversionPatternRewriter &Rewriter) const override {
    if (Op->getName().getDialectNamespace() != "onnx" || Op->getNumRegions() ||
        Operands.empty() || Op->getNumResults() == 0 ||
        !isa<RankedTensorType>(Op->getResult(0).getType()))
      return failure();
    if (!canEvaluate(Op->getName().stripDialect()))
      return failure();
    for (Value V : Op->getOperands())
      if (auto T = dyn_cast<ShapedType>(V.getType());
          !T || T.getElementType().isUnsignedInteger())
        return failure();
    auto T = dyn_cast_if_present<RankedTensorType>(
        getTypeConverter()->convertType(Op->getResult(0).getType()));
    if (!T || !T.hasStaticShape() || T.getNumElements() > MaxElements)
      return failure();
    Node N(Op, Operands, Rewriter,
           *static_cast<const StorageTypeConverter *>(getTypeConverter()));
    TensorBuilder B(N);
    SmallVector<Small> In;
    bool AllConstant = true;
    for (Value V : Operands) {
      Value Source = V;
      if (auto Cast = V.getDefiningOp<tensor::CastOp>())
        Source = Cast.getSource();
      bool FromElements = Source.getDefiningOp<tensor::FromElementsOp>();
      if (!FromElements && !Source.getDefiningOp<arith::ConstantOp>())
        return failure();
      AllConstant &= !FromElements;
    }
    for (Value V : Operands) {
      std::optional<Small> S = smallOf(B, V);
      if (!S)
        return failure();
      In.push_back(std::move(*S));
    }
    std::optional<SmallVector<Scalars>> Results = evaluate(N, B, In);
    if (!Results)
      return failure();
    Values Out;
    for (auto [I, S] : llvm::enumerate(*Results)) {
      if (static_cast<int64_t>(S.size()) != N.outType(I).getNumElements())
        return failure();
      Out.push_back(materialise(B, N.outType(I), S));
      // Constants must fold; arithmetic on them belongs into a kernel.
      if (AllConstant && !S.empty() &&
          !Out.back().getDefiningOp<arith::ConstantOp>())
        return failure();
    }
    return N.replace(Out);
  }
};

} // namespace

void populateShapeArithmeticPatterns(const StorageTypeConverter &Types,
                                     RewritePatternSet &Patterns) {
  Patterns.add<ShapeArithmetic>(Types, Patterns.getContext());
}

} // namespace lathe::lower

//===- ShapeInferenceElementwise.cpp - Shapes of elementwise ops ----- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inference.h"

using namespace mlir;
using namespace lathe::onnx;

/// Result 0 has the shape and element type of operand 0.
static LogicalResult inferLikeFirst(Inference &I) {
  Value V = I.operand(0);
  if (!isa<TensorType>(I.info(V).Type))
    return I.setType(0, I.info(V).Type);
  const Dims *Shape = I.dims(0);
  return Shape ? I.set(0, I.elementType(0), *Shape)
               : I.setUnranked(0, I.elementType(0));
}

/// The same with an element type of its own.
static LogicalResult likeFirst(Inference &I, Type Element) {
  return I.setLike(0, Element, 0);
}

static LogicalResult inferLikeFirstBool(Inference &I) {
  return likeFirst(I, I.builder().getI1Type());
}

/// The element type that attribute \p Name says, else \p Fallback; reports a
/// bad number.
static FailureOr<Type> typeFromAttr(Inference &I, StringRef Name,
                                    Type Fallback) {
  auto Code = I.findInt(Name);
  if (!Code || (*Code == 0 && Name != "to"))
    return Fallback;
  if (Type Ty = getElementType(I.getOp()->getContext(), *Code))
    return Ty;
  I.error() << Name << " = " << *Code << " is no element type";
  return failure();
}

static LogicalResult inferCast(Inference &I) {
  auto Ty = typeFromAttr(I, "to", {});
  return failed(Ty) ? failure() : likeFirst(I, *Ty);
}

static LogicalResult inferCastLike(Inference &I) {
  return likeFirst(I, I.elementType(1));
}

/// EyeLike, RandomNormalLike, Bernoulli ...: `dtype` or that of the input.
static LogicalResult inferLikeWithDtype(Inference &I) {
  auto Ty = typeFromAttr(I, "dtype", I.elementType(0));
  return failed(Ty) ? failure() : likeFirst(I, *Ty);
}

/// Result 0 is the broadcast shape of \p Operands.
static LogicalResult broadcastAll(Inference &I, Type Element,
                                  ValueRange Operands) {
  Dims Shape;
  for (Value V : Operands) {
    const Dims *Next = I.dims(V);
    if (!Next)
      return I.setUnranked(0, Element);
    if (failed(I.broadcast(Shape, *Next)))
      return failure();
  }
  return I.set(0, Element, Shape);
}

static LogicalResult inferBroadcast(Inference &I) {
  return broadcastAll(I, I.elementType(0), I.getOp()->getOperands());
}

static LogicalResult inferCompare(Inference &I) {
  return broadcastAll(I, I.builder().getI1Type(), I.getOp()->getOperands());
}

static LogicalResult inferWhere(Inference &I) {
  return broadcastAll(I, I.elementType(1), I.getOp()->getOperands());
}

/// The second operand broadcasts into the first, never the other way.
static LogicalResult inferPRelu(Inference &I) {
  const Dims *Shape = I.dims(0), *Slope = I.dims(1);
  if (Shape && Slope) {
    Dims Out = *Shape;
    if (failed(I.broadcast(Out, *Slope)))
      return failure();
    if (Out.size() != Shape->size())
      return I.error() << "the slope " << toString(*Slope)
                       << " does not broadcast into " << toString(*Shape);
  }
  return inferLikeFirst(I);
}

/// min and max of Clip are scalars.
static LogicalResult inferClip(Inference &I) {
  for (unsigned Bound : {1, 2})
    if (const Dims *Shape = I.has(Bound) ? I.dims(Bound) : nullptr)
      for (const SymExpr &E : *Shape)
        if (E.getConstant().value_or(1) != 1)
          return I.error()
                 << "the bounds must be scalars but one has the shape "
                 << toString(*Shape);
  return inferLikeFirst(I);
}

static LogicalResult inferSameShapes(Inference &I) {
  const Dims *A = I.dims(0), *B = I.dims(1);
  if (!A || !B)
    return inferLikeFirst(I);
  if (A->size() != B->size())
    return I.error() << "the shapes " << toString(*A) << " and " << toString(*B)
                     << " must be the same";
  Dims Shape = *A;
  for (unsigned D = 0; D < A->size(); ++D)
    if (failed(I.unify((*A)[D], (*B)[D], Shape[D], "dimension " + Twine(D))))
      return failure();
  return I.set(0, I.elementType(0), Shape);
}

static LogicalResult inferDropout(Inference &I) {
  if (failed(inferLikeFirst(I)))
    return failure();
  const Dims *Shape = I.dims(0);
  Type Bool = I.builder().getI1Type();
  return Shape ? I.set(1, Bool, *Shape) : I.setUnranked(1, Bool);
}

static LogicalResult inferQuantizeLinear(Inference &I) {
  Type Fallback =
      I.has(2) ? I.elementType(2) : getElementType(I.getOp()->getContext(), 2);
  if (I.has(2))
    return likeFirst(I, Fallback);
  auto Ty = typeFromAttr(I, "output_dtype", Fallback);
  return failed(Ty) ? failure() : likeFirst(I, *Ty);
}

static LogicalResult inferDequantizeLinear(Inference &I) {
  auto Ty = typeFromAttr(I, "output_dtype", I.elementType(1));
  return failed(Ty) ? failure() : likeFirst(I, *Ty);
}

static LogicalResult inferDynamicQuantizeLinear(Inference &I) {
  Type Byte = getElementType(I.getOp()->getContext(), 2);
  return failure(failed(likeFirst(I, Byte)) ||
                 failed(I.set(1, I.builder().getF32Type(), {})) ||
                 failed(I.set(2, Byte, {})));
}

/// Reports an `axis` out of range; the shape is that of the operand.
static LogicalResult inferAlongAxis(Inference &I) {
  if (const Dims *Shape = I.dims(0); Shape && I.findInt("axis"))
    if (!Shape->empty() && !I.axis(I.getInt("axis"), Shape->size()))
      return failure();
  return inferLikeFirst(I);
}

/// The axis is an operand.
static LogicalResult inferCumulative(Inference &I) {
  auto Axis = I.constants(1);
  if (const Dims *Shape = I.dims(0); Shape && Axis && Axis->size() == 1)
    if (!I.axis((*Axis)[0], Shape->size()))
      return failure();
  return inferLikeFirst(I);
}

static LogicalResult inferTrilu(Inference &I) {
  return failed(I.checkMinRank(0, 2)) ? failure() : inferLikeFirst(I);
}

ArrayRef<InferRow> lathe::onnx::getElementwiseRows() {
  static constexpr InferRow Rows[] = {
      {"Abs", inferLikeFirst},
      {"Acos", inferLikeFirst},
      {"Acosh", inferLikeFirst},
      {"Add", inferBroadcast},
      {"And", inferCompare},
      {"Asin", inferLikeFirst},
      {"Asinh", inferLikeFirst},
      {"Atan", inferLikeFirst},
      {"Atanh", inferLikeFirst},
      {"Bernoulli", inferLikeWithDtype},
      {"BitCast", inferCast},
      {"BitShift", inferBroadcast},
      {"BitwiseAnd", inferBroadcast},
      {"BitwiseNot", inferLikeFirst},
      {"BitwiseOr", inferBroadcast},
      {"BitwiseXor", inferBroadcast},
      {"Cast", inferCast},
      {"CastLike", inferCastLike},
      {"Ceil", inferLikeFirst},
      {"Celu", inferLikeFirst},
      {"Clip", inferClip},
      {"Cos", inferLikeFirst},
      {"Cosh", inferLikeFirst},
      {"CumProd", inferCumulative},
      {"CumSum", inferCumulative},
      {"DequantizeLinear", inferDequantizeLinear},
      {"Div", inferBroadcast},
      {"Dropout", inferDropout},
      {"DynamicQuantizeLinear", inferDynamicQuantizeLinear},
      {"Elu", inferLikeFirst},
      {"Equal", inferCompare},
      {"Erf", inferLikeFirst},
      {"Exp", inferLikeFirst},
      {"EyeLike", inferLikeWithDtype},
      {"Floor", inferLikeFirst},
      {"Gelu", inferLikeFirst},
      {"Greater", inferCompare},
      {"GreaterOrEqual", inferCompare},
      {"HardSigmoid", inferLikeFirst},
      {"HardSwish", inferLikeFirst},
      {"Hardmax", inferAlongAxis},
      {"Identity", inferLikeFirst},
      {"IsInf", inferLikeFirstBool},
      {"IsNaN", inferLikeFirstBool},
      {"LRN", inferLikeFirst},
      {"LeakyRelu", inferLikeFirst},
      {"Less", inferCompare},
      {"LessOrEqual", inferCompare},
      {"Log", inferLikeFirst},
      {"LogSoftmax", inferAlongAxis},
      {"LpNormalization", inferAlongAxis},
      {"Max", inferBroadcast},
      {"Mean", inferBroadcast},
      {"MeanVarianceNormalization", inferLikeFirst},
      {"Min", inferBroadcast},
      {"Mish", inferLikeFirst},
      {"Mod", inferBroadcast},
      {"Mul", inferBroadcast},
      {"Neg", inferLikeFirst},
      {"Not", inferLikeFirst},
      {"Or", inferCompare},
      {"PRelu", inferPRelu},
      {"Pow", inferBroadcast},
      {"QuantizeLinear", inferQuantizeLinear},
      {"RandomNormalLike", inferLikeWithDtype},
      {"RandomUniformLike", inferLikeWithDtype},
      {"Reciprocal", inferLikeFirst},
      {"RegexFullMatch", inferLikeFirstBool},
      {"Relu", inferLikeFirst},
      {"Round", inferLikeFirst},
      {"Selu", inferLikeFirst},
      {"Shrink", inferLikeFirst},
      {"Sigmoid", inferLikeFirst},
      {"Sign", inferLikeFirst},
      {"Sin", inferLikeFirst},
      {"Sinh", inferLikeFirst},
      {"Softmax", inferAlongAxis},
      {"Softplus", inferLikeFirst},
      {"Softsign", inferLikeFirst},
      {"Sqrt", inferLikeFirst},
      {"StringConcat", inferBroadcast},
      {"Sub", inferBroadcast},
      {"Sum", inferBroadcast},
      {"SwiGLU", inferSameShapes},
      {"Swish", inferLikeFirst},
      {"Tan", inferLikeFirst},
      {"Tanh", inferLikeFirst},
      {"ThresholdedRelu", inferLikeFirst},
      {"Trilu", inferTrilu},
      {"Where", inferWhere},
      {"Xor", inferCompare},
      {"ml.Binarizer", inferLikeFirst},
      {"ml.Imputer", inferLikeFirst},
      {"ms.BiasGelu", inferBroadcast},
      {"ms.DequantizeLinear", inferCastLike},
      {"ms.FastGelu", inferLikeFirst},
      {"ms.Gelu", inferLikeFirst},
      {"ms.QLinearLeakyRelu", inferLikeFirst},
      {"ms.QLinearSigmoid", inferLikeFirst},
      {"ms.QLinearSoftmax", inferLikeFirst},
      {"ms.QuantizeLinear", inferQuantizeLinear},
      {"ms.QuickGelu", inferLikeFirst},
      {"ms.RotaryEmbedding", inferLikeFirst},
  };
  return Rows;
}

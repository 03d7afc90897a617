//===- ShapeInferenceSequence.cpp - Types of sequences and optionals - ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inference.h"

using namespace mlir;
using namespace lathe::onnx;

static LogicalResult setScalar(Inference &I, Type Element) {
  return I.set(0, Element, {});
}

static LogicalResult inferSequenceAt(Inference &I) {
  auto Seq = dyn_cast<SeqType>(I.info(I.operand(0)).Type);
  return Seq ? I.setType(0, Seq.getElementType()) : success();
}

/// The common type of all \p Types: equal dimensions stay.
static Type joinTypes(InferenceContext &Context, ArrayRef<Type> Types) {
  ValueInfo Info = Context.fromType(Types[0]);
  for (Type Ty : Types.drop_front())
    Info = Context.join(Info, Context.fromType(Ty));
  return Context.toType(Info);
}

static LogicalResult inferSequenceConstruct(Inference &I) {
  SmallVector<Type> Types;
  for (Value V : I.operandsFrom(0))
    Types.push_back(I.getContext().toType(I.info(V)));
  Type Common = joinTypes(I.getContext(), Types);
  return isa<NoneType>(Common) ? success() : I.setType(0, SeqType::get(Common));
}

static LogicalResult inferSequenceEmpty(Inference &I) {
  int64_t Code = I.findInt("dtype").value_or(1);
  Type Element = getElementType(I.getOp()->getContext(), Code);
  if (!Element)
    return I.error() << "dtype = " << Code << " is no element type";
  ValueInfo Info{
      SeqType::get(UnrankedTensorType::get(Element)), {}, {}, /*Empty=*/true};
  return I.setInfo(0, std::move(Info));
}

static LogicalResult inferSequenceErase(Inference &I) {
  return I.setType(0, I.info(I.operand(0)).Type);
}

static LogicalResult inferSequenceInsert(Inference &I) {
  auto Seq = dyn_cast<SeqType>(I.info(I.operand(0)).Type);
  Type Tensor = I.getContext().toType(I.info(I.operand(1)));
  if (!Seq || isa<NoneType>(Tensor))
    return success();
  if (I.info(I.operand(0)).Empty)
    return I.setType(0, SeqType::get(Tensor));
  return I.setType(0, SeqType::get(joinTypes(I.getContext(),
                                             {Seq.getElementType(), Tensor})));
}

static LogicalResult inferScalarIndex(Inference &I) {
  return setScalar(I, I.builder().getI64Type());
}
static LogicalResult inferScalarBool(Inference &I) {
  return setScalar(I, I.builder().getI1Type());
}

static LogicalResult inferConcatFromSequence(Inference &I) {
  auto Seq = dyn_cast<SeqType>(I.info(I.operand(0)).Type);
  auto Tensor = Seq ? dyn_cast<TensorType>(Seq.getElementType()) : TensorType();
  if (!Tensor)
    return success();
  ValueInfo Part = I.getContext().fromType(Tensor);
  if (!Part.Shape)
    return I.setUnranked(0, Tensor.getElementType());
  Dims Shape = *Part.Shape;
  bool Stacks = I.getInt("new_axis") != 0;
  auto Axis = I.axis(I.getInt("axis"), Shape.size() + Stacks);
  if (!Axis)
    return failure();
  if (Stacks)
    Shape.insert(Shape.begin() + *Axis, I.unknown());
  else
    Shape[*Axis] = I.unknown();
  return I.set(0, Tensor.getElementType(), Shape);
}

static LogicalResult inferSplitToSequence(Inference &I) {
  const Dims *Input = I.dims(0);
  Type Element = I.elementType(0);
  if (!Element)
    return success();
  if (!Input)
    return I.setType(0, SeqType::get(UnrankedTensorType::get(Element)));
  auto Axis = I.axis(I.getInt("axis"), Input->size());
  if (!Axis)
    return failure();
  Dims Shape = *Input;
  if (!I.has(1)) {
    if (I.getInt("keepdims") != 0)
      Shape[*Axis] = 1;
    else
      Shape.erase(Shape.begin() + *Axis);
  } else {
    // Parts of one size, if that is what the operand says.
    auto Parts = I.constants(1);
    auto Total = Shape[*Axis].getConstant();
    SymExpr Size = I.unknown();
    if (Parts && !Parts->empty() && llvm::all_equal(*Parts)) {
      bool Chunks = I.dims(1) && I.dims(1)->empty();
      if (Chunks && *Parts->begin() < 1)
        return I.error() << "split must be positive";
      if (!Chunks || (Total && *Total % (*Parts)[0] == 0))
        Size = (*Parts)[0];
    }
    Shape[*Axis] = Size;
  }
  ValueInfo Part{UnrankedTensorType::get(Element), Shape, std::nullopt};
  return I.setType(0, SeqType::get(I.getContext().toType(Part)));
}

static LogicalResult inferSequenceMap(Inference &I) {
  auto &Context = I.getContext();
  Region &Body = I.getOp()->getRegion(0);
  auto Operands = I.operandsFrom(0);
  if (Body.getNumArguments() != Operands.size())
    return I.error() << "the body takes " << Body.getNumArguments()
                     << " inputs but the node has " << Operands.size();
  for (auto [Arg, V] : llvm::zip(Body.getArguments(), Operands)) {
    ValueInfo Info = I.info(V);
    if (auto Seq = dyn_cast<SeqType>(Info.Type))
      Info = Context.fromType(Seq.getElementType());
    Context.set(Arg, Info);
  }
  if (failed(Context.inferBody(Body)))
    return failure();
  auto Yielded = Body.front().getTerminator()->getOperands();
  if (Yielded.size() != I.getOp()->getNumResults())
    return I.error() << "the body yields " << Yielded.size() << " values for "
                     << I.getOp()->getNumResults() << " outputs";
  for (auto [R, V] : llvm::enumerate(Yielded))
    if (failed(I.setType(R, SeqType::get(Context.toType(Context.get(V))))))
      return failure();
  return success();
}

static LogicalResult inferOptional(Inference &I) {
  if (I.has(0))
    return I.setType(0,
                     OptType::get(I.getContext().toType(I.info(I.operand(0)))));
  auto Type = I.getOp()->getAttrOfType<TypeAttr>("type");
  if (!Type)
    return I.error() << "needs an input or the attribute type";
  return I.setType(0, OptType::get(Type.getValue()));
}

static LogicalResult inferOptionalGetElement(Inference &I) {
  const ValueInfo &Info = I.info(I.operand(0));
  if (auto Opt = dyn_cast<OptType>(Info.Type))
    return I.setType(0, Opt.getElementType());
  return I.setInfo(0, Info);
}

ArrayRef<InferRow> lathe::onnx::getSequenceRows() {
  static constexpr InferRow Rows[] = {
      {"ConcatFromSequence", inferConcatFromSequence},
      {"Optional", inferOptional},
      {"OptionalGetElement", inferOptionalGetElement},
      {"OptionalHasElement", inferScalarBool},
      {"SequenceAt", inferSequenceAt},
      {"SequenceConstruct", inferSequenceConstruct},
      {"SequenceEmpty", inferSequenceEmpty},
      {"SequenceErase", inferSequenceErase},
      {"SequenceInsert", inferSequenceInsert},
      {"SequenceLength", inferScalarIndex},
      {"SequenceMap", inferSequenceMap},
      {"SplitToSequence", inferSplitToSequence},
  };
  return Rows;
}

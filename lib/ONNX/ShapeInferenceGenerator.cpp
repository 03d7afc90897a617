//===- ShapeInferenceGenerator.cpp - Shapes of constants, ranges, signals -
//===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inference.h"
#include <cmath>

using namespace mlir;
using namespace lathe::onnx;

/// The element type of attribute \p Name; reports a number that is none.
static FailureOr<Type> elementAttr(Inference &I, StringRef Name,
                                   int64_t Fallback) {
  int64_t Code = I.findInt(Name).value_or(Fallback);
  if (Type Ty = getElementType(I.getOp()->getContext(), Code))
    return Ty;
  I.error() << Name << " = " << Code << " is no element type";
  return failure();
}

static LogicalResult inferConstant(Inference &I) { return success(); }

static LogicalResult inferConstantOfShape(Inference &I) {
  Type Element = I.builder().getF32Type();
  if (auto Value = I.getOp()->getAttrOfType<ElementsAttr>("value")) {
    if (Value.getNumElements() != 1)
      return I.error() << "value must have one element";
    Element = Value.getElementType();
  }
  const Data *Sizes = I.data(0);
  const Dims *Count = I.dims(0);
  auto N =
      Count && Count->size() == 1 ? (*Count)[0].getConstant() : std::nullopt;
  if (!N || *N > 64)
    return I.setUnranked(0, Element);
  Dims Shape;
  for (int64_t D = 0; D < *N; ++D)
    Shape.push_back(Sizes && (*Sizes)[D].Int ? *(*Sizes)[D].Int : I.unknown());
  return I.set(0, Element, Shape);
}

static LogicalResult inferRange(Inference &I) {
  const Data *Start = I.data(0), *Limit = I.data(1), *Delta = I.data(2);
  SymExpr Size = I.unknown();
  if (Start && Limit && Delta && Start->size() == 1 && Limit->size() == 1 &&
      Delta->size() == 1) {
    const Element &S = (*Start)[0], &L = (*Limit)[0], &D = (*Delta)[0];
    auto From = S.getNumber(), To = L.getNumber(), By = D.getNumber();
    if (By && *By == 0)
      return I.error() << "a delta of 0 does not advance";
    if (From && To && By) {
      double Count = std::ceil((*To - *From) / *By);
      if (!(Count <= 9e15))
        return I.error() << "the range is too long";
      Size = int64_t(std::max(Count, 0.0));
    } else if (S.Int && L.Int && D.getInt() == 1) {
      Size = I.max(I.sub(*L.Int, *S.Int), 0);
      // Sizes are not negative: a plain symbol stays itself.
      if (S.Int->isConstant(0))
        Size = *L.Int;
    }
  }
  return I.set(0, I.elementType(0), {Size});
}

static LogicalResult inferRandom(Inference &I) {
  auto Element = elementAttr(I, "dtype", 1);
  if (failed(Element))
    return failure();
  auto Sizes = I.findInts("shape");
  return I.set(0, *Element, Dims(Sizes->begin(), Sizes->end()));
}

static LogicalResult inferMultinomial(Inference &I) {
  auto Element = elementAttr(I, "dtype", 6);
  if (failed(Element) || failed(I.checkRank(0, 2)))
    return failure();
  const Dims *X = I.dims(0);
  return I.set(0, *Element,
               {X ? (*X)[0] : I.unknown(), I.getInt("sample_size")});
}

/// The integer that a scalar operand holds.
static SymExpr scalar(Inference &I, unsigned Operand) {
  const Data *Value = I.has(Operand) ? I.data(Operand) : nullptr;
  return Value && Value->size() == 1 && (*Value)[0].Int ? *(*Value)[0].Int
                                                        : I.unknown();
}

static LogicalResult inferWindowFunction(Inference &I) {
  auto Element = elementAttr(I, "output_datatype", 1);
  return failed(Element) ? failure() : I.set(0, *Element, {scalar(I, 0)});
}

static LogicalResult inferMelWeightMatrix(Inference &I) {
  auto Element = elementAttr(I, "output_datatype", 1);
  if (failed(Element))
    return failure();
  SymExpr Bins = I.add(I.floorDiv(scalar(I, 1), 2), 1);
  return I.set(0, *Element, {Bins, scalar(I, 0)});
}

/// [.., n, 1 or 2]; the last dimension becomes 2 (1 for a onesided inverse).
static LogicalResult inferDFT(Inference &I) {
  const Dims *Input = I.dims(0);
  if (failed(I.checkMinRank(0, 2)))
    return failure();
  if (!Input)
    return I.setUnranked(0, I.elementType(0));
  bool OneSided = I.getInt("onesided") != 0, Inverse = I.getInt("inverse") != 0;
  Dims Shape = *Input;
  auto Axis =
      I.has(2) ? I.constants(2) : std::optional(SmallVector<int64_t>{-2});
  if (!Axis || Axis->size() != 1) {
    Shape = I.unknowns(Input->size());
  } else {
    auto A = I.axis((*Axis)[0], Input->size());
    if (!A || *A == int64_t(Input->size()) - 1)
      return A ? LogicalResult(I.error()
                               << "the axis of the parts cannot be transformed")
               : failure();
    if (I.has(1))
      Shape[*A] = scalar(I, 1);
    else if (OneSided && Inverse)
      Shape[*A] = I.mul(I.sub(Shape[*A], 1), 2);
    if (OneSided && !Inverse)
      Shape[*A] = I.add(I.floorDiv(Shape[*A], 2), 1);
  }
  Shape.back() = OneSided && Inverse ? 1 : 2;
  return I.set(0, I.elementType(0), Shape);
}

/// [batch, frames, bins, 2]
static LogicalResult inferSTFT(Inference &I) {
  if (failed(I.checkMinRank(0, 2)))
    return failure();
  const Dims *Signal = I.dims(0);
  SymExpr Length = I.unknown();
  if (I.has(3))
    Length = scalar(I, 3);
  else if (const Dims *Window = I.has(2) ? I.dims(2) : nullptr;
           Window && Window->size() == 1)
    Length = (*Window)[0];
  SymExpr Step = scalar(I, 1), Frames = I.unknown();
  if (auto S = Step.getConstant(); S && *S < 1)
    return I.error() << "frame_step must be positive";
  if (Signal)
    Frames = I.add(I.floorDiv(I.sub((*Signal)[1], Length), Step), 1);
  SymExpr Bins =
      I.getInt("onesided") ? I.add(I.floorDiv(Length, 2), 1) : Length;
  return I.set(0, I.elementType(0),
               {Signal ? (*Signal)[0] : I.unknown(), Frames, Bins, 2});
}

/// [height, width, channels]
static LogicalResult inferImageDecoder(Inference &I) {
  bool Gray = I.getString("pixel_format") == "Grayscale";
  return I.set(0, getElementType(I.getOp()->getContext(), 2),
               {I.unknown(), I.unknown(), Gray ? 1 : 3});
}

//===----------------------------------------------------------------------===//
// Strings
//===----------------------------------------------------------------------===//

static LogicalResult inferStringSplit(Inference &I) {
  const Dims *X = I.dims(0);
  Type Count = I.builder().getI64Type();
  if (!X)
    return failure(failed(I.setUnranked(0, I.elementType(0))) ||
                   failed(I.setUnranked(1, Count)));
  Dims Shape = *X;
  Shape.push_back(I.unknown());
  return failure(failed(I.set(0, I.elementType(0), Shape)) ||
                 failed(I.set(1, Count, *X)));
}

static LogicalResult inferStringNormalizer(Inference &I) {
  const Dims *X = I.dims(0);
  if (X && X->size() != 1 && X->size() != 2)
    return I.error() << "X must have 1 or 2 dimensions";
  auto Words = I.getOp()->getAttrOfType<ArrayAttr>("stopwords");
  if (!X)
    return I.setUnranked(0, I.elementType(0));
  Dims Shape = *X;
  if (Words && !Words.empty())
    Shape.back() = I.unknown();
  return I.set(0, I.elementType(0), Shape);
}

static LogicalResult inferTfIdf(Inference &I) {
  const Dims *X = I.dims(0);
  if (X && X->size() > 2)
    return I.error() << "X must have 1 or 2 dimensions";
  auto Indexes = I.findInts("ngram_indexes");
  int64_t Size = 0;
  for (int64_t Index : *Indexes)
    Size = std::max(Size, Index + 1);
  Dims Shape;
  if (X && X->size() == 2)
    Shape.push_back((*X)[0]);
  Shape.push_back(Size);
  Type F32 = I.builder().getF32Type();
  return X ? I.set(0, F32, Shape) : I.setUnranked(0, F32);
}

ArrayRef<InferRow> lathe::onnx::getGeneratorRows() {
  static constexpr InferRow Rows[] = {
      {"BlackmanWindow", inferWindowFunction},
      {"Constant", inferConstant},
      {"ConstantOfShape", inferConstantOfShape},
      {"DFT", inferDFT},
      {"HammingWindow", inferWindowFunction},
      {"HannWindow", inferWindowFunction},
      {"ImageDecoder", inferImageDecoder},
      {"MelWeightMatrix", inferMelWeightMatrix},
      {"Multinomial", inferMultinomial},
      {"RandomNormal", inferRandom},
      {"RandomUniform", inferRandom},
      {"Range", inferRange},
      {"STFT", inferSTFT},
      {"StringNormalizer", inferStringNormalizer},
      {"StringSplit", inferStringSplit},
      {"TfIdfVectorizer", inferTfIdf},
  };
  return Rows;
}

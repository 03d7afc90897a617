//===- Inference.cpp - What the inference of one op sees and says
//-------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inference.h"

using namespace mlir;
using namespace lathe::onnx;

//===----------------------------------------------------------------------===//
// Inference: operands and attributes
//===----------------------------------------------------------------------===//

Inference::Inference(Operation *Op, InferenceContext &Context)
    : Op(Op), Context(Context), B(Context.getContext()) {}

Value Inference::operand(unsigned I) const {
  auto [Start, Count] = getOperandSegment(Op, I);
  return Count ? Op->getOperand(Start) : Value();
}

OperandRange Inference::operandsFrom(unsigned I) const {
  unsigned Start = getOperandSegment(Op, I).first;
  return Op->getOperands().drop_front(std::min(Start, Op->getNumOperands()));
}

Type Inference::elementType(unsigned I) {
  Value V = operand(I);
  auto Tensor = V ? dyn_cast<TensorType>(info(V).Type) : TensorType();
  return Tensor ? Tensor.getElementType() : Type();
}

const Dims *Inference::dims(Value V) {
  if (!V)
    return nullptr;
  const ValueInfo &Info = Context.get(V);
  return Info.Shape ? &*Info.Shape : nullptr;
}

const Dims *Inference::dims(unsigned I) { return dims(operand(I)); }

const Data *Inference::data(unsigned I) {
  Value V = operand(I);
  if (!V)
    return nullptr;
  const ValueInfo &Info = Context.get(V);
  return Info.Elements ? &*Info.Elements : nullptr;
}

std::optional<Data> Inference::elements(Value V) {
  const ValueInfo &Info = info(V);
  if (Info.Elements)
    return Info.Elements;
  if (!Info.Shape)
    return std::nullopt;
  auto Count = product(*Info.Shape).getConstant();
  if (!Count || *Count < 0 || *Count > InferenceContext::MaxElements)
    return std::nullopt;
  return Data(*Count);
}

Type Inference::resultElementType(unsigned R) {
  auto Tensor = dyn_cast<TensorType>(result(R).Type);
  return Tensor ? Tensor.getElementType() : Type();
}

std::optional<SmallVector<int64_t>> Inference::constants(unsigned I) {
  const Data *Elements = data(I);
  if (!Elements)
    return std::nullopt;
  SmallVector<int64_t> Values;
  for (const Element &E : *Elements) {
    auto N = E.getInt();
    if (!N)
      return std::nullopt;
    Values.push_back(*N);
  }
  return Values;
}

std::optional<int64_t> Inference::findInt(StringRef Name) const {
  auto Attr = dyn_cast_or_null<IntegerAttr>(getAttrOrDefault(Op, Name));
  return Attr ? std::optional(Attr.getInt()) : std::nullopt;
}

int64_t Inference::getInt(StringRef Name) const {
  return findInt(Name).value_or(0);
}

StringRef Inference::getString(StringRef Name) const {
  auto Attr = dyn_cast_or_null<StringAttr>(getAttrOrDefault(Op, Name));
  return Attr ? Attr.getValue() : StringRef();
}

std::optional<ArrayRef<int64_t>> Inference::findInts(StringRef Name) const {
  auto Attr = dyn_cast_or_null<DenseI64ArrayAttr>(getAttrOrDefault(Op, Name));
  return Attr ? std::optional(Attr.asArrayRef()) : std::nullopt;
}

//===----------------------------------------------------------------------===//
// Inference: results
//===----------------------------------------------------------------------===//

LogicalResult Inference::set(unsigned R, Type Element, Dims Shape) {
  if (!Element) {
    auto Tensor = dyn_cast<TensorType>(Op->getResult(R).getType());
    if (!Tensor)
      return success();
    Element = Tensor.getElementType();
  }
  return setInfo(
      R, {UnrankedTensorType::get(Element), std::move(Shape), std::nullopt});
}

LogicalResult Inference::setUnranked(unsigned R, Type Element) {
  if (!Element)
    return success();
  return setInfo(
      R, {UnrankedTensorType::get(Element), std::nullopt, std::nullopt});
}

LogicalResult Inference::setLike(unsigned R, Type Element, unsigned I) {
  const Dims *Shape = dims(I);
  return Shape ? set(R, Element, *Shape) : setUnranked(R, Element);
}

LogicalResult Inference::setType(unsigned R, Type Ty) {
  return Ty ? setInfo(R, Context.fromType(Ty)) : success();
}

/// Number of elements of the known dimensions fits 64 bits.
static bool countFits(const Dims &Shape) {
  int64_t Count = 1;
  for (const SymExpr &E : Shape)
    if (auto Size = E.getConstant(); Size && *Size == 0)
      return true;
  for (const SymExpr &E : Shape)
    if (auto Size = E.getConstant();
        Size && llvm::MulOverflow(Count, *Size, Count))
      return false;
  return true;
}

LogicalResult Inference::setInfo(unsigned R, ValueInfo Info) {
  if (isa<NoneType>(Info.Type))
    return success(); // an operand is not known
  if (Overflow)
    return error() << "a dimension of result " << R << " does not fit 64 bits";
  if (Info.Shape) {
    for (const SymExpr &E : *Info.Shape)
      if (auto Size = E.getConstant(); Size && *Size < 0)
        return error() << "result " << R
                       << " would have the negative dimension " << *Size
                       << " in the shape " << toString(*Info.Shape);
    if (!countFits(*Info.Shape))
      return error() << "the number of elements of the shape "
                     << toString(*Info.Shape) << " does not fit 64 bits";
  }
  // What the IR says holds too.
  Value Result = Op->getResult(R);
  Type Stated = Result.getType();
  if (!isa<NoneType>(Stated) &&
      isa<TensorType>(Stated) != isa<TensorType>(Info.Type))
    return error() << "result " << R << " is declared "
                   << getONNXTypeName(Stated) << " but is "
                   << getONNXTypeName(Info.Type);
  auto Tensor = dyn_cast<TensorType>(Stated);
  if (Tensor &&
      Tensor.getElementType() != cast<TensorType>(Info.Type).getElementType())
    return error() << "result " << R << " is declared "
                   << getONNXTypeName(Stated) << " but is "
                   << getONNXTypeName(Info.Type);
  if (Tensor && Tensor.hasRank()) {
    ValueInfo Known = Context.fromType(Stated);
    if (!Info.Shape)
      Info.Shape = Known.Shape;
    bool Contradicted = Info.Shape->size() != Known.Shape->size();
    for (auto [Have, Want] : llvm::zip(*Info.Shape, *Known.Shape))
      Contradicted |= Have.getConstant() && Want.getConstant() && Have != Want;
    // Sizes that inputs leave open are often stated wrongly; a contradiction of
    // two whole shapes means a damaged file.
    if (Contradicted && (Context.Stated != Trust::Nothing ||
                         llvm::all_of(*Info.Shape, [](const SymExpr &E) {
                           return E.getConstant().has_value();
                         })))
      return error() << "result " << R << " is declared with the shape "
                     << toString(*Known.Shape) << " but has "
                     << toString(*Info.Shape);
    // Exporters state the batch of their example: it fixes no size of an input.
    if (!Contradicted)
      for (auto [Have, Want] : llvm::zip(*Info.Shape, *Known.Shape))
        if (!Have.getConstant() && Want.getConstant() &&
            (Context.Stated == Trust::Full || symbols().isUnrelated(Have)))
          Have = Want;
  }
  Context.set(Result, std::move(Info));
  return success();
}

void Inference::setData(unsigned R, Data Elements) {
  ValueInfo Info = result(R);
  if (!Info.Shape || int64_t(Elements.size()) > InferenceContext::MaxElements)
    return;
  SymExpr Count = product(*Info.Shape);
  if (!Count.isConstant(Elements.size()))
    return;
  Info.Elements = std::move(Elements);
  Context.set(Op->getResult(R), std::move(Info));
}

//===----------------------------------------------------------------------===//
// Inference: sizes
//===----------------------------------------------------------------------===//

SymExpr Inference::keep(std::optional<SymExpr> E) {
  if (E)
    return *E;
  Overflow = true;
  return unknown();
}

SymExpr Inference::product(ArrayRef<SymExpr> Sizes) {
  SymExpr Product = 1;
  for (const SymExpr &E : Sizes)
    Product = mul(Product, E);
  return Product;
}

Dims Inference::unknowns(int64_t Rank) {
  Dims Shape;
  for (int64_t I = 0; I < Rank; ++I)
    Shape.push_back(unknown());
  return Shape;
}

std::optional<int64_t> Inference::axis(int64_t Axis, int64_t Rank,
                                       StringRef What) {
  if (Axis < -Rank || Axis >= Rank) {
    error() << What << " " << Axis << " is out of range for a tensor with "
            << Rank << " dimensions";
    return std::nullopt;
  }
  return Axis < 0 ? Axis + Rank : Axis;
}

LogicalResult Inference::unify(const SymExpr &A, const SymExpr &B, SymExpr &Out,
                               const Twine &What) {
  auto X = A.getConstant(), Y = B.getConstant();
  if (X && Y && *X != *Y)
    return error() << What << ": " << *X << " does not match " << *Y;
  Out = X || !Y ? A : B;
  return success();
}

LogicalResult Inference::checkRank(unsigned I, int64_t Rank) {
  const Dims *Shape = dims(I);
  if (Shape && int64_t(Shape->size()) != Rank)
    return error() << "operand '" << getFacts(Op)->Operands[I].Name << "' has "
                   << Shape->size() << " dimensions, needs " << Rank;
  return success();
}

LogicalResult Inference::checkMinRank(unsigned I, int64_t Rank) {
  const Dims *Shape = dims(I);
  if (Shape && int64_t(Shape->size()) < Rank)
    return error() << "operand '" << getFacts(Op)->Operands[I].Name << "' has "
                   << Shape->size() << " dimensions, needs at least " << Rank;
  return success();
}

LogicalResult Inference::broadcast(Dims &A, const Dims &B) {
  Dims Before = A;
  if (A.size() < B.size())
    A.insert(A.begin(), B.size() - A.size(), SymExpr(1));
  unsigned Offset = A.size() - B.size();
  for (unsigned I = 0; I < B.size(); ++I) {
    SymExpr &X = A[Offset + I];
    const SymExpr &Y = B[I];
    if (X == Y || Y.isConstant(1))
      continue;
    if (X.isConstant(1)) {
      X = Y;
      continue;
    }
    auto M = X.getConstant(), N = Y.getConstant();
    if (M && N)
      return error() << "the shapes " << toString(Before) << " and "
                     << toString(B) << " cannot be broadcast together";
    // A size that is not 1 wins over an unknown one.
    if (N)
      X = Y;
    else if (!M)
      X = unknown();
  }
  return success();
}

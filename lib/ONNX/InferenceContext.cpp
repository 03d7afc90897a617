//===- InferenceContext.cpp - What is known of every value -------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inference.h"
#include "lathe/ONNX/ConstantView.h"
#include <cmath>

using namespace mlir;
using namespace lathe::onnx;

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

Element Element::number(double Value) {
  Element E;
  // 2^53: above that a double no longer holds every integer.
  bool NegativeZero = Value == 0 && std::signbit(Value);
  if (!NegativeZero && std::nearbyint(Value) == Value &&
      std::fabs(Value) <= 9007199254740992.0)
    E.Int = SymExpr(int64_t(Value));
  else
    E.Float = Value;
  return E;
}

std::optional<double> Element::getNumber() const {
  if (auto I = getInt())
    return double(*I);
  return Float;
}

/// An integer type holds \p Value.
static bool holds(Type Ty, int64_t Value) {
  auto Int = dyn_cast<IntegerType>(Ty);
  if (!Int || Int.getWidth() == 64)
    return !Int || !Int.isUnsigned() || Value >= 0;
  return Int.isUnsigned() || Int.getWidth() == 1
             ? llvm::isUIntN(Int.getWidth(), Value)
             : llvm::isIntN(Int.getWidth(), Value);
}

Element lathe::onnx::fitOrUnknown(Type Ty, Element E) {
  if (auto N = E.getInt(); N && !holds(Ty, *N))
    return {};
  return E;
}

std::optional<SmallVector<int64_t>>
lathe::onnx::constantShape(const Dims *Shape) {
  if (!Shape)
    return std::nullopt;
  SmallVector<int64_t> Sizes;
  for (const SymExpr &E : *Shape) {
    auto Size = E.getConstant();
    if (!Size)
      return std::nullopt;
    Sizes.push_back(*Size);
  }
  return Sizes;
}

std::string lathe::onnx::toString(ArrayRef<SymExpr> Shape) {
  std::string Text = "[";
  for (const SymExpr &E : Shape) {
    if (Text.size() > 1)
      Text += ", ";
    Text += E.getConstant() ? std::to_string(*E.getConstant()) : "?";
  }
  return Text + "]";
}

//===----------------------------------------------------------------------===//
// InferenceContext
//===----------------------------------------------------------------------===//

ValueInfo InferenceContext::fromType(Type Ty, ArrayAttr Names) {
  auto Tensor = dyn_cast<TensorType>(Ty);
  if (!Tensor)
    return {Ty, std::nullopt, std::nullopt};
  ValueInfo Info{UnrankedTensorType::get(Tensor.getElementType()), std::nullopt,
                 std::nullopt};
  if (!Tensor.hasRank())
    return Info;
  Dims Shape;
  for (auto [Index, Size] : llvm::enumerate(Tensor.getShape())) {
    StringRef Name;
    if (Names && Index < Names.size())
      if (auto Text = dyn_cast<StringAttr>(Names[Index]))
        Name = Text;
    if (!ShapedType::isDynamic(Size))
      Shape.push_back(Size);
    else
      Shape.push_back(Name.empty() ? Symbols.fresh() : Symbols.named(Name));
  }
  Info.Shape = std::move(Shape);
  return Info;
}

static std::optional<Data> readConstant(Value V) {
  auto View = ConstantView::get(V);
  if (!View || View->isElided() ||
      View->size() > InferenceContext::MaxElements ||
      !(View->isInteger() || View->isFloat()))
    return std::nullopt;
  // Unsigned 64-bit values above the signed range stay unknown.
  bool Unsigned = View->getElementType().isUnsignedInteger(64);
  Data Elements;
  for (int64_t I = 0; I < View->size(); ++I) {
    if (View->isFloat())
      Elements.push_back(Element::number(View->getFloat(I)));
    else if (int64_t N = View->getInt(I); N < 0 && Unsigned)
      Elements.push_back({});
    else
      Elements.push_back(SymExpr(N));
  }
  return Elements;
}

const ValueInfo &InferenceContext::get(Value V) {
  auto It = Infos.find(V);
  if (It != Infos.end())
    return *It->second;
  ValueInfo Info = fromType(V.getType());
  Info.Elements = readConstant(V);
  set(V, std::move(Info));
  return *Infos[V];
}

Type InferenceContext::toType(const ValueInfo &Info) const {
  auto Tensor = dyn_cast<TensorType>(Info.Type);
  if (!Tensor || !Info.Shape)
    return Info.Type;
  SmallVector<int64_t> Shape;
  for (const SymExpr &E : *Info.Shape)
    Shape.push_back(E.getConstant().value_or(ShapedType::kDynamic));
  return RankedTensorType::get(Shape, Tensor.getElementType());
}

ValueInfo InferenceContext::join(const ValueInfo &A, const ValueInfo &B,
                                 const ValueInfo *Widened) {
  if (isa<NoneType>(A.Type) || (A.Empty && !B.Empty))
    return B;
  if (isa<NoneType>(B.Type) || B.Empty)
    return A;
  ValueInfo Info{A.Type, std::nullopt, std::nullopt};
  if (A.Shape && B.Shape && A.Shape->size() == B.Shape->size()) {
    Dims Shape;
    for (auto [I, X] : llvm::enumerate(*A.Shape)) {
      bool Stays = X == (*B.Shape)[I] ||
                   (Widened && Widened->Shape && I < Widened->Shape->size() &&
                    (*Widened->Shape)[I] == X && !X.getConstant());
      Shape.push_back(Stays ? X : Symbols.fresh());
    }
    Info.Shape = std::move(Shape);
  }
  if (A.Elements && B.Elements && A.Elements->size() == B.Elements->size()) {
    Data Elements;
    for (auto [X, Y] : llvm::zip(*A.Elements, *B.Elements))
      Elements.push_back(X == Y ? X : Element());
    Info.Elements = std::move(Elements);
  }
  // Containers: the shape is in the element type.
  if (!isa<TensorType>(A.Type) && A.Type != B.Type) {
    auto Element = [](Type Ty) -> Type {
      if (auto Seq = dyn_cast<SeqType>(Ty))
        return Seq.getElementType();
      if (auto Opt = dyn_cast<OptType>(Ty))
        return Opt.getElementType();
      return {};
    };
    Type X = Element(A.Type), Y = Element(B.Type);
    if (X && Y && isa<SeqType>(A.Type) == isa<SeqType>(B.Type)) {
      Type Joined = toType(join(fromType(X), fromType(Y)));
      Info.Type = isa<SeqType>(A.Type) ? Type(SeqType::get(Joined))
                                       : Type(OptType::get(Joined));
    }
  }
  return Info;
}

static std::optional<bool> knownCondition(const ValueInfo &Info) {
  if (Info.Elements && Info.Elements->size() == 1)
    if (auto Condition = (*Info.Elements)[0].getInt())
      return *Condition != 0;
  return std::nullopt;
}

bool InferenceContext::isTakenOnFaith(IfOp If) {
  return !knownCondition(get(If.getCond())) && Choices.contains(If);
}

std::optional<bool> InferenceContext::getBranch(IfOp If) {
  if (auto Known = knownCondition(get(If.getCond())))
    return Known;
  auto It = Choices.find(If);
  return It == Choices.end() ? std::nullopt : std::optional(It->second);
}

LogicalResult InferenceContext::inferBody(Region &Body) {
  for (Block &B : Body)
    for (Operation &Op : B)
      if (auto Inferable = dyn_cast<ShapeInference>(Op))
        if (failed(Inferable.inferShapes(*this)))
          return failure();
  return success();
}

//===- Facts.cpp - Lookups in the table of op facts ----------------- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/Facts.h"
#include "lathe/ONNX/ONNX.h"
#include "lathe/Support/ElementTypes.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace lathe::onnx;

namespace lathe::onnx {
#include "lathe/ONNX/ONNXFacts.inc"
} // namespace lathe::onnx

/// ONNX's number of strings, the one element type that MLIR lacks.
static constexpr int64_t StringDataType = 8;

ArrayRef<OpFacts> lathe::onnx::getAllOps() { return AllOps; }

bool OpFacts::hasOptionalOperands() const {
  return llvm::any_of(
      Operands, [](const ValueFacts &V) { return V.Kind != Arity::Single; });
}

const AttrFacts *OpFacts::findAttr(StringRef Name) const {
  auto It =
      llvm::find_if(Attrs, [&](const AttrFacts &A) { return A.Name == Name; });
  return It == Attrs.end() ? nullptr : It;
}

/// The prefix of the mnemonics of a domain; nullopt for a domain without ops
/// here.
static std::optional<StringRef> getPrefix(StringRef Domain) {
  if (Domain.empty() || Domain == "ai.onnx")
    return StringRef("");
  if (Domain == "ai.onnx.ml")
    return StringRef("ml.");
  if (Domain == "com.microsoft")
    return StringRef("ms.");
  if (Domain == "ai.onnx.preview")
    return StringRef("preview.");
  if (Domain == "ai.onnx.preview.training")
    return StringRef("train.");
  return std::nullopt;
}

const OpFacts *lathe::onnx::lookupOp(MLIRContext *Context, StringRef Domain,
                                     StringRef Name) {
  auto Prefix = getPrefix(Domain);
  if (!Prefix)
    return nullptr;
  auto *Dialect = Context->getOrLoadDialect<ONNXDialect>();
  return Dialect->getFacts(
      OperationName(("onnx." + *Prefix + Name).str(), Context));
}

const OpFacts *lathe::onnx::getFacts(Operation *Op) {
  auto *Dialect = dyn_cast_or_null<ONNXDialect>(Op->getDialect());
  return Dialect ? Dialect->getFacts(Op->getName()) : nullptr;
}

StringRef lathe::onnx::getOpDomain(Operation *Op) {
  const OpFacts *Facts = getFacts(Op);
  return Facts ? StringRef(Facts->Domain) : StringRef();
}

StringRef lathe::onnx::getOpName(Operation *Op) {
  const OpFacts *Facts = getFacts(Op);
  return Facts ? StringRef(Facts->Name) : Op->getName().stripDialect();
}

Attribute lathe::onnx::getDefault(MLIRContext *Context, const AttrFacts &Attr) {
  if (!Attr.HasDefault)
    return {};
  Builder B(Context);
  switch (Attr.Kind) {
  case AttrKind::Int:
    return B.getI64IntegerAttr(Attr.Int);
  case AttrKind::Float:
    return B.getF32FloatAttr(Attr.Float);
  case AttrKind::String:
    return B.getStringAttr(Attr.String);
  case AttrKind::Ints:
    return B.getDenseI64ArrayAttr(Attr.Ints);
  case AttrKind::Strings: {
    SmallVector<StringRef> Strings(Attr.Strings.begin(), Attr.Strings.end());
    return B.getStrArrayAttr(Strings);
  }
  default:
    return {};
  }
}

Attribute lathe::onnx::getAttrOrDefault(Operation *Op, StringRef Name) {
  if (Attribute Attr = Op->getAttr(Name))
    return Attr;
  const OpFacts *Facts = getFacts(Op);
  const AttrFacts *Attr = Facts ? Facts->findAttr(Name) : nullptr;
  return Attr ? getDefault(Op->getContext(), *Attr) : Attribute();
}

std::pair<unsigned, unsigned> lathe::onnx::getOperandSegment(Operation *Op,
                                                             unsigned Index) {
  const OpFacts *Facts = getFacts(Op);
  if (!Facts || Index >= Facts->Operands.size())
    return {0, 0};
  if (auto Sizes =
          Op->getAttrOfType<DenseI32ArrayAttr>("operandSegmentSizes")) {
    unsigned Start = 0;
    for (unsigned I = 0; I < Index; ++I)
      Start += Sizes[I];
    return {Start, Sizes[Index]};
  }
  // At most one operand is not single, and it is the last.
  if (Facts->Operands[Index].Kind == Arity::Single)
    return {Index, 1};
  return {Index, Op->getNumOperands() - Index};
}

Type lathe::onnx::getElementType(MLIRContext *Context, int64_t DataType) {
  if (DataType == StringDataType)
    return StringType::get(Context);
  return elementTypeOf(Context, DataType);
}

int64_t lathe::onnx::getDataType(Type Ty) {
  return isa<StringType>(Ty) ? StringDataType : elementNumberOf(Ty);
}

static StringRef getElementName(Type Ty) {
  return lathe::elementName(getDataType(Ty));
}

std::string lathe::onnx::getONNXTypeName(Type Ty) {
  if (auto Tensor = dyn_cast<TensorType>(Ty))
    return ("tensor(" + getElementName(Tensor.getElementType()) + ")").str();
  if (auto Seq = dyn_cast<SeqType>(Ty))
    return "seq(" + getONNXTypeName(Seq.getElementType()) + ")";
  if (auto Opt = dyn_cast<OptType>(Ty))
    return "optional(" + getONNXTypeName(Opt.getElementType()) + ")";
  if (auto Map = dyn_cast<MapType>(Ty))
    return "map(" + getElementName(Map.getKeyType()).str() + ", " +
           getONNXTypeName(Map.getValueType()) + ")";
  return getElementName(Ty).str();
}

bool lathe::onnx::isIn(const TypeSet &Set, Type Ty) {
  auto Has = [](uint32_t Mask, Type Tensor) {
    auto T = dyn_cast<TensorType>(Tensor);
    if (!T)
      return isa<NoneType>(Tensor);
    int64_t Code = getDataType(T.getElementType());
    return Code != 0 && (Mask >> Code & 1);
  };
  if (isa<NoneType>(Ty))
    return true;
  if (isa<TensorType>(Ty))
    return Has(Set.Tensor, Ty);
  if (isa<MapType>(Ty))
    return Set.Maps;
  if (auto Seq = dyn_cast<SeqType>(Ty))
    return isa<MapType>(Seq.getElementType())
               ? Set.Maps
               : Has(Set.Seq, Seq.getElementType());
  if (auto Opt = dyn_cast<OptType>(Ty)) {
    if (auto Seq = dyn_cast<SeqType>(Opt.getElementType()))
      return Has(Set.OptSeq, Seq.getElementType());
    return Has(Set.Opt, Opt.getElementType());
  }
  return false;
}

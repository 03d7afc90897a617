//===- Facts.cpp - Lookups in the table of op facts ----------------- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/Facts.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lathe::onnx;

namespace lathe::onnx {
#include "lathe/ONNX/ONNXFacts.inc"
} // namespace lathe::onnx

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
  Builder B(Context);
  auto Unsigned = [&](unsigned Width) {
    return IntegerType::get(Context, Width, IntegerType::Unsigned);
  };
  switch (DataType) {
  case 1:
    return B.getF32Type();
  case 2:
    return Unsigned(8);
  case 3:
    return B.getI8Type();
  case 4:
    return Unsigned(16);
  case 5:
    return B.getI16Type();
  case 6:
    return B.getI32Type();
  case 7:
    return B.getI64Type();
  case 8:
    return StringType::get(Context);
  case 9:
    return B.getI1Type();
  case 10:
    return B.getF16Type();
  case 11:
    return B.getF64Type();
  case 12:
    return Unsigned(32);
  case 13:
    return Unsigned(64);
  case 14:
    return ComplexType::get(B.getF32Type());
  case 15:
    return ComplexType::get(B.getF64Type());
  case 16:
    return B.getBF16Type();
  case 17:
    return Float8E4M3FNType::get(Context);
  case 18:
    return Float8E4M3FNUZType::get(Context);
  case 19:
    return Float8E5M2Type::get(Context);
  case 20:
    return Float8E5M2FNUZType::get(Context);
  case 21:
    return Unsigned(4);
  case 22:
    return B.getIntegerType(4);
  case 23:
    return Float4E2M1FNType::get(Context);
  case 24:
    return Float8E8M0FNUType::get(Context);
  case 25:
    return Unsigned(2);
  case 26:
    return B.getIntegerType(2);
  case 27:
    return Float6E2M3FNType::get(Context);
  case 28:
    return Float6E3M2FNType::get(Context);
  default:
    return {};
  }
}

int64_t lathe::onnx::getDataType(Type Ty) {
  if (auto Int = dyn_cast<IntegerType>(Ty)) {
    if (Int.isSigned())
      return 0;
    bool U = Int.isUnsigned();
    switch (Int.getWidth()) {
    case 1:
      return U ? 0 : 9;
    case 2:
      return U ? 25 : 26;
    case 4:
      return U ? 21 : 22;
    case 8:
      return U ? 2 : 3;
    case 16:
      return U ? 4 : 5;
    case 32:
      return U ? 12 : 6;
    case 64:
      return U ? 13 : 7;
    default:
      return 0;
    }
  }
  if (auto Complex = dyn_cast<ComplexType>(Ty))
    return Complex.getElementType().isF32()   ? 14
           : Complex.getElementType().isF64() ? 15
                                              : 0;
  return llvm::TypeSwitch<Type, int64_t>(Ty)
      .Case<Float32Type>([](auto) { return 1; })
      .Case<StringType>([](auto) { return 8; })
      .Case<Float16Type>([](auto) { return 10; })
      .Case<Float64Type>([](auto) { return 11; })
      .Case<BFloat16Type>([](auto) { return 16; })
      .Case<Float8E4M3FNType>([](auto) { return 17; })
      .Case<Float8E4M3FNUZType>([](auto) { return 18; })
      .Case<Float8E5M2Type>([](auto) { return 19; })
      .Case<Float8E5M2FNUZType>([](auto) { return 20; })
      .Case<Float4E2M1FNType>([](auto) { return 23; })
      .Case<Float8E8M0FNUType>([](auto) { return 24; })
      .Case<Float6E2M3FNType>([](auto) { return 27; })
      .Case<Float6E3M2FNType>([](auto) { return 28; })
      .Default([](Type) { return 0; });
}

static StringRef getElementName(Type Ty) {
  static constexpr StringLiteral Names[] = {
      "undefined",      "float",        "uint8",          "int8",
      "uint16",         "int16",        "int32",          "int64",
      "string",         "bool",         "float16",        "double",
      "uint32",         "uint64",       "complex64",      "complex128",
      "bfloat16",       "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
      "float8e5m2fnuz", "uint4",        "int4",           "float4e2m1",
      "float8e8m0",     "uint2",        "int2",           "float6e2m3",
      "float6e3m2"};
  return Names[getDataType(Ty)];
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

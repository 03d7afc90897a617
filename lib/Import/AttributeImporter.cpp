//===- AttributeImporter.cpp - Attributes of a node -----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An attribute is held against the kind that the schema gives it, and read; the
// values of a Constant are attributes too.
//
//===----------------------------------------------------------------------===//

#include "ModelImporter.h"
#include "lathe/ONNX/ONNX.h"

using namespace lathe::import;
using namespace mlir;
using lathe::onnx::AttrFacts;
using lathe::onnx::AttrKind;
using lathe::onnx::OpFacts;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

static StringRef getKindName(AttrKind Kind) {
  static constexpr StringLiteral Names[] = {
      "an int",         "a float",          "a string",
      "a list of ints", "a list of floats", "a list of strings",
      "a tensor",       "a type",           "a graph"};
  return Names[unsigned(Kind)];
}

/// The kind of a value, nullopt for the kinds that no schema has.
static std::optional<AttrKind> getKind(const pb::AttributeProto &Attr) {
  switch (Attr.type()) {
  case pb::AttributeProto::FLOAT:
    return AttrKind::Float;
  case pb::AttributeProto::INT:
    return AttrKind::Int;
  case pb::AttributeProto::STRING:
    return AttrKind::String;
  case pb::AttributeProto::TENSOR:
  case pb::AttributeProto::SPARSE_TENSOR:
    return AttrKind::Tensor;
  case pb::AttributeProto::GRAPH:
    return AttrKind::Graph;
  case pb::AttributeProto::TYPE_PROTO:
    return AttrKind::Type;
  case pb::AttributeProto::FLOATS:
    return AttrKind::Floats;
  case pb::AttributeProto::INTS:
    return AttrKind::Ints;
  case pb::AttributeProto::STRINGS:
    return AttrKind::Strings;
  default:
    break;
  }
  // The earliest models have no type: it follows from the field that is there.
  if (Attr.type() != pb::AttributeProto::UNDEFINED)
    return std::nullopt;
  if (Attr.has_f())
    return AttrKind::Float;
  if (Attr.has_i())
    return AttrKind::Int;
  if (Attr.has_s())
    return AttrKind::String;
  if (Attr.has_t() || Attr.has_sparse_tensor())
    return AttrKind::Tensor;
  if (Attr.has_g())
    return AttrKind::Graph;
  if (Attr.has_tp())
    return AttrKind::Type;
  if (Attr.floats_size())
    return AttrKind::Floats;
  if (Attr.ints_size())
    return AttrKind::Ints;
  if (Attr.strings_size())
    return AttrKind::Strings;
  return std::nullopt;
}

Expected<Attribute> ModelImporter::readAttribute(const pb::AttributeProto &Attr,
                                                 const AttrFacts &Facts) {
  std::optional<AttrKind> Kind = getKind(Attr);
  bool EmptyList = !Kind && Attr.type() == pb::AttributeProto::UNDEFINED;
  if (EmptyList &&
      (Facts.Kind == AttrKind::Ints || Facts.Kind == AttrKind::Floats ||
       Facts.Kind == AttrKind::Strings))
    Kind = Facts.Kind;
  if (Kind != Facts.Kind)
    return createStringError(
        "attribute '" + Facts.Name + "' must be " + getKindName(Facts.Kind) +
        (Kind ? ", but is " + getKindName(*Kind).str() : std::string()));
  switch (*Kind) {
  case AttrKind::Int:
    return B.getI64IntegerAttr(Attr.i());
  case AttrKind::Float:
    return B.getF32FloatAttr(Attr.f());
  case AttrKind::String:
    return B.getStringAttr(Attr.s());
  case AttrKind::Ints:
    return B.getDenseI64ArrayAttr(
        ArrayRef(Attr.ints().data(), Attr.ints_size()));
  case AttrKind::Floats:
    return B.getDenseF32ArrayAttr(
        ArrayRef(Attr.floats().data(), Attr.floats_size()));
  case AttrKind::Strings:
    return B.getStrArrayAttr(
        SmallVector<StringRef>(Attr.strings().begin(), Attr.strings().end()));
  case AttrKind::Tensor: {
    Expected<ElementsAttr> Value =
        Attr.has_sparse_tensor()
            ? Tensors.read(Attr.sparse_tensor(), Facts.Name)
            : Tensors.read(Attr.t(), Facts.Name);
    if (!Value)
      return createStringError("attribute '" + Facts.Name +
                               "': " + llvm::toString(Value.takeError()));
    return *Value;
  }
  case AttrKind::Type: {
    Expected<Type> Value = readType(B.getContext(), Attr.tp(), Options);
    if (!Value)
      return createStringError("attribute '" + Facts.Name +
                               "': " + llvm::toString(Value.takeError()));
    return TypeAttr::get(*Value);
  }
  case AttrKind::Graph:
    break;
  }
  return createStringError("attribute '" + Facts.Name + "' cannot be read");
}

const pb::AttributeProto *
ModelImporter::resolve(const Scope &S, const pb::AttributeProto &Attr) const {
  if (Attr.ref_attr_name().empty())
    return &Attr;
  return S.Attrs ? S.Attrs->lookup(Attr.ref_attr_name()) : nullptr;
}

Error ModelImporter::readAttributes(Scope &S, const pb::NodeProto &Proto,
                                    const OpFacts &Schema, Node &N) {
  llvm::StringSet<> Seen;
  for (const pb::AttributeProto &Written : Proto.attribute()) {
    const AttrFacts *Facts = Schema.findAttr(Written.name());
    if (!Facts)
      return createStringError("unknown attribute '" + Written.name() +
                               "' in opset " + Twine(Schema.SinceVersion) +
                               "; is the opset of the model right?");
    if (!Seen.insert(Written.name()).second)
      return createStringError("attribute '" + Written.name() +
                               "' occurs twice");
    const pb::AttributeProto *Attr = resolve(S, Written);
    if (!Attr) {
      if (!S.Attrs)
        return createStringError(
            "attribute '" + Written.name() +
            "' refers to an attribute of a function, outside of one");
      Seen.erase(Written.name());
      continue;
    }
    if (Facts->Kind == AttrKind::Graph && getKind(*Attr) == AttrKind::Graph) {
      std::unique_ptr<Region> Body = importSubgraph(
          S, Attr->g(),
          describe(Proto, S.Prefix) + ": graph '" + Facts->Name + "'");
      if (!Body)
        return createStringError("");
      N.Graphs.emplace_back(Facts->Name, std::move(Body));
      continue;
    }
    Expected<Attribute> Value = readAttribute(*Attr, *Facts);
    if (!Value)
      return Value.takeError();
    N.Attrs.set(Facts->Name, *Value);
  }
  for (const AttrFacts &Facts : Schema.Attrs)
    if (Facts.Required && !Seen.contains(Facts.Name))
      return createStringError("required attribute '" + Facts.Name +
                               "' is missing");
  return Error::success();
}

Expected<ElementsAttr> ModelImporter::readConstant(Scope &S,
                                                   const pb::NodeProto &Proto) {
  ElementsAttr Result;
  for (const pb::AttributeProto &Written : Proto.attribute()) {
    const pb::AttributeProto *Attr = resolve(S, Written);
    if (!Attr)
      continue;
    if (Result)
      return createStringError("more than one value");
    std::optional<AttrKind> Kind = getKind(*Attr);
    StringRef Name = Written.name();
    auto Is = [&](StringRef Wanted, AttrKind WantedKind) {
      return Name == Wanted && Kind == WantedKind;
    };
    auto Shape = [&](ArrayRef<int64_t> Dims, Type Element) {
      return RankedTensorType::get(Dims, Element);
    };
    if (Is("value", AttrKind::Tensor) || Is("sparse_value", AttrKind::Tensor)) {
      Expected<ElementsAttr> Value =
          Attr->has_sparse_tensor()
              ? Tensors.read(Attr->sparse_tensor(),
                             S.Prefix + getName(Proto).str())
              : Tensors.read(Attr->t(), S.Prefix + getName(Proto).str());
      if (!Value)
        return Value.takeError();
      Result = *Value;
    } else if (Is("value_int", AttrKind::Int)) {
      Result =
          DenseElementsAttr::get(Shape({}, B.getI64Type()), int64_t(Attr->i()));
    } else if (Is("value_float", AttrKind::Float)) {
      Result = DenseElementsAttr::get(Shape({}, B.getF32Type()), Attr->f());
    } else if (Is("value_string", AttrKind::String)) {
      Result = DenseElementsAttr::get(
          Shape({}, onnx::StringType::get(B.getContext())),
          {StringRef(Attr->s())});
    } else if (Name == "value_ints" && (Kind == AttrKind::Ints || !Kind)) {
      ArrayRef<int64_t> Values(Attr->ints().data(), Attr->ints_size());
      Result = DenseElementsAttr::get(
          Shape(int64_t(Values.size()), B.getI64Type()), Values);
    } else if (Name == "value_floats" && (Kind == AttrKind::Floats || !Kind)) {
      ArrayRef<float> Values(Attr->floats().data(), Attr->floats_size());
      Result = DenseElementsAttr::get(
          Shape(int64_t(Values.size()), B.getF32Type()), Values);
    } else if (Name == "value_strings" &&
               (Kind == AttrKind::Strings || !Kind)) {
      SmallVector<StringRef> Values(Attr->strings().begin(),
                                    Attr->strings().end());
      Result = DenseElementsAttr::get(
          Shape(int64_t(Values.size()), onnx::StringType::get(B.getContext())),
          Values);
    } else {
      return createStringError(
          "attribute '" + Name +
          "' is no value of a constant, or not of its type");
    }
  }
  if (!Result)
    return createStringError("a constant without a value");
  return Result;
}

//===- NodeImporter.cpp - One node ----------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A node is held against the schema of its own opset, read into a Node, and
// lifted.
//
//===----------------------------------------------------------------------===//

#include "History.h"
#include "ModelImporter.h"
#include "lathe/ONNX/ONNX.h"

using namespace lathe::import;
using namespace mlir;
using lathe::onnx::Arity;
using lathe::onnx::AttrFacts;
using lathe::onnx::AttrKind;
using lathe::onnx::OpFacts;
using lathe::onnx::ValueFacts;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

StringRef lathe::import::getName(const pb::NodeProto &Proto) {
  if (!Proto.name().empty())
    return Proto.name();
  for (const std::string &Name : Proto.output())
    if (!Name.empty())
      return Name;
  return Proto.op_type();
}

std::string lathe::import::describe(const pb::NodeProto &Proto,
                                    StringRef Prefix) {
  return ("node '" + Prefix + getName(Proto) + "' (" + Proto.op_type() + ")")
      .str();
}

//===----------------------------------------------------------------------===//
// Schema
//===----------------------------------------------------------------------===//

Expected<const OpFacts *> ModelImporter::findSchema(Scope &S,
                                                    const pb::NodeProto &Proto,
                                                    StringRef Domain) {
  StringRef Shown = Domain.empty() ? "ai.onnx" : Domain;
  ArrayRef<OpFacts> All = getVersions(Domain, Proto.op_type());
  if (All.empty()) {
    // Domains without a history have one version of each op.
    const OpFacts *Only =
        onnx::lookupOp(B.getContext(), Domain, Proto.op_type());
    if (Only && Only->Domain == Domain)
      return Only;
    return createStringError(
        "unknown op of domain '" + Shown +
        "'; replace it by ONNX's own ops, or by a function in the model");
  }
  auto Import = S.Versions->find(Domain);
  if (Import == S.Versions->end())
    return createStringError("the model imports no opset of domain '" + Shown +
                             "'; add one to opset_import");
  const OpFacts *Found = nullptr;
  for (const OpFacts &Schema : All)
    // An op that was replaced by another one still means what it last meant.
    if (Schema.SinceVersion <= Import->second && !isDeprecated(Schema))
      Found = &Schema;
  if (!Found)
    return createStringError(
        "the op exists since opset " + Twine(All.front().SinceVersion) +
        ", but the model imports opset " + Twine(Import->second) +
        " of domain '" + Shown + "'");
  return Found;
}

/// How many values a list of operands or results may have.
static std::pair<unsigned, unsigned> getBounds(ArrayRef<ValueFacts> Values) {
  unsigned Min = 0, Max = Values.size();
  for (auto [Index, V] : llvm::enumerate(Values)) {
    if (V.Kind == Arity::Single)
      Min = Index + 1;
    if (V.Kind != Arity::Variadic)
      continue;
    if (V.MinArity)
      Min = Index + V.MinArity;
    Max = UINT_MAX;
  }
  return {Min, Max};
}

static Error checkCount(unsigned Count, ArrayRef<ValueFacts> Values,
                        StringRef What) {
  auto [Min, Max] = getBounds(Values);
  if (Count >= Min && Count <= Max)
    return Error::success();
  std::string Wanted = std::to_string(Min);
  if (Max == UINT_MAX)
    Wanted = "at least " + Wanted;
  else if (Max != Min)
    Wanted += " to " + std::to_string(Max);
  return createStringError(Twine(Count) + " " + What + (Count == 1 ? "" : "s") +
                           ", but its schema has " + Wanted);
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

const pb::FunctionProto *ModelImporter::findFunction(const pb::NodeProto &Proto,
                                                     StringRef Domain) const {
  if (Functions.empty())
    return nullptr;
  std::string Key =
      (Domain + Twine('\0') + Proto.op_type() + Twine('\0') + Proto.overload())
          .str();
  return Functions.lookup(Key);
}

/// Functions may call functions; these bounds keep a hostile model from taking
/// all memory or stack.
static constexpr unsigned MaxCallDepth = 64, MaxNodes = 1000000;

Expected<SmallVector<Value>>
ModelImporter::inlineFunction(Scope &S, const pb::NodeProto &Proto,
                              const pb::FunctionProto &Function,
                              ArrayRef<Value> Inputs) {
  if (llvm::is_contained(CallStack, &Function))
    return createStringError("function '" + Function.name() +
                             "' calls itself; ONNX has no recursion");
  if (CallStack.size() == MaxCallDepth)
    return createStringError("functions are nested more than " +
                             Twine(MaxCallDepth) + " deep");
  if (int(Inputs.size()) > Function.input_size() ||
      Proto.output_size() > Function.output_size())
    return createStringError(
        Twine(Inputs.size()) + " inputs and " + Twine(Proto.output_size()) +
        " outputs, but function '" + Function.name() + "' has " +
        Twine(Function.input_size()) + " and " + Twine(Function.output_size()));
  Opsets BodyVersions;
  if (!readOpsets(Function.opset_import(),
                  "function '" + Function.name() + "': ", BodyVersions))
    return createStringError("");
  // What the function leaves out is as in the model.
  for (const auto &Entry : Versions)
    BodyVersions.try_emplace(Entry.first(), Entry.second);

  AttrMap Attrs;
  for (const pb::AttributeProto &Default : Function.attribute_proto())
    Attrs[Default.name()] = &Default;
  for (const pb::AttributeProto &Written : Proto.attribute()) {
    bool Declared = llvm::is_contained(Function.attribute(), Written.name()) ||
                    Attrs.contains(Written.name());
    if (!Declared)
      return createStringError("function '" + Function.name() +
                               "' has no attribute '" + Written.name() + "'");
    if (const pb::AttributeProto *Attr = resolve(S, Written))
      Attrs[Written.name()] = Attr;
  }

  Scope Body;
  Body.Versions = &BodyVersions;
  Body.Attrs = &Attrs;
  Body.Prefix = S.Prefix + getName(Proto).str() + "/";
  std::string Where = describe(Proto, S.Prefix) + ": ";
  annotate(Body, Function.value_info());
  for (auto [Index, Name] : llvm::enumerate(Function.input()))
    if (Index < Inputs.size() && Inputs[Index])
      define(Body, Name, Inputs[Index], Where + "input");
    else
      // Absent: a node of the body that is given it does without as well.
      Body.Absent.insert(Name);
  // What is known of the results outside is known inside.
  for (int I = 0; I < Proto.output_size(); ++I) {
    Type Known = S.getType(Proto.output(I), B.getContext());
    if (!isa<NoneType>(Known))
      Body.Types[Function.output(I)] = Known;
  }
  CallStack.push_back(&Function);
  importNodes(Body, Function.node(), Where);
  CallStack.pop_back();

  SmallVector<StringRef> Names;
  for (int I = 0; I < Proto.output_size(); ++I)
    Names.push_back(Proto.output(I).empty() ? StringRef()
                                            : StringRef(Function.output(I)));
  SmallVector<Value> Results;
  for (StringRef Name : Names)
    Results.push_back(Name.empty() ? Value()
                                   : findOutputs(Body, Name, Where).front());
  for (auto [Name, V] : llvm::zip_equal(Names, Results))
    if (!Name.empty() && !V)
      return createStringError("");
  return Results;
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

SmallVector<Type>
ModelImporter::getResultTypes(const Scope &S,
                              const pb::NodeProto &Proto) const {
  return llvm::map_to_vector(Proto.output(), [&](const std::string &Name) {
    return Name.empty() ? Type() : S.getType(Name, Tensors.getContext());
  });
}

Expected<SmallVector<Value>>
ModelImporter::importNodeValues(Scope &S, const pb::NodeProto &Proto) {
  if (++NodesImported > MaxNodes)
    return createStringError("functions expand to more than " +
                             Twine(MaxNodes) + " nodes");
  bool Poisoned = false;
  SmallVector<Value> Inputs;
  for (auto [Index, Name] : llvm::enumerate(Proto.input())) {
    if (Name.empty() || S.isAbsent(Name)) {
      Inputs.push_back(Value());
      continue;
    }
    std::optional<Value> V = S.lookup(Name);
    if (!V)
      return createStringError(
          "input " + Twine(Index) + " '" + Name +
          "' is not produced by any node, initializer or graph input");
    Poisoned |= !*V;
    Inputs.push_back(*V);
  }

  StringRef Domain = getDomain(Proto.domain());
  Node N(NameLoc::get(B.getStringAttr(S.Prefix + getName(Proto))));
  if (const pb::FunctionProto *Function = findFunction(Proto, Domain)) {
    if (Poisoned)
      return createStringError("");
    return inlineFunction(S, Proto, *Function, Inputs);
  }
  Expected<const OpFacts *> Schema = findSchema(S, Proto, Domain);
  if (!Schema)
    return Schema.takeError();
  // Omitted values at the end are as good as not written.
  while (!Inputs.empty() && !Inputs.back() &&
         Inputs.size() > getBounds((*Schema)->Operands).first)
    Inputs.pop_back();
  if (Error E = checkCount(Inputs.size(), (*Schema)->Operands, "input"))
    return std::move(E);
  if (Error E = checkCount(Proto.output_size(), (*Schema)->Results, "output"))
    return std::move(E);
  if (Proto.op_type() == "Constant" && Domain.empty()) {
    Expected<ElementsAttr> Value = readConstant(S, Proto);
    if (!Value)
      return Value.takeError();
    return SmallVector<mlir::Value>{Lift.constant(N.Loc, *Value)};
  }
  N.Domain = (*Schema)->Domain;
  N.OpType = (*Schema)->Name;
  N.Version = (*Schema)->SinceVersion;
  N.Inputs = std::move(Inputs);
  N.ResultTypes = getResultTypes(S, Proto);
  if (Error E = readAttributes(S, Proto, **Schema, N))
    return std::move(E);
  if (Poisoned)
    return createStringError("");
  return Lift.build(std::move(N));
}

void ModelImporter::importNode(Scope &S, const pb::NodeProto &Proto) {
  Expected<SmallVector<Value>> Values = importNodeValues(S, Proto);
  std::string Where = describe(Proto, S.Prefix);
  if (!Values) {
    std::string Reason = llvm::toString(Values.takeError());
    // Without a reason it has been reported, or follows from another error.
    if (!Reason.empty())
      Errors.error(Where + ": " + Reason);
    for (const std::string &Name : Proto.output())
      if (!Name.empty())
        S.Values.try_emplace(Name, Value());
    return;
  }
  for (auto [Name, V] : llvm::zip(Proto.output(), *Values))
    if (!Name.empty())
      define(S, Name, V, Where);
}

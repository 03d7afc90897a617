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

//===- GraphImporter.cpp - Graphs, subgraphs and function bodies ----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ModelImporter.h"
#include "lathe/ONNX/ONNX.h"

using namespace lathe::import;
using namespace mlir;
using llvm::Expected;

Reporter::Reporter(MLIRContext *Context, StringRef Path)
    : Loc(FileLineColLoc::get(Context, Path, 0, 0)) {}

/// One model can have as many errors as nodes; nobody reads more than these.
static constexpr unsigned MaxErrors = 50;

void Reporter::error(const Twine &Message) {
  if (++Count <= MaxErrors)
    emitError(Loc) << Message;
}

void Reporter::warning(const Twine &Message) { emitWarning(Loc) << Message; }

bool Reporter::finish() {
  if (Count > MaxErrors)
    emitError(Loc) << "and " << (Count - MaxErrors) << " more errors";
  return Count != 0;
}

std::optional<Value> Scope::lookup(StringRef Name) const {
  for (const Scope *S = this; S; S = S->Parent) {
    auto It = S->Values.find(Name);
    if (It != S->Values.end())
      return It->second;
  }
  return std::nullopt;
}

Type Scope::getType(StringRef Name, MLIRContext *Context) const {
  auto It = Types.find(Name);
  return It == Types.end() ? NoneType::get(Context) : It->second;
}

bool Scope::isAbsent(StringRef Name) const {
  for (const Scope *S = this; S; S = S->Parent)
    if (S->Absent.contains(Name))
      return true;
  return false;
}

void ModelImporter::define(Scope &S, StringRef Name, Value V,
                           const Twine &Where) {
  if (!S.Values.try_emplace(Name, V).second)
    Errors.error(
        Where + ": the name '" + Name +
        "' is already that of another value; names must be unique in a graph");
}

void ModelImporter::readInitializers(const pb::GraphProto &Graph,
                                     llvm::StringMap<ElementsAttr> &Result) {
  auto Add = [&](StringRef Name, Expected<ElementsAttr> Value) {
    if (!Value) {
      Errors.error("initializer '" + Name +
                   "': " + llvm::toString(Value.takeError()));
      Result.try_emplace(Name, ElementsAttr());
      return;
    }
    if (Name.empty())
      Errors.error("an initializer has no name");
    else if (!Result.try_emplace(Name, *Value).second)
      Errors.error("initializer '" + Name +
                   "' occurs twice; names must be unique in a graph");
  };
  for (const pb::TensorProto &Tensor : Graph.initializer())
    Add(Tensor.name(), Tensors.read(Tensor, Tensor.name()));
  for (const pb::SparseTensorProto &Sparse : Graph.sparse_initializer())
    Add(Sparse.values().name(), Tensors.read(Sparse, Sparse.values().name()));
}

void ModelImporter::annotate(Scope &S, const ValueInfos &Infos) {
  for (const pb::ValueInfoProto &Info : Infos) {
    Expected<Type> Known = readType(B.getContext(), Info.type(), Options);
    if (!Known) {
      Errors.error("value '" + Info.name() +
                   "': " + llvm::toString(Known.takeError()));
      continue;
    }
    auto [It, New] = S.Types.try_emplace(Info.name(), *Known);
    if (New)
      continue;
    if (Type Merged = mergeTypes(It->second, *Known))
      It->second = Merged;
    else if (S.Contradicted.insert(Info.name()).second)
      Errors.error("value '" + Info.name() +
                   "' is annotated with two types that contradict each other");
  }
}

void ModelImporter::importNodes(Scope &S, const Nodes &List, StringRef What) {
  Expected<SmallVector<const pb::NodeProto *>> Sorted = sortNodes(List);
  if (!Sorted) {
    Errors.error(What + llvm::toString(Sorted.takeError()));
    for (const pb::NodeProto &Proto : List)
      for (const std::string &Name : Proto.output())
        S.Values.try_emplace(Name, Value());
    return;
  }
  // Exporters have written the same constant name twice, though it is against
  // the rules; runtimes take the last one.
  llvm::StringMap<const pb::NodeProto *> Constants;
  for (const pb::NodeProto &Proto : List)
    if (Proto.op_type() == "Constant" && Proto.output_size() == 1)
      Constants[Proto.output(0)] = &Proto;
  for (const pb::NodeProto *Proto : *Sorted) {
    if (Proto->op_type() == "Constant" && Proto->output_size() == 1 &&
        Constants.lookup(Proto->output(0)) != Proto) {
      Errors.warning(describe(*Proto, S.Prefix) + ": the name '" +
                     Proto->output(0) +
                     "' is that of another constant too; the last one counts");
      continue;
    }
    importNode(S, *Proto);
  }
}

SmallVector<Value> ModelImporter::findOutputs(Scope &S,
                                              ArrayRef<StringRef> Names,
                                              const Twine &What) {
  SmallVector<Value> Result;
  for (StringRef Name : Names) {
    std::optional<Value> V = S.lookup(Name);
    if (!V)
      Errors.error(What + "output '" + Name +
                   "' is not produced by any node, initializer or input");
    Result.push_back(V.value_or(Value()));
  }
  return Result;
}

std::unique_ptr<Region>
ModelImporter::importSubgraph(Scope &Outer, const pb::GraphProto &Graph,
                              const Twine &What) {
  OpBuilder::InsertionGuard Guard(B);
  auto Body = std::make_unique<Region>();
  Block &Entry = Body->emplaceBlock();
  B.setInsertionPointToStart(&Entry);

  Scope S;
  S.Parent = &Outer;
  S.Versions = Outer.Versions;
  S.Attrs = Outer.Attrs;
  S.Prefix = Outer.Prefix;
  annotate(S, Graph.input());
  annotate(S, Graph.value_info());
  annotate(S, Graph.output());
  std::string Where = (What + ": ").str();
  for (const pb::ValueInfoProto &Info : Graph.input())
    define(S, Info.name(),
           Entry.addArgument(
               S.getType(Info.name(), B.getContext()),
               NameLoc::get(B.getStringAttr(S.Prefix + Info.name()))),
           Where + "input");
  llvm::StringMap<ElementsAttr> Initializers;
  readInitializers(Graph, Initializers);
  auto AddConstant = [&](StringRef Name) {
    auto It = Initializers.find(Name);
    if (It == Initializers.end())
      return;
    Value V;
    if (It->second)
      V = Lift.constant(NameLoc::get(B.getStringAttr(S.Prefix + Name)),
                        It->second);
    define(S, Name, V, Where + "initializer");
  };
  // In the order of the file, not of the map.
  for (const pb::TensorProto &Tensor : Graph.initializer())
    AddConstant(Tensor.name());
  for (const pb::SparseTensorProto &Sparse : Graph.sparse_initializer())
    AddConstant(Sparse.values().name());
  importNodes(S, Graph.node(), Where);

  SmallVector<StringRef> Names;
  for (const pb::ValueInfoProto &Info : Graph.output())
    Names.push_back(Info.name());
  SmallVector<Value> Outputs = findOutputs(S, Names, Where);
  if (llvm::is_contained(Outputs, Value()))
    return nullptr;
  onnx::YieldOp::create(B, B.getUnknownLoc(), Outputs);
  return Body;
}

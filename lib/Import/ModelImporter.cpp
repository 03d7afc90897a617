//===- ModelImporter.cpp - The model and its main graph -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ModelImporter.h"
#include "History.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

using namespace lathe::import;
using namespace mlir;
using llvm::Expected;

/// The newest IR version that the .proto of the onnx package describes is 14,
/// the oldest with today's meaning of initializers and opsets 3.
static constexpr int64_t OldestIR = 3, NewestIR = 14;

ModelImporter::ModelImporter(const pb::ModelProto &Model, TensorReader &Tensors,
                             Reporter &Errors, StringRef Path,
                             const ImportOptions &Options)
    : Model(Model), Tensors(Tensors), Errors(Errors), Path(Path),
      Options(Options), B(Tensors.getContext()), Lift(B) {}

StringRef lathe::import::getDomain(StringRef Domain) {
  return Domain == "ai.onnx" ? "" : Domain;
}

bool ModelImporter::readOpsets(
    const google::protobuf::RepeatedPtrField<pb::OperatorSetIdProto> &Imports,
    StringRef What, Opsets &Result) {
  bool Ok = true;
  for (const pb::OperatorSetIdProto &Import : Imports) {
    StringRef Domain = getDomain(Import.domain());
    StringRef Shown = Domain.empty() ? "ai.onnx" : Domain;
    int64_t Newest = getNewestOpset(Domain);
    if (Import.version() < 1) {
      Errors.error(What + "opset " + Twine(Import.version()) + " of domain '" +
                   Shown + "' does not exist");
      Ok = false;
    } else if (Newest && Import.version() > Newest) {
      Errors.error(What + "opset " + Twine(Import.version()) + " of domain '" +
                   Shown + "' is newer than " + Twine(Newest) +
                   ", the newest known; export the model with opset " +
                   Twine(Newest) + " or older");
      Ok = false;
    }
    Result[Domain] = Import.version();
  }
  return Ok;
}

void ModelImporter::checkOptions() {
  const pb::GraphProto &Graph = Model.graph();
  for (const std::string &Name : Options.Inputs) {
    auto Named = [&](const auto &Info) { return Info.name() == Name; };
    if (llvm::none_of(Graph.input(), Named))
      Errors.error("--input=" + Name + ": no graph input has this name");
  }
  for (const auto &[Name, Size] : Options.Dims) {
    if (Size < 0)
      Errors.error("--dim=" + Name + ": a dimension is not negative");
    auto Uses = [&, &Name = Name](const pb::ValueInfoProto &Info) {
      return llvm::any_of(
          Info.type().tensor_type().shape().dim(),
          [&](const auto &Dim) { return Dim.dim_param() == Name; });
    };
    if (llvm::none_of(Graph.input(), Uses) &&
        llvm::none_of(Graph.output(), Uses) &&
        llvm::none_of(Graph.value_info(), Uses))
      Errors.error("--dim=" + Name + ": no dimension has this name");
  }
}

DictionaryAttr ModelImporter::makeValueAttrs(StringRef Name,
                                             ArrayRef<std::string> Dims,
                                             Attribute Default) {
  SmallVector<NamedAttribute> Attrs{
      B.getNamedAttr("onnx.name", B.getStringAttr(Name))};
  if (llvm::any_of(Dims, [](const std::string &Dim) { return !Dim.empty(); }))
    Attrs.push_back(B.getNamedAttr(
        "onnx.dims",
        B.getStrArrayAttr(llvm::map_to_vector(
            Dims, [](const std::string &D) { return StringRef(D); }))));
  if (Default)
    Attrs.push_back(B.getNamedAttr("onnx.default", Default));
  return B.getDictionaryAttr(Attrs);
}

void ModelImporter::addMainInputs(
    Scope &S, const llvm::StringMap<ElementsAttr> &Initializers, Block &Body,
    SmallVectorImpl<DictionaryAttr> &Attrs) {
  for (const pb::ValueInfoProto &Info : Model.graph().input()) {
    auto Initializer = Initializers.find(Info.name());
    bool HasDefault = Initializer != Initializers.end();
    if (HasDefault && Initializer->second) {
      Type Known = S.Types.lookup(Info.name());
      if (Known && !mergeTypes(Known, Initializer->second.getType()))
        Errors.error(
            "initializer '" + Info.name() +
            "' does not have the type of the graph input of this name");
    }
    if (HasDefault && !llvm::is_contained(Options.Inputs, Info.name()))
      continue;
    SmallVector<std::string> Dims;
    Expected<Type> Known =
        readType(B.getContext(), Info.type(), Options, &Dims);
    if (Info.name().empty()) {
      Errors.error("a graph input has no name");
    } else if (!Known) {
      llvm::consumeError(Known.takeError()); // annotate() has reported it.
      S.Values.try_emplace(Info.name(), Value());
      continue;
    } else if (isa<NoneType>(*Known)) {
      Errors.error("graph input '" + Info.name() +
                   "' has no type; annotate it");
    }
    Location Loc = NameLoc::get(B.getStringAttr(Info.name()));
    define(S, Info.name(),
           Body.addArgument(Known ? *Known : Type(B.getNoneType()), Loc),
           "graph input");
    Attrs.push_back(makeValueAttrs(Info.name(), Dims,
                                   HasDefault ? Attribute(Initializer->second)
                                              : Attribute()));
  }
}

void ModelImporter::importMain(ModuleOp Module) {
  const pb::GraphProto &Graph = Model.graph();
  Scope S;
  S.Versions = &Versions;
  annotate(S, Graph.input());
  annotate(S, Graph.value_info());
  annotate(S, Graph.output());
  llvm::StringMap<ElementsAttr> Initializers;
  readInitializers(Graph, Initializers);

  B.setInsertionPointToStart(Module.getBody());
  auto Main =
      func::FuncOp::create(B,
                           NameLoc::get(B.getStringAttr(
                               Graph.name().empty() ? "main" : Graph.name())),
                           "main", B.getFunctionType({}, {}));
  Block &Body = *Main.addEntryBlock();
  B.setInsertionPointToStart(&Body);
  SmallVector<DictionaryAttr> InputAttrs, OutputAttrs;
  addMainInputs(S, Initializers, Body, InputAttrs);
  auto AddConstant = [&](StringRef Name) {
    auto It = Initializers.find(Name);
    if (Name.empty() || It == Initializers.end() || S.Values.contains(Name))
      return;
    Value V;
    if (It->second)
      V = Lift.constant(NameLoc::get(B.getStringAttr(Name)), It->second);
    S.Values.try_emplace(Name, V);
  };
  for (const pb::TensorProto &Tensor : Graph.initializer())
    AddConstant(Tensor.name());
  for (const pb::SparseTensorProto &Sparse : Graph.sparse_initializer())
    AddConstant(Sparse.values().name());
  importNodes(S, Graph.node(), "");

  SmallVector<StringRef> Names;
  llvm::StringSet<> Seen;
  for (const pb::ValueInfoProto &Info : Graph.output()) {
    if (!Seen.insert(Info.name()).second)
      Errors.error("graph output '" + Info.name() +
                   "' occurs twice; names must be unique");
    Names.push_back(Info.name());
  }
  SmallVector<Value> Outputs = findOutputs(S, Names, "graph ");
  for (auto [Info, V] : llvm::zip_equal(Graph.output(), Outputs)) {
    SmallVector<std::string> Dims;
    Expected<Type> Known =
        readType(B.getContext(), Info.type(), Options, &Dims);
    if (!Known)
      llvm::consumeError(Known.takeError());
    else if (V && !S.Contradicted.contains(Info.name()) &&
             !mergeTypes(V.getType(), *Known))
      Errors.error("graph output '" + Info.name() + "' is annotated as " +
                   onnx::getONNXTypeName(*Known) +
                   " of a shape that contradicts its value");
    OutputAttrs.push_back(makeValueAttrs(Info.name(), Dims, {}));
  }
  if (Errors.hasErrors())
    return;
  func::ReturnOp::create(B, B.getUnknownLoc(), Outputs);
  Main.setFunctionType(B.getFunctionType(Body.getArgumentTypes(),
                                         TypeRange(ValueRange(Outputs))));
  Main.setAllArgAttrs(InputAttrs);
  Main.setAllResultAttrs(OutputAttrs);
}

OwningOpRef<ModuleOp> ModelImporter::import() {
  OwningOpRef<ModuleOp> Module =
      ModuleOp::create(FileLineColLoc::get(B.getContext(), Path, 0, 0));
  int64_t IR = Model.ir_version();
  if (IR < OldestIR || IR > NewestIR)
    Errors.error("IR version " + Twine(IR) + " is not one of " +
                 Twine(OldestIR) + " to " + Twine(NewestIR) +
                 "; export the model anew");
  readOpsets(Model.opset_import(), "", Versions);
  if (Model.opset_import().empty())
    Errors.error("the model imports no opset; is it complete?");
  for (const pb::FunctionProto &Function : Model.functions()) {
    std::string Key = (getDomain(Function.domain()) + Twine('\0') +
                       Function.name() + Twine('\0') + Function.overload())
                          .str();
    if (!Functions.try_emplace(Key, &Function).second)
      Errors.error("function '" + Function.name() + "' is defined twice");
  }
  checkOptions();
  if (Errors.hasErrors())
    return nullptr;
  // The last version of which a step asks for a rank is 12.
  auto IsOld = [](const pb::OperatorSetIdProto &Import) {
    return getDomain(Import.domain()).empty() && Import.version() < 13;
  };
  if (llvm::any_of(Model.opset_import(), IsOld) ||
      llvm::any_of(Model.functions(), [&](const pb::FunctionProto &Function) {
        return llvm::any_of(Function.opset_import(), IsOld);
      }))
    Lift.inferTypes();

  importMain(*Module);
  if (Errors.hasErrors())
    return nullptr;
  auto Set = [&](StringRef Name, Attribute Value) {
    (*Module)->setAttr(Name, Value);
  };
  Set("onnx.name", B.getStringAttr(Model.graph().name()));
  Set("onnx.producer", B.getStringAttr(Model.producer_version().empty()
                                           ? Model.producer_name()
                                           : Model.producer_name() + " " +
                                                 Model.producer_version()));
  SmallVector<NamedAttribute> Opsets;
  for (const auto &Entry : Versions)
    Opsets.push_back(
        B.getNamedAttr(Entry.first().empty() ? "ai.onnx" : Entry.first(),
                       B.getI64IntegerAttr(Entry.second)));
  Set("onnx.opset", B.getDictionaryAttr(Opsets));
  Set("onnx.ir_version", B.getI64IntegerAttr(IR));
  Set(onnx::StatedShapes, B.getUnitAttr());
  // Each op has been verified; this holds them together.
  if (failed(verify(*Module)))
    Errors.error("the module that it makes is not valid");
  return Module;
}

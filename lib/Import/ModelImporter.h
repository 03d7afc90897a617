//===- ModelImporter.h - A parsed model to a module -----------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Walks graphs, subgraphs and functions. A node that cannot be imported is
// reported and its outputs poisoned, so that one run reports every independent
// error and no consequences.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_IMPORT_MODELIMPORTER_H
#define LATHE_LIB_IMPORT_MODELIMPORTER_H

#include "Proto.h"
#include "Tensors.h"
#include "Upgrade.h"
#include "lathe/Import/Import.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace lathe::import {

/// Reports errors of one model; past a limit it only counts them.
class Reporter {
public:
  Reporter(mlir::MLIRContext *Context, llvm::StringRef Path);
  void error(const llvm::Twine &Message);
  void warning(const llvm::Twine &Message);
  /// Says how many errors were not printed. True if there were any errors at
  /// all.
  bool finish();
  bool hasErrors() const { return Count != 0; }

private:
  mlir::Location Loc;
  unsigned Count = 0;
};

using Opsets = llvm::StringMap<int64_t>;
/// The attributes of the call of a function, by name; what `ref_attr_name`
/// names.
using AttrMap = llvm::StringMap<const pb::AttributeProto *>;

/// The names of one graph, or of the body of one call of a function.
struct Scope {
  /// The graph around a subgraph, whose names are seen too.
  Scope *Parent = nullptr;
  const Opsets *Versions = nullptr;
  /// Null outside functions.
  const AttrMap *Attrs = nullptr;
  /// Names of the calls that this is inside of, each followed by '/'.
  std::string Prefix;
  /// Null for what could not be imported.
  llvm::StringMap<mlir::Value> Values;
  /// What annotations say.
  llvm::StringMap<mlir::Type> Types;
  /// Names whose annotations contradict each other; reported.
  llvm::StringSet<> Contradicted;
  /// Inputs of a function that its call leaves out.
  llvm::StringSet<> Absent;

  /// The value, null if poisoned, nullopt if there is none of this name.
  std::optional<mlir::Value> lookup(llvm::StringRef Name) const;
  bool isAbsent(llvm::StringRef Name) const;
  /// What annotations say of \p Name, `none` if nothing.
  mlir::Type getType(llvm::StringRef Name, mlir::MLIRContext *Context) const;
};

class ModelImporter {
public:
  ModelImporter(const pb::ModelProto &Model, TensorReader &Tensors,
                Reporter &Errors, llvm::StringRef Path,
                const ImportOptions &Options);
  /// Null after an error.
  mlir::OwningOpRef<mlir::ModuleOp> import();

private:
  using Nodes = google::protobuf::RepeatedPtrField<pb::NodeProto>;
  using ValueInfos = google::protobuf::RepeatedPtrField<pb::ValueInfoProto>;

  // ModelImporter.cpp: the model and its main graph.
  bool readOpsets(
      const google::protobuf::RepeatedPtrField<pb::OperatorSetIdProto> &Imports,
      llvm::StringRef What, Opsets &Result);
  void importMain(mlir::ModuleOp Module);
  void addMainInputs(Scope &S,
                     const llvm::StringMap<mlir::ElementsAttr> &Initializers,
                     mlir::Block &Body,
                     llvm::SmallVectorImpl<mlir::DictionaryAttr> &Attrs);
  void checkOptions();
  mlir::DictionaryAttr makeValueAttrs(llvm::StringRef Name,
                                      llvm::ArrayRef<std::string> Dims,
                                      mlir::Attribute Default);

  // GraphImporter.cpp: what graphs, subgraphs and function bodies share.
  void readInitializers(const pb::GraphProto &Graph,
                        llvm::StringMap<mlir::ElementsAttr> &Result);
  void annotate(Scope &S, const ValueInfos &Infos);
  void importNodes(Scope &S, const Nodes &List, llvm::StringRef What);
  void define(Scope &S, llvm::StringRef Name, mlir::Value V,
              const llvm::Twine &Where);
  /// The region of \p Graph, which is the attribute \p What of a node. Null
  /// after an error.
  std::unique_ptr<mlir::Region> importSubgraph(Scope &Outer,
                                               const pb::GraphProto &Graph,
                                               const llvm::Twine &What);
  /// The values of the outputs, null where poisoned. Reports missing ones.
  llvm::SmallVector<mlir::Value>
  findOutputs(Scope &S, llvm::ArrayRef<llvm::StringRef> Names,
              const llvm::Twine &What);

  // NodeImporter.cpp: one node.
  void importNode(Scope &S, const pb::NodeProto &Proto);
  /// The values of the outputs; an error without text if it has been reported.
  llvm::Expected<llvm::SmallVector<mlir::Value>>
  importNodeValues(Scope &S, const pb::NodeProto &Proto);
  llvm::Expected<const onnx::OpFacts *>
  findSchema(Scope &S, const pb::NodeProto &Proto, llvm::StringRef Domain);
  llvm::Expected<llvm::SmallVector<mlir::Value>>
  inlineFunction(Scope &S, const pb::NodeProto &Proto,
                 const pb::FunctionProto &Function,
                 llvm::ArrayRef<mlir::Value> Inputs);
  const pb::FunctionProto *findFunction(const pb::NodeProto &Proto,
                                        llvm::StringRef Domain) const;
  llvm::SmallVector<mlir::Type>
  getResultTypes(const Scope &S, const pb::NodeProto &Proto) const;

  // AttributeImporter.cpp: its attributes.
  llvm::Error readAttributes(Scope &S, const pb::NodeProto &Proto,
                             const onnx::OpFacts &Schema, Node &N);
  llvm::Expected<mlir::Attribute> readAttribute(const pb::AttributeProto &Attr,
                                                const onnx::AttrFacts &Facts);
  llvm::Expected<mlir::ElementsAttr> readConstant(Scope &S,
                                                  const pb::NodeProto &Proto);
  /// \p Attr, or what it refers to inside a function; null if the call does not
  /// give it.
  const pb::AttributeProto *resolve(const Scope &S,
                                    const pb::AttributeProto &Attr) const;

  const pb::ModelProto &Model;
  TensorReader &Tensors;
  Reporter &Errors;
  llvm::StringRef Path;
  const ImportOptions &Options;
  mlir::OpBuilder B;
  Upgrader Lift;
  Opsets Versions;
  llvm::StringMap<const pb::FunctionProto *> Functions;
  llvm::SmallVector<const pb::FunctionProto *> CallStack;
  unsigned NodesImported = 0;
};

/// `node 'name' (Op)`; a node without a name is called by its first output.
std::string describe(const pb::NodeProto &Proto, llvm::StringRef Prefix = "");
llvm::StringRef getName(const pb::NodeProto &Proto);
/// "" for ai.onnx.
llvm::StringRef getDomain(llvm::StringRef Domain);

/// An order of \p List in which each node follows the producers of its inputs
/// (captured ones too): the given order wherever that is one. An error names
/// the nodes of a cycle.
llvm::Expected<llvm::SmallVector<const pb::NodeProto *>>
sortNodes(const google::protobuf::RepeatedPtrField<pb::NodeProto> &List);

} // namespace lathe::import

#endif // LATHE_LIB_IMPORT_MODELIMPORTER_H

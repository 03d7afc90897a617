//===- Upgrade.h - Nodes of old opsets to the newest ----------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A node is read into a Node of whatever version its opset says and lifted one
// version step at a time. A step is one of
// * unchanged: the newer schema says the same of every node of the older one;
// * a rule, which rewrites the node in place or expands it into other nodes;
// * a refusal, with its reason.
// The tables are in Upgrade*.cpp by family. A unit test walks every step of
// every schema: each is in exactly one table.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_IMPORT_UPGRADE_H
#define LATHE_LIB_IMPORT_UPGRADE_H

#include "lathe/ONNX/Facts.h"
#include "lathe/ONNX/IncrementalInference.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <optional>

namespace lathe::import {

/// A node before it is an op. Strings point into tables, the model or literals.
struct Node {
  explicit Node(mlir::Location Loc) : Loc(Loc) {}

  llvm::StringRef Domain, OpType;
  unsigned Version = 0;
  /// Null where an optional input is absent.
  llvm::SmallVector<mlir::Value> Inputs;
  mlir::NamedAttrList Attrs;
  llvm::SmallVector<std::pair<llvm::StringRef, std::unique_ptr<mlir::Region>>>
      Graphs;
  /// One an output: `none` if the type is not known, null if the output is
  /// omitted.
  llvm::SmallVector<mlir::Type> ResultTypes;
  mlir::Location Loc;
  /// Set by a rule that has expanded the node: the values of the outputs.
  std::optional<llvm::SmallVector<mlir::Value>> Replacement;

  mlir::Value getInput(unsigned Index) const {
    return Index < Inputs.size() ? Inputs[Index] : mlir::Value();
  }
  bool hasOutput(unsigned Index) const {
    return Index < ResultTypes.size() && ResultTypes[Index];
  }
  /// The attribute, removed from the node; null if absent.
  mlir::Attribute take(llvm::StringRef Name) { return Attrs.erase(Name); }
  int64_t takeInt(llvm::StringRef Name, int64_t Default);
  double takeFloat(llvm::StringRef Name, double Default);
  std::optional<llvm::SmallVector<int64_t>> takeInts(llvm::StringRef Name);
  llvm::StringRef getString(llvm::StringRef Name,
                            llvm::StringRef Default) const;
};

/// Lifts nodes and emits them as ops; what the rules build with.
class Upgrader {
public:
  explicit Upgrader(mlir::OpBuilder &B) : B(B) {}

  /// From now on every op is refined when it is built, because rules of old
  /// opsets ask for ranks and element types.
  void inferTypes() { Inference.emplace(B.getContext()); }

  /// Lifts \p N to the newest version and builds its op. Gives a value for each
  /// output.
  llvm::Expected<llvm::SmallVector<mlir::Value>> build(Node N);

  /// Makes and lifts a node of ai.onnx with one output. An Error is held and
  /// given by the enclosing build().
  mlir::Value emit(mlir::Location Loc, llvm::StringRef OpType, unsigned Version,
                   llvm::ArrayRef<mlir::Value> Inputs,
                   llvm::ArrayRef<mlir::NamedAttribute> Attrs = {},
                   mlir::Type Result = {});

  mlir::Value constant(mlir::Location Loc, mlir::ElementsAttr Value);
  mlir::Value ints(mlir::Location Loc, llvm::ArrayRef<int64_t> Values);
  mlir::Value intScalar(mlir::Location Loc, int64_t Value);
  mlir::Value floats(mlir::Location Loc, llvm::ArrayRef<float> Values);
  /// A scalar of the element type of \p Like; null if that is unknown or no
  /// number.
  mlir::Value scalarLike(mlir::Location Loc, mlir::Value Like, double Value);

  mlir::NamedAttribute attr(llvm::StringRef Name, int64_t Value);
  mlir::NamedAttribute attr(llvm::StringRef Name, llvm::StringRef Value);
  mlir::NamedAttribute attr(llvm::StringRef Name,
                            llvm::ArrayRef<int64_t> Values);

  mlir::OpBuilder &B;

private:
  llvm::Expected<llvm::SmallVector<mlir::Value>> buildOp(Node &N);
  std::optional<onnx::IncrementalInference> Inference;
  /// The first error of an emit(), until the enclosing build() gives it.
  std::string Pending;
};

/// The constant integers of \p Value, if it is a constant of up to 64 of them.
std::optional<llvm::SmallVector<int64_t>> getConstantInts(mlir::Value Value);
/// The constant floating point numbers of \p Value, likewise.
std::optional<llvm::SmallVector<double>> getConstantFloats(mlir::Value Value);
std::optional<int64_t> getRank(mlir::Value Value);
/// The element type, null if not known.
mlir::Type getElementTypeOf(mlir::Value Value);

using Rule = llvm::Error (*)(Node &N, Upgrader &U);

/// One step of an op. Fn is null for a refusal, whose Reason is then set.
struct Step {
  llvm::StringLiteral Domain, OpType;
  unsigned From, To;
  Rule Fn;
  llvm::StringLiteral Reason = "";
};

/// A run of versions of which each says the same of a node as the one before.
struct UnchangedRun {
  llvm::StringLiteral Domain, OpType;
  unsigned char Versions[12]; // Ends at a 0.
};

llvm::ArrayRef<Step> getMathSteps();
llvm::ArrayRef<Step> getShapeSteps();
llvm::ArrayRef<Step> getNNSteps();
llvm::ArrayRef<Step> getControlSteps();
llvm::ArrayRef<UnchangedRun> getUnchangedRuns();

/// The step of an op from \p From to \p To, if it is a rule or a refusal.
const Step *findStep(llvm::StringRef Domain, llvm::StringRef OpType,
                     unsigned From, unsigned To);
bool isUnchanged(llvm::StringRef Domain, llvm::StringRef OpType, unsigned From,
                 unsigned To);

} // namespace lathe::import

#endif // LATHE_LIB_IMPORT_UPGRADE_H

//===- Artifacts.h - Files that a compilation leaves ------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Everything is written under temporary names beside its place and renamed at
// the very end, all or nothing: an error leaves no file behind and no old one
// harmed.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_DRIVER_ARTIFACTS_H
#define LATHE_DRIVER_ARTIFACTS_H

#include "lathe/Driver/Compiler.h"
#include <optional>
#include <string>

namespace lathe::driver {

enum class ArtifactKind {
  Object,
  Archive,
  SharedLibrary,
  Assembly,
  LLVMText,
  LLVMBitcode,
  MLIR,
  /// The kernels of a GPU: PTX, or their LLVM IR.
  PTX,
  DeviceLLVMText
};

/// What to write where.
struct ArtifactRequest {
  ArtifactKind Kind = ArtifactKind::Object;
  /// "-" is the standard output, for text.
  std::string Path;
  /// Where a rule for make goes that names what the output depends on; empty:
  /// nowhere.
  std::string DependencyFile;
  /// For MLIR: the form after which stage.
  Stage Form = Stage::Import;
  /// For MLIR: print large constants.
  bool PrintWeights = false;
};

/// The kind that \p Ending (without the dot) or a value of --emit names.
std::optional<ArtifactKind> artifactKind(llvm::StringRef Ending);

/// A rule for make (and ninja): \p Target depends on \p Files. What is special
/// in such a rule is escaped.
std::string dependencyRule(llvm::StringRef Target,
                           llvm::ArrayRef<std::string> Files);

/// The stage that a value of --emit names.
std::optional<Stage> stageFromName(llvm::StringRef Name);

/// Makes sure, before any work, that \p Request can be written. Reports an
/// error through \p C.
bool checkWritable(Compiler &C, const ArtifactRequest &Request);

/// Compiles \p Module, which is at \p From, and writes what is asked for: the
/// file, and beside an object, archive, library or text its header and (text)
/// the weights.
mlir::LogicalResult writeArtifact(Compiler &C, mlir::ModuleOp Module,
                                  Stage From, const ArtifactRequest &Request);

} // namespace lathe::driver

#endif // LATHE_DRIVER_ARTIFACTS_H

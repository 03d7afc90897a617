//===- Compiler.h - From an ONNX file to object bytes -----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The compiler as a library: joins the stages, one module at a time. Errors are
// printed to the stream given, one line or more each, naming file, node and
// reason; a function that fails has printed at least one. Nothing is written to
// files but what the caller gives.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_DRIVER_COMPILER_H
#define LATHE_DRIVER_COMPILER_H

#include "lathe/Driver/CompilerOptions.h"
#include "lathe/Driver/PassReport.h"
#include "lathe/Import/DiagnosticPrinter.h"
#include "lathe/Target/Emission.h"
#include "lathe/Target/ModelInfo.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "llvm/Support/ThreadPool.h"
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace lathe::driver {

/// What is known while passes run, so that an internal failure can be told.
struct PassProgress {
  std::string Pass, Node;
};

/// The progress of each thread. Functions of a module are worked on by several.
class ProgressBoard {
public:
  void set(PassProgress At);
  /// That of this thread, or else of the one that began the compilation.
  PassProgress get() const;

private:
  mutable std::mutex Lock;
  std::map<std::thread::id, PassProgress> ByThread;
  std::optional<std::thread::id> First;
};

class Compiler {
public:
  /// Resolves the target; null after an error.
  static std::unique_ptr<Compiler> create(CompilerOptions Options,
                                          llvm::raw_ostream &Errors);
  ~Compiler();

  const CompilerOptions &options() const { return Options; }
  const target::TargetSpec &target() const { return Target; }
  mlir::MLIRContext &context() { return *Context; }
  PassProgress progress() const { return Progress.get(); }
  /// What the passes did that ran so far.
  PassReport &report() { return Report; }
  bool hasErrors() const { return NumErrors != 0; }

  /// Paths of the files that the output depends on, in the order they were
  /// read: the model, external data, calibration samples.
  llvm::ArrayRef<std::string> filesRead() const { return FilesRead; }
  void addFileRead(llvm::StringRef Path) { FilesRead.push_back(Path.str()); }

  /// Reads a model. Its stage is Import.
  mlir::OwningOpRef<mlir::ModuleOp> load(llvm::StringRef Path);

  /// Takes \p Module from the form of \p From to that of \p To.
  mlir::LogicalResult run(mlir::ModuleOp Module, Stage From, Stage To);

  /// Only makes the shapes of \p Module, at the stage Import, known.
  mlir::LogicalResult inferShapes(mlir::ModuleOp Module);

  /// Writes \p Module, which is at the stage LLVM, as \p Kind. Weights are not
  /// in it: see finishObject and, for text, \p WeightsFile.
  mlir::LogicalResult emit(mlir::ModuleOp Module, target::FileKind Kind,
                           llvm::raw_pwrite_stream &Stream,
                           llvm::StringRef WeightsFile = {});

  /// Makes of what `emit` wrote the object: finds that it needs no other names
  /// than those that are promised, and writes the weights over their zeros.
  mlir::LogicalResult finishObject(mlir::ModuleOp Module,
                                   llvm::MutableArrayRef<char> Buffer);
  /// As above, of a file.
  mlir::LogicalResult finishObjectFile(mlir::ModuleOp Module,
                                       llvm::StringRef Path);

  /// All of it: the object's bytes, as a file of it would hold them.
  std::unique_ptr<llvm::MemoryBuffer> compileToMemory(mlir::ModuleOp Module,
                                                      Stage From);

  /// Every op that would not compile, as error messages; success if there is
  /// none.
  mlir::LogicalResult check(mlir::ModuleOp Module);

  /// Prints \p Message as an error of the model's file.
  void error(const llvm::Twine &Message);

private:
  Compiler(CompilerOptions Options, llvm::raw_ostream &Errors);

  CompilerOptions Options;
  llvm::raw_ostream &Errors;
  target::TargetSpec Target;
  std::unique_ptr<llvm::ThreadPoolInterface> Pool;
  std::unique_ptr<mlir::MLIRContext> Context;
  std::unique_ptr<import::DiagnosticPrinter> Printer;
  std::unique_ptr<mlir::ScopedDiagnosticHandler> Counter;
  mlir::DefaultTimingManager Timing;
  mlir::TimingScope RootTiming;
  ProgressBoard Progress;
  PassReport Report;
  std::string ModelPath;
  std::vector<std::string> FilesRead;
  unsigned NumErrors = 0;
};

/// Every pass of a compilation from \p From to \p To, by its name.
std::vector<std::string> passNames(Stage From, Stage To,
                                   const CompilerOptions &Options,
                                   const target::TargetSpec &Target);

/// The passes among them that can be left out: the result is the same, only
/// larger or slower.
std::vector<std::string> optionalPasses(const CompilerOptions &Options,
                                        const target::TargetSpec &Target);

/// Appends the passes that lead from the form of \p From to that of \p To.
/// \p Options.Name is an identifier.
void buildPipeline(mlir::OpPassManager &PM, Stage From, Stage To,
                   const CompilerOptions &Options,
                   const target::TargetSpec &Target);

/// Registers the pipelines `lathe-<stage>` and `lathe-compile` (all of them).
void registerPipelines();

} // namespace lathe::driver

#endif // LATHE_DRIVER_COMPILER_H

//===- lathe-opt.cpp - Run passes on .mlir and .onnx files ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// mlir-opt with every pass of ours, reading .onnx files too: those are
// imported, then go through the same passes. Data of large constants is not
// printed as text unless
// --print-weights is given; bytecode holds everything.
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/PassReport.h"
#include "lathe/Driver/Registration.h"
#include "lathe/Import/DiagnosticPrinter.h"
#include "lathe/Import/Import.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Support/Timing.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
namespace cl = llvm::cl;

/// Imports the file and runs the pipeline of the command line on it.
static LogicalResult runOnONNX(StringRef InputFile, StringRef OutputFile,
                               const DialectRegistry &Registry,
                               const lathe::import::ImportOptions &Options,
                               const MlirOptMainConfig &Config) {
  MLIRContext Context(Registry);
  Context.allowUnregisteredDialects(Config.shouldAllowUnregisteredDialects());
  lathe::import::DiagnosticPrinter Printer(&Context, InputFile);

  OwningOpRef<ModuleOp> Module =
      lathe::import::importONNXFile(InputFile, Context, Options);
  if (!Module)
    return failure();
  PassManager PM(&Context, ModuleOp::getOperationName(),
                 PassManager::Nesting::Implicit);
  DefaultTimingManager Timing;
  applyDefaultTimingManagerCLOptions(Timing);
  TimingScope Root = Timing.getRootScope();
  PM.enableTiming(Root);
  if (failed(applyPassManagerCLOptions(PM)) ||
      failed(Config.setupPassPipeline(PM)) || failed(PM.run(*Module)))
    return failure();

  std::string Message;
  std::unique_ptr<llvm::ToolOutputFile> Output =
      openOutputFile(OutputFile, &Message);
  if (!Output) {
    llvm::errs() << Message << '\n';
    return failure();
  }
  if (Config.shouldEmitBytecode()) {
    BytecodeWriterConfig WriterConfig;
    if (std::optional<int64_t> Version = Config.bytecodeVersionToEmit())
      WriterConfig.setDesiredBytecodeVersion(*Version);
    if (failed(writeBytecodeToFile(*Module, Output->os(), WriterConfig)))
      return failure();
  } else {
    // Where all resources are elided MLIR leaves an empty block behind the
    // module.
    std::string Text;
    llvm::raw_string_ostream TextStream(Text);
    Module->print(TextStream);
    StringRef Shown = Text;
    Shown.consume_back("\n{-#\n\n#-}\n");
    Output->os() << Shown.rtrim() << "\n\n"; // As mlir-opt ends.
  }
  Output->keep();
  return success();
}

/// As MlirOptMain with file names, but with \p Config.
static LogicalResult runOnMLIR(StringRef InputFile, StringRef OutputFile,
                               DialectRegistry &Registry,
                               const MlirOptMainConfig &Config) {
  std::string Message;
  std::unique_ptr<llvm::MemoryBuffer> Input =
      openInputFile(InputFile, &Message);
  std::unique_ptr<llvm::ToolOutputFile> Output =
      Input ? openOutputFile(OutputFile, &Message) : nullptr;
  if (!Output) {
    llvm::errs() << Message << '\n';
    return failure();
  }
  if (failed(MlirOptMain(Output->os(), std::move(Input), Registry, Config)))
    return failure();
  Output->keep();
  return success();
}

int main(int argc, char **argv) {
  // Not through cl::opt alone: the default of one of MLIR's own options depends
  // on it.
  SmallVector<char *> Args(argv, argv + argc);
  std::string Elide = "--mlir-elide-resource-strings-if-larger=0";
  if (llvm::none_of(Args, [](StringRef Arg) {
        return Arg.ltrim('-') == "print-weights" ||
               Arg.contains("mlir-elide-resource-strings-if-larger");
      }))
    Args.insert(Args.begin() + 1, Elide.data());
  int NumArgs = Args.size();

  cl::opt<bool> PrintWeights("print-weights",
                             cl::desc("Print the data of large constants too"));
  cl::opt<bool> PassStatistics(
      "pass-statistics",
      cl::desc("Print what the passes count (of ours; those "
               "of MLIR count only in LLVM's debug builds)"));
  cl::list<std::string> Inputs(
      "input",
      cl::desc("Of an .onnx file: keep the input that has an initializer as an "
               "input with that default"),
      cl::value_desc("name"));
  cl::list<std::string> Dims(
      "dim", cl::desc("Of an .onnx file: make a symbolic dimension static"),
      cl::value_desc("name=size"));
  lathe::registerAllPasses();
  DialectRegistry Registry;
  lathe::registerAllDialects(Registry);
  auto [InputFile, OutputFile] = registerAndParseCLIOptions(
      NumArgs, Args.data(), "Lathe optimizer driver\n", Registry);
  bool IsONNX = lathe::import::isONNXFile(InputFile);
  if (!IsONNX && !PassStatistics)
    return asMainReturnCode(
        MlirOptMain(NumArgs, Args.data(), InputFile, OutputFile, Registry));

  llvm::InitLLVM Init(argc, argv);
  lathe::driver::PassReport Report;
  auto PrintReport =
      llvm::make_scope_exit([&] { Report.printCounters(llvm::errs()); });
  MlirOptMainConfig Given = MlirOptMainConfig::createFromCLOptions(),
                    Config = Given;
  if (PassStatistics)
    Config.setPassPipelineSetupFn([&](PassManager &PM) {
      PM.addInstrumentation(Report.instrument());
      return Given.setupPassPipeline(PM);
    });
  if (!IsONNX)
    return asMainReturnCode(runOnMLIR(InputFile, OutputFile, Registry, Config));
  lathe::import::ImportOptions Options;
  Options.Inputs.assign(Inputs.begin(), Inputs.end());
  for (StringRef Dim : Dims) {
    auto [Name, Size] = Dim.rsplit('=');
    int64_t Number;
    if (Name.empty() || Size.getAsInteger(10, Number)) {
      llvm::errs() << "lathe-opt: --dim=" << Dim << ": expected NAME=SIZE\n";
      return 1;
    }
    Options.Dims.emplace_back(Name.str(), Number);
  }
  return asMainReturnCode(
      runOnONNX(InputFile, OutputFile, Registry, Options, Config));
}

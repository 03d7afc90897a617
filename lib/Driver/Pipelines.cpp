//===- Pipelines.cpp - The stages, joined ---------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each stage describes its own passes; here stands only what they are told.
//
//===----------------------------------------------------------------------===//

#include "lathe/Codegen/Passes.h"
#include "lathe/Codegen/Tabulate.h"
#include "lathe/Compress/Pipeline.h"
#include "lathe/Driver/Compiler.h"
#include "lathe/Driver/Evaluator.h"
#include "lathe/Driver/Version.h"
#include "lathe/Graph/Passes.h"
#include "lathe/Graph/Pipeline.h"
#include "lathe/Kernel/Pipeline.h"
#include "lathe/Lower/Passes.h"
#include "lathe/ONNX/Passes.h"
#include "lathe/Target/Device.h"
#include "lathe/Target/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace lathe;
using namespace lathe::driver;
using namespace mlir;

/// Each function by itself: in threads, and done again only where it changes.
static void cleanFunctions(OpPassManager &PM) {
  OpPassManager &Each = PM.nestAny();
  Each.addPass(createCanonicalizerPass());
  Each.addPass(createCSEPass());
}

static void buildStage(OpPassManager &PM, Stage S,
                       const CompilerOptions &Options,
                       const target::TargetSpec &Target) {
  TargetDescription Machine = Target.Description;
  if (Options.StrictFloats)
    // Products are rounded before they are added, in the order of the loops.
    Machine.HasFMA = false;
  switch (S) {
  case Stage::Import:
    return;
  case Stage::Graph: {
    graph::PipelineOptions Graph;
    Graph.Optimize = Options.OptLevel > 0;
    Graph.KeepRounding = Options.StrictFloats;
    // Bytes have a scale for each tensor, heads go with their own projections.
    Graph.KeepAttended =
        Options.Compress.Quantize == compress::Options::Kind::Int8 ||
        Options.Compress.Prune.Channels != 0;
    Graph.FoldLimitBytes = Options.FoldLimitBytes;
    Graph.Remarks = Options.Remarks;
    Graph.Evaluator = &hostEvaluator();
    graph::buildPipeline(PM, Graph);
    return;
  }
  case Stage::Compress: {
    compress::PipelineOptions Compress;
    Compress.Evaluator = &hostEvaluator();
    Compress.Compress = Options.Compress;
    Compress.Unit = compress::byteUnit(Machine);
    Compress.Samples = Options.Samples.get();
    Compress.Remarks = Options.Remarks;
    Compress.Integers = Options.OptLevel > 0;
    Compress.Reorder = Options.OptLevel >= 2 && !Options.StrictFloats;
    compress::buildPipeline(PM, Compress);
    return;
  }
  case Stage::Lower: {
    lower::LowerOptions Lower;
    Lower.NativeHalf = Machine.HasF16Conversion;
    Lower.SignedRows = Machine.wantsSignedRows();
    Lower.ByteWords = Machine.wantsByteWords();
    lower::buildLowerPipeline(PM, Lower);
    return;
  }
  case Stage::Kernel: {
    kernel::PipelineOptions Kernel;
    Kernel.Fuse = Options.OptLevel > 0;
    // Another layout brings another order of the loops of a sum.
    Kernel.Layouts = Options.OptLevel >= 2 && !Options.StrictFloats;
    // Packed panels are for the registers of a processor.
    Kernel.Schedules =
        Options.Emitters && !Options.StrictFloats && !Machine.IsGPU;
    Kernel.ByteValues = codegen::tabulate;
    Kernel.Target = Machine;
    kernel::buildPipeline(PM, Kernel);
    return;
  }
  case Stage::Codegen:
    PM.addPass(target::createRecordInterface());
    PM.addPass(codegen::createCodegenBufferizePass());
    cleanFunctions(PM);
    PM.addPass(codegen::createCodegenPlanArenaPass());
    if (Machine.IsGPU)
      PM.addPass(codegen::createEmitGPUKernelsPass(
          Machine, /*OrderedSums=*/Options.StrictFloats, Options.Remarks));
    else
      PM.addPass(codegen::createEmitKernelsPass(
          Machine, /*Nests=*/true, /*OrderedSums=*/Options.StrictFloats));
    cleanFunctions(PM);
    PM.addPass(codegen::createExpandLookupsPass(Machine));
    PM.addPass(codegen::createExpandMathPass(Machine));
    if (Machine.IsGPU) {
      PM.addPass(codegen::createSplitDevicePass());
      PM.addPass(codegen::createDeviceToLLVMPass());
    }
    PM.addPass(codegen::createCodegenToLLVMPass());
    return;
  case Stage::LLVM: {
    target::BuildABIOptions ABI;
    ABI.name = Options.Name;
    ABI.version = version();
    ABI.recorded = Options.Recorded;
    ABI.pointerBits = Machine.PointerBits;
    if (Target.Device)
      PM.addPass(target::createEmbedDevicePass(Target, Options.OptLevel));
    PM.addPass(target::createBuildABI(ABI));
    return;
  }
  }
}

namespace {
/// An iterator that hands out the passes themselves.
struct PassSlot : OpPassManager::pass_iterator {
  explicit PassSlot(OpPassManager::pass_iterator It)
      : OpPassManager::pass_iterator(It) {}
  std::unique_ptr<Pass> take() { return std::move(*wrapped()); }
};
} // namespace

/// Moves the passes of \p From to \p To, but those with a name in \p Disabled.
static void moveEnabled(OpPassManager &From, OpPassManager &To,
                        llvm::ArrayRef<std::string> Disabled) {
  // Each pass changes its owner, unless it is to be left out.
  for (PassSlot It(From.begin()), End(From.end()); It != End; ++It) {
    if (llvm::is_contained(Disabled, It->getArgument()))
      continue;
    if (OpPassManager *Round = graph::roundOf(*It)) {
      OpPassManager Rest(ModuleOp::getOperationName());
      moveEnabled(*Round, Rest, Disabled);
      *Round = std::move(Rest);
    }
    To.addPass(It.take());
  }
}

void driver::buildPipeline(OpPassManager &PM, Stage From, Stage To,
                           const CompilerOptions &Options,
                           const target::TargetSpec &Target) {
  for (unsigned S = unsigned(From) + 1; S <= unsigned(To); ++S) {
    OpPassManager Whole(ModuleOp::getOperationName());
    buildStage(Whole, Stage(S), Options, Target);
    moveEnabled(Whole, PM, Options.DisabledPasses);
  }
}

static void addNames(OpPassManager &PM, std::vector<std::string> &Names) {
  for (Pass &P : PM.getPasses()) {
    if (!P.getArgument().empty())
      Names.push_back(P.getArgument().str());
    if (OpPassManager *Round = graph::roundOf(P))
      addNames(*Round, Names);
  }
}

std::vector<std::string> driver::passNames(Stage From, Stage To,
                                           const CompilerOptions &Options,
                                           const target::TargetSpec &Target) {
  OpPassManager PM(ModuleOp::getOperationName());
  buildPipeline(PM, From, To, Options, Target);
  std::vector<std::string> Names;
  addNames(PM, Names);
  return Names;
}

std::vector<std::string>
driver::optionalPasses(const CompilerOptions &Options,
                       const target::TargetSpec &Target) {
  CompilerOptions Least = Options;
  Least.OptLevel = 0;
  Least.Emitters = false;
  std::vector<std::string> Needed = passNames(Stage::Import, Stage::LLVM, Least,
                                              Target),
                           Optional;
  for (std::string &Name :
       passNames(Stage::Import, Stage::LLVM, Options, Target))
    if (!llvm::is_contained(Needed, Name) &&
        !llvm::is_contained(Optional, Name))
      Optional.push_back(std::move(Name));
  return Optional;
}

namespace {
/// What a pipeline may be told on the command line of lathe-opt.
struct CommandLine : PassPipelineOptions<CommandLine> {
  PassOptions::Option<std::string> Target{
      *this, "target", llvm::cl::init("x86-64"),
      llvm::cl::desc("Machine to compile for")};
  PassOptions::Option<std::string> CPU{
      *this, "cpu", llvm::cl::desc("CPU in LLVM's spelling")};
  PassOptions::Option<std::string> Name{
      *this, "name", llvm::cl::init("model"),
      llvm::cl::desc("Prefix of the C functions")};
  PassOptions::Option<unsigned> OptLevel{
      *this, "O", llvm::cl::init(3), llvm::cl::desc("0 to 3, as lathe's -O")};
  PassOptions::Option<bool> Emitters{
      *this, "emitters", llvm::cl::init(true),
      llvm::cl::desc("False: the generic tier alone")};
  ListOption<std::string> Disable{
      *this, "disable",
      llvm::cl::desc("Passes to leave out, as --disable-pass")};
  PassOptions::Option<bool> Remarks{
      *this, "remarks", llvm::cl::init(false),
      llvm::cl::desc("Report what passes left undone, and why")};
};
} // namespace

static void registerPipeline(llvm::StringRef Name, llvm::StringRef About,
                             Stage From, Stage To) {
  PassPipelineRegistration<CommandLine>(
      Name, About, [From, To](OpPassManager &PM, const CommandLine &Given) {
        CompilerOptions Options;
        Options.Name = Given.Name;
        Options.OptLevel = Given.OptLevel;
        Options.Emitters = Given.Emitters && Given.OptLevel >= 2;
        Options.DisabledPasses.assign(Given.Disable.begin(),
                                      Given.Disable.end());
        Options.Remarks = Given.Remarks;
        // A wrong name cannot be reported from here but as a crash; the
        // baseline stands in for it.
        llvm::Expected<target::TargetSpec> Target =
            target::resolveTarget({Given.Target, Given.CPU, ""});
        if (!Target) {
          llvm::errs() << "error: " << llvm::toString(Target.takeError())
                       << "; using x86-64\n";
          Target = target::resolveTarget({"x86-64", "", ""});
        }
        buildPipeline(PM, From, To, Options, *Target);
      });
}

void driver::registerPipelines() {
  registerPipeline("lathe-graph", "The stage Graph", Stage::Import,
                   Stage::Graph);
  registerPipeline("lathe-kernel", "The stage Kernel", Stage::Lower,
                   Stage::Kernel);
  registerPipeline("lathe-codegen", "The stage Codegen", Stage::Kernel,
                   Stage::Codegen);
  registerPipeline("lathe-compile",
                   "Every stage, from the onnx dialect to the LLVM dialect",
                   Stage::Import, Stage::LLVM);
}

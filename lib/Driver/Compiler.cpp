//===- Compiler.cpp - From an ONNX file to object bytes -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/Compiler.h"
#include "lathe/Driver/Registration.h"
#include "lathe/Driver/Version.h"
#include "lathe/Lower/Patterns.h"
#include "lathe/ONNX/ConstantMemory.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/Passes.h"
#include "lathe/Support/Names.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"

using namespace lathe;
using namespace lathe::driver;
using namespace mlir;

llvm::StringRef driver::stageName(Stage S) {
  static constexpr llvm::StringRef Names[] = {
      "import", "graph", "compress", "lower", "kernel", "codegen", "llvm"};
  return Names[unsigned(S)];
}

std::string driver::version() {
  return LATHE_VERSION " (LLVM " LLVM_VERSION_STRING ")";
}

//===----------------------------------------------------------------------===//
// Diagnostics
//===----------------------------------------------------------------------===//

void Compiler::error(const llvm::Twine &Message) {
  Errors << (ModelPath.empty() ? "lathe" : ModelPath) << ": error: " << Message
         << "\n";
  ++NumErrors;
}

void ProgressBoard::set(PassProgress At) {
  std::lock_guard<std::mutex> Guard(Lock);
  if (!First)
    First = std::this_thread::get_id();
  ByThread[std::this_thread::get_id()] = std::move(At);
}

PassProgress ProgressBoard::get() const {
  std::lock_guard<std::mutex> Guard(Lock);
  auto It = ByThread.find(std::this_thread::get_id());
  if (It == ByThread.end() && First)
    It = ByThread.find(*First);
  return It == ByThread.end() ? PassProgress() : It->second;
}

namespace {
/// Keeps the name of the pass that runs, and of the node it runs on. Shown are
/// passes on the whole module, which one thread runs.
struct ProgressTracker : PassInstrumentation {
  ProgressTracker(ProgressBoard &Progress, bool Show, llvm::raw_ostream &OS)
      : Progress(Progress), Show(Show), OS(OS) {}

  void runBeforePass(Pass *P, Operation *Op) override {
    if (P->getArgument().empty())
      return;
    Progress.set(
        {P->getArgument().str(), onnx::getNodeName(Op->getLoc()).str()});
    if (Show && isa<ModuleOp>(Op))
      OS << "\r\x1b[K" << P->getArgument();
  }

  ProgressBoard &Progress;
  bool Show;
  llvm::raw_ostream &OS;
};
} // namespace

namespace {
/// What a pass read of the model's files need not stay in memory.
struct FileReleaser : PassInstrumentation {
  void runAfterPass(Pass *, Operation *Op) override {
    if (isa<ModuleOp>(Op))
      if (auto *Memory = onnx::ConstantMemory::of(Op->getContext()))
        Memory->releaseFiles();
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// The compiler
//===----------------------------------------------------------------------===//

Compiler::Compiler(CompilerOptions Given, llvm::raw_ostream &Errors)
    : Options(std::move(Given)), Errors(Errors) {
  Options.Name = makeIdentifier(Options.Name);
  DialectRegistry Registry;
  registerAllDialects(Registry);
  // Who looks at single passes gets them one after the other.
  bool Alone = Options.Jobs == 1 || !Options.PrintIRAfter.empty() ||
               !Options.Reproducer.empty();
  Context =
      std::make_unique<MLIRContext>(Registry, MLIRContext::Threading::DISABLED);
  if (!Alone) {
    Pool = std::make_unique<llvm::DefaultThreadPool>(
        llvm::hardware_concurrency(Options.Jobs));
    Context->setThreadPool(*Pool);
  }
  Context->printOpOnDiagnostic(false);
  Timing.setEnabled(Options.TimePasses);
  Timing.setOutput(
      createOutputStrategy(DefaultTimingManager::OutputFormat::Text, Errors));
  RootTiming = Timing.getRootScope();
}

Compiler::~Compiler() {
  if (Options.PassStatistics)
    Report.printCounters(Errors);
  RootTiming.stop();
  // Printing happens here, while the stream is there.
  Timing.setEnabled(Options.TimePasses);
}

/// Level and machine as options: -O3 --target=... --cpu=... --features=...
static std::string recordMachine(const CompilerOptions &Options,
                                 const target::TargetSpec &Target) {
  std::string Text = "-O" + std::to_string(Options.OptLevel) +
                     " --target=" + Target.Triple + " --cpu=" + Target.CPU;
  if (!Target.FeatureChanges.empty())
    Text += " --features=" + Target.FeatureChanges;
  return Text;
}

std::unique_ptr<Compiler> Compiler::create(CompilerOptions Options,
                                           llvm::raw_ostream &Errors) {
  llvm::Expected<target::TargetSpec> Target =
      target::resolveTarget(Options.Target);
  if (!Target) {
    Errors << "lathe: error: " << llvm::toString(Target.takeError()) << "\n";
    return nullptr;
  }
  std::unique_ptr<Compiler> C(new Compiler(std::move(Options), Errors));
  C->Target = std::move(*Target);
  std::string &Recorded = C->Options.Recorded;
  Recorded = recordMachine(C->Options, C->Target) +
             (Recorded.empty() ? "" : " ") + Recorded;
  // Nested passes bear names of MLIR's; those are looked up in its registry.
  std::vector<std::string> Names =
      passNames(Stage::Import, Stage::LLVM, C->Options, C->Target);
  llvm::SmallVector<llvm::StringRef> Known(Names.begin(), Names.end());
  for (const std::string &Name : C->Options.PrintIRAfter)
    if (!llvm::is_contained(Known, Name) && !PassInfo::lookup(Name)) {
      C->error("'--print-ir-after=" + Name + "': no such pass" +
               suggestNames(Name, Known));
      return nullptr;
    }
  // A pass that does not run at this level is left out already.
  CompilerOptions All = C->Options;
  All.OptLevel = 3;
  All.Emitters = true;
  All.StrictFloats = false;
  All.DisabledPasses.clear();
  std::vector<std::string> Optional = optionalPasses(All, C->Target);
  for (const std::string &Name : C->Options.DisabledPasses)
    if (!llvm::is_contained(Optional, Name)) {
      llvm::SmallVector<llvm::StringRef> Near(Optional.begin(), Optional.end());
      C->error("'--disable-pass=" + Name + "': " +
               (llvm::is_contained(Names, Name) || PassInfo::lookup(Name)
                    ? "the model would not compile without this pass"
                    : "no such pass" + suggestNames(Name, Near)));
      return nullptr;
    }
  return C;
}

/// Reads a module of the onnx dialect, as lathe-opt writes it, text or
/// bytecode.
static OwningOpRef<ModuleOp> readIR(llvm::StringRef Path,
                                    MLIRContext &Context) {
  // Parsing makes its own locations; what concerns the file as a whole has
  // none.
  Location Loc = UnknownLoc::get(&Context);
  auto Module = parseSourceFile<ModuleOp>(Path, ParserConfig(&Context));
  if (!Module)
    return nullptr;
  auto Main = Module->lookupSymbol<func::FuncOp>("main");
  if (!Main || Main.isExternal()) {
    emitError(Loc) << "holds no func.func @main; a module of the onnx dialect "
                      "is expected, as lathe-opt writes it";
    return nullptr;
  }
  WalkResult Foreign = Module->walk([&](Operation *Op) {
    llvm::StringRef Dialect = Op->getName().getDialectNamespace();
    if (Dialect == "onnx" || Dialect == "func" || Dialect == "builtin")
      return WalkResult::advance();
    // A branch that shapes tell to be taken leaves a check of its condition.
    if (isa<cf::AssertOp, tensor::ExtractOp, arith::ConstantOp, arith::XOrIOp>(
            Op))
      return WalkResult::advance();
    emitError(Loc) << "holds '" << Op->getName()
                   << "'; only the onnx dialect is compiled from here: the "
                      "forms after the stages import, graph and compress";
    return WalkResult::interrupt();
  });
  return Foreign.wasInterrupted() ? nullptr : std::move(Module);
}

OwningOpRef<ModuleOp> Compiler::load(llvm::StringRef Path) {
  ModelPath = Path.str();
  Printer.reset();
  Counter.reset();
  Printer =
      std::make_unique<import::DiagnosticPrinter>(Context.get(), Path, Errors);
  // Handlers are asked the last one first: this one counts and passes on.
  Counter = std::make_unique<ScopedDiagnosticHandler>(
      Context.get(), [this](Diagnostic &D) {
        NumErrors += D.getSeverity() == DiagnosticSeverity::Error;
        return failure();
      });
  FilesRead.clear();
  import::ImportOptions Import = Options.Import;
  if (Options.Samples)
    for (const std::string &File : Options.Samples->files())
      addFileRead(File);
  Import.OnFileRead = [this](llvm::StringRef File) { addFileRead(File); };
  TimingScope Scope = RootTiming.nest("read the model");
  OwningOpRef<ModuleOp> Module;
  if (Path.ends_with(".mlir") || Path.ends_with(".mlirbc")) {
    if (!Import.Dims.empty() || !Import.Inputs.empty())
      error(
          "--dim and --input are for ONNX files; give them where this one was "
          "imported");
    else
      Module = readIR(Path, *Context);
    addFileRead(Path);
  } else {
    Module = import::importONNXFile(Path, *Context, Import);
  }
  if (!Module && !hasErrors())
    error("the model could not be read");
  if (hasErrors())
    return nullptr;
  return Module;
}

LogicalResult Compiler::run(ModuleOp Module, Stage From, Stage To) {
  if (From >= To)
    return success();
  PassManager PM(Context.get(), ModuleOp::getOperationName());
  buildPipeline(PM, From, To, Options, Target);
  PM.addInstrumentation(std::make_unique<ProgressTracker>(
      Progress, Options.ShowProgress, Errors));
  PM.addInstrumentation(Report.instrument());
  PM.addInstrumentation(std::make_unique<FileReleaser>());
  TimingScope Scope = RootTiming.nest("passes");
  if (Options.TimePasses)
    PM.enableTiming(Scope);
  if (!Options.PrintIRAfter.empty()) {
    OpPrintingFlags Flags;
    Flags.elideLargeElementsAttrs(64).elideLargeResourceString(64);
    PM.enableIRPrinting(
        nullptr,
        [this](Pass *P, Operation *) {
          return llvm::is_contained(Options.PrintIRAfter, P->getArgument());
        },
        /*printModuleScope=*/true, /*printAfterOnlyOnChange=*/false,
        /*printAfterOnlyOnFailure=*/false, Errors, Flags);
  }
  // Looking for the pass that makes something wrong takes a look after each;
  // otherwise one at the end is enough, and a seventh of the time less.
  PM.enableVerifier(!Options.Reproducer.empty());
  if (!Options.Reproducer.empty())
    PM.enableCrashReproducerGeneration(Options.Reproducer);
  LogicalResult Result = PM.run(Module);
  if (succeeded(Result) && Options.Reproducer.empty())
    Result = verify(Module);
  if (Options.ShowProgress)
    Errors << "\r\x1b[K";
  if (succeeded(Result) && !hasErrors())
    return success();
  if (!hasErrors()) {
    // A pass that fails owes a message; this one did not pay.
    PassProgress At = Progress.get();
    error("internal error: the pass '" + At.Pass + "' failed" +
          (At.Node.empty() ? "" : " at node '" + At.Node + "'") +
          " without saying why" +
          (Options.Reproducer.empty()
               ? "; --reproducer=FILE keeps what is needed to repeat it"
               : ""));
  }
  return failure();
}

LogicalResult Compiler::inferShapes(ModuleOp Module) {
  PassManager PM(Context.get(), ModuleOp::getOperationName());
  PM.addPass(onnx::createInferShapes());
  return PM.run(Module);
}

LogicalResult Compiler::emit(ModuleOp Module, target::FileKind Kind,
                             llvm::raw_pwrite_stream &Stream,
                             llvm::StringRef WeightsFile) {
  target::EmissionOptions Emission{Target, Options.Name, Options.OptLevel,
                                   "lathe " + version() + " " +
                                       Options.Recorded};
  llvm::LLVMContext LLVM;
  Progress.set({"llvm", ""});
  if (Options.ShowProgress)
    Errors << "\r\x1b[Kcode generation";
  auto Clear = llvm::make_scope_exit([&] {
    if (Options.ShowProgress)
      Errors << "\r\x1b[K";
  });
  std::unique_ptr<llvm::Module> IR;
  {
    TimingScope Scope = RootTiming.nest("LLVM IR and its optimisation");
    IR = target::translateToLLVMIR(Module, LLVM, Emission);
  }
  if (!IR) {
    if (!hasErrors())
      error("internal error: no LLVM IR was made");
    return failure();
  }
  TimingScope Scope = RootTiming.nest("code generation");
  return target::emitModule(*IR, Module, Emission, Kind, Stream, WeightsFile);
}

/// Finds nothing wrong with the object \p Bytes, and the place of its weights.
static FailureOr<std::pair<uint64_t, uint64_t>>
inspect(ModuleOp Module, llvm::MemoryBufferRef Bytes) {
  if (llvm::Error E = target::checkUndefinedSymbols(Bytes))
    return Module.emitError("internal error: ") << llvm::toString(std::move(E));
  auto Place = target::findWeights(Bytes);
  if (!Place)
    return Module.emitError("internal error: the object cannot be read back: ")
           << llvm::toString(Place.takeError());
  return *Place;
}

/// Writes each constant to its part of \p Place, the section.
static LogicalResult
writeInto(ModuleOp Module, std::pair<uint64_t, uint64_t> Place,
          llvm::function_ref<void(uint64_t, ArrayRef<char>)> Write) {
  return target::streamWeights(
      Module, [&](uint64_t Offset, ArrayRef<char> Bytes) {
        if (Offset + Bytes.size() > Place.second)
          return LogicalResult(Module.emitError(
              "internal error: the object lacks '.lathe_weights'"));
        Write(Place.first + Offset, Bytes);
        return success();
      });
}

LogicalResult Compiler::finishObject(ModuleOp Module,
                                     llvm::MutableArrayRef<char> Buffer) {
  TimingScope Scope = RootTiming.nest("weights");
  llvm::MemoryBufferRef Ref(llvm::StringRef(Buffer.data(), Buffer.size()),
                            "object");
  auto Place = inspect(Module, Ref);
  if (failed(Place))
    return failure();
  return writeInto(Module, *Place, [&](uint64_t Offset, ArrayRef<char> Bytes) {
    llvm::copy(Bytes, Buffer.begin() + Offset);
  });
}

LogicalResult Compiler::finishObjectFile(ModuleOp Module,
                                         llvm::StringRef Path) {
  TimingScope Scope = RootTiming.nest("weights");
  auto Buffer = llvm::MemoryBuffer::getFile(Path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!Buffer)
    return Module.emitError() << Path << ": " << Buffer.getError().message();
  auto Place = inspect(Module, (*Buffer)->getMemBufferRef());
  Buffer->reset();
  if (failed(Place))
    return failure();
  std::error_code EC;
  llvm::raw_fd_ostream OS(Path, EC, llvm::sys::fs::CD_OpenExisting,
                          llvm::sys::fs::FA_Write, llvm::sys::fs::OF_None);
  if (EC)
    return Module.emitError() << Path << ": " << EC.message();
  if (failed(
          writeInto(Module, *Place, [&](uint64_t Offset, ArrayRef<char> Bytes) {
            OS.pwrite(Bytes.data(), Bytes.size(), Offset);
          })))
    return failure();
  OS.close();
  if (OS.has_error()) {
    EC = OS.error();
    OS.clear_error();
    return Module.emitError() << Path << ": " << EC.message();
  }
  return success();
}

std::unique_ptr<llvm::MemoryBuffer> Compiler::compileToMemory(ModuleOp Module,
                                                              Stage From) {
  if (failed(run(Module, From, Stage::LLVM)))
    return nullptr;
  llvm::SmallVector<char, 0> Bytes;
  {
    llvm::raw_svector_ostream OS(Bytes);
    if (failed(emit(Module, target::FileKind::Object, OS)))
      return nullptr;
  }
  if (failed(finishObject(Module, Bytes)))
    return nullptr;
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(
      std::move(Bytes), "model.o",
      /*RequiresNullTerminator=*/false);
}

LogicalResult Compiler::check(ModuleOp Module) {
  if (failed(run(Module, Stage::Import, Stage::Compress)))
    return failure();
  Progress.set({"lower-onnx-to-linalg", ""});
  for (const lower::Unsupported &U : lower::findUnsupported(Module))
    emitError(U.Loc, U.Message);
  return failure(hasErrors());
}

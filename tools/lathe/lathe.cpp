//===- lathe.cpp - The compiler's command line ----------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/Artifacts.h"
#include "lathe/Driver/CrashGuard.h"
#include "lathe/Driver/OptionParser.h"
#include "lathe/Driver/Registration.h"
#include "lathe/Driver/Stats.h"
#include "lathe/Support/Names.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/Path.h"

using namespace lathe;
using namespace lathe::driver;
using namespace mlir;

/// What -o, --emit and the model's name together ask for.
static std::optional<ArtifactRequest> outputOf(const OptionParser &Options,
                                               llvm::StringRef Model) {
  ArtifactRequest Request;
  Request.Path = Options.value(OPT_o).str();
  Request.PrintWeights = Options.has(OPT_print_weights);
  Request.DependencyFile = Options.value(OPT_MF).str();
  llvm::StringRef Emit = Options.value(OPT_emit_EQ);
  llvm::StringRef Ending = llvm::sys::path::extension(Request.Path);
  Ending.consume_front(".");
  if (std::optional<Stage> Form = stageFromName(Emit)) {
    Request.Kind = ArtifactKind::MLIR;
    Request.Form = *Form;
    if (Request.Path.empty())
      Request.Path = "-";
    return Request;
  }
  std::optional<ArtifactKind> Kind = artifactKind(Emit.empty() ? Ending : Emit);
  if (!Kind && !Emit.empty()) {
    Options.error(
        "'--emit=" + Emit +
        "': expected o, a, so, s, ll, bc, mlir, ptx, device-ll or a stage" +
        suggestNames(Emit,
                     {"o", "so", "mlir", "ptx", "device-ll", "import", "graph",
                      "compress", "lower", "kernel", "codegen", "llvm"}));
    return std::nullopt;
  }
  if (!Kind && Request.Path.empty())
    Kind = ArtifactKind::Object;
  if (!Kind) {
    Options.error(
        "cannot tell from '" + Request.Path +
        "' what to write: end it in .o .a .so .s .ll .bc .mlir or .ptx, "
        "or add --emit=");
    return std::nullopt;
  }
  Request.Kind = *Kind;
  if (Request.Path.empty()) {
    // As a C compiler does: beside us, by the stem of the source.
    static constexpr llvm::StringRef Endings[] = {
        "o", "a", "so", "s", "ll", "bc", "mlir", "ptx", "device.ll"};
    Request.Path =
        (llvm::sys::path::stem(Model) + "." + Endings[unsigned(*Kind)]).str();
  }
  return Request;
}

/// The output, and the file of dependencies that -MD puts beside it.
static std::optional<ArtifactRequest> requestOf(const OptionParser &Options,
                                                llvm::StringRef Model) {
  std::optional<ArtifactRequest> Request = outputOf(Options, Model);
  if (!Request || !Options.has(OPT_MD) || !Request->DependencyFile.empty())
    return Request;
  llvm::SmallString<128> Path(Request->Path);
  llvm::sys::path::replace_extension(Path, "d");
  Request->DependencyFile = std::string(Path);
  return Request;
}

/// Bytes of the code in an object.
static int64_t codeBytes(llvm::MemoryBufferRef Buffer) {
  int64_t Bytes = 0;
  auto Object = llvm::object::ObjectFile::createObjectFile(Buffer);
  if (!Object) {
    llvm::consumeError(Object.takeError());
    return 0;
  }
  for (const llvm::object::SectionRef &Section : (*Object)->sections())
    if (Section.isText())
      Bytes += Section.getSize();
  return Bytes;
}

/// Compiles stage by stage, with a look at each.
static LogicalResult printStats(Compiler &C, ModuleOp Module, bool JSON,
                                bool Compressing) {
  std::vector<StageStats> Stages;
  std::vector<LayerStats> Layers;
  std::vector<FloatLayer> Floats;
  Stage At = Stage::Import;
  Stages.push_back(collectStats(Module, At));
  {
    // The file may leave shapes open that follow from others.
    OwningOpRef<ModuleOp> Inferred = Module.clone();
    if (failed(C.inferShapes(*Inferred)))
      return failure();
    Stages.front().MACs = collectStats(*Inferred, At).MACs;
  }
  for (Stage Next : {Stage::Graph, Stage::Compress, Stage::Kernel}) {
    if (failed(C.run(Module, At, Next)))
      return failure();
    At = Next;
    Stages.push_back(collectStats(Module, At));
    if (At == Stage::Graph && (JSON || Compressing))
      Layers = collectLayers(Module);
    else if (At == Stage::Compress && (JSON || Compressing))
      joinLayers(Layers, collectLayers(Module));
    if (At == Stage::Compress)
      Floats = collectFloatLayers(Module, C.options().Compress,
                                  compress::byteUnit(C.target().Description));
  }
  if (failed(C.run(Module, At, Stage::LLVM)))
    return failure();
  std::optional<int64_t> Workspace;
  if (auto Bytes = Module->getAttrOfType<IntegerAttr>("lathe.workspace_bytes"))
    Workspace = Bytes.getInt();
  llvm::SmallVector<char, 0> Bytes;
  llvm::raw_svector_ostream OS(Bytes);
  if (failed(C.emit(Module, target::FileKind::Object, OS)))
    return failure();
  int64_t Code = codeBytes(llvm::MemoryBufferRef(OS.str(), "object"));
  if (JSON)
    printStatsJSON(llvm::outs(), Stages, Layers, Floats, Workspace, Code);
  else
    printStatsText(llvm::outs(), Stages, Layers, Floats, Workspace, Code);
  return success();
}

/// Runs the passes on the graph, with a look at what each did.
static LogicalResult printPasses(Compiler &C, ModuleOp Module, bool JSON) {
  C.report().setFigures(true);
  LogicalResult Result = C.run(Module, Stage::Import, Stage::Compress);
  C.report().setFigures(false);
  if (failed(Result))
    return failure();
  if (JSON)
    C.report().printJSON(llvm::outs());
  else
    C.report().printText(llvm::outs());
  return success();
}

static int compile(const OptionParser &Options, llvm::StringRef Model,
                   CompilerOptions Given) {
  llvm::StringRef StatsForm = Options.value(OPT_stats_EQ, "text");
  bool Stats = Options.has(OPT_stats) || Options.has(OPT_stats_EQ);
  if (!llvm::is_contained({"text", "json", "passes", "passes-json"},
                          StatsForm)) {
    Options.error("'--stats=" + StatsForm +
                  "': expected text, json, passes or passes-json");
    return 1;
  }
  std::optional<ArtifactRequest> Request = requestOf(Options, Model);
  if (!Request)
    return 1;
  bool Write = Options.has(OPT_o) || Options.has(OPT_emit_EQ) ||
               (!Stats && !Options.has(OPT_check));
  if (Given.Name.empty())
    Given.Name = llvm::sys::path::stem(Request->Path == "-"
                                           ? Model
                                           : llvm::StringRef(Request->Path))
                     .str();

  bool Compressing = Given.Compress.any();
  std::string Reproducer = Given.Reproducer;
  std::unique_ptr<Compiler> C =
      Compiler::create(std::move(Given), llvm::errs());
  if (!C)
    return 1;
  bool Good = false;
  guardAgainstCrashes(*C, [&] {
    if (Write && !checkWritable(*C, *Request))
      return;
    OwningOpRef<ModuleOp> Module = C->load(Model);
    if (!Module)
      return;
    if (Options.has(OPT_check) &&
        failed(C->check(*OwningOpRef<ModuleOp>(Module->clone()))))
      return;
    if (Stats) {
      OwningOpRef<ModuleOp> Copy = Module->clone();
      if (failed(StatsForm.starts_with("passes")
                     ? printPasses(*C, *Copy, StatsForm == "passes-json")
                     : printStats(*C, *Copy, StatsForm == "json", Compressing)))
        return;
    }
    if (Write && failed(writeArtifact(*C, *Module, Stage::Import, *Request)))
      return;
    Good = true;
  });
  return Good ? 0 : 1;
}

int main(int argc, char **argv) {
  OptionParser Options(Program::Compile, llvm::errs());
  int Status = 1;
  std::optional<CommandLine> Given = Options.begin(argc, argv, Status);
  if (!Given)
    return Status;
  registerAllPasses();
  return compile(Options, Given->Model, std::move(Given->Options));
}

//===- lathe-run.cpp - Runs a model without a program ---------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A model.onnx is compiled in memory by the very compiler that lathe is, and
// the bytes of its object are linked into this process; a model.so is opened.
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/Compiler.h"
#include "lathe/Driver/CrashGuard.h"
#include "lathe/Driver/HostTensor.h"
#include "lathe/Driver/LoadedModel.h"
#include "lathe/Driver/OptionParser.h"
#include "lathe/Driver/Registration.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <chrono>
#include <sys/resource.h>

#include <limits>
#include <time.h>

using namespace lathe;
using namespace lathe::driver;
using namespace lathe::run;
namespace path = llvm::sys::path;

namespace {
struct Figures {
  double CompileMs = 0, LoadMs = 0, FirstRunMs = 0;
  std::vector<double> RunsMs;
  /// Of one run, in CPU time of its thread.
  double MinCPUMs = std::numeric_limits<double>::infinity();
};

class Clock {
public:
  double milliseconds() const {
    return std::chrono::duration<double, std::milli>(
               std::chrono::steady_clock::now() - Start)
        .count();
  }

private:
  std::chrono::steady_clock::time_point Start =
      std::chrono::steady_clock::now();
};

class Runner {
public:
  Runner(const OptionParser &Options, CompilerOptions Compile)
      : Options(Options), Compile(std::move(Compile)) {}
  int main(llvm::StringRef Model);

private:
  bool fail(const llvm::Twine &Message) {
    llvm::errs() << ModelPath << ": error: " << Message << "\n";
    return false;
  }
  bool load();
  bool readTolerances();
  bool findDataSets();
  bool randomInputs(std::vector<HostTensor> &Inputs);
  bool readInputs(llvm::StringRef Folder, std::vector<HostTensor> &Inputs);
  bool runOnce(Session &S, llvm::StringRef What);
  bool compareOutputs(Session &S, llvm::StringRef Folder);
  bool bench(Session &S, double Seconds);
  void report();
  /// The file of \p Kind ("input", "output") number \p I in \p Folder, if any.
  std::string fileOf(llvm::StringRef Folder, llvm::StringRef Kind, uint32_t I);

  const OptionParser &Options;
  CompilerOptions Compile;
  std::string ModelPath;
  std::optional<LoadedModel> Loaded;
  std::vector<std::string> DataSets;
  std::vector<double> RTol, ATol;
  Figures Times;
};
} // namespace

bool Runner::load() {
  if (llvm::StringRef(ModelPath).ends_with(".so")) {
    Clock Load;
    llvm::Expected<LoadedModel> Model = LoadedModel::fromLibrary(ModelPath);
    if (!Model)
      return fail(llvm::toString(Model.takeError()));
    Loaded.emplace(std::move(*Model));
    Times.LoadMs = Load.milliseconds();
    return true;
  }

  Clock Compiling;
  std::unique_ptr<llvm::MemoryBuffer> Object;
  std::unique_ptr<Compiler> C = Compiler::create(Compile, llvm::errs());
  if (!C)
    return false;
  if (llvm::Triple(C->target().Triple).getArch() !=
      llvm::Triple(llvm::sys::getProcessTriple()).getArch())
    return fail("compiled for '" + C->target().Triple +
                "', which this machine cannot run");
  std::string Name = C->options().Name;
  guardAgainstCrashes(*C, [&] {
    mlir::OwningOpRef<mlir::ModuleOp> Module = C->load(ModelPath);
    if (Module)
      Object = C->compileToMemory(*Module, Stage::Import);
  });
  if (!Object)
    return false;
  if (llvm::StringRef Keep = Options.value(OPT_save_object_EQ); !Keep.empty()) {
    llvm::Error E = llvm::writeToOutput(Keep, [&](llvm::raw_ostream &OS) {
      OS << Object->getBuffer();
      return llvm::Error::success();
    });
    if (E)
      return fail("cannot write '" + Keep +
                  "': " + llvm::toString(std::move(E)));
  }
  // The mapped model and all of MLIR's memory go.
  C.reset();
  Times.CompileMs = Compiling.milliseconds();

  Clock Load;
  llvm::Expected<LoadedModel> Model =
      LoadedModel::fromObject(std::move(Object), Name);
  if (!Model)
    return fail(llvm::toString(Model.takeError()));
  Loaded.emplace(std::move(*Model));
  Times.LoadMs = Load.milliseconds();
  return true;
}

/// One tolerance for all outputs, or a list with one for each.
static bool parseTolerances(llvm::StringRef Text, std::vector<double> &Out) {
  llvm::SmallVector<llvm::StringRef> Parts;
  Text.split(Parts, ',');
  for (llvm::StringRef Part : Parts) {
    double Number;
    if (Part.trim().getAsDouble(Number) || !(Number >= 0))
      return false;
    Out.push_back(Number);
  }
  return true;
}

bool Runner::readTolerances() {
  llvm::StringRef R = Options.value(OPT_rtol_EQ, "1e-3"),
                  A = Options.value(OPT_atol_EQ, "1e-7");
  if (!parseTolerances(R, RTol) || !parseTolerances(A, ATol)) {
    Options.error("--rtol and --atol take a number, or one for each output "
                  "with commas between");
    return false;
  }
  return true;
}

std::string Runner::fileOf(llvm::StringRef Folder, llvm::StringRef Kind,
                           uint32_t I) {
  for (llvm::StringRef Ending : {"npy", "pb", "json"}) {
    llvm::SmallString<128> Path(Folder);
    path::append(Path, Kind + "_" + llvm::Twine(I) + "." + Ending);
    if (llvm::sys::fs::exists(Path))
      return std::string(Path);
  }
  return {};
}

bool Runner::findDataSets() {
  for (const std::string &Folder : Options.values(OPT_data_EQ)) {
    if (!llvm::sys::fs::is_directory(Folder)) {
      Options.error("--data: '" + Folder + "' is no folder");
      return false;
    }
    if (!fileOf(Folder, "input", 0).empty() ||
        !fileOf(Folder, "output", 0).empty()) {
      DataSets.push_back(Folder);
      continue;
    }
    std::vector<std::string> Inside;
    std::error_code EC;
    for (llvm::sys::fs::directory_iterator It(Folder, EC), End;
         It != End && !EC; It.increment(EC))
      if (!fileOf(It->path(), "input", 0).empty() ||
          !fileOf(It->path(), "output", 0).empty())
        Inside.push_back(It->path());
    if (Inside.empty()) {
      Options.error("--data: '" + Folder +
                    "' holds no input_0 or output_0 (.npy or .pb)");
      return false;
    }
    llvm::sort(Inside);
    llvm::append_range(DataSets, Inside);
  }
  return true;
}

bool Runner::randomInputs(std::vector<HostTensor> &Inputs) {
  std::optional<double> Seed = Options.number(OPT_seed_EQ, 0, 0);
  if (!Seed)
    return false;
  uint64_t State = *Seed;
  const lathe_model &Model = Loaded->model();
  for (uint32_t I = 0; I < Model.num_inputs; ++I) {
    const lathe_tensor_info &Info = Model.inputs[I];
    std::vector<int64_t> Shape(Info.shape, Info.shape + Info.rank);
    for (int32_t D = 0; D < Info.rank; ++D) {
      if (Shape[D] >= 0)
        continue;
      Shape[D] = 1;
      for (auto &[Name, Size] : Compile.Import.Dims)
        if (Name == Info.dims[D])
          Shape[D] = Size;
    }
    Inputs.push_back(randomTensor(Info.type, Shape, State));
  }
  return true;
}

bool Runner::readInputs(llvm::StringRef Folder,
                        std::vector<HostTensor> &Inputs) {
  const lathe_model &Model = Loaded->model();
  for (uint32_t I = 0; I < Model.num_inputs; ++I) {
    std::string File = fileOf(Folder, "input", I);
    if (File.empty())
      return fail("'" + Folder + "' has no input_" + llvm::Twine(I) +
                  " (.npy or .pb), the input '" + Model.inputs[I].name + "'");
    llvm::Expected<HostTensor> T =
        readTensor(File, Model.inputs[I].type,
                   Model.input_keys ? &Model.input_keys[I] : nullptr);
    if (!T)
      return fail(llvm::toString(T.takeError()));
    if (T->Type != Model.inputs[I].type)
      return fail(File + ": holds " + typeName(T->Type) + ", the input '" +
                  Model.inputs[I].name + "' is " +
                  typeName(Model.inputs[I].type));
    // Where a model wants a number, a tensor of one element says the same.
    if (Model.inputs[I].rank == 0 && T->elements() == 1)
      T->Shape.clear();
    Inputs.push_back(std::move(*T));
  }
  return true;
}

bool Runner::runOnce(Session &S, llvm::StringRef What) {
  Clock First;
  int Status = S.run();
  if (!Times.FirstRunMs)
    Times.FirstRunMs = First.milliseconds();
  if (Status)
    return fail(What + llvm::Twine("the run ended with status ") +
                llvm::Twine(Status) + ": " + Loaded->model().error(Status));
  return true;
}

/// The outputs of the last run.
static std::vector<HostTensor> copyOutputs(const Session &S) {
  std::vector<HostTensor> Result;
  for (const lathe_tensor &T : S.outputs()) {
    HostTensor H;
    H.Type = T.type;
    H.Shape.assign(T.shape, T.shape + T.rank);
    uint64_t Bytes = tensorBytes(T);
    if (const char *Data = static_cast<const char *>(T.data))
      H.Data.assign(Data, Data + Bytes);
    H.Data.resize(Bytes);
    Result.push_back(std::move(H));
  }
  return Result;
}

bool Runner::compareOutputs(Session &S, llvm::StringRef Folder) {
  const lathe_model &Model = Loaded->model();
  std::vector<HostTensor> Got = copyOutputs(S);
  bool Good = true, Any = false;
  for (uint32_t I = 0; I < Model.num_outputs; ++I) {
    std::string File = fileOf(Folder, "output", I);
    if (File.empty())
      continue;
    Any = true;
    auto Of = [&](const std::vector<double> &List) {
      return List[std::min<size_t>(I, List.size() - 1)];
    };
    auto Compare = [&]() -> llvm::Expected<std::string> {
      if (llvm::StringRef(File).ends_with(".json"))
        return compareMaps(Got[I],
                           Model.output_keys ? &Model.output_keys[I] : nullptr,
                           File, Of(RTol), Of(ATol));
      // Numbers with keys are positions of names: these are equal or not.
      const lathe_map_keys *Names =
          Model.output_keys && Model.outputs[I].type == LATHE_INT64 &&
                  Model.output_keys[I].count
              ? &Model.output_keys[I]
              : nullptr;
      llvm::Expected<HostTensor> Expected =
          readTensor(File, Model.outputs[I].type, Names);
      if (!Expected)
        return Expected.takeError();
      if (Names)
        return compare(Got[I], *Expected, 0, 0);
      return compare(Got[I], *Expected, Of(RTol), Of(ATol));
    };
    llvm::Expected<std::string> Difference = Compare();
    if (!Difference) {
      Good = fail(llvm::toString(Difference.takeError()));
      continue;
    }
    if (!Difference->empty()) {
      llvm::outs() << "output " << I << " '" << Model.outputs[I].name
                   << "': " << *Difference << "\n";
      Good = false;
    }
  }
  if (!Any)
    return fail("'" + Folder + "' has no outputs to compare with");
  return Good;
}

/// What this thread has computed for, without what others did meanwhile.
static double threadMilliseconds() {
  timespec Now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &Now);
  return 1e3 * Now.tv_sec + 1e-6 * Now.tv_nsec;
}

bool Runner::bench(Session &S, double Seconds) {
  Clock All;
  do {
    Clock One;
    double Spent = threadMilliseconds();
    int Status = S.run();
    Spent = threadMilliseconds() - Spent;
    Times.RunsMs.push_back(One.milliseconds());
    Times.MinCPUMs = std::min(Times.MinCPUMs, Spent);
    if (Status)
      return fail("the run ended with status " + llvm::Twine(Status) + ": " +
                  Loaded->model().error(Status));
  } while (All.milliseconds() < Seconds * 1000 || Times.RunsMs.size() < 3);
  return true;
}

void Runner::report() {
  llvm::sort(Times.RunsMs);
  double Min = Times.RunsMs.empty() ? Times.FirstRunMs : Times.RunsMs.front();
  double Median = Times.RunsMs.empty() ? Times.FirstRunMs
                                       : Times.RunsMs[Times.RunsMs.size() / 2];
  rusage Usage;
  getrusage(RUSAGE_SELF, &Usage);
  double Peak = Usage.ru_maxrss / 1024.0;
  size_t Runs = std::max<size_t>(1, Times.RunsMs.size());
  if (!Options.has(OPT_json)) {
    if (!Times.RunsMs.empty())
      llvm::outs() << llvm::format(
          "min %.4f ms, median %.4f ms, %zu runs; compiled in %.0f ms, "
          "loaded in %.1f ms, first run %.3f ms, peak memory %.0f MB\n",
          Min, Median, Runs, Times.CompileMs, Times.LoadMs, Times.FirstRunMs,
          Peak);
    return;
  }
  llvm::outs() << llvm::format("{\"min_ms\":%.6f,\"median_ms\":%.6f,\"runs\":%"
                               "zu,\"compile_ms\":%.3f,\"load_ms\":%.3f,"
                               "\"first_run_ms\":%.6f,\"peak_rss_mb\":%.1f,"
                               "\"min_cpu_ms\":%.6f}\n",
                               Min, Median, Runs, Times.CompileMs, Times.LoadMs,
                               Times.FirstRunMs, Peak,
                               std::min(Times.MinCPUMs, Min));
}

int Runner::main(llvm::StringRef Path) {
  ModelPath = Path.str();
  double Seconds = 0;
  bool Bench = Options.has(OPT_bench) || Options.has(OPT_bench_EQ);
  if (Bench) {
    std::optional<double> Given = Options.number(OPT_bench_EQ, 1, 0);
    if (!Given)
      return 1;
    Seconds = *Given;
  }
  if (!readTolerances() || !findDataSets() || !load())
    return 1;
  const lathe_model &Model = Loaded->model();

  bool Good = true;
  for (size_t I = 0; I < std::max<size_t>(1, DataSets.size()); ++I) {
    std::vector<HostTensor> Inputs;
    bool Random = DataSets.empty();
    if (Random ? !randomInputs(Inputs) : !readInputs(DataSets[I], Inputs))
      return 1;
    std::vector<lathe_tensor> Given;
    for (HostTensor &T : Inputs)
      Given.push_back({T.Data.data(), T.Type, int32_t(T.Shape.size()),
                       T.Shape.data(), T.Data.size()});
    Session S(Model);
    if (llvm::Error E = S.prepare(Given)) {
      fail(llvm::toString(std::move(E)));
      return 1;
    }
    if (!runOnce(S, Random ? "" : DataSets[I] + ": "))
      return 1;
    if (!Random && !compareOutputs(S, DataSets[I]))
      Good = false;
    if (Bench && I == 0 && !bench(S, Seconds))
      return 1;
  }
  if (!Good) {
    llvm::outs().flush();
    return 1;
  }
  report();
  return 0;
}

int main(int argc, char **argv) {
  OptionParser Options(Program::Run, llvm::errs());
  int Status = 1;
  std::optional<CommandLine> Given = Options.begin(argc, argv, Status);
  if (!Given)
    return Status;
  Given->Options.Name = llvm::sys::path::stem(Given->Model).str();
  registerAllPasses();
  return Runner(Options, std::move(Given->Options)).main(Given->Model);
}

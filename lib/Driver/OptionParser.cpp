//===- OptionParser.cpp - Command lines of lathe and lathe-run ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/OptionParser.h"
#include "lathe/Driver/Calibration.h"
#include "lathe/Driver/Version.h"
#include "lathe/Support/Names.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Option/Arg.h"
#include "llvm/Option/Option.h"
#include "llvm/Support/Path.h"
#include <map>

using namespace lathe;
using namespace lathe::driver;
using namespace llvm::opt;

/// Options that only lathe-run has.
static constexpr unsigned RunVis = 1 << 4;
/// Options of which each occurrence counts.
static constexpr unsigned Repeatable = 1 << 4;

#define OPTTABLE_STR_TABLE_CODE
#include "lathe/Driver/Options.inc"
#undef OPTTABLE_STR_TABLE_CODE

#define OPTTABLE_PREFIXES_TABLE_CODE
#include "lathe/Driver/Options.inc"
#undef OPTTABLE_PREFIXES_TABLE_CODE

static constexpr OptTable::Info InfoTable[] = {
#define OPTION(...) LLVM_CONSTRUCT_OPT_INFO(__VA_ARGS__),
#include "lathe/Driver/Options.inc"
#undef OPTION
};

namespace {
struct LatheOptTable : GenericOptTable {
  LatheOptTable()
      : GenericOptTable(OptionStrTable, OptionPrefixesTable, InfoTable) {}
};
} // namespace

static Visibility visibility(Program Which) {
  return Visibility(Which == Program::Compile ? unsigned(DefaultVis) : RunVis);
}

OptionParser::OptionParser(Program Which, llvm::raw_ostream &Errors)
    : Which(Which), Errors(Errors), Table(std::make_unique<LatheOptTable>()) {}
OptionParser::~OptionParser() = default;

void OptionParser::error(const llvm::Twine &Message) const {
  Errors << programName() << ": error: " << Message << "\n";
}

bool OptionParser::parse(llvm::ArrayRef<const char *> Given) {
  unsigned MissingIndex = 0, MissingCount = 0;
  Arguments =
      Table->ParseArgs(Given, MissingIndex, MissingCount, visibility(Which));
  bool Good = true;
  if (MissingCount) {
    error("the option '" + llvm::Twine(Arguments.getArgString(MissingIndex)) +
          "' needs a value");
    Good = false;
  }
  for (const Arg *A : Arguments.filtered(OPT_UNKNOWN)) {
    std::string Text = A->getAsString(Arguments), Nearest, Hint;
    // One letter in three wrong, '--' aside.
    unsigned Length = llvm::StringRef(Text).split('=').first.size();
    if (Table->findNearest(Text, Nearest, visibility(Which)) <=
        std::max(1u, (Length - 1) / 3))
      Hint = "; did you mean '" + Nearest + "'?";
    else
      Hint = "; see --help";
    error("unknown option '" + Text + "'" + Hint);
    Good = false;
  }
  for (const Arg *A : Arguments) {
    llvm::StringRef Spelling = A->getSpelling();
    if (Spelling.ends_with("=") && A->getNumValues() == 1 && !*A->getValue()) {
      error("the option '" + Spelling.drop_back() + "' needs a value");
      Good = false;
    }
  }
  return Good;
}

std::optional<CommandLine> OptionParser::begin(int argc, char **argv,
                                               int &Status) {
  Status = 1;
  if (!parse(llvm::ArrayRef<const char *>(argv, argc).drop_front()))
    return std::nullopt;
  if (has(OPT_help) || has(OPT_version)) {
    if (has(OPT_help))
      printHelp(llvm::outs());
    else
      llvm::outs() << programName() << " " << version() << "\n";
    Status = 0;
    return std::nullopt;
  }
  std::vector<std::string> Models = inputs();
  if (Models.size() != 1) {
    error(Models.empty()
              ? "no model given; see --help"
              : "expected one model, not " + llvm::Twine(Models.size()));
    return std::nullopt;
  }
  std::optional<CompilerOptions> Given = compilerOptions();
  if (!Given)
    return std::nullopt;
  return CommandLine{Models.front(), std::move(*Given)};
}

llvm::StringRef OptionParser::value(OptionID ID,
                                    llvm::StringRef Default) const {
  return Arguments.getLastArgValue(ID, Default);
}

std::vector<std::string> OptionParser::inputs() const {
  return Arguments.getAllArgValues(OPT_INPUT);
}

std::optional<double> OptionParser::number(OptionID ID, double Default,
                                           double Least) const {
  const Arg *A = Arguments.getLastArg(ID);
  if (!A)
    return Default;
  double Number;
  if (llvm::StringRef(A->getValue()).getAsDouble(Number) ||
      !(Number >= Least)) {
    std::string Bound;
    llvm::raw_string_ostream(Bound) << Least;
    error("'" + A->getAsString(Arguments) +
          "': expected a number of at least " + Bound);
    return std::nullopt;
  }
  return Number;
}

void OptionParser::printHelp(llvm::raw_ostream &OS) const {
  if (Which == Program::Compile)
    Table->printHelp(
        OS, "lathe [options] model.onnx -o model.o",
        "Lathe compiles an ONNX model to a native object and a C header.\n\n"
        "  lathe model.onnx -o model.o        an object, and model.h\n"
        "  lathe model.onnx -o model.so       also .a .s .ll .bc .mlir\n"
        "  lathe --check model.onnx           what would not compile",
        /*ShowHidden=*/false, /*ShowAllAliases=*/false, visibility(Which));
  else
    Table->printHelp(
        OS, "lathe-run [options] model.onnx|model.so",
        "Runs a model, compiled in memory or by lathe, without a program.\n\n"
        "  lathe-run model.onnx --data DIR    compares with recorded outputs\n"
        "  lathe-run model.onnx --bench       times it on random inputs",
        /*ShowHidden=*/false, /*ShowAllAliases=*/false, visibility(Which));
}

/// Splits "NAME=N".
static bool parseDim(llvm::StringRef Text,
                     std::pair<std::string, int64_t> &Out) {
  auto [Name, Number] = Text.rsplit('=');
  Out.first = Name.str();
  return !Name.empty() && !Number.getAsInteger(10, Out.second) &&
         Out.second >= 0;
}

/// A number of bytes, with K, M or G behind it or without.
static bool parseBytes(llvm::StringRef Text, int64_t &Out) {
  unsigned Shift = 0;
  for (auto [Unit, Bits] : {std::pair('K', 10), {'M', 20}, {'G', 30}})
    if (Text.ends_with_insensitive(llvm::StringRef(&Unit, 1)))
      Shift = Bits;
  if (Shift)
    Text = Text.drop_back();
  if (Text.getAsInteger(10, Out) || Out < 0 || Out > (INT64_MAX >> Shift))
    return false;
  Out <<= Shift;
  return true;
}

/// \p Text as one word of a shell's command line.
static std::string quote(llvm::StringRef Text) {
  auto Plain = [](char C) {
    return llvm::isAlnum(C) || llvm::StringRef("+-_=.,:/@%").contains(C);
  };
  if (llvm::all_of(Text, Plain))
    return Text.str();
  std::string Result = "'";
  for (char C : Text)
    Result += C == '\'' ? "'\\''" : std::string(1, C);
  return Result + "'";
}

std::string OptionParser::recorded() const {
  // What the target options come to is recorded by the compiler, once resolved.
  static constexpr unsigned Resolved[] = {OPT_O, OPT_target_EQ, OPT_cpu_EQ,
                                          OPT_features_EQ};
  static constexpr unsigned NotRecorded[] = {OPT_GroupOutput, OPT_GroupRun,
                                             OPT_GroupReport, OPT_GroupOther};
  // By the table, not as they were given: the order makes no difference.
  std::map<unsigned, std::vector<std::string>> Words;
  for (const Arg *A : Arguments) {
    Option Meant = A->getOption().getUnaliasedOption();
    unsigned ID = Meant.getID(), Group = Table->getOptionGroupID(ID);
    if (Meant.getKind() == Option::InputClass || !Group ||
        llvm::is_contained(Resolved, ID) ||
        llvm::is_contained(NotRecorded, Group))
      continue;
    std::string Value = A->getNumValues() ? A->getValue() : "";
    // Where a file lies is no one's business, and differs where nothing else
    // does.
    const char *Meta = Table->getOptionMetaVar(ID);
    if (Meta && llvm::is_contained({"FILE", "DIR"}, llvm::StringRef(Meta)))
      Value = llvm::sys::path::filename(Value).str();
    std::vector<std::string> &Of = Words[ID];
    if (!Meant.hasFlag(Repeatable))
      Of.clear();
    Of.push_back(quote(Meant.getPrefixedName().str() + Value));
  }
  std::string Result;
  for (auto &[ID, Of] : Words)
    Result += (Result.empty() ? "" : " ") + llvm::join(Of, " ");
  return Result;
}

bool OptionParser::readPruneOptions(compress::PruneOptions &Prune) const {
  bool Good = true;
  // Whether the number makes sense is said by the pass that takes it, with the
  // model's name; here only whether it is one.
  auto Number = [&](OptionID ID, double &Out) {
    const Arg *A = Arguments.getLastArg(ID);
    if (A && llvm::StringRef(A->getValue()).getAsDouble(Out)) {
      error("'" + A->getAsString(Arguments) + "': expected a number");
      Good = false;
    }
  };
  Number(OPT_prune_EQ, Prune.Magnitude);
  Number(OPT_prune_sigma_EQ, Prune.Sigma);
  Number(OPT_prune_channels_EQ, Prune.Channels);
  Number(OPT_prune_layers_EQ, Prune.Layers);
  llvm::StringRef Scope = value(OPT_prune_scope_EQ, "global");
  if (Scope != "global" && Scope != "layer") {
    error("'--prune-scope=" + Scope + "': expected global or layer");
    Good = false;
  }
  Prune.PerLayer = Scope == "layer";
  Prune.Pattern = value(OPT_prune_pattern_EQ).str();
  Prune.Skip = values(OPT_prune_skip_EQ);
  return Good;
}

std::optional<CompilerOptions> OptionParser::compilerOptions() const {
  CompilerOptions Result;
  bool Good = true;
  auto Fail = [&](const llvm::Twine &Message) {
    error(Message);
    Good = false;
  };
  auto OneOf = [&](OptionID ID, llvm::StringRef Option,
                   llvm::ArrayRef<llvm::StringRef> Known) {
    llvm::StringRef Given = value(ID, Known.front());
    if (!llvm::is_contained(Known, Given))
      Fail("'--" + Option + "=" + Given + "': expected " +
           llvm::join(Known, " or "));
    return Given;
  };

  Result.Target.Target = value(OPT_target_EQ, "native").str();
  Result.Target.CPU = value(OPT_cpu_EQ).str();
  Result.Target.Features = value(OPT_features_EQ).str();
  if (llvm::StringRef(Result.Target.Target).contains(','))
    Fail("'--target=" + Result.Target.Target +
         "': several targets in one object are not "
         "supported yet; name one");
  Result.Name = value(OPT_name_EQ).str();
  llvm::StringRef Level = value(OPT_O, "3");
  if (Level.getAsInteger(10, Result.OptLevel) || Result.OptLevel > 3)
    Fail("'-O" + Level + "': expected -O0, -O1, -O2 or -O3");
  Result.StrictFloats =
      OneOf(OPT_fp_model_EQ, "fp-model", {"fast", "strict"}) == "strict";
  Result.Emitters =
      OneOf(OPT_emitters_EQ, "emitters", {"all", "none"}) == "all" &&
      Result.OptLevel >= 2;
  for (const std::string &Text : values(OPT_dim_EQ)) {
    std::pair<std::string, int64_t> Dim;
    if (!parseDim(Text, Dim))
      Fail("'--dim=" + Text + "': expected NAME=N");
    Result.Import.Dims.push_back(std::move(Dim));
  }
  Result.Import.Inputs = values(OPT_input_EQ);
  Good &= readPruneOptions(Result.Compress.Prune);
  using Kind = compress::Options::Kind;
  llvm::StringRef Quantize = value(OPT_quantize_EQ, "none");
  Result.Compress.Quantize = llvm::StringSwitch<Kind>(Quantize)
                                 .Case("int8", Kind::Int8)
                                 .Case("int8-weights", Kind::Int8Weights)
                                 .Case("int4-weights", Kind::Int4Weights)
                                 .Default(Kind::None);
  if (Result.Compress.Quantize == Kind::None && has(OPT_quantize_EQ))
    Fail("'--quantize=" + Quantize +
         "': expected int8, int8-weights or int4-weights");
  Result.Calibrate = value(OPT_calibrate_EQ).str();
  Result.Compress.QuantizeSkip = values(OPT_quantize_skip_EQ);
  bool Static = Result.Compress.Quantize == Kind::Int8;
  if (!Result.Calibrate.empty()) {
    if (!Static)
      Fail("'--calibrate' is for --quantize=int8");
    Result.Samples = openSamples(Result.Calibrate);
    if (llvm::Error E = Result.Samples->count().takeError())
      Fail(llvm::toString(std::move(E)));
  } else if (Static) {
    Fail("'--quantize=int8' needs samples: give a folder of them with "
         "--calibrate");
  }
  if (value(OPT_threads_EQ, "1") != "1")
    Fail("'--threads=" + value(OPT_threads_EQ) + "': only 1 is supported yet");
  if (llvm::StringRef Jobs = value(OPT_jobs_EQ);
      has(OPT_jobs_EQ) &&
      (Jobs.getAsInteger(10, Result.Jobs) || Result.Jobs == 0))
    Fail("'--jobs=" + Jobs + "': expected a number of threads, 1 or more");
  if (llvm::StringRef Bytes = value(OPT_fold_limit_EQ, "64M");
      !parseBytes(Bytes, Result.FoldLimitBytes))
    Fail("'--fold-limit=" + Bytes +
         "': expected a number of bytes, such as 4096 or 64M");
  Result.DisabledPasses = values(OPT_disable_pass_EQ);
  Result.PassStatistics = has(OPT_pass_statistics);
  // What a pass did is half of a report, what it could not do the other.
  Result.Remarks =
      has(OPT_remarks) || value(OPT_stats_EQ).starts_with("passes");
  Result.TimePasses = has(OPT_time_passes);
  Result.PrintIRAfter = values(OPT_print_ir_after_EQ);
  Result.Reproducer = value(OPT_reproducer_EQ).str();
  Result.ShowProgress = Errors.has_colors() && Errors.is_displayed();

  Result.Recorded = recorded();
  if (!Good)
    return std::nullopt;
  return Result;
}

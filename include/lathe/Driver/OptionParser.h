//===- OptionParser.h - Command lines of lathe and lathe-run ----*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reads a command line by the table in Options.td. Every mistake is reported,
// each on one line, with the nearest option where one was misspelt.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_DRIVER_OPTIONPARSER_H
#define LATHE_DRIVER_OPTIONPARSER_H

#include "lathe/Driver/CompilerOptions.h"
#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"
#include <memory>

namespace lathe::driver {

/// Which program's options.
enum class Program { Compile, Run };

/// Identifiers of the options, as the table names them.
enum OptionID : unsigned {
  OPT_INVALID = 0,
#define OPTION(...) LLVM_MAKE_OPT_ID(__VA_ARGS__),
#include "lathe/Driver/Options.inc"
#undef OPTION
};

/// What a program is to work on.
struct CommandLine {
  std::string Model;
  CompilerOptions Options;
};

class OptionParser {
public:
  OptionParser(Program Which, llvm::raw_ostream &Errors);
  ~OptionParser();

  /// The opening of main: reads the arguments of the program and answers --help
  /// and --version. Nothing where it ends there, with \p Status.
  std::optional<CommandLine> begin(int argc, char **argv, int &Status);

  /// False after an error. The arguments must outlive this.
  bool parse(llvm::ArrayRef<const char *> Arguments);

  bool has(OptionID ID) const { return Arguments.hasArg(ID); }
  /// The last value given for \p ID, or \p Default.
  llvm::StringRef value(OptionID ID, llvm::StringRef Default = {}) const;
  std::vector<std::string> values(OptionID ID) const {
    return Arguments.getAllArgValues(ID);
  }
  std::vector<std::string> inputs() const;

  /// The value of \p ID as a number that is at least \p Least; reports an
  /// error.
  std::optional<double> number(OptionID ID, double Default, double Least) const;

  /// Options of the compilation; nothing after an error.
  std::optional<CompilerOptions> compilerOptions() const;

  void printHelp(llvm::raw_ostream &OS) const;
  void error(const llvm::Twine &Message) const;

private:
  /// The options that change what is made, but those of the machine and the
  /// level, in one form and order, without the paths of this machine.
  std::string recorded() const;

  bool readPruneOptions(compress::PruneOptions &Prune) const;
  llvm::StringRef programName() const {
    return Which == Program::Compile ? "lathe" : "lathe-run";
  }

  Program Which;
  llvm::raw_ostream &Errors;
  std::unique_ptr<llvm::opt::OptTable> Table;
  llvm::opt::InputArgList Arguments;
};

} // namespace lathe::driver

#endif // LATHE_DRIVER_OPTIONPARSER_H

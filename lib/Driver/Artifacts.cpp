//===- Artifacts.cpp - Files that a compilation leaves --------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/Artifacts.h"
#include "OutputFiles.h"
#include "lathe/Driver/Version.h"
#include "lathe/Target/Device.h"
#include "lathe/Target/Header.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AsmState.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

using namespace lathe;
using namespace lathe::driver;
using namespace mlir;
namespace path = llvm::sys::path;

std::optional<ArtifactKind> driver::artifactKind(llvm::StringRef Ending) {
  return llvm::StringSwitch<std::optional<ArtifactKind>>(Ending)
      .Case("o", ArtifactKind::Object)
      .Case("a", ArtifactKind::Archive)
      .Case("so", ArtifactKind::SharedLibrary)
      .Case("s", ArtifactKind::Assembly)
      .Case("ll", ArtifactKind::LLVMText)
      .Case("bc", ArtifactKind::LLVMBitcode)
      .Cases({"mlir", "mlirbc"}, ArtifactKind::MLIR)
      .Case("ptx", ArtifactKind::PTX)
      .Case("device-ll", ArtifactKind::DeviceLLVMText)
      .Default(std::nullopt);
}

std::optional<Stage> driver::stageFromName(llvm::StringRef Name) {
  for (unsigned S = 0; S <= unsigned(Stage::LLVM); ++S)
    if (stageName(Stage(S)) == Name)
      return Stage(S);
  return std::nullopt;
}

/// Only the kernels: a file for itself, without a header.
static bool isDeviceKind(ArtifactKind Kind) {
  return Kind == ArtifactKind::PTX || Kind == ArtifactKind::DeviceLLVMText;
}

static std::string escapeForMake(llvm::StringRef Path) {
  std::string Result;
  for (char C : Path) {
    if (C == ' ' || C == '#')
      Result += '\\';
    else if (C == '$')
      Result += '$';
    Result += C;
  }
  return Result;
}

std::string driver::dependencyRule(llvm::StringRef Target,
                                   llvm::ArrayRef<std::string> Files) {
  std::string Rule = escapeForMake(Target) + ":";
  for (const std::string &File : Files)
    Rule += " \\\n  " + escapeForMake(File);
  return Rule + "\n";
}

static std::string withEnding(llvm::StringRef Path, llvm::StringRef Ending) {
  llvm::SmallString<128> Result(Path);
  path::replace_extension(Result, Ending);
  return std::string(Result);
}

static bool reportUnwritable(Compiler &C, llvm::StringRef Path, llvm::Error E) {
  C.error("cannot write '" + Path + "': " + llvm::toString(std::move(E)));
  return false;
}

bool driver::checkWritable(Compiler &C, const ArtifactRequest &Request) {
  if (Request.Path == "-")
    return true;
  OutputFiles Probe;
  llvm::Expected<std::string> Name = Probe.create(Request.Path);
  if (!Name)
    return reportUnwritable(C, Request.Path, Name.takeError());
  return true;
}

namespace {
/// One compilation's files.
class ArtifactWriter {
public:
  ArtifactWriter(Compiler &C, ModuleOp Module, const ArtifactRequest &Request)
      : C(C), Module(Module), Request(Request) {}

  LogicalResult write();

private:
  LogicalResult fail(llvm::StringRef Path, llvm::Error E) {
    reportUnwritable(C, Path, std::move(E));
    return failure();
  }
  /// Fills the file \p Path by \p Write.
  LogicalResult
  fill(llvm::StringRef Path,
       llvm::function_ref<LogicalResult(llvm::raw_fd_ostream &)> Write);
  LogicalResult writeObject(llvm::StringRef Path);
  LogicalResult writeText(target::FileKind Kind, llvm::StringRef Path);
  LogicalResult writeWeightsFile(llvm::StringRef Path);
  LogicalResult writeArchive(llvm::StringRef Object, llvm::StringRef Path);
  LogicalResult link(llvm::StringRef Object, llvm::StringRef Path);
  LogicalResult writeHeader();
  LogicalResult writeIR(llvm::raw_ostream &OS);
  LogicalResult writeDependencies();

  Compiler &C;
  ModuleOp Module;
  const ArtifactRequest &Request;
  OutputFiles Files;
};
} // namespace

LogicalResult ArtifactWriter::fill(
    llvm::StringRef Path,
    llvm::function_ref<LogicalResult(llvm::raw_fd_ostream &)> Write) {
  if (Path == "-") {
    LogicalResult Result = Write(llvm::outs());
    llvm::outs().flush();
    return Result;
  }
  std::error_code EC;
  llvm::raw_fd_ostream OS(Path, EC, llvm::sys::fs::OF_None);
  if (EC)
    return fail(Path, llvm::errorCodeToError(EC));
  LogicalResult Result = Write(OS);
  OS.close();
  if (OS.has_error()) {
    EC = OS.error();
    OS.clear_error();
    return fail(Path, llvm::errorCodeToError(EC));
  }
  return Result;
}

LogicalResult ArtifactWriter::writeObject(llvm::StringRef Path) {
  if (failed(fill(Path, [&](llvm::raw_fd_ostream &OS) {
        return C.emit(Module, target::FileKind::Object, OS);
      })))
    return failure();
  return C.finishObjectFile(Module, Path);
}

LogicalResult ArtifactWriter::writeWeightsFile(llvm::StringRef Path) {
  auto Bytes = Module->getAttrOfType<IntegerAttr>("lathe.weights_bytes");
  return fill(Path, [&](llvm::raw_fd_ostream &OS) {
    uint64_t At = 0;
    auto Pad = [&](uint64_t To) {
      OS.write_zeros(To - At);
      At = To;
    };
    if (failed(target::streamWeights(
            Module, [&](uint64_t Offset, ArrayRef<char> Piece) {
              Pad(Offset);
              OS.write(Piece.data(), Piece.size());
              At += Piece.size();
              return success();
            })))
      return failure();
    Pad(Bytes.getInt());
    return success();
  });
}

LogicalResult ArtifactWriter::writeText(target::FileKind Kind,
                                        llvm::StringRef Path) {
  std::string Weights;
  auto Bytes = Module->getAttrOfType<IntegerAttr>("lathe.weights_bytes");
  if (Bytes && Bytes.getInt()) {
    if (Request.Path == "-") {
      C.error("this model has weights, which go into a file beside the output: "
              "name one by -o");
      return failure();
    }
    Weights = withEnding(Request.Path, "weights");
    llvm::Expected<std::string> Temporary = Files.create(Weights);
    if (!Temporary)
      return fail(Weights, Temporary.takeError());
    if (failed(writeWeightsFile(*Temporary)))
      return failure();
    Weights = path::filename(Weights).str();
  }
  return fill(Path, [&](llvm::raw_fd_ostream &OS) {
    return C.emit(Module, Kind, OS, Weights);
  });
}

LogicalResult ArtifactWriter::writeArchive(llvm::StringRef Object,
                                           llvm::StringRef Path) {
  auto Buffer = llvm::MemoryBuffer::getFile(Object, false,
                                            /*RequiresNullTerminator=*/false);
  if (!Buffer)
    return fail(Path, llvm::errorCodeToError(Buffer.getError()));
  std::string Member = C.options().Name + ".o";
  llvm::NewArchiveMember New(
      llvm::MemoryBufferRef((*Buffer)->getBuffer(), Member));
  if (llvm::Error E = llvm::writeArchive(
          Path, New, llvm::SymtabWritingMode::NormalSymtab,
          llvm::object::Archive::K_GNU, /*Deterministic=*/true,
          /*Thin=*/false))
    return fail(Path, std::move(E));
  return success();
}

LogicalResult ArtifactWriter::link(llvm::StringRef Object,
                                   llvm::StringRef Path) {
  llvm::ErrorOr<std::string> Linker =
      llvm::sys::findProgramByName("ld.lld", {LATHE_LLVM_TOOLS});
  for (llvm::StringRef Name : {"ld.lld-22", "ld.lld"})
    if (!Linker)
      Linker = llvm::sys::findProgramByName(Name);
  if (!Linker) {
    C.error("a shared library needs the linker ld.lld, which is not installed");
    return failure();
  }
  std::string SOName = path::filename(Request.Path).str();
  // Nothing of the machine or the day goes in. libm is the program's to bring.
  llvm::StringRef Arguments[] = {*Linker,   "-shared",     "--build-id=none",
                                 "-z",      "noexecstack", "--hash-style=gnu",
                                 "-soname", SOName,        "-o",
                                 Path,      Object};
  std::string Message;
  if (llvm::sys::ExecuteAndWait(*Linker, Arguments, std::nullopt, {}, 0, 0,
                                &Message) != 0) {
    C.error("linking '" + Request.Path + "' failed" +
            (Message.empty() ? "" : ": " + Message));
    return failure();
  }
  return success();
}

LogicalResult ArtifactWriter::writeHeader() {
  FailureOr<target::ModelInfo> Info = target::ModelInfo::read(Module);
  if (failed(Info))
    return failure();
  std::string Path = withEnding(Request.Path, "h");
  llvm::Expected<std::string> Temporary = Files.create(Path);
  if (!Temporary)
    return fail(Path, Temporary.takeError());
  return fill(*Temporary, [&](llvm::raw_fd_ostream &OS) {
    OS << target::writeHeader(*Info, C.options().Name, version(),
                              C.options().Recorded);
    return success();
  });
}

LogicalResult ArtifactWriter::writeDependencies() {
  if (Request.Path == "-") {
    C.error("-MD and -MF need an output file: name one by -o");
    return failure();
  }
  llvm::Expected<std::string> Temporary = Files.create(Request.DependencyFile);
  if (!Temporary)
    return fail(Request.DependencyFile, Temporary.takeError());
  return fill(*Temporary, [&](llvm::raw_fd_ostream &OS) {
    OS << dependencyRule(Request.Path, C.filesRead());
    return success();
  });
}

LogicalResult ArtifactWriter::writeIR(llvm::raw_ostream &OS) {
  if (StringRef(Request.Path).ends_with(".mlirbc"))
    return writeBytecodeToFile(Module, OS);
  if (Request.PrintWeights) {
    Module.print(OS);
    OS << "\n";
    return success();
  }
  OpPrintingFlags Flags;
  Flags.elideLargeElementsAttrs(64).elideLargeResourceString(64);
  // Where all resources are elided MLIR leaves an empty block behind the
  // module.
  std::string Text;
  llvm::raw_string_ostream TextStream(Text);
  Module.print(TextStream, Flags);
  StringRef Shown = Text;
  Shown.consume_back("\n{-#\n\n#-}\n");
  OS << Shown.rtrim() << "\n";
  return success();
}

LogicalResult ArtifactWriter::write() {
  if (Request.Path == "-" && Request.Kind != ArtifactKind::MLIR &&
      Request.Kind != ArtifactKind::LLVMText &&
      Request.Kind != ArtifactKind::Assembly && !isDeviceKind(Request.Kind)) {
    C.error("only text goes to the standard output");
    return failure();
  }
  std::string Path = "-";
  if (Request.Path != "-") {
    llvm::Expected<std::string> Temporary = Files.create(Request.Path);
    if (!Temporary)
      return fail(Request.Path, Temporary.takeError());
    Path = *Temporary;
  }

  LogicalResult Result = success();
  switch (Request.Kind) {
  case ArtifactKind::MLIR:
    Result = fill(Path, [&](llvm::raw_fd_ostream &OS) { return writeIR(OS); });
    break;
  case ArtifactKind::Assembly:
    Result = writeText(target::FileKind::Assembly, Path);
    break;
  case ArtifactKind::LLVMText:
    Result = writeText(target::FileKind::LLVMText, Path);
    break;
  case ArtifactKind::LLVMBitcode:
    Result = writeText(target::FileKind::LLVMBitcode, Path);
    break;
  case ArtifactKind::Object:
    Result = writeObject(Path);
    break;
  case ArtifactKind::PTX:
  case ArtifactKind::DeviceLLVMText:
    Result = fill(Path, [&](llvm::raw_fd_ostream &OS) {
      llvm::SmallVector<char, 0> Text;
      llvm::raw_svector_ostream Stream(Text);
      target::EmissionOptions Emission{C.target(), C.options().Name,
                                       C.options().OptLevel, /*Origin=*/""};
      if (failed(target::emitDevice(Module, Emission,
                                    Request.Kind == ArtifactKind::PTX
                                        ? target::FileKind::Assembly
                                        : target::FileKind::LLVMText,
                                    Stream)))
        return failure();
      OS << Stream.str();
      return success();
    });
    break;
  case ArtifactKind::Archive:
  case ArtifactKind::SharedLibrary: {
    llvm::Expected<std::string> Object = Files.createScratch(Request.Path);
    if (!Object)
      return fail(Request.Path, Object.takeError());
    if (failed(writeObject(*Object)))
      return failure();
    Result = Request.Kind == ArtifactKind::Archive ? writeArchive(*Object, Path)
                                                   : link(*Object, Path);
    break;
  }
  }
  if (failed(Result) || C.hasErrors())
    return failure();
  if (Request.Kind != ArtifactKind::MLIR && !isDeviceKind(Request.Kind) &&
      Request.Path != "-" && failed(writeHeader()))
    return failure();
  if (!Request.DependencyFile.empty() && failed(writeDependencies()))
    return failure();
  if (llvm::Error E = Files.commit())
    return fail(Request.Path, std::move(E));
  return success();
}

LogicalResult driver::writeArtifact(Compiler &C, ModuleOp Module, Stage From,
                                    const ArtifactRequest &Request) {
  if (isDeviceKind(Request.Kind) && !C.target().Device) {
    C.error("'" + Request.Path +
            "' would hold kernels for a GPU: add --target=nvptx64-nvidia-cuda "
            "and --cpu=, such as sm_80");
    return failure();
  }
  Stage To = Request.Kind == ArtifactKind::MLIR ? Request.Form
             : isDeviceKind(Request.Kind)       ? Stage::Codegen
                                                : Stage::LLVM;
  if (failed(C.run(Module, From, To)))
    return failure();
  return ArtifactWriter(C, Module, Request).write();
}

//===- OutputFiles.cpp - Files that appear all at once --------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OutputFiles.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe::driver;
namespace fs = llvm::sys::fs;

OutputFiles::~OutputFiles() {
  for (File &F : Files)
    llvm::consumeError(F.Temporary.discard());
}

llvm::Expected<std::string> OutputFiles::createTemporary(llvm::StringRef Near) {
  llvm::Expected<fs::TempFile> Temporary =
      fs::TempFile::create(Near + ".tmp-%%%%%%%%");
  if (!Temporary)
    return Temporary.takeError();
  std::string Name = Temporary->TmpName;
  Files.push_back({std::move(*Temporary), "", false});
  return Name;
}

llvm::Expected<std::string> OutputFiles::createScratch(llvm::StringRef Near) {
  return createTemporary(Near);
}

llvm::Expected<std::string> OutputFiles::create(llvm::StringRef Path) {
  fs::file_status Status;
  bool Exists = !fs::status(Path, Status) && fs::exists(Status);
  if (Exists && fs::is_directory(Status))
    return llvm::createStringError("it is a folder");
  bool Special = Exists && !fs::is_regular_file(Status);
  // An existing file that may not be written is not to be replaced either.
  if (Exists && fs::access(Path, fs::AccessMode::Write))
    return llvm::createStringError("permission denied");
  std::string Near = Path.str();
  if (Special) {
    llvm::SmallString<128> Elsewhere;
    llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, Elsewhere);
    llvm::sys::path::append(Elsewhere, "lathe");
    Near = std::string(Elsewhere);
  }
  llvm::Expected<std::string> Name = createTemporary(Near);
  if (!Name)
    return Name.takeError();
  Files.back().Path = Path.str();
  Files.back().Special = Special;
  return Name;
}

/// Writes the contents of \p From into the device or pipe \p To.
static llvm::Error copyInto(llvm::StringRef From, llvm::StringRef To) {
  auto Buffer = llvm::MemoryBuffer::getFile(From, false,
                                            /*RequiresNullTerminator=*/false);
  if (!Buffer)
    return llvm::errorCodeToError(Buffer.getError());
  std::error_code EC;
  llvm::raw_fd_ostream OS(To, EC, fs::CD_OpenExisting, fs::FA_Write,
                          fs::OF_None);
  if (EC)
    return llvm::errorCodeToError(EC);
  OS << (*Buffer)->getBuffer();
  OS.close();
  EC = OS.error();
  OS.clear_error();
  return llvm::errorCodeToError(EC);
}

llvm::Error OutputFiles::commit() {
  llvm::Error Result = llvm::Error::success();
  for (File &F : Files) {
    if (F.Path.empty() || Result) {
      llvm::consumeError(F.Temporary.discard());
    } else if (F.Special) {
      Result = copyInto(F.Temporary.TmpName, F.Path);
      llvm::consumeError(F.Temporary.discard());
    } else {
      Result = F.Temporary.keep(F.Path);
    }
  }
  Files.clear();
  return Result;
}

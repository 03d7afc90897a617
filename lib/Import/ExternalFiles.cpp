//===- ExternalFiles.cpp - External tensor data ---------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Tensors.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace lathe::import;
using llvm::createStringError;
using llvm::StringRef;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

ExternalFiles::ExternalFiles(StringRef ModelPath, FileCallback OnFileRead)
    : Folder(path::parent_path(ModelPath)), OnFileRead(std::move(OnFileRead)) {
  if (Folder.empty())
    Folder = ".";
}

llvm::Expected<std::shared_ptr<llvm::MemoryBuffer>>
ExternalFiles::open(StringRef Location) {
  if (Location.empty() || Location.contains('\0'))
    return createStringError("external data without a location");
  auto Found = Open.find(Location);
  if (Found != Open.end())
    return Found->second;
  auto Escapes = [&] {
    return createStringError("external data '" + Location +
                             "' lies outside the model's folder; move it there "
                             "and name it by a relative path");
  };
  if (path::is_absolute(Location) || Location.contains('\\'))
    return Escapes();
  for (auto It = path::begin(Location), End = path::end(Location); It != End;
       ++It)
    if (*It == "..")
      return Escapes();
  llvm::SmallString<256> Full(Folder), RealFolder, RealFile;
  path::append(Full, Location);
  std::error_code EC = fs::real_path(Folder, RealFolder);
  if (!EC)
    EC = fs::real_path(Full, RealFile);
  if (EC)
    return createStringError("external data '" + Location +
                             "': " + EC.message());
  StringRef Rest = RealFile;
  if (!Rest.consume_front(RealFolder) ||
      (RealFolder != "/" && !Rest.starts_with("/")))
    return Escapes();
  if (!fs::is_regular_file(RealFile))
    return createStringError("external data '" + Location + "' is not a file");
  auto Buffer = llvm::MemoryBuffer::getFile(RealFile, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!Buffer)
    return createStringError("external data '" + Location +
                             "': " + Buffer.getError().message());
  std::shared_ptr<llvm::MemoryBuffer> Shared = std::move(*Buffer);
  Open[Location] = Shared;
  if (OnFileRead)
    OnFileRead(Full);
  return Shared;
}

//===- OutputFiles.h - Files that appear all at once ------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_DRIVER_OUTPUTFILES_H
#define LATHE_LIB_DRIVER_OUTPUTFILES_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include <string>
#include <vector>

namespace lathe::driver {

/// A set of files under temporary names, removed unless it is committed. A
/// signal that ends the process removes them, too.
class OutputFiles {
public:
  ~OutputFiles();

  /// A temporary, empty file that will become \p Path; its name. An existing
  /// \p Path that is no regular file (a device, a pipe) is written to in the
  /// end and stays what it is.
  llvm::Expected<std::string> create(llvm::StringRef Path);
  /// A temporary file that stays one.
  llvm::Expected<std::string> createScratch(llvm::StringRef Near);

  /// Renames all files to their places.
  llvm::Error commit();

private:
  llvm::Expected<std::string> createTemporary(llvm::StringRef Near);

  struct File {
    llvm::sys::fs::TempFile Temporary;
    /// Empty for scratch files.
    std::string Path;
    bool Special;
  };
  std::vector<File> Files;
};

} // namespace lathe::driver

#endif // LATHE_LIB_DRIVER_OUTPUTFILES_H

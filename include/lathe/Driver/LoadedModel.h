//===- LoadedModel.h - A compiled model in this process ---------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// There is one back end: an object's bytes are linked into this process as they
// are, or a shared library is opened.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_DRIVER_LOADEDMODEL_H
#define LATHE_DRIVER_LOADEDMODEL_H

#include "lathe.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace lathe::driver {

class LoadedModel {
public:
  ~LoadedModel();
  LoadedModel(LoadedModel &&);

  /// Links \p Object, of the model \p Name, into this process.
  static llvm::Expected<LoadedModel>
  fromObject(std::unique_ptr<llvm::MemoryBuffer> Object, llvm::StringRef Name);
  /// Opens a shared library that holds one model.
  static llvm::Expected<LoadedModel> fromLibrary(llvm::StringRef Path);

  const lathe_model &model() const { return *Model; }

private:
  LoadedModel();
  std::unique_ptr<llvm::orc::LLJIT> JIT;
  const lathe_model *Model = nullptr;
};

} // namespace lathe::driver

#endif // LATHE_DRIVER_LOADEDMODEL_H

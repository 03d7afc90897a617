//===- LoadedModel.cpp - A compiled model in this process -----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/LoadedModel.h"
#include "lathe/Target/TargetSelection.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include <dlfcn.h>

using namespace lathe::driver;
namespace orc = llvm::orc;

LoadedModel::LoadedModel() = default;
LoadedModel::~LoadedModel() = default;
LoadedModel::LoadedModel(LoadedModel &&) = default;

llvm::Expected<LoadedModel>
LoadedModel::fromObject(std::unique_ptr<llvm::MemoryBuffer> Object,
                        llvm::StringRef Name) {
  LoadedModel Result;
  auto JIT =
      orc::LLJITBuilder()
          .setObjectLinkingLayerCreator([](orc::ExecutionSession &Session) {
            return std::make_unique<orc::ObjectLinkingLayer>(Session);
          })
          .create();
  if (!JIT)
    return JIT.takeError();
  Result.JIT = std::move(*JIT);
  // The few functions of libc and libm that an object may want.
  auto Process = orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      Result.JIT->getDataLayout().getGlobalPrefix());
  if (!Process)
    return Process.takeError();
  Result.JIT->getMainJITDylib().addGenerator(std::move(*Process));
  if (llvm::Error E = Result.JIT->addObjectFile(std::move(Object)))
    return std::move(E);
  auto Entry = Result.JIT->lookup((Name + "_model").str());
  if (!Entry)
    return Entry.takeError();
  Result.Model = Entry->toPtr<const lathe_model *()>()();
  return Result;
}

/// The name of the one model in the library: it has NAME_model and NAME_call.
static llvm::Expected<std::string> findModel(llvm::StringRef Path) {
  auto File = llvm::object::ObjectFile::createObjectFile(Path);
  if (!File)
    return File.takeError();
  auto *ELF =
      llvm::dyn_cast<llvm::object::ELFObjectFileBase>(File->getBinary());
  if (!ELF)
    return llvm::createStringError("it is no ELF file");
  std::vector<std::string> Defined, Models;
  for (const llvm::object::ELFSymbolRef &Symbol :
       ELF->getDynamicSymbolIterators()) {
    llvm::Expected<uint32_t> Flags = Symbol.getFlags();
    llvm::Expected<llvm::StringRef> Name = Symbol.getName();
    if (!Flags)
      return Flags.takeError();
    if (!Name)
      return Name.takeError();
    if (!(*Flags & llvm::object::SymbolRef::SF_Undefined))
      Defined.push_back(Name->str());
  }
  for (llvm::StringRef Name : Defined)
    if (Name.consume_back("_model") &&
        llvm::is_contained(Defined, (Name + "_call").str()))
      Models.push_back(Name.str());
  if (Models.size() != 1)
    return llvm::createStringError(Models.empty()
                                       ? "it holds no model of lathe's"
                                       : "it holds more than one model");
  return Models.front();
}

llvm::Expected<LoadedModel> LoadedModel::fromLibrary(llvm::StringRef Path) {
  llvm::Expected<std::string> Name = findModel(Path);
  if (!Name)
    return Name.takeError();
  // An absolute path, or dlopen would search for it elsewhere.
  llvm::SmallString<128> Absolute(Path);
  llvm::sys::fs::make_absolute(Absolute);
  void *Library = dlopen(Absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!Library)
    return llvm::createStringError(dlerror());
  void *Entry = dlsym(Library, (*Name + "_model").c_str());
  if (!Entry)
    return llvm::createStringError(dlerror());
  LoadedModel Result;
  Result.Model = reinterpret_cast<const lathe_model *(*)()>(Entry)();
  return Result;
}

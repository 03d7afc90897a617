//===- UndefinedSymbolsTest.cpp -------------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Target/Emission.h"
#include "lathe/Target/TargetSelection.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Target/TargetMachine.h"
#include "gtest/gtest.h"

using namespace lathe::target;

/// What checkUndefinedSymbols finds in an object of the code \p Text.
static std::string findIn(llvm::StringRef Text) {
  llvm::LLVMContext Context;
  llvm::SMDiagnostic Error;
  std::unique_ptr<llvm::Module> IR =
      llvm::parseAssemblyString(Text, Error, Context);
  EXPECT_NE(IR, nullptr) << Error.getMessage().str();
  std::unique_ptr<llvm::TargetMachine> Machine = createTargetMachine(
      llvm::cantFail(resolveTarget({"x86-64", "", ""})), true, false);
  IR->setTargetTriple(Machine->getTargetTriple());
  IR->setDataLayout(Machine->createDataLayout());
  llvm::SmallVector<char, 0> Bytes;
  llvm::raw_svector_ostream OS(Bytes);
  llvm::legacy::PassManager Passes;
  EXPECT_FALSE(Machine->addPassesToEmitFile(Passes, OS, nullptr,
                                            llvm::CodeGenFileType::ObjectFile));
  Passes.run(*IR);
  llvm::Error E =
      checkUndefinedSymbols(llvm::MemoryBufferRef(OS.str(), "test"));
  return E ? llvm::toString(std::move(E)) : "";
}

TEST(UndefinedSymbols, AllowedOnes) {
  EXPECT_EQ(findIn("declare float @expf(float)\n"
                   "define float @f(float %x) {\n"
                   "  %y = call float @expf(float %x)\n"
                   "  ret float %y\n}\n"),
            "");
}

TEST(UndefinedSymbols, OthersAreNamed) {
  EXPECT_EQ(findIn("declare ptr @malloc(i64)\n"
                   "@stdout = external global ptr\n"
                   "define ptr @f() {\n"
                   "  %p = call ptr @malloc(i64 8)\n"
                   "  %q = load ptr, ptr @stdout\n"
                   "  store ptr %q, ptr %p\n"
                   "  ret ptr %p\n}\n"),
            "the object would need 'malloc', 'stdout', which no C library "
            "promises");
}

TEST(UndefinedSymbols, WhatCodeGenerationAddsCounts) {
  // A call that appears in no IR: the target has no such instruction.
  EXPECT_NE(findIn("define i128 @f(i128 %x, i128 %y) {\n"
                   "  %z = udiv i128 %x, %y\n"
                   "  ret i128 %z\n}\n")
                .find("'__udivti3'"),
            std::string::npos);
}

TEST(UndefinedSymbols, TheGuideListsThem) {
  auto Guide = llvm::MemoryBuffer::getFile(LATHE_SOURCE_DIR "/docs/guide.md");
  ASSERT_TRUE(bool(Guide));
  llvm::StringRef List = (*Guide)->getBuffer().split("<!-- symbols -->").second;
  List = List.split("<!-- end -->").first;
  std::vector<std::string> Documented, Allowed;
  while (List.contains('`')) {
    List = List.split('`').second;
    Documented.push_back(List.split('`').first.str());
    List = List.split('`').second;
  }
  for (llvm::StringRef Name : allowedUndefinedSymbols())
    Allowed.push_back(Name.str());
  // The one word that is no name but how to link.
  llvm::erase(Documented, "-lm");
  llvm::sort(Documented);
  llvm::sort(Allowed);
  EXPECT_EQ(Documented, Allowed);
}

//===- EmitModule.cpp - LLVM IR to objects and text -----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An object holds the weights in its section `.lathe_weights`. The text forms
// cannot: they take them by `.incbin` from a file beside them.
//
//===----------------------------------------------------------------------===//

#include "lathe/Target/Emission.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Target/TargetMachine.h"

using namespace lathe::target;
using namespace mlir;

/// Replaces the zeros that stand for the weights by the file \p WeightsFile.
static void includeWeights(llvm::Module &IR, const std::string &Symbol,
                           llvm::StringRef WeightsFile) {
  llvm::GlobalVariable *Weights = IR.getNamedGlobal(Symbol);
  if (!Weights)
    return;
  Weights->setInitializer(nullptr);
  Weights->setExternallyInitialized(false);
  Weights->setSection("");
  std::string Path;
  for (char C : WeightsFile) {
    if (C == '"' || C == '\\')
      Path += '\\';
    Path += C;
  }
  IR.appendModuleInlineAsm("\t.section .lathe_weights,\"a\",@progbits\n"
                           "\t.p2align 6\n\t.globl " +
                           Symbol + "\n\t.hidden " + Symbol + "\n" + Symbol +
                           ":\n\t.incbin \"" + Path + "\"\n\t.size " + Symbol +
                           ", .-" + Symbol + "\n\t.text\n");
}

LogicalResult lathe::target::emitModule(llvm::Module &IR, ModuleOp Module,
                                        const EmissionOptions &Options,
                                        FileKind Kind,
                                        llvm::raw_pwrite_stream &Stream,
                                        llvm::StringRef WeightsFile) {
  if (Kind != FileKind::Object)
    includeWeights(IR, Options.Name + "_weights", WeightsFile);
  else if (llvm::GlobalVariable *Weights =
               IR.getNamedGlobal(Options.Name + "_weights"))
    // Local like all the rest: only now, that no pass looks at its zeros.
    Weights->setLinkage(llvm::GlobalValue::InternalLinkage);
  if (Kind == FileKind::LLVMText) {
    IR.print(Stream, nullptr);
    return success();
  }
  if (Kind == FileKind::LLVMBitcode) {
    llvm::WriteBitcodeToFile(IR, Stream);
    return success();
  }
  std::unique_ptr<llvm::TargetMachine> Machine = createTargetMachine(
      Options.Target, Options.OptLevel > 0,
      IR.getCodeModel() == llvm::CodeModel::Large, Kind == FileKind::Assembly);
  llvm::legacy::PassManager Passes;
  if (Machine->addPassesToEmitFile(Passes, Stream, nullptr,
                                   Kind == FileKind::Object
                                       ? llvm::CodeGenFileType::ObjectFile
                                       : llvm::CodeGenFileType::AssemblyFile))
    return Module.emitError("target '")
           << Options.Target.Triple << "' cannot emit this kind of file";
  Passes.run(IR);
  return success();
}

llvm::Expected<std::pair<uint64_t, uint64_t>>
lathe::target::findWeights(llvm::MemoryBufferRef Buffer) {
  auto Object = llvm::object::ObjectFile::createObjectFile(Buffer);
  if (!Object)
    return Object.takeError();
  for (const llvm::object::SectionRef &Section : (*Object)->sections()) {
    llvm::Expected<llvm::StringRef> Name = Section.getName();
    if (!Name)
      return Name.takeError();
    if (*Name != ".lathe_weights")
      continue;
    llvm::Expected<llvm::StringRef> Contents = Section.getContents();
    if (!Contents)
      return Contents.takeError();
    return std::make_pair(uint64_t(Contents->data() - Buffer.getBufferStart()),
                          uint64_t(Contents->size()));
  }
  return std::make_pair(uint64_t(0), uint64_t(0));
}

llvm::ArrayRef<llvm::StringRef> lathe::target::allowedUndefinedSymbols() {
  // Memory functions, which every C implementation has, freestanding ones too,
  // and those of libm that have no vector form of ours. docs/guide.md lists
  // them.
  static constexpr llvm::StringRef Names[] = {
      "memcpy", "memmove", "memset", "acos", "acosf", "acosh", "acoshf", "asin",
      "asinf", "asinh", "asinhf", "atan", "atanf", "atan2", "atan2f", "atanh",
      "atanhf", "cbrt", "cbrtf", "ceil", "ceilf", "cos", "cosf", "cosh",
      "coshf", "erf", "erff", "erfc", "erfcf", "exp", "expf", "exp2", "exp2f",
      "expm1", "expm1f", "floor", "floorf", "fma", "fmaf", "fmod", "fmodf",
      "log", "logf", "log10", "log10f", "log1p", "log1pf", "log2", "log2f",
      "pow", "powf", "rint", "rintf", "round", "roundf", "roundeven",
      "roundevenf", "sin", "sinf", "sincos", "sincosf", "sinh", "sinhf", "sqrt",
      "sqrtf", "tan", "tanf", "tanh", "tanhf", "trunc", "truncf",
      // The launcher of a GPU (runtime/lathe_gpu.h).
      "lathe_gpu_allocate", "lathe_gpu_begin", "lathe_gpu_end",
      "lathe_gpu_fetch", "lathe_gpu_input", "lathe_gpu_launch",
      "lathe_gpu_output", "lathe_gpu_put", "lathe_gpu_status",
      // 64-bit integers on 32-bit ARM, from the library that comes with its C
      // compiler.
      "__aeabi_ldivmod", "__aeabi_uldivmod", "__aeabi_idiv", "__aeabi_idivmod",
      "__aeabi_uidiv", "__aeabi_uidivmod", "__aeabi_lmul", "__aeabi_llsl",
      "__aeabi_llsr", "__aeabi_lasr", "__aeabi_l2f", "__aeabi_l2d",
      "__aeabi_ul2f", "__aeabi_ul2d", "__aeabi_f2lz", "__aeabi_d2lz",
      "__aeabi_f2ulz", "__aeabi_d2ulz", "__aeabi_memcpy", "__aeabi_memcpy4",
      "__aeabi_memcpy8", "__aeabi_memmove", "__aeabi_memmove4",
      "__aeabi_memmove8", "__aeabi_memset", "__aeabi_memset4",
      "__aeabi_memset8", "__aeabi_memclr", "__aeabi_memclr4",
      "__aeabi_memclr8"};
  return Names;
}

llvm::Error lathe::target::checkUndefinedSymbols(llvm::MemoryBufferRef Buffer) {
  auto Object = llvm::object::ObjectFile::createObjectFile(Buffer);
  if (!Object)
    return Object.takeError();
  std::string Wrong;
  for (const llvm::object::SymbolRef &Symbol : (*Object)->symbols()) {
    llvm::Expected<uint32_t> Flags = Symbol.getFlags();
    llvm::Expected<llvm::StringRef> Name = Symbol.getName();
    if (!Flags)
      return Flags.takeError();
    if (!Name)
      return Name.takeError();
    if (!(*Flags & llvm::object::SymbolRef::SF_Undefined) || Name->empty() ||
        *Name == "_GLOBAL_OFFSET_TABLE_" ||
        llvm::is_contained(allowedUndefinedSymbols(), *Name))
      continue;
    Wrong += (Wrong.empty() ? "'" : ", '") + Name->str() + "'";
  }
  if (Wrong.empty())
    return llvm::Error::success();
  return llvm::createStringError("the object would need " + Wrong +
                                 ", which no C library promises");
}

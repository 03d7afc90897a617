//===- lathe-gpu-emulate.cpp - Kernels of a GPU for this machine ----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//     lathe-gpu-emulate kernels.ll kernels.o
//
// Takes the LLVM IR that PTX is made of (lathe --emit=device-ll) and makes an
// object for this machine of the very same code: only what asks for the number
// of a thread or waits for others is replaced, by variables and functions that
// test/gpu/fakecuda.c provides.
//
//===----------------------------------------------------------------------===//

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

using namespace llvm;

namespace {
class Emulator {
public:
  Emulator(Module &M) : M(M), B(M.getContext()), I32(B.getInt32Ty()) {}

  bool run() {
    for (const char *Name :
         {"fakecuda_thread", "fakecuda_block", "fakecuda_blocks"})
      define(Name, I32);
    define("fakecuda_barrier", B.getPtrTy());
    define("fakecuda_shuffle", B.getPtrTy());
    define("fakecuda_copy", B.getPtrTy());
    define("fakecuda_arrive", B.getPtrTy());
    for (Function &F : make_early_inc_range(M))
      if (F.isIntrinsic() && F.getName().starts_with("llvm.nvvm.") &&
          !replace(F))
        return false;
    SmallVector<Function *> Kernels;
    for (Function &F : M) {
      if (F.isDeclaration())
        continue;
      F.setAttributes(AttributeList());
      F.addFnAttr(Attribute::NoUnwind);
      if (F.getCallingConv() == CallingConv::PTX_Kernel)
        Kernels.push_back(&F);
      F.setCallingConv(CallingConv::C);
    }
    for (Function *F : Kernels)
      addEntry(*F);
    return true;
  }

private:
  Module &M;
  IRBuilder<> B;
  Type *I32;
  SmallPtrSet<Function *, 8> Waits;

  void define(StringRef Name, Type *T) {
    new GlobalVariable(M, T, /*isConstant=*/false, GlobalValue::ExternalLinkage,
                       Constant::getNullValue(T), Name);
  }

  bool replace(Function &F) {
    StringRef Name = F.getName();
    StringRef Number =
        StringSwitch<StringRef>(Name)
            .Case("llvm.nvvm.read.ptx.sreg.tid.x", "fakecuda_thread")
            .Case("llvm.nvvm.read.ptx.sreg.ctaid.x", "fakecuda_block")
            .Case("llvm.nvvm.read.ptx.sreg.nctaid.x", "fakecuda_blocks")
            .Default("");
    for (User *U : make_early_inc_range(F.users())) {
      auto *Call = cast<CallInst>(U);
      B.SetInsertPoint(Call);
      if (!Number.empty()) {
        Call->replaceAllUsesWith(B.CreateLoad(I32, M.getNamedGlobal(Number)));
      } else if (Name.starts_with("llvm.nvvm.barrier")) {
        Waits.insert(Call->getFunction());
        Value *To =
            B.CreateLoad(B.getPtrTy(), M.getNamedGlobal("fakecuda_barrier"));
        B.CreateCall(FunctionType::get(B.getVoidTy(), false), To);
      } else if (Name.starts_with("llvm.nvvm.shfl.sync.bfly")) {
        Waits.insert(Call->getFunction());
        Value *To =
            B.CreateLoad(B.getPtrTy(), M.getNamedGlobal("fakecuda_shuffle"));
        Value *V = B.CreateBitCast(Call->getArgOperand(1), I32);
        V = B.CreateCall(FunctionType::get(I32, {I32, I32}, false), To,
                         {V, Call->getArgOperand(2)});
        Call->replaceAllUsesWith(B.CreateBitCast(V, Call->getType()));
      } else if (Name.starts_with("llvm.nvvm.cp.async.c") &&
                 Name.contains(".shared.global.")) {
        unsigned Bytes = 0;
        Name.rsplit('.').second.getAsInteger(10, Bytes);
        Waits.insert(Call->getFunction());
        Value *To =
            B.CreateLoad(B.getPtrTy(), M.getNamedGlobal("fakecuda_copy"));
        auto Flat = [&](Value *P) {
          return B.CreateAddrSpaceCast(P, B.getPtrTy());
        };
        B.CreateCall(FunctionType::get(B.getVoidTy(),
                                       {B.getPtrTy(), B.getPtrTy(), I32},
                                       false),
                     To,
                     {Flat(Call->getArgOperand(0)),
                      Flat(Call->getArgOperand(1)), B.getInt32(Bytes)});
      } else if (Name.starts_with("llvm.nvvm.idp4a.")) {
        // Four products of bytes, each with or without signs.
        Value *Sum = Call->getArgOperand(2);
        StringRef Signs = Name.drop_front(strlen("llvm.nvvm.idp4a."));
        for (unsigned I = 0; I < 4; ++I) {
          Value *Factors[2];
          for (unsigned Side : {0, 1}) {
            Value *Byte = B.CreateTrunc(
                B.CreateLShr(Call->getArgOperand(Side), 8 * I), B.getInt8Ty());
            Factors[Side] = Signs[2 * Side] == 's' ? B.CreateSExt(Byte, I32)
                                                   : B.CreateZExt(Byte, I32);
          }
          Sum = B.CreateAdd(Sum, B.CreateMul(Factors[0], Factors[1]));
        }
        Call->replaceAllUsesWith(Sum);
      } else if (Name == "llvm.nvvm.cp.async.commit.group") {
        // All groups are waited for together.
      } else if (Name == "llvm.nvvm.cp.async.wait.group" &&
                 cast<ConstantInt>(Call->getArgOperand(0))->isZero()) {
        Value *To =
            B.CreateLoad(B.getPtrTy(), M.getNamedGlobal("fakecuda_arrive"));
        B.CreateCall(FunctionType::get(B.getVoidTy(), false), To);
      } else {
        errs() << "lathe-gpu-emulate: '" << Name << "' is not known\n";
        return false;
      }
      Call->eraseFromParent();
    }
    F.eraseFromParent();
    return true;
  }

  /// fakecuda_run_NAME(pointers to the arguments), and whether it ever waits.
  void addEntry(Function &F) {
    Function *Entry = Function::Create(
        FunctionType::get(B.getVoidTy(), {B.getPtrTy()}, false),
        GlobalValue::ExternalLinkage, "fakecuda_run_" + F.getName(), M);
    B.SetInsertPoint(BasicBlock::Create(M.getContext(), "", Entry));
    SmallVector<Value *> Args;
    for (Argument &A : F.args()) {
      Value *Slot =
          B.CreateConstGEP1_32(B.getPtrTy(), Entry->getArg(0), A.getArgNo());
      Args.push_back(
          B.CreateLoad(A.getType(), B.CreateLoad(B.getPtrTy(), Slot)));
    }
    B.CreateCall(&F, Args);
    B.CreateRetVoid();
    new GlobalVariable(
        M, B.getInt8Ty(), /*isConstant=*/true, GlobalValue::ExternalLinkage,
        B.getInt8(Waits.contains(&F)), "fakecuda_waits_" + F.getName());
    // The C library may have a function of the kernel's name.
    F.setLinkage(GlobalValue::InternalLinkage);
  }
};
} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    errs() << "usage: lathe-gpu-emulate kernels.ll kernels.o\n";
    return 2;
  }
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  LLVMContext Context;
  SMDiagnostic Error;
  std::unique_ptr<Module> M = parseIRFile(argv[1], Error, Context);
  if (!M) {
    Error.print(argv[0], errs());
    return 1;
  }
  if (!Emulator(*M).run() || verifyModule(*M, &errs()))
    return 1;
  Triple Host(sys::getProcessTriple());
  std::string Message;
  const Target *T = TargetRegistry::lookupTarget(Host, Message);
  std::string Features;
  for (const auto &F : sys::getHostCPUFeatures())
    Features += (Features.empty() ? "" : ",") +
                std::string(F.second ? "+" : "-") + F.first().str();
  std::unique_ptr<TargetMachine> Machine(T->createTargetMachine(
      Host, sys::getHostCPUName(), Features, TargetOptions(), Reloc::PIC_,
      std::nullopt, CodeGenOptLevel::Default));
  M->setTargetTriple(Host);
  M->setDataLayout(Machine->createDataLayout());
  std::error_code EC;
  raw_fd_ostream OS(argv[2], EC);
  legacy::PassManager Passes;
  if (EC || Machine->addPassesToEmitFile(Passes, OS, nullptr,
                                         CodeGenFileType::ObjectFile)) {
    errs() << "lathe-gpu-emulate: cannot write '" << argv[2] << "'\n";
    return 1;
  }
  Passes.run(*M);
  return 0;
}

//===- EmitDevice.cpp - The kernels of a device as text -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// No features are named: the PTX version is then the lowest that has the chip,
// which the oldest driver that knows it takes.
//
//===----------------------------------------------------------------------===//

#include "Optimize.h"
#include "lathe/Target/Device.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Target/TargetMachine.h"

using namespace lathe::target;
using namespace mlir;

static std::unique_ptr<llvm::Module> translate(gpu::GPUModuleOp Device,
                                               llvm::LLVMContext &Context,
                                               llvm::TargetMachine &Machine) {
  DialectRegistry Registry;
  registerBuiltinDialectTranslation(Registry);
  registerLLVMDialectTranslation(Registry);
  registerNVVMDialectTranslation(Registry);
  registerGPUDialectTranslation(Registry);
  Device.getContext()->appendDialectRegistry(Registry);
  std::unique_ptr<llvm::Module> IR =
      translateModuleToLLVMIR(Device, Context, "kernels");
  if (!IR)
    return nullptr;
  IR->setTargetTriple(Machine.getTargetTriple());
  IR->setDataLayout(Machine.createDataLayout());
  for (llvm::Function &F : *IR)
    F.addFnAttr(llvm::Attribute::NoUnwind);
  return IR;
}

LogicalResult lathe::target::emitDevice(ModuleOp Module,
                                        const EmissionOptions &Options,
                                        FileKind Kind,
                                        llvm::raw_pwrite_stream &Stream) {
  auto Devices = Module.getOps<gpu::GPUModuleOp>();
  if (Devices.empty() || !Options.Target.Device)
    return Module.emitError("no kernels for a device: --target names none");
  TargetSpec Spec;
  Spec.Triple = Options.Target.Device->Triple;
  Spec.CPU = Options.Target.Device->CPU;
  std::unique_ptr<llvm::TargetMachine> Machine = createTargetMachine(
      Spec, /*Optimize=*/Options.OptLevel > 0, /*LargeData=*/false);
  llvm::LLVMContext Context;
  std::unique_ptr<llvm::Module> IR =
      translate(*Devices.begin(), Context, *Machine);
  if (!IR)
    return Module.emitError(
        "internal error: no LLVM IR of the kernels was made");
  // Loops within a thread are short: unrolling them hides latencies.
  optimizeModule(*IR, *Machine, Options.OptLevel, /*Unroll=*/true);
  if (Kind == FileKind::LLVMText) {
    IR->print(Stream, nullptr);
    return success();
  }
  if (Kind == FileKind::LLVMBitcode) {
    llvm::WriteBitcodeToFile(*IR, Stream);
    return success();
  }
  for (const llvm::Function &F : *IR)
    if (F.isDeclaration() && !F.isIntrinsic() && !F.use_empty())
      return Module.emitError("the kernels would need '")
             << F.getName() << "', which no GPU has; compile for a processor";
  llvm::legacy::PassManager Passes;
  if (Machine->addPassesToEmitFile(Passes, Stream, nullptr,
                                   llvm::CodeGenFileType::AssemblyFile))
    return Module.emitError("target '") << Spec.Triple << "' cannot emit text";
  Passes.run(*IR);
  return success();
}

//===- TranslateToLLVMIR.cpp - LLVM dialect to optimised LLVM IR ----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The kernels come vectorised and unrolled as their schedules say. LLVM's loop
// passes know less than they do: unrolling or vectorising once more spills
// registers and triples the code, so both are off.
//
//===----------------------------------------------------------------------===//

#include "Optimize.h"
#include "lathe/Target/Emission.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"

using namespace lathe::target;

static void setAttributes(llvm::Module &IR, const EmissionOptions &Options) {
  const lathe::TargetDescription &T = Options.Target.Description;
  for (llvm::Function &F : IR) {
    F.addFnAttr(llvm::Attribute::NoUnwind);
    if (F.isDeclaration())
      continue;
    F.addFnAttr("target-cpu", Options.Target.CPU);
    if (!Options.Target.Features.empty())
      F.addFnAttr("target-features", Options.Target.Features);
    // x86-64-v4 would halve its vectors by default, out of care for old CPUs.
    F.addFnAttr("prefer-vector-width", std::to_string(T.VectorBits));
    F.addFnAttr("frame-pointer", "none");
  }
}

/// Puts the model's name before the names of what is local: a profile of a
/// program with several models tells them apart, and no name can be one of the
/// C library's. In the dialect each renaming would walk the whole module.
static void prefixNames(llvm::Module &IR, const std::string &Name) {
  for (llvm::GlobalValue &V : IR.global_values())
    if (V.hasLocalLinkage() && !V.getName().starts_with(Name + "_"))
      V.setName(Name + "." + V.getName());
}

/// LLVM's own order for -O2, less what finds nothing here: nobody is inlined
/// (kernels are kept apart, main is straight), there are no exceptions, no
/// structures, no jump tables, and each loop is looked at once. What is left is
/// what kernels gain by: main's constants become their callees', addresses are
/// simplified, and what a loop need not do again moves out of it. It takes two
/// thirds of the time of -O2; the code is no slower and no larger.
static constexpr llvm::StringLiteral HostPasses =
    "inferattrs,ipsccp,globalopt,deadargelim,"
    "function(sroa,early-cse,simplifycfg,loop-mssa(loop-rotate,licm),"
    "instcombine<no-verify-fixpoint>,loop(loop-idiom,indvars,loop-deletion),"
    "gvn,bdce,dse,loop-mssa(licm),instcombine<no-verify-fixpoint>,"
    "vector-combine,loop-sink,instsimplify,div-rem-pairs,simplifycfg),"
    "globaldce,constmerge";

void lathe::target::optimizeModule(llvm::Module &IR,
                                   llvm::TargetMachine &Machine, unsigned Level,
                                   bool Unroll) {
  llvm::PipelineTuningOptions Tuning;
  Tuning.LoopUnrolling = Unroll;
  Tuning.LoopVectorization = false;
  Tuning.LoopInterleaving = false;
  Tuning.SLPVectorization = false;
  llvm::LoopAnalysisManager LAM;
  llvm::FunctionAnalysisManager FAM;
  llvm::CGSCCAnalysisManager CGAM;
  llvm::ModuleAnalysisManager MAM;
  llvm::PassBuilder Builder(&Machine, Tuning);
  Builder.registerModuleAnalyses(MAM);
  Builder.registerCGSCCAnalyses(CGAM);
  Builder.registerFunctionAnalyses(FAM);
  Builder.registerLoopAnalyses(LAM);
  Builder.crossRegisterProxies(LAM, FAM, CGAM, MAM);
  if (!Unroll) {
    llvm::ModulePassManager Passes;
    llvm::cantFail(Builder.parsePassPipeline(Passes, HostPasses));
    Passes.run(IR, MAM);
    return;
  }
  // Above O2 lies only more unrolling and inlining.
  llvm::OptimizationLevel Chosen =
      Level == 0 ? llvm::OptimizationLevel::O1 : llvm::OptimizationLevel::O2;
  Builder.buildPerModuleDefaultPipeline(Chosen).run(IR, MAM);
}

std::unique_ptr<llvm::Module>
lathe::target::translateToLLVMIR(mlir::ModuleOp Module,
                                 llvm::LLVMContext &Context,
                                 const EmissionOptions &Options) {
  mlir::DialectRegistry Registry;
  mlir::registerBuiltinDialectTranslation(Registry);
  mlir::registerLLVMDialectTranslation(Registry);
  Module.getContext()->appendDialectRegistry(Registry);

  int64_t WeightsBytes = 0;
  if (auto Bytes =
          Module->getAttrOfType<mlir::IntegerAttr>("lathe.weights_bytes"))
    WeightsBytes = Bytes.getInt();
  std::unique_ptr<llvm::TargetMachine> Machine = createTargetMachine(
      Options.Target, Options.OptLevel > 0, WeightsBytes > LargeWeights);
  std::unique_ptr<llvm::Module> IR =
      mlir::translateModuleToLLVMIR(Module, Context, Options.Name);
  if (!IR) {
    Module.emitError("translation to LLVM IR failed");
    return nullptr;
  }
  IR->setTargetTriple(Machine->getTargetTriple());
  IR->setDataLayout(Machine->createDataLayout());
  IR->setPICLevel(llvm::PICLevel::BigPIC);
  if (WeightsBytes > LargeWeights)
    IR->setCodeModel(llvm::CodeModel::Large);
  if (llvm::GlobalVariable *Weights =
          IR->getNamedGlobal(Options.Name + "_weights")) {
    // Its zeros are not what a load will find.
    Weights->setExternallyInitialized(true);
    if (WeightsBytes > LargeWeights)
      Weights->setCodeModel(llvm::CodeModel::Large);
  }
  IR->getOrInsertNamedMetadata("llvm.ident")
      ->addOperand(llvm::MDNode::get(
          Context, llvm::MDString::get(Context, Options.Origin)));
  prefixNames(*IR, Options.Name);
  setAttributes(*IR, Options);
  optimizeModule(*IR, *Machine, Options.OptLevel, /*Unroll=*/false);
  return IR;
}

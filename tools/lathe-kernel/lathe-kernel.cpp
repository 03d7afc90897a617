//===- lathe-kernel.cpp - Check and time single kernels -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A developer's tool: compiles every kernel.func of a .mlir file twice, by the
// emitters and by scalar loops, runs both in process on the same random data
// and compares them. `--bench` times the former and, where the kernel has an
// attribute `flops`, prints GFLOP/s. Arguments must have static shapes.
//
//===----------------------------------------------------------------------===//

#include "lathe/Codegen/Passes.h"
#include "lathe/Driver/Registration.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include <cmath>
#include <random>
#include <time.h>

using namespace mlir;
using namespace lathe;

static llvm::cl::opt<std::string> Input(llvm::cl::Positional,
                                        llvm::cl::desc("<file.mlir>"),
                                        llvm::cl::Required);
static llvm::cl::opt<std::string>
    Features("features",
             llvm::cl::desc("Complete list of features (default: the host's)"));
static llvm::cl::opt<bool> Bench("bench", llvm::cl::desc("Time the kernels"));
static llvm::cl::opt<double>
    Tolerance("tolerance", llvm::cl::init(2e-5),
              llvm::cl::desc("Largest error, relative to the largest output"));
static llvm::cl::opt<std::string>
    DumpObject("dump-object", llvm::cl::desc("Write the object code here"));

/// kernel.func on memrefs -> func.func, then LLVM.
static LogicalResult lower(ModuleOp Module) {
  SmallVector<kernel::FuncOp> Kernels(Module.getOps<kernel::FuncOp>());
  for (kernel::FuncOp K : Kernels) {
    OpBuilder B(K);
    auto F = func::FuncOp::create(B, K.getLoc(), K.getSymName(),
                                  K.getFunctionType());
    F.getBody().takeBody(K.getBody());
    Operation *Old = F.getBody().front().getTerminator();
    B.setInsertionPoint(Old);
    func::ReturnOp::create(B, K.getLoc());
    Old->erase();
    K.erase();
    F->setAttr(
        "llvm.passthrough",
        B.getArrayAttr({B.getStrArrayAttr({"prefer-vector-width", "512"}),
                        B.getStringAttr("noinline")}));
  }
  // Parts of kernels that became functions.
  SmallVector<kernel::CallOp> Calls;
  Module.walk([&](kernel::CallOp Call) { Calls.push_back(Call); });
  for (kernel::CallOp Call : Calls) {
    OpBuilder B(Call);
    SmallVector<Value> Operands(Call.getOperands());
    for (int64_t Bound : {0, 1})
      Operands.push_back(
          arith::ConstantIndexOp::create(B, Call.getLoc(), Bound));
    func::CallOp::create(B, Call.getLoc(), Call.getCallee(), TypeRange(),
                         Operands);
    Call.erase();
  }
  PassManager PM(Module.getContext());
  if (failed(parsePassPipeline(
          "canonicalize,cse,lower-affine,convert-vector-to-scf,"
          "convert-scf-to-cf,expand-strided-metadata,lower-affine,arith-expand,"
          "convert-vector-to-llvm,convert-math-to-llvm,convert-arith-to-llvm,"
          "convert-ub-to-llvm,convert-index-to-llvm,finalize-memref-to-llvm,"
          "convert-func-to-llvm{use-bare-ptr-memref-call-conv=1},"
          "convert-cf-to-llvm,reconcile-unrealized-casts,canonicalize,cse",
          PM)))
    return failure();
  return PM.run(Module);
}

namespace {
/// The arguments of one call: storage and the pointers to it.
struct Arguments {
  std::vector<std::vector<char>> Storage;
  std::vector<void *> Pointers;
  std::vector<void *> Packed;
  int64_t Lo = 0, Hi = INT64_MAX;
};
} // namespace

static int64_t bytesOf(RankedTensorType T) {
  return T.getNumElements() * ((T.getElementTypeBitWidth() + 7) / 8);
}

static Arguments makeArguments(kernel::FuncOp K, unsigned Seed) {
  Arguments A;
  std::mt19937 Random(Seed);
  std::normal_distribution<float> Normal;
  SmallVector<RankedTensorType> Types;
  for (Type T : K.getArgumentTypes())
    Types.push_back(cast<RankedTensorType>(T));
  for (RankedTensorType T : Types) {
    A.Storage.emplace_back(bytesOf(T) + 64);
    char *P = A.Storage.back().data();
    P += 64 - reinterpret_cast<uintptr_t>(P) % 64;
    A.Pointers.push_back(P);
    int64_t N = T.getNumElements();
    Type E = T.getElementType();
    for (int64_t I = 0; I < N; ++I) {
      if (E.isF32())
        reinterpret_cast<float *>(P)[I] = Normal(Random);
      else if (E.isF64())
        reinterpret_cast<double *>(P)[I] = Normal(Random);
      else if (E.isInteger(64))
        reinterpret_cast<int64_t *>(P)[I] = Random() % 4;
      else if (E.isInteger(32))
        reinterpret_cast<int32_t *>(P)[I] = Random() % 4;
      else
        for (unsigned B = 0, W = T.getElementTypeBitWidth() / 8; B < W; ++B)
          P[I * W + B] = B ? 0 : Random() % 4;
    }
  }
  return A;
}

static void pack(Arguments &A) {
  A.Packed.clear();
  for (void *&P : A.Pointers)
    A.Packed.push_back(&P);
  A.Packed.push_back(&A.Lo);
  A.Packed.push_back(&A.Hi);
}

/// The largest difference, relative to the largest magnitude.
static double difference(RankedTensorType T, void *A, void *B) {
  double Worst = 0, Scale = 1e-30;
  for (int64_t I = 0, N = T.getNumElements(); I < N; ++I) {
    double X, Y;
    if (T.getElementType().isF32()) {
      X = static_cast<float *>(A)[I];
      Y = static_cast<float *>(B)[I];
    } else if (T.getElementType().isF64()) {
      X = static_cast<double *>(A)[I];
      Y = static_cast<double *>(B)[I];
    } else {
      unsigned W = T.getElementTypeBitWidth() / 8;
      X = 0;
      Y = memcmp(static_cast<char *>(A) + I * W, static_cast<char *>(B) + I * W,
                 W);
    }
    if (std::isnan(X) && std::isnan(Y))
      continue;
    if (X == Y)
      continue;
    double D = std::fabs(X - Y);
    Worst = std::isnan(D) ? INFINITY : std::max(Worst, D);
    Scale = std::max(Scale, std::fabs(Y));
  }
  return Worst / Scale;
}

int main(int argc, char **argv) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  llvm::cl::ParseCommandLineOptions(argc, argv, "Check and time kernels\n");
  registerAllPasses();
  DialectRegistry Registry;
  registerAllDialects(Registry);
  registerAllToLLVMIRTranslations(Registry);
  MLIRContext Ctx(Registry);

  std::string Host = Features;
  if (Host.empty())
    for (auto &F : llvm::sys::getHostCPUFeatures())
      Host += (Host.empty() ? "" : ",") + std::string(F.second ? "+" : "-") +
              F.first().str();
  TargetDescription Target = describeTarget(llvm::sys::getDefaultTargetTriple(),
                                            llvm::sys::getHostCPUName(), Host);

  OwningOpRef<ModuleOp> Source = parseSourceFile<ModuleOp>(Input, &Ctx);
  if (!Source)
    return 1;
  SmallVector<std::unique_ptr<ExecutionEngine>> Engines;
  SmallVector<OwningOpRef<ModuleOp>> Modules;
  for (bool Reference : {false, true}) {
    Modules.push_back(Source->clone());
    PassManager PM(&Ctx);
    PM.addPass(codegen::createEmitKernelsPass(Target, !Reference));
    PM.addPass(codegen::createExpandMathPass(Target));
    if (failed(PM.run(*Modules.back())) || failed(lower(*Modules.back())))
      return 1;
    ExecutionEngineOptions Options;
    auto TM = llvm::orc::JITTargetMachineBuilder::detectHost();
    auto Machine =
        llvm::cantFail(llvm::cantFail(std::move(TM)).createTargetMachine());
    // The options only refer to it.
    std::function<llvm::Error(llvm::Module *)> Optimize =
        makeOptimizingTransformer(Reference ? 1 : 2, 0, Machine.get());
    Options.transformer = Optimize;
    Options.jitCodeGenOptLevel = llvm::CodeGenOptLevel::Aggressive;
    Options.enableObjectDump = true;
    auto Engine =
        ExecutionEngine::create(*Modules.back(), Options, std::move(Machine));
    if (!Engine) {
      llvm::errs() << llvm::toString(Engine.takeError()) << "\n";
      return 1;
    }
    Engines.push_back(std::move(*Engine));
  }

  bool Bad = false;
  for (kernel::FuncOp K : Source->getOps<kernel::FuncOp>()) {
    void (*Run[2])(void **);
    for (int I : {0, 1}) {
      auto F = Engines[I]->lookupPacked(K.getSymName());
      if (!F) {
        llvm::errs() << llvm::toString(F.takeError()) << "\n";
        return 1;
      }
      Run[I] = *F;
    }
    Arguments A = makeArguments(K, 1), R = makeArguments(K, 1);
    pack(A);
    pack(R);
    Run[0](A.Packed.data());
    Run[1](R.Packed.data());
    double Worst = 0;
    for (unsigned I = K.getNumIns(); I < K.getNumArguments(); ++I)
      Worst = std::max(
          Worst, difference(cast<RankedTensorType>(K.getArgumentTypes()[I]),
                            A.Pointers[I], R.Pointers[I]));
    bool Ok = Worst <= Tolerance;
    Bad |= !Ok;
    llvm::outs() << (Ok ? "ok   " : "FAIL ") << K.getSymName()
                 << llvm::format(" error %.2g", Worst);
    if (Bench) {
      double Best = 1e30;
      // The thread's own time: other programs do not count.
      auto Now = [] {
        timespec T;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &T);
        return T.tv_sec + 1e-9 * T.tv_nsec;
      };
      double Begin = Now();
      while (Now() - Begin < 0.5) {
        double T = Now();
        Run[0](A.Packed.data());
        Best = std::min(Best, Now() - T);
      }
      llvm::outs() << llvm::format("  %.1f us", Best * 1e6);
      if (auto F = K->getAttrOfType<IntegerAttr>("flops"))
        llvm::outs() << llvm::format("  %.1f GFLOP/s",
                                     F.getInt() / Best * 1e-9);
    }
    llvm::outs() << "\n";
    llvm::outs().flush();
  }
  if (!DumpObject.empty())
    Engines[0]->dumpToObjectFile(DumpObject);
  return Bad;
}

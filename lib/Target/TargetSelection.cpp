//===- TargetSelection.cpp - From --target and --cpu to a machine ---------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Target/TargetSelection.h"
#include "lathe/Support/Names.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/ARMTargetParser.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <mutex>

using namespace lathe;
using namespace lathe::target;

/// Registers LLVM's code generators, once in a process.
static void initializeTargets() {
  static std::once_flag Once;
  std::call_once(Once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
  });
}

static llvm::Error error(const llvm::Twine &Message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), Message);
}

/// The triple of a target written by hand; empty if LLVM has no such target.
static std::string findTriple(llvm::StringRef Target) {
  llvm::Triple T(llvm::Triple::normalize(Target));
  // "aarch64-linux-gnu" and "aarch64" mean the obvious.
  if (T.getOS() == llvm::Triple::UnknownOS && !Target.contains('-'))
    T.setOS(llvm::Triple::Linux);
  if (T.isOSLinux() && T.getEnvironment() == llvm::Triple::UnknownEnvironment)
    T.setEnvironment(llvm::Triple::GNU);
  std::string Ignored;
  if (T.getArch() == llvm::Triple::UnknownArch ||
      !llvm::TargetRegistry::lookupTarget(T, Ignored))
    return {};
  return T.str();
}

static llvm::SmallVector<llvm::StringRef> knownTargets() {
  return {"native",
          "x86-64",
          "x86-64-v2",
          "x86-64-v3",
          "x86-64-v4",
          "x86_64-linux-gnu",
          "aarch64-linux-gnu",
          "armv7-linux-gnueabihf",
          "riscv64-linux-gnu",
          "powerpc64le-linux-gnu",
          "nvptx64-nvidia-cuda"};
}

namespace {
/// What sets targets of one family apart where CPUs and features are chosen.
struct Family {
  bool (*Is)(const llvm::Triple &T);
  /// The CPU where none is named.
  llvm::StringLiteral DefaultCPU;
  /// Features that LLVM's generator takes for granted: without them it ends the
  /// process.
  llvm::StringLiteral Indispensable[4];
};
} // namespace

static const Family &familyOf(const llvm::Triple &T) {
  static constexpr Family Families[] = {
      {[](const llvm::Triple &T) { return T.isX86(); },
       "x86-64",
       {"64bit", "cx8", "fxsr", "sse2"}},
      {[](const llvm::Triple &T) { return T.isAArch64(); },
       "generic",
       {"fp-armv8", "neon", "", ""}},
      {[](const llvm::Triple &T) { return T.isARM() || T.isThumb(); },
       "generic",
       {"v7", "neon", "vfp3", ""}},
      {[](const llvm::Triple &T) { return T.isNVPTX(); },
       "sm_80",
       {"", "", "", ""}},
      {[](const llvm::Triple &) { return true; }, "generic", {"", "", "", ""}}};
  return *llvm::find_if(Families, [&](const Family &F) { return F.Is(T); });
}

/// What the floating-point and vector unit brings that comes with \p CPU: a CPU
/// of 32-bit ARM may be had with several, and LLVM's tables name none.
static std::string floatUnitOf(llvm::StringRef CPU) {
  std::vector<llvm::StringRef> Features;
  // Nearly every ARMv7-A machine with Linux has NEON.
  llvm::ARM::getFPUFeatures(
      CPU == "generic"
          ? llvm::ARM::FK_NEON
          : llvm::ARM::getDefaultFPU(CPU, llvm::ARM::parseCPUArch(CPU)),
      Features);
  return llvm::join(Features, ",");
}

/// Features that say how fast something is, not what a CPU has. AArch64: LLVM
/// schedules loads well before their use, and then joins two loads of
/// neighbours where the second of them stood, just before the use. A core that
/// issues in order waits for every such pair, and others at times. Pairs of
/// whole vectors are not made where they are said to be slow.
static std::string tuningOf(const llvm::Triple &T) {
  return T.isAArch64() ? "+slow-paired-128" : "";
}

/// For a wrong \p Name of \p What ("cpu", "features"): what comes near it among
/// \p Known, or how to see them all.
static std::string hint(llvm::StringRef What, llvm::StringRef Name,
                        llvm::ArrayRef<llvm::StringRef> Known) {
  std::string Near = suggestNames(Name, Known);
  return Near.empty() ? ("; --" + What + "=help names all").str() : Near;
}

/// The answer to --cpu=help and --features=help.
static llvm::Error listed(llvm::StringRef What, llvm::StringRef Triple,
                          llvm::ArrayRef<llvm::StringRef> Known) {
  return error("--" + What + " of target '" + Triple + "' may be:\n  " +
               llvm::join(Known, "\n  "));
}

/// Parses "+a,-b,c" into signed names, each checked against \p Known.
static llvm::Error parseFeatures(llvm::StringRef Text,
                                 llvm::ArrayRef<llvm::StringRef> Known,
                                 llvm::StringRef Triple, std::string &Out) {
  if (Text == "help")
    return listed("features", Triple, Known);
  llvm::SmallVector<llvm::StringRef> Parts;
  Text.split(Parts, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef Part : Parts) {
    Part = Part.trim();
    bool On = !Part.starts_with("-");
    llvm::StringRef Name = Part.ltrim("+-");
    if (!llvm::is_contained(Known, Name))
      return error("unknown feature '" + Name + "' for target '" + Triple +
                   "'" + hint("features", Name, Known));
    if (!Out.empty())
      Out += ',';
    Out += (On ? "+" : "-");
    Out += Name;
  }
  return llvm::Error::success();
}

/// Kernels for a GPU; what launches them is for the baseline of this machine's
/// architecture, whatever the machine.
static llvm::Expected<TargetSpec> resolveDevice(const TargetRequest &Request,
                                                const llvm::Triple &T) {
  // Shuffles between threads, as kernels use them, began with this chip.
  constexpr unsigned Oldest = 70;
  if (T.getArch() != llvm::Triple::nvptx64)
    return error("target '" + Request.Target +
                 "' is not supported; did you mean 'nvptx64-nvidia-cuda'?");
  if (!Request.Features.empty())
    return error("'--features' means nothing for '" + Request.Target +
                 "': --cpu says all");
  std::string Message;
  const llvm::Target *LLVMTarget =
      llvm::TargetRegistry::lookupTarget(T, Message);
  std::unique_ptr<llvm::MCSubtargetInfo> Base(
      LLVMTarget ? LLVMTarget->createMCSubtargetInfo(T, "", "") : nullptr);
  if (!Base)
    return error("target '" + Request.Target + "' has no code generator");
  std::string CPU =
      Request.CPU.empty() ? familyOf(T).DefaultCPU.str() : Request.CPU;
  if (CPU == "native")
    return error("--cpu=native: name the GPU's chip, such as sm_80");
  llvm::SmallVector<llvm::StringRef> Known;
  auto VersionOf = [](llvm::StringRef Name) {
    unsigned Version = 0;
    if (Name.consume_front("sm_"))
      Name.consumeInteger(10, Version);
    return Version;
  };
  for (const llvm::SubtargetSubTypeKV &KV : Base->getAllProcessorDescriptions())
    if (VersionOf(KV.Key) >= Oldest)
      Known.push_back(KV.Key);
  if (CPU == "help")
    return listed("cpu", T.str(), Known);
  if (!Base->isCPUStringValid(CPU))
    return error("unknown CPU '" + CPU + "' for target '" + T.str() + "'" +
                 hint("cpu", CPU, Known));
  if (!llvm::is_contained(Known, CPU))
    return error("CPU '" + CPU + "' is too old: chips from sm_" +
                 llvm::Twine(Oldest) + " on are supported");

  TargetRequest Host;
  Host.CPU =
      familyOf(llvm::Triple(llvm::sys::getProcessTriple())).DefaultCPU.str();
  llvm::Expected<TargetSpec> Spec = resolveTarget(Host);
  if (!Spec)
    return Spec;
  Spec->Device = TargetSpec::DeviceSpec{"nvptx64-nvidia-cuda", CPU};
  Spec->Description = describeTarget(Spec->Device->Triple, CPU, "");
  return Spec;
}

llvm::Expected<TargetSpec> target::resolveTarget(const TargetRequest &Request) {
  initializeTargets();
  TargetSpec Spec;
  std::string CPU = Request.CPU, HostFeatures;
  llvm::StringRef Target = Request.Target;
  bool NativeCPU = CPU == "native";

  if (Target.empty() || Target == "native") {
    Spec.Triple = llvm::Triple::normalize(llvm::sys::getProcessTriple());
    NativeCPU |= CPU.empty();
  } else if (llvm::StringRef(Target).starts_with("x86-64")) {
    Spec.Triple = "x86_64-unknown-linux-gnu";
    if (!llvm::is_contained(knownTargets(), Target))
      return error("unknown target '" + Target + "'" +
                   suggestNames(Target, knownTargets()));
    if (CPU.empty())
      CPU = Target.str();
  } else {
    Spec.Triple = findTriple(Target);
    if (Spec.Triple.empty())
      return error("unknown target '" + Target + "'" +
                   suggestNames(Target, knownTargets()));
  }

  llvm::Triple T(Spec.Triple);
  if (T.isNVPTX())
    return resolveDevice(Request, T);
  bool ARM32 = T.isARM() || T.isThumb();
  if ((!T.isArch64Bit() && !ARM32) || !T.isLittleEndian() ||
      !T.isOSBinFormatELF())
    return error("target '" + Target + "' (" + Spec.Triple +
                 ") is not supported: only 32-bit ARM and 64-bit "
                 "little-endian targets with ELF objects are");
  std::string Message;
  const llvm::Target *LLVMTarget =
      llvm::TargetRegistry::lookupTarget(T, Message);
  std::unique_ptr<llvm::MCSubtargetInfo> Base(
      LLVMTarget ? LLVMTarget->createMCSubtargetInfo(T, "", "") : nullptr);
  if (!Base || !LLVMTarget->hasTargetMachine() ||
      !LLVMTarget->hasMCAsmBackend())
    return error("target '" + Target + "' (" + Spec.Triple +
                 ") has no code generator");

  llvm::SmallVector<llvm::StringRef> KnownCPUs, KnownFeatures;
  for (const llvm::SubtargetSubTypeKV &KV : Base->getAllProcessorDescriptions())
    KnownCPUs.push_back(KV.Key);
  for (const llvm::SubtargetFeatureKV &KV : Base->getAllProcessorFeatures())
    KnownFeatures.push_back(KV.Key);

  if (NativeCPU) {
    if (T.getArch() != llvm::Triple(llvm::sys::getProcessTriple()).getArch())
      return error("--cpu=native: this machine is no '" + T.getArchName() +
                   "'");
    CPU = llvm::sys::getHostCPUName().str();
    // A virtual machine may hide what its CPU has: what LLVM detects counts.
    llvm::StringMap<bool> Detected = llvm::sys::getHostCPUFeatures();
    for (llvm::StringRef Name : KnownFeatures) {
      auto It = Detected.find(Name);
      if (It != Detected.end())
        HostFeatures += (HostFeatures.empty() ? "" : ",") +
                        std::string(It->second ? "+" : "-") + Name.str();
    }
  }
  if (CPU.empty())
    CPU = familyOf(T).DefaultCPU.str();
  if (CPU == "help")
    return listed("cpu", Spec.Triple, KnownCPUs);
  if (!Base->isCPUStringValid(CPU)) {
    if (!NativeCPU)
      return error("unknown CPU '" + CPU + "' for target '" + Spec.Triple +
                   "'" + hint("cpu", CPU, KnownCPUs));
    CPU = familyOf(T).DefaultCPU.str();
  }

  std::string Tuning = tuningOf(T), Wanted = Tuning;
  if (!HostFeatures.empty())
    Wanted += (Wanted.empty() ? "" : ",") + HostFeatures;
  if (ARM32)
    Wanted = floatUnitOf(CPU);
  if (llvm::Error E =
          parseFeatures(Request.Features, KnownFeatures, Spec.Triple, Wanted))
    return std::move(E);
  std::unique_ptr<llvm::MCSubtargetInfo> Plain(
      LLVMTarget->createMCSubtargetInfo(T, CPU, Tuning)),
      Full(LLVMTarget->createMCSubtargetInfo(T, CPU, Wanted));
  llvm::StringSet<> On;
  for (const llvm::SubtargetFeatureKV &KV : Full->getEnabledProcessorFeatures())
    On.insert(KV.Key);
  for (llvm::StringRef Name : familyOf(T).Indispensable)
    if (llvm::is_contained(KnownFeatures, Name) && !On.contains(Name))
      return error("CPU '" + CPU + "'" +
                   (Request.Features.empty()
                        ? ""
                        : " with features '" + Request.Features + "'") +
                   " lacks '" + Name +
                   "', without which no code can be made for '" + Spec.Triple +
                   "'");

  Spec.CPU = CPU;
  llvm::StringSet<> Brought;
  for (const llvm::SubtargetFeatureKV &KV :
       Plain->getEnabledProcessorFeatures())
    Brought.insert(KV.Key);
  auto Append = [](std::string &List, bool Has, llvm::StringRef Name) {
    List += (List.empty() ? "" : ",") + std::string(Has ? "+" : "-");
    List += Name;
  };
  for (llvm::StringRef Name : KnownFeatures) {
    bool Has = On.contains(Name), Brings = Brought.contains(Name);
    // Absent features matter only where the CPU would bring them.
    if (Has || Brings)
      Append(Spec.Features, Has, Name);
    if (Has != Brings)
      Append(Spec.FeatureChanges, Has, Name);
  }
  Spec.Description = describeTarget(Spec.Triple, Spec.CPU, Spec.Features);
  Spec.Description.InOrder = !Full->getSchedModel().isOutOfOrder();
  return Spec;
}

std::unique_ptr<llvm::TargetMachine>
target::createTargetMachine(const TargetSpec &Spec, bool Optimize,
                            bool LargeData, bool ForText) {
  initializeTargets();
  llvm::Triple T(Spec.Triple);
  std::string Message;
  const llvm::Target *LLVMTarget =
      llvm::TargetRegistry::lookupTarget(T, Message);
  llvm::TargetOptions Options;
  // Contraction is chosen where kernels are emitted (fma is an op of its own).
  Options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  Options.UseInitArray = true;
  Options.DisableIntegratedAS = ForText;
  return std::unique_ptr<llvm::TargetMachine>(LLVMTarget->createTargetMachine(
      T, Spec.CPU, Spec.Features, Options, llvm::Reloc::PIC_,
      LargeData ? llvm::CodeModel::Large : llvm::CodeModel::Small,
      Optimize ? llvm::CodeGenOptLevel::Default : llvm::CodeGenOptLevel::Less));
}

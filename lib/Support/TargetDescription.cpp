//===- TargetDescription.cpp - What a schedule knows of a CPU -------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Support/TargetDescription.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace lathe;

/// The forms of a 64-bit or 32-bit ARM with NEON. Where bytes of both signs may
/// be multiplied, rows stay unsigned, which all its forms take.
static llvm::SmallVector<DotKind, 3> armDots(const llvm::StringSet<> &On) {
  if (On.contains("i8mm"))
    return {DotKind::WordLanes, DotKind::SUDot, DotKind::USMMLA};
  if (On.contains("dotprod"))
    return {DotKind::WordLanes, DotKind::SDot};
  return {DotKind::WordLanes};
}

TargetDescription lathe::describeTarget(llvm::StringRef Triple,
                                        llvm::StringRef CPU,
                                        llvm::StringRef Features) {
  TargetDescription T;
  T.Triple = Triple.str();
  T.CPU = CPU.str();
  T.Features = Features.str();

  // The feature string is the complete list: whoever resolved the CPU expanded
  // it (LLVM's subtarget tables live in Target, above which nothing may reach).
  llvm::StringSet<> On;
  llvm::SmallVector<llvm::StringRef> Parts;
  Features.split(Parts, ',', -1, false);
  for (llvm::StringRef P : Parts) {
    if (P.consume_front("+"))
      On.insert(P);
    else if (P.consume_front("-"))
      On.erase(P);
  }

  if (Triple.starts_with("nvptx")) {
    // The largest chip of each generation; a guide for tiles, no promise.
    unsigned Version = 0;
    CPU.drop_while([](char C) { return !llvm::isDigit(C); })
        .consumeInteger(10, Version);
    T.IsGPU = T.HasFMA = T.HasF16Conversion = true;
    T.VectorBits = 32;
    T.HasAsyncCopy = Version >= 80;
    T.Multiprocessors = Version >= 100  ? 148
                        : Version >= 90 ? 132
                        : Version >= 80 ? 108
                                        : 80;
    return T;
  }
  if (Triple.starts_with("aarch64")) {
    T.VectorBits = 128;
    T.VectorRegisters = 32;
    T.HasFMA = T.HasF16Conversion = true;
    T.BroadcastsFromMemory = false;
    T.OperandLanes = 4;
    T.Dots = armDots(On);
    T.Lookup = ByteLookup::Lists64;
    return T;
  }
  if (Triple.starts_with("arm") || Triple.starts_with("thumb")) {
    T.PointerBits = 32;
    T.VectorBits = 128;
    T.BroadcastsFromMemory = false;
    T.HasFMA = On.contains("vfp4");
    T.HasRounding = T.HasMaxNum = On.contains("fp-armv8");
    T.HasF16Conversion = On.contains("fp16");
    T.KeepsLoadsWhole = false;
    T.Dots = armDots(On);
    T.Lookup = ByteLookup::Lists32;
    return T;
  }

  // AVX-512 as x86-64-v4 has it: masks and 256-bit forms included.
  bool AVX512 = On.contains("avx512f") && On.contains("avx512vl") &&
                On.contains("avx512bw") && On.contains("avx512dq");
  T.VectorBits = AVX512 ? 512 : On.contains("avx") ? 256 : 128;
  T.VectorRegisters = AVX512 ? 32 : 16;
  T.HasFMA = On.contains("fma");
  T.HasRounding = On.contains("sse4.1");
  T.HasF16Conversion = On.contains("f16c");
  T.HasMaskedMemory = T.HasScale = AVX512;
  T.TableLanes = AVX512 ? 16 : 0;
  if ((AVX512 && On.contains("avx512vnni")) || On.contains("avxvnni"))
    T.Dots = {DotKind::VNNI};
  else if (On.contains("sse2") || On.contains("avx2"))
    T.Dots = {DotKind::WordPairs};
  // AVX without AVX2.
  if (T.VectorBits == 256 && !On.contains("avx2"))
    T.IntegerBits = 128;
  if (AVX512 && On.contains("avx512vbmi"))
    T.Lookup = ByteLookup::Pairs64;
  else if (On.contains("ssse3"))
    T.Lookup = ByteLookup::Rows16;
  return T;
}

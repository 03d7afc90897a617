//===- TargetDescription.h - What a schedule knows of a CPU -----*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Plain data about the machine that code is generated for. Every stage may read
// it; nothing in it refers to MLIR. Heuristics are pure functions of it, so
// that they can be unit-tested for machines that are not at hand.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_SUPPORT_TARGETDESCRIPTION_H
#define LATHE_SUPPORT_TARGETDESCRIPTION_H

#include "lathe/Support/ByteTable.h"
#include "lathe/Support/DotForm.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>

namespace lathe {

struct TargetDescription {
  /// LLVM's own names, already validated: triple, CPU and feature string.
  std::string Triple = "x86_64-unknown-linux-gnu";
  std::string CPU = "x86-64";
  std::string Features;

  unsigned PointerBits = 64;
  /// Bits of one vector register: 128 (SSE, NEON), 256 (AVX2), 512 (AVX-512).
  unsigned VectorBits = 128;
  /// Architectural vector registers.
  unsigned VectorRegisters = 16;
  /// A fused multiply-add on vectors of f32 exists.
  bool HasFMA = false;
  /// Instructions start in the order of the program: one that waits for a load
  /// holds up all behind it.
  bool InOrder = false;
  /// A scalar in memory is spread over the lanes of a multiply-add by the load
  /// itself and keeps no register busy (x86). Elsewhere each row of a register
  /// tile holds one: a multiply-add takes a lane of it (ARM).
  bool BroadcastsFromMemory = true;
  /// f32 that one multiply-add may take any lane of as the scalar of its row
  /// (AArch64); 0: scalars come one by one.
  unsigned OperandLanes = 0;
  /// Vectors of f32 are rounded to whole numbers by an instruction (SSE4.1,
  /// ARMv8).
  bool HasRounding = true;
  /// A maximum that takes the number where the other operand is NaN costs an
  /// instruction or two.
  bool HasMaxNum = true;
  /// LLVM keeps a vector load of bytes whole where they are extended (elsewhere
  /// it folds the two and takes the load, which may not be aligned, to pieces).
  bool KeepsLoadsWhole = true;
  /// Vectors of f32 are multiplied by powers of two, given as f32, by one
  /// instruction (AVX-512's scalef).
  bool HasScale = false;
  /// Conversions between f16 and f32 in hardware (F16C, AVX-512, NEON).
  bool HasF16Conversion = false;
  /// Masked vector loads and stores are cheap (AVX-512, SVE).
  bool HasMaskedMemory = false;
  /// Lanes of f32 of which one instruction picks any by the low bits of an i32
  /// in each lane (AVX-512's vpermps); 0: none. A table of weights of few bits.
  unsigned TableLanes = 0;
  /// What picks from a table of 256 bytes.
  ByteLookup Lookup = ByteLookup::Scalar;
  /// How sums of products of bytes are made, simplest first; none: as any other
  /// integers. Schedules choose between them.
  llvm::SmallVector<DotKind, 3> Dots;
  /// Bits of the widest register of integers, if narrower than that of floats.
  unsigned IntegerBits = 0;

  /// A GPU: kernels run on a device, main on a host. Multiprocessors is how
  /// many blocks run at a time at least.
  bool IsGPU = false;
  unsigned Multiprocessors = 0;
  /// Copies from global to shared memory go on beside arithmetic (sm_80).
  bool HasAsyncCopy = false;

  /// Caches of one core, in bytes, and their sustained read bandwidths.
  int64_t L1Bytes = 32 * 1024;
  int64_t L2Bytes = 1024 * 1024;
  double L3GBPerSecond = 30.0;
  double ColdWeightGBPerSecond = 11.0;

  /// Lanes of one register for elements of \p Bits bits.
  unsigned lanes(unsigned Bits) const { return VectorBits / Bits; }
  bool hasDot(DotKind Kind) const { return llvm::is_contained(Dots, Kind); }
  /// Bytes of rows are multiplied best as signed numbers.
  bool wantsSignedRows() const { return hasDot(DotKind::SDot); }
  /// Four bytes of a right-hand side that is computed are gathered in a word:
  /// some form multiplies them at once.
  bool wantsByteWords() const {
    return llvm::any_of(Dots,
                        [](DotKind Kind) { return dotForm(Kind).Terms == 4; });
  }
};

/// Describes \p CPU with \p Features (LLVM's names, already validated by the
/// caller). Pure: reads nothing of the host.
TargetDescription describeTarget(llvm::StringRef Triple, llvm::StringRef CPU,
                                 llvm::StringRef Features);

} // namespace lathe

#endif // LATHE_SUPPORT_TARGETDESCRIPTION_H

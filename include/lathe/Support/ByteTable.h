//===- ByteTable.h - How a target looks bytes up in a table -----*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A function of a byte is a table of 256. What picks from it by all bytes of a
// register is a fact of the machine: the stage Kernel weighs it against
// arithmetic, lib/Codegen/ExpandLookups.cpp emits it.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_SUPPORT_BYTETABLE_H
#define LATHE_SUPPORT_BYTETABLE_H

#include <cstdint>

namespace lathe {

struct TargetDescription;

enum class ByteLookup : uint8_t {
  Scalar,  // byte by byte, from memory
  Rows16,  // x86 SSSE3: 16 of a table at once (pshufb), four rounds of choice
  Pairs64, // x86 AVX512-VBMI: 128 of a table at once (vpermi2b)
  Lists64, // AArch64: 64 of a table at once (tbl, tbx of four registers)
  Lists32, // ARMv7: 32 of a table at once (vtbl, vtbx)
};

/// About how many instructions \p Bytes bytes of a vector take, which are no
/// more than fit a register.
unsigned lookupCost(unsigned Bytes, const TargetDescription &Target);

/// A function of a byte that takes \p Instructions for a vector of \p Bytes
/// bytes is rather a table: what is about as fast stays as it is. Bytes between
/// wider numbers are as many as lanes of these: a lookup has most of its lanes
/// idle there.
bool paysAsTable(unsigned Instructions, unsigned Bytes,
                 const TargetDescription &Target);

} // namespace lathe

#endif // LATHE_SUPPORT_BYTETABLE_H

//===- ByteCost.h - Whether a product is faster in bytes --------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A pure function of a product's shape and of what the target has for sums of
// bytes. It decides for quantization, and names the reason for whoever asks why
// a layer stayed in floats.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_COMPRESS_BYTECOST_H
#define LATHE_COMPRESS_BYTECOST_H

#include "lathe/Support/TargetDescription.h"
#include "llvm/ADT/StringRef.h"

namespace lathe::compress {

/// What a target has for sums of products of bytes.
struct ByteUnit {
  /// Lanes of f32 in a register; 0: nothing is known, and bytes are always
  /// chosen.
  int64_t Lanes = 0;
  /// Products that an instruction adds in a lane where columns were packed
  /// while compiling, and where they are computed at run time; 0: there is no
  /// such instruction.
  int64_t Packed = 0, Computed = 0;
};
ByteUnit byteUnit(const TargetDescription &Target);

/// Rows by columns sums of Depth products, Batches times. Constant columns are
/// packed while compiling.
struct ProductShape {
  int64_t Batches, Rows, Depth, Columns;
  bool Constant;
};
/// Counted for a size that only the run knows.
constexpr int64_t UnknownSize = 128;

enum class FloatsPay {
  No,
  /// Each row meets too few weights: it is quantized for little.
  FewWeights,
  /// Columns of bytes must be put in order, which the few products that they
  /// take part in do not win back.
  LittleWork,
  /// No instruction of the target adds products of computed bytes.
  NoInstruction,
};
/// Whether \p Product is faster in floats.
FloatsPay floatsPay(const ProductShape &Product, const ByteUnit &Unit);
/// That reason as a clause; empty of No.
llvm::StringRef text(FloatsPay Reason);

} // namespace lathe::compress

#endif // LATHE_COMPRESS_BYTECOST_H

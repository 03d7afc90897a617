//===- PackedProduct.h - Sums of products with weights of few bits -*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The one form of a contraction whose weights stay packed until they are
// multiplied. The stage Lower builds it, the schedule packs its operands, the
// emitter takes words of weights apart in registers.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_KERNEL_PACKEDPRODUCT_H
#define LATHE_KERNEL_PACKEDPRODUCT_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include <optional>

namespace lathe::kernel {

/// The body adds x * (((byte >> Bits * part) & mask) - zero) * scale in f32,
/// where part counts the weights of a byte, low bits first.
struct PackedProduct {
  /// Operands; the zero point is one too, or (Zero < 0) a constant.
  unsigned X = 0, Bytes = 0, Scale = 0;
  int Zero = -1;
  double ZeroConstant = 0;
  unsigned Bits = 8;
  /// The loop over the weights of a byte; -1: there is one in each.
  int Part = -1;
};

/// The form, if \p Op has it.
std::optional<PackedProduct> matchPackedProduct(mlir::linalg::GenericOp Op);

/// The body adds products of an unsigned byte of operand 0 (perhaps with its
/// sign bit flipped) and the signed byte of operand 1, words of four terms,
/// that the innermost loop counts: \p Term.
bool isWordDot(mlir::linalg::GenericOp Op, unsigned *Term = nullptr,
               bool *Signed = nullptr);

} // namespace lathe::kernel

#endif // LATHE_KERNEL_PACKEDPRODUCT_H

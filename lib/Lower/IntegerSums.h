//===- IntegerSums.h - Integer sums of products without zero points --*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// sum (x - zx)(w - zw) with constant weights is sum x w - zx * sum w, where the
// second sum is known at compile time. What is left in the loop are unsigned
// activations times signed weights, the form that most dot instructions have,
// or signed ones where the target multiplies those (SignedRows): activations of
// the other sign are read with their sign bit flipped (x + 128, x - 128),
// unsigned weights are stored as w - 128.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_INTEGERSUMS_H
#define LATHE_LIB_LOWER_INTEGERSUMS_H

#include "Common.h"

namespace lathe::lower {

struct IntegerSum {
  Factor X, W;
  /// One i32 an output, to be added to the sum; null: nothing.
  Value Correction;
};

/// The factors of \p N's sum: operands \p XI and \p WI with zero points \p XZ
/// and \p WZ; \p X is the former, padded. \p OutDim is the dimension of the
/// outputs in the weights. Weights or zero points that this does not fit stay
/// in the loop as they are. Rows keep their sign with \p KeepSign: no dot
/// instruction will be used.
IntegerSum integerSum(Node &N, Value X, unsigned XI, unsigned XZ, unsigned WI,
                      unsigned WZ, int64_t OutDim, bool KeepSign = false);

/// The sum \p V plus \p Bias (operand number, or -1) and the correction, both
/// along \p Axis; constants are added at compile time.
Value addCorrection(Node &N, Value V, Value Correction, int Bias, int64_t Axis);

/// The product of the computed matrices of bytes in operands \p XI and \p YI
/// with equal batch sizes and zero points \p XZ and \p YZ of one element, in
/// i32; null where they are not so (ByteProducts.cpp).
Value byteProduct(Node &N, unsigned XI, unsigned XZ, unsigned YI, unsigned YZ);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_INTEGERSUMS_H

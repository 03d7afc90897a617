//===- Quantization.h - Quantized values ----------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// real = (integer - zero point) * scale. Scales and zero points are tensors:
// one value, or one a channel. Rounding is half to even, results saturate, NaN
// becomes the lowest value.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_QUANTIZATION_H
#define LATHE_LIB_LOWER_QUANTIZATION_H

#include "Common.h"

namespace lathe::lower {

/// Weights that are kept as signed bytes with a scale for each output: the sum
/// of products with the bytes is scaled, not each weight.
struct ScaledWeights {
  Value Integers, Scales;
};
/// Operand \p I of \p N, if it dequantizes constants so; \p Out is the
/// dimension of the outputs.
std::optional<ScaledWeights> scaledWeights(Node &N, unsigned I, int64_t Out);
/// \p Sum times the scales, along \p Axis.
Value scaled(Builder &B, Value Sum, Value Scales, int64_t Axis);

/// A x B' with B [N, blocks, bytes] of few bits, one scale a block
/// (BlockWeights.cpp).
LogicalResult lowerMatMulNBits(Node &N);

/// saturate(roundeven(X) + Zero) for a float \p X; \p Zero is null or of the
/// storage type of \p OnnxElem. Float8 types round by their own rule.
Value quantizeScalar(Builder &B, Value X, Value Zero, Type OnnxElem,
                     bool Saturate = true);
/// The same of \p X / \p Scale.
Value quantizeReal(Builder &B, Value X, Value Scale, Value Zero, Type OnnxElem,
                   bool Saturate = true);
/// (X - Zero) as a float of type \p Real, not yet scaled.
Value dequantizeScalar(Builder &B, Value X, Value Zero, Type OnnxElem,
                       Type Real);

/// Sum * product(Scales) / OutScale, quantized. Parameters have one element or
/// one an index of dimension \p Axis.
Value requantize(Builder &B, Value Sum, ValueRange Scales, Value OutScale,
                 Value OutZero, int64_t Axis, Type OutElem);

/// A tensor quantized to the range of its own values.
struct DynamicallyQuantized {
  Value Integers, Scale, Zero; // scale and zero point of rank 0
};
DynamicallyQuantized quantizeDynamically(Builder &B, Value X, Type OutElem);

/// The access of a parameter (one element, or along \p Axis) in \p Rank loops;
/// drops unit dimensions of \p V.
AffineMap parameterMap(Builder &B, Value &V, int64_t Rank, int64_t Axis);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_QUANTIZATION_H

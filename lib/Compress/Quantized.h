//===- Quantized.h - Values that are kept in integers -----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the passes on quantized models ask of QuantizeLinear and
// DequantizeLinear: real = (integer - zero point) * scale.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_COMPRESS_QUANTIZED_H
#define LATHE_LIB_COMPRESS_QUANTIZED_H

#include "Weights.h"
#include "lathe/Compress/ByteCost.h"
#include "lathe/ONNX/ConstantView.h"
#include "lathe/ONNX/ONNX.h"
#include <cmath>

namespace lathe::compress {

/// One scale and zero point for a whole tensor of bytes, both constants.
struct Parameters {
  float Scale;
  int64_t Zero;
  /// The integers' type, ui8 or i8.
  mlir::Type Element;
  bool operator==(const Parameters &O) const {
    return Scale == O.Scale && Zero == O.Zero && Element == O.Element;
  }
};

/// \p Op is a QuantizeLinear or DequantizeLinear of that kind.
std::optional<Parameters> parametersOf(mlir::Operation *Op);

/// \p Op if it dequantizes so; null otherwise.
onnx::DequantizeLinearOp dequantizes(mlir::Value V);

/// The only user of \p V, if it quantizes so.
onnx::QuantizeLinearOp onlyQuantizer(mlir::Value V);

/// \p Op is a MatMul of two computed float matrices of equal rank: there are
/// integer kernels for it, without weights to pack.
bool isComputedProduct(mlir::Operation *Op);

/// \p Op is an Attention in f32, its softmax too.
bool isFloatAttention(mlir::Operation *Op);

/// Why \p Op, a Conv, Gemm, MatMul or Attention, is faster in floats; No where
/// its sizes are not known.
FloatsPay floatsPayFor(mlir::Operation *Op, const ByteUnit &Unit);

/// A constant of bytes with one scale for each output, or one for all.
struct QuantizedWeights {
  onnx::DequantizeLinearOp Op;
  onnx::ConstantView Integers;
  llvm::SmallVector<float> Scales;
  /// The zero point is 0 (i8) or 128 (ui8) throughout.
  bool Symmetric;
};
/// \p Out is the dimension of the outputs.
std::optional<QuantizedWeights> quantizedWeights(mlir::Value V, unsigned Out);

/// Parameters that cover [\p Min, \p Max] and zero with an unsigned byte.
struct ByteRange {
  float Scale;
  uint8_t Zero;
};
ByteRange coverRange(float Min, float Max);

/// The scale that covers [-\p Magnitude, \p Magnitude] with -127 .. 127.
inline float coverMagnitude(float Magnitude) {
  float Scale = Magnitude / 127.0f;
  return Scale > 0 ? Scale : 1.0f;
}
inline int8_t toByte(float Value, float Scale) {
  return int8_t(
      std::fmin(127.0f, std::fmax(-127.0f, std::nearbyintf(Value / Scale))));
}

/// Weights in bytes, symmetric, with one scale for each output.
struct ByteWeights {
  std::vector<char> Integers;
  llvm::SmallVector<float> Scales;
};
ByteWeights toBytes(const Weights &W);
/// Puts them in place of \p W's: DequantizeLinear of a constant.
void quantizeWeights(const Weights &W, onnx::ResourceUses &Uses);

} // namespace lathe::compress

#endif // LATHE_LIB_COMPRESS_QUANTIZED_H

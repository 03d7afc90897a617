//===- Attention.h - Which attention is lowered directly --------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_ATTENTION_H
#define LATHE_LIB_LOWER_ATTENTION_H

namespace mlir {
class Operation;
} // namespace mlir

namespace lathe::lower {

/// The onnx.Attention \p Op has a pattern of its own; others are expanded.
bool lowersAttention(mlir::Operation *Op);
/// The same of an onnx.RotaryEmbedding.
bool lowersRotary(mlir::Operation *Op);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_ATTENTION_H

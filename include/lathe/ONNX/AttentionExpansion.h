//===- AttentionExpansion.h - Attention as two MatMuls ----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_ATTENTIONEXPANSION_H
#define LATHE_ONNX_ATTENTIONEXPANSION_H

#include "lathe/ONNX/ONNX.h"
#include "lathe/ONNX/OnnxBuilder.h"

namespace lathe::onnx {

/// The numbers of an attention that its form needs.
struct AttentionHeads {
  int64_t Query, Key, QuerySize;
  /// kDynamic where only the run knows it.
  int64_t ValueSize;
  /// Query heads that read the same keys.
  int64_t shared() const { return Query / Key; }
};
/// Those of \p Op; nothing where the types do not tell them, or query heads are
/// no multiple of key heads.
std::optional<AttentionHeads> headsOf(AttentionOp Op);

/// \p Op as two MatMuls of equal batches around a Softmax: the values of its
/// results, or nothing with the reason why not in \p Why.
std::optional<llvm::SmallVector<mlir::Value>>
expandAttention(AttentionOp Op, OnnxBuilder &B, std::string &Why);

} // namespace lathe::onnx

#endif // LATHE_ONNX_ATTENTIONEXPANSION_H

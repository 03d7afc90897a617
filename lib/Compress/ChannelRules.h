//===- ChannelRules.h - What ops do to channels -----------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rules by family. A rule tracks the results of an op and writes down what must
// shrink with its atoms; or it says why the atoms that the op meets stay, in
// words that go on from the op: "normalises over them".
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_COMPRESS_CHANNELRULES_H
#define LATHE_LIB_COMPRESS_CHANNELRULES_H

#include "ChannelGroups.h"

namespace lathe::compress {

/// Empty, or why the channels stay.
using Verdict = std::string;
using Rule = Verdict (*)(mlir::Operation *Op, ChannelGroups &Groups);

/// Applies the rule of \p Op; what has none, or says no, pins.
void visitChannels(mlir::Operation *Op, ChannelGroups &Groups);

/// "node 'conv1' (Conv)".
std::string textOf(mlir::Operation *Op);

// ChannelLayers.cpp: what multiplies by weights, attention.
Verdict visitConvolution(mlir::Operation *Op, ChannelGroups &Groups);
Verdict visitDense(mlir::Operation *Op, ChannelGroups &Groups);
Verdict visitProduct(mlir::Operation *Op, ChannelGroups &Groups);
Verdict visitAttention(mlir::Operation *Op, ChannelGroups &Groups);

// ChannelViews.cpp: Reshape and its relatives, channel shuffles.
Verdict visitView(mlir::Operation *Op, ChannelGroups &Groups);

// ChannelMovement.cpp: what strings, cuts and turns.
Verdict visitTranspose(mlir::Operation *Op, ChannelGroups &Groups);
Verdict visitConcat(mlir::Operation *Op, ChannelGroups &Groups);
Verdict visitSplit(mlir::Operation *Op, ChannelGroups &Groups);
Verdict visitSlice(mlir::Operation *Op, ChannelGroups &Groups);
Verdict visitGather(mlir::Operation *Op, ChannelGroups &Groups);

// ChannelRules.cpp: what handles channels one by one, or along another axis.
inline mlir::RankedTensorType rankedType(mlir::Value V) {
  return mlir::dyn_cast<mlir::RankedTensorType>(V.getType());
}
int64_t intAttr(mlir::Operation *Op, llvm::StringRef Name, int64_t Default);
/// Attribute `axis`, counted from the front of operand 0.
int64_t axisOf(mlir::Operation *Op, int64_t Default);

} // namespace lathe::compress

#endif // LATHE_LIB_COMPRESS_CHANNELRULES_H

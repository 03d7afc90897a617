//===- Expansions.h - Composite ops as onnx ops ------------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the table of lower-expand-functions holds of other files.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_EXPANSIONS_H
#define LATHE_LIB_LOWER_EXPANSIONS_H

#include "lathe/ONNX/OnnxBuilder.h"

namespace lathe::lower {

using namespace mlir;
using onnx::OnnxBuilder;

/// The expansion of an op into onnx ops: the values of its results (null for
/// unused ones), or nothing with the reason why not in Why.
using Expansion = std::optional<SmallVector<Value>> (*)(Operation *Op,
                                                        OnnxBuilder &B,
                                                        std::string &Why);

std::optional<SmallVector<Value>> expandAttention(Operation *, OnnxBuilder &,
                                                  std::string &);
std::optional<SmallVector<Value>> expandRotary(Operation *, OnnxBuilder &,
                                               std::string &);
std::optional<SmallVector<Value>>
expandFlexAttention(Operation *, OnnxBuilder &, std::string &);

// Of ai.onnx.ml (ExpandML.cpp).
std::optional<SmallVector<Value>>
expandFeatureVectorizer(Operation *, OnnxBuilder &, std::string &);
std::optional<SmallVector<Value>>
expandLinearClassifier(Operation *, OnnxBuilder &, std::string &);
std::optional<SmallVector<Value>>
expandLinearRegressor(Operation *, OnnxBuilder &, std::string &);
std::optional<SmallVector<Value>>
expandOneHotEncoder(Operation *, OnnxBuilder &, std::string &);
std::optional<SmallVector<Value>>
expandSVMClassifier(Operation *, OnnxBuilder &, std::string &);
std::optional<SmallVector<Value>> expandSVMRegressor(Operation *, OnnxBuilder &,
                                                     std::string &);

/// The probabilities of Classes classes, [rows, classes], from those that the
/// first class of each pair has against the second, [rows, pairs]
/// (PairwiseCoupling.cpp).
Value coupledProbabilities(OnnxBuilder &B, Value First, int64_t Classes);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_EXPANSIONS_H

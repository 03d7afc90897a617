//===- Contraction.h - Weights that take scales and shifts ------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One view of Conv, ConvTranspose, Gemm and MatMul with constant weights: where
// the channels of the data and of the result stand, and how an affine function
// of either moves into weights and bias.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_CONTRACTION_H
#define LATHE_LIB_GRAPH_CONTRACTION_H

#include "Affine.h"

namespace lathe::graph {

class Contraction {
public:
  /// Nullopt unless \p Op is one whose weights are a readable float constant,
  /// and so is its bias, if it has one.
  static std::optional<Contraction> get(mlir::Operation *Op);

  mlir::Operation *getOp() const { return Op; }
  mlir::Value getData() const { return Data; }
  /// The dimension of the result that the weights are scaled along.
  int64_t getResultAxis() const { return ResultAxis; }
  /// The same of the data.
  int64_t getDataAxis() const { return DataAxis; }

  /// Whether `Fn` of the result can move into the weights as a whole, without
  /// a second large copy of weights that others use. A shift of a MatMul stays
  /// an Add after it.
  bool canFoldAfter(const Affine &Fn) const;
  /// The same for `Fn` of the data. Padding, which is zero after `Fn`, takes no
  /// shift.
  bool canFoldBefore(const Affine &Fn) const;

  /// Builds the contraction followed by `Fn`; the value of the result.
  mlir::Value foldAfter(mlir::RewriterBase &Rewriter, const Affine &Fn,
                        mlir::Location Loc) const;
  /// Builds the contraction of `Fn` of \p X.
  mlir::Value foldBefore(mlir::RewriterBase &Rewriter, const Affine &Fn,
                         mlir::Value X, mlir::Location Loc) const;

private:
  enum class Kind { Conv, ConvTranspose, Gemm, MatMul, MatMulLeft };
  bool mayCopyWeights() const;
  bool fits(const Affine &Fn, int64_t Axis, int64_t Channels) const;
  /// The channel of the result, or of the data, of weight \p I.
  int64_t getResultChannel(int64_t I) const;
  int64_t getDataChannel(int64_t I) const;
  /// The contraction of \p X with each weight changed by \p Change (null: kept)
  /// and another bias.
  using ChangeFn = llvm::function_ref<double(int64_t I, double Weight)>;
  mlir::Value build(mlir::RewriterBase &Rewriter, mlir::Location Loc,
                    mlir::Value X, ChangeFn Change,
                    llvm::ArrayRef<double> NewBias) const;
  /// alpha and beta of a Gemm, which go into weights and bias; else 1.
  double getFactor(llvm::StringRef Name) const;
  llvm::SmallVector<double> readBias() const;
  bool isPadded() const;

  Kind K = Kind::Conv;
  mlir::Operation *Op = nullptr;
  mlir::Value Data, Weights, Bias;
  int64_t ResultAxis = 1, DataAxis = 1;
  int64_t ResultChannels = 0, DataChannels = 0, Groups = 1;
};

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_CONTRACTION_H

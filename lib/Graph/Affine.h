//===- Affine.h - Scales and shifts by constants ----------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// y = scale * x + shift, with one pair of numbers for each channel or for all.
// BatchNormalization, Mul, Div, Add, Sub and Neg with constants are this;
// chains of them are composed in double, so that weights are rounded once.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_AFFINE_H
#define LATHE_LIB_GRAPH_AFFINE_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/PatternMatch.h"

namespace lathe::graph {

struct Affine {
  /// The dimension of x that is the channel; -1: one number for all elements.
  int64_t Axis = -1;
  /// One element each where Axis is -1, else one for each channel.
  llvm::SmallVector<double> Scale{1.0}, Shift{0.0};

  bool isUniform() const { return Axis < 0; }
  double scale(int64_t C) const { return Scale[isUniform() ? 0 : C]; }
  double shift(int64_t C) const { return Shift[isUniform() ? 0 : C]; }
  bool hasScale() const;
  bool hasShift() const;
  bool isScalePositive() const;
  /// No number overflows or is NaN.
  bool isFinite() const;

  /// `Second` after this; nullopt where they go along different dimensions.
  std::optional<Affine> then(const Affine &Second) const;
  /// The part for the channels [Begin, Begin + Count).
  Affine slice(int64_t Begin, int64_t Count) const;
};

/// What \p Op does to its operand \p Input, if that is an affine function that
/// keeps the shape.
struct AffineOp {
  mlir::Value Input;
  Affine Fn;
  /// Elementwise passes that the op costs.
  unsigned Cost = 1;
};
std::optional<AffineOp> getAffine(mlir::Operation *Op);

/// An Add for a shift and a Mul for a scale, as far as needed, of \p X.
mlir::Value applyAffine(mlir::OpBuilder &B, mlir::Location Loc, mlir::Value X,
                        const Affine &Fn);

/// The passes that applyAffine makes.
inline unsigned getCost(const Affine &Fn) {
  return unsigned(Fn.hasScale()) + unsigned(Fn.hasShift());
}

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_AFFINE_H

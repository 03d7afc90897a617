//===- Window.h - Sliding windows -----------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What convolutions and poolings share: kernel, strides, dilations, pads and
// the sizes of the result, from ONNX's attributes. Invariant: Out = floor((in +
// Low + High - extent) / stride) + 1, where High already contains what
// ceil_mode adds.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_WINDOW_H
#define LATHE_LIB_LOWER_WINDOW_H

#include "Common.h"

namespace lathe::lower {

struct Window {
  SmallVector<int64_t> Kernel, Strides, Dilations;
  SmallVector<OpFoldResult> In, Low, High, Out;
  /// Pads that count as input for an average with count_include_pad: those that
  /// the model asked for, without what ceil_mode adds.
  SmallVector<OpFoldResult> AskedHigh;

  int64_t rank() const { return Kernel.size(); }
  int64_t extent(int64_t D) const { return (Kernel[D] - 1) * Dilations[D] + 1; }
  bool isPadded() const;
};

/// The window of \p N over the spatial dimensions (from 2 on) of \p X.
FailureOr<Window> windowOf(Node &N, Value X, ArrayRef<int64_t> Kernel);

/// Spatial access out * stride + k * dilation of dimension \p D, where \p
/// OutLoop and \p KernelLoop are the first loops over the result and over the
/// window.
AffineExpr windowExpr(Builder &B, const Window &W, int64_t D, int64_t OutLoop,
                      int64_t KernelLoop);

/// \p X padded in its spatial dimensions with \p Scalar.
Value padded(Builder &B, const Window &W, Value X, Value Scalar);

/// A tensor that exists only for its shape: the loops over the window.
Value windowShape(Builder &B, const Window &W, Type Elem);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_WINDOW_H

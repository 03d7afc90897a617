//===- TurnedWindow.h - A transposed convolution by phases ------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ConvTranspose spreads its input Stride apart and convolves that with the
// window turned round. Of every Stride elements of the spread input one is no
// zero, so output s * q + r is a convolution of the input itself with the r-th
// of every Stride weights: a phase. All phases are channels of one convolution,
// whose results lie side by side in the end.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_COMPRESS_TURNEDWINDOW_H
#define LATHE_COMPRESS_TURNEDWINDOW_H

#include "llvm/Support/MathExtras.h"
#include <cstdint>
#include <optional>

namespace lathe::compress {

/// One axis of a ConvTranspose, by ONNX's names; End may be negative where the
/// output is larger than what the window reaches.
struct TurnedAxis {
  int64_t Kernel = 1, Stride = 1, Dilation = 1, Begin = 0, End = 0, Extra = 0;

  int64_t extent() const { return (Kernel - 1) * Dilation + 1; }
  /// Weights of one phase, so far apart in the input.
  int64_t taps() const {
    return Stride == 1 ? Kernel : llvm::divideCeil(extent(), Stride);
  }
  int64_t tapDilation() const { return Stride == 1 ? Dilation : 1; }
  /// The weight of the transposed window that tap \p T of phase \p R is; none
  /// where it would lie behind the window, or between dilated weights.
  std::optional<int64_t> weight(int64_t R, int64_t T) const {
    if (Stride == 1)
      return Kernel - 1 - T;
    int64_t At = R + Stride * (taps() - 1 - T);
    if (At >= extent() || At % Dilation)
      return std::nullopt;
    return At / Dilation;
  }
  /// Padding of the input; negative: so many elements are left out.
  int64_t low() const { return reach() - Begin / Stride; }
  int64_t high() const { return phases() - 1; }
  /// Outputs, all phases side by side, to leave out at either end.
  int64_t cutFront() const { return Begin % Stride; }
  int64_t cutBack() const {
    return phases() * Stride - (extent() + Extra - End);
  }

private:
  int64_t reach() const { return (taps() - 1) * tapDilation(); }
  /// The least number of whole strides that holds what is behind the last
  /// element of the input.
  int64_t phases() const {
    return llvm::divideCeilSigned(extent() + Extra - End, Stride);
  }
};

} // namespace lathe::compress

#endif // LATHE_COMPRESS_TURNEDWINDOW_H

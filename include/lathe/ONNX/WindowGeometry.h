//===- WindowGeometry.h - Sizes of sliding windows -------------*- C++ -*- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How convolution and pooling windows lie along one axis, after ONNX's auto_pad
// and ceil_mode are resolved: pure functions that shape inference and lowering
// share.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_WINDOWGEOMETRY_H
#define LATHE_ONNX_WINDOWGEOMETRY_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace lathe::onnx {

enum class AutoPad : uint8_t { NotSet, Valid, SameUpper, SameLower };

/// ONNX's name; NotSet for any other text.
AutoPad getAutoPad(llvm::StringRef Name);

struct WindowAxis {
  int64_t Kernel = 1, Stride = 1, Dilation = 1, PadBegin = 0, PadEnd = 0;
  /// Elements from the first to the last that a window covers.
  int64_t extent() const { return (Kernel - 1) * Dilation + 1; }
};

/// The output size of a window over \p Input elements with explicit pads; may
/// be 0 or less if the window does not fit. With \p CeilMode a last partial
/// window counts, unless it would begin in the padding behind the input.
int64_t getWindowOutput(int64_t Input, const WindowAxis &Axis, bool CeilMode);

/// Sets the pads that \p Mode means for a window over \p Input elements (leaves
/// them alone for NotSet).
void resolveAutoPad(int64_t Input, AutoPad Mode, WindowAxis &Axis);

} // namespace lathe::onnx

#endif // LATHE_ONNX_WINDOWGEOMETRY_H

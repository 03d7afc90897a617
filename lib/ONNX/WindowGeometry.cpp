//===- WindowGeometry.cpp - Sizes of sliding windows --------------- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/WindowGeometry.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe::onnx;

AutoPad lathe::onnx::getAutoPad(llvm::StringRef Name) {
  return llvm::StringSwitch<AutoPad>(Name)
      .Case("VALID", AutoPad::Valid)
      .Case("SAME_UPPER", AutoPad::SameUpper)
      .Case("SAME_LOWER", AutoPad::SameLower)
      .Default(AutoPad::NotSet);
}

int64_t lathe::onnx::getWindowOutput(int64_t Input, const WindowAxis &Axis,
                                     bool CeilMode) {
  int64_t Free = Input + Axis.PadBegin + Axis.PadEnd - Axis.extent();
  if (!CeilMode)
    return llvm::divideFloorSigned(Free, Axis.Stride) + 1;
  int64_t Output = llvm::divideCeilSigned(Free, Axis.Stride) + 1;
  if ((Output - 1) * Axis.Stride >= Input + Axis.PadBegin)
    --Output;
  return Output;
}

void lathe::onnx::resolveAutoPad(int64_t Input, AutoPad Mode,
                                 WindowAxis &Axis) {
  if (Mode == AutoPad::NotSet)
    return;
  Axis.PadBegin = Axis.PadEnd = 0;
  if (Mode == AutoPad::Valid)
    return;
  int64_t Output = llvm::divideCeilSigned(Input, Axis.Stride);
  int64_t Total =
      std::max<int64_t>((Output - 1) * Axis.Stride + Axis.extent() - Input, 0);
  Axis.PadBegin = Mode == AutoPad::SameUpper ? Total / 2 : Total - Total / 2;
  Axis.PadEnd = Total - Axis.PadBegin;
}

//===- Window.cpp - Sliding windows -------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Window.h"

using namespace mlir;

namespace lathe::lower {

bool Window::isPadded() const {
  auto NonZero = [](OpFoldResult S) { return !isConstantIntValue(S, 0); };
  return llvm::any_of(Low, NonZero) || llvm::any_of(High, NonZero);
}

FailureOr<Window> windowOf(Node &N, Value X, ArrayRef<int64_t> Kernel) {
  Builder &B = N.B;
  Window W;
  W.Kernel.assign(Kernel.begin(), Kernel.end());
  int64_t Rank = Kernel.size();
  if (cast<RankedTensorType>(X.getType()).getRank() != Rank + 2)
    return N.fail("kernel_shape has " + Twine(Rank) +
                  " dimensions, the input has " +
                  Twine(cast<RankedTensorType>(X.getType()).getRank() - 2) +
                  " spatial ones");
  W.Strides = N.ints("strides");
  W.Dilations = N.ints("dilations");
  W.Strides.resize(Rank, 1);
  W.Dilations.resize(Rank, 1);
  SmallVector<int64_t> Pads = N.ints("pads");
  Pads.resize(2 * Rank, 0);
  StringRef Auto = N.str("auto_pad", "NOTSET");
  bool Ceil = N.i64("ceil_mode", 0);
  for (int64_t D = 0; D < Rank; ++D) {
    if (W.Strides[D] <= 0 || W.Dilations[D] <= 0 || W.Kernel[D] <= 0)
      return N.fail("strides, dilations and kernel_shape must be positive");
    OpFoldResult In = dimOf(B, X, D + 2), Stride = size(B, W.Strides[D]),
                 Extent = size(B, W.extent(D));
    OpFoldResult Low = size(B, 0), High = size(B, 0), Out;
    if (Auto == "SAME_UPPER" || Auto == "SAME_LOWER") {
      Out = divSize(B, addSize(B, In, size(B, W.Strides[D] - 1)), Stride);
      OpFoldResult Span =
          addSize(B, mulSize(B, subSize(B, Out, size(B, 1)), Stride), Extent);
      OpFoldResult Total = maxSize(B, subSize(B, Span, In), size(B, 0));
      OpFoldResult Half = divSize(B, Total, size(B, 2)),
                   Rest = subSize(B, Total, Half);
      Low = Auto == "SAME_UPPER" ? Half : Rest;
      High = Auto == "SAME_UPPER" ? Rest : Half;
      W.AskedHigh.push_back(High);
    } else {
      if (Auto != "VALID") {
        Low = size(B, Pads[D]);
        High = size(B, Pads[Rank + D]);
      }
      W.AskedHigh.push_back(High);
      OpFoldResult Room =
          subSize(B, addSize(B, addSize(B, In, Low), High), Extent);
      OpFoldResult Up =
          Ceil ? addSize(B, Room, size(B, W.Strides[D] - 1)) : Room;
      Out = addSize(B, divSize(B, Up, Stride), size(B, 1));
      if (Ceil) {
        // The last window must begin inside the input or its left pad.
        OpFoldResult Begin = mulSize(B, subSize(B, Out, size(B, 1)), Stride),
                     End = addSize(B, In, Low);
        auto PB = getConstantIntValue(Begin), PE = getConstantIntValue(End);
        if (PB && PE) {
          if (*PB >= *PE)
            Out = subSize(B, Out, size(B, 1));
        } else {
          Value Outside =
              arith::CmpIOp::create(B, arith::CmpIPredicate::sge,
                                    sizeValue(B, Begin), sizeValue(B, End));
          Out = Value(arith::SelectOp::create(
              B, Outside, sizeValue(B, subSize(B, Out, size(B, 1))),
              sizeValue(B, Out)));
        }
        OpFoldResult Span =
            addSize(B, mulSize(B, subSize(B, Out, size(B, 1)), Stride), Extent);
        High = maxSize(B, High, subSize(B, Span, addSize(B, In, Low)));
      }
    }
    if (auto C = getConstantIntValue(Out); C && *C < 0)
      return N.fail("the window does not fit into the padded input");
    W.In.push_back(In);
    W.Low.push_back(Low);
    W.High.push_back(High);
    W.Out.push_back(Out);
  }
  return W;
}

AffineExpr windowExpr(Builder &B, const Window &W, int64_t D, int64_t OutLoop,
                      int64_t KernelLoop) {
  return B.getAffineDimExpr(OutLoop + D) * W.Strides[D] +
         B.getAffineDimExpr(KernelLoop + D) * W.Dilations[D];
}

Value padded(Builder &B, const Window &W, Value X, Value Scalar) {
  SmallVector<OpFoldResult> Low(2, B.getIndexAttr(0)), High(Low);
  llvm::append_range(Low, W.Low);
  llvm::append_range(High, W.High);
  return pad(B, X, Low, High, Scalar);
}

Value windowShape(Builder &B, const Window &W, Type Elem) {
  SmallVector<OpFoldResult> Sizes;
  for (int64_t K : W.Kernel)
    Sizes.push_back(B.getIndexAttr(K));
  return empty(B, Sizes, Elem);
}

} // namespace lathe::lower

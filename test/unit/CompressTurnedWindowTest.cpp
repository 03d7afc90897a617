//===- CompressTurnedWindowTest.cpp - Transposed windows by phases --------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Compress/TurnedWindow.h"
#include "gtest/gtest.h"
#include <vector>

using lathe::compress::TurnedAxis;

/// What ONNX says: each element of the input adds its multiple of the window.
static std::vector<int> transposed(const std::vector<int> &X,
                                   const std::vector<int> &W,
                                   const TurnedAxis &A) {
  int64_t Size = int64_t(X.size());
  int64_t Out = (Size - 1) * A.Stride + A.extent() + A.Extra - A.Begin - A.End;
  std::vector<int> Y(std::max<int64_t>(Out, 0), 0);
  for (int64_t I = 0; I < Size; ++I)
    for (int64_t K = 0; K < A.Kernel; ++K) {
      int64_t At = I * A.Stride + K * A.Dilation - A.Begin;
      if (At >= 0 && At < Out)
        Y[At] += X[I] * W[K];
    }
  return Y;
}

/// The same by phases.
static std::vector<int> turned(const std::vector<int> &X,
                               const std::vector<int> &W, const TurnedAxis &A) {
  int64_t Reach = (A.taps() - 1) * A.tapDilation();
  int64_t Count = int64_t(X.size()) + A.low() + A.high() - Reach;
  std::vector<int> Y;
  for (int64_t Q = 0; Q < Count; ++Q)
    for (int64_t R = 0; R < A.Stride; ++R) {
      int Sum = 0;
      for (int64_t T = 0; T < A.taps(); ++T) {
        int64_t At = Q + T * A.tapDilation() - A.low();
        if (auto K = A.weight(R, T); K && At >= 0 && At < int64_t(X.size()))
          Sum += X[At] * W[*K];
      }
      Y.push_back(Sum);
    }
  Y.erase(Y.begin(), Y.begin() + A.cutFront());
  Y.resize(Y.size() - A.cutBack());
  return Y;
}

TEST(CompressTurnedWindow, GivesWhatTheWindowSpreads) {
  std::vector<int> X = {3, -1, 4, 1, -5, 9, 2}, W = {2, 7, -1, 8, 5, -3};
  for (int64_t Kernel = 1; Kernel <= 5; ++Kernel)
    for (int64_t Stride = 1; Stride <= 4; ++Stride)
      for (int64_t Dilation = 1; Dilation <= 3; ++Dilation)
        for (int64_t Begin = 0; Begin <= 5; ++Begin)
          for (int64_t End = -2; End <= 5; ++End)
            for (int64_t Extra = 0; Extra < Stride; ++Extra) {
              TurnedAxis A{Kernel, Stride, Dilation, Begin, End, Extra};
              if ((int64_t(X.size()) - 1) * Stride + A.extent() + Extra -
                      Begin - End <
                  1)
                continue;
              EXPECT_EQ(turned(X, W, A), transposed(X, W, A))
                  << Kernel << " " << Stride << " " << Dilation << " " << Begin
                  << " " << End << " " << Extra;
            }
}

TEST(CompressTurnedWindow, DisjointWindowsCutNothing) {
  TurnedAxis A{2, 2};
  EXPECT_EQ(A.taps(), 1);
  EXPECT_EQ(A.low() + A.high() + A.cutFront() + A.cutBack(), 0);
}

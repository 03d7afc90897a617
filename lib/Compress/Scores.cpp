//===- Scores.cpp - Which weights matter least ----------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Compress/Scores.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <numeric>

using namespace lathe::compress;

void MagnitudeSelector::select(int64_t Number) {
  Wanted = Number;
  int64_t Below = 0;
  for (Bucket = 0; Bucket + 1 < Counts.size(); ++Bucket) {
    if (Below + Counts[Bucket] >= Wanted)
      break;
    Below += Counts[Bucket];
  }
  // Wanted now counts within the bucket.
  Wanted -= Below;
  Fine.assign(1 << 15, 0);
}

bool MagnitudeSelector::prunes(float Weight) {
  if (!Resolved) {
    Resolved = true;
    int64_t Below = 0;
    uint32_t Low = 0;
    for (; Low + 1 < Fine.size() && Below + Fine[Low] < Wanted; ++Low)
      Below += Fine[Low];
    Threshold = Bucket << 15 | Low;
    Ties = Wanted - Below;
  }
  uint32_t B = bits(Weight);
  if (B != Threshold)
    return B < Threshold;
  return Ties-- > 0;
}

double lathe::compress::deviation(int64_t Count, double Sum, double Squares) {
  if (Count == 0)
    return 0;
  double Mean = Sum / Count;
  return std::sqrt(std::max(0.0, Squares / Count - Mean * Mean));
}

llvm::SmallVector<unsigned>
lathe::compress::keepLargest(llvm::ArrayRef<float> Group, unsigned Keep) {
  llvm::SmallVector<unsigned> Order(Group.size());
  std::iota(Order.begin(), Order.end(), 0);
  llvm::stable_sort(Order, [&](unsigned A, unsigned B) {
    return std::fabs(Group[A]) > std::fabs(Group[B]);
  });
  Order.truncate(std::min<size_t>(Keep, Order.size()));
  llvm::sort(Order);
  return Order;
}

llvm::SmallVector<int64_t>
lathe::compress::leastOf(llvm::ArrayRef<double> Scores, int64_t Count) {
  llvm::SmallVector<int64_t> Order(Scores.size());
  std::iota(Order.rbegin(), Order.rend(), 0);
  llvm::stable_sort(
      Order, [&](int64_t A, int64_t B) { return Scores[A] < Scores[B]; });
  Order.truncate(std::min<size_t>(Count, Order.size()));
  llvm::sort(Order);
  return Order;
}

int64_t lathe::compress::removableOf(int64_t Count, double Fraction) {
  // 0.3 of 10 is 3, although 0.3 * 10 is not.
  auto Part = int64_t(std::floor(Count * Fraction + 1e-9));
  return std::max<int64_t>(0, std::min(Part, Count - 1));
}

bool lathe::compress::wholeGroups(int64_t Number, int64_t InputsOfEach,
                                  int64_t OutputsOfEach) {
  return Number >= std::min(InputsOfEach, OutputsOfEach);
}

std::optional<ZeroPattern> lathe::compress::parsePattern(llvm::StringRef Text,
                                                         std::string &Reason) {
  ZeroPattern P;
  auto [Left, Right] = Text.split(':');
  if (Left.contains('x')) {
    auto [Rows, Columns] = Left.split('x');
    if (Rows.getAsInteger(10, P.Rows) || Columns.getAsInteger(10, P.Columns) ||
        !P.Rows || !P.Columns || Right.getAsDouble(P.Fraction)) {
      Reason = "expected ROWSxCOLUMNS:FRACTION, as in 4x1:0.5";
      return std::nullopt;
    }
    if (!(P.Fraction >= 0 && P.Fraction <= 1)) {
      Reason = "the fraction of blocks lies between 0 and 1";
      return std::nullopt;
    }
    return P;
  }
  if (Left.getAsInteger(10, P.N) || Right.getAsInteger(10, P.M) || !P.M) {
    Reason = "expected N:M, as in 2:4, or ROWSxCOLUMNS:FRACTION, as in 4x1:0.5";
    return std::nullopt;
  }
  if (P.N > P.M) {
    Reason = "more weights are kept than there are: N is at most M";
    return std::nullopt;
  }
  return P;
}

double lathe::compress::branchGain(
    llvm::ArrayRef<std::pair<double, int64_t>> SquaresAndOutputs) {
  double Gain = 1;
  for (auto [Squares, Outputs] : SquaresAndOutputs)
    Gain *= std::sqrt(Squares / std::max<int64_t>(1, Outputs));
  return Gain;
}

//===- Scores.h - Which weights matter least --------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The heuristics of pruning, as pure functions on plain numbers. Equal scores
// are decided by position, so results do not depend on the machine.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_COMPRESS_SCORES_H
#define LATHE_COMPRESS_SCORES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lathe::compress {

/// Finds the magnitude below which a number of weights lie, without holding
/// them: the weights are shown twice, and each time only counted.
class MagnitudeSelector {
public:
  MagnitudeSelector() : Counts(1 << 16) {}
  /// First round: every weight.
  void count(float Weight) { ++Counts[bits(Weight) >> 15]; }
  /// Between the rounds: \p Number of weights are wanted.
  void select(int64_t Number);
  /// Second round: every weight again.
  void refine(float Weight) {
    uint32_t B = bits(Weight);
    if (B >> 15 == Bucket)
      ++Fine[B & 0x7fff];
  }
  /// After it, for every weight once more, in order: whether it goes.
  bool prunes(float Weight);

private:
  /// The bits of a magnitude order as it does; a NaN counts as the greatest.
  static uint32_t bits(float Weight) {
    uint32_t B;
    __builtin_memcpy(&B, &Weight, 4);
    return B & 0x7fffffff;
  }
  std::vector<int64_t> Counts, Fine;
  int64_t Wanted = 0;
  uint32_t Bucket = 0, Threshold = 0;
  int64_t Ties = 0;
  bool Resolved = false;
};

/// The standard deviation of weights of which there are \p Count, with the sums
/// \p Sum and \p Squares.
double deviation(int64_t Count, double Sum, double Squares);

/// The positions in \p Group to keep: the \p Keep largest magnitudes, the first
/// ones among equals.
llvm::SmallVector<unsigned> keepLargest(llvm::ArrayRef<float> Group,
                                        unsigned Keep);

/// The \p Count positions of least \p Scores, ascending; the last ones among
/// equals.
llvm::SmallVector<int64_t> leastOf(llvm::ArrayRef<double> Scores,
                                   int64_t Count);

/// How many of \p Count parts a fraction removes: at least one stays.
int64_t removableOf(int64_t Count, double Fraction);

/// A convolution of \p Number groups loses whole groups; else the same channels
/// of every group, which is finer where groups are few and wide.
bool wholeGroups(int64_t Number, int64_t InputsOfEach, int64_t OutputsOfEach);

struct ZeroPattern {
  /// N of M consecutive weights along the inputs stay ...
  unsigned N = 0, M = 0;
  /// ... or the part Fraction of all blocks of Rows outputs x Columns inputs
  /// goes.
  unsigned Rows = 0, Columns = 0;
  double Fraction = 0;
};
/// "2:4" or "4x1:0.5"; nullopt, and why in \p Reason, for anything else.
std::optional<ZeroPattern> parsePattern(llvm::StringRef Text,
                                        std::string &Reason);

/// How much a residual branch adds to what it is added to, estimated from its
/// weights alone: for each of its linear layers the expected gain of a signal
/// of unit variance, sqrt(sum of squares / outputs), and their product.
double branchGain(llvm::ArrayRef<std::pair<double, int64_t>> SquaresAndOutputs);

} // namespace lathe::compress

#endif // LATHE_COMPRESS_SCORES_H

//===- Options.h - What compression is asked for ----------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Plain data of the stage Compress, filled from the command line. A value of
// zero, or an empty text, asks for nothing.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_COMPRESS_OPTIONS_H
#define LATHE_COMPRESS_OPTIONS_H

#include <string>
#include <vector>

namespace lathe::compress {

struct PruneOptions {
  /// Part of all weights that becomes zero, the smallest first; [0, 1].
  double Magnitude = 0;
  /// That part of each layer instead of the whole network.
  bool PerLayer = false;
  /// Weights below so many standard deviations of their layer become zero.
  double Sigma = 0;
  /// "N:M", or "RxC:FRACTION" for blocks.
  std::string Pattern;
  /// Part of the channels of each group of layers that is removed; [0, 1).
  double Channels = 0;
  /// Residual branches to remove: a number, or a part of them below 1.
  double Layers = 0;
  /// Names of nodes that stay as they are.
  std::vector<std::string> Skip;
};

struct Options {
  PruneOptions Prune;
  enum class Kind { None, Int8, Int8Weights, Int4Weights };
  Kind Quantize = Kind::None;
  /// Names of nodes that stay in floats.
  std::vector<std::string> QuantizeSkip;
  /// Something is to be done.
  bool any() const {
    return Prune.Magnitude != 0 || Prune.Sigma != 0 || Prune.Channels != 0 ||
           Prune.Layers != 0 || !Prune.Pattern.empty() ||
           Quantize != Kind::None;
  }
};

} // namespace lathe::compress

#endif // LATHE_COMPRESS_OPTIONS_H

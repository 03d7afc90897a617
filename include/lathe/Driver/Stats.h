//===- Stats.h - Figures of a model at each stage ---------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_DRIVER_STATS_H
#define LATHE_DRIVER_STATS_H

#include "lathe/Compress/ByteCost.h"
#include "lathe/Driver/CompilerOptions.h"
#include "mlir/IR/BuiltinOps.h"
#include <optional>

namespace lathe::driver {

struct StageStats {
  std::string Stage;
  /// Ops other than constants, those of subgraphs included; of the stage kernel
  /// every call that the compiled model makes, shape arithmetic excepted.
  int64_t Nodes = 0;
  /// Elements of constants used as weights, zeros included.
  int64_t Parameters = 0;
  /// Multiply-accumulates of contractions and convolutions; absent where they
  /// depend on a dimension that is not known.
  std::optional<int64_t> MACs;
  int64_t WeightBytes = 0;
};

/// One node that multiplies by weights, before and after the stage Compress.
struct LayerStats {
  std::string Node, Op;
  struct Figures {
    int64_t Weights = 0, Nonzeros = 0;
    /// Absent where they depend on a dimension that is not known.
    std::optional<int64_t> MACs = 0;
  };
  /// After: zeros where the layer was removed.
  Figures Before, After;
};

/// A node that multiplies floats in a model that is quantized, and why.
struct FloatLayer {
  std::string Node, Op, Reason;
};
/// Those of \p Module after the stage Compress; none if it is not quantized.
std::vector<FloatLayer> collectFloatLayers(mlir::ModuleOp Module,
                                           const compress::Options &Asked,
                                           const compress::ByteUnit &Unit);

/// The layers of \p Module in order, with only Before set.
std::vector<LayerStats> collectLayers(mlir::ModuleOp Module);
/// Sets After in \p Layers to what \p Compressed has under the same names;
/// layers that only it has are added.
void joinLayers(std::vector<LayerStats> &Layers,
                std::vector<LayerStats> Compressed);

/// Figures of \p Module, which is at stage \p S (Import, Graph, Compress,
/// Kernel).
StageStats collectStats(mlir::ModuleOp Module, Stage S);

/// The line of JSON that --stats=json prints. Absent numbers are null.
void printStatsJSON(llvm::raw_ostream &OS, llvm::ArrayRef<StageStats> Stages,
                    llvm::ArrayRef<LayerStats> Layers,
                    llvm::ArrayRef<FloatLayer> Floats,
                    std::optional<int64_t> WorkspaceBytes, int64_t CodeBytes);
/// The same as tables for people; no table of layers if there are none.
void printStatsText(llvm::raw_ostream &OS, llvm::ArrayRef<StageStats> Stages,
                    llvm::ArrayRef<LayerStats> Layers,
                    llvm::ArrayRef<FloatLayer> Floats,
                    std::optional<int64_t> WorkspaceBytes, int64_t CodeBytes);

} // namespace lathe::driver

#endif // LATHE_DRIVER_STATS_H

//===- Schedule.h - Choosing schedules for kernels --------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A schedule is chosen from facts (extents, element types, the target) by pure
// functions, recorded as an attribute on the kernel, and obeyed by its emitter.
// No schedule means the generic tier.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_KERNEL_SCHEDULE_H
#define LATHE_KERNEL_SCHEDULE_H

#include "lathe/Support/TargetDescription.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include <optional>

namespace lathe::kernel {

/// A contraction or dense convolution: rows x depth times depth x columns, the
/// right-hand side a constant.
struct ContractionFacts {
  /// Extent of the dimension that register rows run along; kDynamic if unknown.
  int64_t Rows;
  int64_t Columns;
  /// Terms of one sum.
  int64_t Depth;
  /// Of the accumulators.
  unsigned ElementBits;
  /// Bytes are multiplied, unsigned rows by signed columns.
  bool Bytes = false;
  /// Bits of a weight that is made a float in registers; 0: it is one.
  unsigned PackedBits = 0;
};

/// Register tile of MR rows by NV vectors of Lanes; the right-hand side is
/// packed in panels of NV * Lanes columns.
struct ContractionSchedule {
  int64_t MR, NV, Lanes;
  /// Terms of a sum that one instruction adds: bytes lie packed in groups of
  /// so many along the sum.
  int64_t Dot = 1;
  /// Not 0: no terms are added at once, the Dot bytes hold weights of so many
  /// bits, which are made floats.
  unsigned Bits = 0;
  bool operator==(const ContractionSchedule &O) const {
    return MR == O.MR && NV == O.NV && Lanes == O.Lanes && Dot == O.Dot &&
           Bits == O.Bits;
  }
};

/// Vectors across a register tile of a contraction.
int64_t tileVectors(const TargetDescription &Target);

/// Rows of a register tile \p Vectors wide such that its accumulators, one
/// vector of the right-hand side per column and the broadcasts fit the
/// registers.
int64_t rowsThatFit(const TargetDescription &Target, int64_t Vectors);

std::optional<ContractionSchedule>
chooseContraction(const ContractionFacts &Facts,
                  const TargetDescription &Target);

/// The reduction loops of \p Op as it has them, outermost first.
llvm::SmallVector<unsigned> reductionLoops(mlir::linalg::GenericOp Op);

/// The reduction loops of \p Op, outermost first, as they should run: what walks
/// through an operand's memory innermost. The emitters and the packing of
/// weights agree on it.
llvm::SmallVector<unsigned> reductionOrder(mlir::linalg::GenericOp Op);

} // namespace lathe::kernel

#endif // LATHE_KERNEL_SCHEDULE_H

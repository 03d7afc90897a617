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

#include "lathe/Kernel/Structure.h"
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
  /// Bytes are multiplied: the rows are of this sign, the columns signed.
  ByteRows Bytes = ByteRows::None;
  /// Bits of a weight that is made a float in registers; 0: it is one.
  unsigned PackedBits = 0;
  /// Bytes: the extent of the loop of the sum whose terms can be taken in
  /// groups, along which rows are walked; 0: there is none.
  int64_t Group = 0;
  /// The right-hand side is no constant that could be packed, its columns lie
  /// in groups of so many terms; 0: it is.
  int64_t Terms = 0;
};

/// Register tile of MR rows by NV vectors of Lanes; the right-hand side is
/// packed in panels of NV * Lanes columns.
struct ContractionSchedule {
  int64_t MR, NV, Lanes;
  /// Bytes: what multiplies them. They lie packed in groups of its terms along
  /// the sum.
  DotKind Dot = DotKind::None;
  /// Not 0: bytes hold weights of so many bits, which are made floats.
  unsigned Bits = 0;
  /// Bytes of a column that lie packed together.
  int64_t group() const {
    return Bits ? 4 : Dot == DotKind::None ? 1 : dotForm(Dot).Terms;
  }
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

/// How many points of a window a reduction lays out in line, at most \p Most.
/// \p RowsTouch: the rows of the register tile are neighbours in memory.
int64_t windowInLine(const TargetDescription &Target, bool RowsTouch,
                     int64_t Most);

/// What makes the sums of bytes of \p Facts in the fewest instructions; None:
/// as any other integers.
DotKind chooseDot(const ContractionFacts &Facts,
                  const TargetDescription &Target);

std::optional<ContractionSchedule>
chooseContraction(const ContractionFacts &Facts,
                  const TargetDescription &Target);

/// A depthwise convolution of bytes: columns are channels, rows the points of a
/// line of the result; the group's loop runs through the rows of the window.
std::optional<ContractionSchedule>
chooseDepthwise(const ContractionFacts &Facts, const TargetDescription &Target);

/// The reduction loops of \p Op as it has them, outermost first.
llvm::SmallVector<unsigned> reductionLoops(mlir::linalg::GenericOp Op);

/// The reduction loops of \p Op, outermost first, as they should run: what
/// walks through an operand's memory innermost. The emitters and the packing of
/// weights agree on it.
llvm::SmallVector<unsigned> reductionOrder(mlir::linalg::GenericOp Op);

} // namespace lathe::kernel

#endif // LATHE_KERNEL_SCHEDULE_H

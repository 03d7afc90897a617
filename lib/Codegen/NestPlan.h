//===- NestPlan.h - How a loop nest is ordered, tiled, vectorised -*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The generic tier's decisions, apart from their execution: a plan is a pure
// function of the graph, the layout of the arguments and the target.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_NESTPLAN_H
#define LATHE_LIB_CODEGEN_NESTPLAN_H

#include "NestGraph.h"
#include "lathe/Kernel/Kernel.h"
#include "lathe/Support/TargetDescription.h"

namespace lathe::codegen {

struct NestPlan {
  /// Lanes of the target for this kernel's element type.
  unsigned Width = 1;
  /// The parallel dimension on the lanes, or -1.
  int VectorDim = -1;
  /// Per reduction: the own dimension on the lanes where its points are
  /// scalar, or -1.
  llvm::SmallVector<int> ReductionDim;
  /// Parallel dimensions, outermost first; those of extent 1 are absent.
  llvm::SmallVector<unsigned> Order;
  /// Register tile per parallel dimension, in vectors for VectorDim.
  llvm::SmallVector<int64_t> Tile;
  /// Per reduction: its own dimensions that are loops, outermost first.
  llvm::SmallVector<llvm::SmallVector<unsigned>> ReductionOrder;
  /// Bodies of a reduction to lay out in line: windows of up to InlineWindow
  /// points wholly, the innermost loop in steps of ReductionUnroll otherwise.
  int64_t InlineWindow = 9;
  int64_t ReductionUnroll = 1;
  /// A dimension along which some operand is contiguous that is not so along
  /// the lanes: it is read in square blocks, transposed in registers. A
  /// parallel one with a tile of Width, or the innermost loop of a reduction;
  /// or -1.
  int TransposeDim = -1;
  /// The packed operand of a scheduled contraction, an index into the graph's
  /// accesses, and its panels' dimension; or -1.
  int PackedAccess = -1, PanelDim = -1;
  /// It lies in panels, padded to whole vectors. A computed one does not: it
  /// holds words of terms.
  bool Panels = true;
  /// What multiplies bytes, see the schedule.
  DotKind Dot = DotKind::None;
  /// Each column has a window of its own, whose rows are multiplied together.
  bool Window = false;
  /// Bits of the weights that are made floats in registers, see the schedule;
  /// 0: none are.
  unsigned PackedBits = 0;
  /// Bytes of a column that lie together in the packed operand.
  int64_t Group = 1;
  /// Scalars of a sum that lie together are loaded as a vector of so many; 0:
  /// one by one.
  unsigned OperandLanes = 0;
  /// Accumulators of a reduction over lanes.
  unsigned ReductionAccumulators = 1;
  /// Tails may be masked.
  bool Masked = false;
};

/// Merges dimensions that every access walks as one: (a, b) with a's stride
/// b's extent times b's stride. The outer gets extent 1, the inner the product
/// (an address is linear: running over the end of a row enters the next one).
/// \p TypeOf gives the memref type of an argument or result. With \p Ordered,
/// dimensions of sums stay as they are.
void mergeDims(NestGraph &G,
               llvm::function_ref<mlir::MemRefType(mlir::Value)> TypeOf,
               bool Ordered);

/// \p Schedule, if there is one, is obeyed: lanes over the columns of the
/// packed operand, panels outermost, its register tile. With \p Ordered, the
/// loops of each sum stand as its op has them, and no lanes lie on them: its
/// terms are added one after the other.
NestPlan planNest(const NestGraph &G,
                  llvm::function_ref<mlir::MemRefType(mlir::Value)> TypeOf,
                  const TargetDescription &Target,
                  kernel::ContractionScheduleAttr Schedule, bool Ordered);

/// What a step along a dimension does to an address: nothing, one element, two,
/// anything else.
enum class Step { None, Unit, Two, Other };
/// Blocks of \p Width lanes are within one panel of a packed operand.
Step stepAlong(llvm::ArrayRef<mlir::AffineExpr> At, mlir::MemRefType Type,
               unsigned Dim, unsigned Width);

/// The combiner of a reduction with one result whose iterations may be
/// reordered; null for any other.
mlir::Operation *matchCombiner(mlir::linalg::GenericOp Op);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_NESTPLAN_H

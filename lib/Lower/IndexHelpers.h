//===- IndexHelpers.h - Shared by the indexing families ----------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Small functions that more than one family of indexing ops uses.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_INDEXHELPERS_H
#define LATHE_LIB_LOWER_INDEXHELPERS_H

#include "RunTimeChecks.h"
#include "TensorBuilder.h"
#include <numeric>

namespace lathe::lower {

/// I as a position in [0, Dim): negative ones count from the end, the rest is
/// clamped so that memory stays safe (`requireIndices` makes it a status).
Scalar wrapIndex(TensorBuilder &B, Scalar I, Scalar Dim);

/// Ends the run unless I lies in [-Dim, Dim).
void requireIndex(TensorBuilder &B, Scalar I, Scalar Dim);
/// The same for every element of an operand: one limit for all of them, or one
/// for each place in its last dimension. Nothing where it can be proved.
void requireIndices(TensorBuilder &B, Node &N, unsigned Operand,
                    llvm::ArrayRef<Scalar> Dims);

/// 0, 1 ... N - 1.
inline llvm::SmallVector<int64_t> iota(int64_t N) {
  llvm::SmallVector<int64_t> R(N);
  std::iota(R.begin(), R.end(), 0);
  return R;
}

/// Data broadcast to the sizes To; dimensions are aligned at the back.
mlir::Value broadcastTo(TensorBuilder &B, mlir::Value Data,
                        mlir::RankedTensorType T,
                        llvm::ArrayRef<mlir::OpFoldResult> To);

/// Sorts the first Count entries of row 0 of the index lists by Before, which
/// compares two entries (as index scalars) for 'strictly earlier'. Stable,
/// O(n log n): bottom-up merges into row 1 and back. Only inside a loop kernel.
///
/// The lists are one tensor because two uninitialised tensors of one type are
/// one and the same to a common subexpression.
mlir::Value sortIndices(TensorBuilder &B, Scalar Count, mlir::Value Lists,
                        llvm::function_ref<Scalar(Scalar, Scalar)> Before);

/// The first Count slices along Axis of a buffer that was made for the most
/// there can be.
mlir::Value takeFirst(TensorBuilder &B, mlir::Value Buffer, int64_t Axis,
                      Scalar Count, mlir::RankedTensorType T);

/// A op B for the reductions that ScatterElements and ScatterND name.
Scalar reduceScalars(llvm::StringRef Reduction, bool IsUnsigned, Scalar A,
                     Scalar B);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_INDEXHELPERS_H

//===- Structure.h - What a kernel is made of -------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Predicates on structured ops that the passes of Kernel and the emitters of
// Codegen share.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_KERNEL_STRUCTURE_H
#define LATHE_KERNEL_STRUCTURE_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace lathe::kernel {

/// Marks the outermost loop of an algorithm that has no structured form.
inline constexpr llvm::StringLiteral LoopKernelAttr = "lathe.loop_kernel";

/// A loop nest that becomes a kernel as it stands.
bool isLoopKernel(mlir::Operation *Op);

/// A structured op on tensors without reduction loops.
bool isElementwiseOp(mlir::Operation *Op);

/// A structured op on tensors with at least one reduction loop.
bool isRoot(mlir::Operation *Op);

/// The name of \p Op's kind for `kernel.func`: "contraction", "conv", "pool",
/// "reduction", "elementwise", "fill", "loop".
llvm::StringRef kindOf(mlir::Operation *Op);

/// The sign of the bytes of rows in a sum of products of bytes.
enum class ByteRows { None, Unsigned, Signed };
/// A product of a byte of input \p Rows, its sign bit perhaps flipped, and a
/// signed byte of the other input (of any sign with \p AnyColumns) is added to
/// the result.
ByteRows matchByteSum(mlir::linalg::GenericOp Op, unsigned Rows,
                      bool AnyColumns = false);

/// The loop of more than one iteration that runs along the innermost dimension
/// of an operand of \p Op indexed by \p Map; -1: none, or no loop alone.
int innermostLoop(mlir::linalg::LinalgOp Op, mlir::AffineMap Map);

/// Number of kernel.call ops that the model makes, copies and structured
/// control flow included: the nodes of the stage `kernel`.
int64_t countCalls(mlir::ModuleOp Module);

} // namespace lathe::kernel

#endif // LATHE_KERNEL_STRUCTURE_H

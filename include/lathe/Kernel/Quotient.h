//===- Quotient.h - Quotients by numbers known while compiling --*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// x / c where neither x nor the quotient is infinite or NaN (its flags say so)
// and c is far from the ends of the exponent: with r = 1 / c rounded,
// q = x r is nearly the quotient, x - q c is exact by a fused multiply-add,
// and a share r of it corrects q to the very quotient that a division rounds
// to (P. Markstein, Computation of elementary functions on the IBM RISC
// System/6000 processor, 1990). Three instructions of full throughput for one
// that takes ten times as long.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_KERNEL_QUOTIENT_H
#define LATHE_KERNEL_QUOTIENT_H

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace lathe::kernel {

/// Whether the flags of \p Div promise finite numbers.
bool isExactQuotient(mlir::arith::DivFOp Div);
/// Whether \p Divisor, an f32, is far enough from the ends of the exponent.
bool hasExactQuotient(float Divisor);

/// \p X / \p Divisor, f32 or vectors of it; \p Reciprocal is 1 / Divisor,
/// rounded.
mlir::Value exactQuotient(mlir::OpBuilder &B, mlir::Location Loc, mlir::Value X,
                          mlir::Value Divisor, mlir::Value Reciprocal);

} // namespace lathe::kernel

#endif // LATHE_KERNEL_QUOTIENT_H

//===- MissingInstructions.h - What some vector units lack ------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_MISSINGINSTRUCTIONS_H
#define LATHE_LIB_CODEGEN_MISSINGINSTRUCTIONS_H

#include "mlir/IR/PatternMatch.h"

namespace lathe::codegen {

/// Rounding of f32 to whole numbers by additions, on scalars and vectors: exact
/// on the whole domain, infinities, NaN and the sign of zero included.
void populateRoundingPatterns(mlir::RewritePatternSet &Patterns);

/// arith.maxnumf and arith.minnumf, and vector reductions by them, as
/// comparisons and selections.
void populateMaxNumPatterns(mlir::RewritePatternSet &Patterns);

/// exp, log and pow of f64 (and pow of f32) as arithmetic: no C library is to
/// be had (DoubleMath.cpp).
void populateDoubleMathPatterns(mlir::RewritePatternSet &Patterns);

/// Loads of whole registers of narrow integers that are extended are frozen in
/// between, so that LLVM does not make extending loads of them: ARMv7 has none
/// for addresses that are not aligned, and would load byte by byte. Loads of a
/// word of them go into a lane, not through the stack.
void keepLoadsWhole(mlir::Operation *Root);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_MISSINGINSTRUCTIONS_H

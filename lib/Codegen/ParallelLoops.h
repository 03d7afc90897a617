//===- ParallelLoops.h - Loops whose iterations never meet ------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Bodies outside of the nest form are plain loops on memrefs. Here is told
// which of these loops may run in any order: all that is written is, wherever
// it is touched, indexed by the loops' own numbers, so that no iteration sees
// what another one wrote. Scratch memory that was asked for within the loops is
// each iteration's own.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_PARALLELLOOPS_H
#define LATHE_LIB_CODEGEN_PARALLELLOOPS_H

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/MapVector.h"

namespace lathe::codegen {

/// On a memref.alloca: in how many loops it was asked for.
inline constexpr llvm::StringLiteral ScratchDepthAttr = "lathe.within";

/// The loops that memory goes around, in and out again unchanged, read it where
/// it lies instead.
void untieMemory(mlir::Operation *Function);

/// A loop and those directly and only within it.
using PerfectNest = llvm::SmallVector<mlir::scf::ForOp, 3>;

struct ParallelLoops {
  /// The outermost loops of each nest that run in any order: equally many, of
  /// equal extents, from 0 on by ones.
  llvm::SmallVector<PerfectNest> Nests;
  /// What is written, and the dimension that each of those loops indexes.
  llvm::MapVector<mlir::Value, llvm::SmallVector<unsigned>> Written;
};

/// As many loops of \p Outermost as possible, the same number of each, such
/// that iteration (i, j, ..) of all nests one after the other may run beside
/// any other iteration. None: nothing is found.
std::optional<ParallelLoops>
findParallelLoops(llvm::ArrayRef<mlir::scf::ForOp> Outermost);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_PARALLELLOOPS_H

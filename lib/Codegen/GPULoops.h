//===- GPULoops.h - Blocks and threads for plain loops ----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels outside of the nest form, whose body is plain loops on memrefs, take
// one of two forms:
//
//   Grid    iterations of all outermost loops, the same numbers in each, run in
//           any order: a thread takes one of each loop, then the next thread's;
//   Block   one block, whose threads wait for each other between the loops:
//           loops in any order are shared among them, all else is its first
//           thread's, and the others wait.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_GPULOOPS_H
#define LATHE_LIB_CODEGEN_GPULOOPS_H

#include "lathe/Kernel/Kernel.h"

namespace lathe::codegen {

/// On a memref.alloca: all threads of the only block share it.
inline constexpr llvm::StringLiteral OfBlockAttr = "lathe.of_block";

enum class LoopForm { Grid, Block, Thread };

/// Gives the loops of \p Func, all of its work, to threads; sets its launch.
/// \p Outs are the memrefs that it writes.
LoopForm shareLoops(kernel::FuncOp Func, mlir::ValueRange Outs);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_GPULOOPS_H

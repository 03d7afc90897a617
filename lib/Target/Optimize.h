//===- Optimize.h - LLVM's passes as this compiler wants them ---*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_TARGET_OPTIMIZE_H
#define LATHE_LIB_TARGET_OPTIMIZE_H

#include "llvm/IR/Module.h"

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace lathe::target {

/// Scalar passes only: vectors and register tiles are made where kernels are
/// emitted. With \p Unroll, for a device, loops are unrolled and functions
/// inlined by the rules of \p Level.
void optimizeModule(llvm::Module &IR, llvm::TargetMachine &Machine,
                    unsigned Level, bool Unroll);

} // namespace lathe::target

#endif // LATHE_LIB_TARGET_OPTIMIZE_H

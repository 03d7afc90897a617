//===- Halo.h - Kernels that write into a filled tensor ---------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A result that is inserted into the middle of a filled tensor: the nest writes
// the middle, a view of the out, and the rest is filled here.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_HALO_H
#define LATHE_LIB_CODEGEN_HALO_H

#include "KernelContext.h"

namespace lathe::codegen {

/// Replaces results of \p Ctx that are insertions into filled outs by what is
/// inserted, and their outs by the views it goes to. What lies around them is
/// filled by the first iteration of the kernel. Other results stay.
void emitHalos(KernelContext &Ctx);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_HALO_H

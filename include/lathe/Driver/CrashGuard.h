//===- CrashGuard.h - A crash of the compiler, told politely ----*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_DRIVER_CRASHGUARD_H
#define LATHE_DRIVER_CRASHGUARD_H

#include "lathe/Driver/Compiler.h"

namespace lathe::driver {

/// Runs \p Work. Should it crash (a failed assertion, a bad access), an error
/// names the pass and the node that were being worked on; false then. The
/// process is fit for nothing but its end afterwards.
bool guardAgainstCrashes(Compiler &C, llvm::function_ref<void()> Work);

} // namespace lathe::driver

#endif // LATHE_DRIVER_CRASHGUARD_H

//===- CrashGuard.cpp - A crash of the compiler, told politely ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/CrashGuard.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/Signals.h"
#include <unistd.h>

using namespace lathe::driver;

bool lathe::driver::guardAgainstCrashes(Compiler &C,
                                        llvm::function_ref<void()> Work) {
  llvm::CrashRecoveryContext::Enable();
  llvm::CrashRecoveryContext Recovery;
  bool Fine = Recovery.RunSafely(Work);
  llvm::CrashRecoveryContext::Disable();
  if (Fine)
    return true;
  const PassProgress &At = C.progress();
  C.error("internal error: the compiler crashed" +
          (At.Pass.empty() ? "" : " in the pass '" + At.Pass + "'") +
          (At.Node.empty() ? "" : " at node '" + At.Node + "'") +
          (C.options().Reproducer.empty()
               ? "; --reproducer=FILE keeps what is needed to repeat it"
               : ""));
  // What the crash left half done cannot be destroyed; files of no use can.
  llvm::sys::RunInterruptHandlers();
  llvm::errs().flush();
  _exit(1);
}

//===- CrashGuard.cpp - A crash of the compiler, told politely ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/CrashGuard.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/Signals.h"
#include <atomic>
#include <csignal>
#include <unistd.h>

using namespace lathe::driver;

/// The compilation that runs, for a thread of it that crashes.
static std::atomic<Compiler *> Guarded;

/// Tells the user, and ends the process: what the crash left half done cannot
/// be destroyed; files of no use can.
[[noreturn]] static void report(Compiler &C) {
  PassProgress At = C.progress();
  C.error("internal error: the compiler crashed" +
          (At.Pass.empty() ? "" : " in the pass '" + At.Pass + "'") +
          (At.Node.empty() ? "" : " at node '" + At.Node + "'") +
          (C.options().Reproducer.empty()
               ? "; --reproducer=FILE keeps what is needed to repeat it"
               : ""));
  llvm::sys::RunInterruptHandlers();
  llvm::errs().flush();
  _exit(1);
}

/// What the caller ignores (nohup, a job in the background) stays ignored. LLVM
/// takes these signals for itself, to remove files, and would do so and go on.
static void keepIgnored() {
  sigset_t Ignored;
  sigemptyset(&Ignored);
  for (int Signal : {SIGHUP, SIGINT, SIGTERM, SIGUSR2}) {
    struct sigaction Given;
    if (!sigaction(Signal, nullptr, &Given) && Given.sa_handler == SIG_IGN)
      sigaddset(&Ignored, Signal);
  }
  pthread_sigmask(SIG_BLOCK, &Ignored, nullptr);
}

bool lathe::driver::guardAgainstCrashes(Compiler &C,
                                        llvm::function_ref<void()> Work) {
  // A crash of this thread is recovered from; one of another comes here, after
  // the handlers that remove files.
  static bool Once = [] {
    keepIgnored();
    llvm::sys::AddSignalHandler(
        [](void *) {
          if (Compiler *C = Guarded.exchange(nullptr))
            report(*C);
        },
        nullptr);
    return true;
  }();
  (void)Once;
  Guarded = &C;
  llvm::CrashRecoveryContext::Enable();
  llvm::CrashRecoveryContext Recovery;
  bool Fine = Recovery.RunSafely(Work);
  llvm::CrashRecoveryContext::Disable();
  Guarded = nullptr;
  if (Fine)
    return true;
  report(C);
}

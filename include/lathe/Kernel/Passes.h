//===- Passes.h - Passes of the stage Kernel --------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_KERNEL_PASSES_H
#define LATHE_KERNEL_PASSES_H

#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/Tabulator.h"
#include "lathe/Support/PassStatistic.h"
#include "lathe/Support/TargetDescription.h"
#include "mlir/Pass/Pass.h"

namespace lathe::kernel {

#define GEN_PASS_DECL
#include "lathe/Kernel/Passes.h.inc"

/// kernel-schedule for a target that is known as data.
std::unique_ptr<mlir::Pass>
createKernelSchedulePass(const TargetDescription &Target);

/// kernel-tabulate for a target that is known as data (else by the pass's
/// options). Without \p Values it does nothing.
std::unique_ptr<mlir::Pass>
createKernelTabulatePass(const Tabulator &Values,
                         const TargetDescription *Target);

#define GEN_PASS_REGISTRATION
#include "lathe/Kernel/Passes.h.inc"

} // namespace lathe::kernel

#endif // LATHE_KERNEL_PASSES_H

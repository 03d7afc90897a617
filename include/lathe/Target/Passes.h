//===- Passes.h - Passes of the stage Target ------------------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_TARGET_PASSES_H
#define LATHE_TARGET_PASSES_H

#include "lathe/Support/PassStatistic.h"
#include "mlir/Pass/Pass.h"

namespace lathe::target {

#define GEN_PASS_DECL
#include "lathe/Target/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lathe/Target/Passes.h.inc"

} // namespace lathe::target

#endif // LATHE_TARGET_PASSES_H

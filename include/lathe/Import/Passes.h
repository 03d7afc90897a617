//===- Passes.h - Passes of the stage Import ------------------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_IMPORT_PASSES_H
#define LATHE_IMPORT_PASSES_H

#include "lathe/Support/PassStatistic.h"
#include "mlir/Pass/Pass.h"

namespace lathe::import {

#define GEN_PASS_DECL
#include "lathe/Import/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lathe/Import/Passes.h.inc"

} // namespace lathe::import

#endif // LATHE_IMPORT_PASSES_H

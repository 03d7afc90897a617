//===- Passes.td - Passes of the stage Import ------------------*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_IMPORT_PASSES_TD
#define LATHE_IMPORT_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // LATHE_IMPORT_PASSES_TD

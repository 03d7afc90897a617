//===- Passes.h - Passes of the stage Codegen -------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_CODEGEN_PASSES_H
#define LATHE_CODEGEN_PASSES_H

#include "lathe/Kernel/Kernel.h"
#include "lathe/Support/PassStatistic.h"
#include "lathe/Support/TargetDescription.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Pass/Pass.h"

namespace lathe::codegen {

#define GEN_PASS_DECL
#include "lathe/Codegen/Passes.h.inc"

/// codegen-emit-kernels for a target that is known as data. Without \p Nests
/// all kernels become scalar loops (a reference for tests); with \p OrderedSums
/// no sum is reordered.
std::unique_ptr<mlir::Pass>
createEmitKernelsPass(const TargetDescription &Target, bool Nests = true,
                      bool OrderedSums = false);

/// codegen-emit-gpu-kernels likewise.
std::unique_ptr<mlir::Pass>
createEmitGPUKernelsPass(const TargetDescription &Target,
                         bool OrderedSums = false, bool Remarks = false);

/// codegen-expand-math likewise.
std::unique_ptr<mlir::Pass>
createExpandMathPass(const TargetDescription &Target);

/// The same on what \p Root holds, whatever op it is.
llvm::LogicalResult expandMath(mlir::Operation *Root,
                               const TargetDescription &Target);

/// codegen-expand-lookups likewise.
std::unique_ptr<mlir::Pass>
createExpandLookupsPass(const TargetDescription &Target);

#define GEN_PASS_REGISTRATION
#include "lathe/Codegen/Passes.h.inc"

} // namespace lathe::codegen

#endif // LATHE_CODEGEN_PASSES_H

//===- Passes.h - Passes of the stage Lower ------------------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LOWER_PASSES_H
#define LATHE_LOWER_PASSES_H

#include "lathe/Support/PassStatistic.h"
#include "mlir/Pass/Pass.h"

namespace lathe::lower {

#define GEN_PASS_DECL
#include "lathe/Lower/Passes.h.inc"

/// What the stage needs to know of the target.
struct LowerOptions {
  /// There are instructions between f16 and f32.
  bool NativeHalf = true;
  /// f16 lies as f32 inside main.
  bool WidenHalf = true;
  /// Bytes of rows are multiplied as signed numbers.
  bool SignedRows = false;
  /// Four bytes of a word are multiplied at once.
  bool ByteWords = true;
};

/// What must happen in the onnx dialect before `lower-onnx-to-linalg`.
void buildLowerPreparation(mlir::OpPassManager &PM);

/// `lathe-lower`: onnx with inferred shapes to linalg on tensors of storage
/// types.
void buildLowerPipeline(mlir::OpPassManager &PM,
                        const LowerOptions &Options = {});
/// Registers `lathe-lower`.
void registerLowerPipelines();

#define GEN_PASS_REGISTRATION
#include "lathe/Lower/Passes.h.inc"

} // namespace lathe::lower

#endif // LATHE_LOWER_PASSES_H

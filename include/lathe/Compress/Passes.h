//===- Passes.h - Passes of the stage Compress ------------------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_COMPRESS_PASSES_H
#define LATHE_COMPRESS_PASSES_H

#include "lathe/Support/PassStatistic.h"
#include "mlir/Pass/Pass.h"

namespace lathe::onnx {
class Evaluator;
} // namespace lathe::onnx

namespace lathe::compress {

class SampleSource;

#define GEN_PASS_DECL
#include "lathe/Compress/Passes.h.inc"

/// The pass with what runs the float model and what it runs on.
std::unique_ptr<mlir::Pass> createQuantize(QuantizeOptions Options,
                                           onnx::Evaluator *Evaluator,
                                           SampleSource *Samples);

#define GEN_PASS_REGISTRATION
#include "lathe/Compress/Passes.h.inc"

} // namespace lathe::compress

#endif // LATHE_COMPRESS_PASSES_H

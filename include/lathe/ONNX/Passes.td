//===- Passes.td - Passes of the stage ONNX ------------------*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_PASSES_TD
#define LATHE_ONNX_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // LATHE_ONNX_PASSES_TD

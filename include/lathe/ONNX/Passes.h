//===- Passes.h - Passes of the stage ONNX ------------------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_PASSES_H
#define LATHE_ONNX_PASSES_H

#include "lathe/ONNX/ONNX.h"
#include "lathe/Support/PassStatistic.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace lathe::onnx {

#define GEN_PASS_DECL
#include "lathe/ONNX/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lathe/ONNX/Passes.h.inc"

} // namespace lathe::onnx

#endif // LATHE_ONNX_PASSES_H

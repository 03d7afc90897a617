//===- Evaluator.h - The compiler, at hand while compiling ------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_DRIVER_EVALUATOR_H
#define LATHE_DRIVER_EVALUATOR_H

#include "lathe/ONNX/Evaluator.h"

namespace lathe::driver {

/// Compiles for a fixed baseline of this machine's architecture and runs in
/// this process. It has no state; any thread may use it.
onnx::Evaluator &hostEvaluator();

} // namespace lathe::driver

#endif // LATHE_DRIVER_EVALUATOR_H

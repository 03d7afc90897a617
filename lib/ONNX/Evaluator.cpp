//===- Evaluator.cpp - Running a graph while compiling --------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Anchors of the interfaces.
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/Evaluator.h"

lathe::onnx::Evaluation::~Evaluation() = default;
lathe::onnx::Evaluator::~Evaluator() = default;

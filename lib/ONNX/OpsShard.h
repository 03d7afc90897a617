//===- OpsShard.h - One slice of the generated op classes ----*- C++ -*- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Included by OpsShard<n>.cpp after the macro of its slice: all op classes in
// one file take a minute and a half to compile.
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/ONNX.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

#include "lathe/ONNX/ONNXOps.cpp.inc"

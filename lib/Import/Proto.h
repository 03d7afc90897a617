//===- Proto.h - ONNX's messages ------------------------------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The generated messages live in namespace ::onnx, which inside ours would mean
// the dialect: here they are called pb.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_IMPORT_PROTO_H
#define LATHE_LIB_IMPORT_PROTO_H

#include "onnx-ml.pb.h"

namespace lathe::import {
namespace pb = ::onnx;
} // namespace lathe::import

#endif // LATHE_LIB_IMPORT_PROTO_H

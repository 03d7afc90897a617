//===- Reasons.h - Why a layer stays in floats ------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_COMPRESS_REASONS_H
#define LATHE_COMPRESS_REASONS_H

#include "lathe/Compress/ByteCost.h"
#include "lathe/Compress/Options.h"
#include "mlir/IR/Operation.h"

namespace lathe::compress {

/// Why \p Op, a node that multiplies floats after the stage Compress, was not
/// made one of integers.
std::string reasonForFloats(mlir::Operation *Op, const Options &Asked,
                            const ByteUnit &Unit);

} // namespace lathe::compress

#endif // LATHE_COMPRESS_REASONS_H

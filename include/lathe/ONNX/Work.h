//===- Work.h - Multiply-accumulates of ops --------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_WORK_H
#define LATHE_ONNX_WORK_H

#include "mlir/IR/Operation.h"
#include <optional>

namespace lathe::onnx {

/// Multiply-accumulates of a contraction or convolution, 0 of any other op; of
/// \p Op alone, not of ops in its regions. Nullopt where a dimension is not
/// known.
std::optional<int64_t> countMACs(mlir::Operation *Op);

/// The second factor of a contraction or convolution, where its weights stand;
/// null of any other op.
mlir::Value getFactor(mlir::Operation *Op);

} // namespace lathe::onnx

#endif // LATHE_ONNX_WORK_H

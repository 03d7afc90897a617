//===- PackedBits.h - Elements that share a byte ----------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Outside of main 4- and 2-bit elements lie several a byte, low bits first, as
// in ONNX; inside each has a byte.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_PACKEDBITS_H
#define LATHE_LIB_LOWER_PACKEDBITS_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lathe::lower {

/// Bytes that hold the elements of \p T, whose shape is static.
mlir::RankedTensorType packedType(mlir::RankedTensorType T);

/// The elements of \p T, one a byte, from packed \p Bytes.
mlir::Value unpackBits(mlir::ImplicitLocOpBuilder &B, mlir::Value Bytes,
                       mlir::RankedTensorType T);

/// The reverse: packed bytes of \p V, which holds the elements of \p T.
mlir::Value packBits(mlir::ImplicitLocOpBuilder &B, mlir::Value V,
                     mlir::RankedTensorType T);

/// \p Shape as attributes.
llvm::SmallVector<mlir::OpFoldResult>
staticSizes(mlir::OpBuilder &B, llvm::ArrayRef<int64_t> Shape);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_PACKEDBITS_H

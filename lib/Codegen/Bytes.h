//===- Bytes.h - What elements take in memory -------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_BYTES_H
#define LATHE_LIB_CODEGEN_BYTES_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/MathExtras.h"

namespace lathe::codegen {

/// Bytes of an element of type \p T; an index has eight on every target.
inline int64_t bytesOf(mlir::Type T) {
  return T.isIndex() ? 8 : llvm::divideCeil(T.getIntOrFloatBitWidth(), 8);
}

/// Bytes of all elements that the static sizes of \p T count.
inline int64_t knownBytes(mlir::ShapedType T) {
  int64_t Bytes = bytesOf(T.getElementType());
  for (int64_t Size : T.getShape())
    if (!mlir::ShapedType::isDynamic(Size))
      Bytes *= Size;
  return Bytes;
}

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_BYTES_H

//===- ElementTypes.h - ONNX's numbers of element types ---------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// TensorProto.DataType, which lathe.h keeps as lathe_type. Strings, number 8,
// are a type of the onnx dialect and unknown here.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_SUPPORT_ELEMENTTYPES_H
#define LATHE_SUPPORT_ELEMENTTYPES_H

#include "mlir/IR/Types.h"
#include "llvm/ADT/StringRef.h"

namespace lathe {

/// The type that ONNX gives \p Number; null if it gives none.
mlir::Type elementTypeOf(mlir::MLIRContext *Context, int64_t Number);

/// ONNX's number of \p Ty; 0 if it has none.
int32_t elementNumberOf(mlir::Type Ty);

/// "float", "uint8" ...; "undefined" for what is no number of a type.
llvm::StringRef elementName(int64_t Number);

} // namespace lathe

#endif // LATHE_SUPPORT_ELEMENTTYPES_H

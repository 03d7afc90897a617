//===- ExpandShapes.h - expand_shape with several unknown sizes *- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_EXPANDSHAPES_H
#define LATHE_LIB_CODEGEN_EXPANDSHAPES_H

namespace mlir {
class RewritePatternSet;
} // namespace mlir

namespace lathe::codegen {

/// memref.expand_shape to memref.reinterpret_cast, for groups with more than
/// one unknown size, which upstream's expand-strided-metadata crashes on.
void populateExpandShapePatterns(mlir::RewritePatternSet &Patterns);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_EXPANDSHAPES_H

//===- Outline.h - Parts of kernels as functions of their own ---*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_OUTLINE_H
#define LATHE_LIB_CODEGEN_OUTLINE_H

#include "lathe/Kernel/Kernel.h"
#include "llvm/ADT/StringMap.h"

namespace lathe::codegen {

/// Functions taken out of kernels. Equal ones exist once in a module.
class Outliner {
public:
  /// Names the operations from \p First to \p Last, which use nothing but
  /// memory to tell the rest of the kernel what they did. Constants go with
  /// them, except \p Parameters, which become arguments: more uses are equal
  /// then.
  void later(mlir::Operation *First, mlir::Operation *Last,
             mlir::ValueRange Parameters) {
    Named.push_back({First, Last, llvm::to_vector(Parameters)});
  }
  /// Moves what was named in \p Kernel, which is complete, to functions that it
  /// calls. \p Outs are the arguments that it writes.
  void outline(kernel::FuncOp Kernel, mlir::ValueRange Outs);

  /// The functions made so far.
  llvm::ArrayRef<kernel::FuncOp> functions() const { return Functions; }

private:
  struct Part {
    mlir::Operation *First, *Last;
    llvm::SmallVector<mlir::Value> Parameters;
  };
  llvm::SmallVector<Part> Named;
  void outline(kernel::FuncOp Kernel, const Part &P, mlir::ValueRange Outs);
  llvm::StringMap<kernel::FuncOp> ByText;
  llvm::SmallVector<kernel::FuncOp> Functions;
};

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_OUTLINE_H

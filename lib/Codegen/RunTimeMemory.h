//===- RunTimeMemory.h - Memory whose size only the run knows ---*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// It comes from the allocator of the call and is kept in a list whose links
// stand in front of each block; every return of main gives the whole list back.
// On a device it is the launcher's, which takes it back when the call ends.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_RUNTIMEMEMORY_H
#define LATHE_LIB_CODEGEN_RUNTIMEMEMORY_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace lathe::codegen {

class RunTimeMemory {
public:
  /// \p Main takes the lathe_call as its first argument and returns a status.
  explicit RunTimeMemory(mlir::LLVM::LLVMFuncOp Main);

  /// A pointer, in front of \p Before, to a block of \p ElementBytes times
  /// all of \p Sizes (i64). Where a size is negative, the product overflows or
  /// there is no memory, main goes to \p Failure with \p Status.
  mlir::Value allocate(mlir::Operation *Before, int64_t ElementBytes,
                       mlir::ValueRange Sizes, int32_t Status,
                       mlir::Block *Failure);
  /// Makes every return give back what was allocated, if anything was.
  void release();

private:
  mlir::Value constant(mlir::Type T, int64_t V);
  /// Loads field \p Index of the lathe_call.
  mlir::Value callField(unsigned Index);

  mlir::LLVM::LLVMFuncOp Main;
  mlir::OpBuilder B;
  mlir::Location Loc;
  mlir::Type Ptr, I64;
  /// Where the head of the list lies; null until something is allocated.
  mlir::Value Head;
};

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_RUNTIMEMEMORY_H

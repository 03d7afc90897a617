//===- CallBuilder.h - IR of the C structures -------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The structures of include/lathe.h as LLVM types, and a builder of functions
// that check and return early. The types here and there must agree: the test
// test/unit/ABILayoutTest.cpp compares them.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_TARGET_CALLBUILDER_H
#define LATHE_LIB_TARGET_CALLBUILDER_H

#include "lathe/Target/ModelInfo.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace lathe::target {

/// lathe_tensor: data, type, rank, shape, capacity.
mlir::LLVM::LLVMStructType tensorType(mlir::MLIRContext *Context);
/// lathe_call, all fields.
mlir::LLVM::LLVMStructType callType(mlir::MLIRContext *Context);
/// lathe_tensor_info and lathe_model.
mlir::LLVM::LLVMStructType tensorInfoType(mlir::MLIRContext *Context);
mlir::LLVM::LLVMStructType modelType(mlir::MLIRContext *Context);
mlir::LLVM::LLVMStructType mapKeysType(mlir::MLIRContext *Context);

/// Where field \p Field of \p Struct lies, in bytes, on a target whose pointers
/// have \p PointerBytes; of the field past the last, the size of it all. Fields
/// are aligned to their size, as C has it on every target of ours.
int64_t fieldOffset(mlir::LLVM::LLVMStructType Struct, size_t Field,
                    unsigned PointerBytes);

/// Builds the body of one function: straight-line code in which a check that
/// fails leaves with a value.
class FunctionBuilder {
public:
  FunctionBuilder(mlir::LLVM::LLVMFuncOp Func);

  mlir::OpBuilder &builder() { return B; }
  mlir::Location loc() { return Func.getLoc(); }
  mlir::Value arg(unsigned I) { return Func.getArgument(I); }
  mlir::Value integer(unsigned Bits, int64_t V);
  mlir::Value i32(int64_t V) { return integer(32, V); }
  mlir::Value i64(int64_t V) { return integer(64, V); }
  mlir::Value null();
  mlir::Value compare(mlir::LLVM::ICmpPredicate P, mlir::Value L,
                      mlir::Value R);
  mlir::Value bitOr(mlir::Value L, mlir::Value R);
  mlir::Value bitAnd(mlir::Value L, mlir::Value R);
  /// Address and value of field \p Field of the \p Index-th structure at \p
  /// Base.
  mlir::Value address(mlir::Value Base, mlir::LLVM::LLVMStructType Type,
                      int32_t Field, int32_t Index = 0);
  mlir::Value load(mlir::Value Base, mlir::LLVM::LLVMStructType Type,
                   int32_t Field, int32_t Index = 0);
  /// The \p Index-th i64 at \p Base.
  mlir::Value loadI64(mlir::Value Base, int32_t Index);
  mlir::Value addressOf(llvm::StringRef Symbol);
  mlir::Value isNull(mlir::Value P);
  /// Whether pointer \p P is no multiple of \p Alignment.
  mlir::Value isMisaligned(mlir::Value P, int64_t Alignment);

  /// Leaves the function with \p Result if \p Condition is false.
  void require(mlir::Value Condition, mlir::Value Result);
  /// Leaves the function with \p Result if \p Condition is true.
  void refuse(mlir::Value Condition, mlir::Value Result);
  /// Runs \p Body only where \p Condition holds.
  void onlyIf(mlir::Value Condition, llvm::function_ref<void()> Body);
  /// Ends the function.
  void finish(mlir::Value Result);

private:
  mlir::Block *newBlock();

  mlir::LLVM::LLVMFuncOp Func;
  mlir::OpBuilder B;
  /// Takes the result and returns it.
  mlir::Block *Exit;
};

} // namespace lathe::target

#endif // LATHE_LIB_TARGET_CALLBUILDER_H

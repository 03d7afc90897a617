//===- ABIBuilder.h - The C entry points around @main -----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What BuildABI.cpp and the files ABI*.cpp share: the builder of all entry
// points, a part of them a file.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_TARGET_ABIBUILDER_H
#define LATHE_LIB_TARGET_ABIBUILDER_H

#include "CallBuilder.h"
#include "lathe.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace lathe::target {

using namespace mlir;

class ABIBuilder {
public:
  ABIBuilder(ModuleOp Module, ModelInfo Info, llvm::StringRef Name,
             unsigned PointerBytes)
      : Module(Module), Info(std::move(Info)), Name(Name.str()),
        PointerBytes(PointerBytes), C(Module.getContext()),
        B(Module.getBodyRegion()),
        Loc(NameLoc::get(StringAttr::get(C, "call"))),
        Ptr(LLVM::LLVMPointerType::get(C)), I32(IntegerType::get(C, 32)),
        I64(IntegerType::get(C, 64)) {
    B.setInsertionPointToEnd(Module.getBody());
  }

  LogicalResult build(llvm::StringRef Version, llvm::StringRef Options);

private:
  LogicalResult checkBoundary();
  void hideEverything();
  void buildWeights();
  void buildCall();
  void buildWorkspace();
  void buildError();
  void buildKeys(llvm::StringRef Kind, const std::vector<TensorInfo> &List);
  void buildModel(llvm::StringRef Version, llvm::StringRef Options);

  LLVM::LLVMFuncOp makeFunction(const Twine &Symbol, Type Result,
                                ArrayRef<Type> Arguments,
                                LLVM::Linkage Linkage);
  /// An internal constant without address identity.
  LLVM::GlobalOp makeConstant(const Twine &Symbol, Type T, Attribute Value);
  /// A pointer to the C string \p Text, in the region being built.
  Value string(OpBuilder &At, llvm::StringRef Text);
  /// An internal constant whose value \p Build makes.
  void
  makeAggregate(const Twine &Symbol, Type T,
                llvm::function_ref<Value(OpBuilder &, Value Undefined)> Build);

  /// Checks rank and sizes of tensor \p Number at \p Tensors[Index] and appends
  /// the sizes of its dynamic dimensions to \p Sizes. \p Status gives what the
  /// function returns for a reason.
  void checkShape(FunctionBuilder &F, const TensorInfo &T, Value Tensors,
                  int32_t Index, llvm::function_ref<Value(lathe_reason)> Status,
                  SmallVectorImpl<Value> &Sizes);
  /// Elements of a tensor with these dynamic sizes; leaves where it overflows.
  Value countElements(FunctionBuilder &F, const TensorInfo &T,
                      ArrayRef<Value> Sizes, Value OnOverflow);

  ModuleOp Module;
  ModelInfo Info;
  std::string Name;
  unsigned PointerBytes;
  MLIRContext *C;
  OpBuilder B;
  Location Loc;
  Type Ptr, I32, I64;
  LLVM::LLVMFuncOp Main, WorkspaceBytes;
  /// Sizes of named dimensions met in the function being built.
  llvm::StringMap<Value> Named;
  unsigned Strings = 0;
};

} // namespace lathe::target

#endif // LATHE_LIB_TARGET_ABIBUILDER_H

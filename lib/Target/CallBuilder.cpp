//===- CallBuilder.cpp - IR of the C structures ---------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CallBuilder.h"

using namespace lathe::target;
using namespace mlir;

/// A structure from one letter a field: p pointer, i 32-bit, l 64-bit integer.
static LLVM::LLVMStructType makeStruct(MLIRContext *Context,
                                       llvm::StringRef Fields) {
  SmallVector<Type> Types;
  for (char F : Fields) {
    if (F == 'p')
      Types.push_back(LLVM::LLVMPointerType::get(Context));
    else
      Types.push_back(IntegerType::get(Context, F == 'i' ? 32 : 64));
  }
  return LLVM::LLVMStructType::getLiteral(Context, Types);
}

LLVM::LLVMStructType lathe::target::tensorType(MLIRContext *C) {
  return makeStruct(C, "piipl");
}
LLVM::LLVMStructType lathe::target::callType(MLIRContext *C) {
  return makeStruct(C, "iiiipppl"
                       "plpppppppp");
}
LLVM::LLVMStructType lathe::target::tensorInfoType(MLIRContext *C) {
  return makeStruct(C, "piipp");
}
LLVM::LLVMStructType lathe::target::modelType(MLIRContext *C) {
  return makeStruct(C, "iiiippp"
                       "llppppppp");
}
LLVM::LLVMStructType lathe::target::mapKeysType(MLIRContext *C) {
  return makeStruct(C, "lpp");
}

int64_t lathe::target::fieldOffset(LLVM::LLVMStructType Struct, size_t Field,
                                   unsigned PointerBytes) {
  int64_t At = 0, Widest = 1;
  for (auto [I, Type] : llvm::enumerate(Struct.getBody())) {
    int64_t Bytes = Type.isIntOrFloat() ? Type.getIntOrFloatBitWidth() / 8
                                        : int64_t(PointerBytes);
    At = llvm::alignTo(At, Bytes);
    if (I == Field)
      return At;
    At += Bytes;
    Widest = std::max(Widest, Bytes);
  }
  return llvm::alignTo(At, Widest);
}

FunctionBuilder::FunctionBuilder(LLVM::LLVMFuncOp Func)
    : Func(Func), B(Func.getContext()) {
  Block *Entry = Func.addEntryBlock(B);
  Type Result = Func.getFunctionType().getReturnType();
  Exit =
      B.createBlock(&Func.getBody(), Func.getBody().end(), {Result}, {loc()});
  LLVM::ReturnOp::create(B, loc(), Exit->getArgument(0));
  B.setInsertionPointToStart(Entry);
}

Block *FunctionBuilder::newBlock() {
  OpBuilder::InsertionGuard Guard(B);
  return B.createBlock(Exit);
}

Value FunctionBuilder::integer(unsigned Bits, int64_t V) {
  return LLVM::ConstantOp::create(B, loc(), B.getIntegerType(Bits), V);
}
Value FunctionBuilder::null() {
  return LLVM::ZeroOp::create(B, loc(),
                              LLVM::LLVMPointerType::get(B.getContext()));
}
Value FunctionBuilder::compare(LLVM::ICmpPredicate P, Value L, Value R) {
  return LLVM::ICmpOp::create(B, loc(), P, L, R);
}
Value FunctionBuilder::bitOr(Value L, Value R) {
  return LLVM::OrOp::create(B, loc(), L, R);
}
Value FunctionBuilder::bitAnd(Value L, Value R) {
  return LLVM::AndOp::create(B, loc(), L, R);
}

Value FunctionBuilder::address(Value Base, LLVM::LLVMStructType Type,
                               int32_t Field, int32_t Index) {
  return LLVM::GEPOp::create(B, loc(), Base.getType(), Type, Base,
                             ArrayRef<LLVM::GEPArg>{Index, Field});
}
Value FunctionBuilder::load(Value Base, LLVM::LLVMStructType Type,
                            int32_t Field, int32_t Index) {
  return LLVM::LoadOp::create(B, loc(), Type.getBody()[Field],
                              address(Base, Type, Field, Index));
}
Value FunctionBuilder::loadI64(Value Base, int32_t Index) {
  Value At = LLVM::GEPOp::create(B, loc(), Base.getType(), B.getI64Type(), Base,
                                 ArrayRef<LLVM::GEPArg>{Index});
  return LLVM::LoadOp::create(B, loc(), B.getI64Type(), At);
}
Value FunctionBuilder::addressOf(llvm::StringRef Symbol) {
  return LLVM::AddressOfOp::create(
      B, loc(), LLVM::LLVMPointerType::get(B.getContext()), Symbol);
}
Value FunctionBuilder::isNull(Value P) {
  return compare(LLVM::ICmpPredicate::eq, P, null());
}
Value FunctionBuilder::isMisaligned(Value P, int64_t Alignment) {
  Value Address = LLVM::PtrToIntOp::create(B, loc(), B.getI64Type(), P);
  return compare(LLVM::ICmpPredicate::ne, bitAnd(Address, i64(Alignment - 1)),
                 i64(0));
}

void FunctionBuilder::require(Value Condition, Value Result) {
  Block *Next = newBlock();
  LLVM::CondBrOp::create(B, loc(), Condition, Next, ValueRange(), Exit,
                         ValueRange(Result));
  B.setInsertionPointToStart(Next);
}
void FunctionBuilder::refuse(Value Condition, Value Result) {
  Block *Next = newBlock();
  LLVM::CondBrOp::create(B, loc(), Condition, Exit, ValueRange(Result), Next,
                         ValueRange());
  B.setInsertionPointToStart(Next);
}
void FunctionBuilder::onlyIf(Value Condition, llvm::function_ref<void()> Body) {
  Block *Then = newBlock(), *Next = newBlock();
  LLVM::CondBrOp::create(B, loc(), Condition, Then, ValueRange(), Next,
                         ValueRange());
  B.setInsertionPointToStart(Then);
  Body();
  LLVM::BrOp::create(B, loc(), ValueRange(), Next);
  B.setInsertionPointToStart(Next);
}
void FunctionBuilder::finish(Value Result) {
  LLVM::BrOp::create(B, loc(), ValueRange(Result), Exit);
}

//===- RunTimeMemory.cpp - Memory whose size only the run knows -----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RunTimeMemory.h"
#include "Launch.h"
#include "mlir/IR/Builders.h"

using namespace lathe::codegen;
using namespace mlir;

/// Bytes in front of each block, which stays aligned to 64 bytes.
static constexpr int64_t LinkBytes = 64;
/// Fields of lathe_call.
enum { Allocate = 10, Free = 11, AllocateUser = 12 };

RunTimeMemory::RunTimeMemory(LLVM::LLVMFuncOp Main)
    : Main(Main), B(Main.getContext()), Loc(Main.getLoc()),
      Ptr(LLVM::LLVMPointerType::get(Main.getContext())), I64(B.getI64Type()) {}

Value RunTimeMemory::constant(Type T, int64_t V) {
  return LLVM::ConstantOp::create(B, Loc, T, B.getIntegerAttr(T, V));
}

Value RunTimeMemory::callField(unsigned Index) {
  Type I32 = B.getI32Type();
  auto Call = LLVM::LLVMStructType::getLiteral(
      B.getContext(),
      {I32, I32, I32, I32, Ptr, Ptr, Ptr, I64, Ptr, I64, Ptr, Ptr, Ptr});
  Value At = LLVM::GEPOp::create(B, Loc, Ptr, Call, Main.getArgument(0),
                                 ArrayRef<LLVM::GEPArg>{0, int32_t(Index)});
  return LLVM::LoadOp::create(B, Loc, Ptr, At);
}

Value RunTimeMemory::allocate(Operation *Before, int64_t ElementBytes,
                              ValueRange Sizes, int32_t Status,
                              Block *Failure) {
  Loc = Before->getLoc();
  bool OnDevice = isForDevice(Main);
  Value Null;
  if (!OnDevice && !Head) {
    B.setInsertionPointToStart(&Main.getBody().front());
    Head = LLVM::AllocaOp::create(B, Loc, Ptr, Ptr, constant(I64, 1));
    Null = LLVM::ZeroOp::create(B, Loc, Ptr);
    LLVM::StoreOp::create(B, Loc, Null, Head);
  }
  Block *Start = Before->getBlock();
  Block *After = Start->splitBlock(Before);
  Region &Body = Main.getBody();
  Block *Ask = B.createBlock(&Body, After->getIterator());
  Block *Got = B.createBlock(&Body, After->getIterator());
  // Stands for itself: the operations of Start end here.
  B.setInsertionPointToEnd(Start);
  Value Bytes = constant(I64, ElementBytes), Bad = constant(B.getI1Type(), 0);
  auto Pair =
      LLVM::LLVMStructType::getLiteral(B.getContext(), {I64, B.getI1Type()});
  for (Value Size : Sizes) {
    // A negative size is a huge one without sign.
    Value Both = LLVM::UMulWithOverflowOp::create(B, Loc, Pair, Bytes, Size);
    Bytes = LLVM::ExtractValueOp::create(B, Loc, Both, 0);
    Value Over = LLVM::ExtractValueOp::create(B, Loc, Both, 1);
    Value Negative = LLVM::ICmpOp::create(B, Loc, LLVM::ICmpPredicate::slt,
                                          Size, constant(I64, 0));
    Bad = LLVM::OrOp::create(B, Loc, Bad, Over);
    Bad = LLVM::OrOp::create(B, Loc, Bad, Negative);
  }
  Value TooMany = LLVM::ICmpOp::create(B, Loc, LLVM::ICmpPredicate::ugt, Bytes,
                                       constant(I64, int64_t(1) << 48));
  Bad = LLVM::OrOp::create(B, Loc, Bad, TooMany);
  Null = LLVM::ZeroOp::create(B, Loc, Ptr);
  Value Function;
  if (!OnDevice) {
    Function = callField(Allocate);
    Value None =
        LLVM::ICmpOp::create(B, Loc, LLVM::ICmpPredicate::eq, Function, Null);
    Bad = LLVM::OrOp::create(B, Loc, Bad, None);
  }
  Value Code = constant(B.getI32Type(), Status);
  LLVM::CondBrOp::create(B, Loc, Bad, Failure, ValueRange{Code}, Ask,
                         ValueRange());

  B.setInsertionPointToEnd(Ask);
  Value Memory;
  if (OnDevice) {
    Memory = callAllocate(B, Loc, Main, Bytes);
  } else {
    Value Whole = LLVM::AddOp::create(B, Loc, Bytes, constant(I64, LinkBytes));
    auto Signature = LLVM::LLVMFunctionType::get(Ptr, {Ptr, I64});
    Memory = LLVM::CallOp::create(
                 B, Loc, Signature,
                 ValueRange{Function, callField(AllocateUser), Whole})
                 .getResult();
  }
  Value Nothing =
      LLVM::ICmpOp::create(B, Loc, LLVM::ICmpPredicate::eq, Memory, Null);
  LLVM::CondBrOp::create(B, Loc, Nothing, Failure, ValueRange{Code}, Got,
                         ValueRange());

  B.setInsertionPointToEnd(Got);
  Value Data = Memory;
  if (!OnDevice) {
    Value Last = LLVM::LoadOp::create(B, Loc, Ptr, Head);
    LLVM::StoreOp::create(B, Loc, Last, Memory);
    LLVM::StoreOp::create(B, Loc, Memory, Head);
    Data = LLVM::GEPOp::create(B, Loc, Ptr, B.getI8Type(), Memory,
                               ArrayRef<LLVM::GEPArg>{int32_t(LinkBytes)});
  }
  LLVM::BrOp::create(B, Loc, ValueRange(), After);
  return Data;
}

void RunTimeMemory::release() {
  if (!Head)
    return;
  Loc = Main.getLoc();
  SmallVector<LLVM::ReturnOp> Returns;
  Main.walk([&](LLVM::ReturnOp Return) { Returns.push_back(Return); });
  Region &Body = Main.getBody();
  auto NewBlock = [&](TypeRange Arguments) {
    return B.createBlock(&Body, Body.end(), Arguments,
                         SmallVector<Location>(Arguments.size(), Loc));
  };
  Block *Exit = NewBlock({B.getI32Type()}), *Check = NewBlock({}),
        *Next = NewBlock({}), *Done = NewBlock({});
  for (LLVM::ReturnOp Return : Returns) {
    B.setInsertionPoint(Return);
    LLVM::BrOp::create(B, Return.getLoc(), Return.getOperands(), Exit);
    Return.erase();
  }
  B.setInsertionPointToEnd(Exit);
  Value Function = callField(Free), User = callField(AllocateUser);
  Value Null = LLVM::ZeroOp::create(B, Loc, Ptr);
  Value Keeps =
      LLVM::ICmpOp::create(B, Loc, LLVM::ICmpPredicate::eq, Function, Null);
  LLVM::CondBrOp::create(B, Loc, Keeps, Done, ValueRange(), Check,
                         ValueRange());
  B.setInsertionPointToEnd(Check);
  Value First = LLVM::LoadOp::create(B, Loc, Ptr, Head);
  Value Empty =
      LLVM::ICmpOp::create(B, Loc, LLVM::ICmpPredicate::eq, First, Null);
  LLVM::CondBrOp::create(B, Loc, Empty, Done, ValueRange(), Next, ValueRange());
  B.setInsertionPointToEnd(Next);
  LLVM::StoreOp::create(B, Loc, LLVM::LoadOp::create(B, Loc, Ptr, First), Head);
  auto Signature = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(B.getContext()), {Ptr, Ptr});
  LLVM::CallOp::create(B, Loc, Signature, ValueRange{Function, User, First});
  LLVM::BrOp::create(B, Loc, ValueRange(), Check);
  B.setInsertionPointToEnd(Done);
  LLVM::ReturnOp::create(B, Loc, Exit->getArgument(0));
}

//===- MainToLLVM.cpp - main as Target expects it -------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MainToLLVM.h"
#include "Bytes.h"
#include "FunctionBoundary.h"
#include "Launch.h"
#include "RunTimeMemory.h"
#include "lathe/Kernel/Kernel.h"
#include "lathe/Support/Status.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

namespace {

/// Reasons of a status, as in lathe.h.
enum Reason {
  NoMemory = 5,
  NullData = 16,
  TooSmall = 20,
};

/// Main and the parts of it that may end a run early.
class MainLowering {
public:
  MainLowering(func::FuncOp Main, const LLVMTypeConverter &Types)
      : Main(Main), Types(Types), B(Main), Ctx(B.getContext()),
        Ptr(pointer(Ctx)), I32(B.getI32Type()), I64(Types.getIndexType()) {}

  void run();

private:
  void lowerOutput(kernel::OutputOp Output, Value Tensor, unsigned Number);
  void lowerAssert(cf::AssertOp Assert);
  /// \p Op is the memory at \p Place, of the dynamic sizes \p Sizes.
  void becomeMemory(Operation *Op, ValueRange Sizes, Value Place);
  void lowerAllocate(kernel::AllocateOp Allocate,
                     codegen::RunTimeMemory &Memory);
  /// The status of a node that ended the run: its number, and why.
  int32_t statusOf(Location Node, NodeReason Reason);
  void checkFetch(kernel::FetchOp Fetch);
  Value constant(Location Loc, Type T, int64_t V) {
    return LLVM::ConstantOp::create(B, Loc, T, B.getIntegerAttr(T, V));
  }
  /// Loads field \p Index of a structure of type \p Struct at \p Base.
  Value field(Location Loc, Type Struct, Value Base, unsigned Index) {
    return LLVM::GEPOp::create(B, Loc, Ptr, Struct, Base,
                               ArrayRef<LLVM::GEPArg>{0, int32_t(Index)});
  }
  Value loadField(Location Loc, LLVM::LLVMStructType Struct, Value Base,
                  unsigned Index) {
    return LLVM::LoadOp::create(B, Loc, Struct.getBody()[Index],
                                field(Loc, Struct, Base, Index));
  }
  /// The block that returns its argument as the status.
  Block *failure();

  func::FuncOp Main;
  const LLVMTypeConverter &Types;
  OpBuilder B;
  MLIRContext *Ctx;
  Type Ptr, I32, I64;
  LLVM::LLVMFuncOp Func;
  Block *Failure = nullptr;
};
} // namespace

Block *MainLowering::failure() {
  if (!Failure) {
    OpBuilder::InsertionGuard Guard(B);
    Failure = B.createBlock(&Func.getBody(), Func.getBody().end(), {I32},
                            {Func.getLoc()});
    LLVM::ReturnOp::create(B, Func.getLoc(), Failure->getArgument(0));
  }
  return Failure;
}

void MainLowering::run() {
  Location Loc = Main.getLoc();
  Block &Entry = Main.getBody().front();
  SmallVector<Type> Old(Main.getArgumentTypes());

  // Which arguments are results of static shape; the others are inputs.
  unsigned NumOutputs = 0, NumInputs = 0;
  if (auto N = Main->getAttrOfType<IntegerAttr>("lathe.num_outputs"))
    NumOutputs = N.getInt();
  SmallVector<BlockArgument> StaticOutput(NumOutputs);
  for (BlockArgument Arg : Entry.getArguments()) {
    if (auto N = Main.getArgAttrOfType<IntegerAttr>(Arg.getArgNumber(),
                                                    "lathe.output"))
      StaticOutput[N.getInt()] = Arg;
    else
      ++NumInputs;
  }

  // ctx, workspace, weights, inputs, outputs in order. The first three come
  // first, so the arguments that there are move behind them.
  for (unsigned I = 0; I < NumFixedArgs; ++I)
    Entry.insertArgument(I, Ptr, Loc);
  SmallVector<Type> Flat(NumFixedArgs, Ptr);
  for (unsigned I = 0; I < NumInputs; ++I)
    flatten(Old[I], Types, Flat);
  SmallVector<Value> DynamicOutput(NumOutputs);
  // Outputs of dynamic shape take their place among the static ones.
  unsigned Next = NumFixedArgs + NumInputs;
  for (unsigned N = 0; N < NumOutputs; ++N, ++Next) {
    Flat.push_back(Ptr);
    if (!StaticOutput[N])
      DynamicOutput[N] = Entry.insertArgument(Next, Ptr, Loc);
  }
  Func = LLVM::LLVMFuncOp::create(B, Loc, "main",
                                  LLVM::LLVMFunctionType::get(I32, Flat));
  Func.setNoUnwind(true);
  Func.getBody().takeBody(Main.getBody());
  Main.erase();
  rebuildArguments(Entry, NumFixedArgs, Old, Types, Loc);
  // rebuildArguments replaced the pointers of dynamic outputs by new arguments.
  for (unsigned N = 0; N < NumOutputs; ++N)
    DynamicOutput[N] =
        Entry.getArgument(Entry.getNumArguments() - NumOutputs + N);

  // With kernels on a device, the run in progress comes last.
  if (isForDevice(Func)) {
    Flat.push_back(Ptr);
    Entry.addArgument(Ptr, Loc);
    Func.setFunctionType(LLVM::LLVMFunctionType::get(I32, Flat));
  }

  SmallVector<kernel::OutputOp> Outputs;
  SmallVector<cf::AssertOp> Asserts;
  SmallVector<kernel::AllocateOp> Allocates;
  SmallVector<kernel::FetchOp> Fetches;
  Func.walk([&](Operation *Op) {
    if (auto Allocate = dyn_cast<kernel::AllocateOp>(Op))
      Allocates.push_back(Allocate);
    if (auto Fetch = dyn_cast<kernel::FetchOp>(Op))
      Fetches.push_back(Fetch);
    if (auto Output = dyn_cast<kernel::OutputOp>(Op))
      Outputs.push_back(Output);
    if (auto Assert = dyn_cast<cf::AssertOp>(Op))
      Asserts.push_back(Assert);
  });
  for (kernel::OutputOp Output : Outputs)
    lowerOutput(Output, DynamicOutput[Output.getNumber()],
                NumInputs + Output.getNumber());
  for (cf::AssertOp Assert : Asserts)
    lowerAssert(Assert);
  codegen::RunTimeMemory Memory(Func);
  for (kernel::AllocateOp Allocate : Allocates)
    lowerAllocate(Allocate, Memory);
  for (kernel::FetchOp Fetch : Fetches)
    checkFetch(Fetch);

  Func.walk([&](func::ReturnOp Return) {
    B.setInsertionPoint(Return);
    LLVM::ReturnOp::create(B, Return.getLoc(),
                           constant(Return.getLoc(), I32, 0));
    Return.erase();
  });
  Memory.release();
}

void MainLowering::lowerOutput(kernel::OutputOp Output, Value Tensor,
                               unsigned Number) {
  Location Loc = Output.getLoc();
  MemRefType Type = Output.getType();
  // lathe_tensor and the head of lathe_call, of lathe.h.
  auto TensorType = LLVM::LLVMStructType::getLiteral(
      Ctx, {Ptr, I32, I32, Ptr, B.getI64Type()});
  auto CallType = LLVM::LLVMStructType::getLiteral(
      Ctx, {I32, I32, I32, I32, Ptr, Ptr, Ptr, B.getI64Type(), Ptr,
            B.getI64Type(), Ptr, Ptr, Ptr});
  enum { Data, ElementType, Rank, Shape, Capacity };
  enum { Allocate = 10, AllocateUser = 12 };
  Value Context = Func.getArgument(ContextArg);
  auto Wide = B.getI64Type();

  Block *Before = Output->getBlock();
  Block *After = Before->splitBlock(Output);
  BlockArgument Memory = After->addArgument(Ptr, Loc);
  B.setInsertionPointToEnd(Before);

  // The shape, and the bytes that it takes.
  Value ShapePtr = loadField(Loc, TensorType, Tensor, Shape);
  SmallVector<Value> Sizes;
  for (Value Size : Output.getSizes())
    Sizes.push_back(arith::IndexCastOp::create(B, Loc, Wide, Size));
  Value Bytes = constant(Loc, Wide, bytesOf(Type.getElementType()));
  for (int64_t D = 0; D < Type.getRank(); ++D) {
    Value Size = Type.isDynamicDim(D) ? Sizes[Type.getDynamicDimIndex(D)]
                                      : constant(Loc, Wide, Type.getDimSize(D));
    Value At = LLVM::GEPOp::create(B, Loc, Ptr, Wide, ShapePtr,
                                   ArrayRef<LLVM::GEPArg>{int32_t(D)});
    LLVM::StoreOp::create(B, Loc, Size, At);
    Bytes = LLVM::MulOp::create(B, Loc, Bytes, Size);
  }
  auto Status = [&](Reason R) {
    return constant(Loc, I32, R | int64_t(Number) << 8);
  };
  Region &Body = Func.getBody();
  auto NewBlock = [&] {
    OpBuilder::InsertionGuard Guard(B);
    return B.createBlock(&Body, After->getIterator());
  };
  Value Null = LLVM::ZeroOp::create(B, Loc, Ptr);
  Value Given = loadField(Loc, TensorType, Tensor, Data);
  Value IsNull =
      LLVM::ICmpOp::create(B, Loc, LLVM::ICmpPredicate::eq, Given, Null);
  Value NeedsSome = LLVM::ICmpOp::create(B, Loc, LLVM::ICmpPredicate::ne, Bytes,
                                         constant(Loc, Wide, 0));
  Value MustAllocate = LLVM::AndOp::create(B, Loc, IsNull, NeedsSome);
  Block *Check = NewBlock(), *Find = NewBlock(), *Make = NewBlock(),
        *Made = NewBlock();
  LLVM::CondBrOp::create(B, Loc, MustAllocate, Find, Check);

  B.setInsertionPointToStart(Check);
  Value Room = loadField(Loc, TensorType, Tensor, Capacity);
  Value Small =
      LLVM::ICmpOp::create(B, Loc, LLVM::ICmpPredicate::ult, Room, Bytes);
  LLVM::CondBrOp::create(B, Loc, Small, failure(), ValueRange{Status(TooSmall)},
                         After, ValueRange{Given});

  B.setInsertionPointToStart(Find);
  Value Function = loadField(Loc, CallType, Context, Allocate);
  Value None =
      LLVM::ICmpOp::create(B, Loc, LLVM::ICmpPredicate::eq, Function, Null);
  LLVM::CondBrOp::create(B, Loc, None, failure(), ValueRange{Status(NullData)},
                         Make, ValueRange());

  B.setInsertionPointToStart(Make);
  Value User = loadField(Loc, CallType, Context, AllocateUser);
  auto Signature = LLVM::LLVMFunctionType::get(Ptr, {Ptr, Wide});
  Value New =
      LLVM::CallOp::create(B, Loc, Signature, ValueRange{Function, User, Bytes})
          .getResult();
  Value Failed =
      LLVM::ICmpOp::create(B, Loc, LLVM::ICmpPredicate::eq, New, Null);
  LLVM::CondBrOp::create(B, Loc, Failed, failure(),
                         ValueRange{Status(NoMemory)}, Made, ValueRange());

  B.setInsertionPointToStart(Made);
  LLVM::StoreOp::create(B, Loc, New, field(Loc, TensorType, Tensor, Data));
  LLVM::StoreOp::create(B, Loc, Bytes,
                        field(Loc, TensorType, Tensor, Capacity));
  LLVM::BrOp::create(B, Loc, ValueRange{New}, After);

  B.setInsertionPoint(Output);
  Value Place = Memory;
  if (isForDevice(Func))
    Place = codegen::callOutput(B, Loc, Func, Memory, Bytes);
  becomeMemory(Output, Output.getSizes(), Place);
}

/// What is fetched after a failure is nothing to go on with.
void MainLowering::checkFetch(kernel::FetchOp Fetch) {
  Location Loc = Fetch.getLoc();
  Block *Before = Fetch->getBlock();
  Block *After = Before->splitBlock(std::next(Fetch->getIterator()));
  B.setInsertionPointToEnd(Before);
  Value Status = codegen::callStatus(B, Loc, Func);
  Value Good = LLVM::ICmpOp::create(B, Loc, LLVM::ICmpPredicate::eq, Status,
                                    constant(Loc, I32, 0));
  LLVM::CondBrOp::create(B, Loc, Good, After, ValueRange(), failure(),
                         ValueRange{Status});
}

int32_t MainLowering::statusOf(Location Node, NodeReason Reason) {
  ModuleOp Module = Func->getParentOfType<ModuleOp>();
  std::string Name;
  Node->walk([&](Location L) {
    if (auto Named = dyn_cast<NameLoc>(L); Named && Name.empty())
      Name = Named.getName().str();
    return WalkResult::advance();
  });
  SmallVector<Attribute> Nodes;
  if (auto Known = Module->getAttrOfType<ArrayAttr>("lathe.nodes"))
    Nodes.assign(Known.begin(), Known.end());
  Attribute NameAttr = B.getStringAttr(Name);
  auto *It = llvm::find(Nodes, NameAttr);
  int64_t Number = It - Nodes.begin();
  if (It == Nodes.end()) {
    Nodes.push_back(NameAttr);
    Module->setAttr("lathe.nodes", B.getArrayAttr(Nodes));
  }
  return int64_t(Reason) | Number << 8;
}

/// A condition that the run-time shapes or values must meet.
void MainLowering::lowerAssert(cf::AssertOp Assert) {
  Location Loc = Assert.getLoc();
  Block *Before = Assert->getBlock();
  Block *After = Before->splitBlock(std::next(Assert->getIterator()));
  B.setInsertionPointToEnd(Before);
  Value Status = constant(Loc, I32, statusOf(Loc, reasonOf(Assert.getMsg())));
  LLVM::CondBrOp::create(B, Loc, Assert.getArg(), After, ValueRange(),
                         failure(), ValueRange{Status});
  Assert.erase();
}

void MainLowering::becomeMemory(Operation *Op, ValueRange Sizes, Value Place) {
  Location Loc = Op->getLoc();
  auto Type = cast<MemRefType>(Op->getResult(0).getType());
  unsigned N = 0;
  Value Ref = memrefFromPointer(B, Loc, Types, Type, Place, [&] {
    return UnrealizedConversionCastOp::create(B, Loc, I64, Sizes[N++])
        .getResult(0);
  });
  Op->getResult(0).replaceAllUsesWith(Ref);
  Op->erase();
}

/// Memory that no arena could place.
void MainLowering::lowerAllocate(kernel::AllocateOp Allocate,
                                 codegen::RunTimeMemory &Memory) {
  Location Loc = Allocate.getLoc();
  MemRefType Type = Allocate.getType();
  int64_t Bytes = knownBytes(Type);
  B.setInsertionPoint(Allocate);
  SmallVector<Value> Sizes;
  for (Value Size : Allocate.getSizes())
    Sizes.push_back(arith::IndexCastOp::create(B, Loc, B.getI64Type(), Size));
  Value Data = Memory.allocate(
      Allocate, Bytes, Sizes, statusOf(Loc, NodeReason::NodeMemory), failure());
  B.setInsertionPoint(Allocate);
  becomeMemory(Allocate, Allocate.getSizes(), Data);
}

void lathe::codegen::lowerMain(func::FuncOp Main,
                               const LLVMTypeConverter &Types) {
  MainLowering(Main, Types).run();
}

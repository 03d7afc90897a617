//===- Launch.cpp - The host's side of kernels on a device ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Launch.h"
#include "Bytes.h"
#include "FunctionBoundary.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

bool lathe::codegen::isForDevice(Operation *Op) {
  return Op->getParentOfType<ModuleOp>()->hasAttr("lathe.device");
}

void lathe::codegen::declareLauncher(ModuleOp Module) {
  OpBuilder B(Module.getBodyRegion());
  MLIRContext *Ctx = B.getContext();
  Type Ptr = pointer(Ctx), I32 = B.getI32Type(), I64 = B.getI64Type(),
       Void = LLVM::LLVMVoidType::get(Ctx);
  auto Declare = [&](StringRef Name, Type Result, ArrayRef<Type> Arguments) {
    LLVM::LLVMFuncOp::create(B, Module.getLoc(), Name,
                             LLVM::LLVMFunctionType::get(Result, Arguments));
  };
  Declare("lathe_gpu_allocate", Ptr, {Ptr, I64});
  Declare("lathe_gpu_launch", Void, {Ptr, I32, I32, I64, Ptr, I32});
  Declare("lathe_gpu_fetch", Void, {Ptr, Ptr, Ptr, I64});
  Declare("lathe_gpu_put", Void, {Ptr, Ptr, I64, I32});
  Declare("lathe_gpu_output", Ptr, {Ptr, Ptr, I64});
  Declare("lathe_gpu_status", I32, {Ptr});
}

static Value runOf(LLVM::LLVMFuncOp Main) {
  return Main.getArgument(Main.getNumArguments() - 1);
}

/// Calls the launcher's \p Name for the run of \p Main.
static Value callLauncher(OpBuilder &B, Location Loc, LLVM::LLVMFuncOp Main,
                          StringRef Name, Type Result, ValueRange Args = {}) {
  SmallVector<Value> All{runOf(Main)};
  llvm::append_range(All, Args);
  return LLVM::CallOp::create(B, Loc, Result, Name, All).getResult();
}

Value lathe::codegen::callStatus(OpBuilder &B, Location Loc,
                                 LLVM::LLVMFuncOp Main) {
  return callLauncher(B, Loc, Main, "lathe_gpu_status", B.getI32Type());
}

Value lathe::codegen::callAllocate(OpBuilder &B, Location Loc,
                                   LLVM::LLVMFuncOp Main, Value Bytes) {
  return callLauncher(B, Loc, Main, "lathe_gpu_allocate",
                      pointer(B.getContext()), Bytes);
}

Value lathe::codegen::callOutput(OpBuilder &B, Location Loc,
                                 LLVM::LLVMFuncOp Main, Value Data,
                                 Value Bytes) {
  return callLauncher(B, Loc, Main, "lathe_gpu_output", pointer(B.getContext()),
                      {Data, Bytes});
}

namespace {

/// What the patterns share: constants, and memory of main's frame.
template <typename OpTy> struct HostPattern : ConvertOpToLLVMPattern<OpTy> {
  using ConvertOpToLLVMPattern<OpTy>::ConvertOpToLLVMPattern;

  static Value integer(OpBuilder &B, Location Loc, unsigned Bits, int64_t V) {
    Type T = B.getIntegerType(Bits);
    return LLVM::ConstantOp::create(B, Loc, T, B.getIntegerAttr(T, V));
  }
  /// \p Words words, allocated once for a run of main.
  static Value frame(OpBuilder &B, LLVM::LLVMFuncOp Main, int64_t Words) {
    OpBuilder::InsertionGuard Guard(B);
    B.setInsertionPointToStart(&Main.getBody().front());
    return LLVM::AllocaOp::create(
        B, Main.getLoc(), pointer(B.getContext()), B.getI64Type(),
        integer(B, Main.getLoc(), 64, std::max<int64_t>(Words, 1)), 8);
  }
  LLVM::LLVMFuncOp mainOf(Operation *Op) const {
    return Op->getParentOfType<LLVM::LLVMFuncOp>();
  }
};

struct LowerLaunch : HostPattern<kernel::LaunchOp> {
  using HostPattern::HostPattern;

  LogicalResult
  matchAndRewrite(kernel::LaunchOp Op, OpAdaptor Adaptor,
                  ConversionPatternRewriter &Rewriter) const override {
    LLVM::LLVMFuncOp Main = mainOf(Op);
    if (!Main)
      return Rewriter.notifyMatchFailure(Op, "outside of main");
    Location Loc = Op.getLoc();
    SmallVector<Type> Params;
    for (Attribute T : Op.getArgTypes())
      Params.push_back(cast<TypeAttr>(T).getValue());
    SmallVector<Value> Args;
    passArguments(Rewriter, Loc, *getTypeConverter(), Op.getOperandTypes(),
                  Adaptor.getOperands(), Params, Args);
    Value Words = frame(Rewriter, Main, Args.size());
    for (auto [I, A] : llvm::enumerate(Args)) {
      Value At = LLVM::GEPOp::create(Rewriter, Loc, pointer(getContext()),
                                     Rewriter.getI64Type(), Words,
                                     ArrayRef<LLVM::GEPArg>{int32_t(I)});
      // Whole words: the launcher compares them.
      if (auto T = dyn_cast<IntegerType>(A.getType());
          !isa<LLVM::LLVMPointerType>(A.getType()) &&
          !(T && T.getWidth() == 64))
        LLVM::StoreOp::create(Rewriter, Loc, integer(Rewriter, Loc, 64, 0), At);
      LLVM::StoreOp::create(Rewriter, Loc, A, At);
    }
    kernel::LaunchAttr L = Op.getLaunch();
    Value Operands[] = {runOf(Main),
                        integer(Rewriter, Loc, 32, Op.getNumber()),
                        integer(Rewriter, Loc, 32, L.getThreads()),
                        countBlocks(Rewriter, Loc, Op, Adaptor),
                        Words,
                        integer(Rewriter, Loc, 32, Args.size())};
    Rewriter.replaceOpWithNewOp<LLVM::CallOp>(Op, TypeRange(),
                                              "lathe_gpu_launch", Operands);
    return success();
  }

  Value countBlocks(OpBuilder &B, Location Loc, kernel::LaunchOp Op,
                    OpAdaptor Adaptor) const {
    kernel::LaunchAttr L = Op.getLaunch();
    Value Product = integer(B, Loc, 64, 1);
    for (kernel::BlocksAttr Group : L.getBlocks()) {
      Value Size = integer(B, Loc, 64, Group.getSize());
      if (!Group.getDims().empty()) {
        MemRefDescriptor Desc(Adaptor.getOperands()[L.getArg()]);
        for (int64_t D : Group.getDims())
          Size = LLVM::MulOp::create(B, Loc, Size, Desc.size(B, Loc, D));
      }
      Size = LLVM::AddOp::create(B, Loc, Size,
                                 integer(B, Loc, 64, Group.getStep() - 1));
      Size = LLVM::UDivOp::create(B, Loc, Size,
                                  integer(B, Loc, 64, Group.getStep()));
      Product = LLVM::MulOp::create(B, Loc, Product, Size);
    }
    if (L.getLimit() == 0)
      return Product;
    return LLVM::UMinOp::create(B, Loc, Product,
                                integer(B, Loc, 64, L.getLimit()));
  }
};

struct LowerFetch : HostPattern<kernel::FetchOp> {
  using HostPattern::HostPattern;

  LogicalResult
  matchAndRewrite(kernel::FetchOp Op, OpAdaptor Adaptor,
                  ConversionPatternRewriter &Rewriter) const override {
    LLVM::LLVMFuncOp Main = mainOf(Op);
    if (!Main)
      return Rewriter.notifyMatchFailure(Op, "outside of main");
    Location Loc = Op.getLoc();
    auto Type = cast<MemRefType>(Op.getMemref().getType());
    Value From = getStridedElementPtr(Rewriter, Loc, Type, Adaptor.getMemref(),
                                      Adaptor.getIndices());
    Value To = frame(Rewriter, Main, 2);
    LLVM::CallOp::create(
        Rewriter, Loc, TypeRange(), "lathe_gpu_fetch",
        ValueRange{runOf(Main), To, From,
                   integer(Rewriter, Loc, 64, bytesOf(Type.getElementType()))});
    Rewriter.replaceOpWithNewOp<LLVM::LoadOp>(
        Op, getTypeConverter()->convertType(Type.getElementType()), To);
    return success();
  }
};

struct LowerPut : HostPattern<kernel::PutOp> {
  using HostPattern::HostPattern;

  LogicalResult
  matchAndRewrite(kernel::PutOp Op, OpAdaptor Adaptor,
                  ConversionPatternRewriter &Rewriter) const override {
    LLVM::LLVMFuncOp Main = mainOf(Op);
    int64_t Bytes = bytesOf(Op.getValue().getType());
    if (!Main || Bytes > 8)
      return Rewriter.notifyMatchFailure(Op, "not one word of main's");
    Location Loc = Op.getLoc();
    auto Type = cast<MemRefType>(Op.getMemref().getType());
    Value To = getStridedElementPtr(Rewriter, Loc, Type, Adaptor.getMemref(),
                                    Adaptor.getIndices());
    // The bits, through memory whatever the type is.
    Value Word = frame(Rewriter, Main, 1);
    LLVM::StoreOp::create(Rewriter, Loc, integer(Rewriter, Loc, 64, 0), Word);
    LLVM::StoreOp::create(Rewriter, Loc, Adaptor.getValue(), Word);
    Value Bits =
        LLVM::LoadOp::create(Rewriter, Loc, Rewriter.getI64Type(), Word);
    LLVM::CallOp::create(
        Rewriter, Loc, TypeRange(), "lathe_gpu_put",
        ValueRange{runOf(Main), To, Bits, integer(Rewriter, Loc, 32, Bytes)});
    Rewriter.eraseOp(Op);
    return success();
  }
};
} // namespace

void lathe::codegen::populateLaunchPatterns(const LLVMTypeConverter &Types,
                                            RewritePatternSet &Patterns) {
  Patterns.add<LowerLaunch, LowerFetch, LowerPut>(Types);
}

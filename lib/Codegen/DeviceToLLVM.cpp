//===- DeviceToLLVM.cpp - codegen-device-to-llvm --------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The device module to the LLVM and NVVM dialects. A kernel takes what a
// compiled kernel of a processor takes, without a range. Nothing remains that a
// library would have to bring: what has no instruction and no expansion is
// reported.
//
//===----------------------------------------------------------------------===//

#include "Bytes.h"
#include "FunctionBoundary.h"
#include "GPULoops.h"
#include "LoweringSteps.h"
#include "lathe/Codegen/Passes.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/NVGPUToNVVM/NVGPUToNVVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Pass/PassManager.h"

namespace lathe::codegen {
#define GEN_PASS_DEF_DEVICETOLLVMPASS
#include "lathe/Codegen/Passes.h.inc"
} // namespace lathe::codegen

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

namespace {

/// A thread's own memory beyond this many bytes lies in global memory, as often
/// as there are threads.
constexpr int64_t MostLocalBytes = 1024;
/// Address spaces of NVPTX.
enum { GlobalSpace = 1, SharedMemory = 3 };

/// A register that numbers threads or blocks, as an index.
template <typename From, typename To>
struct LowerNumber : ConvertOpToLLVMPattern<From> {
  using ConvertOpToLLVMPattern<From>::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(From Op, typename From::Adaptor,
                  ConversionPatternRewriter &Rewriter) const override {
    if (Op.getDimension() != gpu::Dimension::x)
      return Rewriter.notifyMatchFailure(Op, "all is in one dimension");
    Value V = To::create(Rewriter, Op.getLoc(), Rewriter.getI32Type());
    Rewriter.replaceOpWithNewOp<LLVM::ZExtOp>(Op, this->getIndexType(), V);
    return success();
  }
};

struct LowerBarrier : ConvertOpToLLVMPattern<gpu::BarrierOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(gpu::BarrierOp Op, OpAdaptor,
                  ConversionPatternRewriter &Rewriter) const override {
    Rewriter.replaceOpWithNewOp<NVVM::Barrier0Op>(Op);
    return success();
  }
};

struct LowerShuffle : ConvertOpToLLVMPattern<gpu::ShuffleOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(gpu::ShuffleOp Op, OpAdaptor Adaptor,
                  ConversionPatternRewriter &Rewriter) const override {
    if (Op.getMode() != gpu::ShuffleMode::XOR)
      return Rewriter.notifyMatchFailure(Op, "only xor is used");
    Location Loc = Op.getLoc();
    Type I32 = Rewriter.getI32Type();
    Value All = LLVM::ConstantOp::create(Rewriter, Loc, I32, -1);
    Value Clamp = LLVM::ConstantOp::create(Rewriter, Loc, I32, 31);
    Value V = NVVM::ShflOp::create(Rewriter, Loc, Adaptor.getValue().getType(),
                                   All, Adaptor.getValue(), Adaptor.getOffset(),
                                   Clamp, NVVM::ShflKind::bfly, UnitAttr());
    Value True = LLVM::ConstantOp::create(Rewriter, Loc, Rewriter.getI1Type(),
                                          Rewriter.getBoolAttr(true));
    Rewriter.replaceOp(Op, {V, True});
    return success();
  }
};

struct DeviceToLLVMPass
    : codegen::impl::DeviceToLLVMPassBase<DeviceToLLVMPass> {
  void runOnOperation() override {
    for (auto Device : getOperation().getOps<gpu::GPUModuleOp>())
      if (failed(lower(Device)))
        return signalPassFailure();
  }

  LogicalResult lower(gpu::GPUModuleOp Device) {
    auto Run = [&](OpPassManager &PM) { return runPipeline(PM, Device); };
    if (failed(lowerStructure(Device, /*Library=*/false, Run)))
      return failure();

    LLVMTypeConverter Types(&getContext());
    for (auto Kernel :
         llvm::make_early_inc_range(Device.getOps<kernel::FuncOp>())) {
      int64_t Threads = Kernel.getLaunchAttr().getThreads();
      bool Shares = sharesMemory(Kernel);
      if (failed(placeMemory(Kernel, Types)))
        return failure();
      LLVM::LLVMFuncOp Func = lowerKernel(Kernel, Types);
      Func.setLinkage(LLVM::Linkage::External);
      Func.setNoInline(false);
      OpBuilder B(&getContext());
      Func->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(),
                    B.getUnitAttr());
      Func->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(),
                    B.getDenseI32ArrayAttr({int32_t(Threads)}));
      // Left alone, ptxas spills sums rather than have fewer blocks beside each
      // other. Where a tile of sums is in registers, one block may fill them.
      if (Shares)
        Func->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                      B.getI32IntegerAttr(1));
    }

    RewritePatternSet Patterns(&getContext());
    populatePlainPatterns(Types, Patterns);
    populateVectorToLLVMConversionPatterns(Types, Patterns);
    // Tokens only order copies and waits within the function.
    Types.addConversion([](nvgpu::DeviceAsyncTokenType T) -> Type {
      return IntegerType::get(T.getContext(), 32);
    });
    populateNVGPUToNVVMConversionPatterns(Types, Patterns);
    Patterns.add<LowerNumber<gpu::ThreadIdOp, NVVM::ThreadIdXOp>,
                 LowerNumber<gpu::BlockIdOp, NVVM::BlockIdXOp>,
                 LowerNumber<gpu::GridDimOp, NVVM::GridDimXOp>, LowerBarrier,
                 LowerShuffle>(Types);
    LLVMConversionTarget Target(getContext());
    Target.addLegalDialect<NVVM::NVVMDialect>();
    addPlainIllegalDialects(Target);
    Target.addIllegalDialect<vector::VectorDialect, nvgpu::NVGPUDialect>();
    Target.addLegalOp<gpu::GPUModuleOp>();
    if (failed(applyPartialConversion(Device, Target, std::move(Patterns))))
      return failure();

    OpPassManager Clean(gpu::GPUModuleOp::getOperationName());
    addCleanPasses(Clean);
    if (failed(runPipeline(Clean, Device)))
      return failure();
    return check(Device);
  }

  static bool sharesMemory(kernel::FuncOp Kernel) {
    return Kernel
        .walk([](memref::AllocaOp Place) {
          return Place.getType().getMemorySpaceAsInt() == SharedMemory
                     ? WalkResult::interrupt()
                     : WalkResult::advance();
        })
        .wasInterrupted();
  }

  /// Gives a block's shared memory and what one thread alone may not hold
  /// places in the module.
  LogicalResult placeMemory(kernel::FuncOp Kernel,
                            const LLVMTypeConverter &Types) {
    SmallVector<memref::AllocaOp> Places;
    if (failed(checkBounded(Kernel)))
      return failure();
    Kernel.walk([&](memref::AllocaOp Alloca) { Places.push_back(Alloca); });
    unsigned Number = 0;
    for (memref::AllocaOp Place : Places) {
      MemRefType Type = Place.getType();
      if (!Type.hasStaticShape())
        continue;
      bool Shared = Type.getMemorySpaceAsInt() == SharedMemory;
      int64_t Bytes = knownBytes(Type);
      bool OfBlock = Place->hasAttr(OfBlockAttr);
      if (!Shared && !OfBlock && Bytes <= MostLocalBytes)
        continue;
      // Each thread its own, where there are several.
      kernel::LaunchAttr Launch = Kernel.getLaunchAttr();
      int64_t Threads =
          Shared || OfBlock
              ? 1
              : Launch.getThreads() * std::max<int64_t>(Launch.getLimit(), 1);
      OpBuilder B(Kernel);
      Location Loc = Place.getLoc();
      unsigned Space = Shared ? SharedMemory : GlobalSpace;
      mlir::Type Element = Types.convertType(Type.getElementType());
      auto Array = LLVM::LLVMArrayType::get(
          Element, Threads * std::max<int64_t>(Type.getNumElements(), 1));
      std::string Name =
          (Kernel.getSymName() + "_memory_" + llvm::Twine(Number++)).str();
      auto Global = LLVM::GlobalOp::create(
          B, Loc, Array, /*isConstant=*/false, LLVM::Linkage::Internal, Name,
          Attribute(), /*alignment=*/16, Space);
      {
        OpBuilder::InsertionGuard Guard(B);
        B.createBlock(&Global.getInitializerRegion());
        Value Start = Shared ? LLVM::UndefOp::create(B, Loc, Array).getResult()
                             : LLVM::ZeroOp::create(B, Loc, Array).getResult();
        LLVM::ReturnOp::create(B, Loc, Start);
      }
      B.setInsertionPoint(Place);
      Value Pointer = LLVM::AddressOfOp::create(
          B, Loc, LLVM::LLVMPointerType::get(&getContext(), Space), Name);
      if (!Shared)
        Pointer = LLVM::AddrSpaceCastOp::create(B, Loc, pointer(&getContext()),
                                                Pointer);
      if (Threads > 1) {
        auto I32 = B.getI32Type();
        auto Constant = [&](int64_t V) -> Value {
          return LLVM::ConstantOp::create(B, Loc, I32, V);
        };
        Value Number = LLVM::AddOp::create(
            B, Loc,
            LLVM::MulOp::create(B, Loc, NVVM::BlockIdXOp::create(B, Loc, I32),
                                Constant(Launch.getThreads())),
            NVVM::ThreadIdXOp::create(B, Loc, I32));
        Value At = LLVM::MulOp::create(
            B, Loc, LLVM::ZExtOp::create(B, Loc, B.getI64Type(), Number),
            LLVM::ConstantOp::create(B, Loc, B.getI64Type(),
                                     Type.getNumElements()));
        Pointer = LLVM::GEPOp::create(B, Loc, pointer(&getContext()), Element,
                                      Pointer, ValueRange{At});
      }
      Value Ref = memrefFromPointer(B, Loc, Types, Type, Pointer,
                                    [] { return Value(); });
      Place.replaceAllUsesWith(Ref);
      Place.erase();
    }
    return success();
  }

  /// Calls, and functions that only a library has.
  LogicalResult check(gpu::GPUModuleOp Device) {
    WalkResult Result = Device.walk([&](Operation *Op) -> WalkResult {
      bool Library = isa_and_nonnull<math::MathDialect>(Op->getDialect()) ||
                     isa<LLVM::PowOp, LLVM::PowIOp, LLVM::ExpOp, LLVM::Exp2Op,
                         LLVM::Exp10Op, LLVM::LogOp, LLVM::Log10Op,
                         LLVM::Log2Op, LLVM::SinOp, LLVM::CosOp>(Op);
      if (!Library)
        return WalkResult::advance();
      Op->emitError("'") << Op->getName() << "' on " << Op->getResultTypes()[0]
                         << " has no form for a GPU; compile for a processor";
      return WalkResult::interrupt();
    });
    return failure(Result.wasInterrupted());
  }
};
} // namespace

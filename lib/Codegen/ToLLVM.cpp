//===- ToLLVM.cpp - Everything to the LLVM dialect -----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels become internal functions on pointers (already offset), dynamic sizes
// and strides, scalars and the range [lo, hi); main is MainToLLVM's. Nothing
// allocates: what could (an allocation that no arena placed, a copy that would
// call a runtime) is reported or lowered to loops first.
//
//===----------------------------------------------------------------------===//

#include "Bytes.h"
#include "FunctionBoundary.h"
#include "Launch.h"
#include "LoweringSteps.h"
#include "MainToLLVM.h"
#include "lathe/Codegen/Passes.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Pass/PassManager.h"

namespace lathe::codegen {
#define GEN_PASS_DEF_CODEGENTOLLVMPASS
#include "lathe/Codegen/Passes.h.inc"
} // namespace lathe::codegen

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

namespace {

/// What a call needs to know of its callee, whose form changes under it.
struct Callee {
  FunctionType Type;
  kernel::GridAttr Grid;
};
using CalleeMap = llvm::DenseMap<StringAttr, Callee>;

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

struct LowerCall : ConvertOpToLLVMPattern<kernel::CallOp> {
  LowerCall(const LLVMTypeConverter &Types, const CalleeMap &Callees)
      : ConvertOpToLLVMPattern(Types), Callees(Callees) {}

  LogicalResult
  matchAndRewrite(kernel::CallOp Op, OpAdaptor Adaptor,
                  ConversionPatternRewriter &Rewriter) const override {
    auto It = Callees.find(Op.getCalleeAttr().getAttr());
    if (It == Callees.end())
      return Rewriter.notifyMatchFailure(Op, "callee is not emitted");
    const Callee &To = It->second;
    Location Loc = Op.getLoc();
    SmallVector<Value> Args;
    passArguments(Rewriter, Loc, *getTypeConverter(), Op.getOperandTypes(),
                  Adaptor.getOperands(), To.Type.getInputs(), Args);
    Value Extent;
    if (To.Grid) {
      unsigned I = To.Grid.getArg();
      MemRefDescriptor Desc(Adaptor.getOperands()[I]);
      Extent = extent(Rewriter, Loc, Desc,
                      cast<MemRefType>(Op.getOperand(I).getType()), To.Grid);
    }
    Type Index = getIndexType();
    auto Constant = [&](int64_t V) -> Value {
      return LLVM::ConstantOp::create(Rewriter, Loc, Index,
                                      Rewriter.getIntegerAttr(Index, V));
    };
    Args.push_back(Constant(0));
    Args.push_back(Extent ? Extent : Constant(1));
    Rewriter.replaceOpWithNewOp<LLVM::CallOp>(Op, TypeRange(), Op.getCallee(),
                                              Args);
    return success();
  }

  Value extent(ConversionPatternRewriter &Rewriter, Location Loc,
               MemRefDescriptor &Desc, MemRefType Type,
               kernel::GridAttr Grid) const {
    mlir::Type Index = getIndexType();
    auto Constant = [&](int64_t V) -> Value {
      return LLVM::ConstantOp::create(Rewriter, Loc, Index,
                                      Rewriter.getIntegerAttr(Index, V));
    };
    int64_t Step = Grid.getStep();
    if (!Type.isDynamicDim(Grid.getDim()))
      return Constant(llvm::divideCeil(Type.getDimSize(Grid.getDim()), Step));
    Value Size = Desc.size(Rewriter, Loc, Grid.getDim());
    if (Step == 1)
      return Size;
    Value Up = LLVM::AddOp::create(Rewriter, Loc, Size, Constant(Step - 1));
    return LLVM::UDivOp::create(Rewriter, Loc, Up, Constant(Step));
  }

  const CalleeMap &Callees;
};

/// The memref at a byte offset into one of main's blocks of memory.
struct LowerSlot : ConvertOpToLLVMPattern<kernel::SlotOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(kernel::SlotOp Op, OpAdaptor Adaptor,
                  ConversionPatternRewriter &Rewriter) const override {
    Location Loc = Op.getLoc();
    auto Func = Op->getParentOfType<LLVM::LLVMFuncOp>();
    if (!Func)
      return Rewriter.notifyMatchFailure(Op, "outside of main");
    Value At = LLVM::GEPOp::create(Rewriter, Loc, pointer(getContext()),
                                   Rewriter.getI8Type(),
                                   Func.getArgument(WorkspaceArg),
                                   ArrayRef<LLVM::GEPArg>{Adaptor.getOffset()});
    unsigned N = 0;
    Value Ref =
        memrefFromPointer(Rewriter, Loc, *getTypeConverter(), Op.getType(), At,
                          [&] { return Adaptor.getSizes()[N++]; });
    Rewriter.replaceOp(Op, Ref);
    return success();
  }
};

struct LowerWeight : ConvertOpToLLVMPattern<kernel::WeightOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(kernel::WeightOp Op, OpAdaptor Adaptor,
                  ConversionPatternRewriter &Rewriter) const override {
    Location Loc = Op.getLoc();
    auto Func = Op->getParentOfType<LLVM::LLVMFuncOp>();
    auto Type = dyn_cast<MemRefType>(Op.getType());
    if (!Func || !Type || !Op.getOffset())
      return Rewriter.notifyMatchFailure(
          Op, "without a place in the blob of weights");
    mlir::Type Index = getIndexType();
    Value Offset = LLVM::ConstantOp::create(
        Rewriter, Loc, Index, Rewriter.getIntegerAttr(Index, *Op.getOffset()));
    Value At = LLVM::GEPOp::create(
        Rewriter, Loc, pointer(getContext()), Rewriter.getI8Type(),
        Func.getArgument(WeightsArg), ArrayRef<LLVM::GEPArg>{Offset});
    Value Ref = memrefFromPointer(Rewriter, Loc, *getTypeConverter(), Type, At,
                                  [] { return Value(); });
    Rewriter.replaceOp(Op, Ref);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// The constants, for whoever writes the bytes.
void listWeights(ModuleOp Module) {
  Builder B(Module.getContext());
  llvm::MapVector<int64_t, Attribute> ByOffset;
  int64_t End = 0;
  Module.walk([&](kernel::WeightOp Weight) {
    if (!Weight.getOffset() || Weight->use_empty())
      return;
    SmallVector<NamedAttribute> Entry{
        B.getNamedAttr("offset", B.getI64IntegerAttr(*Weight.getOffset())),
        B.getNamedAttr("value", Weight.getValue())};
    if (Weight.getPackingAttr())
      Entry.push_back(B.getNamedAttr("packing", Weight.getPackingAttr()));
    ByOffset[*Weight.getOffset()] = B.getDictionaryAttr(Entry);
    auto Type = cast<ShapedType>(Weight.getType());
    End = std::max<int64_t>(End, *Weight.getOffset() + knownBytes(Type));
  });
  SmallVector<std::pair<int64_t, Attribute>> Sorted(ByOffset.begin(),
                                                    ByOffset.end());
  llvm::sort(Sorted, llvm::less_first());
  SmallVector<Attribute> List;
  for (auto &[Offset, Entry] : Sorted)
    List.push_back(Entry);
  Module->setAttr("lathe.weights", B.getArrayAttr(List));
  if (!Module->hasAttr("lathe.weights_bytes"))
    Module->setAttr("lathe.weights_bytes", B.getI64IntegerAttr(End));
}

/// The last step of one function, whose patterns all share.
struct ConvertFunction
    : PassWrapper<ConvertFunction, OperationPass<LLVM::LLVMFuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ConvertFunction)
  ConvertFunction(const ConversionTarget &Target,
                  const FrozenRewritePatternSet &Patterns)
      : Target(Target), Patterns(Patterns) {}
  void runOnOperation() override {
    if (failed(applyPartialConversion(getOperation(), Target, Patterns)))
      signalPassFailure();
  }
  const ConversionTarget &Target;
  const FrozenRewritePatternSet &Patterns;
};

struct ToLLVMPass : codegen::impl::CodegenToLLVMPassBase<ToLLVMPass> {
  void getDependentDialects(DialectRegistry &Registry) const override {
    Registry.insert<LLVM::LLVMDialect, cf::ControlFlowDialect,
                    memref::MemRefDialect, arith::ArithDialect,
                    linalg::LinalgDialect>();
  }

  void runOnOperation() override {
    ModuleOp Module = getOperation();
    if (failed(check(Module)))
      return signalPassFailure();
    listWeights(Module);

    auto Run = [&](OpPassManager &PM) { return runPipeline(PM, Module); };
    if (failed(lowerStructure(Module, /*Library=*/true, Run)))
      return signalPassFailure();

    LLVMTypeConverter Types(&getContext());
    if (Module->hasAttr("lathe.device"))
      codegen::declareLauncher(Module);
    CalleeMap Callees;
    for (auto Kernel : Module.getOps<kernel::FuncOp>())
      Callees[Kernel.getSymNameAttr()] = {Kernel.getFunctionType(),
                                          Kernel.getGridAttr()};
    for (auto Kernel :
         llvm::make_early_inc_range(Module.getOps<kernel::FuncOp>()))
      lowerKernel(Kernel, Types);
    if (auto Main = Module.lookupSymbol<func::FuncOp>("main"))
      lowerMain(Main, Types);

    RewritePatternSet Patterns(&getContext());
    populatePlainPatterns(Types, Patterns);
    populateFuncToLLVMConversionPatterns(Types, Patterns);
    Patterns.add<LowerCall>(Types, Callees);
    Patterns.add<LowerSlot, LowerWeight>(Types);
    if (Module->hasAttr("lathe.device"))
      codegen::populateLaunchPatterns(Types, Patterns);

    LLVMConversionTarget Target(getContext());
    addPlainIllegalDialects(Target);
    Target.addIllegalDialect<math::MathDialect, func::FuncDialect>();
    Target.addLegalOp<ModuleOp>();
    FrozenRewritePatternSet Frozen(std::move(Patterns));
    // What stands in the module itself: declarations of libm's functions.
    LLVMConversionTarget Outside = Target;
    Outside.addLegalOp<LLVM::LLVMFuncOp>();
    Outside.markOpRecursivelyLegal<LLVM::LLVMFuncOp>();
    if (failed(applyPartialConversion(Module, Outside, Frozen)))
      return signalPassFailure();

    OpPassManager Bodies(ModuleOp::getOperationName());
    Bodies.nest<LLVM::LLVMFuncOp>().addPass(
        std::make_unique<ConvertFunction>(Target, Frozen));
    addCleanPasses(Bodies);
    if (failed(Run(Bodies)))
      return signalPassFailure();
  }

  /// What must not reach the object.
  LogicalResult check(ModuleOp Module) {
    WalkResult Result = Module.walk([&](Operation *Op) -> WalkResult {
      if (auto Kernel = dyn_cast<kernel::FuncOp>(Op);
          Kernel && !Kernel.isEmitted()) {
        Op->emitError("kernel @")
            << Kernel.getSymName() << " has not been emitted";
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    if (Result.wasInterrupted() || failed(checkBounded(Module)))
      return failure();
    // A copy within a kernel that is no block of bytes would call a runtime.
    IRRewriter Rewriter(&getContext());
    SmallVector<memref::CopyOp> Copies;
    Module.walk([&](memref::CopyOp Copy) { Copies.push_back(Copy); });
    for (memref::CopyOp Copy : Copies) {
      Rewriter.setInsertionPoint(Copy);
      int64_t Rank = cast<MemRefType>(Copy.getSource().getType()).getRank();
      AffineMap Id = Rewriter.getMultiDimIdentityMap(Rank);
      linalg::GenericOp::create(
          Rewriter, Copy.getLoc(), TypeRange(), Copy.getSource(),
          Copy.getTarget(), ArrayRef<AffineMap>{Id, Id},
          SmallVector<utils::IteratorType>(Rank, utils::IteratorType::parallel),
          [](OpBuilder &B, Location Loc, ValueRange Args) {
            linalg::YieldOp::create(B, Loc, Args[0]);
          });
      Rewriter.eraseOp(Copy);
    }
    return success();
  }
};

} // namespace

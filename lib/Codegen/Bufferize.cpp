//===- Bufferize.cpp - Main on memrefs -----------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Inputs are buffers that nobody writes, results of static shape are written
// straight into buffers that the caller passes, others into `kernel.output`. In
// between MLIR's one-shot analysis decides what happens in place.
//
// Afterwards main holds memref.alloc without deallocation, kernel.call on
// memrefs and views; every copy is a call of a copy kernel; each kernel has the
// memref types of its call sites (arg_types, offsets left out: pointers are
// passed offset already).
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Bufferization/Transforms/Bufferize.h"
#include "Main.h"
#include "lathe/Codegen/Passes.h"
#include "lathe/Kernel/Kernel.h"
#include "lathe/Support/Status.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/ScopeExit.h"

namespace lathe::codegen {
#define GEN_PASS_DEF_CODEGENBUFFERIZEPASS
#include "lathe/Codegen/Passes.h.inc"
} // namespace lathe::codegen

using namespace mlir;
using namespace lathe;

namespace {

MemRefType rowMajor(RankedTensorType Type) {
  return MemRefType::get(Type.getShape(), Type.getElementType());
}

/// The type under which a kernel sees a buffer: strides without the offset,
/// which is in the pointer.
Type argumentType(Type T) {
  auto Ref = dyn_cast<MemRefType>(T);
  if (!Ref)
    return T;
  SmallVector<int64_t> Strides;
  int64_t Offset;
  if (failed(Ref.getStridesAndOffset(Strides, Offset)))
    return T;
  auto Plain = MemRefType::get(Ref.getShape(), Ref.getElementType());
  SmallVector<int64_t> RowMajor;
  int64_t Zero;
  // A dynamic stride is never known to be the row-major one.
  if (succeeded(Plain.getStridesAndOffset(RowMajor, Zero)) &&
      RowMajor == Strides &&
      (Ref.getLayout().isIdentity() ||
       llvm::none_of(Strides, ShapedType::isDynamic)))
    return Plain;
  return MemRefType::get(Ref.getShape(), Ref.getElementType(),
                         StridedLayoutAttr::get(T.getContext(), 0, Strides));
}

struct BufferizePass : codegen::impl::CodegenBufferizePassBase<BufferizePass> {
  void getDependentDialects(DialectRegistry &Registry) const override {
    Registry.insert<bufferization::BufferizationDialect, memref::MemRefDialect,
                    kernel::KernelDialect, linalg::LinalgDialect>();
  }

  void runOnOperation() override {
    ModuleOp Module = getOperation();
    func::FuncOp Main = codegen::findMain(Module);
    if (!Main)
      return signalPassFailure();
    if (failed(setBoundary(Main)) || failed(bufferize(Main)))
      return signalPassFailure();
    OpPassManager Clean(func::FuncOp::getOperationName());
    Clean.addPass(createCanonicalizerPass());
    Clean.addPass(createCSEPass());
    if (failed(runPipeline(Clean, Main)))
      return signalPassFailure();
    if (failed(settleLoops(Main)))
      return signalPassFailure();
    lowerCopies(Module, Main);
    specialize(Module, Main);
  }

  LogicalResult setBoundary(func::FuncOp Main);
  LogicalResult bufferize(func::FuncOp Main);
  LogicalResult settleLoops(func::FuncOp Main);
  void lowerCopies(ModuleOp Module, func::FuncOp Main);
  void specialize(ModuleOp Module, func::FuncOp Main);
};

/// Tensors in main's signature become memrefs: inputs first, then the results
/// of static shape, marked with their number.
LogicalResult BufferizePass::setBoundary(func::FuncOp Main) {
  Block &Entry = Main.getBody().front();
  auto Return = dyn_cast<func::ReturnOp>(Main.getBody().back().getTerminator());
  if (!Return || !Main.getBody().hasOneBlock())
    return Main.emitError("main must be one block that ends with func.return");
  IRRewriter B(&getContext());
  unsigned NumInputs = Entry.getNumArguments();
  SmallVector<Type> Inputs;
  for (unsigned I = 0; I < NumInputs; ++I) {
    BlockArgument Arg = Entry.getArgument(I);
    auto Type = dyn_cast<RankedTensorType>(Arg.getType());
    if (!Type)
      return Main.emitError("input ")
             << I << " of type " << Arg.getType()
             << " cannot be passed to a compiled model";
    B.setInsertionPointToStart(&Entry);
    Arg.setType(rowMajor(Type));
    auto Tensor = bufferization::ToTensorOp::create(B, Main.getLoc(), Type, Arg,
                                                    /*restrict=*/true,
                                                    /*writable=*/false);
    Arg.replaceAllUsesExcept(Tensor.getResult(), Tensor);
    Inputs.push_back(Arg.getType());
  }
  SmallVector<DictionaryAttr> ArgAttrs;
  for (unsigned I = 0; I < NumInputs; ++I)
    ArgAttrs.push_back(DictionaryAttr::get(
        &getContext(), function_interface_impl::getArgAttrs(Main, I)));

  SmallVector<kernel::OutputOp> Dynamic;
  for (auto [I, Result] : llvm::enumerate(Return.getOperands())) {
    auto Type = dyn_cast<RankedTensorType>(Result.getType());
    if (!Type)
      return Main.emitError("result ")
             << I << " of type " << Result.getType()
             << " cannot be passed by a compiled model";
    B.setInsertionPoint(Return);
    Value Destination;
    if (Type.hasStaticShape()) {
      Destination = Entry.addArgument(rowMajor(Type), Return.getLoc());
      Inputs.push_back(Destination.getType());
      SmallVector<NamedAttribute> Attrs(
          function_interface_impl::getResultAttrs(Main, I));
      Attrs.push_back(B.getNamedAttr("lathe.output", B.getI64IntegerAttr(I)));
      ArgAttrs.push_back(B.getDictionaryAttr(Attrs));
    } else {
      SmallVector<Value> Sizes;
      for (int64_t D = 0; D < Type.getRank(); ++D)
        if (Type.isDynamicDim(D))
          Sizes.push_back(tensor::DimOp::create(B, Return.getLoc(), Result, D));
      auto Output = kernel::OutputOp::create(B, Return.getLoc(), rowMajor(Type),
                                             B.getI64IntegerAttr(I), Sizes);
      Dynamic.push_back(Output);
      Destination = Output;
    }
    auto Write = bufferization::MaterializeInDestinationOp::create(
        B, Return.getLoc(), Result, Destination);
    Write.setRestrict(true);
    Write.setWritable(true);
  }
  Main->setAttr("lathe.num_outputs",
                B.getI64IntegerAttr(Return.getNumOperands()));
  B.setInsertionPoint(Return);
  func::ReturnOp::create(B, Return.getLoc());
  Return.erase();
  Main.removeResAttrsAttr();
  Main.setFunctionType(B.getFunctionType(Inputs, {}));
  Main.setAllArgAttrs(ArgAttrs);

  if (Dynamic.empty())
    return success();
  // With its sizes known to be those of an empty tensor, the place of a result
  // can be asked for before the result is computed, and is then written
  // directly.
  // (No CSE: equal fills of different buffers must stay apart.)
  OpPassManager Clean(func::FuncOp::getOperationName());
  Clean.addPass(memref::createResolveRankedShapeTypeResultDimsPass());
  Clean.addPass(createCanonicalizerPass());
  if (failed(runPipeline(Clean, Main)))
    return failure();
  for (auto Output : llvm::to_vector(Main.getOps<kernel::OutputOp>())) {
    Operation *Last = nullptr;
    for (Value Size : Output.getSizes())
      if (Operation *Def = Size.getDefiningOp())
        if (!Last || Last->isBeforeInBlock(Def))
          Last = Def;
    if (Last)
      Output->moveAfter(Last);
    else
      Output->moveBefore(&Output->getBlock()->front());
  }
  return success();
}

/// Hides how the sizes and offsets of slices are computed. The analysis
/// compares slices by deriving bounds through the arithmetic behind each of
/// them, which takes exponential time on the long chains of a model with
/// dynamic shapes; values that are the same are still found to be.
static void hideSliceArithmetic(func::FuncOp Main) {
  OpBuilder B(Main.getContext());
  DenseMap<Value, Value> Hidden;
  Main.walk([&](OffsetSizeAndStrideOpInterface Op) {
    for (OpOperand &O : Op->getOpOperands()) {
      Operation *Def = O.get().getDefiningOp();
      if (!Def || !O.get().getType().isIndex())
        continue;
      Value &H = Hidden[O.get()];
      if (!H) {
        B.setInsertionPointAfter(Def);
        H = UnrealizedConversionCastOp::create(B, Def->getLoc(),
                                               B.getIndexType(), O.get())
                .getResult(0);
      }
      O.set(H);
    }
  });
}

static void showSliceArithmetic(func::FuncOp Main) {
  Main.walk([](UnrealizedConversionCastOp Op) {
    if (Op.getNumOperands() != 1 || Op.getNumResults() != 1 ||
        !Op.getOperand(0).getType().isIndex() ||
        !Op.getResult(0).getType().isIndex())
      return;
    Op.getResult(0).replaceAllUsesWith(Op.getOperand(0));
    Op.erase();
  });
}

LogicalResult BufferizePass::bufferize(func::FuncOp Main) {
  hideSliceArithmetic(Main);
  bufferization::OneShotBufferizationOptions Options;
  Options.allowReturnAllocsFromLoops = true;
  Options.unknownTypeConverterFn =
      [](TensorType T, Attribute Space,
         const bufferization::BufferizationOptions &) {
        return bufferization::getMemRefTypeWithStaticIdentityLayout(T, Space);
      };
  IRRewriter Rewriter(&getContext());
  // The analysis compares offsets and sizes by their bounds, for which each
  // select doubles the work; behind a cast they are compared by identity.
  Main.walk([&](arith::SelectOp Select) {
    if (!Select.getType().isIndex())
      return;
    Rewriter.setInsertionPointAfter(Select);
    auto Cast = UnrealizedConversionCastOp::create(Rewriter, Select.getLoc(),
                                                   TypeRange(Select.getType()),
                                                   Select.getResult());
    Rewriter.replaceAllUsesExcept(Select.getResult(), Cast.getResult(0), Cast);
  });
  // (Bufferization may have erased or cloned them.)
  auto Reveal = llvm::make_scope_exit([&] {
    SmallVector<UnrealizedConversionCastOp> Casts;
    Main.walk([&](UnrealizedConversionCastOp Cast) { Casts.push_back(Cast); });
    // A rewriter of its own: bufferization may leave a listener in the other.
    IRRewriter Plain(&getContext());
    for (UnrealizedConversionCastOp Cast : Casts)
      if (Cast.getInputs().getTypes() == Cast.getResultTypes())
        Plain.replaceOp(Cast, Cast.getInputs());
  });
  bufferization::OneShotAnalysisState State(Main, Options);
  if (failed(bufferization::analyzeOp(Main, State)) ||
      failed(bufferization::eliminateEmptyTensors(Rewriter, Main, State)))
    return failure();
  bufferization::BufferizationState Buffers;
  if (failed(bufferization::runOneShotBufferize(Main, Options, Buffers)))
    return failure();
  showSliceArithmetic(Main);
  return success();
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// Known sizes that the type of \p Init does not tell: a value whose sizes
/// change starts so.
static bool forgetsSizes(Value Init) {
  auto Cast = Init.getDefiningOp<memref::CastOp>();
  if (!Cast)
    return false;
  auto From = dyn_cast<MemRefType>(Cast.getSource().getType()),
       To = dyn_cast<MemRefType>(Cast.getType());
  return From && To && From.getNumDynamicDims() < To.getNumDynamicDims();
}

/// Ends the run where a value that goes around does not fit its place.
static void requireSameSizes(OpBuilder &B, Location Loc, Value V, Value Place) {
  auto Type = cast<MemRefType>(Place.getType());
  for (int64_t D = 0; D < Type.getRank(); ++D) {
    if (!Type.isDynamicDim(D))
      continue;
    Value Same = arith::CmpIOp::create(B, Loc, arith::CmpIPredicate::eq,
                                       memref::DimOp::create(B, Loc, V, D),
                                       memref::DimOp::create(B, Loc, Place, D));
    cf::AssertOp::create(B, Loc, Same, textOf(NodeReason::ShapeConflict));
  }
}

/// A buffer that lives across iterations is allocated once before the loop, and
/// what an iteration yields is copied into it: no allocation leaves its
/// iteration, so that each has one place for the whole run.
LogicalResult BufferizePass::settleLoops(func::FuncOp Main) {
  SmallVector<LoopLikeOpInterface> Loops;
  Main.walk([&](Operation *Op) {
    if (isa<scf::ForOp, scf::WhileOp>(Op))
      Loops.push_back(cast<LoopLikeOpInterface>(Op));
  });
  for (LoopLikeOpInterface Loop : Loops) {
    // Of scf.while, what the first region passes on is a view of its arguments
    // or made anew in each iteration; what the second yields goes around.
    Block *Body = &Loop.getLoopRegions().back()->back();
    Operation *Yield = Body->getTerminator();
    MutableArrayRef<OpOperand> Inits = Loop.getInitsMutable();
    Block::BlockArgListType Args = Loop.getRegionIterArgs();
    OpBuilder B(Loop);
    SmallVector<unsigned> Carried, Growing;
    for (unsigned I = 0; I < Inits.size(); ++I)
      if (isa<MemRefType>(Inits[I].get().getType()) &&
          !(isa<scf::ForOp>(Loop) && Yield->getOperand(I) == Args[I]))
        (forgetsSizes(Inits[I].get()) ? Growing : Carried).push_back(I);
    // What has another size on each trip gets new memory each time.
    for (unsigned I : Growing) {
      B.setInsertionPoint(Yield);
      Value V = Yield->getOperand(I);
      auto Type = cast<MemRefType>(V.getType());
      SmallVector<Value> Sizes;
      for (int64_t D = 0; D < Type.getRank(); ++D)
        if (Type.isDynamicDim(D))
          Sizes.push_back(memref::DimOp::create(B, Loop.getLoc(), V, D));
      Value Copy = kernel::AllocateOp::create(
          B, Loop.getLoc(),
          MemRefType::get(Type.getShape(), Type.getElementType()), Sizes);
      memref::CopyOp::create(B, Loop.getLoc(), V, Copy);
      if (Copy.getType() != Inits[I].get().getType())
        Copy = memref::CastOp::create(B, Loop.getLoc(),
                                      Inits[I].get().getType(), Copy);
      Yield->setOperand(I, Copy);
    }
    SmallVector<Value> Carriers, Staged;
    for (unsigned I : Carried) {
      auto Type = cast<MemRefType>(Inits[I].get().getType());
      auto Plain = MemRefType::get(Type.getShape(), Type.getElementType());
      B.setInsertionPoint(Loop);
      SmallVector<Value> Sizes;
      for (int64_t D = 0; D < Type.getRank(); ++D)
        if (Type.isDynamicDim(D))
          Sizes.push_back(
              memref::DimOp::create(B, Loop.getLoc(), Inits[I].get(), D));
      Value Carrier = memref::AllocOp::create(B, Loop.getLoc(), Plain, Sizes);
      memref::CopyOp::create(B, Loop.getLoc(), Inits[I].get(), Carrier);
      if (Carrier.getType() != Type)
        Carrier = memref::CastOp::create(B, Loop.getLoc(), Type, Carrier);
      Inits[I].set(Carrier);
      Carriers.push_back(Carrier);
    }
    // A yielded value may lie in the buffer of another one: stage all but the
    // last.
    B.setInsertionPoint(Yield);
    for (unsigned N = 0; N < Carried.size(); ++N) {
      Value V = Yield->getOperand(Carried[N]);
      if (Carried.size() > 1 && !V.getDefiningOp<memref::AllocOp>()) {
        auto Type = cast<MemRefType>(V.getType());
        SmallVector<Value> Sizes;
        for (int64_t D = 0; D < Type.getRank(); ++D)
          if (Type.isDynamicDim(D))
            Sizes.push_back(memref::DimOp::create(B, Loop.getLoc(), V, D));
        Value Copy = memref::AllocOp::create(
            B, Loop.getLoc(),
            MemRefType::get(Type.getShape(), Type.getElementType()), Sizes);
        memref::CopyOp::create(B, Loop.getLoc(), V, Copy);
        V = Copy;
      }
      Staged.push_back(V);
    }
    for (unsigned N = 0; N < Carried.size(); ++N) {
      requireSameSizes(B, Loop.getLoc(), Staged[N], Carriers[N]);
      memref::CopyOp::create(B, Loop.getLoc(), Staged[N], Carriers[N]);
      Yield->setOperand(Carried[N], Carriers[N]);
    }
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Copies and layouts
//===----------------------------------------------------------------------===//

void BufferizePass::lowerCopies(ModuleOp Module, func::FuncOp Main) {
  llvm::DenseMap<Type, kernel::FuncOp> Kernels;
  SmallVector<memref::CopyOp> Copies;
  Main.walk([&](memref::CopyOp Copy) { Copies.push_back(Copy); });
  OpBuilder B(&getContext());
  for (memref::CopyOp Copy : Copies) {
    if (Copy.getSource() == Copy.getTarget()) {
      Copy.erase();
      continue;
    }
    auto From = cast<MemRefType>(Copy.getSource().getType());
    auto To = cast<MemRefType>(Copy.getTarget().getType());
    // Both ends with the same static sizes, those that either of them knows.
    SmallVector<int64_t> Shape;
    for (auto [F, T] : llvm::zip(From.getShape(), To.getShape()))
      Shape.push_back(ShapedType::isDynamic(F) ? T : F);
    Location Loc = Copy.getLoc();
    B.setInsertionPoint(Copy);
    auto WithShape = [&](Value V) -> Value {
      auto Ref = cast<MemRefType>(V.getType());
      if (Ref.getShape() == ArrayRef(Shape))
        return V;
      auto Type = MemRefType::get(Shape, Ref.getElementType(), Ref.getLayout());
      return memref::CastOp::create(B, Loc, Type, V);
    };
    Value Source = WithShape(Copy.getSource()),
          Target = WithShape(Copy.getTarget());
    auto Tensor = RankedTensorType::get(Shape, From.getElementType());
    kernel::FuncOp &Kernel = Kernels[Tensor];
    if (!Kernel) {
      OpBuilder::InsertionGuard Guard(B);
      B.setInsertionPointToEnd(Module.getBody());
      std::string Name = ("copy_" + Twine(Kernels.size() - 1)).str();
      for (unsigned N = 0; Module.lookupSymbol(Name); ++N)
        Name = ("copy_" + Twine(Kernels.size() - 1) + "_" + Twine(N)).str();
      Kernel = kernel::FuncOp::create(
          B, Loc, Name, B.getFunctionType({Tensor, Tensor}, Tensor), "copy");
      Block &Body = Kernel.getBody().front();
      B.setInsertionPointToStart(&Body);
      AffineMap Id = B.getMultiDimIdentityMap(Tensor.getRank());
      SmallVector<utils::IteratorType> Iterators(Tensor.getRank(),
                                                 utils::IteratorType::parallel);
      auto Generic = linalg::GenericOp::create(
          B, Loc, Tensor, Body.getArgument(0), Body.getArgument(1),
          ArrayRef<AffineMap>{Id, Id}, Iterators,
          [](OpBuilder &Inner, Location L, ValueRange Args) {
            linalg::YieldOp::create(Inner, L, Args[0]);
          });
      kernel::ReturnOp::create(B, Loc, Generic.getResults());
    }
    kernel::CallOp::create(B, Loc, TypeRange(), Kernel.getSymName(), Source,
                           Target);
    Copy.erase();
  }
}

/// Gives each kernel the types of its call sites; a kernel that is called with
/// several lists of types is cloned.
void BufferizePass::specialize(ModuleOp Module, func::FuncOp Main) {
  SymbolTable Symbols(Module);
  llvm::DenseMap<std::pair<StringAttr, ArrayAttr>, StringAttr> Known;
  llvm::DenseSet<StringAttr> Used;
  Main.walk([&](kernel::CallOp Call) {
    SmallVector<Attribute> Types;
    for (Type T : Call.getOperandTypes())
      Types.push_back(TypeAttr::get(argumentType(T)));
    auto TypesAttr = ArrayAttr::get(&getContext(), Types);
    StringAttr Name = Call.getCalleeAttr().getAttr();
    StringAttr &Target = Known[{Name, TypesAttr}];
    if (!Target) {
      auto Kernel = Symbols.lookup<kernel::FuncOp>(Name);
      if (!Used.insert(Name).second) {
        Kernel = Kernel.clone();
        Symbols.insert(Kernel, Module.getBody()->end());
      }
      Kernel.setArgTypesAttr(TypesAttr);
      Target = Kernel.getSymNameAttr();
    }
    Call.setCalleeAttr(FlatSymbolRefAttr::get(Target));
  });
  for (auto Kernel :
       llvm::make_early_inc_range(Module.getOps<kernel::FuncOp>()))
    if (!Kernel.isEmitted() && !Kernel.getArgTypesAttr())
      Kernel.erase();
}

} // namespace

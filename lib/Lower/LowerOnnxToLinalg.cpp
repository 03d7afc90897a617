//===- LowerOnnxToLinalg.cpp - The pass lower-onnx-to-linalg --------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A dialect conversion over all families of patterns. It is partial on purpose:
// ops that no pattern takes stay, so that one run finds and names all of them.
// Whatever is left of the onnx dialect afterwards is an error.
//
//===----------------------------------------------------------------------===//

#include "lathe/Lower/MovementPatterns.h"
#include "lathe/Lower/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace lathe::lower {

#define GEN_PASS_DEF_LOWERONNXTOLINALG
#include "lathe/Lower/Passes.h.inc"

static bool isOnnx(Operation *Op) {
  return Op->getName().getDialectNamespace() == "onnx";
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// Element types that a tensor in memory can have, without their sign.
static Type storageElement(Type T) {
  if (auto Int = dyn_cast<IntegerType>(T))
    return IntegerType::get(T.getContext(), Int.getWidth());
  if (isa<FloatType, IndexType>(T))
    return T;
  return {};
}

StorageTypeConverter::StorageTypeConverter() {
  addConversion([](Type T) -> std::optional<Type> {
    // Types of the onnx dialect (sequences, strings ...) have no storage form.
    if (T.getDialect().getNamespace() == "onnx")
      return Type();
    return storageElement(T) ? storageElement(T) : T;
  });
  addConversion([](UnrankedTensorType T) -> std::optional<Type> {
    Type Elem = storageElement(T.getElementType());
    return Elem ? Type(UnrankedTensorType::get(Elem)) : Type();
  });
  addConversion([](RankedTensorType T) -> std::optional<Type> {
    Type Elem = storageElement(T.getElementType());
    return Elem ? Type(T.clone(Elem)) : Type();
  });
}

StringRef StorageTypeConverter::reasonFor(Operation *Op) const {
  auto It = Reasons.find(Op);
  return It == Reasons.end() ? StringRef() : StringRef(It->second);
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

void populateAllLoweringPatterns(const StorageTypeConverter &Types,
                                 RewritePatternSet &Patterns) {
  populateConstantLoweringPatterns(Types, Patterns);
  populateElementwiseLoweringPatterns(Types, Patterns);
  populateContractionLoweringPatterns(Types, Patterns);
  populateConvolutionLoweringPatterns(Types, Patterns);
  populatePoolingLoweringPatterns(Types, Patterns);
  populateCumulativeLoweringPatterns(Types, Patterns);
  populateReductionLoweringPatterns(Types, Patterns);
  populateQuantizeLoweringPatterns(Types, Patterns);
  populateNormalizationLoweringPatterns(Types, Patterns);
  populateSoftmaxLoweringPatterns(Types, Patterns);
  populateAttentionLoweringPatterns(Types, Patterns);
  populateRotaryLoweringPatterns(Types, Patterns);
  populateRecurrentLoweringPatterns(Types, Patterns);
  populateTrainingLoweringPatterns(Types, Patterns);
  populateMicrosoftLoweringPatterns(Types, Patterns);
  populateDeformConvLoweringPatterns(Types, Patterns);
  populateEinsumLoweringPatterns(Types, Patterns);
  populateMovementLoweringPatterns(Types, Patterns);
}

/// Signs are lost in the signature: keep what the model declared.
static void recordOnnxTypes(ModuleOp Module) {
  StringAttr Name = StringAttr::get(Module.getContext(), "onnx.type");
  Module.walk([&](func::FuncOp Func) {
    for (auto [I, T] : llvm::enumerate(Func.getArgumentTypes()))
      if (!Func.getArgAttr(I, Name))
        Func.setArgAttr(I, Name, TypeAttr::get(T));
    for (auto [I, T] : llvm::enumerate(Func.getResultTypes()))
      if (!Func.getResultAttr(I, Name))
        Func.setResultAttr(I, Name, TypeAttr::get(T));
  });
}

namespace {
/// A tensor op on ONNX's types becomes the same op on storage types.
struct RetypeTensorOp : ConversionPattern {
  RetypeTensorOp(const TypeConverter &Types, MLIRContext *Context)
      : ConversionPattern(Types, MatchAnyOpTypeTag(), /*benefit=*/1, Context) {}

  LogicalResult
  matchAndRewrite(Operation *Op, ArrayRef<Value> Operands,
                  ConversionPatternRewriter &Rewriter) const override {
    SmallVector<Type> Results;
    if (!isa_and_present<tensor::TensorDialect>(Op->getDialect()) ||
        Op->getNumRegions() ||
        failed(getTypeConverter()->convertTypes(Op->getResultTypes(), Results)))
      return failure();
    OperationState State(Op->getLoc(), Op->getName(), Operands, Results,
                         Op->getAttrs());
    Rewriter.replaceOp(Op, Rewriter.create(State));
    return success();
  }
};
} // namespace

/// Converts all that has a pattern. Fails only where the conversion itself
/// does.
static LogicalResult convert(ModuleOp Module,
                             const StorageTypeConverter &Types) {
  MLIRContext *Context = Module.getContext();
  ConversionTarget Target(*Context);
  Target.addLegalDialect<arith::ArithDialect, cf::ControlFlowDialect,
                         linalg::LinalgDialect, math::MathDialect>();
  // Control flow is lowered before, on ONNX's types.
  Target.addDynamicallyLegalDialect<tensor::TensorDialect>(
      [&](Operation *Op) { return Types.isLegal(Op); });
  Target.addLegalOp<ModuleOp>();
  // A signature with types that have no storage form stays; `remaining` reports
  // it.
  auto Converts = [&](TypeRange Range) {
    return llvm::all_of(Range,
                        [&](Type T) { return bool(Types.convertType(T)); });
  };
  Target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp Op) {
    FunctionType T = Op.getFunctionType();
    if (!Converts(T.getInputs()) || !Converts(T.getResults()))
      return true;
    return Types.isSignatureLegal(T) && Types.isLegal(&Op.getBody());
  });
  Target.addDynamicallyLegalOp<func::ReturnOp, func::CallOp>(
      [&](Operation *Op) {
        return !Converts(Op->getOperandTypes()) ||
               !Converts(Op->getResultTypes()) || Types.isLegal(Op);
      });

  RewritePatternSet Patterns(Context);
  populateAllLoweringPatterns(Types, Patterns);
  Patterns.add<RetypeTensorOp>(Types, Context);
  scf::populateSCFStructuralTypeConversionsAndLegality(Types, Patterns, Target);
  populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(Patterns,
                                                                 Types);
  populateReturnOpTypeConversionPattern(Patterns, Types);
  populateCallOpTypeConversionPattern(Patterns, Types);

  ConversionConfig Config;
  Config.foldingMode = DialectConversionFoldingMode::Never;
  // Where a refused op meets a lowered one a cast stays; the op is reported
  // anyway.
  Config.buildMaterializations = false;
  return applyPartialConversion(Module, Target, std::move(Patterns), Config);
}

static std::string nodeName(Location Loc) {
  if (auto Name = dyn_cast<NameLoc>(Loc))
    return Name.getName().str();
  if (auto Fused = dyn_cast<FusedLoc>(Loc))
    for (Location Part : Fused.getLocations())
      if (std::string Name = nodeName(Part); !Name.empty())
        return Name;
  return "";
}

/// The onnx ops left in \p Module, each with its reason. Ops inside a refused
/// op (the branches of an If) are named too.
static SmallVector<Unsupported> remaining(ModuleOp Module,
                                          const StorageTypeConverter &Types) {
  SmallVector<Unsupported> Found;
  Module.walk([&](func::FuncOp Func) {
    auto Check = [&](Type T, DictionaryAttr Attrs, StringRef What, unsigned I) {
      if (Types.convertType(T))
        return;
      auto Name = Attrs ? Attrs.getAs<StringAttr>("onnx.name") : StringAttr();
      std::string Text;
      llvm::raw_string_ostream(Text)
          << What << " '" << (Name ? Name.getValue() : Twine(I).str())
          << "': values of type " << T << " are not supported yet";
      Found.push_back({Func.getLoc(), std::move(Text)});
    };
    for (auto [I, T] : llvm::enumerate(Func.getArgumentTypes()))
      Check(T, Func.getArgAttrDict(I), "input", I);
    for (auto [I, T] : llvm::enumerate(Func.getResultTypes()))
      Check(T, Func.getResultAttrDict(I), "output", I);
  });
  Module.walk<WalkOrder::PreOrder>([&](Operation *Op) {
    if (!isOnnx(Op) || Op->hasTrait<OpTrait::IsTerminator>())
      return;
    StringRef OpName = Op->getName().getStringRef().drop_front(strlen("onnx."));
    StringRef Why = Types.reasonFor(Op);
    std::string Text = "node '" + nodeName(Op->getLoc()) + "' (" +
                       OpName.str() +
                       "): " + (Why.empty() ? "not supported yet" : Why.str());
    Found.push_back({Op->getLoc(), std::move(Text)});
  });
  return Found;
}

SmallVector<Unsupported> findUnsupported(ModuleOp Module) {
  OwningOpRef<ModuleOp> Copy = Module.clone();
  StorageTypeConverter Types;
  SmallVector<Unsupported> Found;
  bool Listen = true;
  ScopedDiagnosticHandler Handler(Module.getContext(), [&](Diagnostic &D) {
    if (Listen && D.getSeverity() == DiagnosticSeverity::Error)
      Found.push_back({D.getLocation(), D.str()});
    return success();
  });
  // What the preparation refuses it names itself, and goes no further.
  PassManager Preparation(Module.getContext());
  buildLowerPreparation(Preparation);
  if (failed(Preparation.run(*Copy)) && !Found.empty())
    return Found;
  Listen = false;
  bool Converted = succeeded(convert(*Copy, Types));
  Found = remaining(*Copy, Types);
  if (!Converted && Found.empty())
    return {{Module.getLoc(), "the lowering of the model failed"}};
  return Found;
}

namespace {
struct LowerOnnxToLinalgPass
    : impl::LowerOnnxToLinalgBase<LowerOnnxToLinalgPass> {
  using LowerOnnxToLinalgBase::LowerOnnxToLinalgBase;

  void runOnOperation() override {
    StorageTypeConverter Types;
    Types.SignedRows = signedRows;
    Types.ByteWords = byteWords;
    recordOnnxTypes(getOperation());
    bool Converted = succeeded(convert(getOperation(), Types));
    SmallVector<Unsupported> Left = remaining(getOperation(), Types);
    for (const Unsupported &U : Left)
      emitError(U.Loc, U.Message);
    if (!Converted || !Left.empty())
      signalPassFailure();
  }
};
} // namespace

} // namespace lathe::lower

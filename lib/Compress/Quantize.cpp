//===- Quantize.cpp - The pass compress-quantize --------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   1. Which values are stored in bytes: inputs of the layers, and of poolings.
//   2. Their least and greatest elements over all samples, from the float
//   model,
//      compiled with two more results for each.
//   3. QuantizeLinear and DequantizeLinear behind each of them, and weights in
//      bytes with one scale for each output. What follows makes integers of it
//      (compress-move-quantize, compress-integer-layers).
//
//===----------------------------------------------------------------------===//

#include "Quantized.h"
#include "Weights.h"
#include "lathe/Compress/Passes.h"
#include "lathe/Compress/Samples.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/OnnxBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"

namespace lathe::compress {
#define GEN_PASS_DEF_QUANTIZE
#include "lathe/Compress/Passes.h.inc"
} // namespace lathe::compress

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

namespace {
struct QuantizePass : compress::impl::QuantizeBase<QuantizePass> {
  using QuantizeBase::QuantizeBase;
  QuantizePass(QuantizeOptions Options, onnx::Evaluator *Evaluator,
               SampleSource *Samples)
      : QuantizeBase(std::move(Options)), Evaluator(Evaluator),
        Samples(Samples) {}

  onnx::Evaluator *Evaluator = nullptr;
  SampleSource *Samples = nullptr;

  void runOnOperation() override {
    ModuleOp Module = getOperation();
    if (failed(checkNames(Module, skip)))
      return signalPassFailure();
    if (!Evaluator || !Samples) {
      Module.emitError("--quantize=int8 needs samples to calibrate with: give "
                       "a folder of them with --calibrate");
      return signalPassFailure();
    }
    auto Main = Module.lookupSymbol<func::FuncOp>("main");
    ByteUnit Unit{lanes, packed, computed};
    SmallVector<Weights> Layers;
    int64_t Products = 0, Candidates = 0;
    llvm::SetVector<Value> Stored;
    for (Operation &Op : Main.getBody().front()) {
      std::optional<Weights> W = weightsOf(&Op);
      bool Layer = W && isa<onnx::ConvOp, onnx::GemmOp, onnx::MatMulOp>(Op) &&
                   W->View.getElementType().isF32() &&
                   (isa<onnx::ConvOp>(Op) || W->View.getShape().size() == 2);
      bool Product = !Layer && isComputedProduct(&Op);
      Candidates += Layer && !isNamed(&Op, skip);
      if ((Layer || Product) &&
          (isNamed(&Op, skip) || floatsPayFor(&Op, Unit) != FloatsPay::No))
        continue;
      if (Layer) {
        Layers.push_back(*W);
        Stored.insert(Op.getOperand(0));
      } else if (Product) {
        Stored.insert(Op.getOperand(0));
        Stored.insert(Op.getOperand(1));
        ++Products;
      } else if (isa<onnx::AveragePoolOp, onnx::GlobalAveragePoolOp,
                     onnx::ReduceMeanOp>(Op) &&
                 getElementTypeOrSelf(Op.getOperand(0)).isF32() &&
                 Op.getOperand(0).getDefiningOp()) {
        Stored.insert(Op.getOperand(0));
      }
    }
    if (Candidates == 0) {
      Module.emitError("--quantize=int8: the model has no Conv, Gemm or MatMul "
                       "with constant float weights");
      return signalPassFailure();
    }
    auto Ranges = calibrate(Module, Main, Stored.getArrayRef());
    if (failed(Ranges))
      return signalPassFailure();
    for (auto [V, Range] : llvm::zip_equal(Stored, *Ranges))
      store(V, coverRange(Range.first, Range.second));
    onnx::ResourceUses Uses(Module);
    for (const Weights &W : Layers) {
      quantizeWeights(W, Uses);
      quantizeBias(W);
    }
    layers += Layers.size() + Products;
  }

  /// A constant bias in steps of the layer's sums, so that it is added to them.
  static void quantizeBias(const Weights &W) {
    Operation *Op = W.Op;
    Value Bias = Op->getNumOperands() > 2 ? Op->getOperand(2) : Value();
    auto View = onnx::ConstantView::get(Bias);
    auto D = dequantizes(Op->getOperand(0));
    auto Filter = quantizedWeights(Op->getOperand(W.Operand), W.Out);
    auto Beta = Op->getAttrOfType<FloatAttr>("beta"),
         Alpha = Op->getAttrOfType<FloatAttr>("alpha");
    if (!View || View->isElided() || !View->getElementType().isF32() || !D ||
        !Filter || View->getShape() != ArrayRef<int64_t>{W.outputs()} ||
        (Beta && Beta.getValueAsDouble() != 1) ||
        (Alpha && Alpha.getValueAsDouble() != 1))
      return;
    float RowScale = parametersOf(D)->Scale;
    SmallVector<float> Steps;
    SmallVector<int32_t> Integers;
    for (int64_t I = 0; I < View->size(); ++I) {
      Steps.push_back(RowScale *
                      Filter->Scales[Filter->Scales.size() == 1 ? 0 : I]);
      double Count = std::nearbyint(View->getFloat(I) / double(Steps.back()));
      // Sums need room beside it.
      if (!(std::fabs(Count) < 0x1p30))
        return;
      Integers.push_back(int32_t(Count));
    }
    onnx::OnnxBuilder B(Op);
    B.setLoc(Bias.getLoc());
    auto Type = cast<RankedTensorType>(View->getType());
    auto Constant = [&](DenseElementsAttr Attr) {
      return onnx::ConstantOp::create(B, Attr);
    };
    Value Real =
        B.op("DequantizeLinear",
             {Constant(DenseElementsAttr::get(
                  cast<ShapedType>(Type.clone(B.getI32Type())),
                  ArrayRef<int32_t>(Integers))),
              Constant(DenseElementsAttr::get(Type, ArrayRef<float>(Steps)))},
             B.attr("axis", int64_t(0)), B.getF32Type());
    Real.setType(Type);
    Op->setOperand(2, Real);
  }

  /// The least and greatest element of each of \p Values over all samples.
  FailureOr<SmallVector<std::pair<float, float>>>
  calibrate(ModuleOp Module, func::FuncOp Main, ArrayRef<Value> Values) {
    auto Fail = [&](llvm::Error E) -> LogicalResult {
      return Module.emitError() << llvm::toString(std::move(E));
    };
    llvm::Expected<size_t> Count = Samples->count();
    if (!Count)
      return Fail(Count.takeError());
    // A copy of the model whose results are the extremes.
    IRMapping Map;
    OwningOpRef<ModuleOp> Copy = cast<ModuleOp>(Module->clone(Map));
    auto CopyMain = Copy->lookupSymbol<func::FuncOp>("main");
    Operation *Return = CopyMain.getBody().front().getTerminator();
    onnx::OnnxBuilder B(Return);
    SmallVector<Value> Results;
    SmallVector<Type> Types;
    for (Value V : Values)
      for (StringRef Name : {"ReduceMin", "ReduceMax"}) {
        Value R = B.reduceAll(Name, Map.lookup(V));
        R.setType(RankedTensorType::get({}, B.getF32Type()));
        Results.push_back(R);
        Types.push_back(R.getType());
      }
    Return->setOperands(Results);
    CopyMain.setFunctionType(
        B.getFunctionType(CopyMain.getArgumentTypes(), Types));
    CopyMain.removeResAttrsAttr();
    onnx::EvaluationOptions Options;
    Options.StrictFloats = false;
    auto Run = Evaluator->compile(*Copy, Options);
    if (!Run)
      return Module.emitError("--quantize=int8: the float model does not "
                              "compile: ")
             << llvm::toString(Run.takeError());

    SmallVector<Type> Wanted;
    for (Type T : Main.getArgumentTypes())
      Wanted.push_back(getElementTypeOrSelf(T));
    SmallVector<std::pair<float, float>> Ranges(Values.size(),
                                                {INFINITY, -INFINITY});
    for (size_t S = 0; S < *Count; ++S) {
      auto Inputs = Samples->read(S, Wanted);
      if (!Inputs)
        return Fail(Inputs.takeError());
      if (failed(check(Module, Main, *Inputs, S)))
        return failure();
      SmallVector<onnx::TensorView> Views(Inputs->begin(), Inputs->end());
      auto Found = (*Run)->run(Views);
      if (!Found)
        return Module.emitError()
               << Samples->name(S) << ": the float model "
               << "does not run on it: " << llvm::toString(Found.takeError());
      for (size_t I = 0; I < Values.size(); ++I) {
        float Low, High;
        std::memcpy(&Low, (*Found)[2 * I].Bytes.data(), 4);
        std::memcpy(&High, (*Found)[2 * I + 1].Bytes.data(), 4);
        if (!std::isfinite(Low) || !std::isfinite(High)) {
          InFlightDiagnostic D = Module.emitError();
          D << Samples->name(S) << ": ";
          if (Operation *Op = Values[I].getDefiningOp())
            D << "node '" << onnx::getNodeName(Op->getLoc())
              << "' gives NaN or infinity";
          else
            D << "an input holds NaN or infinity";
          return D << ", which has no range; leave the sample out";
        }
        Ranges[I].first = std::min(Ranges[I].first, Low);
        Ranges[I].second = std::max(Ranges[I].second, High);
      }
    }
    return Ranges;
  }

  /// A sample fits the inputs of the model and holds numbers.
  LogicalResult check(ModuleOp Module, func::FuncOp Main,
                      ArrayRef<onnx::EvaluatedTensor> Inputs, size_t S) {
    for (size_t I = 0; I < Inputs.size(); ++I) {
      const onnx::EvaluatedTensor &T = Inputs[I];
      auto Type = dyn_cast<RankedTensorType>(Main.getArgumentTypes()[I]);
      StringRef Name;
      if (auto A = Main.getArgAttrOfType<StringAttr>(I, "onnx.name"))
        Name = A.getValue();
      auto Error = [&]() -> InFlightDiagnostic {
        return Module.emitError()
               << Samples->name(S) << ": input " << I << " '" << Name << "' ";
      };
      bool Fits = Type && Type.getElementType() == T.Type.getElementType() &&
                  Type.getRank() == T.Type.getRank();
      for (int64_t D = 0; Fits && D < Type.getRank(); ++D)
        Fits =
            Type.isDynamicDim(D) || Type.getDimSize(D) == T.Type.getDimSize(D);
      if (!Fits)
        return Error() << "is " << T.Type << ", the model takes "
                       << Main.getArgumentTypes()[I];
      if (!T.Type.getElementType().isF32())
        continue;
      for (size_t At = 0; At + 4 <= T.Bytes.size(); At += 4) {
        float F;
        std::memcpy(&F, T.Bytes.data() + At, 4);
        if (!std::isfinite(F))
          return Error() << "holds NaN or infinity (element " << At / 4
                         << "), which has no range; leave the sample out";
      }
    }
    return success();
  }

  /// \p V is stored in bytes: all its users but the model's results read it
  /// from there.
  static void store(Value V, ByteRange R) {
    OpBuilder At(V.getContext());
    At.setInsertionPointAfterValue(V);
    Operation *Any = *V.user_begin();
    onnx::OnnxBuilder B(Any);
    B.restoreInsertionPoint(At.saveInsertionPoint());
    B.setLoc(V.getDefiningOp() ? V.getLoc() : Any->getLoc());
    Type Byte = IntegerType::get(V.getContext(), 8, IntegerType::Unsigned);
    Value Scale = B.number(R.Scale, B.getF32Type());
    Value Zero = onnx::ConstantOp::create(
        B, onnx::makeInts(RankedTensorType::get({}, Byte), int64_t(R.Zero)));
    SmallVector<OpOperand *> Uses;
    for (OpOperand &Use : V.getUses())
      if (!Use.getOwner()->hasTrait<OpTrait::IsTerminator>())
        Uses.push_back(&Use);
    auto Shape = cast<ShapedType>(V.getType());
    Value Q = B.op("QuantizeLinear", {V, Scale, Zero}, {}, Byte);
    Q.setType(Shape.clone(Byte));
    Value D = B.op("DequantizeLinear", {Q, Scale, Zero}, {}, B.getF32Type());
    D.setType(V.getType());
    for (OpOperand *Use : Uses)
      Use->set(D);
  }
};
} // namespace

std::unique_ptr<Pass> compress::createQuantize(QuantizeOptions Options,
                                               onnx::Evaluator *Evaluator,
                                               SampleSource *Samples) {
  return std::make_unique<QuantizePass>(std::move(Options), Evaluator, Samples);
}

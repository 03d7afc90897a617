//===- ExpandFunctions.cpp - The pass lower-expand-functions --------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Composite ops that no pattern lowers become simpler onnx ops: by one entry of
// a table per op where a better form than ONNX's own is known, else by the
// function body that the onnx package has for them. Shapes of the new ops are
// left to onnx-infer-shapes, which must run next. An op without either stays,
// and the lowering names it.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "Expansions.h"
#include "lathe/Import/Import.h"
#include "lathe/Lower/Passes.h"
#include "lathe/Lower/Patterns.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace lathe::lower {

#define GEN_PASS_DEF_LOWEREXPANDFUNCTIONS
#include "lathe/Lower/Passes.h.inc"

using Results = std::optional<SmallVector<Value>>;

static RankedTensorType ranked(Value V) {
  return dyn_cast<RankedTensorType>(V.getType());
}

/// (x - mean) / (deviation + 1e-9), over the given axes.
static Results expandMeanVariance(Operation *Any, OnnxBuilder &B,
                                  std::string &) {
  auto Op = cast<onnx::MeanVarianceNormalizationOp>(Any);
  Value X = Op.getX();
  Type T = OnnxBuilder::elementOf(X);
  ArrayRef<int64_t> Axes = Op.getAxes();
  Value Centred = B.sub(X, B.reduce("ReduceMean", X, Axes, true));
  Value Variance = B.reduce("ReduceMean", B.mul(Centred, Centred), Axes, true);
  Value Deviation = B.op("Sqrt", {Variance});
  return SmallVector<Value>{
      B.div(Centred, B.add(Deviation, B.number(1e-9, T)))};
}

/// Minus the input at the target class, weighted; Input is [n, c, ...].
static Value negativeLogLikelihood(OnnxBuilder &B, Value Input, Value Target,
                                   Value Weight, std::optional<int64_t> Ignore,
                                   StringRef Reduction) {
  Type T = OnnxBuilder::elementOf(Input),
       Index = OnnxBuilder::elementOf(Target);
  Value Kept, At = Target;
  if (Ignore) {
    Kept =
        B.op("Not", {B.compare("Equal", Target,
                               B.number(static_cast<double>(*Ignore), Index))});
    At = B.where(Kept, Target, B.number(0, Index));
  }
  Value Picked = B.op("GatherElements", {Input, B.unsqueeze(At, {1})},
                      B.attr("axis", int64_t(1)));
  Value Loss = B.op("Neg", {B.squeeze(Picked, {1})});
  Value Zero = B.number(0, T), Factor;
  if (Weight)
    Factor = B.op("Gather", {Weight, At});
  if (Kept)
    Factor = B.where(Kept, Factor ? Factor : B.number(1, T), Zero);
  if (Factor)
    Loss = B.mul(Loss, Factor);
  // What is ignored adds nothing, not even an infinity times zero.
  if (Kept)
    Loss = B.where(Kept, Loss, Zero);
  if (Reduction == "none")
    return Loss;
  if (Reduction == "sum")
    return B.reduceAll("ReduceSum", Loss);
  if (!Factor)
    return B.reduceAll("ReduceMean", Loss);
  return B.div(B.reduceAll("ReduceSum", Loss),
               B.reduceAll("ReduceSum", Factor));
}

static Results expandNLLLoss(Operation *Any, OnnxBuilder &B, std::string &) {
  auto Op = cast<onnx::NegativeLogLikelihoodLossOp>(Any);
  return SmallVector<Value>{
      negativeLogLikelihood(B, Op.getInput(), Op.getTarget(), Op.getWeight(),
                            Op.getIgnoreIndex(), Op.getReduction())};
}

static Results expandSoftmaxLoss(Operation *Any, OnnxBuilder &B,
                                 std::string &) {
  auto Op = cast<onnx::SoftmaxCrossEntropyLossOp>(Any);
  Value LogProb =
      B.op("LogSoftmax", {Op.getScores()}, B.attr("axis", int64_t(1)));
  return SmallVector<Value>{
      negativeLogLikelihood(B, LogProb, Op.getLabels(), Op.getWeights(),
                            Op.getIgnoreIndex(), Op.getReduction()),
      LogProb};
}

/// A depthwise convolution over time that continues from a state.
static Results expandCausalConv(Operation *Any, OnnxBuilder &B,
                                std::string &Why) {
  auto Op = cast<onnx::CausalConvWithStateOp>(Any);
  Value X = Op.getInput(), W = Op.getWeight(), State = Op.getPastState();
  RankedTensorType XT = ranked(X), WT = ranked(W);
  if (!XT || !WT || XT.isDynamicDim(1) || WT.isDynamicDim(2)) {
    Why = "the number of channels and the length of the filter must be known";
    return std::nullopt;
  }
  int64_t Taps = WT.getDimSize(2);
  Type T = XT.getElementType();
  Value Padded = State ? B.concat({State, X}, 2)
                       : B.op("Pad", {X, B.ints({Taps - 1, 0}), B.number(0, T),
                                      B.ints({2})});
  Value Y = B.op("Conv", {Padded, W, Op.getBias()},
                 B.attr("group", XT.getDimSize(1)));
  if (Op.getActivation() != "none")
    Y = B.mul(Y, B.op("Sigmoid", {Y}));
  Value End = B.ints({std::numeric_limits<int64_t>::max()});
  Value First = B.sub(B.size(Padded, 2), B.ints({Taps - 1}));
  return SmallVector<Value>{Y, B.slice(Padded, First, End, 2)};
}

namespace {

struct Entry {
  StringLiteral Op;
  Expansion Expand;
};

constexpr Entry Table[] = {
    {"onnx.Attention", expandAttention},
    {"onnx.CausalConvWithState", expandCausalConv},
    {"onnx.MeanVarianceNormalization", expandMeanVariance},
    {"onnx.NegativeLogLikelihoodLoss", expandNLLLoss},
    {"onnx.RotaryEmbedding", expandRotary},
    {"onnx.SoftmaxCrossEntropyLoss", expandSoftmaxLoss},
    {"onnx.ml.FeatureVectorizer", expandFeatureVectorizer},
    {"onnx.ml.LinearClassifier", expandLinearClassifier},
    {"onnx.ml.LinearRegressor", expandLinearRegressor},
    {"onnx.ml.OneHotEncoder", expandOneHotEncoder},
    {"onnx.ml.SVMClassifier", expandSVMClassifier},
    {"onnx.ml.SVMRegressor", expandSVMRegressor},
    {"onnx.preview.FlexAttention", expandFlexAttention},
};

/// The names of the ops that have a pattern.
llvm::DenseSet<OperationName> loweredOps(MLIRContext *Context) {
  StorageTypeConverter Types;
  RewritePatternSet Patterns(Context);
  populateAllLoweringPatterns(Types, Patterns);
  llvm::DenseSet<OperationName> Names;
  for (const auto &Pattern : Patterns.getNativePatterns())
    if (std::optional<OperationName> Root = Pattern->getRootKind())
      Names.insert(*Root);
  return Names;
}

/// The function body of the op's schema, in front of the op.
Results expandBySchema(Operation *Op, OnnxBuilder &B, std::string &Why) {
  OwningOpRef<ModuleOp> Module = import::importSchemaFunction(Op);
  auto Main =
      Module ? Module->lookupSymbol<func::FuncOp>("main") : func::FuncOp();
  if (!Main || Main.getNumArguments() != Op->getNumOperands()) {
    Why = "its function body does not fit this node";
    return std::nullopt;
  }
  IRMapping Map;
  Map.map(Main.getArguments(), Op->getOperands());
  Block &Body = Main.getBody().front();
  for (Operation &Inner : Body.without_terminator())
    B.clone(Inner, Map);
  SmallVector<Value> Values;
  for (Value V : Body.getTerminator()->getOperands())
    Values.push_back(Map.lookupOrDefault(V));
  return Values;
}

struct LowerExpandFunctionsPass
    : impl::LowerExpandFunctionsBase<LowerExpandFunctionsPass> {
  void runOnOperation() override {
    llvm::DenseSet<OperationName> Lowered = loweredOps(&getContext());
    // A body may hold composite ops itself.
    constexpr unsigned MaxDepth = 16;
    for (unsigned Depth = 0; Depth < MaxDepth; ++Depth) {
      SmallVector<std::pair<Operation *, Expansion>> Work;
      getOperation()->walk([&](Operation *Op) {
        for (const Entry &E : Table)
          if (Op->getName().getStringRef() == E.Op) {
            if (!(isa<onnx::AttentionOp>(Op) && lowersAttention(Op)) &&
                !(isa<onnx::RotaryEmbeddingOp>(Op) && lowersRotary(Op)))
              Work.emplace_back(Op, E.Expand);
            return;
          }
        if (isa_and_nonnull<onnx::ONNXDialect>(Op->getDialect()) &&
            !Lowered.contains(Op->getName()) && import::hasSchemaFunction(Op))
          Work.emplace_back(Op, expandBySchema);
      });
      if (Work.empty())
        return;
      bool Failed = false;
      for (auto [Op, Expand] : Work)
        Failed |= failed(expand(Op, Expand));
      if (Failed)
        return signalPassFailure();
    }
  }

  static LogicalResult expand(Operation *Op, Expansion Expand) {
    OnnxBuilder B(Op);
    std::string Why;
    Results New = Expand(Op, B, Why);
    if (!New)
      return onnx::emitNodeError(Op) << Why;
    onnx::replaceResults(Op, *New);
    Op->erase();
    return success();
  }
};

} // namespace
} // namespace lathe::lower

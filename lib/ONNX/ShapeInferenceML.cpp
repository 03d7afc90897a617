//===- ShapeInferenceML.cpp - Shapes of ai.onnx.ml, training and com.microsoft -
//===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inference.h"

using namespace mlir;
using namespace lathe::onnx;

static LogicalResult likeFirst(Inference &I, Type Element) {
  return I.setLike(0, Element, 0);
}

static LogicalResult inferToFloat(Inference &I) {
  return likeFirst(I, I.builder().getF32Type());
}

/// Rows of the input: a vector is one row.
static SymExpr rows(Inference &I) {
  const Dims *X = I.dims(0);
  if (!X)
    return I.unknown();
  return X->size() < 2 ? SymExpr(1) : X->front();
}

static Type stringType(Inference &I) {
  return StringType::get(I.getOp()->getContext());
}

static size_t listSize(Inference &I, StringRef Name) {
  if (auto Strings = I.getOp()->getAttrOfType<ArrayAttr>(Name))
    return Strings.size();
  if (auto Ints = I.findInts(Name))
    return Ints->size();
  if (auto Floats = I.getOp()->getAttrOfType<DenseF32ArrayAttr>(Name))
    return Floats.size();
  return 0;
}

static LogicalResult inferArrayFeatureExtractor(Inference &I) {
  const Dims *X = I.dims(0), *Y = I.dims(1);
  if (!X || X->empty())
    return I.setUnranked(0, I.elementType(0));
  SymExpr Count = Y ? I.product(*Y) : I.unknown();
  if (X->size() == 1)
    return I.set(0, I.elementType(0), {1, Count});
  Dims Shape = *X;
  Shape.back() = Count;
  return I.set(0, I.elementType(0), Shape);
}

static LogicalResult inferCastMap(Inference &I) {
  StringRef To = I.getString("cast_to");
  Type Element = To == "TO_STRING"  ? stringType(I)
                 : To == "TO_INT64" ? Type(I.builder().getI64Type())
                                    : Type(I.builder().getF32Type());
  bool Sparse = I.getString("map_form") == "SPARSE";
  return I.set(0, Element,
               {1, Sparse ? SymExpr(I.getInt("max_map")) : I.unknown()});
}

/// Strings become integers and the other way round.
static LogicalResult inferCategoryMapper(Inference &I) {
  bool FromString = isa_and_nonnull<StringType>(I.elementType(0));
  return likeFirst(I,
                   FromString ? Type(I.builder().getI64Type()) : stringType(I));
}

static LogicalResult inferDictVectorizer(Inference &I) {
  size_t Count = std::max(listSize(I, "int64_vocabulary"),
                          listSize(I, "string_vocabulary"));
  auto Map = dyn_cast<MapType>(I.info(I.operand(0)).Type);
  Type Element = Map ? Map.getValueType() : Type();
  if (auto Tensor = dyn_cast_or_null<TensorType>(Element))
    Element = Tensor.getElementType();
  return Element ? I.set(0, Element, {1, int64_t(Count)}) : success();
}

static LogicalResult inferFeatureVectorizer(Inference &I) {
  SymExpr Width = 0;
  auto Sizes = I.findInts("inputdimensions");
  for (auto [Index, V] : llvm::enumerate(I.operandsFrom(0))) {
    const Dims *Shape = I.dims(V);
    if (Sizes && Index < Sizes->size())
      Width = I.add(Width, (*Sizes)[Index]);
    else
      Width =
          Shape && !Shape->empty() ? I.add(Width, Shape->back()) : I.unknown();
  }
  return I.set(0, I.builder().getF32Type(), {rows(I), Width});
}

static LogicalResult inferLabelEncoder(Inference &I) {
  Type Element;
  if (auto Values = I.getOp()->getAttrOfType<ElementsAttr>("values_tensor"))
    Element = Values.getElementType();
  else if (I.hasAttr("values_strings"))
    Element = stringType(I);
  else if (I.hasAttr("values_int64s"))
    Element = I.builder().getI64Type();
  else if (I.hasAttr("values_floats"))
    Element = I.builder().getF32Type();
  else
    return I.error() << "needs values_tensor, values_strings, values_int64s or "
                        "values_floats";
  return likeFirst(I, Element);
}

/// Label and scores a row.
static LogicalResult classifier(Inference &I, size_t Scores) {
  bool Strings = listSize(I, "classlabels_strings") != 0;
  Type Label = Strings ? stringType(I) : Type(I.builder().getI64Type());
  SymExpr N = rows(I), Width = Scores ? SymExpr(int64_t(Scores)) : I.unknown();
  return failure(failed(I.set(0, Label, {N})) ||
                 failed(I.set(1, I.builder().getF32Type(), {N, Width})));
}

static size_t countLabels(Inference &I) {
  return std::max({listSize(I, "classlabels_strings"),
                   listSize(I, "classlabels_ints"),
                   listSize(I, "classlabels_int64s")});
}

static LogicalResult inferLinearClassifier(Inference &I) {
  // Two labels and one row of coefficients: the second score is what the first
  // lacks.
  return classifier(I, countLabels(I));
}

static LogicalResult inferTreeClassifier(Inference &I) {
  return classifier(I, countLabels(I));
}

static LogicalResult inferSVMClassifier(Inference &I) {
  size_t Classes = countLabels(I);
  // Without probabilities there is a score for each pair of classes, if vectors
  // support them.
  bool Pairs = listSize(I, "prob_a") == 0 &&
               listSize(I, "vectors_per_class") != 0 && Classes > 2;
  return classifier(I, Pairs ? Classes * (Classes - 1) / 2 : Classes);
}

static LogicalResult inferRegressor(Inference &I) {
  int64_t Targets =
      I.findInt("targets").value_or(I.findInt("n_targets").value_or(1));
  return I.set(0, I.builder().getF32Type(), {rows(I), Targets});
}

static LogicalResult inferTreeEnsemble(Inference &I) {
  return I.set(0, I.elementType(0),
               {rows(I), I.findInt("n_targets").value_or(1)});
}

static LogicalResult inferOneHotEncoder(Inference &I) {
  const Dims *X = I.dims(0);
  Type F32 = I.builder().getF32Type();
  if (!X)
    return I.setUnranked(0, F32);
  Dims Shape = *X;
  Shape.push_back(int64_t(
      std::max(listSize(I, "cats_int64s"), listSize(I, "cats_strings"))));
  return I.set(0, F32, Shape);
}

static LogicalResult inferZipMap(Inference &I) {
  bool Strings = listSize(I, "classlabels_strings") != 0;
  Type Key = Strings ? stringType(I) : Type(I.builder().getI64Type());
  return I.setType(0, SeqType::get(MapType::get(I.getOp()->getContext(), Key,
                                                I.builder().getF32Type())));
}

//===----------------------------------------------------------------------===//
// Training
//===----------------------------------------------------------------------===//

/// Optimizers: R, T, then tensors X, gradients, states; results are X and
/// states anew.
static LogicalResult inferOptimizer(Inference &I, unsigned PerTensor) {
  auto Operands = I.operandsFrom(2);
  unsigned Results = I.getOp()->getNumResults();
  unsigned Kept = PerTensor - 1; // all but the gradients come back
  if (Operands.size() % PerTensor ||
      Results != Operands.size() / PerTensor * Kept)
    return I.error() << Operands.size() << " inputs do not fit " << Results
                     << " outputs";
  unsigned Tensors = Operands.size() / PerTensor;
  for (unsigned R = 0; R < Results; ++R) {
    unsigned From = R < Tensors ? R : R + Tensors;
    if (failed(I.setInfo(
            R,
            {I.info(Operands[From]).Type, I.info(Operands[From]).Shape, {}})))
      return failure();
  }
  return success();
}

/// A derivative has the type of what it is taken by: the first operands, in
/// order.
static LogicalResult inferGradient(Inference &I) {
  auto Operands = I.operandsFrom(0);
  unsigned Results = I.getOp()->getNumResults();
  if (Results > Operands.size())
    return I.error() << Operands.size() << " inputs do not fit " << Results
                     << " outputs";
  for (unsigned R = 0; R < Results; ++R)
    if (failed(I.setInfo(
            R, {I.info(Operands[R]).Type, I.info(Operands[R]).Shape, {}})))
      return failure();
  return success();
}

static LogicalResult inferWithOneState(Inference &I) {
  return inferOptimizer(I, 3);
}
static LogicalResult inferWithTwoStates(Inference &I) {
  return inferOptimizer(I, 4);
}

//===----------------------------------------------------------------------===//
// com.microsoft
//===----------------------------------------------------------------------===//

static LogicalResult broadcastTwo(Inference &I, unsigned A, unsigned B) {
  const Dims *X = I.dims(A), *Y = I.dims(B);
  if (!X || !Y)
    return I.setUnranked(0, I.elementType(A));
  Dims Shape = *X;
  return failed(I.broadcast(Shape, *Y)) ? failure()
                                        : I.set(0, I.elementType(A), Shape);
}

static LogicalResult inferQLinearBinary(Inference &I) {
  return broadcastTwo(I, 0, 3);
}

static LogicalResult inferMSAttention(Inference &I) {
  const Dims *X = I.dims(0), *Bias = I.has(2) ? I.dims(2) : nullptr;
  bool Quantized = getOpName(I.getOp()) == "QAttention";
  Type Element = Quantized ? I.elementType(3) : I.elementType(0);
  if (!X || X->size() != 3)
    return failure(failed(I.setUnranked(0, Element)) ||
                   failed(I.setUnranked(1, Element)));
  int64_t Heads = I.getInt("num_heads");
  if (Heads < 1)
    return I.error() << "num_heads must be positive";
  SymExpr Hidden = I.unknown();
  if (auto Sizes = I.findInts("qkv_hidden_sizes"); Sizes && Sizes->size() == 3)
    Hidden = (*Sizes)[2];
  else if (Bias && Bias->size() == 1)
    Hidden = I.floorDiv((*Bias)[0], 3);
  const Dims *Past =
      I.has(Quantized ? 8 : 4) ? I.dims(Quantized ? 8 : 4) : nullptr;
  SymExpr Total = (*X)[1];
  if (I.has(Quantized ? 8 : 4))
    Total = Past && Past->size() == 5 ? I.add((*Past)[3], Total) : I.unknown();
  return failure(
      failed(I.set(0, Element, {(*X)[0], (*X)[1], Hidden})) ||
      failed(I.set(1, Element,
                   {2, (*X)[0], Heads, Total, I.floorDiv(Hidden, Heads)})));
}

static LogicalResult inferEmbedLayerNormalization(Inference &I) {
  const Dims *Ids = I.dims(0), *Words = I.dims(2);
  Type Element = I.elementType(2), Index = I.builder().getI32Type();
  if (failed(I.checkRank(0, 2)) || failed(I.checkRank(2, 2)))
    return failure();
  SymExpr Batch = Ids ? (*Ids)[0] : I.unknown();
  Dims Shape = {Batch, Ids ? (*Ids)[1] : I.unknown(),
                Words ? (*Words)[1] : I.unknown()};
  return failure(failed(I.set(0, Element, Shape)) ||
                 failed(I.set(1, Index, {Batch})) ||
                 failed(I.set(2, Element, Shape)));
}

/// Query [batch, length, hidden]; the caches grow by the length.
static LogicalResult inferMultiHeadAttention(Inference &I) {
  const Dims *Q = I.dims(0), *V = I.has(2) ? I.dims(2) : nullptr;
  Type Element = I.elementType(0);
  bool Grouped = getOpName(I.getOp()) == "GroupQueryAttention";
  unsigned Results = I.getOp()->getNumResults();
  if (!Q || Q->size() != 3 || (!I.has(2) && !Grouped)) {
    for (unsigned R = 0; R < Results; ++R)
      if (failed(I.setUnranked(R, Element)))
        return failure();
    return success();
  }
  int64_t Heads = I.getInt("num_heads"),
          KVHeads = Grouped ? I.getInt("kv_num_heads") : Heads;
  if (Heads < 1 || KVHeads < 1)
    return I.error() << "the numbers of heads must be positive";
  Dims Y = *Q;
  SymExpr HeadSize = I.floorDiv(Q->back(), Heads), ValueSize = HeadSize;
  if (Grouped && !I.has(2)) { // queries, keys and values packed into one
    HeadSize = ValueSize = I.floorDiv(Q->back(), Heads + 2 * KVHeads);
    Y.back() = I.mul(HeadSize, Heads);
  } else if (!Grouped && V && V->size() == 3) {
    Y.back() = V->back();
    ValueSize = I.floorDiv(V->back(), Heads);
  } else if (!Grouped && V && V->size() == 4) {
    Y.back() = I.mul((*V)[1], (*V)[3]);
    ValueSize = (*V)[3];
  }
  unsigned PastIndex = Grouped ? 3 : 6;
  const Dims *Past = I.has(PastIndex) ? I.dims(PastIndex) : nullptr;
  SymExpr Total = I.unknown();
  if (!Grouped && !I.has(PastIndex) && V && V->size() >= 3)
    Total = (*V)[V->size() - 2];
  else if (!Grouped && Past && Past->size() == 4 && V && V->size() == 3)
    Total = I.add((*Past)[2], (*V)[1]);
  return failure(
      failed(I.set(0, Element, Y)) ||
      failed(I.set(1, Element, {(*Q)[0], KVHeads, Total, HeadSize})) ||
      failed(I.set(2, Element, {(*Q)[0], KVHeads, Total, ValueSize})) ||
      failed(I.set(3, Element, {(*Q)[0], Heads, (*Q)[1], I.unknown()})));
}

ArrayRef<InferRow> lathe::onnx::getMLRows() {
  static constexpr InferRow Rows[] = {
      {"ml.ArrayFeatureExtractor", inferArrayFeatureExtractor},
      {"ml.CastMap", inferCastMap},
      {"ml.CategoryMapper", inferCategoryMapper},
      {"ml.DictVectorizer", inferDictVectorizer},
      {"ml.FeatureVectorizer", inferFeatureVectorizer},
      {"ml.LabelEncoder", inferLabelEncoder},
      {"ml.LinearClassifier", inferLinearClassifier},
      {"ml.LinearRegressor", inferRegressor},
      {"ml.Normalizer", inferToFloat},
      {"ml.OneHotEncoder", inferOneHotEncoder},
      {"ml.SVMClassifier", inferSVMClassifier},
      {"ml.SVMRegressor", inferRegressor},
      {"ml.Scaler", inferToFloat},
      {"ml.TreeEnsemble", inferTreeEnsemble},
      {"ml.TreeEnsembleClassifier", inferTreeClassifier},
      {"ml.TreeEnsembleRegressor", inferRegressor},
      {"ml.ZipMap", inferZipMap},
      {"ms.Attention", inferMSAttention},
      {"ms.EmbedLayerNormalization", inferEmbedLayerNormalization},
      {"ms.GroupQueryAttention", inferMultiHeadAttention},
      {"ms.MultiHeadAttention", inferMultiHeadAttention},
      {"ms.QAttention", inferMSAttention},
      {"ms.QLinearAdd", inferQLinearBinary},
      {"ms.QLinearMul", inferQLinearBinary},
      {"train.Adagrad", inferWithOneState},
      {"train.Adam", inferWithTwoStates},
      {"train.Gradient", inferGradient},
      {"train.Momentum", inferWithOneState},
  };
  return Rows;
}

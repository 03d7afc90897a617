//===- ExpandVendor.cpp - The pass graph-expand-vendor --------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What ONNX Runtime's optimizer fuses for transformers has ops of its own
// (com.microsoft): attention with its projections, caches and masks in several
// forms, embeddings with their norm, rotary embeddings. Each is written as the
// ops that ONNX has for the same, which all later stages know.
//
// A mask is a sum here: what is masked gets `mask_filter_value`, not minus
// infinity, so that a row of which all is masked stays a row of numbers.
//
//===----------------------------------------------------------------------===//

#include "lathe/Graph/Passes.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/ONNX.h"
#include "lathe/ONNX/OnnxBuilder.h"
#include "lathe/ONNX/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using lathe::onnx::OnnxBuilder;

namespace lathe::graph {

#define GEN_PASS_DEF_GRAPHEXPANDVENDOR
#include "lathe/Graph/Passes.h.inc"

namespace {

using Results = std::optional<SmallVector<Value>>;

int64_t rankOf(Value V) {
  auto T = V ? dyn_cast<RankedTensorType>(V.getType()) : RankedTensorType();
  return T ? T.getRank() : -1;
}

double floatOf(Operation *Op, StringRef Name, double Default) {
  auto A = Op->getAttrOfType<FloatAttr>(Name);
  return A ? A.getValueAsDouble() : Default;
}

/// What an attention computes, in the form of onnx.Attention: either all of Q,
/// K, V are [batch, length, heads * size] or all [batch, heads, length, size].
struct Attention {
  Value Q, K, V, Mask, PastKey, PastValue;
  int64_t Heads, KVHeads;
  double Scale = 0, Softcap = 0;
  bool Causal = false;
};

/// Output and, with a past, keys and values of all positions.
SmallVector<Value> attend(OnnxBuilder &B, const Attention &A) {
  SmallVector<NamedAttribute> Attrs = {B.attr("is_causal", int64_t(A.Causal)),
                                       B.attr("q_num_heads", A.Heads),
                                       B.attr("kv_num_heads", A.KVHeads)};
  if (A.Scale != 0)
    Attrs.push_back(B.real("scale", A.Scale));
  if (A.Softcap != 0)
    Attrs.push_back(B.real("softcap", A.Softcap));
  Type T = OnnxBuilder::elementOf(A.Q);
  return B.ops("Attention", {A.Q, A.K, A.V, A.Mask, A.PastKey, A.PastValue},
               {T, T, T, T}, Attrs);
}

/// [batch, length, heads * size] to [batch, heads, length, size].
Value toHeads(OnnxBuilder &B, Value X, int64_t Heads) {
  return B.transpose(B.reshape(X, {0, 0, Heads, -1}), {0, 2, 1, 3});
}
Value fromHeads(OnnxBuilder &B, Value X) {
  return B.reshape(B.transpose(X, {0, 2, 1, 3}), {0, 0, -1});
}

/// The mask of com.microsoft's attentions as numbers to add to the scores,
/// [batch, 1, 1 or queries, keys]; null and a reason if its form is unknown.
Value additiveMask(OnnxBuilder &B, Value Mask, Value Keys, Value Batch,
                   double Filter, Type T, std::string &Why) {
  Value Kept, Zero = B.number(0, OnnxBuilder::elementOf(Mask));
  switch (rankOf(Mask)) {
  case 1: {
    // How many keys count; behind these numbers may lie those of the first.
    auto Size = cast<RankedTensorType>(Mask.getType()).getDimSize(0);
    auto Rows = cast<RankedTensorType>(Batch.getType()).getDimSize(0);
    Value Places = B.unsqueeze(B.range(Keys), {0});
    auto Column = [&](Value V) {
      return B.unsqueeze(B.cast(V, B.getI64Type()), {1});
    };
    bool Starts = !ShapedType::isDynamic(Size) &&
                  !ShapedType::isDynamic(Rows) && Size == 2 * Rows;
    Value Ends = Starts ? B.slice(Mask, B.ints({0}), B.ints({Rows}), 0) : Mask;
    Kept = B.compare("Less", Places, Column(Ends));
    if (Starts)
      Kept = B.op("And", {Kept, B.compare("GreaterOrEqual", Places,
                                          Column(B.slice(Mask, B.ints({Rows}),
                                                         B.ints({Size}), 0)))});
    Kept = B.unsqueeze(Kept, {1, 2});
    break;
  }
  case 2:
    Kept = B.unsqueeze(B.compare("Greater", Mask, Zero), {1, 2});
    break;
  case 3:
    Kept = B.unsqueeze(B.compare("Greater", Mask, Zero), {1});
    break;
  default:
    Why = "a mask of this rank is not supported yet; export the model without "
          "fused attention";
    return {};
  }
  return B.op("Where", {Kept, B.number(0, T), B.number(Filter, T)}, {}, T);
}

/// All that is added to the scores.
bool addMasks(OnnxBuilder &B, Attention &A, Operation *Op, Value Mask,
              Value Bias, Value Batch, std::string &Why) {
  Type T = OnnxBuilder::elementOf(A.Q);
  if (Mask) {
    Value Keys = B.size(A.K, rankOf(A.K) == 4 ? 2 : 1);
    if (A.PastKey)
      Keys = B.add(Keys, B.size(A.PastKey, 2));
    A.Mask = additiveMask(B, Mask, Keys, Batch,
                          floatOf(Op, "mask_filter_value", -10000.0), T, Why);
    if (!A.Mask)
      return false;
  }
  if (Bias)
    A.Mask = A.Mask ? B.add(A.Mask, Bias) : Bias;
  return true;
}

/// Attention behind Q, K and V side by side in X: onnx.ms.Attention and the
/// quantized form of it.
Results packedAttention(Operation *Op, OnnxBuilder &B, Value X, Value Input,
                        ArrayRef<int64_t> Sizes, Value Mask, Value Past,
                        Value Bias, std::string &Why) {
  auto Heads = Op->getAttrOfType<IntegerAttr>("num_heads").getInt();
  auto Flag = [&](StringRef Name) {
    auto A = Op->getAttrOfType<IntegerAttr>(Name);
    return A && A.getInt() != 0;
  };
  if (Flag("do_rotary") || Flag("past_present_share_buffer")) {
    Why = "do_rotary and past_present_share_buffer are not supported yet";
    return std::nullopt;
  }
  Attention A;
  A.Heads = A.KVHeads = Heads;
  Value *Parts[] = {&A.Q, &A.K, &A.V};
  int64_t From = 0;
  for (auto [Part, Size] : llvm::zip_equal(Parts, Sizes)) {
    *Part = B.slice(X, B.ints({From}), B.ints({From + Size}), 2);
    // The mask's form follows from ranks.
    auto T = cast<RankedTensorType>(Input.getType());
    Part->setType(RankedTensorType::get(
        {T.getDimSize(0), T.getDimSize(1), Size}, OnnxBuilder::elementOf(X)));
    From += Size;
  }
  A.Scale = floatOf(Op, "scale", 0);
  A.Causal = Flag("unidirectional");
  if (Past) {
    A.PastKey = B.op("Gather", {Past, B.scalarInt(0)});
    A.PastValue = B.op("Gather", {Past, B.scalarInt(1)});
  }
  if (!addMasks(B, A, Op, Mask, Bias, Input, Why))
    return std::nullopt;
  SmallVector<Value> Y = attend(B, A);
  Value Keys = Past ? Y[1] : toHeads(B, A.K, Heads),
        Values = Past ? Y[2] : toHeads(B, A.V, Heads);
  Value Present;
  if (!Op->getResult(1).use_empty())
    Present = B.concat({B.unsqueeze(Keys, {0}), B.unsqueeze(Values, {0})}, 0);
  return SmallVector<Value>{Y[0], Present};
}

/// How wide Q, K and V are; empty if that is not known.
SmallVector<int64_t> projections(Operation *Op, Value Weights) {
  if (auto Given = Op->getAttrOfType<DenseI64ArrayAttr>("qkv_hidden_sizes");
      Given && Given.size() == 3)
    return SmallVector<int64_t>(Given.asArrayRef());
  auto T = dyn_cast<RankedTensorType>(Weights.getType());
  if (!T || T.getRank() != 2 || T.isDynamicDim(1))
    return {};
  return SmallVector<int64_t>(3, T.getDimSize(1) / 3);
}

Results expandAttention(onnx::MSAttentionOp Op, OnnxBuilder &B,
                        std::string &Why) {
  SmallVector<int64_t> Sizes = projections(Op, Op.getWeights());
  if (Sizes.empty() || rankOf(Op.getInput()) != 3) {
    Why = "the sizes of queries, keys and values are not known";
    return std::nullopt;
  }
  if (Op.getPastSequenceLength()) {
    Why = "a past in a shared buffer is not supported yet";
    return std::nullopt;
  }
  Value X = B.matmul(Op.getInput(), Op.getWeights());
  if (Op.getBias())
    X = B.add(X, Op.getBias());
  return packedAttention(Op, B, X, Op.getInput(), Sizes, Op.getMaskIndex(),
                         Op.getPast(), Op.getAttentionBias(), Why);
}

Results expandQAttention(onnx::MSQAttentionOp Op, OnnxBuilder &B,
                         std::string &Why) {
  SmallVector<int64_t> Sizes = projections(Op, Op.getWeight());
  if (Sizes.empty() || rankOf(Op.getInput()) != 3) {
    Why = "the sizes of queries, keys and values are not known";
    return std::nullopt;
  }
  Value Sum = B.op("MatMulInteger",
                   {Op.getInput(), Op.getWeight(), Op.getInputZeroPoint(),
                    Op.getWeightZeroPoint()},
                   {}, B.getI32Type());
  Type T = OnnxBuilder::elementOf(Op.getInputScale());
  Value X = B.add(
      B.mul(B.cast(Sum, T), B.mul(Op.getInputScale(), Op.getWeightScale())),
      Op.getBias());
  return packedAttention(Op, B, X, Op.getInput(), Sizes, Op.getMaskIndex(),
                         Op.getPast(), Value(), Why);
}

Results expandMultiHead(onnx::MSMultiHeadAttentionOp Op, OnnxBuilder &B,
                        std::string &Why) {
  Attention A;
  A.Heads = A.KVHeads = Op.getNumHeads();
  A.Q = Op.getQuery();
  A.K = Op.getKey();
  A.V = Op.getValue();
  if (Op.getPastSequenceLength() || Op.getCacheIndirection() ||
      !Op->getResult(3).use_empty() || rankOf(A.Q) != 3 || !A.K || !A.V ||
      rankOf(A.K) != rankOf(A.V) || (rankOf(A.K) != 3 && rankOf(A.K) != 4)) {
    Why = "packed projections, shared buffers and scores as a result are not "
          "supported yet";
    return std::nullopt;
  }
  bool Split = rankOf(A.K) == 4; // keys of another sequence, by heads
  if (Value Bias = Op.getBias()) {
    Value From = B.ints({0});
    Value *Parts[] = {&A.Q, &A.K, &A.V};
    Value Wide = B.size(A.Q, 2);
    Value Ends[] = {Wide, B.add(Wide, Wide),
                    B.ints({std::numeric_limits<int64_t>::max()})};
    for (auto [Part, End] : llvm::zip_equal(Parts, Ends)) {
      if (!Split || Part == &A.Q) {
        Type T = Part->getType();
        *Part = B.add(*Part, B.slice(Bias, From, End, 0));
        Part->setType(T);
      }
      From = End;
    }
  }
  A.Scale = Op.getScale() ? Op.getScale()->convertToDouble() : 0;
  A.Causal = Op.getUnidirectional();
  A.PastKey = Op.getPastKey();
  A.PastValue = Op.getPastValue();
  if (!addMasks(B, A, Op, Op.getKeyPaddingMask(), Op.getAttentionBias(),
                Op.getQuery(), Why))
    return std::nullopt;
  Value K = A.K, V = A.V;
  if (Split)
    A.Q = toHeads(B, A.Q, A.Heads);
  SmallVector<Value> Y = attend(B, A);
  if (Split)
    Y[0] = fromHeads(B, Y[0]);
  if (!A.PastKey) {
    auto Present = [&](unsigned R, Value X) -> Value {
      if (Op->getResult(R).use_empty())
        return {};
      return Split ? X : toHeads(B, X, A.Heads);
    };
    Y[1] = Present(1, K);
    Y[2] = Present(2, V);
  }
  return SmallVector<Value>{Y[0], Y[1], Y[2], Value()};
}

Results expandRotary(onnx::MSRotaryEmbeddingOp Op, OnnxBuilder &B,
                     std::string &Why) {
  Value X = Op.getInput(), Positions = Op.getPositionIds();
  auto Cos = dyn_cast<RankedTensorType>(Op.getCosCache().getType());
  auto T = dyn_cast<RankedTensorType>(X.getType());
  if (!T || !Cos || Op.getScale().convertToFloat() != 1.0f ||
      Op.getIsPackedBatching() || rankOf(Positions) < 1) {
    Why = "scales and packed batches are not supported yet";
    return std::nullopt;
  }
  int64_t Heads = Op.getNumHeads();
  if (T.getRank() == 3 && !Heads) {
    if (T.isDynamicDim(2) || Cos.isDynamicDim(1)) {
      Why = "the number of heads is not known";
      return std::nullopt;
    }
    Heads = T.getDimSize(2) / (2 * Cos.getDimSize(1));
  }
  if (rankOf(Positions) == 1) {
    // The position of the first token.
    Value Length = B.size(X, T.getRank() == 4 ? 2 : 1);
    Value Row = B.unsqueeze(B.add(B.range(Length), Positions), {0});
    Positions = B.op("Expand", {Row, B.concat({B.size(X, 0), Length}, 0)});
  }
  SmallVector<NamedAttribute> Attrs = {
      B.attr("interleaved", int64_t(Op.getInterleaved())),
      B.attr("rotary_embedding_dim", int64_t(Op.getRotaryEmbeddingDim()))};
  if (Heads)
    Attrs.push_back(B.attr("num_heads", Heads));
  return SmallVector<Value>{
      B.op("RotaryEmbedding",
           {X, Op.getCosCache(), Op.getSinCache(), Positions}, Attrs)};
}

/// Rows of a batch may have pasts of different lengths: `seqlens_k` says where
/// the last token of each lies, and `total_sequence_length` how far the longest
/// reaches. The present is the past, or the buffer that it lies in, with the
/// new tokens at their places.
Results expandGrouped(onnx::MSGroupQueryAttentionOp Op, OnnxBuilder &B,
                      std::string &Why) {
  auto T = dyn_cast<RankedTensorType>(Op.getQuery().getType());
  if (!T || T.getRank() != 3 || T.isDynamicDim(2) ||
      Op.getSmoothSoftmax() > 0 || Op.getHeadSink() ||
      !Op->getResult(3).use_empty()) {
    Why = "smooth softmax, sinks and scores as a result are not supported yet";
    return std::nullopt;
  }
  Attention A;
  A.Heads = Op.getNumHeads();
  A.KVHeads = Op.getKvNumHeads();
  A.Q = Op.getQuery();
  A.K = Op.getKey();
  A.V = Op.getValue();
  int64_t Size = T.getDimSize(2) / (A.K ? A.Heads : A.Heads + 2 * A.KVHeads);
  Type I64 = B.getI64Type();
  if (!A.K) {
    int64_t Q = A.Heads * Size, K = A.KVHeads * Size;
    auto Part = [&](int64_t From, int64_t To) {
      return B.slice(Op.getQuery(), B.ints({From}), B.ints({To}), 2);
    };
    A.K = Part(Q, Q + K);
    A.V = Part(Q + K, Q + 2 * K);
    A.Q = Part(0, Q);
  }
  Value Length = B.size(Op.getQuery(), 1);
  Value Total = B.reshape(B.cast(Op.getTotalSequenceLength(), I64), {1});
  Value Last = B.reshape(B.cast(Op.getSeqlensK(), I64), {-1});
  // A first prompt has no past, whatever is padded behind it.
  Value First =
      B.where(B.compare("Equal", Length, Total), B.mul(Last, B.ints({0})),
              B.sub(B.add(Last, B.ints({1})), Length));
  Value Place = B.add(B.unsqueeze(First, {1}),
                      B.unsqueeze(B.range(Length), {0})); // [batch, length]
  if (Op.getDoRotary()) {
    if (!Op.getCosCache() || !Op.getSinCache()) {
      Why = "do_rotary without cos_cache and sin_cache";
      return std::nullopt;
    }
    Value Positions = Op.getPositionIds() ? Op.getPositionIds() : Place;
    auto Table = dyn_cast<RankedTensorType>(Op.getCosCache().getType());
    int64_t Turned =
        Table && !Table.isDynamicDim(1) ? 2 * Table.getDimSize(1) : Size;
    auto Turn = [&](Value X, int64_t Heads) {
      return B.op("RotaryEmbedding",
                  {X, Op.getCosCache(), Op.getSinCache(), Positions},
                  {B.attr("interleaved", int64_t(Op.getRotaryInterleaved())),
                   B.attr("rotary_embedding_dim", Turned < Size ? Turned : 0),
                   B.attr("num_heads", Heads)});
    };
    A.Q = Turn(A.Q, A.Heads);
    A.K = Turn(A.K, A.KVHeads);
  }
  A.Q = toHeads(B, A.Q, A.Heads);
  auto Append = [&](Value Past, Value X) {
    Value New = toHeads(B, X, A.KVHeads), Batch = B.size(X, 0);
    Value Heads = B.ints({A.KVHeads}), Wide = B.ints({Size});
    auto Zeros = [&](Value Count) {
      return B.op("Expand", {B.number(0, OnnxBuilder::elementOf(X)),
                             B.concat({Batch, Heads, Count, Wide}, 0)});
    };
    Value Room =
        Past ? B.concat({Past, Zeros(B.op("Max", {B.sub(Total, B.size(Past, 2)),
                                                  B.ints({0})}))},
                        2)
             : Zeros(Total);
    Value At = B.op("Expand", {B.unsqueeze(Place, {1, 3}),
                               B.concat({Batch, Heads, Length, Wide}, 0)});
    return B.op("ScatterElements", {Room, At, New}, B.attr("axis", int64_t(2)));
  };
  Value Keys = Append(Op.getPastKey(), A.K),
        Values = Append(Op.getPastValue(), A.V);
  A.K = B.slice(Keys, B.ints({0}), Total, 2);
  A.V = B.slice(Values, B.ints({0}), Total, 2);
  // [batch, 1, length, total]
  Value Here = B.unsqueeze(Place, {1, 3});
  Value There = B.unsqueeze(B.range(Total), {0, 1, 2});
  Value Kept = B.compare("LessOrEqual", There, Here);
  if (int64_t Window = Op.getLocalWindowSize(); Window > 0)
    Kept = B.op("And", {Kept, B.compare("Greater", There,
                                        B.sub(Here, B.ints({Window})))});
  Type F = T.getElementType();
  Value Zero = Op.getAttentionBias() ? Op.getAttentionBias() : B.number(0, F);
  A.Mask =
      B.op("Where",
           {Kept, Zero, B.number(-std::numeric_limits<double>::infinity(), F)},
           {}, F);
  A.Scale = Op.getScale() ? Op.getScale()->convertToDouble() : 0;
  A.Softcap = Op.getSoftcap() ? Op.getSoftcap()->convertToDouble() : 0;
  return SmallVector<Value>{fromHeads(B, attend(B, A)[0]), Keys, Values,
                            Value()};
}

Results expandEmbedding(onnx::MSEmbedLayerNormalizationOp Op, OnnxBuilder &B,
                        std::string &) {
  Value Ids = Op.getInputIds();
  Value Sum = B.op("Gather", {Op.getWordEmbedding(), Ids});
  Value Places =
      Op.getPositionIds()
          ? B.op("Gather", {Op.getPositionEmbedding(), Op.getPositionIds()})
          : B.slice(Op.getPositionEmbedding(), B.ints({0}), B.size(Ids, 1), 0);
  Sum = B.add(Sum, Places);
  if (Op.getSegmentEmbedding())
    Sum = B.add(Sum,
                B.op("Gather", {Op.getSegmentEmbedding(), Op.getSegmentIds()}));
  Value Norm = B.op("LayerNormalization", {Sum, Op.getGamma(), Op.getBeta()},
                    {B.attr("axis", int64_t(-1)),
                     B.real("epsilon", floatOf(Op, "epsilon", 1e-12))});
  Value Count;
  if (!Op->getResult(1).use_empty()) {
    Type I32 = B.getI32Type();
    Count = Op.getMask()
                ? B.reduce("ReduceSum", B.cast(Op.getMask(), I32), {1}, false)
                : B.op("Expand", {B.number(0, I32), B.size(Ids, 0)});
  }
  return SmallVector<Value>{Norm, Count, Sum};
}

struct GraphExpandVendorPass
    : impl::GraphExpandVendorBase<GraphExpandVendorPass> {
  void runOnOperation() override {
    SmallVector<Operation *> Work;
    getOperation()->walk([&](Operation *Op) {
      if (isa<onnx::MSAttentionOp, onnx::MSQAttentionOp,
              onnx::MSMultiHeadAttentionOp, onnx::MSGroupQueryAttentionOp,
              onnx::MSRotaryEmbeddingOp, onnx::MSEmbedLayerNormalizationOp>(Op))
        Work.push_back(Op);
    });
    for (Operation *Op : Work)
      if (failed(expand(Op)))
        return signalPassFailure();
    if (Work.empty())
      return;
    OpPassManager Shapes(ModuleOp::getOperationName());
    Shapes.addPass(onnx::createInferShapes());
    if (failed(runPipeline(Shapes, getOperation())))
      signalPassFailure();
  }

  LogicalResult expand(Operation *Op) {
    OnnxBuilder B(Op);
    std::string Why;
    Results New = llvm::TypeSwitch<Operation *, Results>(Op)
                      .Case([&](onnx::MSAttentionOp O) {
                        return expandAttention(O, B, Why);
                      })
                      .Case([&](onnx::MSQAttentionOp O) {
                        return expandQAttention(O, B, Why);
                      })
                      .Case([&](onnx::MSMultiHeadAttentionOp O) {
                        return expandMultiHead(O, B, Why);
                      })
                      .Case([&](onnx::MSGroupQueryAttentionOp O) {
                        return expandGrouped(O, B, Why);
                      })
                      .Case([&](onnx::MSRotaryEmbeddingOp O) {
                        return expandRotary(O, B, Why);
                      })
                      .Case([&](onnx::MSEmbedLayerNormalizationOp O) {
                        return expandEmbedding(O, B, Why);
                      });
    if (!New)
      return onnx::emitNodeError(Op) << Why;
    onnx::replaceResults(Op, *New);
    Op->erase();
    ++NumExpanded;
    return success();
  }
};

} // namespace
} // namespace lathe::graph

//===- Reasons.cpp - Why a layer stays in floats --------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Compress/Reasons.h"
#include "Quantized.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

std::string compress::reasonForFloats(Operation *Op, const Options &Asked,
                                      const ByteUnit &Unit) {
  if (isNamed(Op, Asked.QuantizeSkip))
    return "named by --quantize-skip";
  bool Samples = Asked.Quantize == Options::Kind::Int8;
  FloatsPay Pay = floatsPayFor(Op, Unit);
  if (isa<onnx::AttentionOp>(Op) && Samples) {
    if (!isFloatAttention(Op))
      return "its elements are not float32";
    return Pay != FloatsPay::No ? text(Pay).str()
                                : "the types of its operands tell no number of "
                                  "heads, or no rank of its mask";
  }
  if (isa<onnx::ConvTransposeOp>(Op))
    return "its weights are computed, or sizes that its pads depend on are "
           "known to the run alone";
  if (!isa<onnx::ConvOp, onnx::GemmOp, onnx::MatMulOp>(Op))
    return "there are no integer kernels for this operator";
  if (!isa<func::FuncOp>(Op->getParentOp()) && Samples)
    return "it stands in a subgraph, whose values no sample calibrates";
  auto Constant = [](Value V) {
    auto D = V.getDefiningOp<onnx::DequantizeLinearOp>();
    return bool(onnx::ConstantView::get(D ? D->getOperand(0) : V));
  };
  Value Left = Op->getOperand(0), Right = Op->getOperand(1);
  if (!getElementTypeOrSelf(Op->getResult(0)).isF32())
    return "its elements are not float32";
  bool OnlyWeights = Asked.Quantize == Options::Kind::Int8Weights ||
                     Asked.Quantize == Options::Kind::Int4Weights;
  if (!Constant(Right)) {
    if (Constant(Left))
      return "its constant factor is the left one";
    if (OnlyWeights)
      return "both operands are computed: there are no weights to pack";
    if (!isa<onnx::MatMulOp>(Op))
      return "both operands are computed, which MatMul alone has kernels for";
    if (!isComputedProduct(Op))
      return "the batches of its two computed matrices differ";
  }
  auto Type = dyn_cast<RankedTensorType>(Right.getType());
  if (Constant(Right) && !isa<onnx::ConvOp>(Op) &&
      (!Type || Type.getRank() != 2))
    return "its weights are no matrix";
  if (Samples && Pay != FloatsPay::No)
    return text(Pay).str();
  if (Asked.Quantize == Options::Kind::None && !dequantizes(Left))
    return "the model gives it floats";
  if (OnlyWeights)
    return "only its weights are quantized";
  if (Asked.Quantize == Options::Kind::None && !Constant(Right) &&
      !dequantizes(Right))
    return "the model gives it floats";
  return "scales or zero points of its weights do not leave the sum";
}

//===- Reasons.cpp - Why a layer stays in floats --------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Compress/Reasons.h"
#include "Quantized.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

std::string compress::reasonForFloats(Operation *Op, const Options &Asked) {
  if (isNamed(Op, Asked.QuantizeSkip))
    return "named by --quantize-skip";
  if (isa<onnx::AttentionOp>(Op) && Asked.Quantize == Options::Kind::Int8)
    return "attention with shared key heads, a cache, windows or a boolean "
           "mask is one operator in floats";
  if (!isa<onnx::ConvOp, onnx::GemmOp, onnx::MatMulOp>(Op))
    return "there are no integer kernels for this operator";
  Value Right = Op->getOperand(1);
  auto D = Right.getDefiningOp<onnx::DequantizeLinearOp>();
  bool Constant = onnx::ConstantView::get(Right) ||
                  (D && onnx::ConstantView::get(D->getOperand(0)));
  if (!Constant)
    return Asked.Quantize == Options::Kind::Int8Weights ||
                   Asked.Quantize == Options::Kind::Int4Weights
               ? "both operands are computed: there are no weights to pack"
               : "the batches of its two computed matrices differ";
  if (!getElementTypeOrSelf(Op->getResult(0)).isF32())
    return "its elements are not float32";
  auto Type = dyn_cast<RankedTensorType>(Right.getType());
  if (!isa<onnx::ConvOp>(Op) && (!Type || Type.getRank() != 2))
    return "its weights are no matrix";
  if (isa<onnx::GemmOp>(Op))
    for (StringRef Name : {"transA", "alpha", "beta"}) {
      auto A = Op->getAttr(Name);
      auto Int = dyn_cast_or_null<IntegerAttr>(A);
      auto Float = dyn_cast_or_null<FloatAttr>(A);
      if ((Int && Int.getInt()) || (Float && Float.getValueAsDouble() != 1))
        return "it has " + Name.str();
    }
  if (Asked.Quantize == Options::Kind::None && !dequantizes(Op->getOperand(0)))
    return "the model gives it floats";
  if (Asked.Quantize == Options::Kind::Int8Weights ||
      Asked.Quantize == Options::Kind::Int4Weights)
    return "only its weights are quantized";
  return "scales or zero points of its weights do not leave the sum";
}

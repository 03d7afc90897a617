//===- ProductShapes.cpp - The products that an op is made of -------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What floatsPay asks of Conv, Gemm, MatMul and Attention. Sizes that only the
// run knows count as one where they are batches, else as UnknownSize.
//
//===----------------------------------------------------------------------===//

#include "Quantized.h"
#include "lathe/ONNX/AttentionExpansion.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

static int64_t known(int64_t Size, int64_t Otherwise) {
  return ShapedType::isDynamic(Size) ? Otherwise : Size;
}
static RankedTensorType typeOf(Value V) {
  return V ? dyn_cast<RankedTensorType>(V.getType()) : RankedTensorType();
}

/// The two products of attention, all heads that share keys as rows of one.
static SmallVector<ProductShape> attention(onnx::AttentionOp Op) {
  std::optional<onnx::AttentionHeads> H = onnx::headsOf(Op);
  if (!H)
    return {};
  RankedTensorType Q = typeOf(Op.getQ()), K = typeOf(Op.getK());
  int64_t Along = Q.getRank() == 4 ? 2 : 1;
  int64_t Batches = known(Q.getDimSize(0), 1) * H->Key,
          Rows = known(Q.getDimSize(Along), UnknownSize) * H->shared(),
          Keys = known(K.getDimSize(Along), UnknownSize);
  if (RankedTensorType Past = typeOf(Op.getPastKey()))
    Keys += known(Past.getDimSize(2), UnknownSize);
  return {{Batches, Rows, H->QuerySize, Keys, false},
          {Batches, Rows, Keys, known(H->ValueSize, H->QuerySize), false}};
}

static SmallVector<ProductShape> convolution(Operation *Op, bool Transposed) {
  RankedTensorType Y = typeOf(Op->getResult(0)), W = typeOf(Op->getOperand(1));
  if (!Y || !W || !W.hasStaticShape() || W.getRank() < 3)
    return {};
  auto Group = Op->getAttrOfType<IntegerAttr>("group");
  int64_t Groups = Group ? std::max<int64_t>(Group.getInt(), 1) : 1;
  int64_t Outputs = Transposed ? W.getDimSize(1) : W.getDimSize(0) / Groups;
  // Depthwise kernels have lanes over channels: their depth is no vector's.
  if (Groups > 1 && Outputs * Groups == W.getDimSize(0) && W.getDimSize(1) == 1)
    return {};
  int64_t Rows = 1;
  for (int64_t Size : Y.getShape().drop_front(2))
    Rows *= known(Size, UnknownSize);
  int64_t Weights = W.getNumElements() / Groups;
  return {{known(Y.getDimSize(0), 1) * Groups, Rows,
           Outputs ? Weights / Outputs : 0, Outputs, true}};
}

static SmallVector<ProductShape> product(Operation *Op) {
  RankedTensorType Y = typeOf(Op->getResult(0)), X = typeOf(Op->getOperand(0)),
                   W = typeOf(Op->getOperand(1));
  if (!Y || !X || !W || Y.getRank() < 2 || X.getRank() < 2)
    return {};
  auto Turned = Op->getAttrOfType<IntegerAttr>("transA");
  int64_t Depth = X.getDimSize(Turned && Turned.getInt() ? 0 : X.getRank() - 1);
  int64_t Rows = known(Y.getDimSize(Y.getRank() - 2), UnknownSize), Batches = 1;
  for (int64_t Size : Y.getShape().drop_back(2))
    Batches *= known(Size, 1);
  bool Constant = !isComputedProduct(Op);
  if (Constant) {
    Rows *= Batches;
    Batches = 1;
  }
  return {{Batches, Rows, known(Depth, UnknownSize),
           known(Y.getDimSize(Y.getRank() - 1), UnknownSize), Constant}};
}

FloatsPay compress::floatsPayFor(Operation *Op, const ByteUnit &Unit) {
  SmallVector<ProductShape> Products;
  if (auto Attention = dyn_cast<onnx::AttentionOp>(Op))
    Products = attention(Attention);
  else if (isa<onnx::ConvOp, onnx::ConvTransposeOp>(Op))
    Products = convolution(Op, isa<onnx::ConvTransposeOp>(Op));
  else if (isa<onnx::GemmOp, onnx::MatMulOp>(Op))
    Products = product(Op);
  for (const ProductShape &P : Products)
    if (FloatsPay Reason = floatsPay(P, Unit); Reason != FloatsPay::No)
      return Reason;
  return FloatsPay::No;
}

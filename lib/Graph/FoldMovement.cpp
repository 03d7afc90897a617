//===- FoldMovement.cpp - Constants that only change their shape ----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FoldMovement.h"
#include "Match.h"
#include "lathe/ONNX/ConstantMemory.h"
#include "lathe/Support/Packing.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;
using onnx::ConstantView;

bool graph::onlyMovesElements(Operation *Op) {
  return isa<onnx::ConstantOfShapeOp, onnx::ExpandOp, onnx::FlattenOp,
             onnx::GatherElementsOp, onnx::GatherNDOp, onnx::GatherOp,
             onnx::IdentityOp, onnx::ReshapeOp, onnx::SliceOp, onnx::SqueezeOp,
             onnx::TileOp, onnx::TransposeOp, onnx::UnsqueezeOp>(Op);
}

static bool isView(Operation *Op) {
  return isa<onnx::FlattenOp, onnx::IdentityOp, onnx::ReshapeOp,
             onnx::SqueezeOp, onnx::UnsqueezeOp>(Op);
}

/// The same elements in the same order.
static ElementsAttr view(ElementsAttr Value, RankedTensorType Type) {
  if (Value.getNumElements() != Type.getNumElements())
    return {};
  if (auto Dense = dyn_cast<DenseElementsAttr>(Value))
    return Dense.reshape(Type);
  if (auto Resource = dyn_cast<DenseResourceElementsAttr>(Value))
    return DenseResourceElementsAttr::get(Type, Resource.getRawHandle());
  return {};
}

static ElementsAttr transpose(const ConstantView &From, ArrayRef<int64_t> Perm,
                              RankedTensorType Type) {
  mlir::Type Element = Type.getElementType();
  // Elements of whole bytes, in both layouts of a constant.
  if (!Element.isIntOrFloat() || Element.getIntOrFloatBitWidth() % 8 ||
      Perm.size() != From.getShape().size() || Perm.empty() || !From.size())
    return {};
  std::vector<char> Storage;
  ArrayRef<char> Bytes = From.getBytes(Storage);
  std::vector<char> To(Bytes.size());
  packRows(Bytes.data(), From.getShape(), Element.getIntOrFloatBitWidth() / 8,
           Packing{Perm, {}, {}}, 0, Type.getDimSize(0), To.data());
  onnx::releaseBytes(From.getAttr());
  return onnx::makeTensor(Type, std::move(To));
}

ElementsAttr graph::foldMovement(Operation *Op) {
  if (!onlyMovesElements(Op) || Op->getNumResults() != 1)
    return {};
  RankedTensorType Type = getStatic(Op->getResult(0));
  if (!Type || !Type.getNumElements() ||
      !isa<IntegerType, FloatType>(Type.getElementType()))
    return {};
  if (auto Fill = dyn_cast<onnx::ConstantOfShapeOp>(Op)) {
    std::optional<ConstantView> Value;
    if (Fill.getValueAttr())
      Value = ConstantView::get(Fill.getValueAttr());
    if (!Value || Value->isElided() || Value->size() != 1)
      return {};
    auto Dense = dyn_cast<DenseElementsAttr>(Value->getAttr());
    return Dense && Dense.getElementType() == Type.getElementType()
               ? Dense.resizeSplat(Type)
               : ElementsAttr();
  }
  std::optional<ConstantView> From = getConstant(Op->getOperand(0));
  if (!From || From->getElementType() != Type.getElementType())
    return {};
  if (auto Dense = dyn_cast<DenseElementsAttr>(From->getAttr());
      Dense && Dense.isSplat())
    return Dense.resizeSplat(Type);
  if (isView(Op))
    return view(From->getAttr(), Type);
  if (auto Transpose = dyn_cast<onnx::TransposeOp>(Op))
    return transpose(*From, getPermutation(Transpose), Type);
  return {};
}

ElementsAttr graph::shrinkSplat(ElementsAttr Value) {
  std::optional<ConstantView> View = ConstantView::get(Value);
  mlir::Type Element = View ? View->getElementType() : mlir::Type();
  if (!View || View->isElided() || View->isSplat() || View->size() < 2 ||
      !Element.isIntOrFloat() || Element.getIntOrFloatBitWidth() % 8)
    return Value;
  std::vector<char> Storage;
  ArrayRef<char> Bytes = View->getBytes(Storage);
  size_t Each = Element.getIntOrFloatBitWidth() / 8;
  // Each element equals the one before it.
  if (std::memcmp(Bytes.data(), Bytes.data() + Each, Bytes.size() - Each))
    return Value;
  return DenseElementsAttr::getFromRawBuffer(View->getType(),
                                             Bytes.take_front(Each));
}

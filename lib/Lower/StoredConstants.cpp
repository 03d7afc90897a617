//===- StoredConstants.cpp - Constants as they lie in memory --------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StoredConstants.h"
#include "PackedBits.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace lathe::lower;

/// f16 elements as f32.
static void widenConstant(arith::ConstantOp Constant,
                          RankedTensorType NewType) {
  auto Old = cast<RankedTensorType>(Constant.getType());
  const llvm::fltSemantics &From =
      cast<FloatType>(Old.getElementType()).getFloatSemantics();
  auto Widened = [&](APFloat V) {
    bool Inexact;
    V.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &Inexact);
    return V.convertToFloat();
  };
  TypedAttr Value;
  if (auto Dense = dyn_cast<DenseElementsAttr>(Constant.getValue())) {
    if (Dense.isSplat()) {
      Value = DenseElementsAttr::get(NewType,
                                     Widened(Dense.getSplatValue<APFloat>()));
    } else {
      SmallVector<float> All;
      for (const APFloat &V : Dense.getValues<APFloat>())
        All.push_back(Widened(V));
      Value = DenseElementsAttr::get(NewType, ArrayRef<float>(All));
    }
  } else {
    auto Handle =
        cast<DenseResourceElementsAttr>(Constant.getValue()).getRawHandle();
    ArrayRef<char> Bytes =
        Handle.getBlob() ? Handle.getBlob()->getData() : ArrayRef<char>();
    size_t Count = Old.getNumElements();
    if (Bytes.size() < 2 * Count) {
      Constant.emitError("the elements of this constant are missing");
      return;
    }
    std::vector<float> All(Count);
    for (size_t I = 0; I < Count; ++I) {
      uint16_t Bits;
      std::memcpy(&Bits, Bytes.data() + 2 * I, 2);
      All[I] = Widened(APFloat(From, APInt(16, Bits)));
    }
    AsmResourceBlob Blob =
        HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef<float>(All));
    Value = DenseResourceElementsAttr::get(
        NewType, (Handle.getKey() + ".f32").str(), std::move(Blob));
  }
  Constant.getResult().setType(NewType);
  Constant.setValueAttr(Value);
}

void lathe::lower::storeConstant(ImplicitLocOpBuilder &B,
                                 arith::ConstantOp Constant,
                                 const NarrowTypes &Types) {
  auto Type = cast<RankedTensorType>(Constant.getType());
  mlir::Type Elem = Type.getElementType(), Memory = Types.memoryType(Elem);
  auto NewType = Type.clone(Memory);
  if (isa<FloatType>(Memory) && Memory != Elem)
    return widenConstant(Constant, NewType);
  if (auto Resource =
          dyn_cast<DenseResourceElementsAttr>(Constant.getValue())) {
    if (!packedBits(Elem)) {
      Constant.getResult().setType(NewType);
      Constant.setValueAttr(
          DenseResourceElementsAttr::get(NewType, Resource.getRawHandle()));
      return;
    }
    // The file holds several elements a byte; they are unpacked when read.
    auto Packed = packedType(Type);
    B.setInsertionPoint(Constant);
    Value Bytes = arith::ConstantOp::create(
        B, DenseResourceElementsAttr::get(Packed, Resource.getRawHandle()));
    Constant.getResult().replaceAllUsesWith(unpackBits(B, Bytes, Type));
    Constant.erase();
    return;
  }
  auto Dense = cast<DenseElementsAttr>(Constant.getValue());
  unsigned Width = Memory.getIntOrFloatBitWidth();
  SmallVector<APInt> Bits;
  if (isa<FloatType>(Elem)) {
    if (Memory == Elem)
      return;
    for (const APFloat &V :
         Dense.isSplat() ? SmallVector<APFloat>{Dense.getSplatValue<APFloat>()}
                         : llvm::to_vector(Dense.getValues<APFloat>()))
      Bits.push_back(V.bitcastToAPInt().zext(Width));
  } else {
    for (const APInt &V : Dense.isSplat()
                              ? SmallVector<APInt>{Dense.getSplatValue<APInt>()}
                              : llvm::to_vector(Dense.getValues<APInt>()))
      Bits.push_back(V.zext(Width));
  }
  Constant.getResult().setType(NewType);
  Constant.setValueAttr(DenseElementsAttr::get(NewType, Bits));
}

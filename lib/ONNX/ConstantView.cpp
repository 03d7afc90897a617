//===- ConstantView.cpp - Typed reading of constants ---------------- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/ConstantView.h"
#include "lathe/ONNX/ConstantMemory.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include <cstring>

using namespace mlir;
using namespace lathe::onnx;

/// Bits that one element takes in the layout of a resource.
static unsigned getStoredBits(Type Ty) {
  if (auto Complex = dyn_cast<ComplexType>(Ty))
    return 2 * getStoredBits(Complex.getElementType());
  if (!Ty.isIntOrFloat())
    return 0;
  unsigned Width = Ty.getIntOrFloatBitWidth();
  // A bool is a byte, a 6-bit float too; 4- and 2-bit elements are packed.
  return Width == 1 || Width == 6 ? 8 : Width;
}

std::optional<ConstantView> ConstantView::get(Attribute Attr) {
  auto Elements = dyn_cast_or_null<ElementsAttr>(Attr);
  if (!Elements || !Elements.getShapedType().hasStaticShape())
    return std::nullopt;
  ConstantView View;
  View.Attr = Elements;
  View.Count = Elements.getNumElements();
  if (auto Dense = dyn_cast<DenseIntOrFPElementsAttr>(Attr)) {
    View.Raw = Dense.getRawData();
    View.Splat = Dense.isSplat();
    return View;
  }
  if (auto Strings = dyn_cast<DenseStringElementsAttr>(Attr)) {
    View.Splat = Strings.isSplat();
    return View;
  }
  if (auto Blob = dyn_cast<DenseResourceElementsAttr>(Attr)) {
    View.Resource = true;
    AsmResourceBlob *Data = Blob.getRawHandle().getBlob();
    uint64_t Bytes = llvm::divideCeil(
        uint64_t(View.Count) * getStoredBits(Elements.getElementType()), 8);
    View.Elided = !Data || Data->getData().size() < Bytes;
    if (!View.Elided)
      View.Raw = Data->getData();
    return View;
  }
  return std::nullopt;
}

std::optional<ConstantView> ConstantView::get(Value V) {
  Attribute Attr;
  if (!V || !matchPattern(V, m_Constant(&Attr)))
    return std::nullopt;
  return get(Attr);
}

uint64_t ConstantView::getBits(int64_t Index, unsigned Width) const {
  assert(!Elided && Index >= 0 && Index < Count && "no such element");
  if (Splat)
    Index = 0;
  uint64_t Bits = 0;
  if (!Resource && Width == 1)
    return uint8_t(Raw[Index / 8]) >> (Index % 8) & 1;
  if (!Resource) {
    // A dense attribute gives every element but bools whole bytes.
    unsigned Bytes = llvm::divideCeil(Width, 8);
    std::memcpy(&Bits, Raw.data() + Index * Bytes, Bytes);
  } else if (Width == 2 || Width == 4) {
    unsigned PerByte = 8 / Width;
    Bits = uint8_t(Raw[Index / PerByte]) >> (Index % PerByte * Width);
  } else {
    unsigned Bytes = Width == 1 || Width == 6 ? 1 : Width / 8;
    std::memcpy(&Bits, Raw.data() + Index * Bytes, Bytes);
    if (Width == 1)
      return Bits != 0;
  }
  return Width == 64 ? Bits : Bits & ((uint64_t(1) << Width) - 1);
}

int64_t ConstantView::getInt(int64_t Index) const {
  auto Ty = cast<IntegerType>(getElementType());
  unsigned Width = Ty.getWidth();
  uint64_t Bits = getBits(Index, Width);
  if (Ty.isUnsigned() || Width == 1)
    return int64_t(Bits);
  return llvm::SignExtend64(Bits, Width);
}

static double decodeFloat(FloatType Ty, uint64_t Bits) {
  APFloat Value(Ty.getFloatSemantics(), APInt(Ty.getWidth(), Bits));
  bool Inexact;
  Value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &Inexact);
  return Value.convertToDouble();
}

double ConstantView::getFloat(int64_t Index) const {
  auto Ty = cast<FloatType>(getElementType());
  uint64_t Bits = getBits(Index, Ty.getWidth());
  if (Ty.isF32())
    return llvm::bit_cast<float>(uint32_t(Bits));
  if (Ty.isF64())
    return llvm::bit_cast<double>(Bits);
  return decodeFloat(Ty, Bits);
}

std::complex<double> ConstantView::getComplex(int64_t Index) const {
  auto Ty =
      cast<FloatType>(cast<ComplexType>(getElementType()).getElementType());
  assert(!Elided && Index >= 0 && Index < Count && "no such element");
  if (Splat)
    Index = 0;
  unsigned Bytes = Ty.getWidth() / 8;
  uint64_t Parts[2] = {0, 0};
  for (unsigned I = 0; I < 2; ++I)
    std::memcpy(&Parts[I], Raw.data() + (2 * Index + I) * Bytes, Bytes);
  return {decodeFloat(Ty, Parts[0]), decodeFloat(Ty, Parts[1])};
}

StringRef ConstantView::getString(int64_t Index) const {
  auto Strings = cast<DenseStringElementsAttr>(Attr);
  return Strings.getRawStringData()[Splat ? 0 : Index];
}

std::optional<SmallVector<int64_t>> ConstantView::getInts() const {
  if (Elided || !isInteger())
    return std::nullopt;
  SmallVector<int64_t> Values;
  Values.reserve(Count);
  for (int64_t I = 0; I < Count; ++I)
    Values.push_back(getInt(I));
  return Values;
}

DenseElementsAttr lathe::onnx::makeInts(RankedTensorType Type,
                                        ArrayRef<int64_t> Values) {
  unsigned Width = Type.getElementTypeBitWidth();
  SmallVector<APInt> Bits;
  Bits.reserve(Values.size());
  for (int64_t V : Values)
    Bits.push_back(APInt(64, uint64_t(V)).sextOrTrunc(Width));
  return DenseElementsAttr::get(Type, Bits);
}

DenseElementsAttr lathe::onnx::makeFloats(RankedTensorType Type,
                                          ArrayRef<double> Values) {
  auto Ty = cast<FloatType>(Type.getElementType());
  SmallVector<APFloat> Floats;
  Floats.reserve(Values.size());
  for (double V : Values) {
    APFloat F(V);
    bool Inexact;
    F.convert(Ty.getFloatSemantics(), APFloat::rmNearestTiesToEven, &Inexact);
    Floats.push_back(F);
  }
  return DenseElementsAttr::get(Type, Floats);
}

ArrayRef<char> ConstantView::getBytes(std::vector<char> &Storage) const {
  assert(!Elided && "no bytes to read");
  Type Element = getElementType();
  unsigned Bits = getStoredBits(Element);
  uint64_t Size = llvm::divideCeil(uint64_t(Count) * Bits, 8);
  if (Resource)
    return Raw.take_front(Size);
  Storage.assign(Size, 0);
  if (Bits >= 8 && !Element.isInteger(1)) {
    // Whole bytes are laid out alike.
    uint64_t Each = Bits / 8;
    if (!Splat)
      std::memcpy(Storage.data(), Raw.data(), Size);
    else
      for (int64_t I = 0; I < Count; ++I)
        std::memcpy(Storage.data() + I * Each, Raw.data(), Each);
    return Storage;
  }
  for (int64_t I = 0; I < Count; ++I) {
    uint64_t Value = getBits(I, Element.getIntOrFloatBitWidth());
    Storage[I * Bits / 8] |= char(Value << (I * Bits % 8));
  }
  return Storage;
}

ElementsAttr lathe::onnx::makeTensor(RankedTensorType Type,
                                     std::vector<char> Bytes, StringRef Name) {
  constexpr int64_t MaxDenseElements = 64;
  int64_t Count = Type.getNumElements();
  mlir::Type Element = Type.getElementType();
  unsigned Bits = getStoredBits(Element);
  if (Count > MaxDenseElements) {
    auto *Owned = new std::vector<char>(std::move(Bytes));
    auto Made = DenseResourceElementsAttr::get(
        Type, Name,
        AsmResourceBlob(
            *Owned, /*dataAlignment=*/std::max(1u, Bits / 8),
            [Owned](void *, size_t, size_t) { delete Owned; },
            /*dataIsMutable=*/true));
    if (ConstantMemory *Memory = ConstantMemory::of(Type.getContext()))
      Memory->noteMade(Made);
    return Made;
  }
  if (Element.isInteger(1)) {
    SmallVector<bool> Values(
        llvm::map_range(Bytes, [](char C) { return C != 0; }));
    return DenseElementsAttr::get(Type, Values);
  }
  if (Bits < 8) {
    // A dense attribute gives every element a byte.
    std::vector<char> Spread(Count);
    for (int64_t I = 0; I < Count; ++I)
      Spread[I] =
          uint8_t(Bytes[I * Bits / 8]) >> (I * Bits % 8) & ((1u << Bits) - 1);
    Bytes = std::move(Spread);
  }
  return DenseElementsAttr::getFromRawBuffer(Type, Bytes);
}

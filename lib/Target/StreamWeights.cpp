//===- StreamWeights.cpp - The bytes of the weights -----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Weights never enter LLVM IR. Constants without a packing go out straight from
// the mapped model file; packed ones are laid out here, a few megabytes at a
// time. What has been written leaves the memory of the process.
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Kernel.h"
#include "lathe/ONNX/ConstantMemory.h"
#include "lathe/Support/Packing.h"
#include "lathe/Target/Emission.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace lathe;
using namespace lathe::target;
using namespace mlir;

/// What is laid out at once; at least one row of the packed form.
static constexpr int64_t PieceBytes = int64_t(4) << 20;

namespace {
/// A constant's storage: dense row-major, or one element that stands for all.
struct Source {
  ArrayRef<char> Data;
  bool Splat = false;
};
} // namespace

static FailureOr<Source> sourceOf(ModuleOp Module, ElementsAttr Value) {
  if (auto Dense = dyn_cast<DenseElementsAttr>(Value))
    return Source{Dense.getRawData(), Dense.isSplat()};
  if (auto Resource = dyn_cast<DenseResourceElementsAttr>(Value)) {
    if (AsmResourceBlob *Blob = Resource.getRawHandle().getBlob())
      return Source{Blob->getData(), false};
    return Module.emitError("the bytes of the constant '")
           << Resource.getRawHandle().getKey()
           << "' were elided from the text; print with --print-weights or use "
              "bytecode";
  }
  return Module.emitError("a weight of a kind that has no bytes: ")
         << Value.getType();
}

LogicalResult lathe::target::streamWeights(
    ModuleOp Module,
    function_ref<LogicalResult(uint64_t, ArrayRef<char>)> Write) {
  auto List = Module->getAttrOfType<ArrayAttr>("lathe.weights");
  if (!List)
    return success();
  auto Total = Module->getAttrOfType<IntegerAttr>("lathe.weights_bytes");
  auto *Memory = onnx::ConstantMemory::of(Module.getContext());
  SmallVector<char> Piece;
  for (Attribute Entry : List) {
    auto Dict = dyn_cast<DictionaryAttr>(Entry);
    auto Offset = Dict ? Dict.getAs<IntegerAttr>("offset") : IntegerAttr();
    auto Value = Dict ? Dict.getAs<ElementsAttr>("value") : ElementsAttr();
    if (!Offset || !Value)
      return Module.emitError(
          "an entry of 'lathe.weights' lacks its offset or value");
    ShapedType Type = Value.getShapedType();
    Type = Type.clone(Value.getElementType());
    unsigned Bits = Type.getElementType().isIndex()
                        ? 64
                        : Type.getElementType().getIntOrFloatBitWidth();
    if (Bits % 8)
      return Module.emitError("a weight of the type ")
             << Value.getType() << ", which has no storage of whole bytes";
    int64_t Bytes = Bits / 8;
    FailureOr<Source> From = sourceOf(Module, Value);
    if (failed(From))
      return failure();
    int64_t Need = From->Splat ? Bytes : Type.getNumElements() * Bytes;
    if (int64_t(From->Data.size()) < Need)
      return Module.emitError("a weight of the type ")
             << Value.getType() << " holds " << From->Data.size()
             << " bytes instead of " << Need;

    // A splat is spread out first, unless its packed form is the splat again.
    auto Attr = Dict.getAs<kernel::PackingAttr>("packing");
    SmallVector<char> Spread;
    if (From->Splat) {
      Spread.resize(Type.getNumElements() * Bytes);
      for (int64_t I = 0, E = Type.getNumElements(); I < E; ++I)
        llvm::copy(From->Data.take_front(Bytes), Spread.begin() + I * Bytes);
      From->Data = Spread;
    }
    uint64_t At = Offset.getInt();
    SmallVector<int64_t> Packed(Type.getShape());
    if (Attr)
      Packed = Attr.packedShape(Type.getShape());
    uint64_t Size = Bytes;
    for (int64_t D : Packed)
      Size *= D;
    if (Total && At + Size > uint64_t(Total.getInt()))
      return Module.emitError("a weight of the type ")
             << Value.getType() << " at offset " << At
             << " ends beyond 'lathe.weights_bytes'";
    if (!Attr) {
      for (uint64_t Done = 0; Done < Size;) {
        ArrayRef<char> Part =
            From->Data.slice(Done, std::min<uint64_t>(PieceBytes, Size - Done));
        if (failed(Write(At + Done, Part)))
          return failure();
        if (Memory)
          Memory->release(Part);
        Done += Part.size();
      }
      continue;
    }
    if (!Size)
      continue;
    int64_t RowBytes = Size / Packed.front();
    int64_t Step = std::max<int64_t>(1, PieceBytes / RowBytes);
    Packing P{Attr.getOuter(), Attr.getBlocks(), Attr.getTiles()};
    for (int64_t Row = 0; Row < Packed.front();
         Row += Step, At += Piece.size()) {
      int64_t End = std::min(Row + Step, Packed.front());
      Piece.resize((End - Row) * RowBytes);
      packRows(From->Data.data(), Type.getShape(), Bytes, P, Row, End,
               Piece.data());
      if (failed(Write(At, Piece)))
        return failure();
    }
    if (Memory)
      Memory->release(From->Data);
  }
  return success();
}

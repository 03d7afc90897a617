//===- Tensors.cpp - TensorProto to attributes ----------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Whatever field holds them, elements are first brought into the storage of raw
// data (in place where the file has it), then made an attribute.
//
//===----------------------------------------------------------------------===//

#include "Tensors.h"
#include "lathe/ONNX/ConstantMemory.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"

using namespace lathe::import;
using namespace mlir;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

namespace {

/// The field of TensorProto that holds typed elements, and how many bytes of
/// raw data one of its entries makes (a complex number is two entries, a byte
/// of 4-bit ones one).
struct TypedField {
  unsigned Number;
  unsigned EntryBytes;
};

/// A sparse tensor larger than this is not made dense.
constexpr int64_t MaxDensifiedBytes = int64_t(1) << 31;

TypedField getTypedField(int64_t DataType, unsigned Bits) {
  switch (DataType) {
  case pb::TensorProto::FLOAT:
  case pb::TensorProto::COMPLEX64:
    return {4, 4};
  case pb::TensorProto::DOUBLE:
  case pb::TensorProto::COMPLEX128:
    return {10, 8};
  case pb::TensorProto::INT64:
    return {7, 8};
  case pb::TensorProto::UINT32:
    return {11, 4};
  case pb::TensorProto::UINT64:
    return {11, 8};
  default:
    return {5, Bits <= 8 ? 1 : Bits / 8};
  }
}

/// Appends the low \p Bytes bytes of \p Value, little endian.
void append(std::string &Out, uint64_t Value, unsigned Bytes) {
  for (unsigned I = 0; I < Bytes; ++I)
    Out.push_back(char(Value >> (8 * I)));
}

/// Appends the entries of packed varints \p Bytes; false if they are malformed.
bool appendVarints(std::string &Out, StringRef Bytes, unsigned EntryBytes) {
  size_t Pos = 0;
  while (Pos < Bytes.size()) {
    uint64_t Value = 0;
    for (unsigned Shift = 0;; Shift += 7) {
      if (Pos == Bytes.size() || Shift >= 70)
        return false;
      uint8_t Byte = Bytes[Pos++];
      if (Shift < 64)
        Value |= uint64_t(Byte & 0x7f) << Shift;
      if (Byte < 0x80)
        break;
    }
    append(Out, Value, EntryBytes);
  }
  return true;
}

/// Bits that an element takes in raw data.
unsigned getRawBits(Type Element) {
  if (auto Complex = dyn_cast<ComplexType>(Element))
    return 2 * Complex.getElementType().getIntOrFloatBitWidth();
  if (Element.isInteger(1))
    return 8;
  return Element.getIntOrFloatBitWidth();
}

/// One byte an element from \p Bits bits an element, low bits first.
std::string unpack(StringRef Packed, unsigned Bits, int64_t Count) {
  std::string Out(Count, '\0');
  for (int64_t I = 0; I < Count; ++I) {
    uint64_t At = uint64_t(I) * Bits;
    unsigned Window = uint8_t(Packed[At / 8]);
    if (At / 8 + 1 < Packed.size())
      Window |= unsigned(uint8_t(Packed[At / 8 + 1])) << 8;
    Out[I] = char((Window >> (At % 8)) & ((1u << Bits) - 1));
  }
  return Out;
}

/// The largest alignment up to that of an element that the data really has.
size_t getAlignment(const void *Data, unsigned ElementBytes) {
  size_t Align =
      std::min<size_t>(llvm::PowerOf2Ceil(std::max(ElementBytes, 1u)), 16);
  while (Align > 1 && reinterpret_cast<uintptr_t>(Data) % Align)
    Align /= 2;
  return Align;
}

} // namespace

Expected<TensorReader::Elements>
TensorReader::readExternal(const pb::TensorProto &Tensor, uint64_t Size) {
  StringRef Location;
  uint64_t Offset = 0, Length = Size;
  for (const pb::StringStringEntryProto &Entry : Tensor.external_data()) {
    StringRef Value = Entry.value();
    if (Entry.key() == "location")
      Location = Value;
    else if ((Entry.key() == "offset" && Value.getAsInteger(10, Offset)) ||
             (Entry.key() == "length" && Value.getAsInteger(10, Length)))
      return createStringError("external data: '" + Entry.key() + "' is '" +
                               Value + "', not a number of bytes");
  }
  Expected<std::shared_ptr<llvm::MemoryBuffer>> Buffer =
      External.open(Location);
  if (!Buffer)
    return Buffer.takeError();
  if (Length != Size)
    return createStringError("external data of " + Twine(Length) +
                             " bytes, but its shape needs " + Twine(Size));
  uint64_t Available = (*Buffer)->getBufferSize();
  if (Offset > Available || Length > Available - Offset)
    return createStringError("external data ends at byte " + Twine(Offset) +
                             " + " + Twine(Length) + " of '" + Location +
                             "', which has " + Twine(Available) +
                             "; is the file complete?");
  onnx::ConstantMemory::of(Context)->addFile(*Buffer);
  Elements Result;
  Result.Bytes = (*Buffer)->getBuffer().substr(Offset, Length);
  Result.Mapped = *Buffer;
  return Result;
}

Expected<TensorReader::Elements>
TensorReader::readElements(const pb::TensorProto &Tensor, unsigned Bits,
                           int64_t Count) {
  // makeTensorType has bounded Count * 128.
  uint64_t Size = llvm::divideCeil(uint64_t(Count) * Bits, 8);
  if (Tensor.has_segment())
    return createStringError(
        "tensor data in segments; save the model with whole tensors");
  if (Tensor.data_location() == pb::TensorProto::EXTERNAL)
    return readExternal(Tensor, Size);

  auto Mismatch = [&](const Twine &What) -> Error {
    return createStringError(What + ", but its shape needs " + Twine(Count) +
                             " elements (" + Twine(Size) + " bytes)");
  };
  const TensorPayload *Payload = Model.lookup(Tensor.raw_data());
  TypedField Field = getTypedField(Tensor.data_type(), Bits);
  // A 6-bit type's typed field holds one element an entry.
  bool Unpacked6 = Bits == 6;
  Elements Result;
  bool HasRaw = false, HasTyped = false;
  for (const TensorPayload::Chunk &Chunk :
       Payload ? ArrayRef(Payload->Chunks) : ArrayRef<TensorPayload::Chunk>()) {
    if (Chunk.Field == 9) {
      // The last value of a field that occurs once counts.
      Result.Bytes = Chunk.Bytes;
      Result.Mapped = File;
      HasRaw = true;
      continue;
    }
    if (Chunk.Field != Field.Number)
      return createStringError(
          "its elements are in a field for another element type");
    HasTyped = true;
  }
  if (HasRaw && HasTyped)
    return createStringError(
        "both raw and typed data; a tensor has one of them");
  if (HasRaw) {
    if (Result.Bytes.size() != Size)
      return Mismatch("raw data of " + Twine(Result.Bytes.size()) + " bytes");
    return Result;
  }

  bool IsFixed = Field.Number == 4 || Field.Number == 10;
  if (IsFixed && Payload && Payload->Chunks.size() == 1 &&
      Payload->Chunks[0].Bytes.size() == Size) {
    // Packed IEEE numbers are raw data by another name.
    Result.Bytes = Payload->Chunks[0].Bytes;
    Result.Mapped = File;
    return Result;
  }
  for (const TensorPayload::Chunk &Chunk :
       Payload ? ArrayRef(Payload->Chunks) : ArrayRef<TensorPayload::Chunk>()) {
    if (IsFixed)
      Result.Owned += Chunk.Bytes;
    else if (!appendVarints(Result.Owned, Chunk.Bytes, Field.EntryBytes))
      return createStringError(
          "malformed integers in its data; is the file damaged?");
    // A file of n bytes must not make a string of more than about n.
    if (Result.Owned.size() > 2 * Size + 64)
      break;
  }
  // What was not packed is still in the message.
  switch (Field.Number) {
  case 4:
    for (float Value : Tensor.float_data())
      append(Result.Owned, llvm::bit_cast<uint32_t>(Value), 4);
    break;
  case 10:
    for (double Value : Tensor.double_data())
      append(Result.Owned, llvm::bit_cast<uint64_t>(Value), 8);
    break;
  case 5:
    for (int32_t Value : Tensor.int32_data())
      append(Result.Owned, Value, Field.EntryBytes);
    break;
  case 7:
    for (int64_t Value : Tensor.int64_data())
      append(Result.Owned, Value, Field.EntryBytes);
    break;
  default:
    for (uint64_t Value : Tensor.uint64_data())
      append(Result.Owned, Value, Field.EntryBytes);
  }
  if (Unpacked6) {
    if (Result.Owned.size() != uint64_t(Count))
      return Mismatch("typed data of " + Twine(Result.Owned.size()) +
                      " elements");
    std::string Packed(Size, '\0');
    for (int64_t I = 0; I < Count; ++I)
      for (unsigned Bit = 0; Bit < 6; ++Bit)
        if (Result.Owned[I] >> Bit & 1)
          Packed[(I * 6 + Bit) / 8] |= char(1 << ((I * 6 + Bit) % 8));
    Result.Owned = std::move(Packed);
    return Result;
  }
  if (Result.Owned.size() != Size)
    return Mismatch("typed data of " +
                    Twine(Result.Owned.size() / Field.EntryBytes) +
                    (Bits % (8 * Field.EntryBytes) ? " bytes" : " entries"));
  return Result;
}

ElementsAttr TensorReader::build(RankedTensorType Type, Elements Data,
                                 StringRef Name) {
  int64_t Count = Type.getNumElements();
  mlir::Type Element = Type.getElementType();
  unsigned Bits = getRawBits(Element);
  StringRef Bytes = Data.get();
  if (Count <= MaxDenseElements) {
    if (Element.isInteger(1)) {
      SmallVector<bool> Values(
          llvm::map_range(Bytes, [](char C) { return C != 0; }));
      return DenseElementsAttr::get(Type, Values);
    }
    std::string Storage = Bits < 8 ? unpack(Bytes, Bits, Count) : Bytes.str();
    return DenseElementsAttr::getFromRawBuffer(
        Type, ArrayRef(Storage.data(), Storage.size()));
  }
  if (Bits == 6) {
    Data.Owned = unpack(Bytes, Bits, Count);
    Data.Mapped = nullptr;
  }
  AsmResourceBlob Blob;
  if (Data.Mapped) {
    Blob = UnmanagedAsmResourceBlob::allocateWithAlign(
        ArrayRef(Bytes.data(), Bytes.size()),
        getAlignment(Bytes.data(), Bits / 8),
        [Keep = std::move(Data.Mapped)](void *, size_t, size_t) {});
  } else {
    Blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(
        ArrayRef(Data.Owned.data(), Data.Owned.size()),
        getAlignment(nullptr, Bits / 8));
  }
  return DenseResourceElementsAttr::get(Type, Name.empty() ? "tensor" : Name,
                                        std::move(Blob));
}

Expected<ElementsAttr> TensorReader::read(const pb::TensorProto &Tensor,
                                          StringRef Name) {
  Expected<Type> Element = readElementType(Context, Tensor.data_type());
  if (!Element)
    return Element.takeError();
  SmallVector<int64_t> Dims(Tensor.dims().begin(), Tensor.dims().end());
  if (llvm::is_contained(Dims, ShapedType::kDynamic))
    return createStringError("a negative dimension");
  Expected<RankedTensorType> Type = makeTensorType(Dims, *Element);
  if (!Type)
    return Type.takeError();
  int64_t Count = Type->getNumElements();
  if (isa<onnx::StringType>(*Element)) {
    if (Tensor.data_location() == pb::TensorProto::EXTERNAL)
      return createStringError("strings cannot be external data");
    if (Tensor.string_data_size() != Count)
      return createStringError(Twine(Tensor.string_data_size()) +
                               " strings, but its shape needs " + Twine(Count));
    SmallVector<StringRef> Values(Tensor.string_data().begin(),
                                  Tensor.string_data().end());
    return DenseElementsAttr::get(*Type, Values);
  }
  if (Tensor.string_data_size())
    return createStringError(
        "its elements are in a field for another element type");
  Expected<Elements> Data = readElements(Tensor, getRawBits(*Element), Count);
  if (!Data)
    return Data.takeError();
  return build(*Type, std::move(*Data), Name);
}

Expected<ElementsAttr> TensorReader::read(const pb::SparseTensorProto &Sparse,
                                          StringRef Name) {
  Expected<ElementsAttr> Values = read(Sparse.values(), Name);
  if (!Values)
    return Values.takeError();
  Expected<ElementsAttr> Indices = read(Sparse.indices(), Name);
  if (!Indices)
    return Indices.takeError();
  Type Element = Values->getElementType();
  SmallVector<int64_t> Dims(Sparse.dims().begin(), Sparse.dims().end());
  if (llvm::is_contained(Dims, ShapedType::kDynamic))
    return createStringError("a negative dimension");
  Expected<RankedTensorType> Type = makeTensorType(Dims, Element);
  if (!Type)
    return Type.takeError();
  auto IndicesType = cast<RankedTensorType>(Indices->getShapedType());
  int64_t NonZeros = Values->getNumElements(), Rank = Dims.size();
  bool IsLinear = IndicesType.getRank() == 1;
  if (!IndicesType.getElementType().isInteger(64) ||
      isa<onnx::StringType>(Element) ||
      cast<RankedTensorType>(Values->getShapedType()).getRank() != 1 ||
      IndicesType.getRank() < 1 || IndicesType.getRank() > 2 ||
      IndicesType.getDimSize(0) != NonZeros ||
      (!IsLinear && IndicesType.getDimSize(1) != Rank))
    return createStringError("a sparse tensor whose values and indices do not "
                             "fit each other; values are [N] and "
                             "indices int64 of [N] or [N, rank]");
  unsigned Bits = getRawBits(Element);
  if (Bits < 8)
    return createStringError(
        "a sparse tensor of elements narrower than a byte; make it dense");
  int64_t Count = Type->getNumElements(), Bytes = Bits / 8;
  if (Count > MaxDensifiedBytes / Bytes)
    return createStringError(
        "a sparse tensor that takes more than 2 GB once dense");

  // Read back from the protos, not the attributes: those hold either of two
  // storages.
  Expected<Elements> ValueData = readElements(Sparse.values(), Bits, NonZeros);
  if (!ValueData)
    return ValueData.takeError();
  Expected<Elements> IndexData =
      readElements(Sparse.indices(), 64, IndicesType.getNumElements());
  if (!IndexData)
    return IndexData.takeError();
  Elements Dense;
  Dense.Owned.assign(Count * Bytes, '\0');
  for (int64_t I = 0; I < NonZeros; ++I) {
    int64_t At = 0;
    for (int64_t D = 0, E = IsLinear ? 1 : Rank; D < E; ++D) {
      int64_t Limit = IsLinear ? Count : Dims[D];
      auto Index = int64_t(llvm::support::endian::read64le(
          IndexData->get().data() + 8 * (I * E + D)));
      if (Index < 0 || Index >= Limit)
        return createStringError("a sparse tensor with index " + Twine(Index) +
                                 " outside its shape");
      At = At * Limit + Index;
    }
    std::copy_n(ValueData->get().data() + I * Bytes, Bytes,
                Dense.Owned.data() + At * Bytes);
  }
  return build(*Type, std::move(Dense), Name);
}

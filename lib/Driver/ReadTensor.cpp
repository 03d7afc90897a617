//===- ReadTensor.cpp - .npy files and TensorProtos -----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Both are read whatever they hold: lengths are checked before they are used.
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/HostTensor.h"
#include "onnx-ml.pb.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstring>

using namespace lathe::run;

static llvm::Error error(const llvm::Twine &Message) {
  return llvm::createStringError(Message);
}

/// Elements of \p Shape, or an error if that is no size of a tensor.
static llvm::Expected<uint64_t> countOf(llvm::ArrayRef<int64_t> Shape) {
  uint64_t Count = 1;
  bool Overflow = false;
  for (int64_t D : Shape) {
    if (D < 0)
      return error("a negative dimension");
    Count = llvm::SaturatingMultiply<uint64_t>(Count, D, &Overflow);
    if (Overflow || Count > (uint64_t(1) << 48))
      return error("dimensions that overflow");
  }
  return Count;
}

//===----------------------------------------------------------------------===//
// .npy
//===----------------------------------------------------------------------===//

/// The text after `'Key': ` in the header's dictionary, up to the next entry.
static llvm::StringRef entry(llvm::StringRef Header, llvm::StringRef Key) {
  size_t At = Header.find(("'" + Key + "'").str());
  if (At == llvm::StringRef::npos)
    return {};
  return Header.drop_front(At + Key.size() + 2).ltrim(" :");
}

/// The lathe_type of a dtype such as "<f4"; 0 for raw bytes.
static std::optional<int32_t> typeOfDescr(llvm::StringRef Descr) {
  if (Descr.starts_with("|V") || Descr.starts_with("<V"))
    return 0;
  return llvm::StringSwitch<std::optional<int32_t>>(Descr)
      .Case("<f4", LATHE_FLOAT)
      .Cases({"|u1", "<u1"}, LATHE_UINT8)
      .Cases({"|i1", "<i1"}, LATHE_INT8)
      .Case("<u2", LATHE_UINT16)
      .Case("<i2", LATHE_INT16)
      .Case("<i4", LATHE_INT32)
      .Case("<i8", LATHE_INT64)
      .Case("|b1", LATHE_BOOL)
      .Case("<f2", LATHE_FLOAT16)
      .Case("<f8", LATHE_DOUBLE)
      .Case("<u4", LATHE_UINT32)
      .Case("<u8", LATHE_UINT64)
      .Case("<c8", LATHE_COMPLEX64)
      .Case("<c16", LATHE_COMPLEX128)
      .Default(std::nullopt);
}

/// Row-major order of column-major \p From.
static std::vector<char> toRowMajor(llvm::StringRef From,
                                    llvm::ArrayRef<int64_t> Shape,
                                    unsigned Bytes) {
  std::vector<char> To(From.size());
  std::vector<int64_t> Index(Shape.size(), 0);
  uint64_t Count = From.size() / Bytes;
  for (uint64_t Out = 0; Out < Count; ++Out) {
    uint64_t In = 0;
    for (size_t D = Shape.size(); D-- > 0;)
      In = In * Shape[D] + Index[D];
    std::memcpy(To.data() + Out * Bytes, From.data() + In * Bytes, Bytes);
    for (size_t D = Shape.size(); D-- > 0;) {
      if (++Index[D] < Shape[D])
        break;
      Index[D] = 0;
    }
  }
  return To;
}

static llvm::Expected<HostTensor> readNpy(llvm::StringRef Bytes,
                                          int32_t Wanted) {
  if (!Bytes.consume_front("\x93NUMPY") || Bytes.size() < 4)
    return error("it is no .npy file");
  unsigned Major = uint8_t(Bytes[0]), LengthBytes = Major >= 2 ? 4 : 2;
  Bytes = Bytes.drop_front(2);
  if (Bytes.size() < LengthBytes)
    return error("it is cut off");
  uint32_t Length = LengthBytes == 2
                        ? llvm::support::endian::read16le(Bytes.data())
                        : llvm::support::endian::read32le(Bytes.data());
  Bytes = Bytes.drop_front(LengthBytes);
  if (Bytes.size() < Length)
    return error("it is cut off");
  llvm::StringRef Header = Bytes.take_front(Length),
                  Data = Bytes.drop_front(Length);

  HostTensor T;
  llvm::StringRef Quoted = entry(Header, "descr");
  if (!Quoted.consume_front("'"))
    return error("it has a structured dtype");
  llvm::StringRef Descr = Quoted.take_until([](char C) { return C == '\''; });
  std::optional<int32_t> Type = typeOfDescr(Descr);
  if (!Type)
    return error("its dtype '" + Descr + "' is not supported");
  unsigned Bits = elementBits(*Type);
  if (*Type == 0) {
    // Types that numpy does not know, held in as many bytes as they need.
    unsigned Size = 0;
    if (Descr.drop_front(2).getAsInteger(10, Size) || !elementBits(Wanted) ||
        Size != (elementBits(Wanted) + 7) / 8)
      return error("its dtype '" + Descr + "' does not fit " +
                   typeName(Wanted));
    Type = Wanted;
    Bits = Size * 8;
  }
  T.Type = *Type;

  llvm::StringRef Dims = entry(Header, "shape");
  if (!Dims.consume_front("("))
    return error("it has no shape");
  Dims = Dims.take_until([](char C) { return C == ')'; });
  llvm::SmallVector<llvm::StringRef> Parts;
  Dims.split(Parts, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef Part : Parts) {
    int64_t D;
    if (Part = Part.trim(); Part.empty())
      continue;
    if (Part.getAsInteger(10, D))
      return error("its shape cannot be read");
    T.Shape.push_back(D);
  }
  llvm::Expected<uint64_t> Count = countOf(T.Shape);
  if (!Count)
    return Count.takeError();
  uint64_t Need = *Count * Bits / 8;
  if (Data.size() < Need)
    return error("it holds fewer elements than its shape says");
  Data = Data.take_front(Need);
  if (entry(Header, "fortran_order").starts_with("True"))
    T.Data = toRowMajor(Data, T.Shape, Bits / 8);
  else
    T.Data.assign(Data.begin(), Data.end());
  if (unsigned Narrow = elementBits(T.Type); Narrow < 8) {
    // One element a byte here, several in the C interface.
    std::vector<char> Packed((*Count * Narrow + 7) / 8, 0);
    for (uint64_t I = 0; I < *Count; ++I)
      Packed[I * Narrow / 8] |= (T.Data[I] & ((1 << Narrow) - 1))
                                << (I * Narrow % 8);
    T.Data = std::move(Packed);
  }
  return T;
}

//===----------------------------------------------------------------------===//
// TensorProto
//===----------------------------------------------------------------------===//

/// Appends the low \p Bytes bytes of each element of a repeated field.
template <typename Field>
static void append(std::vector<char> &Data, const Field &Elements,
                   unsigned Bytes) {
  for (auto Element : Elements) {
    char Raw[sizeof(Element)];
    std::memcpy(Raw, &Element, sizeof(Element));
    Data.insert(Data.end(), Raw,
                Raw + std::min<size_t>(Bytes, sizeof(Element)));
  }
}

/// The positions of strings in \p Names.
static llvm::Expected<HostTensor> positionsIn(const lathe_map_keys &Names,
                                              const onnx::TensorProto &Proto) {
  HostTensor T;
  T.Type = LATHE_INT64;
  T.Shape.assign(Proto.dims().begin(), Proto.dims().end());
  llvm::Expected<uint64_t> Count = countOf(T.Shape);
  if (!Count)
    return Count.takeError();
  if (*Count != uint64_t(Proto.string_data_size()))
    return error("it holds " + llvm::Twine(Proto.string_data_size()) +
                 " strings, its shape needs " + llvm::Twine(*Count));
  std::vector<int64_t> Positions;
  for (const std::string &Name : Proto.string_data()) {
    const char *const *End = Names.strings + Names.count;
    const char *const *At = std::find_if(
        Names.strings, End, [&](const char *Known) { return Name == Known; });
    Positions.push_back(At == End ? -1 : At - Names.strings);
  }
  append(T.Data, Positions, sizeof(int64_t));
  return T;
}

static llvm::Expected<HostTensor> readProto(llvm::StringRef Bytes,
                                            const lathe_map_keys *Names) {
  onnx::TensorProto Proto;
  if (!Proto.ParseFromArray(Bytes.data(), Bytes.size()))
    return error("it is no TensorProto");
  if (Proto.data_type() == LATHE_STRING && Names && Names->strings)
    return positionsIn(*Names, Proto);
  HostTensor T;
  T.Type = Proto.data_type();
  T.Shape.assign(Proto.dims().begin(), Proto.dims().end());
  unsigned Bits = elementBits(T.Type);
  if (!Bits)
    return error("tensors of " + typeName(T.Type) + " are not supported");
  llvm::Expected<uint64_t> Count = countOf(T.Shape);
  if (!Count)
    return Count.takeError();
  uint64_t Need = (*Count * Bits + 7) / 8;
  if (Proto.has_raw_data())
    T.Data.assign(Proto.raw_data().begin(), Proto.raw_data().end());
  else if (T.Type == LATHE_FLOAT || T.Type == LATHE_COMPLEX64)
    append(T.Data, Proto.float_data(), 4);
  else if (T.Type == LATHE_DOUBLE || T.Type == LATHE_COMPLEX128)
    append(T.Data, Proto.double_data(), 8);
  else if (T.Type == LATHE_INT64)
    append(T.Data, Proto.int64_data(), 8);
  else if (T.Type == LATHE_UINT64 || T.Type == LATHE_UINT32)
    append(T.Data, Proto.uint64_data(), Bits / 8);
  else
    // Everything narrower; 4- and 2-bit elements come packed in bytes.
    append(T.Data, Proto.int32_data(), std::max(1u, Bits / 8));
  if (T.Data.size() != Need)
    return error("it holds " + llvm::Twine(T.Data.size()) +
                 " bytes, its shape needs " + llvm::Twine(Need));
  return T;
}

llvm::Expected<HostTensor> lathe::run::readTensor(llvm::StringRef Path,
                                                  int32_t Wanted,
                                                  const lathe_map_keys *Names) {
  auto Buffer = llvm::MemoryBuffer::getFile(Path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!Buffer)
    return error(Path + ": " + Buffer.getError().message());
  llvm::StringRef Bytes = (*Buffer)->getBuffer();
  llvm::Expected<HostTensor> T =
      Path.ends_with(".npy") ? readNpy(Bytes, Wanted) : readProto(Bytes, Names);
  if (!T)
    return error(Path + ": " + llvm::toString(T.takeError()));
  return T;
}

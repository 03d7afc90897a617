//===- WireScanner.cpp - Tensor payloads left in the file -----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WireScanner.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/LEB128.h"

using namespace lathe::import;
using llvm::Error;
using llvm::StringRef;

namespace {

/// The messages on the way from a model to its tensors. All others are copied
/// whole.
enum Kind : uint8_t {
  Copy,
  Drop,
  Model,
  Graph,
  Node,
  Attribute,
  Function,
  Sparse,
  Tensor
};

/// What to do with length-delimited field \p Field of message \p In.
Kind classify(Kind In, uint64_t Field) {
  switch (In) {
  case Model:
    return Field == 7                                 ? Graph
           : Field == 25                              ? Function
           : Field == 20 || Field == 6 || Field == 14 ? Drop
                                                      : Copy;
  case Graph:
    return Field == 1                   ? Node
           : Field == 5                 ? Tensor
           : Field == 15                ? Sparse
           : Field == 10 || Field == 16 ? Drop
                                        : Copy;
  case Node:
    return Field == 5                                ? Attribute
           : Field == 6 || Field == 9 || Field == 10 ? Drop
                                                     : Copy;
  case Attribute:
    switch (Field) {
    case 5:
    case 10:
      return Tensor;
    case 6:
    case 11:
      return Graph;
    case 22:
    case 23:
      return Sparse;
    case 13:
      return Drop;
    default:
      return Copy;
    }
  case Function:
    return Field == 7                  ? Node
           : Field == 11               ? Attribute
           : Field == 8 || Field == 14 ? Drop
                                       : Copy;
  case Sparse:
    return Field == 1 || Field == 2 ? Tensor : Copy;
  default:
    return Copy;
  }
}

/// float_data, int32_data, int64_data, raw_data, double_data, uint64_data.
bool isNumericData(uint64_t Field) {
  return Field == 4 || Field == 5 || Field == 7 || Field == 9 || Field == 10 ||
         Field == 11;
}

/// Protobuf's own limit on nested messages.
constexpr unsigned MaxDepth = 100;

class Scanner {
public:
  Scanner(StringRef Input, ScannedModel &Result)
      : Input(Input), Result(Result) {}

  /// Copies the message of kind \p In that spans [\p Pos, \p End).
  Error scan(Kind In, size_t Pos, size_t End, unsigned Depth);

private:
  Error fail(size_t Pos, const llvm::Twine &Why) {
    return llvm::createStringError("malformed protobuf at byte " +
                                   llvm::Twine(Pos) + ": " + Why);
  }
  Error truncated(size_t Pos) {
    return fail(Pos, "the file ends inside a field; is it truncated?");
  }
  /// Reads a varint at \p Pos; false if it is malformed or passes \p End.
  bool readVarint(size_t &Pos, size_t End, uint64_t &Value);

  StringRef Input;
  ScannedModel &Result;
};

} // namespace

bool Scanner::readVarint(size_t &Pos, size_t End, uint64_t &Value) {
  Value = 0;
  for (unsigned Shift = 0; Shift < 70 && Pos < End; Shift += 7) {
    uint8_t Byte = Input[Pos++];
    if (Shift < 64)
      Value |= uint64_t(Byte & 0x7f) << Shift;
    if (Byte < 0x80)
      return true;
  }
  return false;
}

Error Scanner::scan(Kind In, size_t Pos, size_t End, unsigned Depth) {
  if (Depth > MaxDepth)
    return fail(Pos, "messages are nested more than 100 deep");
  std::string &Out = Result.Message;
  size_t Payload = 0;
  if (In == Tensor) {
    Payload = Result.Payloads.size();
    Result.Payloads.emplace_back();
  }
  while (Pos < End) {
    size_t Start = Pos;
    uint64_t Tag, Length = 0;
    if (!readVarint(Pos, End, Tag))
      return truncated(Start);
    uint64_t Field = Tag >> 3;
    if (Field == 0 || Tag > UINT32_MAX)
      return fail(Start, "no field has this number; is it an ONNX file?");
    switch (Tag & 7) {
    case 0:
      if (!readVarint(Pos, End, Length))
        return truncated(Start);
      Out.append(Input.data() + Start, Pos - Start);
      continue;
    case 1:
    case 5: {
      size_t Size = (Tag & 7) == 1 ? 8 : 4;
      if (End - Pos < Size)
        return truncated(Start);
      Pos += Size;
      Out.append(Input.data() + Start, Pos - Start);
      continue;
    }
    case 2:
      break;
    default:
      return fail(Start, "unknown wire type; is it an ONNX file?");
    }
    size_t AfterTag = Pos;
    if (!readVarint(Pos, End, Length) || Length > End - Pos)
      return truncated(Start);
    size_t Contents = Pos;
    Pos += Length;
    if (In == Tensor && isNumericData(Field)) {
      if (Length)
        Result.Payloads[Payload].Chunks.push_back(
            {unsigned(Field), Input.substr(Contents, Length)});
      continue;
    }
    Kind Child = In == Tensor && Field == 12 ? Drop : classify(In, Field);
    if (Child == Drop)
      continue;
    if (Child == Copy) {
      Out.append(Input.data() + Start, Pos - Start);
      continue;
    }
    // The length is known only afterwards: room for five bytes, padded.
    Out.append(Input.data() + Start, AfterTag - Start);
    size_t LengthAt = Out.size();
    Out.append(5, '\0');
    if (Error E = scan(Child, Contents, Pos, Depth + 1))
      return E;
    size_t Size = Out.size() - LengthAt - 5;
    if (Size > INT32_MAX)
      return fail(Start, "more than 2 GB of anything but numeric tensor data");
    llvm::encodeULEB128(Size,
                        reinterpret_cast<uint8_t *>(Out.data() + LengthAt), 5);
  }
  if (In == Tensor) {
    char Index[10] = {9 << 3 | 2, 8};
    llvm::support::endian::write64le(Index + 2, Payload);
    Out.append(Index, sizeof(Index));
  }
  return Error::success();
}

const TensorPayload *ScannedModel::lookup(StringRef RawData) const {
  if (RawData.size() != 8)
    return nullptr;
  uint64_t Index = llvm::support::endian::read64le(RawData.data());
  return Index < Payloads.size() ? &Payloads[Index] : nullptr;
}

llvm::Expected<ScannedModel> lathe::import::scanModel(StringRef Model) {
  ScannedModel Result;
  if (Error E = Scanner(Model, Result).scan(Kind::Model, 0, Model.size(), 1))
    return std::move(E);
  if (Result.Message.size() > INT32_MAX)
    return llvm::createStringError(
        "more than 2 GB of anything but numeric tensor data");
  return Result;
}

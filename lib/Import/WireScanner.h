//===- WireScanner.h - Tensor payloads left in the file -------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Walks a model in protobuf's wire format and splits it: numeric tensor data
// stays where it is in the file, all else is copied into a small message that
// protobuf parses. So a model may be larger than protobuf's limit of 2 GB, and
// its weights are never copied.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_IMPORT_WIRESCANNER_H
#define LATHE_LIB_IMPORT_WIRESCANNER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace lathe::import {

/// The numeric data of one TensorProto: raw data or packed fields, in file
/// order.
struct TensorPayload {
  struct Chunk {
    /// The field of TensorProto that the bytes are the contents of.
    unsigned Field;
    llvm::StringRef Bytes;
  };
  llvm::SmallVector<Chunk, 1> Chunks;
};

struct ScannedModel {
  /// A ModelProto without numeric tensor data, training information and doc
  /// strings. Every TensorProto in it has as `raw_data` the 8 bytes of its
  /// index in Payloads.
  std::string Message;
  std::vector<TensorPayload> Payloads;

  /// The payload that a TensorProto's `raw_data` names; null if it names none.
  const TensorPayload *lookup(llvm::StringRef RawData) const;
};

/// Splits \p Model. The payloads point into it.
llvm::Expected<ScannedModel> scanModel(llvm::StringRef Model);

} // namespace lathe::import

#endif // LATHE_LIB_IMPORT_WIRESCANNER_H

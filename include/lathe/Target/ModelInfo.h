//===- ModelInfo.h - What a compiled model takes and gives ------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The module attributes that Codegen leaves (see docs/architecture.md), as
// plain data for the ABI, the header and the tools.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_TARGET_MODELINFO_H
#define LATHE_TARGET_MODELINFO_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"
#include <optional>
#include <string>
#include <vector>

namespace lathe::target {

/// The keys of a matrix that the model calls a sequence of maps.
struct MapKeys {
  /// One of the two holds a key for each column.
  std::vector<int64_t> Ints;
  std::vector<std::string> Strings;

  bool empty() const { return Ints.empty() && Strings.empty(); }
};

struct TensorInfo {
  std::string Name;
  /// ONNX's number of the element type (lathe_type of lathe.h).
  int32_t Type = 0;
  /// Dynamic dimensions are -1.
  std::vector<int64_t> Shape;
  /// Names of dynamic dimensions, "" elsewhere and where there is none.
  std::vector<std::string> Dims;
  /// Of an output that is a sequence of maps, a row for each; of names.
  MapKeys Keys;

  bool isStatic() const;
  /// Bytes of a dense tensor with \p Elements elements.
  uint64_t bytes(uint64_t Elements) const;
  /// Bytes if the shape is static.
  uint64_t bytes() const;
  unsigned elementBits() const;
  /// Alignment that the caller owes: that of the C type.
  unsigned alignment() const;
  /// The C type of an element, e.g. "float" or "uint16_t".
  llvm::StringRef cType() const;
  /// The enumerator in lathe.h, e.g. "LATHE_FLOAT".
  llvm::StringRef enumerator() const;
  /// "[1,batch,-1]"; dynamic dimensions without a name are '?'.
  std::string shapeText() const;
};

struct ModelInfo {
  std::vector<TensorInfo> Inputs, Outputs;
  /// Absent if it depends on the shapes of inputs.
  std::optional<int64_t> WorkspaceBytes;
  int64_t WeightsBytes = 0;
  /// Kernels run on a device; workspace and weights are its memory.
  bool OnDevice = false;
  /// Names of nodes by number, for statuses.
  std::vector<std::string> Nodes;

  bool isStatic() const;
  /// Reads the attributes of \p Module; a located diagnostic where they are
  /// missing or name a type that the C interface cannot carry.
  static mlir::FailureOr<ModelInfo> read(mlir::ModuleOp Module);
};

} // namespace lathe::target

#endif // LATHE_TARGET_MODELINFO_H

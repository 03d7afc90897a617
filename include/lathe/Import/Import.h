//===- Import.h - ONNX files to the onnx dialect --------------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The entry of the stage Import. Whatever bytes it is given, the outcome is a
// verified module or at least one error diagnostic; never an assertion, never a
// crash. A diagnostic's location is the file (line 0) and its message reads
// `node 'conv1' (Conv): reason; what to do`.
//
// How tensors are held:
// * up to 64 elements: DenseElementsAttr, MLIR's storage (i1 one bit each,
// other
//   types narrower than a byte one byte each, zero extended); strings always
//   so;
// * above: `dense_resource` in the storage of an ONNX file's raw data: little
//   endian, i1 one byte each, 4- and 2-bit types packed, low bits first. The
//   blob points into the mapped file (which it keeps alive) wherever the file
//   holds this form, at whatever alignment the file has it.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_IMPORT_IMPORT_H
#define LATHE_IMPORT_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/MemoryBuffer.h"
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lathe::import {

struct ImportOptions {
  /// Graph inputs with an initializer that stay inputs, with that default.
  std::vector<std::string> Inputs;
  /// Symbolic dimensions made static.
  std::vector<std::pair<std::string, int64_t>> Dims;
  /// Told the path of each file that is read, the model's first; may be empty.
  std::function<void(llvm::StringRef)> OnFileRead;
};

/// True if \p Path ends in ".onnx" or its file begins like a model: the tools
/// decide by it what they read.
bool isONNXFile(llvm::StringRef Path);

/// Loads the dialects that the module needs into \p Context. Null after an
/// error.
mlir::OwningOpRef<mlir::ModuleOp>
importONNXFile(llvm::StringRef Path, mlir::MLIRContext &Context,
               const ImportOptions &Options = {});

/// As importONNXFile, from memory. \p Path names the model in diagnostics and
/// is where external data is looked for. Blobs keep \p Buffer alive.
mlir::OwningOpRef<mlir::ModuleOp>
importONNXBuffer(std::shared_ptr<llvm::MemoryBuffer> Buffer,
                 llvm::StringRef Path, mlir::MLIRContext &Context,
                 const ImportOptions &Options = {});

/// Whether the onnx package gives the op a function body that holds for every
/// node.
bool hasSchemaFunction(mlir::Operation *Op);

/// That body for \p Op: a module whose @main takes the operands that are there
/// and returns every result. Types may be `none`: shape inference must follow.
/// Null if there is none, or an attribute has no form in it.
mlir::OwningOpRef<mlir::ModuleOp> importSchemaFunction(mlir::Operation *Op);

} // namespace lathe::import

#endif // LATHE_IMPORT_IMPORT_H

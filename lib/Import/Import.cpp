//===- Import.cpp - ONNX files to the onnx dialect ------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Import/Import.h"
#include "ModelImporter.h"
#include "lathe/ONNX/ConstantMemory.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FileSystem.h"

using namespace lathe::import;
using namespace mlir;

bool lathe::import::isONNXFile(StringRef Path) {
  if (Path.ends_with(".onnx"))
    return true;
  if (Path == "-" || !llvm::sys::fs::is_regular_file(Path))
    return false;
  // The tag of `ir_version`, which exporters write first; no text and no
  // bytecode starts like this.
  auto Start = llvm::MemoryBuffer::getFileSlice(Path, 1, 0);
  return Start && (*Start)->getBuffer() == "\x08";
}

OwningOpRef<ModuleOp>
lathe::import::importONNXFile(StringRef Path, MLIRContext &Context,
                              const ImportOptions &Options) {
  Reporter Errors(&Context, Path);
  if (llvm::sys::fs::is_directory(Path)) {
    Errors.error("is a folder; name the model file in it");
    return nullptr;
  }
  auto Buffer = llvm::MemoryBuffer::getFile(Path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!Buffer) {
    Errors.error("cannot be read: " + Buffer.getError().message());
    return nullptr;
  }
  if (Options.OnFileRead)
    Options.OnFileRead(Path);
  return importONNXBuffer(std::move(*Buffer), Path, Context, Options);
}

OwningOpRef<ModuleOp>
lathe::import::importONNXBuffer(std::shared_ptr<llvm::MemoryBuffer> Buffer,
                                StringRef Path, MLIRContext &Context,
                                const ImportOptions &Options) {
  Context.loadDialect<onnx::ONNXDialect, func::FuncDialect>();
  Reporter Errors(&Context, Path);
  if (Buffer->getBufferSize() == 0) {
    Errors.error("is empty; an ONNX model is expected");
    return nullptr;
  }
  llvm::Expected<ScannedModel> Scanned = scanModel(Buffer->getBuffer());
  if (!Scanned) {
    Errors.error("is not a complete ONNX model: " +
                 llvm::toString(Scanned.takeError()));
    return nullptr;
  }
  pb::ModelProto Model;
  if (!Model.ParseFromString(Scanned->Message)) {
    Errors.error("is not an ONNX model: its protobuf messages are malformed");
    return nullptr;
  }
  Scanned->Message = {};
  if (!Model.has_graph()) {
    Errors.error("is not an ONNX model: it has no graph");
    return nullptr;
  }
  onnx::ConstantMemory::of(&Context)->addFile(Buffer);
  TensorReader Tensors(&Context, *Scanned, std::move(Buffer), Path,
                       Options.OnFileRead);
  OwningOpRef<ModuleOp> Module =
      ModelImporter(Model, Tensors, Errors, Path, Options).import();
  return Errors.finish() ? nullptr : std::move(Module);
}

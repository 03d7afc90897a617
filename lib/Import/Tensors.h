//===- Tensors.h - TensorProto and TypeProto to MLIR ----------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Attributes and types of one model. Import.h says how tensors are held. Errors
// are texts without place: the caller knows the node or the tensor.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_IMPORT_TENSORS_H
#define LATHE_LIB_IMPORT_TENSORS_H

#include "Proto.h"
#include "WireScanner.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <functional>
#include <memory>

namespace lathe::import {

struct ImportOptions;

/// The most elements of a constant that is held as DenseElementsAttr.
constexpr int64_t MaxDenseElements = 64;

/// Files of external data, each mapped once. A location must stay inside the
/// folder of the model, symbolic links resolved.
class ExternalFiles {
public:
  using FileCallback = std::function<void(llvm::StringRef)>;
  /// \p OnFileRead, if any, is told each file's path.
  ExternalFiles(llvm::StringRef ModelPath, FileCallback OnFileRead);
  llvm::Expected<std::shared_ptr<llvm::MemoryBuffer>>
  open(llvm::StringRef Location);

private:
  std::string Folder;
  FileCallback OnFileRead;
  llvm::StringMap<std::shared_ptr<llvm::MemoryBuffer>> Open;
};

class TensorReader {
public:
  TensorReader(mlir::MLIRContext *Context, const ScannedModel &Model,
               std::shared_ptr<llvm::MemoryBuffer> File,
               llvm::StringRef ModelPath,
               ExternalFiles::FileCallback OnFileRead = {})
      : Context(Context), Model(Model), File(std::move(File)),
        External(ModelPath, std::move(OnFileRead)) {}

  /// \p Name becomes the key of a resource.
  llvm::Expected<mlir::ElementsAttr> read(const pb::TensorProto &Tensor,
                                          llvm::StringRef Name);
  /// The dense tensor that \p Sparse stands for.
  llvm::Expected<mlir::ElementsAttr> read(const pb::SparseTensorProto &Sparse,
                                          llvm::StringRef Name);

  mlir::MLIRContext *getContext() const { return Context; }

private:
  /// The elements of a tensor in the storage of raw data: bytes in a mapped
  /// file, or owned.
  struct Elements {
    llvm::StringRef Bytes;
    std::shared_ptr<llvm::MemoryBuffer> Mapped;
    std::string Owned;
    llvm::StringRef get() const {
      return Mapped ? Bytes : llvm::StringRef(Owned);
    }
  };
  llvm::Expected<Elements> readElements(const pb::TensorProto &Tensor,
                                        unsigned Bits, int64_t Count);
  llvm::Expected<Elements> readExternal(const pb::TensorProto &Tensor,
                                        uint64_t Size);
  mlir::ElementsAttr build(mlir::RankedTensorType Type, Elements Data,
                           llvm::StringRef Name);

  mlir::MLIRContext *Context;
  const ScannedModel &Model;
  std::shared_ptr<llvm::MemoryBuffer> File;
  ExternalFiles External;
};

/// A ranked tensor type after checking that \p Dims are sizes (or dynamic)
/// whose product and size in bits fit 63 bits.
llvm::Expected<mlir::RankedTensorType>
makeTensorType(llvm::ArrayRef<int64_t> Dims, mlir::Type Element);

/// The element type of TensorProto.DataType \p DataType.
llvm::Expected<mlir::Type> readElementType(mlir::MLIRContext *Context,
                                           int64_t DataType);

/// The type that \p Type says, `none` if it says nothing. Symbolic dimensions
/// are static where \p Options say so; the others' names go to \p DimNames (""
/// for none).
llvm::Expected<mlir::Type>
readType(mlir::MLIRContext *Context, const pb::TypeProto &Type,
         const ImportOptions &Options,
         llvm::SmallVectorImpl<std::string> *DimNames = nullptr);

/// What both \p A and \p B say; null if they contradict.
mlir::Type mergeTypes(mlir::Type A, mlir::Type B);

} // namespace lathe::import

#endif // LATHE_LIB_IMPORT_TENSORS_H

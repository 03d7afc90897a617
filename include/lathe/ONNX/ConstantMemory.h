//===- ConstantMemory.h - Where the bytes of constants lie ------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Large constants are resources, which live as long as their context. So that a
// model takes little more memory than the pass at hand needs, the dialect knows
// of each resource whose bytes it has: those of mapped files can be let go at
// any time (the system reads them again when they are asked for), those that a
// pass made can be written in place, or freed, where nothing else refers to
// them. All else (constants read from text, models in other contexts) is left
// as it is.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_CONSTANTMEMORY_H
#define LATHE_ONNX_CONSTANTMEMORY_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectInterface.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/MemoryBuffer.h"
#include <mutex>

namespace lathe::onnx {

/// Of the onnx dialect; one for each context.
class ConstantMemory : public mlir::DialectInterface::Base<ConstantMemory> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ConstantMemory)
  explicit ConstantMemory(mlir::Dialect *D) : Base(D) {}

  /// Null where the onnx dialect is not loaded.
  static ConstantMemory *of(mlir::MLIRContext *Context);

  /// Keeps \p File, which holds constants, mapped as long as the context lives.
  void addFile(std::shared_ptr<llvm::MemoryBuffer> File);

  /// Whether the bytes at \p Data lie in a mapped file.
  bool isMapped(const char *Data) const;

  /// Nobody reads \p Bytes soon: what of them lies in a mapped file leaves the
  /// memory of the process.
  void release(llvm::ArrayRef<char> Bytes) const;
  /// As above, of the bytes of all files.
  void releaseFiles() const;

  /// \p Made holds bytes that belong to the pass that makes it.
  void noteMade(mlir::DenseResourceElementsAttr Made);
  bool isMade(mlir::DenseResourceElementsAttr Attr) const;

  /// Frees the bytes of \p Attr if a pass made them. Precondition: nothing
  /// refers to its resource any more.
  void discard(mlir::ElementsAttr Attr);

private:
  mutable std::mutex Lock;
  llvm::SmallVector<std::shared_ptr<llvm::MemoryBuffer>, 2> Files;
  llvm::DenseSet<const void *> Made;
};

/// Lets the bytes of \p Attr go, see `ConstantMemory::release`.
void releaseBytes(mlir::ElementsAttr Attr);

/// Who refers to the resources under an op: a reshaped constant shares them
/// with the one it came from.
class ResourceUses {
public:
  explicit ResourceUses(mlir::Operation *Root);

  /// The bytes of the constant \p V, if they may be written in place: a pass
  /// made them and only the one use \p V has sees them. Empty otherwise.
  llvm::MutableArrayRef<char> writable(mlir::Value V) const;

  /// Erases the constant that defines \p V if it has no use, and gives back its
  /// memory: frees what a pass made, lets go of what is mapped.
  void drop(mlir::Value V);

  /// Counts the constant \p V, made since the uses were counted.
  void add(mlir::Value V);

private:
  llvm::DenseMap<const void *, unsigned> Count;
};

} // namespace lathe::onnx

#endif // LATHE_ONNX_CONSTANTMEMORY_H

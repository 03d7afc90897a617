//===- ConstantMemory.cpp - Where the bytes of constants lie --------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/ConstantMemory.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/Process.h"
#include <sys/mman.h>

using namespace mlir;
using namespace lathe::onnx;

/// What stands for a resource, whatever type a constant reads it as.
static const void *keyOf(DenseResourceElementsAttr Attr) {
  return Attr.getRawHandle().getResource();
}

ConstantMemory *ConstantMemory::of(MLIRContext *Context) {
  auto *Dialect = Context->getLoadedDialect<ONNXDialect>();
  return Dialect ? Dialect->getRegisteredInterface<ConstantMemory>() : nullptr;
}

//===----------------------------------------------------------------------===//
// Mapped files
//===----------------------------------------------------------------------===//

void ConstantMemory::addFile(std::shared_ptr<llvm::MemoryBuffer> File) {
  // A small file is read, not mapped.
  if (File->getBufferKind() != llvm::MemoryBuffer::MemoryBuffer_MMap)
    return;
  std::lock_guard<std::mutex> Guard(Lock);
  if (!llvm::is_contained(Files, File))
    Files.push_back(std::move(File));
}

bool ConstantMemory::isMapped(const char *Data) const {
  std::lock_guard<std::mutex> Guard(Lock);
  return llvm::any_of(Files, [&](const auto &File) {
    return Data >= File->getBufferStart() && Data < File->getBufferEnd();
  });
}

void ConstantMemory::release(ArrayRef<char> Bytes) const {
  if (Bytes.empty() || !isMapped(Bytes.data()))
    return;
  // Whole pages: what shares its page with others stays.
  uintptr_t Page = llvm::sys::Process::getPageSizeEstimate();
  auto Begin = llvm::alignTo(reinterpret_cast<uintptr_t>(Bytes.begin()), Page);
  auto End = reinterpret_cast<uintptr_t>(Bytes.end()) / Page * Page;
  // Nothing is lost by it, nor by its failure: nobody writes to these pages.
  if (Begin < End)
    ::madvise(reinterpret_cast<void *>(Begin), End - Begin, MADV_DONTNEED);
}

void ConstantMemory::releaseFiles() const {
  SmallVector<ArrayRef<char>> All;
  {
    std::lock_guard<std::mutex> Guard(Lock);
    for (const auto &File : Files)
      All.push_back({File->getBufferStart(), File->getBufferSize()});
  }
  for (ArrayRef<char> Bytes : All)
    release(Bytes);
}

void lathe::onnx::releaseBytes(ElementsAttr Attr) {
  auto Resource = dyn_cast<DenseResourceElementsAttr>(Attr);
  ConstantMemory *Memory = ConstantMemory::of(Attr.getContext());
  if (!Resource || !Memory)
    return;
  if (AsmResourceBlob *Blob = Resource.getRawHandle().getBlob())
    Memory->release(Blob->getData());
}

//===----------------------------------------------------------------------===//
// What passes made
//===----------------------------------------------------------------------===//

void ConstantMemory::noteMade(DenseResourceElementsAttr Attr) {
  std::lock_guard<std::mutex> Guard(Lock);
  Made.insert(keyOf(Attr));
}

bool ConstantMemory::isMade(DenseResourceElementsAttr Attr) const {
  std::lock_guard<std::mutex> Guard(Lock);
  return Made.contains(keyOf(Attr));
}

void ConstantMemory::discard(ElementsAttr Attr) {
  auto Resource = dyn_cast<DenseResourceElementsAttr>(Attr);
  if (Resource && isMade(Resource))
    Resource.getRawHandle().getResource()->setBlob(AsmResourceBlob());
}

//===----------------------------------------------------------------------===//
// ResourceUses
//===----------------------------------------------------------------------===//

ResourceUses::ResourceUses(Operation *Root) {
  Root->walk([&](Operation *Op) {
    Op->getAttrDictionary().walk(
        [&](DenseResourceElementsAttr Attr) { ++Count[keyOf(Attr)]; });
  });
}

static DenseResourceElementsAttr resourceOf(Value V) {
  auto Op = V ? V.getDefiningOp<ConstantOp>() : ConstantOp();
  return Op ? dyn_cast<DenseResourceElementsAttr>(Op.getValue())
            : DenseResourceElementsAttr();
}

MutableArrayRef<char> ResourceUses::writable(Value V) const {
  DenseResourceElementsAttr Attr = resourceOf(V);
  ConstantMemory *Memory = ConstantMemory::of(V.getContext());
  AsmResourceBlob *Blob = Attr ? Attr.getRawHandle().getBlob() : nullptr;
  if (!Blob || !Memory || !V.hasOneUse() || Count.lookup(keyOf(Attr)) != 1 ||
      !Memory->isMade(Attr) || !Blob->isMutable())
    return {};
  return Blob->getMutableData();
}

void ResourceUses::drop(Value V) {
  auto Op = V ? V.getDefiningOp<ConstantOp>() : ConstantOp();
  if (!Op)
    return;
  ElementsAttr Attr = Op.getValue();
  releaseBytes(Attr);
  if (!Op->use_empty())
    return;
  Op->erase();
  auto Resource = dyn_cast<DenseResourceElementsAttr>(Attr);
  ConstantMemory *Memory = ConstantMemory::of(Attr.getContext());
  if (Resource && Memory && --Count[keyOf(Resource)] == 0)
    Memory->discard(Attr);
}

void ResourceUses::add(Value V) {
  if (DenseResourceElementsAttr Attr = resourceOf(V))
    ++Count[keyOf(Attr)];
}

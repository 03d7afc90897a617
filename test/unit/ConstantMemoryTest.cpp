//===- ConstantMemoryTest.cpp ---------------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/ConstantMemory.h"
#include "lathe/ONNX/ConstantView.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "gtest/gtest.h"
#include <fstream>

using namespace mlir;
using namespace lathe::onnx;

namespace {
struct ConstantMemoryTest : testing::Test {
  MLIRContext Context;
  OpBuilder B{&Context};
  OwningOpRef<ModuleOp> Module;
  ConstantMemoryTest() {
    Context.loadDialect<ONNXDialect>();
    Module = ModuleOp::create(B.getUnknownLoc());
    B.setInsertionPointToEnd(Module->getBody());
  }

  /// A constant of 100 floats, all 1, that a pass made.
  ConstantOp made() {
    std::vector<char> Bytes(400);
    for (int I = 0; I < 100; ++I)
      std::memcpy(Bytes.data() + 4 * I, "\0\0\x80\x3f", 4);
    return ConstantOp::create(
        B, B.getUnknownLoc(),
        makeTensor(RankedTensorType::get({100}, B.getF32Type()), Bytes));
  }
  ConstantOp constant(ElementsAttr Attr) {
    return ConstantOp::create(B, B.getUnknownLoc(), Attr);
  }
  void use(Value V) {
    OperationState State(B.getUnknownLoc(), "onnx.Yield");
    State.addOperands(V);
    B.create(State);
  }
  static bool isGone(ElementsAttr Attr) {
    return ConstantView::get(Attr)->isElided();
  }
};
} // namespace

/// Kilobytes of the mapping at \p Data that are in memory.
static long residentKB(const char *Data) {
  std::ifstream Maps("/proc/self/smaps");
  std::string Line;
  bool Here = false;
  while (std::getline(Maps, Line)) {
    unsigned long Begin, End;
    if (std::sscanf(Line.c_str(), "%lx-%lx ", &Begin, &End) == 2)
      Here = Begin <= uintptr_t(Data) && uintptr_t(Data) < End;
    long KB;
    if (Here && std::sscanf(Line.c_str(), "Rss: %ld kB", &KB) == 1)
      return KB;
  }
  return -1;
}

TEST_F(ConstantMemoryTest, MappedBytesLeaveMemoryAndComeBack) {
  llvm::SmallString<128> Path;
  int File;
  ASSERT_FALSE(
      llvm::sys::fs::createTemporaryFile("constants", "bin", File, Path));
  llvm::FileRemover Remove(Path);
  {
    llvm::raw_fd_ostream OS(File, /*shouldClose=*/true);
    for (int I = 0; I < (4 << 20); ++I)
      OS << char(I % 251);
  }
  auto Buffer = llvm::MemoryBuffer::getFile(Path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  ASSERT_TRUE(bool(Buffer));
  std::shared_ptr<llvm::MemoryBuffer> Shared = std::move(*Buffer);
  const char *Data = Shared->getBufferStart();
  auto Sum = [&] {
    unsigned long Total = 0;
    for (unsigned char C : Shared->getBuffer())
      Total += C;
    return Total;
  };
  unsigned long Before = Sum();
  EXPECT_GE(residentKB(Data), 4096);

  ConstantMemory *Memory = ConstantMemory::of(&Context);
  ASSERT_NE(Memory, nullptr);
  // Not known: nothing happens.
  Memory->release({Data, Shared->getBufferSize()});
  EXPECT_GE(residentKB(Data), 4096);

  Memory->addFile(Shared);
  EXPECT_TRUE(Memory->isMapped(Data + 1));
  Memory->release({Data, size_t(2) << 20});
  long Half = residentKB(Data);
  EXPECT_GE(Half, 2048);
  EXPECT_LT(Half, 4096);
  Memory->releaseFiles();
  EXPECT_EQ(residentKB(Data), 0);
  EXPECT_EQ(Sum(), Before);
}

TEST_F(ConstantMemoryTest, WritableInPlaceWithOneUseOnly) {
  ConstantOp Sole = made(), Twice = made(), Unused = made();
  use(Sole);
  use(Twice);
  use(Twice);
  // Reshaped: another constant of the same bytes.
  ConstantOp Shared = made();
  auto Handle =
      cast<DenseResourceElementsAttr>(Shared.getValue()).getRawHandle();
  ConstantOp View = constant(DenseResourceElementsAttr::get(
      RankedTensorType::get({10, 10}, B.getF32Type()), Handle));
  use(Shared);
  use(View);
  // Of a file, or from text.
  static const char Given[400] = {};
  ConstantOp Foreign = constant(DenseResourceElementsAttr::get(
      RankedTensorType::get({100}, B.getF32Type()), "file",
      UnmanagedAsmResourceBlob::allocateInferAlign(ArrayRef<char>(Given))));
  use(Foreign);

  ResourceUses Uses(*Module);
  EXPECT_EQ(Uses.writable(Sole).size(), 400u);
  EXPECT_TRUE(Uses.writable(Twice).empty());
  EXPECT_TRUE(Uses.writable(Unused).empty());
  EXPECT_TRUE(Uses.writable(Shared).empty());
  EXPECT_TRUE(Uses.writable(View).empty());
  EXPECT_TRUE(Uses.writable(Foreign).empty());
  // Made after the count: who knows what else refers to it.
  ConstantOp Later = made();
  use(Later);
  EXPECT_TRUE(Uses.writable(Later).empty());
  Uses.add(Later);
  EXPECT_EQ(Uses.writable(Later).size(), 400u);
}

TEST_F(ConstantMemoryTest, DroppedWithTheLastUse) {
  ConstantOp Sole = made(), Used = made(), Shared = made();
  auto Handle =
      cast<DenseResourceElementsAttr>(Shared.getValue()).getRawHandle();
  ConstantOp View = constant(DenseResourceElementsAttr::get(
      RankedTensorType::get({10, 10}, B.getF32Type()), Handle));
  use(Used);
  ElementsAttr Attrs[] = {Sole.getValue(), Used.getValue(), Shared.getValue(),
                          View.getValue()};

  ResourceUses Uses(*Module);
  Uses.drop(Sole);
  EXPECT_TRUE(isGone(Attrs[0]));
  Uses.drop(Used);
  EXPECT_FALSE(isGone(Attrs[1]));
  Uses.drop(Shared);
  EXPECT_FALSE(isGone(Attrs[3]));
  Uses.drop(View);
  EXPECT_TRUE(isGone(Attrs[3]));
  EXPECT_EQ(llvm::range_size(Module->getOps<ConstantOp>()), 1u);
}

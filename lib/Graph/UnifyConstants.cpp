//===- UnifyConstants.cpp - The pass graph-unify-constants ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Gives equal constants one attribute; CSE, which compares attributes by
// address, then leaves one node of them. Bytes are read only where types are
// equal, hashed once, and compared where hashes are equal.
//
//===----------------------------------------------------------------------===//

#include "Match.h"
#include "lathe/Graph/Passes.h"
#include "lathe/ONNX/ConstantMemory.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/xxhash.h"

namespace lathe::graph {
#define GEN_PASS_DEF_UNIFYCONSTANTS
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

static StringRef getBytes(ElementsAttr Attr) {
  ArrayRef<char> Raw = onnx::ConstantView::get(Attr)->getRawData();
  return StringRef(Raw.data(), Raw.size());
}

namespace {
struct UnifyConstantsPass
    : graph::impl::UnifyConstantsBase<UnifyConstantsPass> {
  void runOnOperation() override {
    // Only resources: of other constants equal values are one attribute
    // already.
    llvm::MapVector<Type, SmallVector<onnx::ConstantOp>> ByType;
    getOperation().walk([&](onnx::ConstantOp Op) {
      if (isa<DenseResourceElementsAttr>(Op.getValue()) && getConstant(Op))
        ByType[Op.getType()].push_back(Op);
    });
    for (auto &[Type, Ops] : ByType)
      if (Ops.size() > 1)
        unify(Ops);
  }

private:
  void unify(ArrayRef<onnx::ConstantOp> Ops) {
    llvm::DenseMap<uint64_t, SmallVector<ElementsAttr, 1>> ByHash;
    llvm::DenseMap<Attribute, ElementsAttr> Known;
    for (onnx::ConstantOp Op : Ops) {
      ElementsAttr Value = Op.getValue();
      auto [It, New] = Known.try_emplace(Value, Value);
      if (New) {
        auto &Same = ByHash[llvm::xxh3_64bits(getBytes(Value))];
        onnx::releaseBytes(Value);
        auto Equal = llvm::find_if(Same, [&](ElementsAttr Other) {
          return getBytes(Other) == getBytes(Value);
        });
        if (Equal == Same.end())
          Same.push_back(Value);
        else
          It->second = *Equal;
      }
      if (It->second == Value)
        continue;
      Op.setValueAttr(It->second);
      ++Unified;
    }
  }
};
} // namespace

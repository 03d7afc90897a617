//===- Deduplicate.cpp - One of several equal kernels --------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels are compared by their text without name and locations, once each:
// linear in the size of the module.
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/Passes.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELDEDUPLICATEPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe::kernel;

namespace {

struct DeduplicatePass
    : lathe::kernel::impl::KernelDeduplicatePassBase<DeduplicatePass> {
  void runOnOperation() override {
    llvm::StringMap<StringAttr> First;
    llvm::DenseMap<StringAttr, StringAttr> Replacement;
    auto Anonymous = StringAttr::get(&getContext(), "k");
    for (auto Kernel :
         llvm::make_early_inc_range(getOperation().getOps<FuncOp>())) {
      StringAttr Name = Kernel.getSymNameAttr();
      Kernel.setSymNameAttr(Anonymous);
      std::string Text;
      llvm::raw_string_ostream Stream(Text);
      Kernel->print(Stream, OpPrintingFlags().useLocalScope());
      Kernel.setSymNameAttr(Name);
      auto [It, Inserted] = First.try_emplace(Text, Name);
      if (Inserted)
        continue;
      Replacement[Name] = It->second;
      Kernel.erase();
    }
    getOperation().walk([&](CallOp Call) {
      auto It = Replacement.find(Call.getCalleeAttr().getAttr());
      if (It != Replacement.end())
        Call.setCalleeAttr(FlatSymbolRefAttr::get(It->second));
    });
  }
};

} // namespace

//===- History.cpp - Every version of every schema ------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "History.h"
#include "llvm/ADT/STLExtras.h"

namespace lathe::import {
namespace {
using namespace lathe::onnx;
#include "History.inc"
} // namespace
} // namespace lathe::import

using namespace lathe::import;
using lathe::onnx::OpFacts;
using llvm::StringRef;

llvm::ArrayRef<OpFacts> lathe::import::getHistory() { return AllOps; }

llvm::ArrayRef<OpFacts> lathe::import::getVersions(StringRef Domain,
                                                   StringRef Name) {
  auto Less = [](const OpFacts &A, std::pair<StringRef, StringRef> Key) {
    return std::pair<StringRef, StringRef>(A.Domain, A.Name) < Key;
  };
  const OpFacts *Begin =
                    llvm::lower_bound(AllOps, std::pair(Domain, Name), Less),
                *End = Begin;
  while (End != std::end(AllOps) && End->Domain == Domain && End->Name == Name)
    ++End;
  return {Begin, End};
}

bool lathe::import::isDeprecated(const OpFacts &Schema) {
  return llvm::is_contained(DeprecatedRows, &Schema - AllOps);
}

unsigned lathe::import::getNewestOpset(StringRef Domain) {
  unsigned Newest = 0;
  for (const OpFacts &Schema : AllOps)
    if (Schema.Domain == Domain)
      Newest = std::max(Newest, Schema.SinceVersion);
  return Newest;
}

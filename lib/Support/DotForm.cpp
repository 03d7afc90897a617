//===- DotForm.cpp - How a target multiplies and adds bytes ---------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Support/DotForm.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;

static constexpr DotForm Forms[] = {
    // Kind, name, terms, registers, rows, unsigned rows, signed rows
    {DotKind::VNNI, "vnni", 4, 1, 1, true, false},
    {DotKind::WordPairs, "pmaddwd", 2, 1, 1, true, false},
    {DotKind::WordLanes, "smlal", 1, 2, 1, true, true},
    {DotKind::SDot, "sdot", 4, 1, 1, false, true},
    {DotKind::SUDot, "sudot", 4, 1, 1, true, false},
    {DotKind::USMMLA, "usmmla", 8, 1, 2, true, false},
};

const DotForm &lathe::dotForm(DotKind Kind) {
  return *llvm::find_if(Forms,
                        [&](const DotForm &F) { return F.Kind == Kind; });
}

llvm::StringRef lathe::dotName(DotKind Kind) {
  return Kind == DotKind::None ? "none" : llvm::StringRef(dotForm(Kind).Name);
}

std::optional<DotKind> lathe::findDotKind(llvm::StringRef Name) {
  if (Name == "none")
    return DotKind::None;
  for (const DotForm &F : Forms)
    if (F.Name == Name)
      return F.Kind;
  return std::nullopt;
}

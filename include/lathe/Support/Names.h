//===- Names.h - Near names and C identifiers -------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Small pure functions on names that several stages need.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_SUPPORT_NAMES_H
#define LATHE_SUPPORT_NAMES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"
#include <string>

namespace lathe {

/// "; did you mean 'a' or 'b'?" from those of \p Known that come near \p Name;
/// empty if none does.
std::string suggestNames(llvm::StringRef Name,
                         llvm::ArrayRef<llvm::StringRef> Known);

/// \p Name as an identifier of C and C++, neither reserved nor a keyword of
/// either: other characters become '_', a digit in front gets an 'x' before it,
/// a keyword an '_' behind.
std::string makeIdentifier(llvm::StringRef Name);

/// makeIdentifier, made different from all in \p Taken (by a number at the end)
/// and added to them.
std::string makeUniqueIdentifier(llvm::StringRef Name,
                                 llvm::StringSet<> &Taken);

} // namespace lathe

#endif // LATHE_SUPPORT_NAMES_H

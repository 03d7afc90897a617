//===- Names.cpp - Near names and C identifiers ---------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Support/Names.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;

std::string lathe::suggestNames(llvm::StringRef Name,
                                llvm::ArrayRef<llvm::StringRef> Known) {
  // Near: a third of the letters wrong at most, or one the start of the other.
  unsigned Limit = std::max<unsigned>(1, Name.size() / 3);
  llvm::SmallVector<std::pair<unsigned, llvm::StringRef>> Near;
  for (llvm::StringRef K : Known) {
    unsigned Distance = Name.edit_distance_insensitive(
        K, /*AllowReplacements=*/true, Limit + 1);
    if (Distance > Limit && Name.size() > 2 &&
        (K.starts_with(Name) || Name.starts_with(K)))
      Distance = Limit;
    if (Distance <= Limit && !K.empty())
      Near.push_back({Distance, K});
  }
  llvm::stable_sort(Near, llvm::less_first());
  // Only those about as near as the nearest.
  llvm::erase_if(Near, [Best = Near.empty() ? 0 : Near.front().first](auto &N) {
    return N.first > Best + 1;
  });
  if (Near.empty())
    return {};
  if (Near.size() > 3)
    Near.resize(3);
  std::string Text = "; did you mean ";
  for (auto [I, N] : llvm::enumerate(Near)) {
    if (I)
      Text += I + 1 == Near.size() ? " or " : ", ";
    Text += "'" + N.second.str() + "'";
  }
  return Text + "?";
}

/// Keywords of C99 to C23 and C++98 to C++23, and what <stdint.h> and
/// <stddef.h> define as macros.
static constexpr llvm::StringLiteral Keywords[] = {
    "alignas",     "alignof",
    "and",         "and_eq",
    "asm",         "auto",
    "bitand",      "bitor",
    "bool",        "break",
    "case",        "catch",
    "char",        "char16_t",
    "char32_t",    "char8_t",
    "class",       "co_await",
    "co_return",   "co_yield",
    "compl",       "concept",
    "const",       "const_cast",
    "consteval",   "constexpr",
    "constinit",   "continue",
    "decltype",    "default",
    "delete",      "do",
    "double",      "dynamic_cast",
    "else",        "enum",
    "explicit",    "export",
    "extern",      "false",
    "float",       "for",
    "friend",      "goto",
    "if",          "inline",
    "int",         "linux",
    "long",        "mutable",
    "namespace",   "new",
    "noexcept",    "not",
    "not_eq",      "nullptr",
    "operator",    "or",
    "or_eq",       "private",
    "protected",   "public",
    "register",    "reinterpret_cast",
    "requires",    "restrict",
    "return",      "short",
    "signed",      "sizeof",
    "static",      "static_assert",
    "static_cast", "struct",
    "switch",      "template",
    "this",        "thread_local",
    "throw",       "true",
    "try",         "typedef",
    "typeid",      "typename",
    "typeof",      "typeof_unqual",
    "union",       "unix",
    "unsigned",    "using",
    "virtual",     "void",
    "volatile",    "wchar_t",
    "while",       "xor",
    "xor_eq",      "NULL",
    "offsetof"};

std::string lathe::makeIdentifier(llvm::StringRef Name) {
  std::string Result;
  for (char C : Name) {
    bool Good = llvm::isAlnum(C);
    // Runs of other characters become one '_': "a::b/c" is a_b_c. Two in a row
    // are reserved in C++.
    if (Good)
      Result += C;
    else if (Result.empty() || Result.back() != '_')
      Result += '_';
  }
  // Names that begin with '_' are reserved at file scope.
  if (!Result.empty() && Result.front() == '_')
    Result.erase(0, 1);
  if (Result.empty() || llvm::isDigit(Result.front()))
    Result = "x" + Result;
  if (llvm::is_contained(Keywords, llvm::StringRef(Result)))
    Result += '_';
  return Result;
}

std::string lathe::makeUniqueIdentifier(llvm::StringRef Name,
                                        llvm::StringSet<> &Taken) {
  std::string Base = makeIdentifier(Name), Result = Base;
  for (unsigned N = 2; !Taken.insert(Result).second; ++N)
    Result = Base + "_" + std::to_string(N);
  return Result;
}

//===- DotForm.h - How a target multiplies and adds bytes -------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sums of products of bytes, rows by packed columns, have instructions of their
// own on each machine. A form is one of them as a row of facts: schedules
// choose between the forms of a target by them, weights are packed by them, and
// lib/Codegen/DotUnit.cpp emits them. All give the same bits: sums of i32 wrap,
// nothing saturates.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_SUPPORT_DOTFORM_H
#define LATHE_SUPPORT_DOTFORM_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace lathe {

enum class DotKind : uint8_t {
  None,      // term by term
  VNNI,      // x86: four unsigned by four signed bytes a lane
  WordPairs, // x86: bytes widened to words, two products a lane (pmaddwd)
  WordLanes, // ARM: bytes widened to words, one product a lane (smlal)
  SDot,      // ARM dotprod: four signed by four signed bytes a lane
  SUDot,     // ARM i8mm: four unsigned by four signed bytes a lane
  USMMLA,    // ARM i8mm: 2 x 8 unsigned by 8 x 2 signed bytes
};

struct DotForm {
  DotKind Kind;
  /// In a schedule: `dot = NAME`.
  llvm::StringLiteral Name;
  /// Terms of a sum that one instruction adds in a lane: weights lie in groups
  /// of so many.
  int64_t Terms;
  /// Registers of accumulators that one vector of columns fills: a product that
  /// is as wide as two is made by two instructions from one register of
  /// weights.
  int64_t Registers;
  /// Rows that one instruction multiplies.
  int64_t Rows;
  /// The bytes of rows that it takes; columns are signed always.
  bool UnsignedRows, SignedRows;
};

/// The facts of \p Kind, which is not None.
const DotForm &dotForm(DotKind Kind);
/// "none" or the name of a form; nothing for any other text.
std::optional<DotKind> findDotKind(llvm::StringRef Name);
llvm::StringRef dotName(DotKind Kind);

} // namespace lathe

#endif // LATHE_SUPPORT_DOTFORM_H

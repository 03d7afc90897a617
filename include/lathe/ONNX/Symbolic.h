//===- Symbolic.h - Sizes as polynomials of symbols -----------*- C++ -*- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The numbers of shape inference: integer polynomials over symbols (dynamic
// dimensions), in a canonical form, so that equal sizes compare equal however
// they were computed. What is no polynomial (a rounded quotient, a minimum) is
// a symbol of its own, shared by equal operands. Arithmetic is checked: an
// overflow of 64 bits gives nullopt.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_SYMBOLIC_H
#define LATHE_ONNX_SYMBOLIC_H

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include <cstdint>
#include <optional>
#include <string>

namespace lathe::onnx {

class SymExpr {
public:
  SymExpr(int64_t Constant = 0);
  static SymExpr symbol(unsigned Id);

  std::optional<int64_t> getConstant() const;
  bool isConstant(int64_t Value) const { return getConstant() == Value; }

  /// No value of the symbols, which are sizes, makes it negative. (Quotients
  /// count as sizes too: of sizes they are.)
  bool isNonNegative() const;

  bool operator==(const SymExpr &Other) const { return Terms == Other.Terms; }
  bool operator!=(const SymExpr &Other) const { return !(*this == Other); }

  static std::optional<SymExpr> add(const SymExpr &A, const SymExpr &B);
  static std::optional<SymExpr> sub(const SymExpr &A, const SymExpr &B);
  static std::optional<SymExpr> mul(const SymExpr &A, const SymExpr &B);
  /// The quotient if \p B divides \p A as a polynomial, for every value of the
  /// symbols.
  static std::optional<SymExpr> divideExactly(const SymExpr &A,
                                              const SymExpr &B);

  /// The symbol that this is alone.
  std::optional<unsigned> getSymbol() const;

  /// A text that tells expressions apart, e.g. "2*s0*s1+3".
  std::string str() const;

private:
  /// Sorted symbols; empty for the constant term.
  using Monomial = llvm::SmallVector<unsigned, 2>;
  struct Term {
    Monomial Symbols;
    int64_t Factor;
    bool operator==(const Term &T) const {
      return Factor == T.Factor && Symbols == T.Symbols;
    }
  };
  static bool precedes(const Monomial &A, const Monomial &B);
  bool addTerm(const Monomial &Symbols, int64_t Factor);

  /// Sorted by `precedes`, no zero factors.
  llvm::SmallVector<Term, 1> Terms;
};

/// Hands out symbols.
class SymbolTable {
public:
  SymExpr fresh() {
    Unrelated.insert(Next);
    return SymExpr::symbol(Next++);
  }
  /// From here on symbols stand for what was found out; those so far are sizes
  /// of inputs.
  void endInputs() { Unrelated.clear(); }
  /// Nothing is known of \p E: a symbol of its own, and no size of an input.
  bool isUnrelated(const SymExpr &E) const {
    auto Id = E.getSymbol();
    return Id && Unrelated.contains(*Id);
  }
  /// The symbol of a named dimension.
  SymExpr named(llvm::StringRef Name) { return get(("." + Name).str()); }

  std::optional<SymExpr> floorDiv(const SymExpr &A, const SymExpr &B);
  std::optional<SymExpr> ceilDiv(const SymExpr &A, const SymExpr &B);
  std::optional<SymExpr> min(const SymExpr &A, const SymExpr &B);
  std::optional<SymExpr> max(const SymExpr &A, const SymExpr &B);

private:
  SymExpr get(const std::string &Key);
  llvm::StringMap<unsigned> Ids;
  llvm::DenseSet<unsigned> Unrelated;
  unsigned Next = 0;
};

} // namespace lathe::onnx

#endif // LATHE_ONNX_SYMBOLIC_H

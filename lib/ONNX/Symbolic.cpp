//===- Symbolic.cpp - Sizes as polynomials of symbols ------------- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/Symbolic.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <limits>

using namespace lathe::onnx;
using llvm::AddOverflow;
using llvm::MulOverflow;

SymExpr::SymExpr(int64_t Constant) {
  if (Constant != 0)
    Terms.push_back({{}, Constant});
}

SymExpr SymExpr::symbol(unsigned Id) {
  SymExpr E;
  E.Terms.push_back({{Id}, 1});
  return E;
}

std::optional<unsigned> SymExpr::getSymbol() const {
  if (Terms.size() != 1 || Terms[0].Factor != 1 || Terms[0].Symbols.size() != 1)
    return std::nullopt;
  return Terms[0].Symbols[0];
}

std::optional<int64_t> SymExpr::getConstant() const {
  if (Terms.empty())
    return 0;
  if (Terms.size() == 1 && Terms[0].Symbols.empty())
    return Terms[0].Factor;
  return std::nullopt;
}

bool SymExpr::isNonNegative() const {
  return llvm::all_of(Terms, [](const Term &T) { return T.Factor >= 0; });
}

/// Higher degree first, then by symbols: the first term is the leading one.
bool SymExpr::precedes(const Monomial &A, const Monomial &B) {
  if (A.size() != B.size())
    return A.size() > B.size();
  return std::lexicographical_compare(A.begin(), A.end(), B.begin(), B.end());
}

bool SymExpr::addTerm(const Monomial &Symbols, int64_t Factor) {
  auto It = llvm::find_if(
      Terms, [&](const Term &T) { return !precedes(T.Symbols, Symbols); });
  if (It == Terms.end() || It->Symbols != Symbols) {
    if (Factor != 0)
      Terms.insert(It, Term{Symbols, Factor});
    return true;
  }
  if (AddOverflow(It->Factor, Factor, It->Factor))
    return false;
  if (It->Factor == 0)
    Terms.erase(It);
  return true;
}

std::optional<SymExpr> SymExpr::add(const SymExpr &A, const SymExpr &B) {
  SymExpr Sum = A;
  for (const Term &T : B.Terms)
    if (!Sum.addTerm(T.Symbols, T.Factor))
      return std::nullopt;
  return Sum;
}

std::optional<SymExpr> SymExpr::sub(const SymExpr &A, const SymExpr &B) {
  auto Negated = mul(B, SymExpr(-1));
  return Negated ? add(A, *Negated) : std::nullopt;
}

std::optional<SymExpr> SymExpr::mul(const SymExpr &A, const SymExpr &B) {
  SymExpr Product;
  for (const Term &S : A.Terms)
    for (const Term &T : B.Terms) {
      int64_t Factor;
      if (MulOverflow(S.Factor, T.Factor, Factor))
        return std::nullopt;
      Monomial Symbols(S.Symbols);
      Symbols.append(T.Symbols);
      llvm::sort(Symbols);
      if (!Product.addTerm(Symbols, Factor))
        return std::nullopt;
    }
  return Product;
}

/// Long division by leading terms.
std::optional<SymExpr> SymExpr::divideExactly(const SymExpr &A,
                                              const SymExpr &B) {
  if (B.Terms.empty())
    return std::nullopt;
  const Term &Lead = B.Terms[0];
  SymExpr Rest = A, Quotient;
  while (!Rest.Terms.empty()) {
    const Term &T = Rest.Terms[0];
    bool Overflows =
        T.Factor == std::numeric_limits<int64_t>::min() && Lead.Factor == -1;
    if (Overflows || T.Factor % Lead.Factor != 0 ||
        !std::includes(T.Symbols.begin(), T.Symbols.end(), Lead.Symbols.begin(),
                       Lead.Symbols.end()))
      return std::nullopt;
    SymExpr Step;
    Monomial Symbols;
    std::set_difference(T.Symbols.begin(), T.Symbols.end(),
                        Lead.Symbols.begin(), Lead.Symbols.end(),
                        std::back_inserter(Symbols));
    Step.Terms.push_back({Symbols, T.Factor / Lead.Factor});
    auto Part = mul(Step, B);
    auto Next = Part ? sub(Rest, *Part) : std::nullopt;
    auto Sum = add(Quotient, Step);
    if (!Next || !Sum)
      return std::nullopt;
    Rest = *Next;
    Quotient = *Sum;
  }
  return Quotient;
}

std::string SymExpr::str() const {
  if (Terms.empty())
    return "0";
  std::string Text;
  for (const Term &T : Terms) {
    if (!Text.empty() && T.Factor > 0)
      Text += "+";
    if (T.Factor != 1 || T.Symbols.empty())
      Text += std::to_string(T.Factor) + (T.Symbols.empty() ? "" : "*");
    Text += llvm::join(
        llvm::map_range(T.Symbols,
                        [](unsigned S) { return "s" + std::to_string(S); }),
        "*");
  }
  return Text;
}

SymExpr SymbolTable::get(const std::string &Key) {
  auto [It, New] = Ids.try_emplace(Key, Next);
  Next += New;
  return SymExpr::symbol(It->second);
}

std::optional<SymExpr> SymbolTable::floorDiv(const SymExpr &A,
                                             const SymExpr &B) {
  auto N = A.getConstant(), D = B.getConstant();
  if (D == 0)
    return std::nullopt;
  if (N && D)
    return *D == -1 ? SymExpr::sub(0, A)
                    : SymExpr(llvm::divideFloorSigned(*N, *D));
  if (auto Exact = SymExpr::divideExactly(A, B))
    return Exact;
  return get(A.str() + " / " + B.str());
}

std::optional<SymExpr> SymbolTable::ceilDiv(const SymExpr &A,
                                            const SymExpr &B) {
  // ceil(a / b) = -floor(-a / b)
  auto Negated = SymExpr::sub(0, A);
  auto Floor = Negated ? floorDiv(*Negated, B) : std::nullopt;
  return Floor ? SymExpr::sub(0, *Floor) : std::nullopt;
}

std::optional<SymExpr> SymbolTable::min(const SymExpr &A, const SymExpr &B) {
  // Ordered if they differ by a constant.
  if (auto Difference = SymExpr::sub(A, B))
    if (auto C = Difference->getConstant())
      return *C <= 0 ? A : B;
  std::string X = A.str(), Y = B.str();
  return get("min " + std::min(X, Y) + " , " + std::max(X, Y));
}

std::optional<SymExpr> SymbolTable::max(const SymExpr &A, const SymExpr &B) {
  if (auto Difference = SymExpr::sub(A, B))
    if (auto C = Difference->getConstant())
      return *C >= 0 ? A : B;
  std::string X = A.str(), Y = B.str();
  return get("max " + std::min(X, Y) + " , " + std::max(X, Y));
}

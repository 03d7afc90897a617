//===- Pattern.h - Written-out formulas as patterns ------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Patterns over the values of a graph, composed like the formula they stand
// for:
//
//   Value X;
//   Trail T;
//   // x / (1 + exp(-x))
//   matches(V, div(is(X), add(num(1),
//   op<onnx::ExpOp>(op<onnx::NegOp>(is(X))))), T)
//
// A slot that holds a value already matches that value only; a pattern that
// fails leaves no slot bound, so commutative ops may try both orders. Every op
// that a pattern passes through stands in the trail: `isClosed` says whether
// they all become dead with the root.
//
// Identities and casts to the same type are looked through.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_PATTERN_H
#define LATHE_LIB_GRAPH_PATTERN_H

#include "Match.h"
#include <cmath>

namespace lathe::graph {

/// What a match has bound and passed so far.
class Trail {
public:
  bool bind(Value &Slot, Value V) {
    if (Slot)
      return Slot == V;
    Slot = V;
    Slots.push_back(&Slot);
    return true;
  }
  void pass(Operation *Op) { Ops.push_back(Op); }
  ArrayRef<Operation *> ops() const { return Ops; }

  /// Undoes what came after the mark.
  std::pair<size_t, size_t> mark() const { return {Slots.size(), Ops.size()}; }
  void undo(std::pair<size_t, size_t> Mark) {
    while (Slots.size() > Mark.first)
      *Slots.pop_back_val() = {};
    Ops.truncate(Mark.second);
  }

  /// All ops passed but \p Root are used by one another only, so that nothing
  /// is computed twice. A question for a shape does not count: it needs no
  /// value.
  bool isClosed(Operation *Root) const;

private:
  SmallVector<Value *> Slots;
  SmallVector<Operation *> Ops;
};

/// \p V before identities and casts that change nothing.
Value peel(Value V, Trail *T = nullptr);

template <typename P> bool matches(Value V, const P &Pattern, Trail &T) {
  auto Mark = T.mark();
  if (V && Pattern(peel(V, &T), T))
    return true;
  T.undo(Mark);
  return false;
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

/// Any value; binds or compares.
inline auto is(Value &Slot) {
  return [&Slot](Value V, Trail &T) { return T.bind(Slot, V); };
}
inline auto any() {
  return [](Value, Trail &) { return true; };
}
/// A constant, bound.
inline auto weight(Value &Slot) {
  return
      [&Slot](Value V, Trail &T) { return isConstant(V) && T.bind(Slot, V); };
}
/// A constant whose every element is \p Number, within what its element type
/// rounds a number to that was computed elsewhere.
bool isNumber(Value V, double Number);
inline auto num(double Number) {
  return [Number](Value V, Trail &) { return isNumber(V, Number); };
}
/// A constant whose elements are all the same number, which is stored.
inline auto numInto(double &Number) {
  return [&Number](Value V, Trail &) {
    std::optional<double> Uniform = getUniform(V);
    Number = Uniform.value_or(Number);
    return Uniform.has_value();
  };
}

//===----------------------------------------------------------------------===//
// Composition
//===----------------------------------------------------------------------===//

/// Result 0 of an \p OpT whose first operands match.
template <typename OpT, typename... P> auto op(P... Operands) {
  return [=](Value V, Trail &T) {
    auto Op = V.getDefiningOp<OpT>();
    if (!Op || V != Op->getResult(0))
      return false;
    T.pass(Op);
    [[maybe_unused]] unsigned I = 0;
    return (matches(getOperand(Op, I++), Operands, T) && ...);
  };
}
/// The same for the two operands of a commutative op.
template <typename OpT, typename L, typename R> auto commutes(L Left, R Right) {
  return [=](Value V, Trail &T) {
    auto Op = V.getDefiningOp<OpT>();
    if (!Op || Op->getNumOperands() != 2)
      return false;
    T.pass(Op);
    auto Mark = T.mark();
    for (unsigned I : {0u, 1u}) {
      if (matches(Op->getOperand(I), Left, T) &&
          matches(Op->getOperand(1 - I), Right, T))
        return true;
      T.undo(Mark);
    }
    return false;
  };
}
template <typename L, typename R> auto add(L Left, R Right) {
  return commutes<onnx::AddOp>(Left, Right);
}
template <typename L, typename R> auto mul(L Left, R Right) {
  return commutes<onnx::MulOp>(Left, Right);
}
template <typename L, typename R> auto sub(L Left, R Right) {
  return op<onnx::SubOp>(Left, Right);
}
template <typename L, typename R> auto div(L Left, R Right) {
  return op<onnx::DivOp>(Left, Right);
}
/// The first of the patterns that matches.
template <typename... P> auto oneOf(P... Patterns) {
  return [=](Value V, Trail &T) { return (matches(V, Patterns, T) || ...); };
}
/// What matches \p Pattern is bound too.
template <typename P> auto as(Value &Slot, P Pattern) {
  return [=, &Slot](Value V, Trail &T) {
    return Pattern(V, T) && T.bind(Slot, V);
  };
}
/// \p Pattern, and \p Holds(V).
template <typename P, typename F> auto such(P Pattern, F Holds) {
  return [=](Value V, Trail &T) { return Pattern(V, T) && Holds(V); };
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// A value as number * base^exponent * ..., whatever the order and association
/// of its multiplications, divisions, negations and whole powers. Only what
/// nothing else uses is taken apart.
struct Product {
  double Factor = 1;
  SmallVector<std::pair<Value, int64_t>, 4> Powers;
  SmallVector<Operation *, 4> Ops;

  /// \p V is taken apart even if it has many users.
  static Product of(Value V);
  /// Exactly number * X.
  bool isMultipleOf(Value X) const {
    return Powers.size() == 1 && Powers[0] == std::pair(X, int64_t(1));
  }
  /// Factor is \p Number as far as \p V's element type can tell.
  bool hasFactor(double Number, Value V) const;
};

/// \p A and \p B are the same number within a few roundings of \p Element.
bool isClose(double A, double B, Type Element);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_PATTERN_H

//===- Einsum.cpp - Einsum ----------------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Any equation is one linalg.generic: each letter is a loop, the letters of the
// result are parallel, the others are summed.
//
//===----------------------------------------------------------------------===//

#include "Common.h"

using namespace mlir;

namespace lathe::lower {

/// Labels of one term: letters as themselves, dimensions of the ellipsis as -1,
/// -2 ... counted from the last.
static bool labelsOf(StringRef Term, int64_t Rank,
                     SmallVectorImpl<int> &Labels) {
  int64_t Letters = llvm::count_if(Term, [](char C) { return C != '.'; });
  bool Ellipsis = Term.contains("...");
  if (Rank >= 0 && (Ellipsis ? Letters > Rank : Letters != Rank))
    return false;
  for (size_t I = 0; I < Term.size(); ++I) {
    if (Term[I] != '.') {
      Labels.push_back(Term[I]);
      continue;
    }
    for (int64_t D = Rank - Letters; D > 0; --D)
      Labels.push_back(-D);
    I += 2;
  }
  return true;
}

static LogicalResult lowerEinsum(Node &N) {
  Builder &B = N.B;
  std::string Equation;
  for (char C : N.str("equation"))
    if (C != ' ')
      Equation += C;
  auto [Left, Right] = StringRef(Equation).split("->");
  bool Explicit = StringRef(Equation).contains("->");
  SmallVector<StringRef> Terms;
  Left.split(Terms, ',');
  ArrayRef<Value> Ins = N.ins(0);
  if (Terms.size() != Ins.size())
    return N.fail("the equation has " + Twine(Terms.size()) + " terms for " +
                  Twine(Ins.size()) + " inputs");

  SmallVector<SmallVector<int>> Labels(Ins.size());
  SmallVector<int> OutLabels, All;
  int64_t EllipsisRank = 0;
  for (auto [I, V] : llvm::enumerate(Ins)) {
    if (!labelsOf(Terms[I], typeOf(V).getRank(), Labels[I]))
      return N.fail("term '" + Terms[I] + "' does not fit an input of rank " +
                    Twine(typeOf(V).getRank()));
    for (int L : Labels[I]) {
      EllipsisRank = std::max<int64_t>(EllipsisRank, -L);
      if (!llvm::is_contained(All, L))
        All.push_back(L);
    }
  }
  if (Explicit) {
    int64_t Letters = llvm::count_if(Right, [](char C) { return C != '.'; });
    if (!labelsOf(Right,
                  Right.contains("...") ? Letters + EllipsisRank : Letters,
                  OutLabels))
      return N.fail("the result '" + Right + "' of the equation is malformed");
  } else {
    // Ellipsis first, then every letter that occurs once, in alphabetical
    // order.
    for (int64_t D = EllipsisRank; D > 0; --D)
      OutLabels.push_back(-D);
    SmallVector<int> Once;
    for (int L : All) {
      int64_t Count = 0;
      for (const auto &Term : Labels)
        Count += llvm::count(Term, L);
      if (L > 0 && Count == 1)
        Once.push_back(L);
    }
    llvm::sort(Once);
    llvm::append_range(OutLabels, Once);
  }
  SmallVector<int> Loops(OutLabels);
  for (int L : All)
    if (!llvm::is_contained(Loops, L))
      Loops.push_back(L);
  for (int L : OutLabels)
    if (!llvm::is_contained(All, L))
      return N.fail("the result names a dimension that no input has");

  // The size of a loop is that of the first dimension that is not 1 for sure.
  int64_t Rank = Loops.size();
  SmallVector<OpFoldResult> Sizes(Rank, B.getIndexAttr(1));
  auto LoopOf = [&](int L) { return llvm::find(Loops, L) - Loops.begin(); };
  for (auto [I, V] : llvm::enumerate(Ins))
    for (auto [D, L] : llvm::enumerate(Labels[I])) {
      OpFoldResult S = dimOf(B, V, D), &Size = Sizes[LoopOf(L)];
      if (isConstantIntValue(Size, 1) ||
          (getConstantIntValue(S) && !getConstantIntValue(Size)))
        Size = isConstantIntValue(S, 1) ? Size : S;
    }
  SmallVector<Value> Operands;
  SmallVector<AffineMap> Maps;
  for (auto [I, V] : llvm::enumerate(Ins)) {
    SmallVector<int64_t> Units;
    SmallVector<AffineExpr> Exprs;
    for (auto [D, L] : llvm::enumerate(Labels[I])) {
      if (isConstantIntValue(dimOf(B, V, D), 1))
        Units.push_back(D); // serves any size
      else
        Exprs.push_back(B.getAffineDimExpr(LoopOf(L)));
    }
    Operands.push_back(dropUnitDims(B, V, Units));
    Maps.push_back(AffineMap::get(Rank, 0, Exprs, B.getContext()));
  }
  // Loops of size 1 that no operand has are left out of the nest's sizes by a
  // shape.
  SmallVector<OpFoldResult> OutSizes;
  SmallVector<int64_t> OutDims;
  for (int64_t D = 0, E = OutLabels.size(); D < E; ++D) {
    OutSizes.push_back(Sizes[D]);
    OutDims.push_back(D);
  }
  Type Elem = N.outType().getElementType(),
       Acc = isa<FloatType>(Elem) ? accumulatorType(Elem) : Elem;
  SmallVector<utils::IteratorType> Iterators(Rank,
                                             utils::IteratorType::reduction);
  std::fill(Iterators.begin(), Iterators.begin() + OutLabels.size(),
            utils::IteratorType::parallel);
  // Every loop needs an operand that tells its size.
  for (int64_t D = OutLabels.size(); D < Rank; ++D)
    if (llvm::none_of(Maps,
                      [&](AffineMap M) { return M.isFunctionOfDim(D); })) {
      Operands.push_back(empty(B, {Sizes[D]}, Elem));
      Maps.push_back(dimsMap(B, Rank, {D}));
    }
  unsigned Factors = Ins.size();
  Maps.push_back(dimsMap(B, Rank, OutDims));
  Value Init = filled(B, OutSizes, scalar::constant(B, Acc, int64_t(0)));
  Value R = linalg::GenericOp::create(
                B, Init.getType(), Operands, Init, Maps, Iterators,
                [&](OpBuilder &Inner, Location Loc, ValueRange Args) {
                  Builder IB(Loc, Inner);
                  Value P;
                  for (unsigned I = 0; I < Factors; ++I) {
                    Value V = scalar::cast(IB, Args[I], Elem, Acc);
                    P = P ? scalar::mul(IB, P, V) : V;
                  }
                  linalg::YieldOp::create(IB, scalar::add(IB, Args.back(), P));
                })
                .getResult(0);
  if (Acc != Elem)
    R = elementwise(B, {R}, Elem, [&](Builder &IB, ValueRange V) {
      return scalar::cast(IB, V[0], Acc, Elem);
    });
  return N.replace({R});
}

void populateEinsumLoweringPatterns(const StorageTypeConverter &Types,
                                    RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {{"onnx.Einsum", lowerEinsum}};
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

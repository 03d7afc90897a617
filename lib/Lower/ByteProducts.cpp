//===- ByteProducts.cpp - Products of two computed matrices of bytes ------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What IntegerSums does at compile time for weights, at run time for a
// right-hand side that is computed (attention): with x unsigned and y signed,
//
//   sum (x - zx)(y - zy) = sum x y - zx sum y - zy sum x + K zx zy
//
// where the first sum has the form of dot instructions. Where these take four
// terms, those of a column of the right-hand side are gathered in a word first,
// [.., K / 4, N] of i32, filled up with zeros, their signs made right on the
// way; the sum's body takes them out again (the form that kernel::isWordDot
// knows). Elsewhere bytes of any sign are multiplied one by one, as they lie.
// Sums of rows or columns are only taken where a zero point is not known to be
// 0.
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "IntegerSums.h"
#include "Quantization.h"

using namespace mlir;

namespace lathe::lower {

using Iterator = utils::IteratorType;

/// The least multiple of four that is no less.
static OpFoldResult toFours(Builder &B, OpFoldResult Size) {
  OpFoldResult Four = size(B, 4);
  return mulSize(B, divSize(B, addSize(B, Size, size(B, 3)), Four), Four);
}

/// \p X, a byte, as an i32 of that sign, perhaps with its sign bit flipped
/// first.
static Value wide(Builder &B, Value X, bool Unsigned, bool Flip) {
  Type I32 = B.getI32Type();
  if (Flip)
    X = arith::XOrIOp::create(
        B, X, scalar::constant(B, B.getI8Type(), int64_t(-128)));
  return Unsigned ? Value(arith::ExtUIOp::create(B, I32, X))
                  : Value(arith::ExtSIOp::create(B, I32, X));
}

/// The sums of \p V's bytes over dimension \p D.
static Value sums(Builder &B, Value V, int64_t D, bool Unsigned, bool Flip) {
  return reduce(B, V, {D}, scalar::constant(B, B.getI32Type(), int64_t(0)),
                [&](Builder &IB, Value X, Value Sum) {
                  return scalar::add(IB, Sum, wide(IB, X, Unsigned, Flip));
                });
}

/// The bits of byte \p I of a word.
static Value shiftOf(Builder &B, int64_t Loop) {
  Type I32 = B.getI32Type();
  Value I =
      arith::IndexCastOp::create(B, I32, linalg::IndexOp::create(B, Loop));
  return scalar::mul(B, I, scalar::constant(B, I32, int64_t(8)));
}

/// Words [.., K / 4, N] of bytes [.., K / 4, 4, N].
static Value gatherWords(Builder &B, Value Y, bool Flip) {
  SmallVector<OpFoldResult> Sizes = dimsOf(B, Y);
  int64_t Rank = Sizes.size(), Term = Rank - 1;
  // Loops: batch.., group, column, term.
  SmallVector<int64_t> From = llvm::to_vector(llvm::seq(Rank - 2));
  From.append({Term, Rank - 2});
  Sizes.erase(Sizes.begin() + Rank - 2);
  SmallVector<Iterator> Kinds(Rank, Iterator::parallel);
  Kinds[Term] = Iterator::reduction;
  Value Init =
      filled(B, Sizes, scalar::constant(B, B.getI32Type(), int64_t(0)));
  return linalg::GenericOp::create(
             B, Init.getType(), Y, Init,
             ArrayRef{dimsMap(B, Rank, From),
                      dimsMap(B, Rank, llvm::to_vector(llvm::seq(Term)))},
             Kinds,
             [&](OpBuilder &Inner, Location Loc, ValueRange V) {
               Builder IB(Loc, Inner);
               Value Byte = arith::ShLIOp::create(
                   IB, wide(IB, V[0], /*Unsigned=*/true, Flip),
                   shiftOf(IB, Term));
               linalg::YieldOp::create(
                   IB, Value(arith::OrIOp::create(IB, V[1], Byte)));
             })
      .getResult(0);
}

namespace {
/// A zero point: known, or a scalar of the run.
struct ZeroPoint {
  std::optional<int64_t> Known;
  Value Tensor; // of rank 0
  Type Elem;
  int64_t Shift;

  bool isZero() const { return Known == 0; }
  Value get(Builder &B, Value Scalar) const {
    Type I32 = B.getI32Type();
    if (Known)
      return scalar::constant(B, I32, *Known);
    Value Z = scalar::cast(B, Scalar, Elem, I32);
    return Shift ? scalar::add(B, Z, scalar::constant(B, I32, Shift)) : Z;
  }
};
} // namespace

/// Operand \p I of \p N as a zero point of a matrix that is read \p Shift more;
/// nothing if there is one a row or column.
static std::optional<ZeroPoint> zeroPointOf(Node &N, unsigned I,
                                            int64_t Shift) {
  if (!N.has(I))
    return ZeroPoint{Shift, {}, {}, 0};
  if (N.inType(I).getNumElements() != 1)
    return std::nullopt;
  if (auto Known = N.constInts(I))
    return ZeroPoint{(*Known)[0] + Shift, {}, {}, 0};
  Value V = N.in(I);
  V = dropUnitDims(N.B, V, llvm::to_vector(llvm::seq(N.inRank(I))));
  return ZeroPoint{std::nullopt, V, N.inElem(I), Shift};
}

namespace {
/// How the bytes of one side are read.
struct Reading {
  bool Unsigned, Flip;
};
} // namespace

/// Sums of 32 bits of the products that \p Product makes, [batch.., row,
/// column] of \p Sizes; what loops come behind these are summed over. \p AtX
/// and \p AtY are the loops behind the batch that each operand has.
static Value
sumOfProducts(Builder &B, Value X, ArrayRef<int64_t> AtX, Value Y,
              ArrayRef<int64_t> AtY, int64_t Loops,
              ArrayRef<OpFoldResult> Sizes,
              function_ref<Value(Builder &, Value, Value)> Product) {
  int64_t Kept = Sizes.size();
  auto Map = [&](ArrayRef<int64_t> Behind) {
    SmallVector<int64_t> At = llvm::to_vector(llvm::seq(Kept - 2));
    llvm::append_range(At, Behind);
    return dimsMap(B, Loops, At);
  };
  SmallVector<Iterator> Kinds(Kept, Iterator::parallel);
  Kinds.resize(Loops, Iterator::reduction);
  Value Init =
      filled(B, Sizes, scalar::constant(B, B.getI32Type(), int64_t(0)));
  return linalg::GenericOp::create(
             B, Init.getType(), ValueRange{X, Y}, Init,
             ArrayRef{Map(AtX), Map(AtY),
                      dimsMap(B, Loops, llvm::to_vector(llvm::seq(Kept)))},
             Kinds,
             [&](OpBuilder &Inner, Location Loc, ValueRange V) {
               Builder IB(Loc, Inner);
               Value P = Product(IB, V[0], V[1]);
               linalg::YieldOp::create(IB, scalar::add(IB, V[2], P));
             })
      .getResult(0);
}

/// sum x y over the last dimension of \p X and the one before of \p Y.
static Value plainSum(Builder &B, Value X, Reading OfX, Value Y, Reading OfY) {
  int64_t Batch = cast<RankedTensorType>(X.getType()).getRank() - 2;
  // Loops: batch.., row, column, term.
  int64_t M = Batch, C = M + 1, K = C + 1;
  SmallVector<OpFoldResult> Sizes = dimsOf(B, X);
  Sizes.back() = dimOf(B, Y, Batch + 1);
  return sumOfProducts(B, X, {M, K}, Y, {K, C}, K + 1, Sizes,
                       [&](Builder &IB, Value P, Value Q) {
                         return scalar::mul(
                             IB, wide(IB, P, OfX.Unsigned, OfX.Flip),
                             wide(IB, Q, OfY.Unsigned, OfY.Flip));
                       });
}

/// The same from words: \p Y's bytes are signed once they are flipped.
static Value wordSum(Builder &B, Value X, Reading OfX, Value Y, bool FlipY) {
  int64_t Rank = cast<RankedTensorType>(X.getType()).getRank(),
          Batch = Rank - 2;
  SmallVector<OpFoldResult> Sizes = dimsOf(B, X);
  OpFoldResult K = Sizes.back(), Fours = toFours(B, K);
  Sizes.back() = dimOf(B, Y, Rank - 1);
  // What fills up gives 0 once its sign is right.
  auto Filled = [&](Value V, int64_t D, int64_t With) {
    if (sameSize(K, Fours))
      return V;
    SmallVector<OpFoldResult> Low(Rank, size(B, 0)), High = Low;
    High[D] = subSize(B, Fours, K);
    return pad(B, V, Low, High, scalar::constant(B, B.getI8Type(), With));
  };
  // [.., M, K / 4, 4] and [.., K / 4, 4, N]
  SmallVector<OpFoldResult> Groups = {divSize(B, Fours, size(B, 4)),
                                      size(B, 4)};
  X = expandDim(B, Filled(X, Rank - 1, 0), Rank - 1, Groups);
  Y = expandDim(B, Filled(Y, Rank - 2, FlipY ? -128 : 0), Rank - 2, Groups);
  Value Words = gatherWords(B, Y, FlipY);

  // Loops: batch.., row, column, group, term.
  int64_t M = Batch, C = M + 1, G = C + 1, T = G + 1;
  return sumOfProducts(B, X, {M, G, T}, Words, {G, C}, T + 1, Sizes,
                       [&](Builder &IB, Value P, Value Word) {
                         Value Byte = arith::TruncIOp::create(
                             IB, IB.getI8Type(),
                             arith::ShRUIOp::create(IB, Word, shiftOf(IB, T)));
                         return scalar::mul(IB,
                                            wide(IB, P, OfX.Unsigned, OfX.Flip),
                                            wide(IB, Byte, false, false));
                       });
}

Value byteProduct(Node &N, unsigned XI, unsigned XZ, unsigned YI, unsigned YZ) {
  Builder &B = N.B;
  Value X = N.in(XI), Y = N.in(YI);
  int64_t Rank = N.inRank(XI);
  if (N.inElem(XI).getIntOrFloatBitWidth() != 8 ||
      N.inElem(YI).getIntOrFloatBitWidth() != 8 || Rank < 2 ||
      N.inRank(YI) != Rank)
    return {};
  for (int64_t D = 0; D < Rank - 2; ++D)
    if (!sameSize(dimOf(B, X, D), dimOf(B, Y, D)))
      return {};
  bool XSigned = !scalar::isUnsigned(N.inElem(XI)),
       YSigned = !scalar::isUnsigned(N.inElem(YI));
  // Words hold signed bytes, and are multiplied by rows of one sign.
  bool Words = N.types().ByteWords;
  bool FlipX = Words && XSigned != N.types().SignedRows,
       FlipY = Words && !YSigned;
  Reading OfX = {XSigned == FlipX, FlipX}, OfY = {YSigned == FlipY, FlipY};
  auto Shift = [](Reading R) {
    return !R.Flip ? int64_t(0) : R.Unsigned ? 128 : -128;
  };
  auto ZeroX = zeroPointOf(N, XZ, Shift(OfX)),
       ZeroY = zeroPointOf(N, YZ, Shift(OfY));
  if (!ZeroX || !ZeroY)
    return {};

  int64_t Batch = Rank - 2;
  OpFoldResult K = dimOf(B, X, Rank - 1);
  Value RowSums =
      ZeroY->isZero() ? Value() : sums(B, X, Rank - 1, OfX.Unsigned, OfX.Flip);
  Value ColumnSums =
      ZeroX->isZero() ? Value() : sums(B, Y, Rank - 2, OfY.Unsigned, OfY.Flip);
  SmallVector<OpFoldResult> Sizes = dimsOf(B, X);
  Sizes.back() = dimOf(B, Y, Rank - 1);
  Type I32 = B.getI32Type();
  Value Sum =
      Words ? wordSum(B, X, OfX, Y, FlipY) : plainSum(B, X, OfX, Y, OfY);
  if (!RowSums && !ColumnSums)
    return Sum;

  SmallVector<Value> Ins = {Sum};
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(Rank)};
  auto Add = [&](Value V, ArrayRef<int64_t> Dims) -> int {
    if (!V)
      return -1;
    Ins.push_back(V);
    Maps.push_back(dimsMap(B, Rank, Dims));
    return Ins.size() - 1;
  };
  SmallVector<int64_t> Other = llvm::to_vector(llvm::seq(Batch)), OfRow = Other;
  OfRow.push_back(Batch);
  Other.push_back(Batch + 1);
  int AtRow = Add(RowSums, OfRow), AtColumn = Add(ColumnSums, Other),
      AtZeroX = Add(ZeroX->Tensor, {}), AtZeroY = Add(ZeroY->Tensor, {});
  Value Count = sizeValue(B, K);
  return pointwise(
      B, Sizes, Ins, Maps, I32, [&](Builder &IB, ValueRange V) -> Value {
        auto Less = [&](Value From, Value By, Value Times) {
          return Value(
              arith::SubIOp::create(IB, From, scalar::mul(IB, By, Times)));
        };
        Value ZX = ZeroX->get(IB, AtZeroX < 0 ? Value() : V[AtZeroX]),
              ZY = ZeroY->get(IB, AtZeroY < 0 ? Value() : V[AtZeroY]), R = V[0];
        // zx (sum y - K zy) and zy sum x.
        if (AtColumn >= 0) {
          Value Of = V[AtColumn];
          if (!ZeroY->isZero())
            Of = Less(Of, ZY, arith::IndexCastOp::create(IB, I32, Count));
          R = Less(R, ZX, Of);
        }
        return AtRow < 0 ? R : Less(R, ZY, V[AtRow]);
      });
}

} // namespace lathe::lower

//===- NestWindow.cpp - Depthwise windows of bytes ------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A depthwise convolution has its lanes over channels, and each channel a
// window of its own: the terms of one sum lie in different rows of the image.
// The bytes of a few rows, one below the other, are interleaved to words,
// channel by channel; a word is what the instruction of the schedule multiplies
// at once.
//
//     row 0   a0 b0 c0 ..      word of channel a: a0 a1 a2 a3
//     row 1   a1 b1 c1 ..                      b: b0 b1 b2 b3   . weights [4
//     taps] row 2   a2 b2 c2 ..
//
// Words belong to a column of the image: neighbouring points, whose windows
// overlap, share them. Rows below the window meet weights of zero.
//
// Invariant: the same bits as term by term, for sums of i32 wrap.
//
//===----------------------------------------------------------------------===//

#include "DotUnit.h"
#include "NestEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

void NestEmitter::reduceWindow(const NestGraph::Reduction &R, Points &Tile,
                               SmallVector<Value> &Acc) {
  linalg::GenericOp Op = R.Op;
  const NestGraph::Access &Packed = G.Accesses[P.PackedAccess];
  unsigned WI = Op.getDpsInputOperand(0)->get() == Packed.Tensor ? 0 : 1;
  OpOperand *X = Op.getDpsInputOperand(1 - WI);
  Coords XAt = composeCoords(Op.getMatchingIndexingMap(X), R.Loops);
  std::unique_ptr<DotUnit> Unit =
      DotUnit::create(P.Dot, rowBytes(Op, WI), Ctx.Target, B, L.Loc);
  unsigned Width = Tile[0].S.Width;
  int64_t Terms = Unit->Form.Terms;
  // The loop whose terms lie together in the packed weights; the others.
  unsigned Dim = G.dimsOf(Packed.At.back()).find_first();
  SmallVector<unsigned> Outer;
  for (unsigned D : P.ReductionOrder[&R - G.Reductions.data()])
    if (D != Dim)
      Outer.push_back(D);
  for (unsigned D : R.Own)
    for (Point &Pt : Tile)
      Pt.At[D] = Lane::index(0);

  // Places of the window that share a group of rows stand in line.
  constexpr int64_t MostInLine = 9;
  size_t InLine = Outer.size();
  int64_t Places = 1;
  while (InLine > 0 && Places * G.Dims[Outer[InLine - 1]].Extent <= MostInLine)
    Places *= G.Dims[Outer[--InLine]].Extent;

  /// Moves the points to place \p I of those in line.
  auto MoveTo = [&](Points &Here, int64_t I) {
    for (size_t K = Outer.size(); K-- > InLine;) {
      int64_t E = G.Dims[Outer[K]].Extent;
      for (Point &Pt : Here)
        Pt.At[Outer[K]] = Lane::index(I % E);
      I /= E;
    }
  };
  /// The word at a point, which the other points and places read there too.
  struct Known {
    SmallVector<Lane> At;
    Value Word;
  };
  auto WordAt = [&](std::vector<Known> &Words, Point Pt, int64_t Rows) {
    SmallVector<Lane> Where;
    for (AffineExpr E : XAt)
      Where.push_back(L.affine(E, Pt.At, Pt.S));
    for (const Known &K : Words)
      if (K.At == Where)
        return K.Word;
    SmallVector<Value> Bytes;
    for (int64_t I = 0; I < Rows; ++I) {
      Bytes.push_back(
          L.vector(element(X->get(), XAt, Pt), B.getI8Type(), Pt.S));
      ++Pt.At[Dim].Offset;
    }
    Words.push_back({Where, Unit->interleaved(Bytes, Width)});
    return Words.back().Word;
  };
  auto Columns = [&](Point Pt) {
    // The panel is padded: all lanes may be read, masked or not.
    SmallVector<Value> Where;
    for (AffineExpr E : Packed.At) {
      Lane At = L.affine(E, Pt.At, Pt.S);
      At.Coef = 0;
      Where.push_back(L.scalar(At));
    }
    auto Bytes = VectorType::get({int64_t(Width) * Terms}, B.getI8Type());
    Value All = vector::LoadOp::create(B, L.Loc, Bytes,
                                       Ctx.memref(Packed.Tensor), Where);
    return Unit->columns(All, Width)[0];
  };

  int64_t Extent = G.Dims[Dim].Extent;
  // All sums take a multiple of their weights too much where rows are read
  // with another sign: counted once for all points.
  bool Excess = Unit->excess(Width) != nullptr;
  auto Group = [&](int64_t From, SmallVector<Value> &Sums) {
    for (Point &Pt : Tile)
      Pt.At[Dim] = Lane::index(From);
    // Words first: what lies between would keep equal loads apart.
    std::vector<Known> Words;
    SmallVector<SmallVector<Value>> Of(Places);
    for (int64_t I = 0; I < Places; ++I) {
      MoveTo(Tile, I);
      for (const Point &Pt : Tile)
        Of[I].push_back(WordAt(Words, Pt, std::min(Terms, Extent - From)));
    }
    for (int64_t I = 0; I < Places; ++I) {
      MoveTo(Tile, I);
      Value Column = Columns(Tile[0]);
      for (auto [Sum, Word] : llvm::zip(Sums, Of[I]))
        Sum = Unit->multiply(Sum, Word, Column);
      if (Excess)
        Sums.back() = Unit->multiply(Sums.back(), Unit->excess(Width), Column);
    }
  };
  auto Nest = [&](auto &Self, size_t Level,
                  ValueRange In) -> SmallVector<Value> {
    if (Level < InLine)
      return carryLoop(L.index(0), extent(Outer[Level]), 1, In,
                       [&](Value Iv, ValueRange In) {
                         for (Point &Pt : Tile)
                           Pt.At[Outer[Level]] = Lane::uniform(Iv);
                         return Self(Self, Level + 1, In);
                       });
    SmallVector<Value> Sums(In);
    size_t Mark = openScope();
    for (int64_t From = 0; From < Extent; From += Terms)
      Group(From, Sums);
    closeScope(Mark);
    return Sums;
  };
  if (Excess)
    Acc.push_back(
        arith::ConstantOp::create(B, L.Loc, B.getZeroAttr(Acc[0].getType())));
  Acc = Nest(Nest, 0, Acc);
  if (!Excess)
    return;
  Value Most = Acc.pop_back_val();
  for (Value &Sum : Acc)
    Sum = arith::SubIOp::create(B, L.Loc, Sum, Most);
}

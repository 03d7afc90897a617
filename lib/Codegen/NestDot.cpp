//===- NestDot.cpp - Sums of products of bytes ----------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The inner loop of integer contractions: unsigned bytes of the rows, signed
// ones of the packed columns, P.Dot terms of each sum in one instruction.
//
//   4: vpdpbusd multiplies four bytes a lane and adds them to an i32;
//   2: both sides are widened to i16 and vpmaddwd adds two products a lane.
//      (vpmaddubsw would do four, but its sums of two saturate.)
//
// The bytes of a row are one scalar that is broadcast. Points whose width no
// instruction has (narrow tails) compute term by term, from the same packed
// weights. Every way gives the same bits: i32 sums wrap.
//
//===----------------------------------------------------------------------===//

#include "NestEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe::codegen;

/// The instruction for \p Width lanes; empty if there is none.
static StringRef dotIntrinsic(int64_t Dot, unsigned Width) {
  if (Dot == 4)
    return Width == 16  ? "llvm.x86.avx512.vpdpbusd.512"
           : Width == 8 ? "llvm.x86.avx512.vpdpbusd.256"
           : Width == 4 ? "llvm.x86.avx512.vpdpbusd.128"
                        : "";
  return Width == 16  ? "llvm.x86.avx512.pmaddw.d.512"
         : Width == 8 ? "llvm.x86.avx2.pmadd.wd"
         : Width == 4 ? "llvm.x86.sse2.pmadd.wd"
                      : "";
}

/// \p Count bytes along \p Dim from this point on, as the low bytes of an i32;
/// the others are zero.
Value NestEmitter::loadBytes(Value Tensor, const Coords &At, const Point &Pt,
                             int Dim, int64_t Count) {
  Value MemRef = Ctx.memref(Tensor);
  auto Type = cast<MemRefType>(MemRef.getType());
  bool Contiguous = Dim >= 0 && stepAlong(At, Type, Dim, 1) == Step::Unit;
  auto Where = [&](int64_t I) {
    Point Here = Pt;
    if (I)
      Here.At[Dim].Offset += I;
    LaneShape One;
    SmallVector<Value> R;
    for (AffineExpr E : At)
      R.push_back(L.scalar(L.affine(E, Here.At, One)));
    return R;
  };
  mlir::Type I32 = B.getI32Type();
  Value Sum;
  for (int64_t I = 0; I < Count;) {
    // As many as one load takes.
    int64_t N = Count - I >= 4 && Contiguous   ? 4
                : Count - I >= 2 && Contiguous ? 2
                                               : 1;
    Value Part;
    if (N == 1) {
      Part = memref::LoadOp::create(B, L.Loc, MemRef, Where(I));
    } else {
      auto Bytes = VectorType::get({N}, B.getI8Type());
      auto Word = VectorType::get({1}, B.getIntegerType(8 * N));
      Part = vector::LoadOp::create(B, L.Loc, Bytes, MemRef, Where(I));
      Part = vector::BitCastOp::create(B, L.Loc, Word, Part);
      Part = vector::ExtractOp::create(B, L.Loc, Part, int64_t(0));
    }
    if (Part.getType() != I32)
      Part = arith::ExtUIOp::create(B, L.Loc, I32, Part);
    if (I > 0)
      Part = arith::ShLIOp::create(
          B, L.Loc, Part, arith::ConstantIntOp::create(B, L.Loc, I32, 8 * I));
    Sum = Sum ? arith::OrIOp::create(B, L.Loc, Sum, Part) : Part;
    I += N;
  }
  return Sum;
}

SmallVector<Value> NestEmitter::dotStep(const NestGraph::Reduction &R,
                                        const Points &Tile, int Dim,
                                        int64_t Count, ValueRange Acc) {
  linalg::GenericOp Op = R.Op;
  const NestGraph::Access &Packed = G.Accesses[P.PackedAccess];
  unsigned WI = Op.getDpsInputOperand(0)->get() == Packed.Tensor ? 0 : 1;
  OpOperand *X = Op.getDpsInputOperand(1 - WI);
  Coords XAt = composeCoords(Op.getMatchingIndexingMap(X), R.Loops),
         WAt = Packed.At;
  bool Flipped = false;
  Op.getBody()->walk([&](arith::XOrIOp) { Flipped = true; });

  // Points of a row share its bytes, those of a column its weights.
  auto Dims = [&](const Coords &At) {
    llvm::SmallBitVector All(G.Dims.size());
    for (AffineExpr E : At)
      All |= G.dimsOf(E);
    return All;
  };
  llvm::SmallBitVector XDims = Dims(XAt), WDims = Dims(WAt);
  struct Shared {
    const Point *Pt;
    Value V;
  };
  SmallVector<Shared> Rows, Columns;
  auto Find = [&](SmallVector<Shared> &Known, const llvm::SmallBitVector &Over,
                  const Point &Pt) -> Value {
    for (const Shared &S : Known)
      if (S.Pt->S.Width == Pt.S.Width &&
          llvm::all_of(Over.set_bits(),
                       [&](unsigned D) { return S.Pt->At[D] == Pt.At[D]; }))
        return S.V;
    return nullptr;
  };

  SmallVector<Value> Next(Acc);
  for (auto [I, Pt] : llvm::enumerate(Tile)) {
    unsigned Width = Pt.S.Width;
    StringRef Intrinsic = dotIntrinsic(P.Dot, Width);
    if (Intrinsic.empty()) {
      Points One = {Pt};
      for (int64_t K = 0; K < Count; ++K) {
        Next[I] = step(R, One, Next[I])[0];
        if (K + 1 < Count)
          ++One[0].At[Dim].Offset;
      }
      continue;
    }
    auto I32s = VectorType::get({int64_t(Width)}, B.getI32Type());
    auto I8s = VectorType::get({int64_t(Width) * P.Dot}, B.getI8Type());
    auto I16s = VectorType::get({int64_t(Width) * P.Dot}, B.getI16Type());

    Value Row = Find(Rows, XDims, Pt);
    if (!Row) {
      Value Bytes = loadBytes(X->get(), XAt, Pt, Dim, Count);
      if (Flipped)
        // Bytes beyond the sum meet weights of zero.
        Bytes = arith::XOrIOp::create(
            B, L.Loc, Bytes,
            arith::ConstantIntOp::create(B, L.Loc, B.getI32Type(),
                                         P.Dot == 4 ? 0x80808080ll : 0x8080));
      if (P.Dot == 2) {
        // Two bytes to two words.
        auto Const = [&](int64_t V) {
          return arith::ConstantIntOp::create(B, L.Loc, B.getI32Type(), V);
        };
        Value High = arith::ShLIOp::create(
            B, L.Loc, arith::AndIOp::create(B, L.Loc, Bytes, Const(0xff00)),
            Const(8));
        Bytes = arith::OrIOp::create(
            B, L.Loc, arith::AndIOp::create(B, L.Loc, Bytes, Const(0xff)),
            High);
      }
      Row = vector::BroadcastOp::create(B, L.Loc, I32s, Bytes);
      Row = vector::BitCastOp::create(B, L.Loc, P.Dot == 4 ? I8s : I16s, Row);
      Rows.push_back({&Pt, Row});
    }
    Value Column = Find(Columns, WDims, Pt);
    if (!Column) {
      // The panel is padded: all lanes may be read, masked or not.
      SmallVector<Value> Where;
      for (AffineExpr E : WAt) {
        Lane At = L.affine(E, Pt.At, Pt.S);
        At.Coef = 0;
        Where.push_back(L.scalar(At));
      }
      Column = vector::LoadOp::create(B, L.Loc, I8s, Ctx.memref(Packed.Tensor),
                                      Where);
      if (P.Dot == 2)
        Column = arith::ExtSIOp::create(B, L.Loc, I16s, Column);
      Columns.push_back({&Pt, Column});
    }
    SmallVector<Value> Operands = {Row, Column};
    if (P.Dot == 4)
      Operands.insert(Operands.begin(), Next[I]);
    Value Sum = LLVM::CallIntrinsicOp::create(
                    B, L.Loc, I32s, B.getStringAttr(Intrinsic), Operands)
                    .getResult(0);
    Next[I] =
        P.Dot == 4 ? Sum : Value(arith::AddIOp::create(B, L.Loc, Next[I], Sum));
  }
  return Next;
}

void NestEmitter::reduceDot(const NestGraph::Reduction &R, Points &Tile,
                            SmallVector<Value> &Acc) {
  for (unsigned D : R.Own)
    for (Point &Pt : Tile)
      Pt.At[D] = Lane::index(0);
  // The loop whose terms are added in groups, innermost.
  AffineExpr Within = G.Accesses[P.PackedAccess].At.back();
  llvm::SmallBitVector Bits = G.dimsOf(Within);
  // None: a group holds one term.
  int Dim = Bits.find_first();
  SmallVector<unsigned> Outer;
  for (unsigned D : P.ReductionOrder[&R - G.Reductions.data()])
    if (int(D) != Dim)
      Outer.push_back(D);
  int64_t E = Dim < 0 ? 1 : G.Dims[Dim].Extent;
  int64_t Groups = llvm::divideCeil(E, P.Dot);

  // Short sums stand in line, within small windows too.
  constexpr int64_t MostInLine = 6;
  size_t InLine = Outer.size();
  for (int64_t Bodies = Groups; InLine > 0; --InLine) {
    int64_t Size = G.Dims[Outer[InLine - 1]].Extent;
    if (ShapedType::isDynamic(Size) || Bodies * Size > MostInLine)
      break;
    Bodies *= Size;
  }
  auto Terms = [&](ValueRange In) {
    SmallVector<Value> Now(In);
    auto Lay = [&](Value Iv, int64_t From, int64_t Bodies) {
      for (int64_t U = 0; U < Bodies; ++U) {
        int64_t K = From + U * P.Dot;
        if (Dim >= 0)
          for (Point &Pt : Tile)
            Pt.At[Dim] = {Iv, false, K, 0, Iv ? P.Dot : 0};
        Now = dotStep(R, Tile, Dim, std::min(P.Dot, E - (Iv ? 0 : K)), Now);
      }
    };
    int64_t Whole = E / P.Dot, Unroll = 2;
    int64_t Looped = Whole <= 3 ? 0 : Whole / Unroll * Unroll;
    Now = carryLoop(L.index(0), L.index(Looped * P.Dot), Unroll * P.Dot, Now,
                    [&](Value Iv, ValueRange In) {
                      Now.assign(In.begin(), In.end());
                      for (Point &Pt : Tile)
                        Pt.At[Dim] = {Iv, false, 0, 0, P.Dot};
                      prefetchPanel(Tile[0], Unroll);
                      Lay(Iv, 0, Unroll);
                      return Now;
                    });
    size_t Mark = openScope();
    Lay(nullptr, Looped * P.Dot, Groups - Looped);
    closeScope(Mark);
    return Now;
  };
  auto Nest = [&](auto &Self, size_t Level,
                  ValueRange In) -> SmallVector<Value> {
    if (Level == Outer.size())
      return Terms(In);
    unsigned D = Outer[Level];
    if (Level >= InLine) {
      SmallVector<Value> Now(In);
      for (int64_t I = 0; I < G.Dims[D].Extent; ++I) {
        size_t Mark = openScope();
        for (Point &Pt : Tile)
          Pt.At[D] = Lane::index(I);
        Now = Self(Self, Level + 1, Now);
        closeScope(Mark);
      }
      return Now;
    }
    return carryLoop(L.index(0), extent(D), 1, In,
                     [&](Value Iv, ValueRange In) {
                       for (Point &Pt : Tile)
                         Pt.At[D] = Lane::uniform(Iv);
                       return Self(Self, Level + 1, In);
                     });
  };
  Acc = Nest(Nest, 0, Acc);
}

//===- NestPacked.cpp - Sums of products with weights of few bits ---------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The inner loop of contractions whose weights stay packed in memory (see
// kernel::PackedProduct). Columns lie on the lanes; a lane of a loaded word
// holds the next weights of its column, 32 / bits of them, which are taken out
// one after the other:
//
//   word >> bits * t, and then the low bits pick a float from a table in a
//   register (targets with TableLanes), or are masked and converted.
//
// One row is bound by reading weights: sums of a block are kept apart and
// scaled once. Several rows share a weight, which is scaled before they
// multiply it: their accumulators leave no registers for sums of a block.
//
//===----------------------------------------------------------------------===//

#include "NestEmitter.h"
#include "lathe/Kernel/PackedProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe::codegen;

namespace {

/// Bytes of a word, as the schedule packs them.
constexpr int64_t WordBytes = 4;

/// Makes floats of the weights in a vector of words.
class Unpacker {
public:
  Unpacker(LaneBuilder &L, const lathe::TargetDescription &Target,
           const lathe::kernel::PackedProduct &Form, int64_t Width)
      : L(L), Form(Form), Width(Width),
        Table(Form.Bits <= 4 && Target.TableLanes == Width) {}

  VectorType words() const {
    return VectorType::get({Width}, L.B.getI32Type());
  }
  VectorType floats() const {
    return VectorType::get({Width}, L.B.getF32Type());
  }

  /// Weight \p T of each lane of \p Word less its zero point: \p Zero, or the
  /// constant where that is null.
  Value weight(Value Word, unsigned T, Value Zero) {
    Value Field = Word;
    if (unsigned Shift = T * Form.Bits)
      Field = arith::ShRUIOp::create(L.B, L.Loc, Field, splat(Shift));
    Value Real;
    if (Table) {
      Real = LLVM::CallIntrinsicOp::create(
                 L.B, L.Loc, floats(),
                 L.B.getStringAttr("llvm.x86.avx512.permvar.sf.512"),
                 ValueRange{table(Zero ? 0 : Form.ZeroConstant), Field})
                 .getResult(0);
      if (!Zero)
        return Real;
    } else {
      // The last one has zeros above it.
      if ((T + 1) * Form.Bits < 32)
        Field = arith::AndIOp::create(L.B, L.Loc, Field,
                                      splat((1 << Form.Bits) - 1));
      Real = arith::SIToFPOp::create(L.B, L.Loc, floats(), Field);
    }
    if (!Zero)
      Zero = splat(Form.ZeroConstant);
    return arith::SubFOp::create(L.B, L.Loc, Real, Zero);
  }

  Value splat(double V) {
    return arith::ConstantOp::create(
        L.B, L.Loc,
        DenseElementsAttr::get(floats(), L.B.getF32FloatAttr(V).getValue()));
  }

private:
  Value splat(unsigned V) {
    return arith::ConstantOp::create(
        L.B, L.Loc, DenseElementsAttr::get(words(), int32_t(V)));
  }
  Value splat(int V) { return splat(unsigned(V)); }

  /// Float \p I of the table is what the bits of I stand for.
  Value table(double Zero) {
    SmallVector<float> Values;
    for (int64_t I = 0; I < Width; ++I)
      Values.push_back(float(double(I & ((1 << Form.Bits) - 1)) - Zero));
    return arith::ConstantOp::create(
        L.B, L.Loc, DenseElementsAttr::get(floats(), ArrayRef<float>(Values)));
  }

  LaneBuilder &L;
  const lathe::kernel::PackedProduct &Form;
  int64_t Width;
  bool Table;
};

} // namespace

void NestEmitter::reducePacked(const NestGraph::Reduction &R, Points &Tile,
                               SmallVector<Value> &Acc) {
  unsigned Width = Tile[0].S.Width;
  // Narrow tails compute term by term, from the same packed weights.
  if (Width == 1)
    return reduceParallel(unsigned(&R - G.Reductions.data()), Tile, Acc);
  linalg::GenericOp Op = R.Op;
  lathe::kernel::PackedProduct Form = *lathe::kernel::matchPackedProduct(Op);
  const NestGraph::Access &Packed = G.Accesses[P.PackedAccess];
  auto AtOf = [&](unsigned Operand) {
    return composeCoords(
        Op.getMatchingIndexingMap(Op.getDpsInputOperand(Operand)), R.Loops);
  };
  Value X = Op.getDpsInputOperand(Form.X)->get();
  Coords XAt = AtOf(Form.X);
  for (unsigned D : R.Own)
    for (Point &Pt : Tile)
      Pt.At[D] = Lane::index(0);
  // The loops over the bytes of a block and the weights of a byte.
  int Byte = G.dimsOf(Packed.At.back()).find_first();
  int Part = Form.Part < 0 ? -1 : G.dimsOf(R.Loops[Form.Part]).find_first();
  SmallVector<unsigned> Blocks;
  for (unsigned D : P.ReductionOrder[&R - G.Reductions.data()])
    if (int(D) != Byte && int(D) != Part)
      Blocks.push_back(D);

  // Points of one column share its weights.
  llvm::SmallBitVector WDims(G.Dims.size());
  for (AffineExpr E : Packed.At)
    WDims |= G.dimsOf(E);
  SmallVector<unsigned> Columns; // a point of each
  SmallVector<unsigned> ColumnOf;
  for (auto [I, Pt] : llvm::enumerate(Tile)) {
    auto It = llvm::find_if(Columns, [&, &Here = Pt](unsigned C) {
      return llvm::all_of(WDims.set_bits(), [&](unsigned D) {
        return Tile[C].At[D] == Here.At[D];
      });
    });
    ColumnOf.push_back(It - Columns.begin());
    if (It == Columns.end())
      Columns.push_back(I);
  }
  bool OneRow = Columns.size() == Tile.size();
  Unpacker U(L, Ctx.Target, Form, Width);
  auto MultiplyAdd = [&](Value A, Value C, Value Sum) -> Value {
    if (Ctx.Target.HasFMA)
      return math::FmaOp::create(B, L.Loc, A, C, Sum);
    return arith::AddFOp::create(B, L.Loc,
                                 arith::MulFOp::create(B, L.Loc, A, C), Sum);
  };
  auto PerColumn = [&](unsigned Operand) {
    Value Tensor = Op.getDpsInputOperand(Operand)->get();
    Coords At = AtOf(Operand);
    SmallVector<Value> V;
    for (unsigned C : Columns)
      V.push_back(
          L.vector(element(Tensor, At, Tile[C]), B.getF32Type(), Tile[C].S));
    return V;
  };

  // The weights of one word, to Chains sums for each point in turn.
  unsigned Terms = WordBytes * 8 / Form.Bits, PerByte = 8 / Form.Bits;
  auto Word = [&](Value Iv, ArrayRef<Value> Scales, ArrayRef<Value> Zeros,
                  unsigned Chains, ValueRange In) {
    SmallVector<Value> Sums(In), Words;
    for (Point &Pt : Tile)
      Pt.At[Byte] = {Iv, false, 0, 0, WordBytes};
    prefetchPanel(Tile[0], /*Terms=*/1);
    for (unsigned C : Columns) {
      SmallVector<Value> Where;
      for (AffineExpr E : Packed.At) {
        Lane At = L.affine(E, Tile[C].At, Tile[C].S);
        At.Coef = 0;
        Where.push_back(L.scalar(At));
      }
      // The panel is padded: all lanes may be read, masked or not.
      Value Bytes = vector::LoadOp::create(
          B, L.Loc,
          VectorType::get({int64_t(Width) * WordBytes}, B.getI8Type()),
          Ctx.memref(Packed.Tensor), Where);
      Words.push_back(vector::BitCastOp::create(B, L.Loc, U.words(), Bytes));
    }
    for (unsigned T = 0; T < Terms; ++T) {
      SmallVector<Value> Weights;
      for (unsigned C = 0; C < Columns.size(); ++C) {
        Value W = U.weight(Words[C], T, Zeros.empty() ? Value() : Zeros[C]);
        if (!Scales.empty())
          W = arith::MulFOp::create(B, L.Loc, W, Scales[C]);
        Weights.push_back(W);
      }
      for (auto [I, Pt] : llvm::enumerate(Tile)) {
        Pt.At[Byte].Offset = T / PerByte;
        if (Part >= 0)
          Pt.At[Part] = Lane::index(T % PerByte);
        Value Row = L.vector(element(X, XAt, Pt), B.getF32Type(), Pt.S);
        Value &Sum = Sums[(T % Chains) * Tile.size() + I];
        Sum = MultiplyAdd(Row, Weights[ColumnOf[I]], Sum);
      }
    }
    for (Point &Pt : Tile) {
      Pt.At[Byte] = Lane::index(0);
      if (Part >= 0)
        Pt.At[Part] = Lane::index(0);
    }
    return Sums;
  };
  auto Block = [&](ValueRange In) {
    SmallVector<Value> Zeros;
    if (Form.Zero >= 0)
      Zeros = PerColumn(Form.Zero);
    auto Words = [&](ArrayRef<Value> Scales, unsigned Chains, ValueRange From) {
      return carryLoop(L.index(0), extent(Byte), WordBytes, From,
                       [&](Value Iv, ValueRange Now) {
                         return Word(Iv, Scales, Zeros, Chains, Now);
                       });
    };
    SmallVector<Value> Scales = PerColumn(Form.Scale);
    if (!OneRow)
      return Words(Scales, 1, In);
    // Enough sums to cover the latency of a multiply-add, if they fit.
    unsigned N = Tile.size(), Chains = 1;
    while (Chains < 4 && 2 * Chains * N <= Ctx.Target.VectorRegisters / 4)
      Chains *= 2;
    SmallVector<Value> Start(Chains * N, U.splat(0.0));
    SmallVector<Value> Sums = Words({}, Chains, Start), Next;
    for (unsigned I = 0; I < N; ++I) {
      for (unsigned Half = Chains / 2; Half > 0; Half /= 2)
        for (unsigned K = 0; K < Half; ++K)
          Sums[K * N + I] = arith::AddFOp::create(B, L.Loc, Sums[K * N + I],
                                                  Sums[(K + Half) * N + I]);
      Next.push_back(MultiplyAdd(Sums[I], Scales[I], In[I]));
    }
    return Next;
  };
  auto Nest = [&](auto &Self, size_t Level,
                  ValueRange In) -> SmallVector<Value> {
    if (Level == Blocks.size())
      return Block(In);
    unsigned D = Blocks[Level];
    return carryLoop(L.index(0), extent(D), 1, In,
                     [&](Value Iv, ValueRange In) {
                       for (Point &Pt : Tile)
                         Pt.At[D] = Lane::uniform(Iv);
                       return Self(Self, Level + 1, In);
                     });
  };
  Acc = Nest(Nest, 0, Acc);
}

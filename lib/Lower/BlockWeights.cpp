//===- BlockWeights.cpp - Products with weights of few bits ---------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A x B' with B [N, blocks, bytes] of 2, 4 or 8 bits, low bits first, where
// each block along the sum has a scale and perhaps a zero point.
//
// Constant weights stay as they are: one sum over blocks, bytes of a block and
// weights of a byte, whose body makes a float of each weight (the form that
// kernel::matchPackedProduct knows). Weights that only the run knows are spread
// to floats first.
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "Quantization.h"
#include "lathe/ONNX/ConstantView.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace lathe::lower {

namespace {
using Iterator = utils::IteratorType;

/// What the attributes of a MatMulNBits say.
struct Format {
  int64_t K, N, Bits, Block;
  int64_t blocks() const { return llvm::divideCeil(K, Block); }
  int64_t perByte() const { return 8 / Bits; }
  int64_t bytes() const { return Block / perByte(); }
  /// Bytes of the zero points of one output.
  int64_t zeroRow() const { return llvm::divideCeil(blocks() * Bits, 8); }
  int64_t middle() const { return int64_t(1) << (Bits - 1); }
};
} // namespace

static Value floats(Builder &B, ArrayRef<int64_t> Shape,
                    const std::vector<float> &Values) {
  auto Type = RankedTensorType::get(Shape, B.getF32Type());
  TypedAttr Attr;
  if (Values.size() <= 64)
    Attr = DenseElementsAttr::get(Type, ArrayRef<float>(Values));
  else
    Attr = DenseResourceElementsAttr::get(
        Type, "blocks",
        HeapAsmResourceBlob::allocateAndCopyInferAlign(
            ArrayRef<float>(Values)));
  return arith::ConstantOp::create(B, Attr);
}

static std::optional<onnx::ConstantView> known(Node &N, unsigned I,
                                               int64_t Elements) {
  auto View = onnx::ConstantView::get(N.original(I));
  if (!View || View->isElided() || View->size() != Elements)
    return std::nullopt;
  return View;
}

/// The sums in f32, [rows, N], from weights that stay packed; null where they
/// are no constants.
static Value packedProduct(Node &N, const Format &F, Value Rows) {
  Builder &B = N.B;
  auto Bytes = known(N, 1, F.N * F.blocks() * F.bytes());
  auto Scales = known(N, 2, F.N * F.blocks());
  std::optional<onnx::ConstantView> Zeros;
  if (N.has(3) && !(Zeros = known(N, 3, F.N * F.zeroRow())))
    return {};
  // Groups of four bytes are taken apart together.
  if (!Bytes || !Scales || F.bytes() % 4 || F.Block % F.perByte())
    return {};
  SmallVector<int64_t> PerBlock = {F.N, F.blocks()};
  std::vector<float> Values(F.N * F.blocks());
  for (size_t I = 0; I < Values.size(); ++I)
    Values[I] = float(Scales->getFloat(I));
  Value Scale = floats(B, PerBlock, Values), Zero;
  if (Zeros) {
    for (int64_t I = 0; I < F.N; ++I)
      for (int64_t J = 0; J < F.blocks(); ++J) {
        int64_t Bit = J * F.Bits;
        uint8_t Byte = uint8_t(Zeros->getInt(I * F.zeroRow() + Bit / 8));
        Values[I * F.blocks() + J] =
            float((Byte >> (Bit % 8)) & ((1 << F.Bits) - 1));
      }
    Zero = floats(B, PerBlock, Values);
  }

  // [rows, blocks, bytes, weights of a byte]
  if (int64_t Beyond = F.blocks() * F.Block - F.K) {
    OpFoldResult None = size(B, 0);
    Rows = pad(B, Rows, {None, None}, {None, size(B, Beyond)},
               scalar::constant(B, B.getF32Type(), 0.0));
  }
  SmallVector<OpFoldResult> Split = {size(B, F.blocks()), size(B, F.bytes())};
  bool Shared = F.perByte() > 1;
  if (Shared)
    Split.push_back(size(B, F.perByte()));
  Rows = expandDim(B, Rows, 1, Split);

  int64_t Loops = Shared ? 5 : 4;
  SmallVector<int64_t> AtRows = {0, 2, 3};
  if (Shared)
    AtRows.push_back(4);
  SmallVector<Value> Ins = {
      Rows,
      reshape(B, N.in(1),
              {size(B, F.N), size(B, F.blocks()), size(B, F.bytes())}),
      Scale};
  SmallVector<AffineMap> Maps = {dimsMap(B, Loops, AtRows),
                                 dimsMap(B, Loops, {1, 2, 3}),
                                 dimsMap(B, Loops, {1, 2})};
  if (Zero) {
    Ins.push_back(Zero);
    Maps.push_back(dimsMap(B, Loops, {1, 2}));
  }
  Maps.push_back(dimsMap(B, Loops, {0, 1}));
  SmallVector<Iterator> Kinds(Loops, Iterator::reduction);
  Kinds[0] = Kinds[1] = Iterator::parallel;
  Type F32 = B.getF32Type(), I32 = B.getI32Type();
  Value Init = filled(B, {dimOf(B, Rows, 0), size(B, F.N)},
                      scalar::constant(B, F32, 0.0));
  return linalg::GenericOp::create(
             B, Init.getType(), Ins, Init, Maps, Kinds,
             [&](OpBuilder &Inner, Location Loc, ValueRange V) {
               Builder IB(Loc, Inner);
               Value Q = arith::ExtUIOp::create(IB, I32, V[1]);
               if (Shared) {
                 Value Part = arith::IndexCastOp::create(
                     IB, I32, linalg::IndexOp::create(IB, Loops - 1));
                 Q = arith::ShRUIOp::create(
                     IB, Q,
                     scalar::mul(IB, Part, scalar::constant(IB, I32, F.Bits)));
                 Q = arith::AndIOp::create(
                     IB, Q,
                     scalar::constant(IB, I32, (int64_t(1) << F.Bits) - 1));
               }
               Value Middle =
                   Zero ? V[3] : scalar::constant(IB, F32, double(F.middle()));
               Value W = arith::SubFOp::create(
                   IB, arith::SIToFPOp::create(IB, F32, Q), Middle);
               Value P = scalar::mul(IB, V[0], scalar::mul(IB, W, V[2]));
               linalg::YieldOp::create(IB, scalar::add(IB, V.back(), P));
             })
      .getResult(0);
}

/// The weights as floats, [N, K].
static Value spread(Node &N, const Format &F, Type Elem, Type Acc) {
  Builder &B = N.B;
  Type I32 = B.getI32Type();
  Value Bytes = N.in(1);
  Value Scales = reshape(B, N.in(2), {size(B, F.N * F.blocks())});
  Value Zeros =
      N.has(3) ? reshape(B, N.in(3), {size(B, F.N * F.zeroRow())}) : Value();
  return generate(
      B, {size(B, F.N), size(B, F.K)}, Elem,
      [&](Builder &IB, ValueRange I) -> Value {
        auto Const = [&](int64_t V) -> Value {
          return arith::ConstantIndexOp::create(IB, V);
        };
        auto Field = [&](Value Byte, Value At) -> Value {
          Value Shift = arith::MulIOp::create(
              IB, arith::RemUIOp::create(IB, At, Const(F.perByte())),
              Const(F.Bits));
          Value Wide = arith::ExtUIOp::create(IB, I32, Byte);
          Value Moved = arith::ShRUIOp::create(
              IB, Wide, arith::IndexCastOp::create(IB, I32, Shift));
          return arith::AndIOp::create(
              IB, Moved, scalar::constant(IB, I32, int64_t((1 << F.Bits) - 1)));
        };
        Value Group = arith::DivUIOp::create(IB, I[1], Const(F.Block)),
              Inside = arith::RemUIOp::create(IB, I[1], Const(F.Block));
        Value Byte = tensor::ExtractOp::create(
            IB, Bytes,
            ValueRange{I[0], Group,
                       arith::DivUIOp::create(IB, Inside, Const(F.perByte()))});
        Value Q = Field(Byte, Inside),
              Zero = scalar::constant(IB, I32, F.middle());
        if (Zeros) {
          Value Row = arith::MulIOp::create(IB, I[0], Const(F.zeroRow()));
          Value At = arith::AddIOp::create(
              IB, Row, arith::DivUIOp::create(IB, Group, Const(F.perByte())));
          Zero = Field(tensor::ExtractOp::create(IB, Zeros, ValueRange{At}),
                       Group);
        }
        Value ScaleAt = arith::AddIOp::create(
            IB, arith::MulIOp::create(IB, I[0], Const(F.blocks())), Group);
        Value Scale =
            tensor::ExtractOp::create(IB, Scales, ValueRange{ScaleAt});
        Value Real = arith::SIToFPOp::create(
            IB, Acc, arith::SubIOp::create(IB, Q, Zero));
        return scalar::cast(
            IB, scalar::mul(IB, Real, scalar::cast(IB, Scale, Elem, Acc)), Acc,
            Elem);
      });
}

LogicalResult lowerMatMulNBits(Node &N) {
  Builder &B = N.B;
  Format F{N.i64("K", 0), N.i64("N", 0), N.i64("bits", 4),
           N.i64("block_size", 0)};
  if ((F.Bits != 4 && F.Bits != 8 && F.Bits != 2) || F.Block <= 0 || N.has(4))
    return N.fail("only 2, 4 or 8 bits without g_idx are supported");
  if (N.has(3) && !N.inElem(3).isInteger())
    return N.fail("only packed zero points are supported");
  Type Elem = N.outType().getElementType(), Acc = accumulatorType(Elem);

  // All rows in one matrix.
  int64_t Rank = N.inRank(0);
  SmallVector<OpFoldResult> Sizes = dimsOf(B, N.in(0));
  Sizes.back() = size(B, F.N);
  Value X = N.in(0), R;
  if (Acc.isF32()) {
    Value Rows = X;
    if (!Elem.isF32())
      Rows = elementwise(B, {X}, Acc, [&](Builder &IB, ValueRange V) {
        return scalar::cast(IB, V[0], Elem, Acc);
      });
    if (Rank == 1)
      Rows = insertUnitDims(B, Rows, {0});
    else if (Rank > 2)
      Rows = collapseRange(B, Rows, 0, Rank - 1);
    R = packedProduct(N, F, Rows);
    if (R && Rank == 1)
      R = dropUnitDims(B, R, {0});
    else if (R && Rank > 2)
      R = expandDim(B, R, 0, ArrayRef(Sizes).drop_back());
  }
  if (!R)
    R = matmul(B, {X}, {transpose(B, spread(N, F, Elem, Acc), {1, 0})}, Acc);
  SmallVector<Value> Ins = {R};
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(Rank)};
  if (N.has(5)) {
    Ins.push_back(N.in(5));
    Maps.push_back(dimsMap(B, Rank, {Rank - 1}));
  }
  if (Ins.size() == 1 && Acc == Elem)
    return N.replace({R});
  return N.replace({pointwise(
      B, dimsOf(B, R), Ins, Maps, Elem, [&](Builder &IB, ValueRange V) {
        Value S = V.size() > 1
                      ? scalar::add(IB, V[0], scalar::cast(IB, V[1], Elem, Acc))
                      : V[0];
        return scalar::cast(IB, S, Acc, Elem);
      })});
}

} // namespace lathe::lower

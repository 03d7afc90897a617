//===- PackedProduct.cpp - Sums of products with weights of few bits ------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/PackedProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace lathe::kernel;

/// The number of the input that \p V is; -1: it is none.
static int inputOf(linalg::GenericOp Op, Value V) {
  auto Arg = dyn_cast<BlockArgument>(V);
  return Arg && Arg.getOwner() == Op.getBody() &&
                 Arg.getArgNumber() < Op.getNumDpsInputs()
             ? int(Arg.getArgNumber())
             : -1;
}

/// Calls \p Take with both orders of the operands of \p Op, if it is a T, until
/// it is true.
template <typename T>
static bool either(Value V, llvm::function_ref<bool(Value, Value)> Take) {
  auto Op = V.getDefiningOp<T>();
  return Op &&
         (Take(Op.getLhs(), Op.getRhs()) || Take(Op.getRhs(), Op.getLhs()));
}

static std::optional<int64_t> integer(Value V) {
  IntegerAttr C;
  if (!matchPattern(V, m_Constant(&C)))
    return std::nullopt;
  return C.getValue().getZExtValue();
}

/// The bits of a weight in \p V, an i32.
static bool matchField(linalg::GenericOp Op, Value V, PackedProduct &P) {
  std::optional<int64_t> Mask;
  either<arith::AndIOp>(V, [&](Value Field, Value C) {
    Mask = integer(C);
    if (Mask)
      V = Field;
    return Mask.has_value();
  });
  if (Mask) {
    auto Shift = V.getDefiningOp<arith::ShRUIOp>();
    if (!Shift || !llvm::isMask_64(*Mask))
      return false;
    P.Bits = llvm::countr_one(uint64_t(*Mask));
    bool Counts =
        either<arith::MulIOp>(Shift.getRhs(), [&](Value Part, Value Factor) {
          auto Cast = Part.getDefiningOp<arith::IndexCastOp>();
          auto Index =
              Cast ? Cast.getIn().getDefiningOp<linalg::IndexOp>() : nullptr;
          if (!Index || integer(Factor) != int64_t(P.Bits))
            return false;
          P.Part = int(Index.getDim());
          return true;
        });
    if (!Counts || (P.Bits != 2 && P.Bits != 4) ||
        Op.getStaticLoopRanges()[P.Part] != 8 / P.Bits)
      return false;
    V = Shift.getLhs();
  }
  auto Extend = V.getDefiningOp<arith::ExtUIOp>();
  int Bytes = Extend ? inputOf(Op, Extend.getIn()) : -1;
  if (Bytes < 0 || !Extend.getIn().getType().isInteger(8))
    return false;
  P.Bytes = Bytes;
  return true;
}

/// (field - zero) * scale.
static bool matchWeight(linalg::GenericOp Op, Value V, PackedProduct &P) {
  return either<arith::MulFOp>(V, [&](Value Whole, Value Scale) {
    auto Sub = Whole.getDefiningOp<arith::SubFOp>();
    auto Real = Sub ? Sub.getLhs().getDefiningOp<arith::SIToFPOp>() : nullptr;
    int By = inputOf(Op, Scale);
    if (!Real || By < 0)
      return false;
    P.Scale = By;
    P.Zero = inputOf(Op, Sub.getRhs());
    FloatAttr C;
    if (P.Zero < 0 && !matchPattern(Sub.getRhs(), m_Constant(&C)))
      return false;
    P.ZeroConstant = P.Zero < 0 ? C.getValueAsDouble() : 0;
    return matchField(Op, Real.getIn(), P);
  });
}

std::optional<PackedProduct>
lathe::kernel::matchPackedProduct(linalg::GenericOp Op) {
  if (Op.getNumDpsInits() != 1 || Op.getNumDpsInputs() < 3 ||
      !Op.hasPureTensorSemantics())
    return std::nullopt;
  Block &Body = *Op.getBody();
  Value Sum = Body.getTerminator()->getOperand(0);
  if (!Sum.getType().isF32())
    return std::nullopt;
  PackedProduct P;
  bool Found = either<arith::AddFOp>(Sum, [&](Value Acc, Value Term) {
    return Acc == Body.getArguments().back() &&
           either<arith::MulFOp>(Term, [&](Value X, Value W) {
             int At = inputOf(Op, X);
             if (At < 0 || !X.getType().isF32() || !matchWeight(Op, W, P))
               return false;
             P.X = At;
             return true;
           });
  });
  if (!Found || Op.getNumDpsInputs() != (P.Zero < 0 ? 3u : 4u))
    return std::nullopt;
  return P;
}

bool lathe::kernel::isWordDot(linalg::GenericOp Op, unsigned *Term,
                              bool *Signed) {
  if (Op.getNumDpsInits() != 1 || Op.getNumDpsInputs() != 2 ||
      !Op.hasPureTensorSemantics())
    return false;
  Block &Body = *Op.getBody();
  Value X = Body.getArgument(0), Words = Body.getArgument(1);
  if (!X.getType().isInteger(8) || !Words.getType().isInteger(32))
    return false;
  auto IsRow = [&](Value V) {
    Operation *Extend = V.getDefiningOp();
    if (!isa_and_nonnull<arith::ExtUIOp, arith::ExtSIOp>(Extend))
      return false;
    if (Signed)
      *Signed = isa<arith::ExtSIOp>(Extend);
    Value In = Extend->getOperand(0);
    auto Flip = In.getDefiningOp<arith::XOrIOp>();
    return In == X ||
           (Flip && Flip.getLhs() == X && integer(Flip.getRhs()) == 128);
  };
  auto IsColumn = [&](Value V) {
    auto Extend = V.getDefiningOp<arith::ExtSIOp>();
    auto Byte = Extend ? Extend.getIn().getDefiningOp<arith::TruncIOp>()
                       : arith::TruncIOp();
    auto Shift = Byte && Byte.getType().isInteger(8)
                     ? Byte.getIn().getDefiningOp<arith::ShRUIOp>()
                     : arith::ShRUIOp();
    return Shift && Shift.getLhs() == Words &&
           either<arith::MulIOp>(Shift.getRhs(), [&](Value Part, Value Factor) {
             auto Cast = Part.getDefiningOp<arith::IndexCastOp>();
             auto Index = Cast ? Cast.getIn().getDefiningOp<linalg::IndexOp>()
                               : linalg::IndexOp();
             if (!Index || integer(Factor) != 8 ||
                 Op.getStaticLoopRanges()[Index.getDim()] != 4)
               return false;
             if (Term)
               *Term = Index.getDim();
             return true;
           });
  };
  return either<arith::AddIOp>(
      Body.getTerminator()->getOperand(0), [&](Value Acc, Value P) {
        return Acc == Body.getArgument(2) &&
               either<arith::MulIOp>(P, [&](Value Row, Value Column) {
                 return IsRow(Row) && IsColumn(Column);
               });
      });
}

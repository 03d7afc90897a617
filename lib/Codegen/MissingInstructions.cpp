//===- MissingInstructions.cpp - What some vector units lack --------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// LLVM makes a call of the C library, lane by lane, of an operation that the
// vector unit has no instruction for. The ones that occur in inner loops are
// written here in those that every unit has.
//
//===----------------------------------------------------------------------===//

#include "MissingInstructions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"

using namespace mlir;

namespace {

/// Arithmetic on values of one f32 scalar or vector type.
class Rounder {
public:
  Rounder(OpBuilder &B, Location Loc, Type T) : B(B), Loc(Loc), T(T) {}

  /// To the nearest, halves to even. Above 2^23 every float is whole; below it,
  /// adding 2^23 leaves no bits for a fraction.
  Value toEven(Value X) {
    Value Magic = copySign(c(8388608.0f), X);
    Value R = arith::SubFOp::create(
        B, Loc, arith::AddFOp::create(B, Loc, X, Magic), Magic);
    Value Small = compare(arith::CmpFPredicate::OLT,
                          math::AbsFOp::create(B, Loc, X), c(8388608.0f));
    return select(Small, copySign(R, X), X);
  }
  Value floor(Value X) {
    Value R = toEven(X);
    Value Lower = arith::SubFOp::create(B, Loc, R, c(1.0f));
    return select(compare(arith::CmpFPredicate::OGT, R, X), Lower, R);
  }
  Value ceil(Value X) {
    Value R = toEven(X);
    Value Higher = arith::AddFOp::create(B, Loc, R, c(1.0f));
    return copySign(select(compare(arith::CmpFPredicate::OLT, R, X), Higher, R),
                    X);
  }
  Value trunc(Value X) {
    return copySign(floor(math::AbsFOp::create(B, Loc, X)), X);
  }
  /// To the nearest, halves away from zero.
  Value away(Value X) {
    Value T = trunc(X);
    Value Rest =
        math::AbsFOp::create(B, Loc, arith::SubFOp::create(B, Loc, X, T));
    Value Beyond = arith::AddFOp::create(B, Loc, T, copySign(c(1.0f), X));
    return select(compare(arith::CmpFPredicate::OGE, Rest, c(0.5f)), Beyond, T);
  }

private:
  Value c(float X) {
    TypedAttr A = B.getF32FloatAttr(X);
    if (auto V = dyn_cast<VectorType>(T))
      A = DenseElementsAttr::get(V, cast<Attribute>(A));
    return arith::ConstantOp::create(B, Loc, A);
  }
  Value copySign(Value X, Value S) {
    return math::CopySignOp::create(B, Loc, X, S);
  }
  Value compare(arith::CmpFPredicate P, Value X, Value Y) {
    return arith::CmpFOp::create(B, Loc, P, X, Y);
  }
  Value select(Value Condition, Value X, Value Y) {
    return arith::SelectOp::create(B, Loc, Condition, X, Y);
  }

  OpBuilder &B;
  Location Loc;
  Type T;
};

template <typename OpTy> struct Round : OpRewritePattern<OpTy> {
  using Maker = Value (Rounder::*)(Value);
  Round(MLIRContext *Ctx, Maker Make)
      : OpRewritePattern<OpTy>(Ctx), Make(Make) {}

  LogicalResult matchAndRewrite(OpTy Op,
                                PatternRewriter &Rewriter) const override {
    if (!getElementTypeOrSelf(Op.getType()).isF32())
      return failure();
    Rounder R(Rewriter, Op.getLoc(), Op.getType());
    Rewriter.replaceOp(Op, (R.*Make)(Op.getOperand()));
    return success();
  }

private:
  Maker Make;
};

/// The larger (smaller) of two; where one is NaN, the other.
template <typename OpTy, arith::CmpFPredicate Beyond>
struct SelectExtremum : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy Op,
                                PatternRewriter &Rewriter) const override {
    Location Loc = Op.getLoc();
    Value X = Op.getLhs(), Y = Op.getRhs();
    Value Wins = arith::CmpFOp::create(Rewriter, Loc, Beyond, X, Y);
    Value YIsNaN =
        arith::CmpFOp::create(Rewriter, Loc, arith::CmpFPredicate::UNO, Y, Y);
    Value Larger = arith::SelectOp::create(Rewriter, Loc, Wins, X, Y);
    Rewriter.replaceOpWithNewOp<arith::SelectOp>(Op, YIsNaN, X, Larger);
    return success();
  }
};

/// Halves a vector that is reduced by maxnumf or minnumf until one element is
/// left.
struct HalveReduction : OpRewritePattern<vector::ReductionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(vector::ReductionOp Op,
                                PatternRewriter &Rewriter) const override {
    vector::CombiningKind Kind = Op.getKind();
    if (Kind != vector::CombiningKind::MAXNUMF &&
        Kind != vector::CombiningKind::MINNUMF)
      return failure();
    auto Type = cast<VectorType>(Op.getVector().getType());
    if (Type.isScalable())
      return failure();
    Location Loc = Op.getLoc();
    auto Combine = [&](Value X, Value Y) -> Value {
      if (Kind == vector::CombiningKind::MAXNUMF)
        return arith::MaxNumFOp::create(Rewriter, Loc, X, Y);
      return arith::MinNumFOp::create(Rewriter, Loc, X, Y);
    };
    Value V = Op.getVector();
    int64_t Lanes = Type.getNumElements();
    while (Lanes > 1 && Lanes % 2 == 0) {
      Lanes /= 2;
      auto Half = [&](int64_t From) -> Value {
        return vector::ExtractStridedSliceOp::create(
            Rewriter, Loc, V, ArrayRef<int64_t>{From}, ArrayRef<int64_t>{Lanes},
            ArrayRef<int64_t>{1});
      };
      V = Combine(Half(0), Half(Lanes));
    }
    Value Result = Op.getAcc();
    for (int64_t I = 0; I < Lanes; ++I) {
      Value Element = vector::ExtractOp::create(Rewriter, Loc, V, I);
      Result = Result ? Combine(Result, Element) : Element;
    }
    Rewriter.replaceOp(Op, Result);
    return success();
  }
};

} // namespace

void lathe::codegen::populateRoundingPatterns(RewritePatternSet &Patterns) {
  MLIRContext *Ctx = Patterns.getContext();
  Patterns.add<Round<math::RoundEvenOp>>(Ctx, &Rounder::toEven);
  Patterns.add<Round<math::FloorOp>>(Ctx, &Rounder::floor);
  Patterns.add<Round<math::CeilOp>>(Ctx, &Rounder::ceil);
  Patterns.add<Round<math::TruncOp>>(Ctx, &Rounder::trunc);
  Patterns.add<Round<math::RoundOp>>(Ctx, &Rounder::away);
}

void lathe::codegen::populateMaxNumPatterns(RewritePatternSet &Patterns) {
  Patterns.add<HalveReduction,
               SelectExtremum<arith::MaxNumFOp, arith::CmpFPredicate::OGT>,
               SelectExtremum<arith::MinNumFOp, arith::CmpFPredicate::OLT>>(
      Patterns.getContext());
}

/// A load of one word's worth of narrow integers. LLVM copies that word to the
/// stack first, for it may not be aligned, however the load is written. As a
/// number it goes straight into a lane; only assembly, of no instruction, hides
/// from LLVM what it holds.
static void loadAsWord(vector::LoadOp Load) {
  VectorType Few = Load.getVectorType();
  int64_t Lanes = Few.getDimSize(0);
  OpBuilder B(Load->getContext());
  B.setInsertionPointAfter(Load);
  Location Loc = Load.getLoc();
  auto Words = [&](int64_t Count) {
    return VectorType::get({Count}, B.getI32Type());
  };
  auto First = vector::BitCastOp::create(B, Loc, Words(1), Load.getResult());
  Value Word = vector::ExtractOp::create(B, Loc, First, int64_t(0));
  Value Both = vector::BroadcastOp::create(B, Loc, Words(2), Word);
  Value Hidden =
      LLVM::InlineAsmOp::create(
          B, Loc, Words(2), Both, /*asm_string=*/"", /*constraints=*/"=w,0",
          /*has_side_effects=*/false, /*is_align_stack=*/false,
          LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
          .getResult(0);
  Value All = vector::BitCastOp::create(
      B, Loc, VectorType::get({2 * Lanes}, Few.getElementType()), Hidden);
  Value Result = vector::ExtractStridedSliceOp::create(
      B, Loc, All, ArrayRef<int64_t>{0}, ArrayRef<int64_t>{Lanes},
      ArrayRef<int64_t>{1});
  Load.getResult().replaceAllUsesExcept(Result, First);
}

void lathe::codegen::keepLoadsWhole(Operation *Root) {
  Root->walk([](vector::LoadOp Load) {
    auto Type = Load.getVectorType();
    if (!Type.getElementType().isInteger() || Type.getRank() != 1 ||
        Type.getElementTypeBitWidth() > 16 || Type.isScalable())
      return;
    int64_t Bits = Type.getDimSize(0) * Type.getElementTypeBitWidth();
    // Where it is taken for a word already nothing is to be done.
    if (Bits == 32 && llvm::any_of(Load->getUsers(), [](Operation *User) {
          return !isa<vector::BitCastOp>(User);
        }))
      loadAsWord(Load);
    if (Bits % 64 || llvm::none_of(Load->getUsers(), [](Operation *User) {
          return isa<arith::ExtSIOp, arith::ExtUIOp, arith::SIToFPOp,
                     arith::UIToFPOp>(User);
        }))
      return;
    OpBuilder B(Load->getContext());
    B.setInsertionPointAfter(Load);
    auto Whole = LLVM::FreezeOp::create(B, Load.getLoc(), Load.getResult());
    Load.getResult().replaceAllUsesExcept(Whole, Whole);
  });
}

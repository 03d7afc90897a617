//===- ExpandLookups.cpp - codegen-expand-lookups -------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Looks all bytes of a vector up in a table of 256: in pieces as wide as the
// target's instructions, the table read in rows of theirs (LLVM keeps rows in
// registers over a loop, where there are enough). Vectors narrower than a piece
// are filled up with lanes that nobody reads.
//
//===----------------------------------------------------------------------===//

#include "lathe/Codegen/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/Sequence.h"

namespace lathe::codegen {
#define GEN_PASS_DEF_EXPANDLOOKUPSPASS
#include "lathe/Codegen/Passes.h.inc"
} // namespace lathe::codegen

using namespace mlir;
using namespace lathe;

namespace {
class LookupBuilder {
public:
  LookupBuilder(kernel::LookupOp Op, const TargetDescription &Target)
      : Target(Target), B(Op), Loc(Op.getLoc()), Table(Op.getTable()) {}

  Value whole(Value X) {
    auto Type = dyn_cast<VectorType>(X.getType());
    if (!Type)
      return scalar(X);
    int64_t Lanes = Type.getDimSize(0), Piece = pieceLanes(Lanes);
    if (Piece == 1) {
      SmallVector<Value> All;
      for (int64_t I = 0; I < Lanes; ++I)
        All.push_back(scalar(vector::ExtractOp::create(B, Loc, X, I)));
      return vector::FromElementsOp::create(B, Loc, Type, All);
    }
    // Pieces, then one vector of them all.
    SmallVector<Value> Pieces;
    for (int64_t From = 0; From < Lanes; From += Piece)
      Pieces.push_back(piece(lanes(X, From, Piece)));
    int64_t Size = Piece;
    while (Pieces.size() > 1) {
      SmallVector<Value> Pairs;
      for (size_t I = 0; I < Pieces.size(); I += 2)
        Pairs.push_back(vector::ShuffleOp::create(
            B, Loc, Pieces[I], Pieces[std::min(I + 1, Pieces.size() - 1)],
            llvm::to_vector(llvm::seq<int64_t>(0, 2 * Size))));
      Pieces = std::move(Pairs);
      Size *= 2;
    }
    return lanes(Pieces[0], 0, Lanes);
  }

private:
  const TargetDescription &Target;
  OpBuilder B;
  Location Loc;
  Value Table;

  /// Lanes of one instruction, for vectors of \p Lanes.
  int64_t pieceLanes(int64_t Lanes) const {
    switch (Target.Lookup) {
    case ByteLookup::Scalar:
      return 1;
    case ByteLookup::Rows16:
      for (int64_t Piece : {16, 32, 64})
        if (Piece >= Lanes || Piece * 8 >= int64_t(Target.VectorBits))
          return Piece;
      return 64;
    case ByteLookup::Pairs64:
      return 64;
    case ByteLookup::Lists64:
      return 16;
    case ByteLookup::Lists32:
      return 8;
    }
    llvm_unreachable("covered switch");
  }

  VectorType bytes(int64_t Lanes) {
    return VectorType::get({Lanes}, B.getI8Type());
  }
  Value splat(VectorType Type, int64_t N) {
    return arith::ConstantOp::create(
        B, Loc, DenseElementsAttr::get(Type, B.getI8IntegerAttr(int8_t(N))));
  }
  Value add(Value X, Value Y) { return arith::AddIOp::create(B, Loc, X, Y); }
  Value call(StringRef Intrinsic, Type Result, ValueRange Operands) {
    return LLVM::CallIntrinsicOp::create(B, Loc, Result,
                                         B.getStringAttr(Intrinsic), Operands)
        .getResult(0);
  }
  /// Lanes From, From + 1, ... of \p X; those behind its end hold anything.
  Value lanes(Value X, int64_t From, int64_t Count) {
    int64_t Has = cast<VectorType>(X.getType()).getDimSize(0);
    if (From == 0 && Count == Has)
      return X;
    SmallVector<int64_t> Which;
    for (int64_t I = From; I < From + Count; ++I)
      Which.push_back(I < Has ? I : vector::ShuffleOp::kPoisonIndex);
    return vector::ShuffleOp::create(B, Loc, X, X, Which);
  }
  Value row(int64_t From, int64_t Count) {
    Value At = arith::ConstantIndexOp::create(B, Loc, From);
    return vector::LoadOp::create(B, Loc, bytes(Count), Table, At);
  }
  Value scalar(Value X) {
    Value At = arith::IndexCastUIOp::create(B, Loc, B.getIndexType(), X);
    return memref::LoadOp::create(B, Loc, Table, At);
  }

  Value piece(Value X) {
    switch (Target.Lookup) {
    case ByteLookup::Scalar:
      break;
    case ByteLookup::Rows16:
      return byRows(X);
    case ByteLookup::Pairs64:
      return byPairs(X);
    case ByteLookup::Lists64:
      return byLists(X, 64, "llvm.aarch64.neon.tbl4.v16i8",
                     "llvm.aarch64.neon.tbx4.v16i8");
    case ByteLookup::Lists32:
      return byLists(X, 32, "llvm.arm.neon.vtbl4", "llvm.arm.neon.vtbx4");
    }
    llvm_unreachable("scalars have no pieces");
  }

  /// vpermi2b picks from 128 bytes by the low bits; the sign says which half.
  Value byPairs(Value X) {
    auto Type = cast<VectorType>(X.getType());
    auto Half = [&](int64_t From) {
      return call("llvm.x86.avx512.vpermi2var.qi.512", Type,
                  {row(From, 64), X, row(From + 64, 64)});
    };
    return bySign(X, Half(128), Half(0));
  }

  Value bySign(Value X, Value IfNegative, Value Else) {
    Value Negative =
        arith::CmpIOp::create(B, Loc, arith::CmpIPredicate::slt, X,
                              splat(cast<VectorType>(X.getType()), 0));
    return arith::SelectOp::create(B, Loc, Negative, IfNegative, Else);
  }

  /// pshufb picks from 16 bytes by the low four bits; the other four, brought
  /// to the sign one after the other, choose between rows, pairs of rows, ...
  Value byRows(Value X) {
    static constexpr StringLiteral Shuffles[] = {"llvm.x86.ssse3.pshuf.b.128",
                                                 "llvm.x86.avx2.pshuf.b",
                                                 "llvm.x86.avx512.pshuf.b.512"};
    auto Type = cast<VectorType>(X.getType());
    int64_t Lanes = Type.getDimSize(0);
    SmallVector<int64_t> Spread;
    for (int64_t I = 0; I < Lanes; ++I)
      Spread.push_back(I % 16);
    Value Low = arith::AndIOp::create(B, Loc, X, splat(Type, 15));
    SmallVector<Value> Signs = {X};
    for (int I = 0; I < 3; ++I)
      Signs.push_back(add(Signs.back(), Signs.back()));
    // Depth first: few registers are busy.
    auto Choose = [&](auto &Self, int64_t First, int64_t Count) -> Value {
      if (Count == 1) {
        Value Row = row(16 * First, 16);
        if (Lanes > 16)
          Row = vector::ShuffleOp::create(B, Loc, Row, Row, Spread);
        return call(Shuffles[llvm::Log2_64(Lanes / 16)], Type, {Row, Low});
      }
      Count /= 2;
      Value Lower = Self(Self, First, Count),
            Upper = Self(Self, First + Count, Count);
      return bySign(Signs[3 - llvm::Log2_64(Count)], Upper, Lower);
    };
    return Choose(Choose, 0, 16);
  }

  /// tbl picks from a list of four registers, zero beyond; tbx goes on with the
  /// next list and leaves what is beyond that as it is.
  Value byLists(Value X, int64_t Length, StringRef First, StringRef Next) {
    auto Type = cast<VectorType>(X.getType());
    Value Result;
    for (int64_t From = 0; From < 256; From += Length) {
      SmallVector<Value> Operands;
      if (Result)
        Operands.push_back(Result);
      for (int64_t I = 0; I < 4; ++I)
        Operands.push_back(row(From + I * Length / 4, Length / 4));
      Operands.push_back(From == 0 ? X : add(X, splat(Type, -From)));
      Result = call(Result ? Next : First, Type, Operands);
    }
    return Result;
  }
};

struct ExpandLookupsPass
    : public lathe::codegen::impl::ExpandLookupsPassBase<ExpandLookupsPass> {
  using ExpandLookupsPassBase::ExpandLookupsPassBase;
  ExpandLookupsPass(const TargetDescription &T) : Explicit(T) {}

  void runOnOperation() override {
    TargetDescription Target =
        Explicit ? *Explicit : describeTarget(triple, cpu, features);
    SmallVector<kernel::LookupOp> All;
    getOperation()->walk([&](kernel::LookupOp Op) { All.push_back(Op); });
    for (kernel::LookupOp Op : All) {
      Op.getResult().replaceAllUsesWith(
          LookupBuilder(Op, Target).whole(Op.getIndex()));
      Op.erase();
    }
  }

private:
  std::optional<TargetDescription> Explicit;
};
} // namespace

std::unique_ptr<Pass>
lathe::codegen::createExpandLookupsPass(const TargetDescription &Target) {
  return std::make_unique<ExpandLookupsPass>(Target);
}

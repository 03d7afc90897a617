//===- DotUnit.cpp - What multiplies bytes on a target --------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DotUnit.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

Value DotUnit::bitcast(VectorType Type, Value V) {
  return V.getType() == Type
             ? V
             : Value(vector::BitCastOp::create(B, Loc, Type, V));
}

Value DotUnit::shuffle(Value X, Value Y, ArrayRef<int64_t> Lanes) {
  return vector::ShuffleOp::create(B, Loc, X, Y, Lanes);
}

Value DotUnit::slice(Value X, int64_t From, int64_t Count) {
  if (cast<VectorType>(X.getType()).getDimSize(0) == Count)
    return X;
  return shuffle(X, X, llvm::to_vector(llvm::seq(From, From + Count)));
}

Value DotUnit::call(StringRef Intrinsic, Type Result, ValueRange Operands) {
  return LLVM::CallIntrinsicOp::create(B, Loc, Result,
                                       B.getStringAttr(Intrinsic), Operands)
      .getResult(0);
}

Value DotUnit::flipped(Value V, bool Flip) {
  if (!Flip)
    return V;
  Value Sign = arith::ConstantOp::create(
      B, Loc,
      DenseElementsAttr::get(cast<ShapedType>(V.getType()),
                             APInt::getSignedMinValue(8)));
  return arith::XOrIOp::create(B, Loc, V, Sign);
}

DotUnit::RowBytes lathe::codegen::rowBytes(linalg::GenericOp Op,
                                           unsigned Columns) {
  DotUnit::RowBytes Bytes;
  Value Row = Op.getBody()->getArgument(1 - Columns),
        Column = Op.getBody()->getArgument(Columns);
  for (Operation &In : *Op.getBody()) {
    if (isa<arith::XOrIOp>(In))
      Bytes.Flipped = true;
    if (!isa<arith::ExtSIOp, arith::ExtUIOp>(In))
      continue;
    Value Byte = In.getOperand(0);
    if (auto Flip = Byte.getDefiningOp<arith::XOrIOp>())
      Byte = Flip.getLhs();
    if (Byte == Row)
      Bytes.Signed = isa<arith::ExtSIOp>(In);
    else if (Byte == Column)
      Bytes.UnsignedColumns = isa<arith::ExtUIOp>(In);
  }
  return Bytes;
}

namespace {

/// x86: the bytes of a row are one scalar, which is broadcast.
class BroadcastUnit : public DotUnit {
public:
  BroadcastUnit(DotKind Kind, RowBytes Rows, OpBuilder &B, Location Loc)
      : DotUnit(Kind, dotForm(Kind).Terms, Rows, B, Loc) {}

  unsigned sums(unsigned Width) const override {
    return Width == 16 || Width == 8 || Width == 4;
  }
  Value rows(ValueRange Rows) override {
    // Bytes beyond the sum meet weights of zero, flipped or not.
    Value Scalar = vector::ExtractOp::create(
        B, Loc, bitcast(vector(1, 8 * Form.Terms), Rows[0]), int64_t(0));
    auto Const = [&](int64_t V) {
      return arith::ConstantIntOp::create(B, Loc, Scalar.getType(), V);
    };
    if (Form.Terms == 4) {
      if (Bytes.Flipped)
        Scalar = arith::XOrIOp::create(B, Loc, Scalar, Const(0x80808080ll));
      return Scalar;
    }
    // Two bytes to two words.
    Scalar = arith::ExtUIOp::create(B, Loc, B.getI32Type(), Scalar);
    if (Bytes.Flipped)
      Scalar = arith::XOrIOp::create(B, Loc, Scalar, Const(0x8080));
    Value High = arith::ShLIOp::create(
        B, Loc, arith::AndIOp::create(B, Loc, Scalar, Const(0xff00)), Const(8));
    return arith::OrIOp::create(
        B, Loc, arith::AndIOp::create(B, Loc, Scalar, Const(0xff)), High);
  }
  Value group(Value Rows, int64_t, unsigned Width) override {
    Value All = vector::BroadcastOp::create(B, Loc, vector(Width, 32), Rows);
    return bitcast(vector(int64_t(Width) * Form.Terms, 32 / Form.Terms), All);
  }
  Value interleaved(ValueRange Rows, unsigned Width) override {
    auto Pair = [&](Value X, Value Y) {
      int64_t Lanes = cast<VectorType>(X.getType()).getDimSize(0);
      SmallVector<int64_t> Which;
      for (int64_t I = 0; I < Lanes; ++I)
        llvm::append_values(Which, I, Lanes + I);
      return shuffle(X, Y, Which);
    };
    auto Row = [&](size_t I) { return Rows[std::min(I, Rows.size() - 1)]; };
    Value Low = Pair(Row(0), Row(1));
    if (Form.Kind == DotKind::WordPairs) {
      Low = flipped(Low, Bytes.Flipped);
      VectorType Words = vector(2 * int64_t(Width), 16);
      return Bytes.Signed ? Value(arith::ExtSIOp::create(B, Loc, Words, Low))
                          : Value(arith::ExtUIOp::create(B, Loc, Words, Low));
    }
    VectorType Words = vector(Width, 16);
    Value All = Pair(bitcast(Words, Low), bitcast(Words, Pair(Row(2), Row(3))));
    // A signed number and 128 is the unsigned one of its bits, sign flipped.
    return flipped(bitcast(vector(4 * int64_t(Width), 8), All),
                   Bytes.Flipped != Bytes.Signed);
  }
  Value excess(unsigned Width) override {
    if (Form.Kind != DotKind::VNNI || !Bytes.Signed)
      return nullptr;
    VectorType Type = vector(4 * int64_t(Width), 8);
    return arith::ConstantOp::create(
        B, Loc, DenseElementsAttr::get(Type, APInt::getSignedMinValue(8)));
  }
  SmallVector<Value> columns(Value Columns, unsigned Width) override {
    if (Form.Kind == DotKind::WordPairs)
      Columns = arith::ExtSIOp::create(B, Loc, vector(2 * int64_t(Width), 16),
                                       Columns);
    return {Columns};
  }
  Value multiply(Value Sum, Value Row, Value Column) override {
    // (vpmaddubsw would multiply four bytes, but its sums of two saturate.)
    static constexpr StringLiteral Four[] = {"llvm.x86.avx512.vpdpbusd.128",
                                             "llvm.x86.avx512.vpdpbusd.256",
                                             "llvm.x86.avx512.vpdpbusd.512"};
    static constexpr StringLiteral Two[] = {"llvm.x86.sse2.pmadd.wd",
                                            "llvm.x86.avx2.pmadd.wd",
                                            "llvm.x86.avx512.pmaddw.d.512"};
    auto Type = cast<VectorType>(Sum.getType());
    unsigned Size = llvm::Log2_64(Type.getDimSize(0)) - 2;
    if (Form.Kind == DotKind::VNNI)
      return call(Four[Size], Type, {Sum, Row, Column});
    return arith::AddIOp::create(B, Loc, Sum,
                                 call(Two[Size], Type, {Row, Column}));
  }
};

/// ARM: several groups of a row lie in a register, of which an instruction
/// takes a lane.
class LaneUnit : public DotUnit {
public:
  LaneUnit(DotKind Kind, int64_t RowTerms, RowBytes Rows, StringRef Prefix,
           OpBuilder &B, Location Loc)
      : DotUnit(Kind, RowTerms, Rows, B, Loc), Prefix(Prefix) {}

  Value group(Value Rows, int64_t Group, unsigned Width) override {
    int64_t Number = cast<VectorType>(Rows.getType()).getDimSize(0);
    SmallVector<int64_t> Lanes(laneCount(Width), Group);
    return Number == 1 ? Value(vector::BroadcastOp::create(
                             B, Loc, vector(Lanes.size(), bitsOf(Rows)), Rows))
                       : shuffle(Rows, Rows, Lanes);
  }

protected:
  std::string Prefix;
  virtual int64_t laneCount(unsigned Width) const { return Width; }
  static unsigned bitsOf(Value V) {
    return cast<VectorType>(V.getType()).getElementTypeBitWidth();
  }
  Value call(StringRef Name, Type Result, ValueRange Operands) {
    return DotUnit::call(Prefix + Name.str(), Result, Operands);
  }
};

/// sdot, sudot: four bytes in each of four lanes, or of two.
class ByteLanes : public LaneUnit {
public:
  ByteLanes(DotKind Kind, RowBytes Rows, StringRef Prefix, OpBuilder &B,
            Location Loc)
      : LaneUnit(Kind, 16, Rows, Prefix, B, Loc) {}

  unsigned sums(unsigned Width) const override {
    return Width == 4 || Width == 2;
  }
  Value rows(ValueRange Rows) override {
    int64_t Size = cast<VectorType>(Rows[0].getType()).getDimSize(0);
    return bitcast(vector(Size / 4, 32), flipped(Rows[0], Bytes.Flipped));
  }
  Value group(Value Rows, int64_t Group, unsigned Width) override {
    return bitcast(vector(4 * int64_t(Width), 8),
                   LaneUnit::group(Rows, Group, Width));
  }
  Value multiply(Value Sum, Value Row, Value Column) override {
    return Form.Kind == DotKind::SDot
               ? call("sdot", Sum.getType(), {Sum, Column, Row})
               : call("usdot", Sum.getType(), {Sum, Row, Column});
  }
};

/// smlal: words by words, four lanes each.
class WordLanes : public LaneUnit {
public:
  WordLanes(RowBytes Rows, StringRef Prefix, StringRef Name, OpBuilder &B,
            Location Loc)
      : LaneUnit(DotKind::WordLanes, 8, Rows, Prefix, B, Loc), Name(Name) {}

  unsigned sums(unsigned Width) const override {
    return Width == 8 ? 2 : Width == 4;
  }
  SmallVector<Value> enter(ValueRange Points, unsigned Width) override {
    return parts(Points[0], Width);
  }
  SmallVector<Value> leave(ValueRange Sums, unsigned, unsigned Width) override {
    if (Sums.size() == 1)
      return {Sums[0]};
    return {shuffle(Sums[0], Sums[1],
                    llvm::to_vector(llvm::seq<int64_t>(0, Width)))};
  }
  Value rows(ValueRange Rows) override {
    return widened(flipped(Rows[0], Bytes.Flipped), Bytes.Signed);
  }
  SmallVector<Value> columns(Value Columns, unsigned Width) override {
    return parts(widened(Columns, !Bytes.UnsignedColumns), Width);
  }
  Value multiply(Value Sum, Value Row, Value Column) override {
    return arith::AddIOp::create(B, Loc, Sum,
                                 call(Name, Sum.getType(), {Column, Row}));
  }

private:
  StringRef Name;
  int64_t laneCount(unsigned) const override { return 4; }
  SmallVector<Value> parts(Value V, unsigned Width) {
    SmallVector<Value> R;
    for (unsigned I = 0; I < Width; I += 4)
      R.push_back(slice(V, I, 4));
    return R;
  }
  Value widened(Value V, bool Signed) {
    VectorType Type = vector(cast<VectorType>(V.getType()).getDimSize(0), 16);
    return Signed ? Value(arith::ExtSIOp::create(B, Loc, Type, V))
                  : Value(arith::ExtUIOp::create(B, Loc, Type, V));
  }
};

/// usmmla: a register of sums is a square, [row, column] of two rows and two
/// columns; operands are two rows and two columns of eight bytes. Two groups of
/// rows are one load.
class SquareUnit : public DotUnit {
public:
  SquareUnit(RowBytes Rows, StringRef Prefix, OpBuilder &B, Location Loc)
      : DotUnit(DotKind::USMMLA, 16, Rows, B, Loc),
        Intrinsic((Prefix + "usmmla").str()) {}

  unsigned sums(unsigned Width) const override {
    return Width == 4 || Width == 2 ? Width / 2 : 0;
  }
  SmallVector<Value> enter(ValueRange Points, unsigned Width) override {
    SmallVector<Value> R;
    for (int64_t I = 0; I < Width; I += 2)
      R.push_back(shuffle(Points.front(), Points.back(),
                          {I, I + 1, Width + I, Width + I + 1}));
    return R;
  }
  SmallVector<Value> leave(ValueRange Sums, unsigned Points,
                           unsigned Width) override {
    SmallVector<Value> R;
    for (int64_t Row = 0; Row < Points; ++Row) {
      SmallVector<int64_t> Lanes;
      for (int64_t I = 0; I < Width / 2; ++I)
        llvm::append_values(Lanes, 4 * I + 2 * Row, 4 * I + 2 * Row + 1);
      R.push_back(shuffle(Sums.front(), Sums.back(), Lanes));
    }
    return R;
  }
  Value rows(ValueRange Rows) override {
    // Group by group, eight bytes of each row.
    int64_t Size = cast<VectorType>(Rows[0].getType()).getDimSize(0);
    SmallVector<int64_t> Lanes;
    for (int64_t Group = 0; Group < Size; Group += 8)
      for (int64_t Row : {int64_t(0), Size})
        for (int64_t I = 0; I < 8; ++I)
          Lanes.push_back(Row + Group + I);
    return flipped(shuffle(Rows.front(), Rows.back(), Lanes), Bytes.Flipped);
  }
  Value group(Value Rows, int64_t Group, unsigned) override {
    return slice(Rows, 16 * Group, 16);
  }
  SmallVector<Value> columns(Value Columns, unsigned Width) override {
    SmallVector<Value> R;
    for (unsigned I = 0; I < Width; I += 2)
      R.push_back(slice(Columns, 8 * I, 16));
    return R;
  }
  Value multiply(Value Sum, Value Row, Value Column) override {
    return call(Intrinsic, Sum.getType(), {Sum, Row, Column});
  }

private:
  std::string Intrinsic;
};

} // namespace

std::unique_ptr<DotUnit> DotUnit::create(DotKind Kind, RowBytes Rows,
                                         const TargetDescription &Target,
                                         OpBuilder &B, Location Loc) {
  bool Is64 = StringRef(Target.Triple).starts_with("aarch64");
  StringRef Prefix = Is64 ? "llvm.aarch64.neon." : "llvm.arm.neon.";
  switch (Kind) {
  case DotKind::None:
    return nullptr;
  case DotKind::VNNI:
  case DotKind::WordPairs:
    return std::make_unique<BroadcastUnit>(Kind, Rows, B, Loc);
  case DotKind::WordLanes:
    return std::make_unique<WordLanes>(Rows, Prefix, Is64 ? "smull" : "vmulls",
                                       B, Loc);
  case DotKind::SDot:
  case DotKind::SUDot:
    return std::make_unique<ByteLanes>(Kind, Rows, Prefix, B, Loc);
  case DotKind::USMMLA:
    return std::make_unique<SquareUnit>(Rows, Prefix, B, Loc);
  }
  llvm_unreachable("covered switch");
}

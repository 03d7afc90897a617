//===- NarrowTypes.cpp - Narrow types in memory and in registers --------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NarrowTypes.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lathe::lower {

using Builder = ImplicitLocOpBuilder;

namespace {
/// A binary float of at most 16 bits: sign, exponent, mantissa.
struct Format {
  unsigned Width, Exponent, Mantissa;
  int Bias;
  enum Specials {
    IEEE,    // exponent all ones: infinities and NaNs
    AllOnes, // NaN is all ones, there are no infinities
    NegZero, // NaN is the pattern of -0, there is no -0 and no infinity
    None     // every pattern is a number
  } Special;
  bool HasSign = true;

  int64_t signBit() const { return int64_t(1) << (Width - 1); }
  int64_t magnitudeMask() const { return signBit() - 1; }
  int64_t infinity() const {
    return ((int64_t(1) << Exponent) - 1) << Mantissa;
  }
  int64_t largest() const {
    switch (Special) {
    case IEEE:
      return infinity() - 1;
    case AllOnes:
      return magnitudeMask() - 1;
    default:
      return magnitudeMask();
    }
  }
  int64_t nan() const {
    switch (Special) {
    case IEEE:
      return infinity() | (int64_t(1) << (Mantissa - 1));
    case AllOnes:
      return magnitudeMask();
    default: // float4 has no NaN; -0 stands for it, as in ml_dtypes
      return signBit();
    }
  }
};
} // namespace

static std::optional<Format> formatOf(Type T) {
  if (isa<Float16Type>(T))
    return Format{16, 5, 10, 15, Format::IEEE};
  if (isa<Float8E5M2Type>(T))
    return Format{8, 5, 2, 15, Format::IEEE};
  if (isa<Float8E4M3Type>(T))
    return Format{8, 4, 3, 7, Format::IEEE};
  if (isa<Float8E4M3FNType>(T))
    return Format{8, 4, 3, 7, Format::AllOnes};
  if (isa<Float8E5M2FNUZType>(T))
    return Format{8, 5, 2, 16, Format::NegZero};
  if (isa<Float8E4M3FNUZType>(T))
    return Format{8, 4, 3, 8, Format::NegZero};
  if (isa<Float8E4M3B11FNUZType>(T))
    return Format{8, 4, 3, 11, Format::NegZero};
  if (isa<Float4E2M1FNType>(T))
    return Format{4, 2, 1, 1, Format::None};
  return std::nullopt;
}

unsigned packedBits(Type Elem) {
  if (!Elem.isIntOrFloat())
    return 0;
  unsigned Width = Elem.getIntOrFloatBitWidth();
  return Width == 4 || Width == 2 ? Width : 0;
}

Type NarrowTypes::memoryType(Type Elem) const {
  MLIRContext *C = Elem.getContext();
  if (auto Int = dyn_cast<IntegerType>(Elem))
    return Int.getWidth() < 8 ? Type(IntegerType::get(C, 8)) : Elem;
  auto Float = dyn_cast<FloatType>(Elem);
  if (!Float || Float.getWidth() >= 32)
    return Elem;
  if (WidenHalf && Elem.isF16())
    return computeType(Elem);
  if (Elem.isF16() && NativeHalf)
    return Elem;
  return IntegerType::get(C, Float.getWidth() == 16 ? 16 : 8);
}

Type NarrowTypes::computeType(Type T) const {
  auto Float = dyn_cast<FloatType>(T);
  return Float && Float.getWidth() < 32 ? Type(Float32Type::get(T.getContext()))
                                        : T;
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

static Value i32(Builder &B, int64_t V) {
  return arith::ConstantOp::create(
      B, B.getI32IntegerAttr(static_cast<int32_t>(V)));
}
static Value f32(Builder &B, double V) {
  return arith::ConstantOp::create(B, B.getF32FloatAttr(static_cast<float>(V)));
}
static Value floatOf(Builder &B, Value Bits) {
  return arith::BitcastOp::create(B, B.getF32Type(), Bits);
}
static Value bitsOf(Builder &B, Value Float) {
  return arith::BitcastOp::create(B, B.getI32Type(), Float);
}
static Value is(Builder &B, arith::CmpIPredicate P, Value X, int64_t Y) {
  return arith::CmpIOp::create(B, P, X, i32(B, Y));
}
static Value pick(Builder &B, Value C, Value X, Value Y) {
  return arith::SelectOp::create(B, C, X, Y);
}
static Value band(Builder &B, Value X, int64_t Mask) {
  return arith::AndIOp::create(B, X, i32(B, Mask));
}
static Value shl(Builder &B, Value X, int64_t N) {
  return N ? Value(arith::ShLIOp::create(B, X, i32(B, N))) : X;
}
static Value shr(Builder &B, Value X, int64_t N) {
  return N ? Value(arith::ShRUIOp::create(B, X, i32(B, N))) : X;
}

static constexpr int64_t NaN32 = 0x7FC00000, Inf32 = 0x7F800000;

/// Code (in the low bits of an i32) to f32.
static Value decodeFormat(Builder &B, Value Code, const Format &F) {
  Value Magnitude = band(B, Code, F.magnitudeMask());
  Value Sign = shl(B, band(B, Code, F.signBit()), 32 - F.Width);
  // A normal number moves its fields; a subnormal one is an integer times a
  // power of 2.
  Value Moved = arith::AddIOp::create(B, shl(B, Magnitude, 23 - F.Mantissa),
                                      i32(B, int64_t(127 - F.Bias) << 23));
  Value Tiny = arith::MulFOp::create(
      B, arith::UIToFPOp::create(B, B.getF32Type(), Magnitude),
      f32(B, std::ldexp(1.0, 1 - F.Bias - int(F.Mantissa))));
  Value IsTiny =
      is(B, arith::CmpIPredicate::ult, Magnitude, int64_t(1) << F.Mantissa);
  Value Bits = pick(B, IsTiny, bitsOf(B, Tiny), Moved);
  switch (F.Special) {
  case Format::IEEE: {
    Value Special = is(B, arith::CmpIPredicate::uge, Magnitude, F.infinity());
    Value IsInf = is(B, arith::CmpIPredicate::eq, Magnitude, F.infinity());
    Bits = pick(B, Special, pick(B, IsInf, i32(B, Inf32), i32(B, NaN32)), Bits);
    break;
  }
  case Format::AllOnes:
    Bits =
        pick(B, is(B, arith::CmpIPredicate::eq, Magnitude, F.magnitudeMask()),
             i32(B, NaN32), Bits);
    break;
  case Format::NegZero:
    Bits = pick(B, is(B, arith::CmpIPredicate::eq, Code, F.signBit()),
                i32(B, NaN32), Bits);
    break;
  case Format::None:
    break;
  }
  return floatOf(B, arith::OrIOp::create(B, Bits, Sign));
}

/// f32 to code, half to even; beyond the range infinity, or NaN where there is
/// none (or the largest number where there is no NaN either).
static Value encodeFormat(Builder &B, Value X, const Format &F) {
  Value Bits = bitsOf(B, X), Magnitude = band(B, Bits, 0x7FFFFFFF);
  Value Sign = band(B, shr(B, Bits, 32 - F.Width), F.signBit());
  int64_t Shift = 23 - F.Mantissa;
  Value Odd = band(B, shr(B, Magnitude, Shift), 1);
  Value Rounded = arith::AddIOp::create(
      B,
      arith::AddIOp::create(B, Magnitude,
                            i32(B, (int64_t(1) << (Shift - 1)) - 1)),
      Odd);
  Value Normal = arith::SubIOp::create(
      B, shr(B, Rounded, Shift), i32(B, int64_t(127 - F.Bias) << F.Mantissa));
  // Below the normal numbers a code counts multiples of the smallest one.
  Value Scaled = arith::MulFOp::create(
      B, floatOf(B, Magnitude),
      f32(B, std::ldexp(1.0, F.Bias - 1 + int(F.Mantissa))));
  Value IsTiny =
      is(B, arith::CmpIPredicate::ult, Magnitude, int64_t(128 - F.Bias) << 23);
  // Only tiny values reach the conversion, which is undefined beyond its range.
  Value Safe = pick(B, IsTiny, Scaled, f32(B, 0));
  Value Tiny = arith::FPToSIOp::create(B, B.getI32Type(),
                                       math::RoundEvenOp::create(B, Safe));
  Value Code = pick(B, IsTiny, Tiny, Normal);
  Value IsNaN = is(B, arith::CmpIPredicate::ugt, Magnitude, Inf32);
  Value TooBig = is(B, arith::CmpIPredicate::ugt, Code, F.largest());
  // The subtraction above may have wrapped for huge values only upwards:
  // compare as unsigned, infinities included.
  int64_t Beyond = F.Special == Format::IEEE   ? F.infinity()
                   : F.Special == Format::None ? F.largest()
                                               : F.nan();
  Code = pick(B, TooBig, i32(B, Beyond), Code);
  Code = pick(B, IsNaN, i32(B, F.nan()), Code);
  if (F.Special == Format::NegZero) {
    // Neither zero nor NaN takes a sign.
    Value NoSign =
        arith::OrIOp::create(B, is(B, arith::CmpIPredicate::eq, Code, 0),
                             is(B, arith::CmpIPredicate::eq, Code, F.nan()));
    Sign = pick(B, NoSign, i32(B, 0), Sign);
  }
  return arith::OrIOp::create(B, Code, Sign);
}

Value NarrowTypes::decode(Builder &B, Value Stored, Type Elem) const {
  if (isPlain(Elem) || memoryType(Elem) == computeType(Elem))
    return Stored;
  if (auto Int = dyn_cast<IntegerType>(Elem)) {
    if (Int.getWidth() == 1)
      return arith::CmpIOp::create(
          B, arith::CmpIPredicate::ne, Stored,
          arith::ConstantOp::create(B, B.getI8IntegerAttr(0)));
    return arith::TruncIOp::create(B, Elem, Stored);
  }
  if (Stored.getType() == Elem)
    return arith::ExtFOp::create(B, B.getF32Type(), Stored);
  Value Code = arith::ExtUIOp::create(B, B.getI32Type(), Stored);
  if (Elem.isBF16())
    return floatOf(B, shl(B, Code, 16));
  if (isa<Float8E8M0FNUType>(Elem)) {
    // 2^(code - 127); the smallest is a subnormal f32, 255 is NaN.
    Value Bits = pick(B, is(B, arith::CmpIPredicate::eq, Code, 0),
                      i32(B, 0x00400000), shl(B, Code, 23));
    return floatOf(B, pick(B, is(B, arith::CmpIPredicate::eq, Code, 255),
                           i32(B, NaN32), Bits));
  }
  return decodeFormat(B, Code, *formatOf(Elem));
}

Value NarrowTypes::encode(Builder &B, Value X, Type Elem) const {
  if (isPlain(Elem) || memoryType(Elem) == computeType(Elem))
    return X;
  Type Memory = memoryType(Elem);
  if (isa<IntegerType>(Elem))
    return arith::ExtUIOp::create(B, Memory, X);
  if (Memory == Elem)
    return arith::TruncFOp::create(B, Elem, X);
  if (Elem.isBF16()) {
    Value Bits = bitsOf(B, X), Odd = band(B, shr(B, Bits, 16), 1);
    Value Rounded = arith::AddIOp::create(
        B, arith::AddIOp::create(B, Bits, i32(B, 0x7FFF)), Odd);
    Value IsNaN =
        is(B, arith::CmpIPredicate::ugt, band(B, Bits, 0x7FFFFFFF), Inf32);
    // Rounding could turn a NaN into an infinity.
    Value Quiet = arith::OrIOp::create(B, Bits, i32(B, 0x00400000));
    return arith::TruncIOp::create(B, Memory,
                                   shr(B, pick(B, IsNaN, Quiet, Rounded), 16));
  }
  if (isa<Float8E8M0FNUType>(Elem)) {
    // Nearest power of two, half up; the sign does not count.
    Value Magnitude = band(B, bitsOf(B, X), 0x7FFFFFFF);
    Value Code =
        shr(B, arith::AddIOp::create(B, Magnitude, i32(B, 0x00400000)), 23);
    Value IsSpecial = is(B, arith::CmpIPredicate::uge, Magnitude, Inf32);
    Code = pick(B, IsSpecial, i32(B, 255), Code);
    // 2^-127 is a subnormal with the top mantissa bit set, which rounded up to
    // code 1.
    Value IsLeast = is(B, arith::CmpIPredicate::ult, Magnitude, 0x00800000);
    Code = pick(B, IsLeast, i32(B, 0), Code);
    return arith::TruncIOp::create(B, Memory, Code);
  }
  return arith::TruncIOp::create(B, Memory,
                                 encodeFormat(B, X, *formatOf(Elem)));
}

} // namespace lathe::lower

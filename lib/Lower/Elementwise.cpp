//===- Elementwise.cpp - Ops that work element by element ---------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ops differ only in a formula: a table gives the body of each one's
// linalg.generic. A body computes in the type of its operands; f16 and bf16
// become f32 in lower-legalize-storage, so formulas are written once.
//
//===----------------------------------------------------------------------===//

#include "Activation.h"
#include "Common.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lathe::lower {

namespace {
/// What a formula sees: the scalars, ONNX's element types, the op's attributes.
struct Element {
  Builder &B;
  ValueRange X;
  const Node &N;

  Value x(unsigned I = 0) const { return X[I]; }
  Type in(unsigned I = 0) const { return N.inElem(I); }
  Type out() const { return N.outElem(); }
  Value constant(double V) const {
    return scalar::constant(B, X[0].getType(), V);
  }
  Value add(Value P, Value Q) const { return scalar::add(B, P, Q); }
  Value sub(Value P, Value Q) const { return scalar::sub(B, P, Q); }
  Value mul(Value P, Value Q) const { return scalar::mul(B, P, Q); }
  Value div(Value P, Value Q) const {
    return scalar::div(B, P, Q, N.inElem(0));
  }
  Value exp(Value P) const { return math::ExpOp::create(B, P); }
  Value less(Value P, Value Q) const {
    return scalar::compare(B, scalar::Compare::Less, P, Q, N.inElem(0));
  }
  Value select(Value C, Value P, Value Q) const {
    return scalar::select(B, C, P, Q);
  }
  bool isFloat() const { return isa<FloatType>(X[0].getType()); }
  double attr(StringRef Name, double Default) const {
    return N.f32(Name, Default);
  }
};
using Formula = Value (*)(const Element &);
} // namespace

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

/// x < low ? low : x, which keeps NaN and is one instruction.
static Value atLeast(const Element &E, Value X, Value Low) {
  return E.select(E.less(X, Low), Low, X);
}
static Value atMost(const Element &E, Value X, Value High) {
  return E.select(E.less(High, X), High, X);
}

/// Integers too.
static Value relu(const Element &E) { return atLeast(E, E.x(), E.constant(0)); }

/// Integers too: bounds are reals.
static Value shrink(const Element &E) {
  double Lambda = E.attr("lambd", 0.5), Bias = E.attr("bias", 0.0);
  Type T = E.in(), Real = E.isFloat() ? T : Type(E.B.getF64Type());
  Value X = scalar::cast(E.B, E.x(), T, Real);
  auto Const = [&](double V) { return scalar::constant(E.B, Real, V); };
  auto Less = [&](Value P, Value Q) {
    return scalar::compare(E.B, scalar::Compare::Less, P, Q, Real);
  };
  Value Upper =
      E.select(Less(Const(Lambda), X), E.sub(X, Const(Bias)), Const(0));
  Value R = E.select(Less(X, Const(-Lambda)), E.add(X, Const(Bias)), Upper);
  return scalar::cast(E.B, R, Real, T);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

template <typename OpTy> static Value unary(const Element &E) {
  return OpTy::create(E.B, E.x());
}

static Value absolute(const Element &E) {
  if (E.isFloat())
    return math::AbsFOp::create(E.B, E.x());
  return scalar::isUnsigned(E.in()) ? E.x()
                                    : Value(math::AbsIOp::create(E.B, E.x()));
}

static Value sign(const Element &E) {
  Value Zero = E.constant(0), One = E.constant(1);
  Value Positive = E.less(Zero, E.x());
  if (scalar::isUnsigned(E.in()))
    return E.select(Positive, One, Zero);
  // NaN stays NaN, both zeros stay what they are.
  return E.select(Positive, One,
                  E.select(E.less(E.x(), Zero), E.constant(-1),
                           E.isFloat() ? E.x() : Zero));
}

/// Rounding ops leave integers alone (Round, Ceil and Floor take floats only).
static Value reciprocal(const Element &E) {
  return E.div(E.constant(1), E.x());
}

/// Exponentiation by squaring; wraps. Negative exponents leave what 1 / x^n
/// rounds to.
static Value integerPower(const Element &E, Value Base, Value Exponent,
                          bool UnsignedExponent) {
  Builder &B = E.B;
  Type T = Base.getType();
  Value One = scalar::constant(B, T, int64_t(1)),
        Zero = scalar::constant(B, T, int64_t(0));
  Value Result = One, Square = Base;
  Type ET = Exponent.getType();
  auto Bit = [&](unsigned I) -> Value {
    Value Shifted = arith::ShRUIOp::create(B, Exponent,
                                           scalar::constant(B, ET, int64_t(I)));
    return arith::TruncIOp::create(B, B.getI1Type(), Shifted);
  };
  // 2^64 overflows everything but 0, 1 and -1, which six bits and the parity
  // tell.
  unsigned Bits = std::min(6u, ET.getIntOrFloatBitWidth());
  for (unsigned I = 0; I < Bits; ++I) {
    Result = E.select(Bit(I), E.mul(Result, Square), Result);
    if (I + 1 < Bits)
      Square = E.mul(Square, Square);
  }
  if (UnsignedExponent)
    return Result;
  Value MinusOne = scalar::constant(B, T, int64_t(-1));
  auto Is = [&](Value C) -> Value {
    return arith::CmpIOp::create(B, arith::CmpIPredicate::eq, Base, C);
  };
  Value Inverse =
      E.select(Is(One), One,
               E.select(Is(MinusOne), E.select(Bit(0), MinusOne, One), Zero));
  Value Negative = arith::CmpIOp::create(B, arith::CmpIPredicate::slt, Exponent,
                                         scalar::constant(B, ET, int64_t(0)));
  return E.select(Negative, Inverse, Result);
}

static Value power(const Element &E) {
  Type Base = E.in(0), Exponent = E.in(1);
  bool FloatBase = isa<FloatType>(Base),
       FloatExponent = isa<FloatType>(Exponent);
  if (!FloatBase && !FloatExponent)
    return integerPower(E, E.x(0), E.x(1), scalar::isUnsigned(Exponent));
  FloatAttr Constant;
  if (FloatBase && matchPattern(E.x(1), m_Constant(&Constant))) {
    double P = Constant.getValueAsDouble();
    if (P == 1)
      return E.x();
    if (P == 2)
      return E.mul(E.x(), E.x());
    if (P == 3)
      return E.mul(E.mul(E.x(), E.x()), E.x());
    if (P == 0.5)
      return math::SqrtOp::create(E.B, E.x());
    if (P == -1)
      return reciprocal(E);
  }
  // In the wider of the two; integers count as f64 unless the other is a float.
  Type Compute = FloatBase ? Base : Type(E.B.getF64Type());
  if (FloatBase && FloatExponent &&
      Exponent.getIntOrFloatBitWidth() > Base.getIntOrFloatBitWidth())
    Compute = Exponent;
  if (Compute.getIntOrFloatBitWidth() < 32)
    Compute = E.B.getF32Type();
  Value R = math::PowFOp::create(E.B, scalar::cast(E.B, E.x(0), Base, Compute),
                                 scalar::cast(E.B, E.x(1), Exponent, Compute));
  return scalar::cast(E.B, R, Compute, E.out());
}

/// Shifts by the width or more shift everything out; signed values keep their
/// sign.
static Value shift(const Element &E) {
  Value Amount = E.x(1);
  unsigned Width = Amount.getType().getIntOrFloatBitWidth();
  Value Inside = arith::CmpIOp::create(
      E.B, arith::CmpIPredicate::ult, Amount,
      scalar::constant(E.B, Amount.getType(), int64_t(Width)));
  bool Left = E.N.str("direction") == "LEFT";
  if (!Left && !scalar::isUnsigned(E.in())) {
    Value Most = E.select(Inside, Amount, E.constant(Width - 1));
    return arith::ShRSIOp::create(E.B, E.x(0), Most);
  }
  Value Safe = E.select(Inside, Amount, E.constant(0));
  Value R = Left ? Value(arith::ShLIOp::create(E.B, E.x(0), Safe))
                 : Value(arith::ShRUIOp::create(E.B, E.x(0), Safe));
  return E.select(Inside, R, E.constant(0));
}

static Value isInfinite(const Element &E) {
  Value Abs = math::AbsFOp::create(E.B, E.x());
  Value Inf = E.constant(std::numeric_limits<double>::infinity()),
        False = scalar::constant(E.B, E.B.getI1Type(), int64_t(0));
  bool Positive = E.N.i64("detect_positive", 1),
       Negative = E.N.i64("detect_negative", 1);
  if (!Positive && !Negative)
    return False;
  if (Positive && Negative)
    return scalar::compare(E.B, scalar::Compare::Equal, Abs, Inf, E.in());
  Value Wanted =
      Positive ? Inf : E.constant(-std::numeric_limits<double>::infinity());
  return scalar::compare(E.B, scalar::Compare::Equal, E.x(), Wanted, E.in());
}

template <scalar::Compare C> static Value compare(const Element &E) {
  return scalar::compare(E.B, C, E.x(0), E.x(1), E.in());
}

static Value bitwiseNot(const Element &E) {
  return arith::XOrIOp::create(
      E.B, E.x(), scalar::constant(E.B, E.x().getType(), int64_t(-1)));
}

/// A float to the nearest power of two above, below or around it; a float8e8m0
/// holds nothing else. The sign does not count.
static Value powerOfTwo(const Element &E, Value X, StringRef Mode,
                        bool Saturate) {
  Builder &B = E.B;
  Type I32 = B.getI32Type(), F32 = B.getF32Type();
  auto Const = [&](int64_t V) { return scalar::constant(B, I32, V); };
  X = scalar::cast(B, X, X.getType(), F32);
  Value Bits = arith::AndIOp::create(B, arith::BitcastOp::create(B, I32, X),
                                     Const(0x7FFFFFFF));
  Value Special = arith::CmpIOp::create(B, arith::CmpIPredicate::uge, Bits,
                                        Const(0x7F800000));
  int64_t Add = Mode == "down" ? 0 : Mode == "nearest" ? 0x400000 : 0x7FFFFF;
  Value Rounded = arith::AndIOp::create(
      B, arith::AddIOp::create(B, Bits, Const(Add)), Const(0x7F800000));
  // 2^-127, the least value, is a subnormal f32.
  Value Least = arith::CmpIOp::create(B, arith::CmpIPredicate::ule, Bits,
                                      Const(0x400000));
  Rounded = E.select(Least, Const(0x400000), Rounded);
  if (Saturate)
    Rounded = arith::MinUIOp::create(B, Rounded, Const(0x7F000000));
  return arith::BitcastOp::create(B, F32, E.select(Special, Bits, Rounded));
}

static Value castElement(const Element &E) {
  if (isa<Float8E8M0FNUType>(E.out()) && E.isFloat()) {
    Value X = powerOfTwo(E, E.x(), E.N.str("round_mode", "up"),
                         E.N.i64("saturate", 1));
    return arith::TruncFOp::create(E.B, E.out(), X);
  }
  return scalar::cast(E.B, E.x(), E.in(), E.out(), E.N.i64("saturate", 1));
}

//===----------------------------------------------------------------------===//
// The tables
//===----------------------------------------------------------------------===//

struct ElementwiseOp {
  StringLiteral Op;
  /// How many operands of the schema take part.
  unsigned Arity;
  Formula Body;
};

struct ActivationOp {
  StringLiteral Op, Name;
  /// The attribute of the second parameter.
  StringLiteral Beta = "beta";
};

static constexpr ActivationOp Activations[] = {
    {"onnx.Celu", "Celu"},
    {"onnx.Elu", "Elu"},
    {"onnx.Gelu", "Gelu"},
    {"onnx.HardSigmoid", "HardSigmoid"},
    {"onnx.HardSwish", "HardSwish"},
    {"onnx.LeakyRelu", "LeakyRelu"},
    {"onnx.Mish", "Mish"},
    {"onnx.Selu", "Selu", "gamma"},
    {"onnx.Sigmoid", "Sigmoid"},
    {"onnx.Softplus", "Softplus"},
    {"onnx.Softsign", "Softsign"},
    {"onnx.Swish", "Swish"},
    {"onnx.Tanh", "Tanh"},
    {"onnx.ThresholdedRelu", "ThresholdedRelu"},
    {"onnx.ms.Gelu", "Gelu"},
    {"onnx.ms.QuickGelu", "Swish"},
};

static constexpr ElementwiseOp Unary[] = {
    {"onnx.Abs", 1, absolute},
    {"onnx.Acos", 1, unary<math::AcosOp>},
    {"onnx.Acosh", 1, unary<math::AcoshOp>},
    {"onnx.Asin", 1, unary<math::AsinOp>},
    {"onnx.Asinh", 1, unary<math::AsinhOp>},
    {"onnx.Atan", 1, unary<math::AtanOp>},
    {"onnx.Atanh", 1, unary<math::AtanhOp>},
    {"onnx.BitwiseNot", 1, bitwiseNot},
    {"onnx.Ceil", 1, unary<math::CeilOp>},
    {"onnx.Cos", 1, unary<math::CosOp>},
    {"onnx.Cosh", 1, unary<math::CoshOp>},
    {"onnx.Erf", 1, unary<math::ErfOp>},
    {"onnx.Exp", 1, unary<math::ExpOp>},
    {"onnx.Floor", 1, unary<math::FloorOp>},
    {"onnx.IsInf", 1, isInfinite},
    {"onnx.IsNaN", 1,
     [](const Element &E) { return scalar::isNaN(E.B, E.x()); }},
    {"onnx.Log", 1, unary<math::LogOp>},
    {"onnx.Neg", 1, [](const Element &E) { return scalar::neg(E.B, E.x()); }},
    {"onnx.Not", 1, bitwiseNot},
    {"onnx.Reciprocal", 1, reciprocal},
    {"onnx.Relu", 1, relu},
    {"onnx.Round", 1, unary<math::RoundEvenOp>},
    {"onnx.Shrink", 1, shrink},
    {"onnx.Sign", 1, sign},
    {"onnx.Sin", 1, unary<math::SinOp>},
    {"onnx.Sinh", 1, unary<math::SinhOp>},
    {"onnx.Sqrt", 1, unary<math::SqrtOp>},
    {"onnx.Tan", 1, unary<math::TanOp>},
};

static constexpr ElementwiseOp Binary[] = {
    {"onnx.Add", 2, [](const Element &E) { return E.add(E.x(0), E.x(1)); }},
    {"onnx.And", 2,
     [](const Element &E) -> Value {
       return arith::AndIOp::create(E.B, E.x(0), E.x(1));
     }},
    {"onnx.BitShift", 2, shift},
    {"onnx.BitwiseAnd", 2,
     [](const Element &E) -> Value {
       return arith::AndIOp::create(E.B, E.x(0), E.x(1));
     }},
    {"onnx.BitwiseOr", 2,
     [](const Element &E) -> Value {
       return arith::OrIOp::create(E.B, E.x(0), E.x(1));
     }},
    {"onnx.BitwiseXor", 2,
     [](const Element &E) -> Value {
       return arith::XOrIOp::create(E.B, E.x(0), E.x(1));
     }},
    {"onnx.Div", 2, [](const Element &E) { return E.div(E.x(0), E.x(1)); }},
    {"onnx.Equal", 2, compare<scalar::Compare::Equal>},
    {"onnx.Greater", 2, compare<scalar::Compare::Greater>},
    {"onnx.GreaterOrEqual", 2, compare<scalar::Compare::GreaterOrEqual>},
    {"onnx.Less", 2, compare<scalar::Compare::Less>},
    {"onnx.LessOrEqual", 2, compare<scalar::Compare::LessOrEqual>},
    {"onnx.Mod", 2,
     [](const Element &E) {
       return scalar::remainder(E.B, E.x(0), E.x(1), E.in(),
                                E.N.i64("fmod", 0));
     }},
    {"onnx.Mul", 2, [](const Element &E) { return E.mul(E.x(0), E.x(1)); }},
    {"onnx.Or", 2,
     [](const Element &E) -> Value {
       return arith::OrIOp::create(E.B, E.x(0), E.x(1));
     }},
    {"onnx.PRelu", 2,
     [](const Element &E) {
       return E.select(E.less(E.x(0), E.constant(0)), E.mul(E.x(0), E.x(1)),
                       E.x(0));
     }},
    {"onnx.Pow", 2, power},
    {"onnx.Sub", 2, [](const Element &E) { return E.sub(E.x(0), E.x(1)); }},
    {"onnx.Where", 3,
     [](const Element &E) { return E.select(E.x(0), E.x(1), E.x(2)); }},
    {"onnx.Xor", 2,
     [](const Element &E) -> Value {
       return arith::XOrIOp::create(E.B, E.x(0), E.x(1));
     }},
    {"onnx.ms.BiasGelu", 2,
     [](const Element &E) {
       return activation::gelu(E.B, E.add(E.x(0), E.x(1)));
     }},
};

static LogicalResult lowerFormula(Node &N, unsigned Arity, Formula Body) {
  SmallVector<Value> Ins;
  for (unsigned I = 0; I < Arity; ++I)
    Ins.push_back(N.in(I));
  return N.replace({elementwise(
      N.B, Ins, N.outType().getElementType(),
      [&](Builder &B, ValueRange X) {
        return Body(Element{B, X, N});
      },
      N.outType().getShape())});
}

/// An op that is one of the activations, with parameters in attributes.
static LogicalResult lowerActivation(Node &N, const ActivationOp &Op) {
  auto Parameter = [&](StringRef Name) {
    return N.hasAttr(Name) ? std::optional(N.f32(Name, 0)) : std::nullopt;
  };
  StringRef Name =
      N.str("approximate", "none") == "tanh" ? "GeluTanh" : Op.Name;
  Activation Act =
      *activationByName(Name, Parameter("alpha"), Parameter(Op.Beta));
  return N.replace({elementwise(
      N.B, {N.in(0)}, N.outType().getElementType(),
      [&](Builder &B, ValueRange X) { return Act(B, X[0]); },
      N.outType().getShape())});
}

/// Sum, Mean, Max, Min over any number of operands.
static LogicalResult
lowerVariadic(Node &N, Value (*Combine)(const Element &, Value, Value),
              bool Mean) {
  ArrayRef<Value> Ins = N.ins(0);
  if (Ins.size() == 1)
    return N.replace({Ins[0]});
  return N.replace({elementwise(
      N.B, Ins, N.outType().getElementType(),
      [&](Builder &B, ValueRange X) {
        Element E{B, X, N};
        Value R = X[0];
        for (Value V : X.drop_front())
          R = Combine(E, R, V);
        return Mean ? E.div(R, E.constant(X.size())) : R;
      },
      N.outType().getShape())});
}

static Value sumOf(const Element &E, Value X, Value Y) { return E.add(X, Y); }
static Value maxOf(const Element &E, Value X, Value Y) {
  return scalar::maximum(E.B, X, Y, E.in());
}
static Value minOf(const Element &E, Value X, Value Y) {
  return scalar::minimum(E.B, X, Y, E.in());
}

/// Both bounds are optional, and may be computed.
static LogicalResult lowerClip(Node &N) {
  SmallVector<Value> Ins = {N.in(0)};
  if (N.has(1))
    Ins.push_back(N.in(1));
  if (N.has(2))
    Ins.push_back(N.in(2));
  if (Ins.size() == 1)
    return N.replace(Ins);
  return N.replace({elementwise(
      N.B, Ins, N.outType().getElementType(),
      [&](Builder &B, ValueRange X) {
        Element E{B, X, N};
        Value R = X[0];
        if (N.has(1))
          R = atLeast(E, R, X[1]);
        return N.has(2) ? atMost(E, R, X.back()) : R;
      },
      N.outType().getShape())});
}

static LogicalResult lowerCast(Node &N) {
  if (N.inElem(0) == N.outElem())
    return N.replace({N.in(0)});
  // Integers of one width differ in the sign only, which storage does not have.
  bool Integers = N.inElem(0).isInteger() && N.outElem().isInteger() &&
                  !N.inElem(0).isInteger(1) && !N.outElem().isInteger(1);
  if (Integers && N.inType(0).getElementType() == N.outType().getElementType())
    return N.replace({N.in(0)});
  return lowerFormula(N, 1, castElement);
}

static LogicalResult lowerBitCast(Node &N) {
  if (N.inType(0).getElementType() == N.outType().getElementType())
    return N.replace({N.in(0)});
  if (N.inElem(0).isInteger(1) || N.outElem().isInteger(1)) // a bool is a byte
    return lowerFormula(N, 1, castElement);
  return lowerFormula(N, 1, [](const Element &E) -> Value {
    return arith::BitcastOp::create(E.B, E.N.outType().getElementType(), E.x());
  });
}

/// The bias is optional.
static LogicalResult lowerFastGelu(Node &N) {
  return lowerFormula(N, N.has(1) ? 2 : 1, [](const Element &E) {
    return activation::geluTanh(E.B, E.X.size() == 2 ? E.add(E.x(0), E.x(1))
                                                     : E.x());
  });
}

void populateElementwiseLoweringPatterns(const StorageTypeConverter &Types,
                                         RewritePatternSet &Patterns) {
  for (ArrayRef<ElementwiseOp> Table :
       {ArrayRef<ElementwiseOp>(Unary), ArrayRef<ElementwiseOp>(Binary)})
    for (const ElementwiseOp &Op : Table)
      addLowering(
          Op.Op, [=](Node &N) { return lowerFormula(N, Op.Arity, Op.Body); },
          Types, Patterns);
  for (const ActivationOp &Op : Activations)
    addLowering(
        Op.Op, [&Op](Node &N) { return lowerActivation(N, Op); }, Types,
        Patterns);
  static constexpr Lowering Others[] = {
      {"onnx.Sum", [](Node &N) { return lowerVariadic(N, sumOf, false); }},
      {"onnx.Mean", [](Node &N) { return lowerVariadic(N, sumOf, true); }},
      {"onnx.Max", [](Node &N) { return lowerVariadic(N, maxOf, false); }},
      {"onnx.Min", [](Node &N) { return lowerVariadic(N, minOf, false); }},
      {"onnx.Clip", lowerClip},
      {"onnx.Cast", lowerCast},
      {"onnx.CastLike", lowerCast},
      {"onnx.BitCast", lowerBitCast},
      {"onnx.ms.FastGelu", lowerFastGelu},
  };
  addLowerings(Others, Types, Patterns);
}

} // namespace lathe::lower

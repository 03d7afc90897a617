//===- DataPropagation.cpp - Values of small tensors ----------- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Carries the elements of small tensors through the ops that compute shapes.
// Runs after an op's shapes are set; what a function does not know it leaves
// unknown. Floats are rounded to their type after every step, so what is folded
// is what would be computed.
//
//===----------------------------------------------------------------------===//

#include "Inference.h"
#include "lathe/ONNX/ConstantView.h"
#include <cmath>

using namespace mlir;
using namespace lathe::onnx;

/// \p Value as the element type holds it.
static Element roundTo(Type Ty, double Value) {
  auto Float = dyn_cast<FloatType>(Ty);
  if (!Float)
    return Element::number(Value);
  APFloat F(Value);
  bool Inexact;
  F.convert(Float.getFloatSemantics(), APFloat::rmNearestTiesToEven, &Inexact);
  F.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &Inexact);
  return Element::number(F.convertToDouble());
}

/// Row-major number of \p Index (of the shape \p Result) in an operand of \p
/// Shape that is broadcast to it.
static int64_t broadcastIndex(int64_t Linear, ArrayRef<int64_t> Result,
                              ArrayRef<int64_t> Shape) {
  int64_t Index = 0, Stride = 1;
  for (int64_t D = Result.size() - 1,
               E = int64_t(Result.size()) - int64_t(Shape.size());
       D >= E; --D) {
    int64_t Size = Shape[D - E], Position = Linear % Result[D];
    Linear /= Result[D];
    if (Size != 1)
      Index += Position * Stride;
    Stride *= Size;
  }
  return Index;
}

using ElementFn = llvm::function_ref<Element(ArrayRef<Element>)>;

/// Result 0 from the first \p Used operands, element by element with
/// broadcasting.
static void mapElements(Inference &I, ElementFn Fn, unsigned Used = ~0u) {
  auto Shape = constantShape(I.result(0).Shape ? &*I.result(0).Shape : nullptr);
  if (!Shape)
    return;
  int64_t Count = 1;
  for (int64_t Size : *Shape)
    if (llvm::MulOverflow(Count, Size, Count) ||
        Count > InferenceContext::MaxElements)
      return;
  SmallVector<Data, 3> Operands;
  SmallVector<SmallVector<int64_t>, 3> Shapes;
  for (Value V : I.getOp()->getOperands().take_front(
           std::min(Used, I.getOp()->getNumOperands()))) {
    auto Elements = I.elements(V);
    auto Sizes = constantShape(I.dims(V));
    if (!Elements || !Sizes)
      return;
    Operands.push_back(std::move(*Elements));
    Shapes.push_back(std::move(*Sizes));
  }
  Data Out;
  for (int64_t P = 0; P < Count; ++P) {
    SmallVector<Element, 3> Arguments;
    for (auto [Elements, Sizes] : llvm::zip(Operands, Shapes))
      Arguments.push_back(Elements[broadcastIndex(P, *Shape, Sizes)]);
    Out.push_back(Fn(Arguments));
  }
  I.setData(0, std::move(Out));
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

using IntFn = llvm::function_ref<std::optional<SymExpr>(const SymExpr &,
                                                        const SymExpr &)>;
using FloatFn = llvm::function_ref<double(double, double)>;

/// Folds the operands two by two: as symbols while both are integers, else as
/// numbers. A float type takes the symbolic way only if \p IntegralFloats says
/// that is exact.
static void arithmetic(Inference &I, IntFn Int, FloatFn Float,
                       bool IntegralFloats) {
  Type Ty = I.resultElementType(0);
  bool IsFloat = isa<FloatType>(Ty);
  mapElements(I, [&](ArrayRef<Element> In) -> Element {
    Element Result = In[0];
    for (const Element &Next : In.drop_front()) {
      auto A = Result.getNumber(), B = Next.getNumber();
      if (IsFloat && A && B)
        Result = roundTo(Ty, Float(*A, *B));
      else if (Result.Int && Next.Int && (!IsFloat || IntegralFloats))
        Result = fitOrUnknown(Ty, Int(*Result.Int, *Next.Int));
      else
        return {};
    }
    return Result;
  });
}

static LogicalResult propagateAdd(Inference &I) {
  arithmetic(
      I, SymExpr::add, [](double A, double B) { return A + B; }, true);
  return success();
}
static LogicalResult propagateSub(Inference &I) {
  arithmetic(
      I, SymExpr::sub, [](double A, double B) { return A - B; }, true);
  return success();
}
static LogicalResult propagateMul(Inference &I) {
  arithmetic(
      I, SymExpr::mul, [](double A, double B) { return A * B; }, true);
  return success();
}

/// Integers divide towards zero: exact for symbols only if nothing is negative,
/// so only sizes (and constants) take part.
static LogicalResult propagateDiv(Inference &I) {
  auto Int = [&](const SymExpr &A, const SymExpr &B) -> std::optional<SymExpr> {
    auto N = A.getConstant(), D = B.getConstant();
    if (D == 0)
      return std::nullopt;
    if (N && D)
      return *D == -1 ? SymExpr::sub(0, A) : SymExpr(*N / *D);
    if (auto Exact = SymExpr::divideExactly(A, B))
      return Exact;
    if (D && *D < 0)
      return std::nullopt;
    return I.symbols().floorDiv(A, B);
  };
  arithmetic(
      I, Int, [](double A, double B) { return A / B; }, false);
  return success();
}

static LogicalResult propagateMod(Inference &I) {
  bool FMod = I.getInt("fmod") != 0;
  auto Int = [&](const SymExpr &A, const SymExpr &B) -> std::optional<SymExpr> {
    auto N = A.getConstant(), D = B.getConstant();
    if (!N || !D || *D == 0 || *D == -1)
      return D && *D == -1 ? std::optional(SymExpr(0)) : std::nullopt;
    int64_t Rest = *N % *D;
    // The sign is the divisor's, or the dividend's for fmod.
    if (!FMod && Rest != 0 && (Rest < 0) != (*D < 0))
      Rest += *D;
    return SymExpr(Rest);
  };
  if (!isa<FloatType>(I.resultElementType(0)))
    arithmetic(
        I, Int, [](double, double) { return 0.0; }, false);
  return success();
}

static LogicalResult propagateMin(Inference &I) {
  auto Int = [&](const SymExpr &A, const SymExpr &B) {
    return I.symbols().min(A, B);
  };
  arithmetic(
      I, Int, [](double A, double B) { return A < B ? A : B; }, true);
  return success();
}
static LogicalResult propagateMax(Inference &I) {
  auto Int = [&](const SymExpr &A, const SymExpr &B) {
    return I.symbols().max(A, B);
  };
  arithmetic(
      I, Int, [](double A, double B) { return A > B ? A : B; }, true);
  return success();
}

static LogicalResult propagateNeg(Inference &I) {
  Type Ty = I.resultElementType(0);
  mapElements(I, [&](ArrayRef<Element> In) -> Element {
    if (In[0].Float)
      return roundTo(Ty, -*In[0].Float);
    // -0.0 is not 0.
    if (!In[0].Int || (isa<FloatType>(Ty) && In[0].Int->isConstant(0)))
      return {};
    return fitOrUnknown(Ty, SymExpr::sub(0, *In[0].Int));
  });
  return success();
}

static LogicalResult propagateAbs(Inference &I) {
  Type Ty = I.resultElementType(0);
  mapElements(I, [&](ArrayRef<Element> In) -> Element {
    if (auto N = In[0].getNumber())
      return fitOrUnknown(Ty, Element::number(std::fabs(*N)));
    return {};
  });
  return success();
}

/// Floor, Ceil, Round: integers stay, symbols too.
template <double Fn(double)> static LogicalResult propagateRound(Inference &I) {
  mapElements(I, [](ArrayRef<Element> In) -> Element {
    return In[0].Float ? Element::number(Fn(*In[0].Float)) : In[0];
  });
  return success();
}

static LogicalResult propagateSqrt(Inference &I) {
  Type Ty = I.resultElementType(0);
  mapElements(I, [&](ArrayRef<Element> In) -> Element {
    auto N = In[0].getNumber();
    return N && *N >= 0 ? roundTo(Ty, std::sqrt(*N)) : Element();
  });
  return success();
}

/// Saturates nothing: an integer that does not fit is unknown.
static LogicalResult propagateCast(Inference &I) {
  Type From = I.elementType(0), To = I.resultElementType(0);
  if (!From || !To || !(To.isIntOrFloat() && From.isIntOrFloat()))
    return success();
  mapElements(
      I,
      [&](ArrayRef<Element> In) -> Element {
        const Element &E = In[0];
        auto N = E.getNumber();
        if (!N)
          return To.isInteger(1) ? Element()
                                 : E; // a size survives any wide enough type
        if (To.isInteger(1))
          return SymExpr(*N != 0);
        if (isa<FloatType>(To))
          return To.getIntOrFloatBitWidth() >= 32 ? roundTo(To, *N) : Element();
        if (E.Int)
          return fitOrUnknown(To, E);
        return fitOrUnknown(To, Element::number(std::trunc(*N)));
      },
      1);
  return success();
}

//===----------------------------------------------------------------------===//
// Comparison and selection
//===----------------------------------------------------------------------===//

/// Decides from the sign of a - b; of symbols only equality and constant
/// differences.
static void compare(Inference &I, llvm::function_ref<bool(int)> Holds) {
  mapElements(I, [&](ArrayRef<Element> In) -> Element {
    auto A = In[0].getNumber(), B = In[1].getNumber();
    if (A && B)
      return SymExpr(Holds(*A < *B ? -1 : *A > *B));
    if (In[0].Int && In[1].Int)
      if (auto Difference = SymExpr::sub(*In[0].Int, *In[1].Int))
        if (auto D = Difference->getConstant())
          return SymExpr(Holds(*D < 0 ? -1 : *D > 0));
    return {};
  });
}

static LogicalResult propagateEqual(Inference &I) {
  // Sizes are not negative, so one never equals -1.
  mapElements(I, [&](ArrayRef<Element> In) -> Element {
    auto A = In[0].getNumber(), B = In[1].getNumber();
    if (A && B)
      return SymExpr(*A == *B);
    if (!In[0].Int || !In[1].Int)
      return {};
    if (auto Difference = SymExpr::sub(*In[0].Int, *In[1].Int))
      if (auto D = Difference->getConstant())
        return SymExpr(*D == 0);
    auto IsPlainSize = [](const SymExpr &E) { return E.isNonNegative(); };
    if ((In[1].getInt().value_or(0) < 0 && IsPlainSize(*In[0].Int)) ||
        (In[0].getInt().value_or(0) < 0 && IsPlainSize(*In[1].Int)))
      return SymExpr(0);
    return {};
  });
  return success();
}
static LogicalResult propagateLess(Inference &I) {
  compare(I, [](int Sign) { return Sign < 0; });
  return success();
}
static LogicalResult propagateLessOrEqual(Inference &I) {
  compare(I, [](int Sign) { return Sign <= 0; });
  return success();
}
static LogicalResult propagateGreater(Inference &I) {
  compare(I, [](int Sign) { return Sign > 0; });
  return success();
}
static LogicalResult propagateGreaterOrEqual(Inference &I) {
  compare(I, [](int Sign) { return Sign >= 0; });
  return success();
}

static LogicalResult propagateNot(Inference &I) {
  mapElements(I, [](ArrayRef<Element> In) -> Element {
    auto N = In[0].getInt();
    return N ? Element(SymExpr(*N == 0)) : Element();
  });
  return success();
}
static LogicalResult propagateAnd(Inference &I) {
  mapElements(I, [](ArrayRef<Element> In) -> Element {
    auto A = In[0].getInt(), B = In[1].getInt();
    if (A == 0 || B == 0)
      return SymExpr(0);
    return A && B ? Element(SymExpr(1)) : Element();
  });
  return success();
}
static LogicalResult propagateOr(Inference &I) {
  mapElements(I, [](ArrayRef<Element> In) -> Element {
    auto A = In[0].getInt(), B = In[1].getInt();
    if (A.value_or(0) || B.value_or(0))
      return SymExpr(1);
    return A && B ? Element(SymExpr(0)) : Element();
  });
  return success();
}

static LogicalResult propagateWhere(Inference &I) {
  mapElements(I, [](ArrayRef<Element> In) -> Element {
    if (auto C = In[0].getInt())
      return *C ? In[1] : In[2];
    return In[1] == In[2] ? In[1] : Element();
  });
  return success();
}

ArrayRef<InferRow> lathe::onnx::getDataRows() {
  static constexpr InferRow Rows[] = {
      {"Abs", propagateAbs},
      {"Add", propagateAdd},
      {"And", propagateAnd},
      {"Cast", propagateCast},
      {"CastLike", propagateCast},
      {"Ceil", propagateRound<std::ceil>},
      {"Div", propagateDiv},
      {"Equal", propagateEqual},
      {"Floor", propagateRound<std::floor>},
      {"Greater", propagateGreater},
      {"GreaterOrEqual", propagateGreaterOrEqual},
      {"Less", propagateLess},
      {"LessOrEqual", propagateLessOrEqual},
      {"Max", propagateMax},
      {"Min", propagateMin},
      {"Mod", propagateMod},
      {"Mul", propagateMul},
      {"Neg", propagateNeg},
      {"Not", propagateNot},
      {"Or", propagateOr},
      {"Round", propagateRound<std::nearbyint>},
      {"Sqrt", propagateSqrt},
      {"Sub", propagateSub},
      {"Sum", propagateAdd},
      {"Where", propagateWhere},
  };
  return Rows;
}

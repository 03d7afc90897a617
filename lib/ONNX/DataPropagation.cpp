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

/// An integer type holds \p Value.
static bool holds(Type Ty, int64_t Value) {
  auto Int = dyn_cast<IntegerType>(Ty);
  if (!Int || Int.getWidth() == 64)
    return !Int || !Int.isUnsigned() || Value >= 0;
  return Int.isUnsigned() || Int.getWidth() == 1
             ? llvm::isUIntN(Int.getWidth(), Value)
             : llvm::isIntN(Int.getWidth(), Value);
}

/// Unknown where the type would wrap around.
static Element checked(Type Ty, Element E) {
  if (auto N = E.getInt(); N && !holds(Ty, *N))
    return {};
  return E;
}

static Type resultElement(Inference &I) {
  auto Tensor = dyn_cast<TensorType>(I.result(0).Type);
  return Tensor ? Tensor.getElementType() : Type();
}

/// Elements of a tensor, unknown where its data is; nullopt if it is too large.
static std::optional<Data> elementsOf(Inference &I, Value V) {
  const ValueInfo &Info = I.info(V);
  if (Info.Elements)
    return Info.Elements;
  if (!Info.Shape)
    return std::nullopt;
  auto Count = I.product(*Info.Shape).getConstant();
  if (!Count || *Count < 0 || *Count > InferenceContext::MaxElements)
    return std::nullopt;
  return Data(*Count);
}

/// The constant sizes of a shape.
static std::optional<SmallVector<int64_t>> constantShape(const Dims *Shape) {
  if (!Shape)
    return std::nullopt;
  SmallVector<int64_t> Sizes;
  for (const SymExpr &E : *Shape) {
    auto Size = E.getConstant();
    if (!Size)
      return std::nullopt;
    Sizes.push_back(*Size);
  }
  return Sizes;
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
    auto Elements = elementsOf(I, V);
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
  Type Ty = resultElement(I);
  bool IsFloat = isa<FloatType>(Ty);
  mapElements(I, [&](ArrayRef<Element> In) -> Element {
    Element Result = In[0];
    for (const Element &Next : In.drop_front()) {
      auto A = Result.getNumber(), B = Next.getNumber();
      if (IsFloat && A && B)
        Result = roundTo(Ty, Float(*A, *B));
      else if (Result.Int && Next.Int && (!IsFloat || IntegralFloats))
        Result = checked(Ty, Int(*Result.Int, *Next.Int));
      else
        return {};
    }
    return Result;
  });
}

static LogicalResult propagateAdd(Inference &I) {
  arithmetic(I, SymExpr::add, [](double A, double B) { return A + B; }, true);
  return success();
}
static LogicalResult propagateSub(Inference &I) {
  arithmetic(I, SymExpr::sub, [](double A, double B) { return A - B; }, true);
  return success();
}
static LogicalResult propagateMul(Inference &I) {
  arithmetic(I, SymExpr::mul, [](double A, double B) { return A * B; }, true);
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
  arithmetic(I, Int, [](double A, double B) { return A / B; }, false);
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
  if (!isa<FloatType>(resultElement(I)))
    arithmetic(I, Int, [](double, double) { return 0.0; }, false);
  return success();
}

static LogicalResult propagateMin(Inference &I) {
  auto Int = [&](const SymExpr &A, const SymExpr &B) {
    return I.symbols().min(A, B);
  };
  arithmetic(I, Int, [](double A, double B) { return A < B ? A : B; }, true);
  return success();
}
static LogicalResult propagateMax(Inference &I) {
  auto Int = [&](const SymExpr &A, const SymExpr &B) {
    return I.symbols().max(A, B);
  };
  arithmetic(I, Int, [](double A, double B) { return A > B ? A : B; }, true);
  return success();
}

static LogicalResult propagateNeg(Inference &I) {
  Type Ty = resultElement(I);
  mapElements(I, [&](ArrayRef<Element> In) -> Element {
    if (In[0].Float)
      return roundTo(Ty, -*In[0].Float);
    // -0.0 is not 0.
    if (!In[0].Int || (isa<FloatType>(Ty) && In[0].Int->isConstant(0)))
      return {};
    return checked(Ty, SymExpr::sub(0, *In[0].Int));
  });
  return success();
}

static LogicalResult propagateAbs(Inference &I) {
  Type Ty = resultElement(I);
  mapElements(I, [&](ArrayRef<Element> In) -> Element {
    if (auto N = In[0].getNumber())
      return checked(Ty, Element::number(std::fabs(*N)));
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
  Type Ty = resultElement(I);
  mapElements(I, [&](ArrayRef<Element> In) -> Element {
    auto N = In[0].getNumber();
    return N && *N >= 0 ? roundTo(Ty, std::sqrt(*N)) : Element();
  });
  return success();
}

/// Saturates nothing: an integer that does not fit is unknown.
static LogicalResult propagateCast(Inference &I) {
  Type From = I.elementType(0), To = resultElement(I);
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
          return checked(To, E);
        return checked(To, Element::number(std::trunc(*N)));
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

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

/// The result holds the same elements in the same order.
static LogicalResult propagateSame(Inference &I) {
  if (const Data *Elements = I.data(0))
    I.setData(0, Data(*Elements));
  return success();
}

static LogicalResult propagateShape(Inference &I) {
  const Dims *Input = I.dims(0);
  if (!Input)
    return success();
  int64_t Rank = Input->size();
  auto Bound = [&](int64_t V) {
    return std::clamp<int64_t>(V < 0 ? V + Rank : V, 0, Rank);
  };
  int64_t Start = Bound(I.getInt("start")),
          End = Bound(I.findInt("end").value_or(Rank));
  Data Out;
  for (int64_t D = Start; D < End; ++D)
    Out.push_back((*Input)[D]);
  I.setData(0, std::move(Out));
  return success();
}

static LogicalResult propagateSize(Inference &I) {
  if (const Dims *Input = I.dims(0))
    I.setData(0, {Element(I.product(*Input))});
  return success();
}

/// Copies element by element: \p Source gives the operand's position of a
/// result's.
static void permute(Inference &I, const Data &From,
                    llvm::function_ref<int64_t(ArrayRef<int64_t>)> Source) {
  auto Shape = constantShape(I.result(0).Shape ? &*I.result(0).Shape : nullptr);
  if (!Shape)
    return;
  int64_t Count = 1;
  for (int64_t Size : *Shape)
    if (llvm::MulOverflow(Count, Size, Count) ||
        Count > InferenceContext::MaxElements)
      return;
  Data Out;
  SmallVector<int64_t> Index(Shape->size(), 0);
  for (int64_t P = 0; P < Count; ++P) {
    int64_t Rest = P;
    for (int64_t D = Shape->size() - 1; D >= 0; --D) {
      Index[D] = Rest % (*Shape)[D];
      Rest /= (*Shape)[D];
    }
    int64_t S = Source(Index);
    Out.push_back(S >= 0 && S < int64_t(From.size()) ? From[S] : Element());
  }
  I.setData(0, std::move(Out));
}

static int64_t linear(ArrayRef<int64_t> Index, ArrayRef<int64_t> Shape) {
  int64_t P = 0;
  for (auto [X, Size] : llvm::zip(Index, Shape))
    P = P * Size + X;
  return P;
}

static LogicalResult propagateGather(Inference &I) {
  const Data *From = I.data(0);
  auto Shape = constantShape(I.dims(0));
  auto Indices = I.constants(1);
  auto IndexShape = constantShape(I.dims(1));
  if (!From || !Shape || !Indices || !IndexShape)
    return success();
  int64_t Axis = I.getInt("axis");
  Axis += Axis < 0 ? Shape->size() : 0;
  permute(I, *From, [&](ArrayRef<int64_t> At) -> int64_t {
    size_t R = IndexShape->size();
    int64_t Picked = (*Indices)[linear(At.slice(Axis, R), *IndexShape)];
    SmallVector<int64_t> Source(At.take_front(Axis));
    Source.push_back(Picked < 0 ? Picked + (*Shape)[Axis] : Picked);
    Source.append(At.begin() + Axis + R, At.end());
    return linear(Source, *Shape);
  });
  return success();
}

static LogicalResult propagateSlice(Inference &I) {
  const Data *From = I.data(0);
  auto Shape = constantShape(I.dims(0));
  auto Starts = I.constants(1);
  auto Axes = I.has(3) ? I.constants(3) : std::nullopt;
  auto Steps = I.has(4) ? I.constants(4) : std::nullopt;
  if (!From || !Shape || !Starts || (I.has(3) && !Axes) || (I.has(4) && !Steps))
    return success();
  SmallVector<int64_t> Begin(Shape->size(), 0), Step(Shape->size(), 1);
  for (size_t P = 0; P < Starts->size(); ++P) {
    int64_t Axis = Axes ? (*Axes)[P] : P;
    Axis += Axis < 0 ? Shape->size() : 0;
    int64_t Size = (*Shape)[Axis], Start = (*Starts)[P];
    Step[Axis] = Steps ? (*Steps)[P] : 1;
    Start += Start < 0 ? Size : 0;
    Begin[Axis] = std::clamp<int64_t>(
        Start, 0, std::max<int64_t>(Step[Axis] > 0 ? Size : Size - 1, 0));
  }
  permute(I, *From, [&](ArrayRef<int64_t> At) {
    SmallVector<int64_t> Source;
    for (size_t D = 0; D < At.size(); ++D)
      Source.push_back(Begin[D] + At[D] * Step[D]);
    return linear(Source, *Shape);
  });
  return success();
}

static LogicalResult propagateTranspose(Inference &I) {
  const Data *From = I.data(0);
  auto Shape = constantShape(I.dims(0));
  if (!From || !Shape)
    return success();
  auto Perm = I.findInts("perm");
  size_t Rank = Shape->size();
  permute(I, *From, [&](ArrayRef<int64_t> At) {
    SmallVector<int64_t> Source(Rank);
    for (size_t D = 0; D < Rank; ++D)
      Source[Perm ? (*Perm)[D] : Rank - 1 - D] = At[D];
    return linear(Source, *Shape);
  });
  return success();
}

/// Expand and Tile: positions wrap around.
static LogicalResult propagateRepeat(Inference &I) {
  const Data *From = I.data(0);
  auto Shape = constantShape(I.dims(0));
  if (!From || !Shape)
    return success();
  permute(I, *From, [&](ArrayRef<int64_t> At) -> int64_t {
    SmallVector<int64_t> Source;
    for (size_t D = 0; D < Shape->size(); ++D) {
      int64_t Size = (*Shape)[D];
      Source.push_back(Size ? At[At.size() - Shape->size() + D] % Size : 0);
    }
    return linear(Source, *Shape);
  });
  return success();
}

static LogicalResult propagateConcat(Inference &I) {
  auto Rank = I.result(0).Shape ? I.result(0).Shape->size() : 0;
  // Along the first axis the elements simply follow each other.
  int64_t Axis = I.getInt("axis");
  if (Rank == 0 || (Axis < 0 ? Axis + int64_t(Rank) : Axis) != 0)
    return success();
  Data Out;
  for (Value V : I.operandsFrom(0)) {
    auto Elements = elementsOf(I, V);
    if (!Elements)
      return success();
    Out.append(*Elements);
  }
  I.setData(0, std::move(Out));
  return success();
}

/// Along the only axis.
static LogicalResult propagateSplit(Inference &I) {
  const Data *From = I.data(0);
  const Dims *Input = I.dims(0);
  if (!From || !Input || Input->size() != 1)
    return success();
  size_t Begin = 0;
  for (unsigned R = 0; R < I.getOp()->getNumResults(); ++R) {
    auto Sizes =
        constantShape(I.result(R).Shape ? &*I.result(R).Shape : nullptr);
    if (!Sizes || Begin + (*Sizes)[0] > From->size())
      return success();
    I.setData(R,
              Data(From->begin() + Begin, From->begin() + Begin + (*Sizes)[0]));
    Begin += (*Sizes)[0];
  }
  return success();
}

static LogicalResult propagateConstantOfShape(Inference &I) {
  auto Sizes = constantShape(I.result(0).Shape ? &*I.result(0).Shape : nullptr);
  if (!Sizes)
    return success();
  auto Count = I.product(*I.result(0).Shape).getConstant();
  if (!Count || *Count > InferenceContext::MaxElements)
    return success();
  Element Value = SymExpr(0);
  if (auto Attr = I.getOp()->getAttr("value"))
    if (auto View = ConstantView::get(Attr)) {
      if (View->isElided() || !(View->isInteger() || View->isFloat()))
        return success();
      Value = View->isInteger() ? Element(SymExpr(View->getInt(0)))
                                : Element::number(View->getFloat(0));
    }
  I.setData(0, Data(*Count, Value));
  return success();
}

static LogicalResult propagateRange(Inference &I) {
  auto Sizes = constantShape(I.result(0).Shape ? &*I.result(0).Shape : nullptr);
  const Data *Start = I.data(0), *Delta = I.data(2);
  if (!Sizes || (*Sizes)[0] > InferenceContext::MaxElements || !Start ||
      !Delta || isa<FloatType>(resultElement(I)))
    return success();
  auto From = (*Start)[0].getInt(), By = (*Delta)[0].getInt();
  if (!From || !By)
    return success();
  Data Out;
  for (int64_t P = 0; P < (*Sizes)[0]; ++P) {
    auto Offset = SymExpr::mul(P, *By);
    Out.push_back(Offset ? Element(SymExpr::add(*From, *Offset)) : Element());
  }
  I.setData(0, std::move(Out));
  return success();
}

/// A full reduction of a vector by \p Fold.
static void reduceAll(Inference &I, const Data &From, SymExpr Initial,
                      IntFn Fold) {
  if (isa<FloatType>(resultElement(I)))
    return;
  Element Result = Initial;
  for (const Element &E : From)
    Result =
        Result.Int && E.Int ? Element(Fold(*Result.Int, *E.Int)) : Element();
  I.setData(0, {checked(resultElement(I), Result)});
}

static bool isFullReduction(Inference &I) {
  if (!I.data(0) || I.data(0)->empty() || !I.result(0).Shape)
    return false;
  if (!I.has(1))
    return I.getInt("noop_with_empty_axes") == 0;
  return I.constants(1) && I.product(*I.result(0).Shape).isConstant(1);
}

static LogicalResult propagateReduceProd(Inference &I) {
  if (isFullReduction(I))
    reduceAll(I, *I.data(0), 1, SymExpr::mul);
  return success();
}
static LogicalResult propagateReduceSum(Inference &I) {
  if (isFullReduction(I))
    reduceAll(I, *I.data(0), 0, SymExpr::add);
  return success();
}
static LogicalResult propagateReduceMax(Inference &I) {
  if (isFullReduction(I) && (*I.data(0))[0].Int)
    reduceAll(I, *I.data(0), *(*I.data(0))[0].Int,
              [&](const SymExpr &A, const SymExpr &B) {
                return I.symbols().max(A, B);
              });
  return success();
}
static LogicalResult propagateReduceMin(Inference &I) {
  if (isFullReduction(I) && (*I.data(0))[0].Int)
    reduceAll(I, *I.data(0), *(*I.data(0))[0].Int,
              [&](const SymExpr &A, const SymExpr &B) {
                return I.symbols().min(A, B);
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
      {"Concat", propagateConcat},
      {"ConstantOfShape", propagateConstantOfShape},
      {"Div", propagateDiv},
      {"Equal", propagateEqual},
      {"Expand", propagateRepeat},
      {"Flatten", propagateSame},
      {"Floor", propagateRound<std::floor>},
      {"Gather", propagateGather},
      {"Greater", propagateGreater},
      {"GreaterOrEqual", propagateGreaterOrEqual},
      {"Identity", propagateSame},
      {"Less", propagateLess},
      {"LessOrEqual", propagateLessOrEqual},
      {"Max", propagateMax},
      {"Min", propagateMin},
      {"Mod", propagateMod},
      {"Mul", propagateMul},
      {"Neg", propagateNeg},
      {"Not", propagateNot},
      {"Or", propagateOr},
      {"Range", propagateRange},
      {"ReduceMax", propagateReduceMax},
      {"ReduceMin", propagateReduceMin},
      {"ReduceProd", propagateReduceProd},
      {"ReduceSum", propagateReduceSum},
      {"Reshape", propagateSame},
      {"Round", propagateRound<std::nearbyint>},
      {"Shape", propagateShape},
      {"Size", propagateSize},
      {"Slice", propagateSlice},
      {"Split", propagateSplit},
      {"Sqrt", propagateSqrt},
      {"Squeeze", propagateSame},
      {"Sub", propagateSub},
      {"Sum", propagateAdd},
      {"Tile", propagateRepeat},
      {"Transpose", propagateTranspose},
      {"Unsqueeze", propagateSame},
      {"Where", propagateWhere},
  };
  return Rows;
}

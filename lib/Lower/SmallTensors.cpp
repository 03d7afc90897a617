//===- SmallTensors.cpp - Small tensors by their elements -----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One rule an op, from the elements of its operands to those of its results.
// Invariant: nothing is loaded from memory.
//
//===----------------------------------------------------------------------===//

#include "SmallTensors.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace lathe::lower {

namespace {

int64_t count(ArrayRef<int64_t> Shape) {
  int64_t N = 1;
  for (int64_t S : Shape)
    N *= S;
  return N;
}

/// The coordinates of element I, and back.
SmallVector<int64_t> unflatten(int64_t I, ArrayRef<int64_t> Shape) {
  SmallVector<int64_t> At(Shape.size());
  for (int64_t D = Shape.size() - 1; D >= 0; --D) {
    At[D] = I % Shape[D];
    I /= Shape[D];
  }
  return At;
}
int64_t flatten(ArrayRef<int64_t> At, ArrayRef<int64_t> Shape) {
  int64_t I = 0;
  for (auto [A, S] : llvm::zip_equal(At, Shape))
    I = I * S + A;
  return I;
}

/// Element At of S broadcast to a shape of At.size() dimensions.
Scalar broadcastElement(const Small &S, ArrayRef<int64_t> At) {
  ArrayRef<int64_t> Back = At.take_back(S.Shape.size());
  SmallVector<int64_t> From;
  for (auto [A, N] : llvm::zip_equal(Back, S.Shape))
    From.push_back(N == 1 ? 0 : A);
  return S.Elements[flatten(From, S.Shape)];
}

/// One op under evaluation. Each `eval` returns the elements of result 0, or
/// nothing if the op is beyond it.
class Evaluator {
public:
  Evaluator(Node &N, TensorBuilder &B, ArrayRef<Small> In)
      : N(N), B(B), In(In), Shape(N.outType().getShape()) {}

  std::optional<SmallVector<Scalars>> run();

private:
  using Result = std::optional<Scalars>;

  /// Elementwise with broadcasting over all operands.
  Result elementwise(function_ref<Scalar(ArrayRef<Scalar>)> F) {
    Scalars Out;
    for (int64_t I = 0, E = count(Shape); I < E; ++I) {
      SmallVector<int64_t> At = unflatten(I, Shape);
      Scalars Args;
      for (const Small &S : In)
        Args.push_back(broadcastElement(S, At));
      Out.push_back(F(Args));
    }
    return Out;
  }
  /// Result element At is element Map(At) of operand 0.
  Result move(ArrayRef<int64_t> To,
              function_ref<SmallVector<int64_t>(ArrayRef<int64_t>)> Map) {
    Scalars Out;
    for (int64_t I = 0, E = count(To); I < E; ++I)
      Out.push_back(
          In[0].Elements[flatten(Map(unflatten(I, To)), In[0].Shape)]);
    return Out;
  }
  Result arithmetic(StringRef Name);
  Result reduction(StringRef Name);
  Result gather();
  Result slice();
  Result concat();
  Result transpose();
  Result constantOfShape();
  Result range();
  std::optional<SmallVector<Scalars>> split();

  Node &N;
  TensorBuilder &B;
  ArrayRef<Small> In;
  ArrayRef<int64_t> Shape;
};

Evaluator::Result Evaluator::arithmetic(StringRef Name) {
  Type T = N.inElem(0);
  auto Binary = [&](Scalar (*F)(Scalar, Scalar)) {
    return elementwise([&](ArrayRef<Scalar> A) {
      Scalar R = A[0];
      for (Scalar X : A.drop_front())
        R = F(R, X);
      return R;
    });
  };
  auto Unary = [&](Scalar (*F)(Scalar)) {
    return elementwise([&](ArrayRef<Scalar> A) { return F(A[0]); });
  };
  if (Name == "Add" || Name == "Sum")
    return Binary(operator+);
  if (Name == "Sub")
    return Binary(operator-);
  if (Name == "Mul")
    return Binary(operator*);
  if (Name == "Max")
    return Binary(smax);
  if (Name == "Min")
    return Binary(smin);
  if (Name == "Div")
    return elementwise([&](ArrayRef<Scalar> A) {
      // Sizes divide by known numbers; anything else takes the careful way.
      std::optional<int64_t> By = A[1].constant();
      if (A[0].isFloat() || (By && *By != 0 && *By != -1))
        return A[0] / A[1];
      return B.wrap(scalar::div(B, A[0], A[1], T));
    });
  if (Name == "Mod" && !isa<FloatType>(T))
    return elementwise([&](ArrayRef<Scalar> A) {
      return B.wrap(scalar::remainder(B, A[0], A[1], T, N.i64("fmod", 0)));
    });
  if (Name == "Neg")
    return Unary([](Scalar A) { return -A; });
  if (Name == "Abs")
    return Unary(absOf);
  if (Name == "Floor")
    return Unary(floorOf);
  if (Name == "Ceil")
    return Unary(ceilOf);
  if (Name == "Sqrt")
    return Unary(sqrtOf);
  if (Name == "Not")
    return Unary(logicalNot);
  if (Name == "And")
    return Binary(operator&);
  if (Name == "Or")
    return Binary(operator|);
  if (Name == "Equal")
    return Binary(operator==);
  if (Name == "Less")
    return Binary(operator<);
  if (Name == "LessOrEqual")
    return Binary(operator<=);
  if (Name == "Greater")
    return Binary(operator>);
  if (Name == "GreaterOrEqual")
    return Binary(operator>=);
  if (Name == "Where")
    return elementwise(
        [](ArrayRef<Scalar> A) { return select(A[0], A[1], A[2]); });
  if (Name == "Cast" || Name == "CastLike")
    return elementwise([&](ArrayRef<Scalar> A) {
      Type To = N.outElem();
      // A size never leaves the range of i32 by meaning; i64 holds all of them.
      if (!A[0].isFloat() && !To.isInteger(1) && !isa<FloatType>(To))
        return A[0].to(N.outType().getElementType());
      return B.wrap(scalar::cast(B, A[0], T, To, /*Saturate=*/true));
    });
  return std::nullopt;
}

Evaluator::Result Evaluator::reduction(StringRef Name) {
  using Fold = Scalar (*)(Scalar, Scalar);
  Fold F = llvm::StringSwitch<Fold>(Name)
               .Case("ReduceProd", operator*)
               .Case("ReduceSum", operator+)
               .Case("ReduceMax", smax)
               .Default(smin);
  int64_t Rank = In[0].Shape.size();
  SmallVector<bool> Reduced(Rank, false);
  if (N.has(1)) {
    auto Axes = N.constInts(1);
    if (!Axes)
      return std::nullopt;
    if (Axes->empty())
      Reduced.assign(Rank, !N.i64("noop_with_empty_axes", 0));
    for (int64_t A : *Axes)
      Reduced[A < 0 ? A + Rank : A] = true;
  } else {
    Reduced.assign(Rank, !N.i64("noop_with_empty_axes", 0));
  }
  if (In[0].Elements.empty())
    return std::nullopt;
  SmallVector<int64_t> Kept;
  for (int64_t D = 0; D < Rank; ++D)
    if (!Reduced[D])
      Kept.push_back(In[0].Shape[D]);
  Scalars Out(count(Kept));
  for (auto [I, E] : llvm::enumerate(In[0].Elements)) {
    SmallVector<int64_t> At = unflatten(I, In[0].Shape), To;
    for (int64_t D = 0; D < Rank; ++D)
      if (!Reduced[D])
        To.push_back(At[D]);
    Scalar &R = Out[flatten(To, Kept)];
    R = R ? F(R, E) : E;
  }
  return Out;
}

Evaluator::Result Evaluator::gather() {
  auto Idx = N.constInts(1);
  if (!Idx)
    return std::nullopt;
  int64_t Rank = In[0].Shape.size(), Axis = N.i64("axis", 0);
  if (Axis < 0)
    Axis += Rank;
  int64_t Dim = In[0].Shape[Axis], IdxRank = In[1].Shape.size();
  for (int64_t &I : *Idx) {
    I = I < 0 ? I + Dim : I;
    if (I < 0 || I >= Dim)
      return std::nullopt;
  }
  return move(Shape, [&](ArrayRef<int64_t> At) {
    SmallVector<int64_t> From(At.take_front(Axis));
    From.push_back((*Idx)[flatten(At.slice(Axis, IdxRank), In[1].Shape)]);
    llvm::append_range(From, At.drop_front(Axis + IdxRank));
    return From;
  });
}

Evaluator::Result Evaluator::slice() {
  auto Ints = [&](const Small &S) -> std::optional<SmallVector<int64_t>> {
    SmallVector<int64_t> R;
    for (Scalar E : S.Elements) {
      if (!E.constant())
        return std::nullopt;
      R.push_back(*E.constant());
    }
    return R;
  };
  int64_t Rank = In[0].Shape.size();
  auto Starts = Ints(In[1]), Ends = Ints(In[2]);
  if (!Starts || !Ends)
    return std::nullopt;
  SmallVector<int64_t> Axes = iota(Starts->size());
  SmallVector<int64_t> Steps(Starts->size(), 1);
  if (N.has(3)) {
    auto Given = N.constInts(3);
    if (!Given)
      return std::nullopt;
    Axes = *Given;
  }
  if (N.has(4)) {
    auto Given = N.constInts(4);
    if (!Given)
      return std::nullopt;
    Steps = *Given;
  }
  SmallVector<int64_t> First(Rank, 0), Stride(Rank, 1);
  for (auto [I, A] : llvm::enumerate(Axes)) {
    int64_t D = A < 0 ? A + Rank : A, Dim = In[0].Shape[D];
    int64_t S = (*Starts)[I] < 0 ? (*Starts)[I] + Dim : (*Starts)[I];
    First[D] = Steps[I] > 0 ? std::clamp<int64_t>(S, 0, Dim)
                            : std::clamp<int64_t>(S, 0, Dim - 1);
    Stride[D] = Steps[I];
  }
  // How many there are, inference has found out.
  return move(Shape, [&](ArrayRef<int64_t> At) {
    SmallVector<int64_t> From;
    for (int64_t D = 0; D < Rank; ++D)
      From.push_back(First[D] + At[D] * Stride[D]);
    return From;
  });
}

Evaluator::Result Evaluator::concat() {
  int64_t Rank = Shape.size(), Axis = N.i64("axis", 0);
  if (Axis < 0)
    Axis += Rank;
  Scalars Out;
  for (int64_t I = 0, E = count(Shape); I < E; ++I) {
    SmallVector<int64_t> At = unflatten(I, Shape);
    for (const Small &S : In) {
      if (At[Axis] < S.Shape[Axis]) {
        Out.push_back(S.Elements[flatten(At, S.Shape)]);
        break;
      }
      At[Axis] -= S.Shape[Axis];
    }
  }
  return Out;
}

Evaluator::Result Evaluator::transpose() {
  SmallVector<int64_t> Perm = N.ints("perm");
  int64_t Rank = Shape.size();
  if (Perm.empty())
    for (int64_t D = Rank - 1; D >= 0; --D)
      Perm.push_back(D);
  return move(Shape, [&](ArrayRef<int64_t> At) {
    SmallVector<int64_t> From(Rank);
    for (int64_t D = 0; D < Rank; ++D)
      From[Perm[D]] = At[D];
    return From;
  });
}

Evaluator::Result Evaluator::constantOfShape() {
  Type Element = N.outType().getElementType();
  Scalar Value = constantScalar(B, Element, int64_t(0));
  if (auto Attr =
          dyn_cast_if_present<DenseElementsAttr>(N.op()->getAttr("value"))) {
    if (auto Int = dyn_cast<IntegerType>(Element))
      Value = constantScalar(B, Element,
                             (*Attr.getValues<APInt>().begin()).getSExtValue());
    else if (isa<FloatType>(Element))
      Value = B.wrap(arith::ConstantOp::create(
          B, B.getFloatAttr(Element, *Attr.getValues<APFloat>().begin())));
    else
      return std::nullopt;
  }
  return Scalars(count(Shape), Value);
}

Evaluator::Result Evaluator::range() {
  Scalars Out;
  for (int64_t I = 0, E = count(Shape); I < E; ++I)
    Out.push_back(In[0].Elements[0] + In[2].Elements[0] * I);
  return Out;
}

std::optional<SmallVector<Scalars>> Evaluator::split() {
  int64_t Rank = In[0].Shape.size(), Axis = N.i64("axis", 0), First = 0;
  if (Axis < 0)
    Axis += Rank;
  SmallVector<Scalars> Parts;
  for (unsigned R = 0; R < N.op()->getNumResults(); ++R) {
    ArrayRef<int64_t> To = N.outType(R).getShape();
    if (N.outType(R).getNumElements() > MaxElements)
      return std::nullopt;
    Parts.push_back(*move(To, [&](ArrayRef<int64_t> At) {
      SmallVector<int64_t> From(At);
      From[Axis] += First;
      return From;
    }));
    First += To[Axis];
  }
  return Parts;
}

enum class Form {
  Arithmetic,
  Reduction,
  Same,
  Gather,
  Slice,
  Concat,
  Transpose,
  ConstantOfShape,
  Range,
  Expand,
  Split
};

std::optional<Form> formOf(StringRef Name) {
  return llvm::StringSwitch<std::optional<Form>>(Name)
      .Cases({"Add", "Sum", "Sub", "Mul", "Div", "Mod", "Max", "Min"},
             Form::Arithmetic)
      .Cases({"Neg", "Abs", "Floor", "Ceil", "Sqrt", "Cast", "CastLike"},
             Form::Arithmetic)
      .Cases({"Not", "And", "Or", "Equal", "Less", "LessOrEqual", "Greater",
              "GreaterOrEqual", "Where"},
             Form::Arithmetic)
      .Cases({"ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin"},
             Form::Reduction)
      .Cases({"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"},
             Form::Same)
      .Case("Gather", Form::Gather)
      .Case("Slice", Form::Slice)
      .Case("Concat", Form::Concat)
      .Case("Transpose", Form::Transpose)
      .Case("ConstantOfShape", Form::ConstantOfShape)
      .Case("Range", Form::Range)
      .Case("Expand", Form::Expand)
      .Case("Split", Form::Split)
      .Default(std::nullopt);
}

std::optional<SmallVector<Scalars>> Evaluator::run() {
  StringRef Name = N.name();
  Form F = *formOf(Name);
  Result R;
  switch (F) {
  case Form::Arithmetic:
    R = arithmetic(Name);
    break;
  case Form::Reduction:
    R = reduction(Name);
    break;
  case Form::Same:
    R = In[0].Elements;
    break;
  case Form::Gather:
    R = gather();
    break;
  case Form::Slice:
    R = slice();
    break;
  case Form::Concat:
    R = concat();
    break;
  case Form::Transpose:
    R = transpose();
    break;
  case Form::ConstantOfShape:
    R = constantOfShape();
    break;
  case Form::Range:
    R = range();
    break;
  case Form::Expand:
    In = In.take_front();
    R = elementwise([](ArrayRef<Scalar> A) { return A[0]; });
    break;
  case Form::Split:
    return split();
  }
  if (!R)
    return std::nullopt;
  return SmallVector<Scalars>{std::move(*R)};
}

} // namespace

bool canEvaluate(StringRef Name) { return formOf(Name).has_value(); }

std::optional<SmallVector<Scalars>> evaluate(Node &N, TensorBuilder &B,
                                             ArrayRef<Small> In) {
  return Evaluator(N, B, In).run();
}

} // namespace lathe::lower

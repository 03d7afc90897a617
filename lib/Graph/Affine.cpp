//===- Affine.cpp - Scales and shifts by constants ------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Affine.h"
#include "Match.h"
#include "NodeBuilder.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

bool Affine::hasScale() const {
  return llvm::any_of(Scale, [](double S) { return S != 1; });
}
bool Affine::hasShift() const {
  return llvm::any_of(Shift, [](double S) { return S != 0; });
}
bool Affine::isScalePositive() const {
  return llvm::all_of(Scale, [](double S) { return S > 0; });
}
bool Affine::isFinite() const {
  auto Finite = [](double S) {
    return std::abs(S) <= double(std::numeric_limits<float>::max());
  };
  return llvm::all_of(Scale, Finite) && llvm::all_of(Shift, Finite);
}

std::optional<Affine> Affine::then(const Affine &Second) const {
  if (!isUniform() && !Second.isUniform() &&
      (Axis != Second.Axis || Scale.size() != Second.Scale.size()))
    return std::nullopt;
  Affine Both;
  Both.Axis = isUniform() ? Second.Axis : Axis;
  size_t Channels = std::max(Scale.size(), Second.Scale.size());
  Both.Scale.resize(Channels);
  Both.Shift.resize(Channels);
  for (size_t C = 0; C < Channels; ++C) {
    Both.Scale[C] = Second.scale(C) * scale(C);
    Both.Shift[C] = Second.scale(C) * shift(C) + Second.shift(C);
  }
  return Both;
}

Affine Affine::slice(int64_t Begin, int64_t Count) const {
  if (isUniform())
    return *this;
  Affine Part;
  Part.Axis = Axis;
  Part.Scale.assign(Scale.begin() + Begin, Scale.begin() + Begin + Count);
  Part.Shift.assign(Shift.begin() + Begin, Shift.begin() + Begin + Count);
  return Part;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static std::optional<AffineOp>
ofBatchNormalization(onnx::BatchNormalizationOp Op) {
  if (Op.getTrainingMode() || !Op.getRunningMean().use_empty() ||
      !Op.getRunningVar().use_empty() || getRank(Op.getX()) < 2)
    return std::nullopt;
  auto Scale = getFloats(Op.getScale()), Shift = getFloats(Op.getB()),
       Mean = getFloats(Op.getInputMean()), Var = getFloats(Op.getInputVar());
  if (!Scale || !Shift || !Mean || !Var || Scale->size() != Shift->size() ||
      Scale->size() != Mean->size() || Scale->size() != Var->size())
    return std::nullopt;
  double Epsilon = Op.getEpsilon().convertToFloat();
  AffineOp Result{Op.getX(), {}, /*Cost=*/3};
  Result.Fn.Axis = 1;
  Result.Fn.Scale.clear();
  Result.Fn.Shift.clear();
  for (size_t C = 0; C < Scale->size(); ++C) {
    double S = (*Scale)[C] / std::sqrt((*Var)[C] + Epsilon);
    Result.Fn.Scale.push_back(S);
    Result.Fn.Shift.push_back((*Shift)[C] - (*Mean)[C] * S);
  }
  return Result;
}

/// The numbers of \p Constant along the one dimension of \p X in which it is
/// not of size one (-1 if none), provided that it does not widen \p X.
static std::optional<std::pair<int64_t, SmallVector<double>>>
getNumbers(Value Constant, Value X) {
  auto View = getConstant(Constant);
  RankedTensorType Type = getRanked(X);
  if (!View || !View->isFloat() || !Type || View->size() == 0)
    return std::nullopt;
  ArrayRef<int64_t> Shape = View->getShape();
  int64_t Offset = Type.getRank() - int64_t(Shape.size());
  if (Offset < 0)
    return std::nullopt;
  int64_t Axis = -1;
  bool Several = false;
  for (auto [D, Size] : llvm::enumerate(Shape)) {
    if (Size == 1)
      continue;
    if (Type.getDimSize(D + Offset) != Size)
      return std::nullopt;
    Several |= Axis >= 0;
    Axis = D + Offset;
  }
  if (Axis < 0 || Several) {
    auto Number = getUniform(Constant);
    if (!Number)
      return std::nullopt;
    return std::pair(int64_t(-1), SmallVector<double>{*Number});
  }
  SmallVector<double> Numbers;
  for (int64_t I = 0; I < View->size(); ++I)
    Numbers.push_back(View->getFloat(I));
  return std::pair(Axis, std::move(Numbers));
}

std::optional<AffineOp> graph::getAffine(Operation *Op) {
  if (Op->getNumResults() == 0 || !isFloat(Op->getResult(0)))
    return std::nullopt;
  if (auto Norm = dyn_cast<onnx::BatchNormalizationOp>(Op))
    return ofBatchNormalization(Norm);
  if (auto Neg = dyn_cast<onnx::NegOp>(Op)) {
    AffineOp Result{Neg.getX(), {}};
    Result.Fn.Scale = {-1.0};
    return Result;
  }
  if (!isa<onnx::MulOp, onnx::AddOp, onnx::SubOp, onnx::DivOp>(Op))
    return std::nullopt;
  auto [X, Constant] = splitConstant(Op);
  bool IsLeft = Constant == Op->getOperand(0);
  if (!X || (IsLeft && isa<onnx::DivOp>(Op)))
    return std::nullopt;
  auto Known = getNumbers(Constant, X);
  if (!Known)
    return std::nullopt;
  auto &[Axis, Numbers] = *Known;
  AffineOp Result{X, {}};
  Affine &Fn = Result.Fn;
  Fn.Axis = Axis;
  Fn.Scale.assign(Numbers.size(), 1);
  Fn.Shift.assign(Numbers.size(), 0);
  for (auto [C, N] : llvm::enumerate(Numbers)) {
    if (isa<onnx::MulOp>(Op))
      Fn.Scale[C] = N;
    else if (isa<onnx::DivOp>(Op))
      Fn.Scale[C] = 1 / N;
    else if (isa<onnx::AddOp>(Op) || IsLeft)
      Fn.Shift[C] = N;
    else
      Fn.Shift[C] = -N;
    if (isa<onnx::SubOp>(Op) && IsLeft)
      Fn.Scale[C] = -1;
  }
  if (!Fn.isFinite())
    return std::nullopt;
  return Result;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

Value graph::applyAffine(OpBuilder &Builder, Location Loc, Value X,
                         const Affine &Fn) {
  NodeBuilder B(Builder, Loc);
  RankedTensorType Type = getRanked(X);
  SmallVector<int64_t> Shape;
  if (!Fn.isUniform()) {
    Shape.assign(Type.getRank() - Fn.Axis, 1);
    Shape.front() = Fn.Scale.size();
  }
  auto NumbersType = RankedTensorType::get(Shape, Type.getElementType());
  if (Fn.hasScale())
    X = B.op("Mul", {X, B.constant(NumbersType, Fn.Scale)}, {}, Type);
  if (Fn.hasShift())
    X = B.op("Add", {X, B.constant(NumbersType, Fn.Shift)}, {}, Type);
  return X;
}

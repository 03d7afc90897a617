//===- FuseActivations.cpp - The pass graph-fuse-activations --------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Activations that an exporter wrote out become the op that ONNX has for them.
// Most are products: they are compared as sets of factors, so that every order
// and association of the multiplications is the same form.
//
// The op computes the function to its own accuracy, also where the formula
// overflows on the way (log(1 + exp(x)) for large x).
//
//===----------------------------------------------------------------------===//

#include "Fusion.h"
#include "lathe/Graph/Passes.h"

namespace lathe::graph {
#define GEN_PASS_DEF_GRAPHFUSEACTIVATIONS
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// Replaces \p Root by onnx.\p Name of X, if the formula ends here.
static bool become(Operation *Root, Fuser &F, Trail &T, StringRef Name, Value X,
                   NodeBuilder::Attrs Attrs = {}) {
  Type Result = Root->getResult(0).getType();
  if (X.getType() != Result || !isFloat(X) || !T.isClosed(Root))
    return false;
  return F.replace(Root, F.at(Root, T.ops()).op(Name, {X}, Attrs, Result));
}

static NamedAttribute real(Operation *Root, StringRef Name, double V) {
  Builder B(Root->getContext());
  return B.getNamedAttr(Name, B.getF32FloatAttr(float(V)));
}

static NamedAttribute byTanh(Operation *Root) {
  Builder B(Root->getContext());
  return B.getNamedAttr("approximate", B.getStringAttr("tanh"));
}

//===----------------------------------------------------------------------===//
// Products x * g(x)
//===----------------------------------------------------------------------===//

/// V as 1 + \p Function(Inner).
template <typename OpT> static bool onePlus(Value V, Value &Inner, Trail &T) {
  return matches(V, add(num(1), op<OpT>(is(Inner))), T);
}

/// The argument of the tanh form of gelu, times \p Twice:
/// sqrt(2/pi) (x + 0.044715 x^3) or sqrt(2/pi) x (1 + 0.044715 x^2).
static bool isGeluPolynomial(Value Argument, Value X, double Twice, Trail &T) {
  static const double Root = std::sqrt(2 / M_PI);
  auto CubeIs = [&](Value V, int64_t Exponent) {
    Product Cube = Product::of(V);
    for (Operation *Op : Cube.Ops)
      T.pass(Op);
    return Cube.Powers.size() == 1 &&
           Cube.Powers[0] == std::pair(X, Exponent) &&
           Cube.hasFactor(0.044715, X);
  };
  Product Outer = Product::of(Argument);
  for (Operation *Op : Outer.Ops)
    T.pass(Op);
  if (!Outer.hasFactor(Root * Twice, X))
    return false;
  Value Cube;
  if (Outer.Powers.size() == 1 && Outer.Powers[0].second == 1)
    return matches(Outer.Powers[0].first, add(is(X), is(Cube)), T) &&
           CubeIs(Cube, 3);
  if (Outer.Powers.size() != 2)
    return false;
  for (unsigned I : {0u, 1u}) {
    auto [First, E] = Outer.Powers[I];
    auto [Second, E2] = Outer.Powers[1 - I];
    if (First == X && E == 1 && E2 == 1 &&
        matches(Second, add(num(1), is(Cube)), T))
      return CubeIs(Cube, 2);
  }
  return false;
}

/// min(max(x + 3, 0), 6) in all its forms.
static bool isShiftedRelu6(Value V, Value X, Trail &T) {
  auto Shifted = add(is(X), num(3));
  using namespace onnx;
  return matches(
      V,
      oneOf(op<ClipOp>(Shifted, num(0), num(6)),
            commutes<MinOp>(
                oneOf(op<ReluOp>(Shifted), commutes<MaxOp>(Shifted, num(0))),
                num(6)),
            commutes<MaxOp>(commutes<MinOp>(Shifted, num(6)), num(0))),
      T);
}

/// The product F * X * Gate, with the gate a function of X alone.
static bool fuseGate(Operation *Root, Fuser &F, double Factor, Value X,
                     Value Gate, ArrayRef<Operation *> Passed) {
  Trail T;
  for (Operation *Op : Passed)
    T.pass(Op);
  auto Mark = T.mark();
  auto Is = [&](double Number) {
    return isClose(Factor, Number,
                   cast<ShapedType>(X.getType()).getElementType());
  };
  using namespace onnx;
  Value Inner;
  auto Retry = [&] { T.undo(Mark); };

  if (Is(0.5) && onePlus<ErfOp>(Gate, Inner, T)) {
    Product P = Product::of(Inner);
    for (Operation *Op : P.Ops)
      T.pass(Op);
    return P.isMultipleOf(X) && P.hasFactor(std::sqrt(0.5), X) &&
           become(Root, F, T, "Gelu", X);
  }
  Retry();
  if (Is(0.5) && onePlus<TanhOp>(Gate, Inner, T))
    return isGeluPolynomial(Inner, X, 1, T) &&
           become(Root, F, T, "Gelu", X, byTanh(Root));
  Retry();
  if (Is(1) && matches(Gate, op<SigmoidOp>(is(Inner)), T)) {
    if (isGeluPolynomial(Inner, X, 2, T))
      return become(Root, F, T, "Gelu", X, byTanh(Root));
    Retry();
    matches(Gate, op<SigmoidOp>(is(Inner)), T);
    if (Inner == X)
      return become(Root, F, T, "Swish", X);
    Product P = Product::of(Inner);
    for (Operation *Op : P.Ops)
      T.pass(Op);
    return P.isMultipleOf(X) &&
           become(Root, F, T, "Swish", X, real(Root, "alpha", P.Factor));
  }
  Retry();
  if (Is(1) && matches(Gate, op<TanhOp>(op<SoftplusOp>(is(X))), T))
    return become(Root, F, T, "Mish", X);
  Retry();
  if (Is(1.0 / 6) && isShiftedRelu6(Gate, X, T))
    return become(Root, F, T, "HardSwish", X);
  Retry();
  if (Is(1))
    if (auto Hard = Gate.getDefiningOp<HardSigmoidOp>();
        Hard && Hard.getX() == X &&
        isClose(Hard.getAlpha().convertToDouble(), 1.0 / 6,
                Float32Type::get(Root->getContext())) &&
        Hard.getBeta().convertToDouble() == 0.5) {
      T.pass(Hard);
      return become(Root, F, T, "HardSwish", X);
    }
  return false;
}

/// x * g(x) with a number, in any order: the gate is found among the factors.
static bool fuseProduct(Operation *Root, Fuser &F) {
  if (!isFloat(Root->getResult(0)))
    return false;
  Product P = Product::of(Root->getResult(0));
  if (P.Powers.size() == 1 && P.Powers[0].second == 1) {
    // clip(x + 3, 0, 6) / 6
    Value Gate = P.Powers[0].first, X;
    Trail T;
    for (Operation *Op : P.Ops)
      T.pass(Op);
    if (!P.hasFactor(1.0 / 6, Gate))
      return false;
    for (Operation *Op = Gate.getDefiningOp(); Op && !X;
         Op = Op->getNumOperands() ? Op->getOperand(0).getDefiningOp()
                                   : nullptr) {
      if (auto Add = dyn_cast<onnx::AddOp>(Op))
        X = splitConstant(Add).first;
      else if (!isa<onnx::ClipOp, onnx::MinOp, onnx::MaxOp, onnx::ReluOp>(Op))
        return false;
    }
    return X && isShiftedRelu6(Gate, X, T) &&
           become(Root, F, T, "HardSigmoid", X,
                  {real(Root, "alpha", 1.0 / 6), real(Root, "beta", 0.5)});
  }
  if (P.Powers.size() != 2)
    return false;
  for (unsigned I : {0u, 1u}) {
    auto [X, E] = P.Powers[I];
    auto [Gate, EG] = P.Powers[1 - I];
    if (E == 1 && EG == 1 && fuseGate(Root, F, P.Factor, X, Gate, P.Ops))
      return true;
    // x / (1 + exp(-x))
    Trail T;
    for (Operation *Op : P.Ops)
      T.pass(Op);
    if (E == 1 && EG == -1 &&
        isClose(P.Factor, 1, Float32Type::get(Root->getContext())) &&
        matches(Gate, add(num(1), op<onnx::ExpOp>(op<onnx::NegOp>(is(X)))), T))
      return become(Root, F, T, "Swish", X);
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Others
//===----------------------------------------------------------------------===//

/// 1 / (1 + exp(-x))
static bool fuseSigmoid(Operation *Root, Fuser &F) {
  Value X;
  Trail T;
  auto Denominator = add(num(1), op<onnx::ExpOp>(op<onnx::NegOp>(is(X))));
  return matches(Root->getResult(0),
                 oneOf(div(num(1), Denominator),
                       op<onnx::ReciprocalOp>(Denominator)),
                 T) &&
         become(Root, F, T, "Sigmoid", X);
}

/// log(1 + exp(x))
static bool fuseSoftplus(Operation *Root, Fuser &F) {
  Value X;
  Trail T;
  return matches(Root->getResult(0),
                 op<onnx::LogOp>(add(num(1), op<onnx::ExpOp>(is(X)))), T) &&
         become(Root, F, T, "Softplus", X);
}

/// x > threshold ? x : softplus(x), where nothing is left to add beyond the
/// threshold.
static bool fuseThresholdSoftplus(Operation *Root, Fuser &F) {
  Value X;
  double Threshold = 0;
  Trail T;
  return matches(
             Root->getResult(0),
             op<onnx::WhereOp>(op<onnx::GreaterOp>(is(X), numInto(Threshold)),
                               is(X), op<onnx::SoftplusOp>(is(X))),
             T) &&
         Threshold >= 18 && !X.getType().isF64() &&
         become(Root, F, T, "Softplus", X);
}

/// min(max(x, low), high) with numbers.
static bool fuseClip(Operation *Root, Fuser &F) {
  Value X;
  double Low = 0, High = 0;
  Trail T;
  using namespace onnx;
  if (!matches(
          Root->getResult(0),
          oneOf(commutes<MinOp>(oneOf(op<ReluOp>(is(X)),
                                      commutes<MaxOp>(is(X), numInto(Low))),
                                numInto(High)),
                commutes<MaxOp>(commutes<MinOp>(is(X), numInto(High)),
                                numInto(Low))),
          T) ||
      Low > High || X.getType() != Root->getResult(0).getType() ||
      !T.isClosed(Root))
    return false;
  NodeBuilder B = F.at(Root, T.ops());
  Type Element = cast<ShapedType>(X.getType()).getElementType();
  return F.replace(
      Root, B.op("Clip", {X, B.scalar(Element, Low), B.scalar(Element, High)},
                 {}, X.getType()));
}

/// clip(a x + b, 0, 1)
static bool fuseHardSigmoid(Operation *Root, Fuser &F) {
  Value Line;
  double Beta = 0;
  Trail T;
  if (!matches(Root->getResult(0),
               op<onnx::ClipOp>(add(is(Line), numInto(Beta)), num(0), num(1)),
               T))
    return false;
  Product P = Product::of(Line);
  for (Operation *Op : P.Ops)
    T.pass(Op);
  return P.Powers.size() == 1 && P.Powers[0].second == 1 &&
         become(Root, F, T, "HardSigmoid", P.Powers[0].first,
                {real(Root, "alpha", P.Factor), real(Root, "beta", Beta)});
}

/// relu(x) - slope * relu(-x), the slope constant.
static bool fusePRelu(Operation *Root, Fuser &F) {
  Value X, Slope;
  Trail T;
  using namespace onnx;
  auto Negative = op<ReluOp>(op<NegOp>(is(X)));
  bool Minus = false;
  if (isa<SubOp>(Root)) {
    Minus = true;
    if (!matches(Root->getResult(0),
                 sub(op<ReluOp>(is(X)), mul(weight(Slope), Negative)), T))
      return false;
  } else if (!matches(Root->getResult(0),
                      add(op<ReluOp>(is(X)), mul(weight(Slope), Negative)),
                      T)) {
    return false;
  }
  RankedTensorType XType = getRanked(X), SlopeType = getRanked(Slope);
  if (!XType || !SlopeType || XType != Root->getResult(0).getType() ||
      SlopeType.getRank() > XType.getRank() || !T.isClosed(Root))
    return false;
  NodeBuilder B = F.at(Root, T.ops());
  if (!Minus) {
    auto Numbers = getFloats(Slope);
    if (!Numbers)
      return false;
    for (double &N : *Numbers)
      N = -N;
    Slope = B.constant(SlopeType, *Numbers);
  }
  return F.replace(Root, B.op("PRelu", {X, Slope}, {}, XType));
}

namespace {
struct FuseActivationsPass
    : graph::impl::GraphFuseActivationsBase<FuseActivationsPass> {
  void runOnOperation() override {
    const Fusion Table[] = {
        {"onnx.Add", fusePRelu, &Rectifiers},
        {"onnx.Clip", fuseHardSigmoid, &HardSigmoids},
        {"onnx.Div", fuseSigmoid, &Sigmoids},
        {"onnx.Div", fuseProduct, &Products},
        {"onnx.Log", fuseSoftplus, &Softpluses},
        {"onnx.Max", fuseClip, &Rectifiers},
        {"onnx.Min", fuseClip, &Rectifiers},
        {"onnx.Mul", fuseProduct, &Products},
        {"onnx.Reciprocal", fuseSigmoid, &Sigmoids},
        {"onnx.Sub", fusePRelu, &Rectifiers},
        {"onnx.Where", fuseThresholdSoftplus, &Softpluses},
    };
    fuse(getOperation(), Table);
  }
};
} // namespace

//===- ExpandTraining.cpp - Steps of optimizers ---------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Adagrad, Adam and Momentum of ai.onnx.preview.training: elementwise formulas
// on groups of tensors. The operands are the rate R, the number T of updates so
// far, and then, group by group, all parameters, all gradients, all moments.
//
//===----------------------------------------------------------------------===//

#include "OnnxBuilder.h"
#include "lathe/ONNX/ONNX.h"

using namespace mlir;

namespace lathe::lower {

namespace {
/// What the formulas share.
struct Step {
  Step(Operation *Op, OnnxBuilder &B, unsigned Groups)
      : Op(Op), B(B), Count((Op->getNumOperands() - 2) / Groups) {
    T = OnnxBuilder::elementOf(Op->getOperand(2));
    Rate = B.cast(Op->getOperand(0), T);
    Turn = Op->getOperand(1);
  }
  Value operand(unsigned Group, unsigned I) const {
    return Op->getOperand(2 + Group * Count + I);
  }
  double real(StringRef Name) const {
    auto A = dyn_cast_if_present<FloatAttr>(onnx::getAttrOrDefault(Op, Name));
    return A ? A.getValueAsDouble() : 0.0;
  }
  Value number(double V) const { return B.number(V, T); }
  Value times(double V, Value X) const { return B.mul(number(V), X); }
  /// The gradient with the decay of the parameter.
  Value gradient(unsigned I) const {
    return B.add(times(real("norm_coefficient"), operand(0, I)), operand(1, I));
  }
  /// X after the first update, Y before it.
  Value later(Value X, Value Y) const {
    Value Zero = B.number(0, OnnxBuilder::elementOf(Turn));
    return B.where(B.compare("Greater", Turn, Zero), X, Y);
  }

  Operation *Op;
  OnnxBuilder &B;
  unsigned Count;
  Type T;
  Value Rate, Turn;
};
} // namespace

std::optional<SmallVector<Value>> expandAdagrad(Operation *Op, OnnxBuilder &B,
                                                std::string &) {
  Step S(Op, B, 3);
  Value Rate =
      B.div(S.Rate, B.add(S.number(1.0), S.times(S.real("decay_factor"),
                                                 B.cast(S.Turn, S.T))));
  SmallVector<Value> X, H;
  for (unsigned I = 0; I < S.Count; ++I) {
    Value G = S.gradient(I);
    H.push_back(B.add(S.operand(2, I), B.mul(G, G)));
    Value Root = B.add(B.op("Sqrt", {H.back()}), S.number(S.real("epsilon")));
    X.push_back(B.sub(S.operand(0, I), B.div(B.mul(Rate, G), Root)));
  }
  llvm::append_range(X, H);
  return X;
}

std::optional<SmallVector<Value>> expandAdam(Operation *Op, OnnxBuilder &B,
                                             std::string &) {
  Step S(Op, B, 4);
  double Alpha = S.real("alpha"), Beta = S.real("beta");
  // The moments start at zero: the rate makes up for it.
  Value Turn = B.cast(S.Turn, S.T);
  auto Left = [&](double V) {
    return B.sub(S.number(1.0), B.op("Pow", {S.number(V), Turn}));
  };
  Value Adjusted =
      B.div(B.mul(S.Rate, B.op("Sqrt", {Left(Beta)})), Left(Alpha));
  Value Rate = S.later(Adjusted, S.Rate);
  SmallVector<Value> X, V, H;
  for (unsigned I = 0; I < S.Count; ++I) {
    Value G = S.gradient(I);
    V.push_back(B.add(S.times(Alpha, S.operand(2, I)), S.times(1 - Alpha, G)));
    H.push_back(
        B.add(S.times(Beta, S.operand(3, I)), S.times(1 - Beta, B.mul(G, G))));
    Value Root = B.add(B.op("Sqrt", {H.back()}), S.number(S.real("epsilon")));
    Value New = B.sub(S.operand(0, I), B.div(B.mul(Rate, V.back()), Root));
    X.push_back(S.times(1.0 - S.real("norm_coefficient_post"), New));
  }
  llvm::append_range(X, V);
  llvm::append_range(X, H);
  return X;
}

std::optional<SmallVector<Value>> expandMomentum(Operation *Op, OnnxBuilder &B,
                                                 std::string &) {
  Step S(Op, B, 3);
  double Alpha = S.real("alpha");
  auto Mode = dyn_cast_if_present<StringAttr>(Op->getAttr("mode"));
  bool Nesterov = Mode && Mode.getValue() == "nesterov";
  Value Beta = S.later(S.number(S.real("beta")), S.number(1.0));
  SmallVector<Value> X, V;
  for (unsigned I = 0; I < S.Count; ++I) {
    Value G = S.gradient(I);
    V.push_back(B.add(S.times(Alpha, S.operand(2, I)), B.mul(Beta, G)));
    Value Way = Nesterov ? B.add(G, S.times(Alpha, V.back())) : V.back();
    X.push_back(B.sub(S.operand(0, I), B.mul(S.Rate, Way)));
  }
  llvm::append_range(X, V);
  return X;
}

} // namespace lathe::lower

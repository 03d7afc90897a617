//===- Training.cpp - Optimizers of ai.onnx.preview.training ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One elementwise generic with several results for each tensor that is
// optimized. The learning rate and what depends on the step count alone are
// scalars in main.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lathe::lower {

namespace {
/// Scalars of an optimizer's step, in the type of the tensors.
struct Optimizer {
  Builder &B;
  Type T;
  Value constant(double V) const { return scalar::constant(B, T, V); }
};
} // namespace

/// The two leading operands: learning rate and step count as floats.
static Value rateOf(Node &N, Type T) {
  return scalar::cast(N.B, scalarOf(N.B, N.in(0)), N.inElem(0), T);
}
static Value countOf(Node &N, Type T) {
  return scalar::cast(N.B, scalarOf(N.B, N.in(1)), N.inElem(1), T);
}

/// Operands after R and T come in \p Groups groups of one tensor for each of
/// X1, X2 ...; results in Groups - 1 groups (all but the gradients).
static LogicalResult
lowerOptimizer(Node &N, unsigned Groups,
               function_ref<SmallVector<Value>(Builder &, ValueRange)> Update) {
  Builder &B = N.B;
  ArrayRef<Value> Tensors = N.ins(2);
  if (Tensors.size() % Groups)
    return N.fail("expects " + Twine(Groups) +
                  " tensors for each that is optimized");
  unsigned Count = Tensors.size() / Groups;
  SmallVector<Value> Results(Count * (Groups - 1));
  for (unsigned I = 0; I < Count; ++I) {
    SmallVector<Value> Ins;
    for (unsigned G = 0; G < Groups; ++G)
      Ins.push_back(Tensors[G * Count + I]);
    SmallVector<Type> Outs(
        Groups - 1, cast<RankedTensorType>(Ins[0].getType()).getElementType());
    SmallVector<Value> New = elementwise(
        B, Ins, Outs, [&](Builder &IB, ValueRange V) { return Update(IB, V); });
    for (unsigned G = 0; G + 1 < Groups; ++G)
      Results[G * Count + I] = New[G];
  }
  return N.replace(Results);
}

static Type tensorElement(Node &N) {
  return cast<RankedTensorType>(N.ins(2).front().getType()).getElementType();
}

/// X, G, H
static LogicalResult lowerAdagrad(Node &N) {
  if (N.ins(2).empty())
    return N.replace({});
  Type T = tensorElement(N);
  Builder &B = N.B;
  Value Decay = scalar::add(
      B, scalar::constant(B, T, 1.0),
      scalar::mul(B, countOf(N, T),
                  scalar::constant(B, T, N.f32("decay_factor", 0))));
  Value Rate = arith::DivFOp::create(B, rateOf(N, T), Decay);
  double Norm = N.f32("norm_coefficient", 0), Epsilon = N.f32("epsilon", 1e-6);
  return lowerOptimizer(N, 3, [&](Builder &IB, ValueRange V) {
    Optimizer O{IB, T};
    Value G = scalar::add(IB, scalar::mul(IB, O.constant(Norm), V[0]), V[1]);
    Value H = scalar::add(IB, V[2], scalar::mul(IB, G, G));
    Value Root =
        scalar::add(IB, math::SqrtOp::create(IB, H), O.constant(Epsilon));
    Value X = scalar::sub(
        IB, V[0], arith::DivFOp::create(IB, scalar::mul(IB, Rate, G), Root));
    return SmallVector<Value>{X, H};
  });
}

/// X, G, V (first moment), H (second moment)
static LogicalResult lowerAdam(Node &N) {
  if (N.ins(2).empty())
    return N.replace({});
  Type T = tensorElement(N);
  Builder &B = N.B;
  double Alpha = N.f32("alpha", 0.9), Beta = N.f32("beta", 0.999),
         Epsilon = N.f32("epsilon", 1e-6);
  double Norm = N.f32("norm_coefficient", 0),
         NormPost = N.f32("norm_coefficient_post", 0);
  Value Step = countOf(N, T), One = scalar::constant(B, T, 1.0);
  Value Rate = rateOf(N, T);
  // Bias correction, only after the first step.
  Value Second = scalar::sub(
      B, One, math::PowFOp::create(B, scalar::constant(B, T, Beta), Step));
  Value First = scalar::sub(
      B, One, math::PowFOp::create(B, scalar::constant(B, T, Alpha), Step));
  Value Adjusted = arith::DivFOp::create(
      B, scalar::mul(B, Rate, math::SqrtOp::create(B, Second)), First);
  Value Started = arith::CmpFOp::create(B, arith::CmpFPredicate::OGT, Step,
                                        scalar::constant(B, T, 0.0));
  Rate = scalar::select(B, Started, Adjusted, Rate);
  return lowerOptimizer(N, 4, [&](Builder &IB, ValueRange V) {
    Optimizer O{IB, T};
    Value G = scalar::add(IB, scalar::mul(IB, O.constant(Norm), V[0]), V[1]);
    Value M = scalar::add(IB, scalar::mul(IB, O.constant(Alpha), V[2]),
                          scalar::mul(IB, O.constant(1 - Alpha), G));
    Value H = scalar::add(
        IB, scalar::mul(IB, O.constant(Beta), V[3]),
        scalar::mul(IB, O.constant(1 - Beta), scalar::mul(IB, G, G)));
    Value Root =
        scalar::add(IB, math::SqrtOp::create(IB, H), O.constant(Epsilon));
    Value X = scalar::sub(
        IB, V[0], arith::DivFOp::create(IB, scalar::mul(IB, Rate, M), Root));
    X = scalar::mul(IB, X, O.constant(1 - NormPost));
    return SmallVector<Value>{X, M, H};
  });
}

/// X, G, V
static LogicalResult lowerMomentum(Node &N) {
  if (N.ins(2).empty())
    return N.replace({});
  Type T = tensorElement(N);
  Builder &B = N.B;
  double Alpha = N.f32("alpha", 0), Beta = N.f32("beta", 0),
         Norm = N.f32("norm_coefficient", 0);
  bool Nesterov = N.str("mode") == "nesterov";
  Value Rate = rateOf(N, T);
  // beta takes part after the first step.
  Value Started = arith::CmpFOp::create(
      B, arith::CmpFPredicate::OGT, countOf(N, T), scalar::constant(B, T, 0.0));
  Value Gain = scalar::select(B, Started, scalar::constant(B, T, Beta),
                              scalar::constant(B, T, 1.0));
  return lowerOptimizer(N, 3, [&](Builder &IB, ValueRange V) {
    Optimizer O{IB, T};
    Value G = scalar::add(IB, scalar::mul(IB, O.constant(Norm), V[0]), V[1]);
    Value M = scalar::add(IB, scalar::mul(IB, O.constant(Alpha), V[2]),
                          scalar::mul(IB, Gain, G));
    Value Direction =
        Nesterov ? scalar::add(IB, G, scalar::mul(IB, O.constant(Alpha), M))
                 : M;
    Value X = scalar::sub(IB, V[0], scalar::mul(IB, Rate, Direction));
    return SmallVector<Value>{X, M};
  });
}

void populateTrainingLoweringPatterns(const StorageTypeConverter &Types,
                                      RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.train.Adagrad", lowerAdagrad},
      {"onnx.train.Adam", lowerAdam},
      {"onnx.train.Momentum", lowerMomentum},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

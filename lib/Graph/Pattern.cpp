//===- Pattern.cpp - Written-out formulas as patterns ---------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See Pattern.h.
//
//===----------------------------------------------------------------------===//

#include "Pattern.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// A product of more factors is no formula that a pattern looks for.
static constexpr size_t MaxFactors = 8;

bool Trail::isClosed(Operation *Root) const {
  llvm::SmallPtrSet<Operation *, 16> Inside(Ops.begin(), Ops.end());
  Inside.insert(Root);
  return llvm::all_of(Ops, [&](Operation *Op) {
    return Op == Root || llvm::all_of(Op->getUsers(), [&](Operation *User) {
             return Inside.contains(User) || isa<onnx::ShapeOp>(User);
           });
  });
}

Value graph::peel(Value V, Trail *T) {
  while (Operation *Op = V.getDefiningOp()) {
    bool Same =
        isa<onnx::IdentityOp>(Op) ||
        (isa<onnx::CastOp>(Op) && Op->getOperand(0).getType() == V.getType());
    if (!Same)
      return V;
    if (T)
      T->pass(Op);
    V = Op->getOperand(0);
  }
  return V;
}

bool graph::isClose(double A, double B, Type Element) {
  auto Float = dyn_cast<FloatType>(Element);
  if (!Float)
    return A == B;
  // Numbers of a formula are often written with f32's precision whatever the
  // type, and rounded again.
  unsigned Bits = std::min(Float.getFPMantissaWidth(), 24u);
  return std::abs(A - B) <= 4 * std::ldexp(std::abs(B), -int(Bits));
}

bool graph::isNumber(Value V, double Number) {
  std::optional<double> Uniform = getUniform(V);
  return Uniform && isClose(*Uniform, Number,
                            cast<ShapedType>(V.getType()).getElementType());
}

bool Product::hasFactor(double Number, Value V) const {
  return isClose(Factor, Number,
                 cast<ShapedType>(V.getType()).getElementType());
}

static void multiply(Product &P, Value V, int64_t Exponent, bool Inner) {
  V = peel(V);
  if (std::optional<double> Number = getUniform(V)) {
    P.Factor *= std::pow(*Number, double(Exponent));
    return;
  }
  Operation *Op = V.getDefiningOp();
  if (Op && (!Inner || V.hasOneUse() ||
             // x * x uses x twice, but only here.
             llvm::all_of(V.getUsers(), [&](Operation *U) {
               return U == *V.user_begin();
             }))) {
    auto Into = [&](Value Next, int64_t E) {
      multiply(P, Next, Exponent * E, true);
    };
    size_t Before = P.Ops.size();
    P.Ops.push_back(Op);
    if (P.Powers.size() < MaxFactors) {
      if (isa<onnx::MulOp>(Op)) {
        Into(Op->getOperand(0), 1);
        Into(Op->getOperand(1), 1);
        return;
      }
      if (isa<onnx::DivOp>(Op)) {
        Into(Op->getOperand(0), 1);
        Into(Op->getOperand(1), -1);
        return;
      }
      if (isa<onnx::ReciprocalOp>(Op))
        return Into(Op->getOperand(0), -1);
      if (isa<onnx::NegOp>(Op)) {
        P.Factor *= Exponent % 2 ? -1 : 1;
        return Into(Op->getOperand(0), 1);
      }
      if (isa<onnx::PowOp>(Op))
        if (auto E = getUniform(Op->getOperand(1));
            E && *E == std::round(*E) && std::abs(*E) <= 4)
          return Into(Op->getOperand(0), int64_t(*E));
    }
    P.Ops.truncate(Before);
  }
  for (auto &[Base, E] : P.Powers)
    if (Base == V) {
      E += Exponent;
      return;
    }
  P.Powers.emplace_back(V, Exponent);
}

Product Product::of(Value V) {
  Product P;
  multiply(P, V, 1, /*Inner=*/false);
  return P;
}

//===- Elementwise.cpp - Ops that work element by element -----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Elementwise.h"
#include "lathe/ONNX/ONNX.h"

using namespace mlir;
using namespace lathe;

/// Sorted.
static constexpr StringLiteral Names[] = {"Abs",         "Acos",
                                          "Acosh",       "Add",
                                          "And",         "Asin",
                                          "Asinh",       "Atan",
                                          "Atanh",       "BitwiseAnd",
                                          "BitwiseNot",  "BitwiseOr",
                                          "BitwiseXor",  "Cast",
                                          "Ceil",        "Celu",
                                          "Clip",        "Cos",
                                          "Cosh",        "Div",
                                          "Elu",         "Equal",
                                          "Erf",         "Exp",
                                          "Floor",       "Gelu",
                                          "Greater",     "GreaterOrEqual",
                                          "HardSigmoid", "HardSwish",
                                          "Identity",    "IsInf",
                                          "IsNaN",       "LeakyRelu",
                                          "Less",        "LessOrEqual",
                                          "Log",         "Max",
                                          "Mean",        "Min",
                                          "Mish",        "Mod",
                                          "Mul",         "Neg",
                                          "Not",         "Or",
                                          "PRelu",       "Pow",
                                          "Reciprocal",  "Relu",
                                          "Round",       "Selu",
                                          "Shrink",      "Sigmoid",
                                          "Sign",        "Sin",
                                          "Sinh",        "Softplus",
                                          "Softsign",    "Sqrt",
                                          "Sub",         "Sum",
                                          "Swish",       "Tan",
                                          "Tanh",        "ThresholdedRelu",
                                          "Where",       "Xor"};

bool graph::isElementwise(Operation *Op) {
  const onnx::OpFacts *Facts = onnx::getFacts(Op);
  if (!Facts || !Facts->Domain.empty() || Op->getNumResults() != 1)
    return false;
  auto *It = llvm::lower_bound(Names, Facts->Name);
  return It != std::end(Names) && *It == Facts->Name;
}

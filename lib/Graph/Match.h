//===- Match.h - Questions that rewrites of the graph ask -------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Readers of constants, types and attributes that every pass of the stage
// needs. None changes the IR. A null value (an absent operand) is never an
// error: it is no constant, has no type and no producer.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_MATCH_H
#define LATHE_LIB_GRAPH_MATCH_H

#include "lathe/ONNX/ConstantView.h"
#include "lathe/ONNX/ONNX.h"

namespace lathe::graph {

using namespace mlir;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// The ranked tensor type of \p V, or null.
RankedTensorType getRanked(Value V);
/// The same where every dimension is known.
RankedTensorType getStatic(Value V);
/// Rank of \p V, or -1.
int64_t getRank(Value V);
/// Elements of a float type that weights may be computed in: f16, bf16, f32,
/// f64.
bool isFloat(Value V);
/// \p Axis counted from the front.
inline int64_t fromFront(int64_t Axis, int64_t Rank) {
  return Axis < 0 ? Axis + Rank : Axis;
}

//===----------------------------------------------------------------------===//
// Uses
//===----------------------------------------------------------------------===//

/// The op \p OpT that defines \p V and whose only use is this one; null
/// otherwise. Which result \p V is, is the caller's question.
template <typename OpT> OpT singleUse(Value V) {
  return V && V.hasOneUse() ? V.getDefiningOp<OpT>() : OpT();
}

/// The only user of \p V, through one operand; null if there are more, none, or
/// it is in another block.
Operation *getSingleUser(Value V);

/// Operand \p Index of the schema; null where absent. Not for variadics.
Value getOperand(Operation *Op, unsigned Index);

/// True if \p Op has an operand that comes out of a DequantizeLinear or a user
/// that is a QuantizeLinear: part of a group that integer kernels recognise, to
/// be left in the form it has.
bool isInQuantizedGroup(Operation *Op);

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// The readable constant behind \p V (not elided).
std::optional<onnx::ConstantView> getConstant(Value V);
inline bool isConstant(Value V) { return getConstant(V).has_value(); }

/// The number that every element of the constant \p V equals. Works for any
/// shape; NaN never.
std::optional<double> getUniform(Value V);
inline bool isUniform(Value V, double Number) {
  return getUniform(V) == Number;
}
/// The same within \p Relative of \p Number: constants of decomposed formulas
/// are rounded by their exporter.
bool isAbout(Value V, double Number, double Relative = 1e-5);

/// All elements of an integer constant.
std::optional<SmallVector<int64_t>> getInts(Value V);
/// All elements of a float constant, exactly.
std::optional<SmallVector<double>> getFloats(Value V);

/// The operands of a binary op as (the other, the constant), where exactly one
/// is a constant; for commutative ops. Nulls otherwise.
std::pair<Value, Value> splitConstant(Operation *Op);

/// The operands of a binary op as (defined by \p OpT, the other), the first
/// such one first; for commutative ops. Null otherwise.
template <typename OpT> std::pair<OpT, Value> splitProducer(Operation *Op) {
  for (unsigned I : {0u, 1u})
    if (auto Producer = Op->getOperand(I).getDefiningOp<OpT>())
      return {Producer, Op->getOperand(1 - I)};
  return {};
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// The permutation of a Transpose, the default written out; empty if its rank
/// is not known.
SmallVector<int64_t> getPermutation(onnx::TransposeOp Op);

/// The axes of a reduction, Squeeze or Unsqueeze (constant operand 1), counted
/// from the front and sorted. A reduction without axes has all (or none with
/// noop_with_empty_axes); a Squeeze without axes those of size one. Nullopt
/// where they are not known.
std::optional<SmallVector<int64_t>> getAxes(Operation *Op);

/// The integer attribute \p Name, its default where absent.
int64_t getIntAttr(Operation *Op, StringRef Name);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_MATCH_H

//===- Common.h - What the lowerings are built from -----------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Builders for sizes, structured ops and views. Invariants: a size is always
// taken from as far up the graph as it can be traced, so equal sizes are equal
// values; every linalg.generic built here has a body of scalar arith/math only.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_COMMON_H
#define LATHE_LIB_LOWER_COMMON_H

#include "Node.h"
#include "Scalar.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace lathe::lower {

using Builder = ImplicitLocOpBuilder;

inline RankedTensorType typeOf(Value V) {
  return cast<RankedTensorType>(V.getType());
}

//===----------------------------------------------------------------------===//
// Sizes (Dims.cpp)
//===----------------------------------------------------------------------===//

/// The size of dimension \p D of the tensor \p V: an attribute if static, else
/// an index value, traced to the op that determines it.
OpFoldResult dimOf(Builder &B, Value V, int64_t D);
SmallVector<OpFoldResult> dimsOf(Builder &B, Value V);

/// True if both sizes are equal in every run.
bool sameSize(OpFoldResult A, OpFoldResult C);

/// Sums, products and quotients of sizes, folded where both are known.
OpFoldResult addSize(Builder &B, OpFoldResult X, OpFoldResult Y);
OpFoldResult subSize(Builder &B, OpFoldResult X, OpFoldResult Y);
OpFoldResult mulSize(Builder &B, OpFoldResult X, OpFoldResult Y);
/// Rounds towards zero; \p Y is positive.
OpFoldResult divSize(Builder &B, OpFoldResult X, OpFoldResult Y);
OpFoldResult maxSize(Builder &B, OpFoldResult X, OpFoldResult Y);
OpFoldResult product(Builder &B, ArrayRef<OpFoldResult> Sizes);
OpFoldResult size(Builder &B, int64_t Size);
/// The size as an SSA value.
Value sizeValue(Builder &B, OpFoldResult Size);
/// The static part of sizes, ShapedType::kDynamic elsewhere.
SmallVector<int64_t> staticShape(ArrayRef<OpFoldResult> Sizes);

//===----------------------------------------------------------------------===//
// Tensors and views (Views.cpp)
//===----------------------------------------------------------------------===//

Value empty(Builder &B, ArrayRef<OpFoldResult> Sizes, Type Elem);
/// A tensor of \p Sizes with every element \p Scalar.
Value filled(Builder &B, ArrayRef<OpFoldResult> Sizes, Value Scalar);
/// The single element of a tensor of rank 0, or of sizes 1, as a scalar.
Value scalarOf(Builder &B, Value Tensor);

/// Casts to \p Shape where the type of \p V differs (static and dynamic mixed).
Value castShape(Builder &B, Value V, ArrayRef<int64_t> Shape);
/// Reinterprets the elements in row-major order with new sizes. Uses
/// expand_shape and collapse_shape where the dimensions group.
Value reshape(Builder &B, Value V, ArrayRef<OpFoldResult> Sizes);
/// Adds dimensions of size 1 at \p Positions of the result.
Value insertUnitDims(Builder &B, Value V, ArrayRef<int64_t> Positions);
/// Removes the dimensions \p Positions of \p V, all of size 1.
Value dropUnitDims(Builder &B, Value V, ArrayRef<int64_t> Positions);
/// Collapses dimensions [First, Last) into one (which must not be empty).
Value collapseRange(Builder &B, Value V, int64_t First, int64_t Last);
/// Splits dimension \p D into \p Sizes.
Value expandDim(Builder &B, Value V, int64_t D, ArrayRef<OpFoldResult> Sizes);
Value transpose(Builder &B, Value V, ArrayRef<int64_t> Permutation);
/// Pads with \p Low and \p High elements of \p Scalar a dimension.
Value pad(Builder &B, Value V, ArrayRef<OpFoldResult> Low,
          ArrayRef<OpFoldResult> High, Value Scalar);

//===----------------------------------------------------------------------===//
// Structured ops (Structured.cpp)
//===----------------------------------------------------------------------===//

/// Body of a generic: scalars in, scalar out.
using Payload = function_ref<Value(Builder &, ValueRange)>;
using MultiPayload = function_ref<SmallVector<Value>(Builder &, ValueRange)>;

/// Numpy's broadcast of \p Ins, one linalg.generic. \p Known refines the shape
/// of the result where inference knew more ({} if nothing).
Value elementwise(Builder &B, ValueRange Ins, Type OutElem, Payload Body,
                  ArrayRef<int64_t> Known = {});
SmallVector<Value> elementwise(Builder &B, ValueRange Ins,
                               ArrayRef<Type> OutElems, MultiPayload Body,
                               ArrayRef<int64_t> Known = {});
/// The sizes to which \p Ins broadcast.
SmallVector<OpFoldResult> broadcastSizes(Builder &B, ValueRange Ins,
                                         ArrayRef<int64_t> Known = {});
/// \p V broadcast to \p Sizes (aligned at the last dimension), as a generic.
Value broadcastTo(Builder &B, Value V, ArrayRef<OpFoldResult> Sizes);
/// One parallel generic over \p Sizes with given accesses. Constants of equal
/// elements become part of the body.
Value pointwise(Builder &B, ArrayRef<OpFoldResult> Sizes, ValueRange Ins,
                ArrayRef<AffineMap> Maps, Type OutElem, Payload Body);
/// The access that broadcasts \p V to \p Sizes, aligned at the last dimension.
/// \p V is replaced by its broadcast where only the run knows which sizes
/// are 1.
AffineMap broadcastMap(Builder &B, Value &V, ArrayRef<OpFoldResult> Sizes);
/// The access of a tensor with dimensions \p Dims of \p Rank loops.
AffineMap dimsMap(Builder &B, int64_t Rank, ArrayRef<int64_t> Dims);
/// A tensor of \p Sizes whose element is \p Body of its indices (one a
/// dimension).
Value generate(Builder &B, ArrayRef<OpFoldResult> Sizes, Type Elem,
               Payload Body);

/// Reduces \p Dims of \p In. \p Combine gets (element, accumulator). The result
/// has the type of \p Init and the dimensions that are left.
using Combine = function_ref<Value(Builder &, Value, Value)>;
Value reduce(Builder &B, Value In, ArrayRef<int64_t> Dims, Value Init,
             Combine Body);

/// A loop kernel: a nest over [0, Bounds) that carries one tensor. \p Body gets
/// the indices and the tensor and returns it changed.
Value loopNest(Builder &B, ArrayRef<Value> Bounds, Value Init,
               function_ref<Value(Builder &, ValueRange, Value)> Body);

/// One side of a contraction: a tensor, its access, and its zero point if any
/// (a tensor of its own that \c ZeroMap accesses).
struct Factor {
  Value V;
  AffineMap Map = {};
  bool Unsigned = false;
  Value Zero = {};
  AffineMap ZeroMap = {};
  /// Bytes are read with their sign bit flipped, before they are extended.
  bool Flipped = false;
};

/// \p Init + the sum over the reduction loops of (X - zero) * (Y - zero), both
/// extended to the element type of \p Init.
Value contraction(Builder &B, const Factor &X, const Factor &Y, Value Init,
                  AffineMap OutMap, ArrayRef<utils::IteratorType> Iterators);

/// The type in which sums of \p Elem are accumulated: f32 for narrow floats,
/// i32 for 8 and 16 bit integers, else \p Elem.
Type accumulatorType(Type Elem);

/// Normalises an axis, which may count from the end.
inline int64_t normalAxis(int64_t Axis, int64_t Rank) {
  return Axis < 0 ? Axis + Rank : Axis;
}

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_COMMON_H

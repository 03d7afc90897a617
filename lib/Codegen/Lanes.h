//===- Lanes.h - Values of one scalar or several lanes ----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The arithmetic of the nest emitter. While a kernel's body is re-created on
// vectors, each of its scalar values is a Lane: uniform (one scalar for all
// lanes), linear (an index: base + offset + coef * lane) or a vector. Staying
// uniform or linear as long as possible is what turns an access into a scalar
// load and a broadcast, or a vector load; everything else is done lane by lane.
//
// Invariant: a lane that the mask switches off never forms an address outside
// of what the lanes switched on touch (its number is clamped to theirs).
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_LANES_H
#define LATHE_LIB_CODEGEN_LANES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Builders.h"

namespace lathe::codegen {

/// One scalar of a body, seen from all lanes.
struct Lane {
  /// The scalar, or the vector. Null: the index zero.
  mlir::Value V;
  bool IsVector = false;
  /// Indices only: constant part, step from lane to lane, and a number that
  /// divides V (0 where V is null: zero is divisible by everything).
  int64_t Offset = 0;
  int64_t Coef = 0;
  int64_t Align = 1;

  static Lane uniform(mlir::Value V) { return {V, false, 0, 0, 1}; }
  static Lane vector(mlir::Value V) { return {V, true, 0, 0, 1}; }
  static Lane index(int64_t C) { return {nullptr, false, C, 0, 0}; }
  bool isUniform() const { return !IsVector && Coef == 0; }
  bool isConstantIndex() const { return !V && Coef == 0; }
  bool operator==(const Lane &O) const {
    return V == O.V && IsVector == O.IsVector && Offset == O.Offset &&
           Coef == O.Coef;
  }
};

/// How many lanes there are, and which are switched on.
struct LaneShape {
  unsigned Width = 1;
  /// vector<Width x i1>; null: all are on.
  mlir::Value Mask;
  /// Lanes on: a number, or (StaticCount < 0) the index Count. Unused without
  /// a mask.
  int64_t StaticCount = -1;
  mlir::Value Count;
};

/// Builds operations on lanes at an insertion point.
class LaneBuilder {
public:
  LaneBuilder(mlir::OpBuilder &B, mlir::Location Loc) : B(B), Loc(Loc) {}

  mlir::OpBuilder &B;
  mlir::Location Loc;

  mlir::Value index(int64_t C);
  /// The scalar of a uniform lane, or of lane 0 of a linear one.
  mlir::Value scalar(const Lane &L);
  /// The scalar of lane \p I; lanes switched off repeat the last one on.
  mlir::Value scalarOfLane(const Lane &L, unsigned I, const LaneShape &S);
  /// The vector of all lanes, elements of type \p Element.
  mlir::Value vector(const Lane &L, mlir::Type Element, const LaneShape &S);
  /// A mask of \p Count lanes on.
  void setMask(LaneShape &S, unsigned Width, int64_t StaticCount,
               mlir::Value Count);

  /// Index arithmetic.
  Lane add(const Lane &A, const Lane &C, const LaneShape &S);
  Lane mul(const Lane &A, int64_t Factor, const LaneShape &S);
  /// \p E over the lanes that stand for its dimensions.
  Lane affine(mlir::AffineExpr E, llvm::ArrayRef<Lane> Dims,
              const LaneShape &S);

  /// Re-creates \p Op, which has no regions, on \p Operands. With a vector
  /// among them the op must be elementwise mappable.
  llvm::SmallVector<Lane>
  emit(mlir::Operation *Op, llvm::ArrayRef<Lane> Operands, const LaneShape &S);

private:
  Lane divOrMod(mlir::AffineExprKind Kind, const Lane &A, int64_t By,
                const LaneShape &S);
};

/// The product that \p Op, a sum, takes as a fused multiply-add where the
/// target has one; null: none.
mlir::arith::MulFOp fusedProduct(mlir::Operation *Op);

/// Whether \p Op can be re-created on vectors.
bool isVectorizable(mlir::Operation *Op);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_LANES_H

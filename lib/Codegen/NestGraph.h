//===- NestGraph.h - A kernel's body as one loop nest -----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The nest emitter never materialises the tensors inside of a kernel: it asks
// for elements of the results, and those of the producers follow by composing
// indexing maps. A NestGraph is that question asked once, symbolically: which
// loops there are, which reductions hang where, which elements of which
// arguments are read.
//
// Dimensions are numbered: first those of the anchor (the op whose result spans
// the parallel loops), then the own ones of each reduction. All coordinates are
// affine expressions over these numbers.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_NESTGRAPH_H
#define LATHE_LIB_CODEGEN_NESTGRAPH_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/SmallBitVector.h"

namespace lathe::codegen {

using Coords = llvm::SmallVector<mlir::AffineExpr, 4>;

struct NestGraph {
  struct Dim {
    /// Static extent, or ShapedType::kDynamic and where to find it.
    int64_t Extent;
    mlir::Value Tensor;
    int64_t Position;
  };
  struct Reduction {
    mlir::linalg::GenericOp Op;
    /// One expression per loop of Op; its own dimensions where it reduces.
    Coords Loops;
    llvm::SmallVector<unsigned> Own;
    /// The dimensions around it that its value depends on: not all in Loops.
    llvm::SmallBitVector Parallel;
  };
  /// An element of an argument that is read. A coordinate that is no affine
  /// expression is null; Depends tells which dimensions move it.
  struct Access {
    mlir::Value Tensor;
    Coords At;
    llvm::SmallVector<llvm::SmallBitVector, 4> Depends;
    int Reduction; // the innermost it is read in, or -1
  };
  /// Result number \p Result is written at \p At while the anchor is computed.
  struct Store {
    unsigned Result;
    mlir::Value Tensor;
    Coords At;
    /// Where it lies; set by the emitter.
    mlir::MemRefType Type;
  };

  llvm::SmallVector<Dim> Dims;
  unsigned NumParallel = 0;
  std::vector<Reduction> Reductions;
  /// Reductions, producers before consumers.
  llvm::SmallVector<unsigned> Order;
  llvm::SmallVector<Access> Accesses;
  llvm::SmallVector<Store> Stores;
  /// False where some body has an op that has no vector form.
  bool Vectorizable = true;
  /// Scalar operations per point; a hint for unrolling.
  unsigned BodyOps = 0;
  bool HasMath = false;
  /// Bits of the widest number that a body computes (indices apart).
  unsigned BodyBits = 0;
  /// Some body asks for the number of an iteration.
  bool UsesIndex = false;

  /// Finds the instance of \p Op whose parallel loops are at \p Loops.
  int findReduction(mlir::linalg::GenericOp Op, const Coords &Loops) const;
  /// The dimensions in \p E.
  llvm::SmallBitVector dimsOf(mlir::AffineExpr E) const;
};

/// The graph that writes \p Results[Last] and whatever other results among
/// those still \p Pending can be written on the way; these are removed from it.
/// Fails, without a diagnostic, on a body outside of the nest form.
mlir::FailureOr<NestGraph> buildNestGraph(mlir::ValueRange Results,
                                          llvm::SmallBitVector &Pending);

/// The loops of \p Op at which element \p At of its result \p Number is
/// computed; null where a loop is a reduction.
mlir::FailureOr<Coords> loopsOfElement(mlir::linalg::GenericOp Op,
                                       unsigned Number, const Coords &At);

/// Coordinates of an operand indexed by \p Map at \p Loops.
Coords composeCoords(mlir::AffineMap Map, const Coords &Loops);

/// If \p T is a view-like tensor op, the tensor it reads and the element of it
/// that \p At stands for.
mlir::FailureOr<std::pair<mlir::Value, Coords>> throughView(mlir::Value T,
                                                            const Coords &At);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_NESTGRAPH_H

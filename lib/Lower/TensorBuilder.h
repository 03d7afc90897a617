//===- TensorBuilder.h - Tensor-level building blocks ------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The few forms that data movement lowers to: a generic that reads by index, a
// reshape, a slice, a concat and a loop kernel. Sizes are OpFoldResults, and an
// attribute wherever a size is known.
//
// Invariant: every function returns a tensor of exactly the type it was asked
// for; a dimension that is static in that type overrides the size given.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_TENSORBUILDER_H
#define LATHE_LIB_LOWER_TENSORBUILDER_H

#include "ScalarValue.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace lathe::lower {

using Sizes = llvm::SmallVector<mlir::OpFoldResult>;
using Scalars = llvm::SmallVector<Scalar>;
using Values = llvm::SmallVector<mlir::Value>;

class TensorBuilder;
class Node;

/// The iteration indices inside a generic; a linalg.index is made on first use.
class Indices {
public:
  Indices(TensorBuilder &B, mlir::Block *Body,
          llvm::ArrayRef<mlir::OpFoldResult> Extents)
      : B(B), Body(Body), Extents(Extents.begin(), Extents.end()),
        Cache(Extents.size()) {}
  Scalar operator[](unsigned D);
  unsigned size() const { return Cache.size(); }
  Scalars all();

private:
  TensorBuilder &B;
  mlir::Block *Body;
  Sizes Extents;
  Scalars Cache;
};

class TensorBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;
  /// Builds where the lowering of N stands.
  explicit TensorBuilder(Node &N);

  //===--- scalars and sizes ----------------------------------------------===//
  Scalar wrap(mlir::Value V) { return Scalar(*this, V); }
  Scalar wrap(mlir::OpFoldResult Size);
  Scalar index(int64_t N);
  Scalar constant(mlir::Type T, double N) {
    return constantScalar(*this, T, N);
  }
  /// The size of dimension D: a constant where the type says it.
  Scalar dim(mlir::Value Tensor, int64_t D);
  mlir::OpFoldResult size(mlir::Value Tensor, int64_t D) {
    return fold(dim(Tensor, D));
  }
  Sizes sizes(mlir::Value Tensor);
  mlir::OpFoldResult fold(Scalar S);
  mlir::OpFoldResult attr(int64_t N) { return getIndexAttr(N); }
  /// Sizes with the static dimensions of T put in.
  Sizes refine(mlir::RankedTensorType T, llvm::ArrayRef<mlir::OpFoldResult> S);
  Scalar product(llvm::ArrayRef<mlir::OpFoldResult> S);

  //===--- tensors --------------------------------------------------------===//
  mlir::Value empty(mlir::RankedTensorType T,
                    llvm::ArrayRef<mlir::OpFoldResult> S);
  mlir::Value fill(mlir::RankedTensorType T,
                   llvm::ArrayRef<mlir::OpFoldResult> S, Scalar V);
  mlir::Value castTo(mlir::Value Tensor, mlir::RankedTensorType T);
  Scalar load(mlir::Value Tensor, llvm::ArrayRef<Scalar> Idx);
  mlir::Value store(Scalar V, mlir::Value Tensor, llvm::ArrayRef<Scalar> Idx);
  /// The elements of a small 0-D or 1-D tensor of static size.
  Scalars elements(mlir::Value Tensor);
  mlir::Value fromElements(mlir::RankedTensorType T,
                           llvm::ArrayRef<Scalar> Elements);
  /// The elements in row-major order under another shape.
  mlir::Value reshape(mlir::Value Tensor, mlir::RankedTensorType T,
                      llvm::ArrayRef<mlir::OpFoldResult> S);
  mlir::Value slice(mlir::Value Tensor, mlir::RankedTensorType T,
                    llvm::ArrayRef<mlir::OpFoldResult> Offsets,
                    llvm::ArrayRef<mlir::OpFoldResult> Extents,
                    llvm::ArrayRef<mlir::OpFoldResult> Strides);
  mlir::Value insertSlice(mlir::Value Source, mlir::Value Dest,
                          llvm::ArrayRef<mlir::OpFoldResult> Offsets,
                          llvm::ArrayRef<mlir::OpFoldResult> Extents);
  mlir::Value concat(int64_t Axis, mlir::ValueRange Ins,
                     mlir::RankedTensorType T);
  mlir::Value transpose(mlir::Value Tensor, llvm::ArrayRef<int64_t> Perm,
                        mlir::RankedTensorType T);

  /// One linalg.generic without inputs: element [i...] is F(i...).
  mlir::Value map(mlir::RankedTensorType T,
                  llvm::ArrayRef<mlir::OpFoldResult> S,
                  llvm::function_ref<Scalar(Indices &)> F);
  /// The same with inputs read through indexing maps.
  mlir::Value
  map(mlir::RankedTensorType T, llvm::ArrayRef<mlir::OpFoldResult> S,
      mlir::ValueRange Ins, llvm::ArrayRef<mlir::AffineMap> Maps,
      llvm::function_ref<Scalar(Indices &, llvm::ArrayRef<Scalar>)> F);
  /// A generic that only moves: element [i...] is Tensor[Map(i...)].
  mlir::Value view(mlir::Value Tensor, mlir::AffineMap Map,
                   mlir::RankedTensorType T,
                   llvm::ArrayRef<mlir::OpFoldResult> S);

  //===--- scalar control flow and loop kernels
  //-----------------------------===//
  /// for (i = Lo; i < Hi; ++i), carrying values.
  Values loop(Scalar Lo, Scalar Hi, mlir::ValueRange Carried,
              llvm::function_ref<Values(Scalar, mlir::ValueRange)> Body);
  /// A nest over all of Extents.
  Values
  nest(llvm::ArrayRef<Scalar> Extents, mlir::ValueRange Carried,
       llvm::function_ref<Values(llvm::ArrayRef<Scalar>, mlir::ValueRange)>
           Body);
  Values loopWhile(mlir::ValueRange Carried,
                   llvm::function_ref<Scalar(mlir::ValueRange)> Condition,
                   llvm::function_ref<Values(mlir::ValueRange)> Body);
  Values branch(Scalar Condition, mlir::TypeRange Types,
                llvm::function_ref<Values()> Then,
                llvm::function_ref<Values()> Else);
  /// if (Condition) Carried = Then(Carried).
  Values when(Scalar Condition, mlir::ValueRange Carried,
              llvm::function_ref<Values()> Then);
  /// An algorithm without a linalg form: every loop that Body builds is marked
  /// as a loop kernel. Inner loops too: where an outer one runs once it goes
  /// away, and the inner ones take its place.
  Values loopKernel(llvm::function_ref<Values()> Body);

private:
  void mark(mlir::Operation *Loop);

  bool InLoopKernel = false;
};

/// The row-major type with this shape; dynamic where a size is no attribute.
mlir::RankedTensorType tensorOf(llvm::ArrayRef<mlir::OpFoldResult> S,
                                mlir::Type Element);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_TENSORBUILDER_H

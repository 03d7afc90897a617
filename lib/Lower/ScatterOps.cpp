//===- ScatterOps.cpp - Writes by index -----------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Several updates may name one element, so these are sequential loop kernels
// whose destination starts as the data. Indices wrap, clamp and
// are checked as for reads.
//
//===----------------------------------------------------------------------===//

#include "IndexHelpers.h"
#include "Node.h"
#include "lathe/Lower/MovementPatterns.h"

using namespace mlir;

namespace lathe::lower {

Scalar reduceScalars(StringRef Reduction, bool IsUnsigned, Scalar A, Scalar B) {
  // Addition and multiplication of truth values are 'or' and 'and'.
  bool Truth = A.type().isInteger(1);
  if (Reduction == "add")
    return Truth ? A | B : A + B;
  if (Reduction == "mul")
    return Truth ? A & B : A * B;
  if (Reduction == "max")
    return A.isFloat()           ? smax(A, B)
           : IsUnsigned || Truth ? select(unsignedLess(A, B), B, A)
                                 : smax(A, B);
  if (Reduction == "min")
    return A.isFloat()           ? smin(A, B)
           : IsUnsigned || Truth ? select(unsignedLess(A, B), A, B)
                                 : smin(A, B);
  return B;
}

/// \p Out with \p New at \p At, joined to what was there as node \p N says.
static Value update(TensorBuilder &B, Node &N, Value Out, ArrayRef<Scalar> At,
                    Scalar New) {
  StringRef Reduction = N.str("reduction", "none");
  if (Reduction != "none")
    New = reduceScalars(Reduction, N.inElem(0).isUnsignedInteger(),
                        B.load(Out, At), New);
  return B.store(New, Out, At);
}

static Scalars dims(TensorBuilder &B, Value V, int64_t Count) {
  Scalars Result;
  for (int64_t D = 0; D < Count; ++D)
    Result.push_back(B.dim(V, D));
  return Result;
}

static LogicalResult lowerScatterElements(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0), Idx = N.in(1), Updates = N.in(2);
  int64_t Rank = N.inRank(0), Axis = N.i64("axis", 0);
  if (Axis < 0)
    Axis += Rank;
  Scalar Dim = B.dim(Data, Axis);
  requireIndices(B, N, 1, Dim);
  return N.replace(B.loopKernel([&] {
    return B.nest(dims(B, Idx, Rank), Data,
                  [&](ArrayRef<Scalar> I, ValueRange Outs) -> Values {
                    Scalars At(I);
                    At[Axis] = wrapIndex(B, B.load(Idx, I), Dim);
                    return {update(B, N, Outs[0], At, B.load(Updates, I))};
                  });
  }));
}

static LogicalResult lowerScatterND(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0), Idx = N.in(1), Updates = N.in(2);
  int64_t Lead = N.inRank(1) - 1, Tuple = N.inType(1).getDimSize(Lead);
  if (ShapedType::isDynamic(Tuple))
    return N.fail("the last dimension of 'indices' must be known");
  int64_t Inner = N.inRank(0) - Tuple;
  requireIndices(B, N, 1, dims(B, Data, Tuple));
  return N.replace(B.loopKernel([&] {
    return B.nest(
        dims(B, Idx, Lead), Data, [&](ArrayRef<Scalar> Outer, ValueRange Outs) {
          // The tuple is read once for the whole block that it names.
          Scalars Base, Where(Outer), Block;
          Where.push_back(Scalar());
          for (int64_t K = 0; K < Tuple; ++K) {
            Where.back() = B.index(K);
            Base.push_back(wrapIndex(B, B.load(Idx, Where), B.dim(Data, K)));
          }
          for (int64_t D = 0; D < Inner; ++D)
            Block.push_back(B.dim(Data, Tuple + D));
          Scalars First(Outer);
          return B.nest(
              Block, Outs, [&](ArrayRef<Scalar> J, ValueRange Outs) -> Values {
                Scalars At = Base, From = First;
                llvm::append_range(At, J);
                llvm::append_range(From, J);
                return {update(B, N, Outs[0], At, B.load(Updates, From))};
              });
        });
  }));
}

/// Writes Update into a cache at a position per batch; the position advances
/// along one axis, around the end in circular mode.
static LogicalResult lowerTensorScatter(Node &N) {
  TensorBuilder B(N);
  Value Cache = N.in(0), Update = N.in(1), First = N.in(2);
  int64_t Rank = N.inRank(0), Axis = N.i64("axis", -2);
  if (Axis < 0)
    Axis += Rank;
  bool Circular = N.str("mode", "linear") == "circular";
  Scalar Dim = B.dim(Cache, Axis);
  return N.replace(B.loopKernel([&] {
    return B.nest(dims(B, Update, Rank), Cache,
                  [&](ArrayRef<Scalar> I, ValueRange Outs) -> Values {
                    Scalars At(I);
                    Scalar P = I[Axis];
                    if (First)
                      P = P + B.load(First, {I[0]}).toIndex();
                    At[Axis] =
                        Circular ? P % Dim : clamp(P, B.index(0), Dim - 1);
                    return {B.store(B.load(Update, I), Outs[0], At)};
                  });
  }));
}

static constexpr Lowering Table[] = {
    {"onnx.ScatterElements", lowerScatterElements},
    {"onnx.ScatterND", lowerScatterND},
    {"onnx.TensorScatter", lowerTensorScatter},
};

void populateScatterLoweringPatterns(const StorageTypeConverter &Types,
                                     RewritePatternSet &Patterns) {
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

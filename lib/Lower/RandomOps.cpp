//===- RandomOps.cpp - Random tensors -------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A compiled model has no state: element I of a node is a hash of I and of the
// node's seed, the same in every run. A node without a seed takes one from its
// place in the model, so that two of them differ.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "IndexHelpers.h"
#include "lathe/Lower/MovementPatterns.h"
#include "llvm/ADT/bit.h"
#include <cmath>

using namespace mlir;

namespace lathe::lower {

namespace {
class Generator {
public:
  Generator(Node &N, TensorBuilder &B) : B(B) {
    if (N.hasAttr("seed")) {
      Seed = llvm::bit_cast<uint64_t>(N.f32("seed", 0.0));
      return;
    }
    // How many ops stand before it, at every level.
    for (Operation *Op = N.op(); Op; Op = Op->getParentOp()) {
      uint64_t Place = 0;
      for (Operation *Before = Op->getBlock() ? Op->getPrevNode() : nullptr;
           Before; Before = Before->getPrevNode())
        Place += Before->getName().getDialectNamespace() == "onnx";
      Seed = Seed * 1000003 + Place + 1;
    }
  }

  /// 64 random bits for counter I, of stream S.
  Scalar bits(Scalar I, uint64_t S) {
    Type I64 = B.getI64Type();
    auto Number = [&](uint64_t V) {
      return constantScalar(B, I64, static_cast<int64_t>(V));
    };
    // A Weyl sequence, then a mix that every input bit reaches every output
    // bit.
    Scalar X =
        (I.to(I64) + Number(mix(Seed + S))) * Number(0x9e3779b97f4a7c15ull);
    X = (X ^ shiftRightLogical(X, 30)) * Number(0xbf58476d1ce4e5b9ull);
    X = (X ^ shiftRightLogical(X, 27)) * Number(0x94d049bb133111ebull);
    return X ^ shiftRightLogical(X, 31);
  }
  /// Uniform in [0, 1) with 24 bits, exact in f32.
  Scalar uniform(Scalar I, uint64_t S, Type T) {
    return shiftRightLogical(bits(I, S), 40).to(T) * std::ldexp(1.0, -24);
  }
  /// Of mean 0 and deviation 1, from two uniform numbers.
  Scalar normal(Scalar I, Type T) {
    Scalar U = uniform(I, 0, T) + std::ldexp(1.0, -25), V = uniform(I, 1, T);
    return sqrtOf(logOf(U) * -2.0) * cosOf(V * 6.283185307179586);
  }

private:
  static uint64_t mix(uint64_t X) {
    X = (X ^ (X >> 33)) * 0xff51afd7ed558ccdull;
    return X ^ (X >> 33);
  }

  TensorBuilder &B;
  uint64_t Seed = 0;
};
} // namespace

/// The number of an element in row-major order.
static Scalar linear(TensorBuilder &B, Indices &I, ArrayRef<OpFoldResult> S) {
  Scalar L = B.index(0);
  for (unsigned D = 0; D < I.size(); ++D)
    L = L * B.wrap(S[D]) + I[D];
  return L;
}

/// RandomNormal, RandomUniform and their Like forms.
static LogicalResult lowerRandom(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Sizes To = N.has(0) ? B.sizes(N.in(0)) : B.refine(T, Sizes(T.getRank()));
  Type Element = T.getElementType();
  if (!isa<FloatType>(Element))
    return N.fail("random numbers of this element type are not supported");
  Type F32 = Element.isF64() ? Element : Type(B.getF32Type());
  Generator G(N, B);
  bool Normal = N.name().starts_with("RandomNormal");
  return N.replace(B.map(T, To, [&](Indices &I) {
    Scalar L = linear(B, I, To);
    Scalar V;
    if (Normal) {
      V = G.normal(L, F32) * N.f32("scale", 1.0) + N.f32("mean", 0.0);
    } else {
      double Low = N.f32("low", 0.0), High = N.f32("high", 1.0);
      V = G.uniform(L, 0, F32) * (High - Low) + Low;
    }
    return V.to(Element);
  }));
}

static LogicalResult lowerBernoulli(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Sizes To = B.sizes(N.in(0));
  Type Element = T.getElementType();
  Type P = N.inType(0).getElementType();
  Type Compute = P.isF64() ? P : Type(B.getF32Type());
  Generator G(N, B);
  return N.replace(B.map(T, To, N.in(0), B.getMultiDimIdentityMap(T.getRank()),
                         [&](Indices &I, ArrayRef<Scalar> In) {
                           Scalar U = G.uniform(linear(B, I, To), 0, Compute);
                           return select(U < In[0].to(Compute),
                                         B.constant(Element, 1),
                                         B.constant(Element, 0));
                         }));
}

/// Class numbers drawn by the exponentials of their log weights.
static LogicalResult lowerMultinomial(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0);
  RankedTensorType T = N.outType();
  Type Element = T.getElementType(), F64 = B.getF64Type();
  Scalar Classes = B.dim(Data, 1), Zero = B.index(0);
  Sizes To = {B.size(Data, 0), B.attr(N.i64("sample_size", 1))};
  Generator G(N, B);
  return N.replace(B.loopKernel([&] {
    return B.nest(
        {B.wrap(To[0]), B.wrap(To[1])}, B.empty(tensorOf(To, Element), To),
        [&](ArrayRef<Scalar> At, ValueRange Outs) -> Values {
          auto Weight = [&](Scalar C) {
            return expOf(B.load(Data, {At[0], C}).to(F64));
          };
          Values Sum = B.loop(Zero, Classes, {B.constant(F64, 0.0)},
                              [&](Scalar C, ValueRange S) -> Values {
                                return {B.wrap(S[0]) + Weight(C)};
                              });
          Scalar Mark =
              G.uniform(At[0] * B.wrap(To[1]) + At[1], 0, F64) * B.wrap(Sum[0]);
          // The number of classes that end before the mark.
          Values Found = B.loop(
              Zero, Classes, {B.constant(F64, 0.0), Zero},
              [&](Scalar C, ValueRange S) -> Values {
                Scalar End = B.wrap(S[0]) + Weight(C), K = B.wrap(S[1]);
                return {End, select(End <= Mark, smin(C + 1, Classes - 1), K)};
              });
          return {B.store(B.wrap(Found[1]).to(Element), Outs[0], At)};
        });
  }));
}

void populateRandomLoweringPatterns(const StorageTypeConverter &Types,
                                    RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.Bernoulli", lowerBernoulli},
      {"onnx.Multinomial", lowerMultinomial},
      {"onnx.RandomNormal", lowerRandom},
      {"onnx.RandomNormalLike", lowerRandom},
      {"onnx.RandomUniform", lowerRandom},
      {"onnx.RandomUniformLike", lowerRandom},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

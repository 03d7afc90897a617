//===- Views.cpp - Tensors, views and reshapes --------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reshapes are collapse_shape and expand_shape by groups of dimensions whose
// products are provably equal; what cannot be grouped goes through one flat
// dimension, which is always right because tensors are dense.
//
//===----------------------------------------------------------------------===//

#include "Common.h"

using namespace mlir;

namespace lathe::lower {

Value empty(Builder &B, ArrayRef<OpFoldResult> Sizes, Type Elem) {
  return tensor::EmptyOp::create(B, Sizes, Elem);
}

Value filled(Builder &B, ArrayRef<OpFoldResult> Sizes, Value Scalar) {
  Value Init = empty(B, Sizes, Scalar.getType());
  return linalg::FillOp::create(B, ValueRange(Scalar), ValueRange(Init))
      .getResult(0);
}

Value scalarOf(Builder &B, Value Tensor) {
  SmallVector<Value> Indices(typeOf(Tensor).getRank(), nullptr);
  for (Value &I : Indices)
    I = arith::ConstantIndexOp::create(B, 0);
  return B.createOrFold<tensor::ExtractOp>(Tensor, Indices);
}

Value castShape(Builder &B, Value V, ArrayRef<int64_t> Shape) {
  if (typeOf(V).getShape() == Shape)
    return V;
  return tensor::CastOp::create(B, typeOf(V).clone(Shape), V);
}

/// A product of sizes: what is known times what is not.
namespace {
struct Product {
  int64_t Known = 1;
  SmallVector<OpFoldResult, 4> Unknown;

  void multiply(OpFoldResult Size) {
    if (std::optional<int64_t> C = getConstantIntValue(Size))
      Known *= *C;
    else
      Unknown.push_back(Size);
  }
  bool equals(const Product &Other) const {
    if (Known == 0 || Other.Known == 0)
      return Known == Other.Known;
    if (Known != Other.Known || Unknown.size() != Other.Unknown.size())
      return false;
    SmallVector<OpFoldResult, 4> Rest(Other.Unknown);
    for (OpFoldResult U : Unknown) {
      auto *It =
          llvm::find_if(Rest, [&](OpFoldResult R) { return sameSize(U, R); });
      if (It == Rest.end())
        return false;
      Rest.erase(It);
    }
    return true;
  }
};

/// Dimensions [first, second) of the source and of the result that belong
/// together.
struct Group {
  SmallVector<int64_t, 2> From, To;
};
} // namespace

static SmallVector<Group> groupDims(ArrayRef<OpFoldResult> From,
                                    ArrayRef<OpFoldResult> To) {
  SmallVector<Group> Groups;
  size_t I0 = 0, J0 = 0;
  while (I0 < From.size() && J0 < To.size()) {
    // The smallest group that closes; else everything that is left.
    size_t I1 = From.size(), J1 = To.size();
    Product P;
    for (size_t I = I0; I < From.size() && I1 == From.size() && J1 == To.size();
         ++I) {
      P.multiply(From[I]);
      Product Q;
      for (size_t J = J0; J < To.size(); ++J) {
        Q.multiply(To[J]);
        if (P.equals(Q)) {
          I1 = I + 1;
          J1 = J + 1;
          break;
        }
      }
    }
    Group G;
    for (; I0 < I1; ++I0)
      G.From.push_back(I0);
    for (; J0 < J1; ++J0)
      G.To.push_back(J0);
    Groups.push_back(std::move(G));
  }
  // What is left on one side are ones.
  for (; I0 < From.size(); ++I0)
    Groups.back().From.push_back(I0);
  for (; J0 < To.size(); ++J0)
    Groups.back().To.push_back(J0);
  return Groups;
}

Value reshape(Builder &B, Value V, ArrayRef<OpFoldResult> Sizes) {
  SmallVector<OpFoldResult> From = dimsOf(B, V);
  SmallVector<int64_t> Shape = staticShape(Sizes);
  Type Elem = typeOf(V).getElementType();
  if (From.size() == Sizes.size() &&
      llvm::all_of(llvm::zip(From, Sizes), [](auto P) {
        return sameSize(std::get<0>(P), std::get<1>(P));
      }))
    return castShape(B, V, Shape);
  // Facts found while tracing sizes sharpen the type of the source.
  V = castShape(B, V, staticShape(From));
  if (Sizes.empty()) {
    SmallVector<int64_t> Ones(From.size(), 1);
    V = castShape(B, V, Ones);
    return tensor::CollapseShapeOp::create(B, RankedTensorType::get({}, Elem),
                                           V, ArrayRef<ReassociationIndices>());
  }
  if (From.empty()) {
    SmallVector<OpFoldResult> Ones(Sizes.size(), B.getIndexAttr(1));
    SmallVector<int64_t> OneShape(Sizes.size(), 1);
    Value R = tensor::ExpandShapeOp::create(
        B, RankedTensorType::get(OneShape, Elem), V,
        ArrayRef<ReassociationIndices>(), Ones);
    return castShape(B, R, Shape);
  }
  SmallVector<Group> Groups = groupDims(From, Sizes);
  SmallVector<ReassociationIndices> Collapse, Expand;
  SmallVector<int64_t> Flat;
  bool NeedsCollapse = false, NeedsExpand = false;
  for (const Group &G : Groups) {
    Collapse.emplace_back(G.From);
    Expand.emplace_back(G.To);
    NeedsCollapse |= G.From.size() > 1;
    NeedsExpand |= G.To.size() > 1;
    int64_t Size = 1;
    for (int64_t I : G.From)
      Size = ShapedType::isDynamic(Size) || typeOf(V).isDynamicDim(I)
                 ? ShapedType::kDynamic
                 : Size * typeOf(V).getDimSize(I);
    Flat.push_back(Size);
  }
  if (NeedsCollapse)
    V = tensor::CollapseShapeOp::create(B, RankedTensorType::get(Flat, Elem), V,
                                        Collapse);
  if (!NeedsExpand)
    return castShape(B, V, Shape);
  // A flat dimension is static exactly if its parts are.
  for (auto [D, G] : llvm::enumerate(Groups)) {
    Flat[D] = 1;
    for (int64_t J : G.To)
      Flat[D] =
          ShapedType::isDynamic(Flat[D]) || ShapedType::isDynamic(Shape[J])
              ? ShapedType::kDynamic
              : Flat[D] * Shape[J];
  }
  V = castShape(B, V, Flat);
  return tensor::ExpandShapeOp::create(B, RankedTensorType::get(Shape, Elem), V,
                                       Expand, Sizes);
}

Value insertUnitDims(Builder &B, Value V, ArrayRef<int64_t> Positions) {
  if (Positions.empty())
    return V;
  int64_t Rank = typeOf(V).getRank() + Positions.size();
  SmallVector<OpFoldResult> Old = dimsOf(B, V), Sizes;
  V = castShape(B, V, staticShape(Old));
  llvm::SmallBitVector IsUnit(Rank);
  for (int64_t P : Positions)
    IsUnit.set(P);
  SmallVector<ReassociationIndices> Groups;
  for (int64_t D = 0, Next = 0; D < Rank; ++D) {
    Sizes.push_back(IsUnit[D] ? OpFoldResult(B.getIndexAttr(1)) : Old[Next]);
    // Leading ones join the first real dimension, others the one before them.
    if (!IsUnit[D] && Next++ > 0)
      Groups.emplace_back();
    if (!Old.empty()) {
      if (Groups.empty())
        Groups.emplace_back();
      Groups.back().push_back(D);
    }
  }
  auto Type =
      RankedTensorType::get(staticShape(Sizes), typeOf(V).getElementType());
  return tensor::ExpandShapeOp::create(B, Type, V, Groups, Sizes);
}

Value dropUnitDims(Builder &B, Value V, ArrayRef<int64_t> Positions) {
  if (Positions.empty())
    return V;
  SmallVector<int64_t> Shape(typeOf(V).getShape()), Left;
  llvm::SmallBitVector IsUnit(Shape.size());
  for (int64_t P : Positions) {
    IsUnit.set(P);
    Shape[P] = 1;
  }
  V = castShape(B, V, Shape);
  SmallVector<ReassociationIndices> Groups;
  for (int64_t D = 0, E = Shape.size(); D < E; ++D) {
    if (!IsUnit[D]) {
      if (!Left.empty())
        Groups.emplace_back();
      Left.push_back(Shape[D]);
    }
    if (Groups.empty())
      Groups.emplace_back();
    Groups.back().push_back(D);
  }
  if (Left.empty())
    Groups.clear();
  auto Type = RankedTensorType::get(Left, typeOf(V).getElementType());
  return tensor::CollapseShapeOp::create(B, Type, V, Groups);
}

Value collapseRange(Builder &B, Value V, int64_t First, int64_t Last) {
  if (Last - First == 1)
    return V;
  SmallVector<ReassociationIndices> Groups;
  for (int64_t D = 0, E = typeOf(V).getRank(); D < E; ++D) {
    if (D <= First || D >= Last)
      Groups.emplace_back();
    Groups.back().push_back(D);
  }
  return tensor::CollapseShapeOp::create(B, V, Groups);
}

Value expandDim(Builder &B, Value V, int64_t D, ArrayRef<OpFoldResult> Sizes) {
  SmallVector<OpFoldResult> Old = dimsOf(B, V), New;
  SmallVector<int64_t> From = staticShape(Old);
  SmallVector<ReassociationIndices> Groups;
  int64_t Next = 0;
  for (int64_t I = 0, E = Old.size(); I < E; ++I) {
    Groups.emplace_back();
    ArrayRef<OpFoldResult> Parts =
        I == D ? Sizes : ArrayRef<OpFoldResult>(Old[I]);
    int64_t Product = 1;
    for (OpFoldResult S : Parts) {
      New.push_back(S);
      Groups.back().push_back(Next++);
      std::optional<int64_t> C = getConstantIntValue(S);
      Product = C && !ShapedType::isDynamic(Product) ? Product * *C
                                                     : ShapedType::kDynamic;
    }
    From[I] = Product;
  }
  V = castShape(B, V, From);
  auto Type =
      RankedTensorType::get(staticShape(New), typeOf(V).getElementType());
  return tensor::ExpandShapeOp::create(B, Type, V, Groups, New);
}

Value transpose(Builder &B, Value V, ArrayRef<int64_t> Permutation) {
  bool Identity = true;
  SmallVector<OpFoldResult> From = dimsOf(B, V), Sizes;
  for (auto [I, P] : llvm::enumerate(Permutation)) {
    Identity &= static_cast<int64_t>(I) == P;
    Sizes.push_back(From[P]);
  }
  if (Identity)
    return V;
  Value Init = empty(B, Sizes, typeOf(V).getElementType());
  return linalg::TransposeOp::create(B, V, Init, Permutation)->getResult(0);
}

Value pad(Builder &B, Value V, ArrayRef<OpFoldResult> Low,
          ArrayRef<OpFoldResult> High, Value Scalar) {
  auto IsZero = [](OpFoldResult S) { return isConstantIntValue(S, 0); };
  if (llvm::all_of(Low, IsZero) && llvm::all_of(High, IsZero))
    return V;
  SmallVector<OpFoldResult> Sizes = dimsOf(B, V);
  for (auto [S, L, H] : llvm::zip_equal(Sizes, Low, High))
    S = addSize(B, addSize(B, S, L), H);
  auto Type =
      RankedTensorType::get(staticShape(Sizes), typeOf(V).getElementType());
  return tensor::PadOp::create(B, Type, V, Low, High, Scalar);
}

} // namespace lathe::lower

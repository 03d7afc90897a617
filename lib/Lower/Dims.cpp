//===- Dims.cpp - Sizes of tensors, traced and folded -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A size is followed through the ops that lowering makes (destinations, casts,
// views) up to a function argument or a computed index, so that intermediate
// tensors are never kept alive for their shape and equal sizes compare equal.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;

namespace lathe::lower {

/// The symbol of dimension \p D of an argument of a function ("batch"), or "".
static StringRef symbolOf(BlockArgument Arg, int64_t D) {
  auto Func = dyn_cast<func::FuncOp>(Arg.getOwner()->getParentOp());
  if (!Func || !Arg.getOwner()->isEntryBlock() ||
      Arg.getArgNumber() >= Func.getNumArguments())
    return "";
  auto Dims = Func.getArgAttrOfType<ArrayAttr>(Arg.getArgNumber(), "onnx.dims");
  if (!Dims || D >= static_cast<int64_t>(Dims.size()))
    return "";
  auto Name = dyn_cast<StringAttr>(Dims[D]);
  return Name ? Name.getValue() : "";
}

OpFoldResult dimOf(Builder &B, Value V, int64_t D) {
  while (true) {
    auto Type = cast<RankedTensorType>(V.getType());
    if (!Type.isDynamicDim(D))
      return B.getIndexAttr(Type.getDimSize(D));
    Operation *Def = V.getDefiningOp();
    if (!Def)
      break;
    if (auto Dps = dyn_cast<DestinationStyleOpInterface>(Def)) {
      V = Dps.getTiedOpOperand(cast<OpResult>(V))->get();
      continue;
    }
    if (auto Cast = dyn_cast<tensor::CastOp>(Def)) {
      if (!isa<RankedTensorType>(Cast.getSource().getType()))
        break;
      V = Cast.getSource();
      continue;
    }
    if (auto Empty = dyn_cast<tensor::EmptyOp>(Def))
      return Empty.getMixedSizes()[D];
    if (auto Expand = dyn_cast<tensor::ExpandShapeOp>(Def))
      return Expand.getMixedOutputShape()[D];
    if (auto Collapse = dyn_cast<tensor::CollapseShapeOp>(Def)) {
      OpFoldResult P = B.getIndexAttr(1);
      for (int64_t I : Collapse.getReassociationIndices()[D])
        P = mulSize(B, P, dimOf(B, Collapse.getSrc(), I));
      return P;
    }
    if (auto Slice = dyn_cast<tensor::ExtractSliceOp>(Def)) {
      llvm::SmallBitVector Dropped = Slice.getDroppedDims();
      int64_t At = -1;
      for (int64_t I = 0, E = Dropped.size(); I < E; ++I)
        if (!Dropped[I] && ++At == D)
          return Slice.getMixedSizes()[I];
      break;
    }
    if (auto Insert = dyn_cast<tensor::InsertSliceOp>(Def)) {
      V = Insert.getDest();
      continue;
    }
    if (auto Insert = dyn_cast<tensor::InsertOp>(Def)) {
      V = Insert.getDest();
      continue;
    }
    if (auto Pad = dyn_cast<tensor::PadOp>(Def)) {
      OpFoldResult S = dimOf(B, Pad.getSource(), D);
      S = addSize(B, S, Pad.getMixedLowPad()[D]);
      return addSize(B, S, Pad.getMixedHighPad()[D]);
    }
    if (auto Concat = dyn_cast<tensor::ConcatOp>(Def)) {
      if (static_cast<int64_t>(Concat.getDim()) != D) {
        V = Concat.getInputs().front();
        continue;
      }
      OpFoldResult S = B.getIndexAttr(0);
      for (Value In : Concat.getInputs())
        S = addSize(B, S, dimOf(B, In, D));
      return S;
    }
    break;
  }
  Value Source = V;
  // Of all arguments with this symbol the first one speaks.
  if (auto Arg = dyn_cast<BlockArgument>(V)) {
    StringRef Symbol = symbolOf(Arg, D);
    if (!Symbol.empty())
      for (BlockArgument Other : Arg.getOwner()->getArguments()) {
        auto Type = dyn_cast<RankedTensorType>(Other.getType());
        bool Found = false;
        for (int64_t I = 0; Type && I < Type.getRank() && !Found; ++I)
          if (symbolOf(Other, I) == Symbol) {
            if (!Type.isDynamicDim(I))
              return B.getIndexAttr(Type.getDimSize(I));
            Source = Other;
            D = I;
            Found = true;
          }
        if (Found)
          break;
      }
  }
  return tensor::DimOp::create(B, Source, D).getResult();
}

SmallVector<OpFoldResult> dimsOf(Builder &B, Value V) {
  SmallVector<OpFoldResult> Sizes;
  for (int64_t D = 0, E = cast<RankedTensorType>(V.getType()).getRank(); D < E;
       ++D)
    Sizes.push_back(dimOf(B, V, D));
  return Sizes;
}

/// Conversions between index and i64 that shape arithmetic is full of.
static Value skipIndexCasts(Value V) {
  while (auto Cast = V.getDefiningOp<arith::IndexCastOp>()) {
    if (!Cast.getIn().getType().isInteger(64) &&
        !Cast.getIn().getType().isIndex())
      break;
    V = Cast.getIn();
  }
  return V;
}

/// Structural equality of pure scalar expressions, bounded in depth.
static bool sameValue(Value X, Value Y, unsigned Depth) {
  X = skipIndexCasts(X);
  Y = skipIndexCasts(Y);
  if (X == Y)
    return true;
  Operation *P = X.getDefiningOp(), *Q = Y.getDefiningOp();
  if (!P || !Q || Depth == 0 || P->getName() != Q->getName() ||
      P->getNumRegions() || P->getNumOperands() != Q->getNumOperands() ||
      !isMemoryEffectFree(P) ||
      P->getAttrDictionary() != Q->getAttrDictionary() ||
      cast<OpResult>(X).getResultNumber() !=
          cast<OpResult>(Y).getResultNumber() ||
      P->getResultTypes() != Q->getResultTypes())
    return false;
  for (auto [L, R] : llvm::zip_equal(P->getOperands(), Q->getOperands()))
    if (!sameValue(L, R, Depth - 1))
      return false;
  return true;
}

bool sameSize(OpFoldResult X, OpFoldResult Y) {
  std::optional<int64_t> P = getConstantIntValue(X), Q = getConstantIntValue(Y);
  if (P || Q)
    return P == Q;
  return sameValue(cast<Value>(X), cast<Value>(Y), /*Depth=*/8);
}

OpFoldResult size(Builder &B, int64_t Size) { return B.getIndexAttr(Size); }

Value sizeValue(Builder &B, OpFoldResult Size) {
  return getValueOrCreateConstantIndexOp(B, B.getLoc(), Size);
}

/// A value that is known after all becomes an attribute.
static OpFoldResult folded(Builder &B, Value V) {
  if (std::optional<int64_t> C = getConstantIntValue(V))
    return B.getIndexAttr(*C);
  return V;
}

OpFoldResult addSize(Builder &B, OpFoldResult X, OpFoldResult Y) {
  std::optional<int64_t> P = getConstantIntValue(X), Q = getConstantIntValue(Y);
  if (P && Q)
    return B.getIndexAttr(*P + *Q);
  if (P == 0)
    return Y;
  if (Q == 0)
    return X;
  return folded(
      B, B.createOrFold<arith::AddIOp>(sizeValue(B, X), sizeValue(B, Y)));
}

OpFoldResult subSize(Builder &B, OpFoldResult X, OpFoldResult Y) {
  std::optional<int64_t> P = getConstantIntValue(X), Q = getConstantIntValue(Y);
  if (P && Q)
    return B.getIndexAttr(*P - *Q);
  if (Q == 0)
    return X;
  return folded(
      B, B.createOrFold<arith::SubIOp>(sizeValue(B, X), sizeValue(B, Y)));
}

OpFoldResult mulSize(Builder &B, OpFoldResult X, OpFoldResult Y) {
  std::optional<int64_t> P = getConstantIntValue(X), Q = getConstantIntValue(Y);
  if (P && Q)
    return B.getIndexAttr(*P * *Q);
  if (P == 1)
    return Y;
  if (Q == 1)
    return X;
  if (P == 0 || Q == 0)
    return B.getIndexAttr(0);
  return folded(
      B, B.createOrFold<arith::MulIOp>(sizeValue(B, X), sizeValue(B, Y)));
}

OpFoldResult divSize(Builder &B, OpFoldResult X, OpFoldResult Y) {
  std::optional<int64_t> P = getConstantIntValue(X), Q = getConstantIntValue(Y);
  if (P && Q && *Q != 0)
    return B.getIndexAttr(*P / *Q);
  if (Q == 1)
    return X;
  return folded(
      B, B.createOrFold<arith::DivSIOp>(sizeValue(B, X), sizeValue(B, Y)));
}

OpFoldResult maxSize(Builder &B, OpFoldResult X, OpFoldResult Y) {
  std::optional<int64_t> P = getConstantIntValue(X), Q = getConstantIntValue(Y);
  if (P && Q)
    return B.getIndexAttr(std::max(*P, *Q));
  return folded(
      B, B.createOrFold<arith::MaxSIOp>(sizeValue(B, X), sizeValue(B, Y)));
}

OpFoldResult product(Builder &B, ArrayRef<OpFoldResult> Sizes) {
  OpFoldResult P = B.getIndexAttr(1);
  for (OpFoldResult S : Sizes)
    P = mulSize(B, P, S);
  return P;
}

SmallVector<int64_t> staticShape(ArrayRef<OpFoldResult> Sizes) {
  return llvm::map_to_vector(Sizes, [](OpFoldResult S) {
    std::optional<int64_t> C = getConstantIntValue(S);
    return C ? *C : ShapedType::kDynamic;
  });
}

} // namespace lathe::lower

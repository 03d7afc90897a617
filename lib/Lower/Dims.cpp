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
  auto Func = dyn_cast_if_present<func::FuncOp>(Arg.getOwner()->getParentOp());
  if (!Func || !Arg.getOwner()->isEntryBlock() ||
      Arg.getArgNumber() >= Func.getNumArguments())
    return "";
  auto Dims = Func.getArgAttrOfType<ArrayAttr>(Arg.getArgNumber(), "onnx.dims");
  if (!Dims || D >= static_cast<int64_t>(Dims.size()))
    return "";
  auto Name = dyn_cast<StringAttr>(Dims[D]);
  return Name ? Name.getValue() : "";
}

/// Follows a size upwards as far as no arithmetic is needed: the size, or
/// nothing, and then \p V and \p D say where it was left.
static OpFoldResult follow(Value &V, int64_t &D) {
  while (true) {
    auto Type = cast<RankedTensorType>(V.getType());
    if (!Type.isDynamicDim(D))
      return IntegerAttr::get(IndexType::get(V.getContext()),
                              Type.getDimSize(D));
    Operation *Def = V.getDefiningOp();
    if (!Def)
      return {};
    if (auto Dps = dyn_cast<DestinationStyleOpInterface>(Def)) {
      V = Dps.getTiedOpOperand(cast<OpResult>(V))->get();
    } else if (auto Cast = dyn_cast<tensor::CastOp>(Def)) {
      if (!isa<RankedTensorType>(Cast.getSource().getType()))
        return {};
      V = Cast.getSource();
    } else if (auto Empty = dyn_cast<tensor::EmptyOp>(Def)) {
      return Empty.getMixedSizes()[D];
    } else if (auto Expand = dyn_cast<tensor::ExpandShapeOp>(Def)) {
      return Expand.getMixedOutputShape()[D];
    } else if (auto Collapse = dyn_cast<tensor::CollapseShapeOp>(Def)) {
      ReassociationIndices Group = Collapse.getReassociationIndices()[D];
      if (Group.size() != 1)
        return {};
      V = Collapse.getSrc();
      D = Group[0];
    } else if (auto Slice = dyn_cast<tensor::ExtractSliceOp>(Def)) {
      llvm::SmallBitVector Dropped = Slice.getDroppedDims();
      int64_t At = -1, Source = 0;
      for (; Source < static_cast<int64_t>(Dropped.size()); ++Source)
        if (!Dropped[Source] && ++At == D)
          break;
      return Slice.getMixedSizes()[Source];
    } else if (auto Insert = dyn_cast<tensor::InsertSliceOp>(Def)) {
      V = Insert.getDest();
    } else if (auto Insert = dyn_cast<tensor::InsertOp>(Def)) {
      V = Insert.getDest();
    } else if (auto Concat = dyn_cast<tensor::ConcatOp>(Def);
               Concat && static_cast<int64_t>(Concat.getDim()) != D) {
      V = Concat.getInputs().front();
    } else {
      return {};
    }
  }
}

OpFoldResult dimOf(Builder &B, Value V, int64_t D) {
  if (OpFoldResult Size = follow(V, D)) {
    // What has not been folded yet must not differ from what has.
    if (std::optional<int64_t> C = getConstantIntValue(Size))
      return B.getIndexAttr(*C);
    return Size;
  }
  if (Operation *Def = V.getDefiningOp()) {
    if (auto Collapse = dyn_cast<tensor::CollapseShapeOp>(Def)) {
      OpFoldResult P = B.getIndexAttr(1);
      ReassociationIndices Group = Collapse.getReassociationIndices()[D];
      for (int64_t I : Group)
        P = mulSize(B, P, dimOf(B, Collapse.getSrc(), I));
      return P;
    }
    if (auto Pad = dyn_cast<tensor::PadOp>(Def)) {
      OpFoldResult S = dimOf(B, Pad.getSource(), D);
      S = addSize(B, S, Pad.getMixedLowPad()[D]);
      return addSize(B, S, Pad.getMixedHighPad()[D]);
    }
    if (auto Concat = dyn_cast<tensor::ConcatOp>(Def)) {
      OpFoldResult S = B.getIndexAttr(0);
      for (Value In : Concat.getInputs())
        S = addSize(B, S, dimOf(B, In, D));
      return S;
    }
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

/// Looks through what shape arithmetic is full of: casts between index and i64,
/// lists of scalars that are made only to be read again, sizes of intermediate
/// tensors.
static OpFoldResult skipWrapping(OpFoldResult Size) {
  while (auto V = dyn_cast_if_present<Value>(Size)) {
    if (std::optional<int64_t> C = getConstantIntValue(V))
      return IntegerAttr::get(IndexType::get(V.getContext()), *C);
    if (auto Cast = V.getDefiningOp<arith::IndexCastOp>()) {
      if (!Cast.getIn().getType().isInteger(64) &&
          !Cast.getIn().getType().isIndex())
        break;
      Size = Cast.getIn();
    } else if (auto Extract = V.getDefiningOp<tensor::ExtractOp>()) {
      auto From = Extract.getTensor().getDefiningOp<tensor::FromElementsOp>();
      std::optional<int64_t> At =
          Extract.getIndices().size() == 1
              ? getConstantIntValue(Extract.getIndices()[0])
              : std::optional<int64_t>(0);
      if (!From || Extract.getIndices().size() > 1 || !At || *At < 0 ||
          *At >= static_cast<int64_t>(From.getElements().size()))
        break;
      Size = From.getElements()[*At];
    } else if (auto Dim = V.getDefiningOp<tensor::DimOp>()) {
      std::optional<int64_t> At = Dim.getConstantIndex();
      Value Source = Dim.getSource();
      if (!At || !isa<RankedTensorType>(Source.getType()) ||
          *At >= cast<RankedTensorType>(Source.getType()).getRank())
        break;
      OpFoldResult Found = follow(Source, *At);
      if (!Found)
        break;
      Size = Found;
    } else {
      break;
    }
  }
  return Size;
}

/// Two sizes of arguments that carry one symbol.
static bool sameSymbol(Operation *X, Operation *Y) {
  auto P = dyn_cast<tensor::DimOp>(X), Q = dyn_cast<tensor::DimOp>(Y);
  if (!P || !Q)
    return false;
  auto A = dyn_cast<BlockArgument>(P.getSource()),
       B = dyn_cast<BlockArgument>(Q.getSource());
  std::optional<int64_t> D = P.getConstantIndex(), E = Q.getConstantIndex();
  if (!A || !B || !D || !E)
    return false;
  StringRef Symbol = symbolOf(A, *D);
  return !Symbol.empty() && Symbol == symbolOf(B, *E);
}

static bool sameValue(OpFoldResult X, OpFoldResult Y, unsigned &Steps);

namespace {
/// A size as a product of a number and of values that are no products.
struct Factors {
  int64_t Known = 1;
  SmallVector<Value, 4> Unknown;
};
} // namespace

/// Adds \p Size to \p F; divisions that come out even cancel.
static void factorize(OpFoldResult Size, Factors &F, unsigned &Steps) {
  if (Steps)
    --Steps;
  Size = skipWrapping(Size);
  if (std::optional<int64_t> C = getConstantIntValue(Size)) {
    F.Known *= *C;
    return;
  }
  Value V = cast<Value>(Size);
  if (auto Mul = V.getDefiningOp<arith::MulIOp>(); Mul && Steps) {
    factorize(Mul.getLhs(), F, Steps);
    factorize(Mul.getRhs(), F, Steps);
    return;
  }
  Operation *Div = V.getDefiningOp();
  if (isa_and_present<arith::DivSIOp, arith::DivUIOp>(Div) && Steps) {
    Factors P, Q;
    factorize(Div->getOperand(0), P, Steps);
    factorize(Div->getOperand(1), Q, Steps);
    bool Even = Q.Known != 0 && P.Known % Q.Known == 0;
    for (Value D : Q.Unknown) {
      auto *It = llvm::find_if(P.Unknown,
                               [&](Value N) { return sameValue(N, D, Steps); });
      Even &= It != P.Unknown.end();
      if (It != P.Unknown.end())
        P.Unknown.erase(It);
    }
    if (Even) {
      F.Known *= P.Known / Q.Known;
      F.Unknown.append(P.Unknown);
      return;
    }
  }
  F.Unknown.push_back(V);
}

/// Equality of pure scalar expressions: as products, then by structure;
/// bounded.
static bool sameValue(OpFoldResult X, OpFoldResult Y, unsigned &Steps) {
  Factors P, Q;
  factorize(X, P, Steps);
  factorize(Y, Q, Steps);
  if (P.Known == 0 || Q.Known == 0)
    return P.Known == Q.Known;
  if (P.Known != Q.Known || P.Unknown.size() != Q.Unknown.size())
    return false;
  auto Same = [&](Value L, Value R) {
    if (L == R)
      return true;
    Operation *M = L.getDefiningOp(), *N = R.getDefiningOp();
    if (M && N && sameSymbol(M, N))
      return true;
    if (!M || !N || Steps == 0 || M->getName() != N->getName() ||
        M->getNumRegions() || M->getNumOperands() != N->getNumOperands() ||
        !isMemoryEffectFree(M) ||
        M->getAttrDictionary() != N->getAttrDictionary() ||
        cast<OpResult>(L).getResultNumber() !=
            cast<OpResult>(R).getResultNumber() ||
        M->getResultTypes() != N->getResultTypes())
      return false;
    for (auto [A, B] : llvm::zip_equal(M->getOperands(), N->getOperands()))
      if (A != B && (!A.getType().isIntOrIndex() || !sameValue(A, B, Steps)))
        return false;
    return true;
  };
  for (Value U : P.Unknown) {
    auto *It = llvm::find_if(Q.Unknown, [&](Value R) { return Same(U, R); });
    if (It == Q.Unknown.end())
      return false;
    Q.Unknown.erase(It);
  }
  return true;
}

bool sameSize(OpFoldResult X, OpFoldResult Y) {
  if (X == Y)
    return true;
  std::optional<int64_t> P = getConstantIntValue(X), Q = getConstantIntValue(Y);
  if (P && Q)
    return P == Q;
  // Shapes computed by long chains share most of their values; a bound all the
  // same.
  unsigned Steps = 1000;
  return sameValue(X, Y, Steps);
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

/// \p Known of two constants; else the op on values, folded as far as it goes.
template <typename OpT>
static OpFoldResult
combine(Builder &B, OpFoldResult X, OpFoldResult Y,
        llvm::function_ref<int64_t(int64_t, int64_t)> Known) {
  std::optional<int64_t> P = getConstantIntValue(X), Q = getConstantIntValue(Y);
  if (P && Q)
    return B.getIndexAttr(Known(*P, *Q));
  return folded(B, B.createOrFold<OpT>(sizeValue(B, X), sizeValue(B, Y)));
}

OpFoldResult addSize(Builder &B, OpFoldResult X, OpFoldResult Y) {
  if (isConstantIntValue(X, 0))
    return Y;
  if (isConstantIntValue(Y, 0))
    return X;
  return combine<arith::AddIOp>(B, X, Y, std::plus<int64_t>());
}

OpFoldResult subSize(Builder &B, OpFoldResult X, OpFoldResult Y) {
  if (isConstantIntValue(Y, 0))
    return X;
  return combine<arith::SubIOp>(B, X, Y, std::minus<int64_t>());
}

OpFoldResult mulSize(Builder &B, OpFoldResult X, OpFoldResult Y) {
  if (isConstantIntValue(X, 1))
    return Y;
  if (isConstantIntValue(Y, 1))
    return X;
  if (isConstantIntValue(X, 0) || isConstantIntValue(Y, 0))
    return B.getIndexAttr(0);
  return combine<arith::MulIOp>(B, X, Y, std::multiplies<int64_t>());
}

OpFoldResult divSize(Builder &B, OpFoldResult X, OpFoldResult Y) {
  if (isConstantIntValue(Y, 1))
    return X;
  if (isConstantIntValue(Y, 0)) // the run's to report
    return folded(
        B, B.createOrFold<arith::DivSIOp>(sizeValue(B, X), sizeValue(B, Y)));
  return combine<arith::DivSIOp>(B, X, Y, std::divides<int64_t>());
}

OpFoldResult maxSize(Builder &B, OpFoldResult X, OpFoldResult Y) {
  return combine<arith::MaxSIOp>(
      B, X, Y, [](int64_t P, int64_t Q) { return std::max(P, Q); });
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

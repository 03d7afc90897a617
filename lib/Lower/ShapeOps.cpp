//===- ShapeOps.cpp - Reshapes, transposes, broadcasts --------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ops that give the same elements another shape or order. What is known at
// compile time is in types and indexing maps; nothing here computes on
// elements.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "IndexHelpers.h"
#include "TensorBuilder.h"
#include "lathe/Lower/MovementPatterns.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lathe::lower {

/// A value that is a size or made of sizes, hence not negative. As a target of
/// Reshape it is meant as it stands: a 0 there is an empty dimension.
/// \p Steps bounds the work: the expressions are graphs, not trees.
static bool isSize(Value V, unsigned &Steps) {
  Operation *Def = V.getDefiningOp();
  if (!Def || Steps == 0)
    return false;
  --Steps;
  auto Is = [&](Value Operand) { return isSize(Operand, Steps); };
  if (isa<tensor::DimOp>(Def))
    return true;
  if (isa<arith::IndexCastOp, arith::MulIOp, arith::AddIOp, arith::DivSIOp,
          arith::MinSIOp>(Def))
    return llvm::all_of(Def->getOperands(), Is);
  if (isa<arith::MaxSIOp>(Def))
    return llvm::any_of(Def->getOperands(), Is);
  if (auto Select = dyn_cast<arith::SelectOp>(Def))
    return Is(Select.getTrueValue()) && Is(Select.getFalseValue());
  std::optional<int64_t> N = getConstantIntValue(V);
  return N && *N >= 0;
}
static bool isSize(Value V) {
  unsigned Steps = 200;
  return isSize(V, Steps);
}

static LogicalResult lowerReshape(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0);
  RankedTensorType T = N.outType();
  if (T.hasStaticShape())
    return N.replace(B.reshape(Data, T, B.refine(T, Sizes(T.getRank()))));
  if (N.inType(1).getRank() != 1 || N.inType(1).isDynamicDim(0))
    return N.fail("the shape operand has no known length");
  Scalars Wanted = B.elements(N.in(1));
  bool AllowZero = N.i64("allowzero", 0);
  Sizes From = B.sizes(Data);
  // Negative stands for what is left over; only unknown values are compared.
  Scalar Fixed = B.index(1);
  Scalars Extents;
  for (auto [D, Want] : llvm::enumerate(Wanted)) {
    Scalar Extent = Want.toIndex();
    std::optional<int64_t> Known = Extent.constant();
    if (!T.isDynamicDim(D)) {
      Extent = B.index(T.getDimSize(D));
    } else if (!AllowZero && D < From.size() && (Known || !isSize(Extent))) {
      Extent = Known ? (*Known == 0 ? B.wrap(From[D]) : Extent)
                     : select(Extent == 0, B.wrap(From[D]), Extent);
    }
    Extents.push_back(Extent);
    Known = Extent.constant();
    if (Known ? *Known >= 0 : isSize(Extent))
      Fixed = Fixed * Extent;
    else
      Fixed = Fixed * select(Extent < 0, B.index(1), Extent);
  }
  Sizes Result;
  for (Scalar Extent : Extents) {
    std::optional<int64_t> Known = Extent.constant();
    if (Known ? *Known < 0 : !isSize(Extent)) {
      Scalar Rest = B.product(From) / smax(Fixed, B.index(1));
      Extent = Known ? Rest : select(Extent < 0, Rest, Extent);
    }
    Result.push_back(B.fold(Extent));
  }
  return N.replace(B.reshape(Data, T, Result));
}

static LogicalResult lowerFlatten(Node &N) {
  TensorBuilder B(N);
  Sizes From = B.sizes(N.in(0));
  int64_t Rank = From.size(), Axis = N.i64("axis", 1);
  if (Axis < 0)
    Axis += Rank;
  Sizes To = {B.fold(B.product(ArrayRef(From).take_front(Axis))),
              B.fold(B.product(ArrayRef(From).drop_front(Axis)))};
  return N.replace(B.reshape(N.in(0), N.outType(), To));
}

/// Squeeze and Unsqueeze: the result keeps the dimensions that are not ones.
static LogicalResult lowerSqueeze(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Sizes From = B.sizes(N.in(0)), To;
  SmallVector<bool> Gone(From.size(), false);
  if (N.has(1)) {
    auto Axes = N.constInts(1);
    if (!Axes && !T.hasStaticShape())
      return N.fail("'axes' must be a constant");
    for (int64_t A : Axes.value_or(SmallVector<int64_t>()))
      Gone[A < 0 ? A + From.size() : A] = true;
  } else {
    for (auto [D, Size] : llvm::enumerate(From))
      Gone[D] = isConstantIntValue(Size, 1);
  }
  for (auto [D, Size] : llvm::enumerate(From))
    if (!Gone[D])
      To.push_back(Size);
  if (T.hasStaticShape())
    To = B.refine(T, Sizes(T.getRank()));
  if (static_cast<int64_t>(To.size()) != T.getRank())
    return N.fail("which dimensions are 1 is not known at compile time; give "
                  "'axes' or fix the dimension with --dim");
  return N.replace(B.reshape(N.in(0), T, To));
}

static LogicalResult lowerUnsqueeze(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Sizes To(T.getRank());
  if (T.hasStaticShape())
    return N.replace(B.reshape(N.in(0), T, To));
  auto Axes = N.constInts(1);
  if (!Axes)
    return N.fail("'axes' must be a constant");
  for (int64_t A : *Axes)
    To[A < 0 ? A + T.getRank() : A] = B.attr(1);
  Sizes From = B.sizes(N.in(0));
  auto Next = From.begin();
  for (OpFoldResult &Size : To)
    if (!Size)
      Size = *Next++;
  return N.replace(B.reshape(N.in(0), T, To));
}

static LogicalResult lowerTranspose(Node &N) {
  TensorBuilder B(N);
  SmallVector<int64_t> Perm = N.ints("perm");
  int64_t Rank = N.inRank(0);
  if (Perm.empty())
    for (int64_t D = Rank - 1; D >= 0; --D)
      Perm.push_back(D);
  return N.replace(B.transpose(N.in(0), Perm, N.outType()));
}

/// Reads Data broadcast to To; dimensions are aligned at the back.
Value broadcastTo(TensorBuilder &B, Value Data, RankedTensorType T,
                  ArrayRef<OpFoldResult> To) {
  Sizes From = B.sizes(Data);
  int64_t Rank = T.getRank(), Lead = Rank - From.size();
  SmallVector<AffineExpr> Exprs;
  bool Known = true;
  for (auto [D, Size] : llvm::enumerate(From)) {
    bool IsOne = isConstantIntValue(Size, 1);
    // A dimension of unknown size is read straight only if it is the result's.
    if (!IsOne && !getConstantIntValue(Size) && !sameSize(Size, To[Lead + D]))
      Known = false;
    Exprs.push_back(IsOne ? B.getAffineConstantExpr(0)
                          : B.getAffineDimExpr(Lead + D));
  }
  if (Known)
    return B.view(Data, AffineMap::get(Rank, 0, Exprs, B.getContext()), T, To);
  return B.map(T, To, [&](Indices &I) {
    Scalars At;
    for (auto [D, Size] : llvm::enumerate(From)) {
      if (isConstantIntValue(Size, 1)) {
        At.push_back(B.index(0));
        continue;
      }
      Scalar Index = I[Lead + D];
      if (!getConstantIntValue(Size))
        Index = select(B.wrap(Size) == 1, B.index(0), Index);
      At.push_back(Index);
    }
    return B.load(Data, At);
  });
}

static LogicalResult lowerExpand(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Sizes From = B.sizes(N.in(0)), To(T.getRank());
  int64_t Lead = T.getRank() - From.size();
  if (!T.hasStaticShape()) {
    if (N.inType(1).isDynamicDim(0))
      return N.fail("the shape operand has no known length");
    Scalars Wanted = B.elements(N.in(1));
    int64_t WantLead = T.getRank() - Wanted.size();
    for (int64_t D = 0; D < T.getRank(); ++D) {
      Scalar Have = D < Lead ? B.index(1) : B.wrap(From[D - Lead]);
      Scalar Want = D < WantLead ? B.index(1) : Wanted[D - WantLead].toIndex();
      To[D] = B.fold(select(Have == 1, Want, Have));
    }
  }
  To = B.refine(T, To);
  return N.replace(broadcastTo(B, N.in(0), T, To));
}

static LogicalResult lowerTile(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Sizes From = B.sizes(N.in(0));
  Scalars Repeats = B.elements(N.in(1));
  // [a, b] tiled by [r, s] is [r, a, s, b] with r and s broadcast.
  Sizes Apart, To;
  SmallVector<AffineExpr> Exprs;
  for (auto [D, Size] : llvm::enumerate(From)) {
    Scalar Repeat = Repeats[D].toIndex();
    // What inference knows of the result says how often.
    if (std::optional<int64_t> N = getConstantIntValue(Size);
        N && *N > 0 && !T.isDynamicDim(D))
      Repeat = B.index(T.getDimSize(D) / *N);
    if (Repeat.constant() != 1)
      Apart.push_back(B.fold(Repeat));
    Exprs.push_back(B.getAffineDimExpr(Apart.size()));
    Apart.push_back(Size);
    To.push_back(B.fold(Repeat * B.wrap(Size)));
  }
  Value Wide =
      B.view(N.in(0), AffineMap::get(Apart.size(), 0, Exprs, B.getContext()),
             tensorOf(Apart, T.getElementType()), Apart);
  return N.replace(B.reshape(Wide, T, To));
}

/// The permuted reshape that both block ops are.
static LogicalResult rearrange(Node &N, TensorBuilder &B,
                               ArrayRef<OpFoldResult> Split,
                               ArrayRef<int64_t> Perm,
                               ArrayRef<OpFoldResult> To) {
  Type Element = N.outType().getElementType();
  Value Apart = B.reshape(N.in(0), tensorOf(Split, Element), Split);
  Sizes Moved;
  for (int64_t P : Perm)
    Moved.push_back(Split[P]);
  Value Transposed = B.transpose(Apart, Perm, tensorOf(Moved, Element));
  return N.replace(B.reshape(Transposed, N.outType(), To));
}

static LogicalResult lowerDepthToSpace(Node &N) {
  TensorBuilder B(N);
  Sizes S = B.sizes(N.in(0));
  Scalar Block = B.index(N.i64("blocksize", 1));
  OpFoldResult Blk = B.fold(Block);
  OpFoldResult C = B.fold(B.wrap(S[1]) / (Block * Block));
  Sizes To = {S[0], C, B.fold(B.wrap(S[2]) * Block),
              B.fold(B.wrap(S[3]) * Block)};
  if (N.str("mode", "DCR") == "CRD")
    return rearrange(N, B, {S[0], C, Blk, Blk, S[2], S[3]}, {0, 1, 4, 2, 5, 3},
                     To);
  return rearrange(N, B, {S[0], Blk, Blk, C, S[2], S[3]}, {0, 3, 4, 1, 5, 2},
                   To);
}

static LogicalResult lowerSpaceToDepth(Node &N) {
  TensorBuilder B(N);
  Sizes S = B.sizes(N.in(0));
  Scalar Block = B.index(N.i64("blocksize", 1));
  OpFoldResult Blk = B.fold(Block);
  OpFoldResult H = B.fold(B.wrap(S[2]) / Block),
               W = B.fold(B.wrap(S[3]) / Block);
  // With 'DCR', the only mode before opset 28, the block leads the channels.
  bool CRD = N.str("mode", "DCR") == "CRD";
  SmallVector<int64_t> Perm = CRD ? SmallVector<int64_t>{0, 1, 3, 5, 2, 4}
                                  : SmallVector<int64_t>{0, 3, 5, 1, 2, 4};
  return rearrange(N, B, {S[0], S[1], H, Blk, W, Blk}, Perm,
                   {S[0], B.fold(B.wrap(S[1]) * Block * Block), H, W});
}

static LogicalResult lowerShape(Node &N) {
  TensorBuilder B(N);
  int64_t Rank = N.inRank(0), Start = N.i64("start", 0),
          End = N.i64("end", Rank);
  auto Clamp = [&](int64_t A) {
    return std::clamp<int64_t>(A < 0 ? A + Rank : A, 0, Rank);
  };
  Scalars Elements;
  for (int64_t D = Clamp(Start), E = Clamp(End); D < E; ++D)
    Elements.push_back(B.dim(N.in(0), D).to(B.getI64Type()));
  return N.replace(B.fromElements(
      RankedTensorType::get({static_cast<int64_t>(Elements.size())},
                            B.getI64Type()),
      Elements));
}

static LogicalResult lowerSize(Node &N) {
  TensorBuilder B(N);
  Scalar Count = B.product(B.sizes(N.in(0)));
  return N.replace(B.fromElements(N.outType(), {Count.to(B.getI64Type())}));
}

static constexpr Lowering Table[] = {
    {"onnx.Reshape", lowerReshape},
    {"onnx.Flatten", lowerFlatten},
    {"onnx.Squeeze", lowerSqueeze},
    {"onnx.Unsqueeze", lowerUnsqueeze},
    {"onnx.Transpose", lowerTranspose},
    {"onnx.Expand", lowerExpand},
    {"onnx.Tile", lowerTile},
    {"onnx.DepthToSpace", lowerDepthToSpace},
    {"onnx.SpaceToDepth", lowerSpaceToDepth},
    {"onnx.Shape", lowerShape},
    {"onnx.Size", lowerSize},
};

void populateShapeLoweringPatterns(const StorageTypeConverter &Types,
                                   RewritePatternSet &Patterns) {
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower

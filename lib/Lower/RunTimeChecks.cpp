//===- RunTimeChecks.cpp - What only the run can find wrong ---------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A check is a `cf.assert` of main, whose node and reason become the status of
// the call. Indices of a tensor are checked by a small reduction beside the op
// that uses them: it writes one word of the workspace, and main tests that
// word. The op itself clamps its indices, so memory is safe whatever they are,
// and need not wait.
//
// What can be proved from constants and from the ops that make indices is not
// checked.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "IndexHelpers.h"
#include "Node.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe::lower {

void require(ImplicitLocOpBuilder &B, Value Condition, NodeReason Reason) {
  if (!matchPattern(Condition, m_One()))
    cf::AssertOp::create(B, Condition, textOf(Reason));
}

void requireSame(ImplicitLocOpBuilder &B, OpFoldResult X, OpFoldResult Y) {
  if (!sameSize(X, Y))
    require(B,
            B.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq,
                                          sizeValue(B, X), sizeValue(B, Y)),
            NodeReason::ShapeConflict);
}

void requireBroadcast(ImplicitLocOpBuilder &B, OpFoldResult Size,
                      OpFoldResult To) {
  Scalar S(B, sizeValue(B, Size)), T(B, sizeValue(B, To));
  require(B, (S == 1) | (S == T), NodeReason::ShapeConflict);
}

/// Something that every element of \p Idx is below, where the ops that made it
/// tell; none of them is negative then.
static std::optional<int64_t> bound(Value Idx, unsigned Depth = 0) {
  Operation *Def = Idx.getDefiningOp();
  if (!Def || Depth > 16)
    return std::nullopt;
  auto SizeAt = [](Value V, int64_t Axis) -> std::optional<int64_t> {
    auto T = dyn_cast<RankedTensorType>(V.getType());
    if (!T || T.getRank() == 0)
      return std::nullopt;
    int64_t Size = T.getDimSize(Axis < 0 ? Axis + T.getRank() : Axis);
    return ShapedType::isDynamic(Size) ? std::nullopt
                                       : std::optional<int64_t>(Size);
  };
  return llvm::TypeSwitch<Operation *, std::optional<int64_t>>(Def)
      .Case<onnx::ArgMaxOp, onnx::ArgMinOp>([&](auto Op) {
        return SizeAt(Op->getOperand(0), static_cast<int64_t>(Op.getAxis()));
      })
      .Case([&](onnx::TopKOp Op) -> std::optional<int64_t> {
        if (Idx != Op->getResult(1))
          return std::nullopt;
        return SizeAt(Op->getOperand(0), static_cast<int64_t>(Op.getAxis()));
      })
      .Case<onnx::CastOp, onnx::IdentityOp, onnx::ReshapeOp, onnx::SqueezeOp,
            onnx::UnsqueezeOp, onnx::FlattenOp, onnx::TransposeOp,
            onnx::ExpandOp, onnx::TileOp, onnx::SliceOp, onnx::GatherOp,
            onnx::GatherElementsOp, onnx::GatherNDOp>(
          [&](auto Op) -> std::optional<int64_t> {
            auto From = dyn_cast<ShapedType>(Op->getOperand(0).getType());
            if (!From || !isa<IntegerType>(From.getElementType()))
              return std::nullopt;
            return bound(Op->getOperand(0), Depth + 1);
          })
      .Case([&](onnx::ConcatOp Op) -> std::optional<int64_t> {
        int64_t Most = 0;
        for (Value V : Op->getOperands()) {
          std::optional<int64_t> Of = bound(V, Depth + 1);
          if (!Of)
            return std::nullopt;
          Most = std::max(Most, *Of);
        }
        return Most;
      })
      .Default([](Operation *) { return std::nullopt; });
}

/// Whether every index is known to be allowed.
static bool isProved(Node &N, unsigned Operand, ArrayRef<Scalar> Dims) {
  RankedTensorType T = N.inType(Operand);
  if (llvm::is_contained(T.getShape(), 0))
    return true;
  auto Sizes = llvm::map_to_vector(Dims, [](Scalar D) { return D.constant(); });
  if (!llvm::all_of(Sizes, [](auto &S) { return S.has_value(); }))
    return false;
  if (auto Known = N.constInts(Operand)) {
    for (auto [I, At] : llvm::enumerate(*Known)) {
      int64_t Size = *Sizes[I % Sizes.size()];
      if (At < -Size || At >= Size)
        return false;
    }
    return true;
  }
  std::optional<int64_t> Below = bound(N.original(Operand));
  return Below &&
         llvm::all_of(Sizes, [&](auto &Size) { return *Below <= *Size; });
}

static Scalar isInside(Scalar I, Scalar Dim) {
  return (I < Dim) & (I >= I.same(0) - Dim);
}

void requireIndex(TensorBuilder &B, Scalar I, Scalar Dim) {
  require(B, isInside(I.toIndex(), Dim), NodeReason::OutOfRange);
}

void requireIndices(TensorBuilder &B, Node &N, unsigned Operand,
                    ArrayRef<Scalar> Dims) {
  if (Dims.empty() || isProved(N, Operand, Dims))
    return;
  Value Idx = N.in(Operand);
  RankedTensorType T = N.inType(Operand);
  Type Element = T.getElementType();
  int64_t Rank = T.getRank();
  // Few indices, as scalars: no kernel of their own.
  if (T.hasStaticShape() && Rank <= 1 &&
      T.getNumElements() <= int64_t(Dims.size())) {
    for (auto [I, At] : llvm::enumerate(B.elements(Idx)))
      requireIndex(B, At, Dims[I]);
    return;
  }
  // One limit for all of them, or one for each place in the last dimension.
  Values Ins = {Idx};
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(Rank)};
  Scalars Limits;
  for (Scalar D : Dims)
    Limits.push_back(D.to(Element));
  if (Dims.size() > 1) {
    int64_t Count = Dims.size();
    Ins.push_back(
        B.fromElements(RankedTensorType::get({Count}, Element), Limits));
    Maps.push_back(AffineMap::get(Rank, 0, {B.getAffineDimExpr(Rank - 1)},
                                  B.getContext()));
  }
  Maps.push_back(AffineMap::get(Rank, 0, B.getContext()));
  auto FlagType = RankedTensorType::get({}, Element);
  Value None = B.fill(FlagType, {}, B.constant(Element, 0));
  auto Check = linalg::GenericOp::create(
      B, FlagType, Ins, None, Maps,
      SmallVector<utils::IteratorType>(Rank, utils::IteratorType::reduction),
      [&](OpBuilder &Inner, Location Loc, ValueRange Args) {
        ImplicitLocOpBuilder In(Loc, Inner);
        Scalar I(In, Args[0]),
            Limit(In, Args.size() > 2 ? Args[1] : Limits[0].value());
        Scalar Wrong = (I >= Limit) | (I < I.same(0) - Limit);
        linalg::YieldOp::create(
            In, Value(Wrong.toFromUnsigned(Element) | Scalar(In, Args.back())));
      });
  require(B, B.load(Check.getResult(0), {}) == 0, NodeReason::OutOfRange);
}

} // namespace lathe::lower

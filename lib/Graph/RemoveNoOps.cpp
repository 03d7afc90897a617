//===- RemoveNoOps.cpp - The pass graph-remove-no-ops ---------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A table from op to a function that says which value the first result equals,
// if any. The nodes are seen once, in order, so that each sees operands that
// are simplified already.
//
// Invariant: nothing is built; a node is replaced only where the types of both
// values are equal, or the operand's is more precise and no return sees it.
//
//===----------------------------------------------------------------------===//

#include "Match.h"
#include "lathe/Graph/Passes.h"
#include "llvm/ADT/StringMap.h"

namespace lathe::graph {
#define GEN_PASS_DEF_REMOVENOOPS
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// The value that result 0 of the op equals, or null.
using SameFn = Value (*)(Operation *);

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

/// True if two values with the same number of elements have the same shape.
static bool isSameShape(Value A, Value B) {
  RankedTensorType Left = getRanked(A), Right = getRanked(B);
  if (!Left || !Right || Left.getRank() != Right.getRank())
    return false;
  unsigned Unknown = 0;
  for (auto [X, Y] : llvm::zip(Left.getShape(), Right.getShape())) {
    bool IsUnknown = ShapedType::isDynamic(X) || ShapedType::isDynamic(Y);
    Unknown += IsUnknown;
    if (!IsUnknown && X != Y)
      return false;
  }
  // A single unknown size follows from the others, if none of them is 0.
  return Unknown == 0 ||
         (Unknown == 1 && !llvm::is_contained(Left.getShape(), 0) &&
          !llvm::is_contained(Right.getShape(), 0));
}

/// True if the static shapes are equal.
static bool isSameStaticShape(Value A, Value B) {
  RankedTensorType Left = getStatic(A), Right = getStatic(B);
  return Left && Right && Left.getShape() == Right.getShape();
}

static Value ifSame(Operation *Op, bool Same) {
  return Same ? Op->getOperand(0) : Value();
}

static Value always(Operation *Op) { return Op->getOperand(0); }

static Value ofView(Operation *Op) {
  return ifSame(Op, isSameShape(Op->getOperand(0), Op->getResult(0)));
}

static Value ofTranspose(Operation *Op) {
  SmallVector<int64_t> Perm = getPermutation(cast<onnx::TransposeOp>(Op));
  return ifSame(Op, getRank(Op->getOperand(0)) == int64_t(Perm.size()) &&
                        llvm::is_sorted(Perm));
}

/// Whether a list that counts from operand \p I on is known and all its
/// elements are \p Number.
static bool areAll(Operation *Op, unsigned I, double Number) {
  return isUniform(getOperand(Op, I), Number);
}

static Value ofSlice(Operation *Op) {
  Value Steps = getOperand(Op, 4);
  if (Steps && !isUniform(Steps, 1))
    return {};
  if (isSameStaticShape(Op->getOperand(0), Op->getResult(0)))
    return Op->getOperand(0);
  // To the end, whatever that is.
  auto Ends = getInts(getOperand(Op, 2));
  return ifSame(Op,
                areAll(Op, 1, 0) && Ends && llvm::all_of(*Ends, [](int64_t E) {
                  return E >= std::numeric_limits<int32_t>::max();
                }));
}

static Value ofPad(Operation *Op) { return ifSame(Op, areAll(Op, 1, 0)); }
static Value ofTile(Operation *Op) { return ifSame(Op, areAll(Op, 1, 1)); }

/// An Expand makes no dimension smaller.
static Value ofExpand(Operation *Op) {
  return ifSame(Op,
                isSameStaticShape(Op->getOperand(0), Op->getResult(0)) ||
                    (areAll(Op, 1, 1) && getRank(Op->getOperand(0)) >= 0 &&
                     getRank(Op->getOperand(0)) == getRank(Op->getResult(0))));
}

static Value ofResize(Operation *Op) {
  auto Resize = cast<onnx::ResizeOp>(Op);
  return ifSame(
      Op, Resize.getCoordinateTransformationMode() != "tf_crop_and_resize" &&
              isSameStaticShape(Resize.getX(), Resize.getY()) &&
              (!Resize.getScales() || isUniform(Resize.getScales(), 1)));
}

static Value ofGather(Operation *Op) {
  auto Indices = getInts(Op->getOperand(1));
  RankedTensorType Data = getRanked(Op->getOperand(0));
  if (!Indices || !Data || getRank(Op->getOperand(1)) != 1)
    return {};
  int64_t Size =
      Data.getDimSize(fromFront(getIntAttr(Op, "axis"), Data.getRank()));
  if (Size != int64_t(Indices->size()))
    return {};
  for (auto [I, Index] : llvm::enumerate(*Indices))
    if (fromFront(Index, Size) != int64_t(I))
      return {};
  return Op->getOperand(0);
}

static Value ofSingleOperand(Operation *Op) {
  return ifSame(Op, Op->getNumOperands() == 1);
}

static Value ofSplit(Operation *Op) {
  return ifSame(Op, Op->getNumResults() == 1);
}

static Value ofBlocks(Operation *Op) {
  return ifSame(Op, getIntAttr(Op, "blocksize") == 1);
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

static Value ofCast(Operation *Op) {
  auto From = dyn_cast<TensorType>(Op->getOperand(0).getType()),
       To = dyn_cast<TensorType>(Op->getResult(0).getType());
  return ifSame(Op, From && To && From.getElementType() == To.getElementType());
}

static Value ofDropout(Operation *Op) {
  auto Dropout = cast<onnx::DropoutOp>(Op);
  Value Training = Dropout.getTrainingMode();
  return ifSame(Op, Dropout.getMask().use_empty() &&
                        (!Training || isUniform(Training, 0)));
}

/// q(dq(x)) is x: a scale is positive, and what dq gives is an exact multiple
/// of it up to rounding that q takes back.
static Value ofQuantize(Operation *Op) {
  auto Dequantize = Op->getOperand(0).getDefiningOp<onnx::DequantizeLinearOp>();
  if (!Dequantize || !Dequantize->getResult(0).hasOneUse())
    return {};
  auto Quantize = cast<onnx::QuantizeLinearOp>(Op);
  auto SameConstant = [](Value A, Value B) {
    if (A == B)
      return true;
    auto Left = getConstant(A), Right = getConstant(B);
    return Left && Right && Left->getAttr() == Right->getAttr();
  };
  Value Zero = Quantize.getYZeroPoint(), OtherZero = Dequantize.getXZeroPoint();
  Value X = Dequantize.getX();
  return X.getType() == Op->getResult(0).getType() &&
                 SameConstant(Quantize.getYScale(), Dequantize.getXScale()) &&
                 SameConstant(Zero, OtherZero) &&
                 Quantize.getAxis() == Dequantize.getAxis() &&
                 Quantize.getBlockSize() == Dequantize.getBlockSize() &&
                 isFloat(Quantize.getX())
             ? X
             : Value();
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// The operand that is not the uniform \p Number, if broadcasting by it changes
/// no shape. \p Commutes: the number may stand left too.
static Value ofNeutral(Operation *Op, double Number, bool Commutes) {
  for (unsigned I : {1u, 0u}) {
    if (I == 0 && !Commutes)
      break;
    Value Other = Op->getOperand(1 - I);
    RankedTensorType Result = getRanked(Op->getResult(0)),
                     Kept = getRanked(Other),
                     Neutral = getRanked(Op->getOperand(I));
    if (!Result || !Kept || !Neutral || Kept.getRank() < Neutral.getRank())
      continue;
    // A neutral element of ones in every dimension never widens.
    bool Same = Kept == Result && Kept.hasStaticShape();
    Same |= Neutral.hasStaticShape() && Neutral.getNumElements() == 1;
    if (Same && isUniform(Op->getOperand(I), Number))
      return Other;
  }
  return {};
}
static Value ofAdd(Operation *Op) { return ofNeutral(Op, 0, true); }
static Value ofSub(Operation *Op) { return ofNeutral(Op, 0, false); }
static Value ofMul(Operation *Op) { return ofNeutral(Op, 1, true); }
static Value ofDiv(Operation *Op) { return ofNeutral(Op, 1, false); }
static Value ofPow(Operation *Op) { return ofNeutral(Op, 1, false); }
static Value ofAnd(Operation *Op) { return ofNeutral(Op, 1, true); }
static Value ofOr(Operation *Op) { return ofNeutral(Op, 0, true); }

static Value ofWhere(Operation *Op) {
  auto Where = cast<onnx::WhereOp>(Op);
  if (Where.getX() == Where.getY() &&
      isSameStaticShape(Where.getX(), Op->getResult(0)))
    return Where.getX();
  auto Known = getUniform(Where.getCondition());
  if (!Known)
    return {};
  Value Taken = *Known != 0 ? Where.getX() : Where.getY();
  return isSameStaticShape(Taken, Op->getResult(0)) ? Taken : Value();
}

/// f(f(x)) is f(x).
static Value ofIdempotent(Operation *Op) {
  Operation *Inner = Op->getOperand(0).getDefiningOp();
  return ifSame(Op, Inner && Inner->getName() == Op->getName() &&
                        Inner->getAttrDictionary() == Op->getAttrDictionary());
}
/// f(f(x)) is x.
static Value ofInvolution(Operation *Op) {
  Operation *Inner = Op->getOperand(0).getDefiningOp();
  return Inner && Inner->getName() == Op->getName() ? Inner->getOperand(0)
                                                    : Value();
}
/// Nothing to clamp where the operand is already as bounded.
static Value ofRelu(Operation *Op) {
  Operation *Inner = Op->getOperand(0).getDefiningOp();
  if (!Inner)
    return {};
  if (isa<onnx::SigmoidOp, onnx::SoftmaxOp, onnx::AbsOp, onnx::ExpOp,
          onnx::HardSigmoidOp, onnx::SoftplusOp>(Inner))
    return Op->getOperand(0);
  if (auto Clip = dyn_cast<onnx::ClipOp>(Inner)) {
    auto Least = getUniform(getOperand(Clip, 1));
    return ifSame(Op, Least && *Least >= 0);
  }
  return ofIdempotent(Op);
}
static Value ofClip(Operation *Op) {
  if (Op->getNumOperands() == 1)
    return Op->getOperand(0);
  auto Inner = Op->getOperand(0).getDefiningOp<onnx::ClipOp>();
  auto Known = [](Value V, double Otherwise) -> std::optional<double> {
    return V ? getUniform(V) : Otherwise;
  };
  double Infinity = std::numeric_limits<double>::infinity();
  auto Low = Known(getOperand(Op, 1), -Infinity),
       High = Known(getOperand(Op, 2), Infinity);
  if (!Low || !High)
    return {};
  if (*Low == -Infinity && *High == Infinity)
    return Op->getOperand(0);
  if (!Inner)
    return {};
  auto InnerLow = Known(getOperand(Inner, 1), -Infinity),
       InnerHigh = Known(getOperand(Inner, 2), Infinity);
  return ifSame(Op, InnerLow && InnerHigh && *InnerLow >= *Low &&
                        *InnerHigh <= *High && *InnerLow <= *InnerHigh);
}

//===----------------------------------------------------------------------===//
// Windows and reductions
//===----------------------------------------------------------------------===//

/// A reduction that keeps dimensions, over axes of size one.
static Value ofReduction(Operation *Op) {
  RankedTensorType Type = getRanked(Op->getOperand(0));
  auto Axes = getAxes(Op);
  if (!Axes || !Type)
    return {};
  // Without axes there is nothing to keep either.
  return ifSame(Op, (Axes->empty() || getIntAttr(Op, "keepdims")) &&
                        llvm::all_of(*Axes, [&](int64_t A) {
                          return Type.getDimSize(A) == 1;
                        }));
}

static Value ofPooling(Operation *Op) {
  auto Is = [&](StringRef Name, int64_t Number) {
    auto List = Op->getAttrOfType<DenseI64ArrayAttr>(Name);
    return !List || llvm::all_of(List.asArrayRef(),
                                 [&](int64_t V) { return V == Number; });
  };
  return ifSame(Op, Is("kernel_shape", 1) && Is("strides", 1) &&
                        Is("pads", 0) &&
                        isSameShape(Op->getOperand(0), Op->getResult(0)));
}

static Value ofGlobalPooling(Operation *Op) {
  RankedTensorType Type = getRanked(Op->getOperand(0));
  return ifSame(Op,
                Type && llvm::all_of(Type.getShape().drop_front(2),
                                     [](int64_t Size) { return Size == 1; }));
}

namespace {
struct Row {
  StringLiteral Op;
  SameFn Fn;
};
} // namespace

static constexpr Row Rows[] = {
    {"Abs", ofIdempotent},
    {"Add", ofAdd},
    {"And", ofAnd},
    {"AveragePool", ofPooling},
    {"Cast", ofCast},
    {"CastLike", ofCast},
    {"Ceil", ofIdempotent},
    {"Clip", ofClip},
    {"Concat", ofSingleOperand},
    {"DepthToSpace", ofBlocks},
    {"Div", ofDiv},
    {"Dropout", ofDropout},
    {"Expand", ofExpand},
    {"Flatten", ofView},
    {"Floor", ofIdempotent},
    {"Gather", ofGather},
    {"GlobalAveragePool", ofGlobalPooling},
    {"GlobalMaxPool", ofGlobalPooling},
    {"Identity", always},
    {"Max", ofSingleOperand},
    {"MaxPool", ofPooling},
    {"Mean", ofSingleOperand},
    {"Min", ofSingleOperand},
    {"Mul", ofMul},
    {"Neg", ofInvolution},
    {"Not", ofInvolution},
    {"Or", ofOr},
    {"Pad", ofPad},
    {"Pow", ofPow},
    {"QuantizeLinear", ofQuantize},
    {"ReduceMax", ofReduction},
    {"ReduceMean", ofReduction},
    {"ReduceMin", ofReduction},
    {"ReduceProd", ofReduction},
    {"ReduceSum", ofReduction},
    {"Relu", ofRelu},
    {"Reshape", ofView},
    {"Resize", ofResize},
    {"Round", ofIdempotent},
    {"Slice", ofSlice},
    {"SpaceToDepth", ofBlocks},
    {"Split", ofSplit},
    {"Squeeze", ofView},
    {"Sub", ofSub},
    {"Sum", ofSingleOperand},
    {"Tile", ofTile},
    {"Transpose", ofTranspose},
    {"Unsqueeze", ofView},
    {"Where", ofWhere},
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// \p New says of the value all that \p Old says, and whoever uses \p Old may
/// see it.
static bool mayStandFor(Value Old, Value New) {
  if (Old.getType() == New.getType())
    return true;
  RankedTensorType From = getRanked(Old), To = getRanked(New);
  if (!From || !To || From.getElementType() != To.getElementType() ||
      From.getRank() != To.getRank())
    return false;
  for (auto [X, Y] : llvm::zip(From.getShape(), To.getShape()))
    if (X != Y && !ShapedType::isDynamic(X))
      return false;
  return llvm::none_of(Old.getUsers(), [](Operation *User) {
    return User->hasTrait<OpTrait::IsTerminator>();
  });
}

namespace {
struct RemoveNoOpsPass : graph::impl::RemoveNoOpsBase<RemoveNoOpsPass> {
  LogicalResult initialize(MLIRContext *Context) override {
    for (const Row &R : Rows)
      Table[OperationName(("onnx." + R.Op).str(), Context)
                .getAsOpaquePointer()] = R.Fn;
    return success();
  }

  void runOnOperation() override {
    SmallVector<Operation *> Dead;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *Op) {
      SameFn Fn = Table.lookup(Op->getName().getAsOpaquePointer());
      if (!Fn || Op->getNumOperands() == 0 || Op->use_empty())
        return;
      // Other results have no value to stand for them.
      if (llvm::any_of(Op->getResults().drop_front(),
                       [](Value R) { return !R.use_empty(); }))
        return;
      Value Same = Fn(Op);
      if (!Same || !mayStandFor(Op->getResult(0), Same))
        return;
      Op->getResult(0).replaceAllUsesWith(Same);
      Dead.push_back(Op);
      ++Removed;
    });
    for (Operation *Op : llvm::reverse(Dead))
      Op->erase();
  }

private:
  llvm::DenseMap<const void *, SameFn> Table;
};
} // namespace

//===- FuseNorms.cpp - The pass graph-fuse-norms --------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The core, (x - mean) / sqrt(variance + epsilon) or x / sqrt(mean square +
// epsilon), is found first; the scale and the shift that follow it belong to
// the op where they are constants of the right shape. The axes decide which op
// it is: trailing ones a LayerNormalization, all behind the channels an
// InstanceNormalization, the channels alone a LayerNormalization between two
// transposes.
//
//===----------------------------------------------------------------------===//

#include "Fusion.h"
#include "lathe/Graph/Passes.h"

namespace lathe::graph {
#define GEN_PASS_DEF_GRAPHFUSENORMS
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

namespace {
/// x normalised, without scale and shift.
struct Core {
  Value X;
  SmallVector<int64_t> Axes;
  double Epsilon = 0;
};
} // namespace

//===----------------------------------------------------------------------===//
// The core
//===----------------------------------------------------------------------===//

static auto squareOf(Value &X) {
  return oneOf(op<onnx::PowOp>(is(X), num(2)), mul(is(X), is(X)));
}
/// 1 / sqrt(\p P)
template <typename P> static auto inverseRoot(P Inner) {
  using namespace onnx;
  return oneOf(op<ReciprocalOp>(op<SqrtOp>(Inner)),
               div(num(1), op<SqrtOp>(Inner)), op<PowOp>(Inner, num(-0.5)));
}
template <typename P> static auto root(P Inner) {
  using namespace onnx;
  return oneOf(op<SqrtOp>(Inner), op<PowOp>(Inner, num(0.5)));
}

/// The axes of a ReduceMean that keeps its dimensions.
static std::optional<SmallVector<int64_t>> meanAxes(Value Mean) {
  auto Op = Mean.getDefiningOp<onnx::ReduceMeanOp>();
  if (!Op || !Op.getKeepdims())
    return std::nullopt;
  return getAxes(Op);
}

/// Mean square of C over the axes, plus epsilon.
static auto variance(Value &C, Value &Mean, double &Epsilon) {
  return add(as(Mean, op<onnx::ReduceMeanOp>(squareOf(C))), numInto(Epsilon));
}

/// \p V as X minus its mean, over its deviation.
static std::optional<Core> matchCentred(Value V, Trail &T) {
  Core Found;
  Value Centred, Mean, MeanSquare;
  auto Difference = as(
      Centred, sub(is(Found.X), as(Mean, op<onnx::ReduceMeanOp>(is(Found.X)))));
  auto Variance = variance(Centred, MeanSquare, Found.Epsilon);
  if (!matches(V,
               oneOf(div(Difference, root(Variance)),
                     mul(Difference, inverseRoot(Variance))),
               T))
    return std::nullopt;
  auto Axes = meanAxes(Mean);
  if (!Axes || Axes->empty() || Axes != meanAxes(MeanSquare))
    return std::nullopt;
  Found.Axes = *Axes;
  return Found;
}

/// \p V as X over the root of its mean square.
static std::optional<Core> matchRootMeanSquare(Value V, Trail &T) {
  Core Found;
  Value MeanSquare;
  auto Variance = variance(Found.X, MeanSquare, Found.Epsilon);
  if (!matches(V,
               oneOf(div(is(Found.X), root(Variance)),
                     mul(is(Found.X), inverseRoot(Variance))),
               T))
    return std::nullopt;
  auto Axes = meanAxes(MeanSquare);
  if (!Axes || Axes->empty())
    return std::nullopt;
  Found.Axes = *Axes;
  return Found;
}

//===----------------------------------------------------------------------===//
// Scale and shift
//===----------------------------------------------------------------------===//

/// The constant \p V, broadcast against a value of type \p X, as numbers over
/// the dimensions \p Dims of X; nullopt if it varies along others.
static std::optional<SmallVector<double>> alongDims(Value V, RankedTensorType X,
                                                    ArrayRef<int64_t> Dims) {
  RankedTensorType Type = getRanked(V);
  if (!Type || Type.getElementType() != X.getElementType() ||
      Type.getRank() > X.getRank())
    return std::nullopt;
  SmallVector<int64_t> Sizes, Strides;
  int64_t Total = 1, Stride = 1, Lead = X.getRank() - Type.getRank();
  SmallVector<int64_t> Own(X.getRank(), 0);
  for (int64_t D = Type.getRank() - 1; D >= 0; --D) {
    int64_t Size = Type.getDimSize(D);
    if (Size != 1 &&
        (!llvm::is_contained(Dims, D + Lead) || Size != X.getDimSize(D + Lead)))
      return std::nullopt;
    Own[D + Lead] = Size == 1 ? 0 : Stride;
    Stride *= Size;
  }
  for (int64_t D : Dims) {
    if (X.isDynamicDim(D))
      return std::nullopt;
    Sizes.push_back(X.getDimSize(D));
    Strides.push_back(Own[D]);
    Total *= X.getDimSize(D);
  }
  auto Given = getFloats(V);
  if (!Given)
    return std::nullopt;
  SmallVector<double> All(Total);
  for (int64_t I = 0; I < Total; ++I) {
    int64_t From = 0, Rest = I;
    for (int64_t D = Dims.size() - 1; D >= 0; --D) {
      From += Rest % Sizes[D] * Strides[D];
      Rest /= Sizes[D];
    }
    All[I] = (*Given)[From];
  }
  return All;
}

namespace {
/// The end of a chain core -> scale -> shift.
struct Affine {
  Operation *Root;
  std::optional<SmallVector<double>> Scale, Shift;
};
} // namespace

/// Follows the only users of \p Core as long as they scale and shift by
/// constants along \p Dims.
static Affine followAffine(Operation *Core, RankedTensorType X,
                           ArrayRef<int64_t> Dims, Trail &T) {
  Affine A{Core, {}, {}};
  auto Take = [&](auto OpT, std::optional<SmallVector<double>> &Into) {
    using Op = decltype(OpT);
    auto Next = dyn_cast_or_null<Op>(getSingleUser(A.Root->getResult(0)));
    if (!Next || Next->getResult(0).getType() != X)
      return;
    Value Other = Next->getOperand(0) == A.Root->getResult(0)
                      ? Next->getOperand(1)
                      : Next->getOperand(0);
    if (!isConstant(Other))
      return;
    Into = alongDims(Other, X, Dims);
    if (Into) {
      T.pass(A.Root);
      A.Root = Next;
    }
  };
  Take(onnx::MulOp(), A.Scale);
  Take(onnx::AddOp(), A.Shift);
  return A;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

/// The axes are \p First, First + 1, ... up to the last dimension.
static bool areTrailing(ArrayRef<int64_t> Axes, int64_t Rank) {
  return llvm::equal(Axes, llvm::seq<int64_t>(Rank - Axes.size(), Rank));
}

static Value numbersOr(NodeBuilder &B, RankedTensorType X,
                       ArrayRef<int64_t> Dims,
                       const std::optional<SmallVector<double>> &Given,
                       double Default) {
  SmallVector<int64_t> Shape;
  for (int64_t D : Dims)
    Shape.push_back(X.getDimSize(D));
  auto Type = RankedTensorType::get(Shape, X.getElementType());
  return Given ? B.constant(Type, *Given) : B.constant(Type, Default);
}

/// A norm that computes in f64 says so; narrower ones compute in f32.
static NamedAttribute stash(NodeBuilder &B, RankedTensorType X) {
  return B.attr("stash_type", int64_t(X.getElementType().isF64() ? 11 : 1));
}

static bool buildCentred(Operation *Root, Fuser &F, const Core &C, Trail &T) {
  RankedTensorType X = getRanked(C.X);
  if (!X || !isFloat(C.X) || Root->getResult(0).getType() != X)
    return false;
  int64_t Rank = X.getRank();
  bool Trailing = areTrailing(C.Axes, Rank);
  bool Channels = !Trailing && C.Axes.size() == 1 && C.Axes[0] == 1;
  // Behind the channels; the parameters tell it from a layer norm.
  bool Spatial = Trailing && Rank > 2 && int64_t(C.Axes.size()) == Rank - 2;
  if (!Trailing && !Channels)
    return false;
  auto Mark = T.mark();
  Affine A = followAffine(Root, X, C.Axes, T);
  bool Instance = false;
  if (Spatial && A.Root == Root && !X.isDynamicDim(1)) {
    T.undo(Mark);
    A = followAffine(Root, X, {1}, T);
    Instance = Rank > 3 || A.Root != Root;
  }
  SmallVector<int64_t> Dims =
      Instance ? SmallVector<int64_t>{1} : SmallVector<int64_t>(C.Axes);
  if (llvm::any_of(Dims, [&](int64_t D) { return X.isDynamicDim(D); }) ||
      !T.isClosed(A.Root))
    return false;
  NodeBuilder B = F.at(A.Root, T.ops());
  Value Scale = numbersOr(B, X, Dims, A.Scale, 1),
        Shift =
            A.Shift || Instance ? numbersOr(B, X, Dims, A.Shift, 0) : Value();
  NamedAttribute Epsilon = B.attr("epsilon", C.Epsilon);
  if (Instance)
    return F.replace(
        A.Root, B.op("InstanceNormalization", {C.X, Scale, Shift}, Epsilon, X));
  Value In = C.X;
  int64_t Axis = C.Axes.front();
  SmallVector<int64_t> Last, Back;
  if (Channels) {
    Last.push_back(0);
    llvm::append_range(Last, llvm::seq<int64_t>(2, Rank));
    Last.push_back(1);
    Back = {0, Rank - 1};
    llvm::append_range(Back, llvm::seq<int64_t>(1, Rank - 1));
    In = B.transpose(In, Last);
    Axis = Rank - 1;
  }
  Value Y = B.op("LayerNormalization", {In, Scale, Shift},
                 {B.attr("axis", Axis == Rank - 1 ? int64_t(-1) : Axis),
                  Epsilon, stash(B, X)},
                 In.getType());
  if (Channels)
    Y = B.transpose(Y, Back);
  return F.replace(A.Root, Y);
}

static bool buildRootMeanSquare(Operation *Root, Fuser &F, Core C, Trail &T) {
  RankedTensorType X = getRanked(C.X);
  if (!X || !isFloat(C.X) || Root->getResult(0).getType() != X ||
      !areTrailing(C.Axes, X.getRank()))
    return false;
  // Computed wider than the value is: the op does so by itself.
  Operation *End = Root;
  if (auto Wider = C.X.getDefiningOp<onnx::CastOp>())
    if (auto Back =
            dyn_cast_or_null<onnx::CastOp>(getSingleUser(Root->getResult(0)));
        Back && Back.getType() == Wider.getInput().getType() &&
        isFloat(Wider.getInput()) && X.getElementType().isF32()) {
      T.pass(Root);
      End = Back;
      C.X = Wider.getInput();
      X = getRanked(C.X);
    }
  Affine A = followAffine(End, X, C.Axes, T);
  if (A.Shift || // no such op
      llvm::any_of(C.Axes, [&](int64_t D) { return X.isDynamicDim(D); }))
    return false;
  if (!T.isClosed(A.Root))
    return false;
  NodeBuilder B = F.at(A.Root, T.ops());
  int64_t Axis = C.Axes.front();
  return F.replace(
      A.Root,
      B.op("RMSNormalization", {C.X, numbersOr(B, X, C.Axes, A.Scale, 1)},
           {B.attr("axis", Axis == X.getRank() - 1 ? int64_t(-1) : Axis),
            B.attr("epsilon", C.Epsilon), stash(B, X)},
           X));
}

static bool fuseCentred(Operation *Root, Fuser &F) {
  Trail T;
  auto Found = matchCentred(Root->getResult(0), T);
  return Found && buildCentred(Root, F, *Found, T);
}

static bool fuseRootMeanSquare(Operation *Root, Fuser &F) {
  Trail T;
  auto Found = matchRootMeanSquare(Root->getResult(0), T);
  return Found && buildRootMeanSquare(Root, F, *Found, T);
}

/// x inv + (shift - mean inv), with inv = scale / deviation: TensorFlow's
/// batch_normalization on moments.
static bool fuseMoments(Operation *Root, Fuser &F) {
  Core C;
  Value Inverse, Shift, Mean, Scale, Centred, MeanSquare;
  Trail T;
  if (!matches(
          Root->getResult(0),
          add(sub(weight(Shift),
                  mul(as(Mean, op<onnx::ReduceMeanOp>(is(C.X))), is(Inverse))),
              mul(is(C.X), is(Inverse))),
          T))
    return false;
  auto Variance = variance(Centred, MeanSquare, C.Epsilon);
  if (!matches(Inverse,
               oneOf(mul(inverseRoot(Variance), weight(Scale)),
                     inverseRoot(Variance)),
               T) ||
      !matches(Centred, oneOf(sub(is(C.X), is(Mean)), sub(is(Mean), is(C.X))),
               T))
    return false;
  auto Axes = meanAxes(Mean);
  RankedTensorType X = getRanked(C.X);
  if (!Axes || Axes->empty() || Axes != meanAxes(MeanSquare) || !X ||
      !isFloat(C.X) || Root->getResult(0).getType() != X ||
      !areTrailing(*Axes, X.getRank()) || !T.isClosed(Root))
    return false;
  auto Shifts = alongDims(Shift, X, *Axes);
  std::optional<SmallVector<double>> Scales;
  if (Scale && !(Scales = alongDims(Scale, X, *Axes)))
    return false;
  if (!Shifts ||
      llvm::any_of(*Axes, [&](int64_t D) { return X.isDynamicDim(D); }))
    return false;
  NodeBuilder B = F.at(Root, T.ops());
  int64_t Axis = Axes->front();
  return F.replace(
      Root, B.op("LayerNormalization",
                 {C.X, numbersOr(B, X, *Axes, Scales, 1),
                  numbersOr(B, X, *Axes, Shifts, 0)},
                 {B.attr("axis", Axis == X.getRank() - 1 ? int64_t(-1) : Axis),
                  B.attr("epsilon", C.Epsilon), stash(B, X)},
                 X));
}

//===----------------------------------------------------------------------===//
// Groups and lengths
//===----------------------------------------------------------------------===//

/// [n, c, ...] -> [n, groups, rest] -> instance norm -> [n, c, ...], then scale
/// and shift by channel.
static bool fuseGroups(Operation *Root, Fuser &F) {
  auto Norm = cast<onnx::InstanceNormalizationOp>(Root);
  auto Split = Norm.getInput().getDefiningOp<onnx::ReshapeOp>();
  auto Join =
      dyn_cast_or_null<onnx::ReshapeOp>(getSingleUser(Norm.getOutput()));
  if (!Split || !Join || Join.getData() != Norm.getOutput() ||
      !isUniform(Norm.getScale(), 1) || !isUniform(Norm.getB(), 0))
    return false;
  RankedTensorType X = getRanked(Split.getData()),
                   Groups = getRanked(Split.getResult());
  if (!X || !Groups || X.getRank() < 3 || Groups.getRank() < 3 ||
      Join.getResult().getType() != X || X.isDynamicDim(1) ||
      Groups.isDynamicDim(1) || X.getDimSize(1) % Groups.getDimSize(1))
    return false;
  // Both reshapes keep the batch, and the second undoes the first.
  auto Given = getInts(Split.getShape());
  bool SameBatch =
      (!X.isDynamicDim(0) && X.getDimSize(0) == Groups.getDimSize(0)) ||
      (Given && Given->front() == 0 && !Split.getAllowzero());
  auto Shape = Join.getShape().getDefiningOp<onnx::ShapeOp>();
  bool Undone =
      X.getNumDynamicDims() <= 1 ||
      (Shape && Shape.getData() == Split.getData() &&
       getRank(Shape.getShape()) == 1 && !Shape.getStart() && !Shape.getEnd());
  if (!SameBatch || !Undone)
    return false;
  Trail T;
  T.pass(Split);
  T.pass(Norm);
  Affine A = followAffine(Join, X, {1}, T);
  if (!T.isClosed(A.Root))
    return false;
  NodeBuilder B = F.at(A.Root, T.ops());
  return F.replace(
      A.Root,
      B.op("GroupNormalization",
           {Split.getData(), numbersOr(B, X, {1}, A.Scale, 1),
            numbersOr(B, X, {1}, A.Shift, 0)},
           {B.attr("num_groups", Groups.getDimSize(1)),
            B.attr("epsilon", double(Norm.getEpsilon().convertToFloat())),
            stash(B, X)},
           X));
}

/// sqrt(sum(x x)), over any axes.
static bool fuseLength(Operation *Root, Fuser &F) {
  Value X, Sum;
  Trail T;
  using namespace onnx;
  if (!matches(Root->getResult(0),
               op<SqrtOp>(as(Sum, oneOf(op<ReduceSumOp>(squareOf(X)),
                                        op<ReduceSumSquareOp>(is(X))))),
               T) ||
      !isFloat(X) || !T.isClosed(Root))
    return false;
  Operation *Reduce = Sum.getDefiningOp();
  NodeBuilder B = F.at(Root, T.ops());
  return F.replace(Root,
                   B.op("ReduceL2", {X, getOperand(Reduce, 1)},
                        {B.attr("keepdims", getIntAttr(Reduce, "keepdims")),
                         B.attr("noop_with_empty_axes",
                                getIntAttr(Reduce, "noop_with_empty_axes"))},
                        Root->getResult(0).getType()));
}

namespace {
struct FuseNormsPass : graph::impl::GraphFuseNormsBase<FuseNormsPass> {
  void runOnOperation() override {
    const Fusion Table[] = {
        {"onnx.Add", fuseMoments, &Centred},
        {"onnx.Div", fuseCentred, &Centred},
        {"onnx.Div", fuseRootMeanSquare, &RootMeanSquares},
        {"onnx.InstanceNormalization", fuseGroups, &Groups},
        {"onnx.Mul", fuseCentred, &Centred},
        {"onnx.Mul", fuseRootMeanSquare, &RootMeanSquares},
        {"onnx.Sqrt", fuseLength, &Lengths},
    };
    fuse(getOperation(), Table);
  }
};
} // namespace

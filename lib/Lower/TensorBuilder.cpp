//===- TensorBuilder.cpp - Tensor-level building blocks -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See TensorBuilder.h. Reshape lives in Reshape.cpp.
//
//===----------------------------------------------------------------------===//

#include "TensorBuilder.h"
#include "Common.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lathe::lower {

TensorBuilder::TensorBuilder(Node &N)
    : ImplicitLocOpBuilder(N.op()->getLoc(), N.rewriter()) {}

RankedTensorType tensorOf(ArrayRef<OpFoldResult> S, Type Element) {
  SmallVector<int64_t> Shape;
  for (OpFoldResult Size : S)
    Shape.push_back(getConstantIntValue(Size).value_or(ShapedType::kDynamic));
  return RankedTensorType::get(Shape, Element);
}

//===----------------------------------------------------------------------===//
// Scalars and sizes
//===----------------------------------------------------------------------===//

Scalar Indices::operator[](unsigned D) {
  if (Cache[D])
    return Cache[D];
  OpBuilder::InsertionGuard Guard(B);
  B.setInsertionPointToStart(Body);
  // A dimension of one element has no index to compute.
  if (isConstantIntValue(Extents[D], 1))
    Cache[D] = B.index(0);
  else
    Cache[D] = B.wrap(linalg::IndexOp::create(B, D).getResult());
  return Cache[D];
}

Scalars Indices::all() {
  Scalars Result;
  for (unsigned D = 0; D < size(); ++D)
    Result.push_back((*this)[D]);
  return Result;
}

Scalar TensorBuilder::wrap(OpFoldResult Size) {
  if (std::optional<int64_t> N = getConstantIntValue(Size))
    return index(*N);
  return wrap(cast<Value>(Size));
}

Scalar TensorBuilder::index(int64_t N) {
  return constantScalar(*this, getIndexType(), N);
}

Scalar TensorBuilder::dim(Value Tensor, int64_t D) {
  return wrap(dimOf(*this, Tensor, D));
}

Sizes TensorBuilder::sizes(Value Tensor) {
  Sizes Result;
  int64_t Rank = cast<RankedTensorType>(Tensor.getType()).getRank();
  for (int64_t D = 0; D < Rank; ++D)
    Result.push_back(size(Tensor, D));
  return Result;
}

OpFoldResult TensorBuilder::fold(Scalar S) {
  if (std::optional<int64_t> N = S.constant())
    return getIndexAttr(*N);
  return S.toIndex().value();
}

Sizes TensorBuilder::refine(RankedTensorType T, ArrayRef<OpFoldResult> S) {
  Sizes Result;
  for (int64_t D = 0; D < T.getRank(); ++D)
    Result.push_back(T.isDynamicDim(D) ? S[D] : attr(T.getDimSize(D)));
  return Result;
}

Scalar TensorBuilder::product(ArrayRef<OpFoldResult> S) {
  Scalar Result = index(1);
  for (OpFoldResult Size : S)
    Result = Result * wrap(Size);
  return Result;
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

/// The sizes of those dimensions that are dynamic in T.
static SmallVector<Value> dynamicSizes(TensorBuilder &B, RankedTensorType T,
                                       ArrayRef<OpFoldResult> S) {
  SmallVector<Value> Result;
  for (int64_t D = 0; D < T.getRank(); ++D)
    if (T.isDynamicDim(D))
      Result.push_back(B.wrap(S[D]));
  return Result;
}

Value TensorBuilder::empty(RankedTensorType T, ArrayRef<OpFoldResult> S) {
  return tensor::EmptyOp::create(*this, T, dynamicSizes(*this, T, S));
}

Value TensorBuilder::fill(RankedTensorType T, ArrayRef<OpFoldResult> S,
                          Scalar V) {
  return linalg::FillOp::create(*this, ValueRange{V.value()},
                                ValueRange{empty(T, S)})
      .getResult(0);
}

Value TensorBuilder::castTo(Value Tensor, RankedTensorType T) {
  if (Tensor.getType() == T)
    return Tensor;
  return tensor::CastOp::create(*this, T, Tensor);
}

Scalar TensorBuilder::load(Value Tensor, ArrayRef<Scalar> Idx) {
  SmallVector<Value> At;
  for (Scalar I : Idx)
    At.push_back(I.toIndex());
  return wrap(createOrFold<tensor::ExtractOp>(Tensor, At));
}

Value TensorBuilder::store(Scalar V, Value Tensor, ArrayRef<Scalar> Idx) {
  SmallVector<Value> At;
  for (Scalar I : Idx)
    At.push_back(I.toIndex());
  return tensor::InsertOp::create(*this, V, Tensor, At);
}

Scalars TensorBuilder::elements(Value Tensor) {
  auto T = cast<RankedTensorType>(Tensor.getType());
  if (auto Cast = Tensor.getDefiningOp<tensor::CastOp>())
    Tensor = Cast.getSource();
  Scalars Result;
  if (auto From = Tensor.getDefiningOp<tensor::FromElementsOp>()) {
    for (Value V : From.getElements())
      Result.push_back(wrap(V));
    return Result;
  }
  if (T.getRank() == 0)
    return {load(Tensor, {})};
  for (int64_t I = 0; I < T.getNumElements(); ++I)
    Result.push_back(load(Tensor, {index(I)}));
  return Result;
}

Value TensorBuilder::fromElements(RankedTensorType T,
                                  ArrayRef<Scalar> Elements) {
  SmallVector<Value> Vs(Elements.begin(), Elements.end());
  if (Vs.empty())
    return tensor::EmptyOp::create(*this, T, ValueRange());
  return tensor::FromElementsOp::create(*this, T, Vs);
}

Value TensorBuilder::slice(Value Tensor, RankedTensorType T,
                           ArrayRef<OpFoldResult> Offsets,
                           ArrayRef<OpFoldResult> Extents,
                           ArrayRef<OpFoldResult> Strides) {
  auto From = cast<RankedTensorType>(Tensor.getType());
  Sizes Refined(Extents.begin(), Extents.end());
  if (T.getRank() == From.getRank())
    Refined = refine(T, Extents);
  // Nothing of a tensor may lie past its end, which a slice may not say.
  if (llvm::any_of(Refined,
                   [](OpFoldResult N) { return isConstantIntValue(N, 0); }) &&
      T.getRank() == From.getRank())
    return empty(T, Refined);
  // A slice of everything is the tensor itself.
  bool Whole = T.getRank() == From.getRank();
  for (int64_t D = 0; Whole && D < From.getRank(); ++D)
    Whole = isConstantIntValue(Offsets[D], 0) &&
            isConstantIntValue(Strides[D], 1) && !From.isDynamicDim(D) &&
            isConstantIntValue(Refined[D], From.getDimSize(D));
  if (Whole)
    return castTo(Tensor, T);
  RankedTensorType Sliced =
      T.getRank() == From.getRank()
          ? tensorOf(Refined, T.getElementType())
          : RankedTensorType(
                tensor::ExtractSliceOp::inferCanonicalRankReducedResultType(
                    T.getRank(), From, Refined));
  Value Result = tensor::ExtractSliceOp::create(*this, Sliced, Tensor, Offsets,
                                                Refined, Strides);
  return castTo(Result, T);
}

Value TensorBuilder::insertSlice(Value Source, Value Dest,
                                 ArrayRef<OpFoldResult> Offsets,
                                 ArrayRef<OpFoldResult> Extents) {
  SmallVector<OpFoldResult> Ones(Offsets.size(), attr(1));
  return tensor::InsertSliceOp::create(*this, Source, Dest, Offsets, Extents,
                                       Ones);
}

Value TensorBuilder::concat(int64_t Axis, ValueRange Ins, RankedTensorType T) {
  if (Ins.size() == 1)
    return castTo(Ins.front(), T);
  RankedTensorType Inferred =
      tensor::ConcatOp::inferResultType(Axis, Ins.getTypes());
  return castTo(tensor::ConcatOp::create(*this, Inferred, Axis, Ins), T);
}

Value TensorBuilder::view(Value Tensor, AffineMap Map, RankedTensorType T,
                          ArrayRef<OpFoldResult> S) {
  return map(T, S, Tensor, Map,
             [](Indices &, ArrayRef<Scalar> In) { return In[0]; });
}

Value TensorBuilder::transpose(Value Tensor, ArrayRef<int64_t> Perm,
                               RankedTensorType T) {
  Sizes Extents;
  for (int64_t P : Perm)
    Extents.push_back(size(Tensor, P));
  Value Init = empty(T, Extents);
  return linalg::TransposeOp::create(*this, Tensor, Init, Perm)->getResult(0);
}

Value TensorBuilder::map(RankedTensorType T, ArrayRef<OpFoldResult> S,
                         function_ref<Scalar(Indices &)> F) {
  return map(T, S, ValueRange(), {},
             [&](Indices &I, ArrayRef<Scalar>) { return F(I); });
}

Value TensorBuilder::map(RankedTensorType T, ArrayRef<OpFoldResult> S,
                         ValueRange Ins, ArrayRef<AffineMap> Maps,
                         function_ref<Scalar(Indices &, ArrayRef<Scalar>)> F) {
  Sizes Refined = refine(T, S);
  Value Init = empty(T, Refined);
  if (llvm::any_of(Refined,
                   [](OpFoldResult N) { return isConstantIntValue(N, 0); }))
    return Init;
  SmallVector<AffineMap> AllMaps(Maps.begin(), Maps.end());
  AllMaps.push_back(getMultiDimIdentityMap(T.getRank()));
  SmallVector<utils::IteratorType> Iterators(T.getRank(),
                                             utils::IteratorType::parallel);
  auto Op = linalg::GenericOp::create(*this, T, Ins, Init, AllMaps, Iterators);
  OpBuilder::InsertionGuard Guard(*this);
  SmallVector<Type> Types;
  for (Value In : Ins)
    Types.push_back(getElementTypeOrSelf(In.getType()));
  Types.push_back(T.getElementType());
  Block *Body = createBlock(&Op.getRegion(), {}, Types,
                            SmallVector<Location>(Types.size(), getLoc()));
  Indices I(*this, Body, Refined);
  Scalars Elements;
  for (unsigned N = 0; N < Ins.size(); ++N)
    Elements.push_back(wrap(Body->getArgument(N)));
  Scalar Result = F(I, Elements);
  linalg::YieldOp::create(*this, Result.value());
  return Op.getResult(0);
}

//===----------------------------------------------------------------------===//
// Scalar control flow and loop kernels
//===----------------------------------------------------------------------===//

Values TensorBuilder::loop(Scalar Lo, Scalar Hi, ValueRange Carried,
                           function_ref<Values(Scalar, ValueRange)> Body) {
  auto For = scf::ForOp::create(*this, Lo, Hi, index(1), Carried);
  mark(For);
  OpBuilder::InsertionGuard Guard(*this);
  // With nothing carried the op comes with its terminator.
  if (Carried.empty()) {
    setInsertionPoint(For.getBody()->getTerminator());
    Body(wrap(For.getInductionVar()), {});
    return {};
  }
  setInsertionPointToEnd(For.getBody());
  Values Next = Body(wrap(For.getInductionVar()), For.getRegionIterArgs());
  scf::YieldOp::create(*this, Next);
  return Values(For.getResults());
}

Values
TensorBuilder::nest(ArrayRef<Scalar> Extents, ValueRange Carried,
                    function_ref<Values(ArrayRef<Scalar>, ValueRange)> Body) {
  Scalars At;
  std::function<Values(ValueRange)> Build = [&](ValueRange Args) -> Values {
    if (At.size() == Extents.size())
      return Body(At, Args);
    return loop(index(0), Extents[At.size()], Args,
                [&](Scalar I, ValueRange Inner) {
                  At.push_back(I);
                  Values Next = Build(Inner);
                  At.pop_back();
                  return Next;
                });
  };
  return Build(Carried);
}

Values TensorBuilder::loopWhile(ValueRange Carried,
                                function_ref<Scalar(ValueRange)> Condition,
                                function_ref<Values(ValueRange)> Body) {
  SmallVector<Type> Types(Carried.getTypes());
  SmallVector<Location> Locs(Types.size(), getLoc());
  auto While = scf::WhileOp::create(*this, Types, Carried);
  mark(While);
  OpBuilder::InsertionGuard Guard(*this);
  Block *Before = createBlock(&While.getBefore(), {}, Types, Locs);
  Scalar Go = Condition(Before->getArguments());
  scf::ConditionOp::create(*this, Go, Before->getArguments());
  Block *After = createBlock(&While.getAfter(), {}, Types, Locs);
  scf::YieldOp::create(*this, Body(After->getArguments()));
  return Values(While.getResults());
}

Values TensorBuilder::branch(Scalar Condition, TypeRange Types,
                             function_ref<Values()> Then,
                             function_ref<Values()> Else) {
  auto If = scf::IfOp::create(*this, Types, Condition.value(),
                              /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard Guard(*this);
  setInsertionPointToEnd(If.thenBlock());
  scf::YieldOp::create(*this, Then());
  setInsertionPointToEnd(If.elseBlock());
  scf::YieldOp::create(*this, Else());
  return Values(If.getResults());
}

Values TensorBuilder::when(Scalar Condition, ValueRange Carried,
                           function_ref<Values()> Then) {
  return branch(Condition, Carried.getTypes(), Then,
                [&] { return Values(Carried); });
}

Values TensorBuilder::loopKernel(function_ref<Values()> Body) {
  bool Outer = std::exchange(InLoopKernel, true);
  Values Result = Body();
  InLoopKernel = Outer;
  return Result;
}

void TensorBuilder::mark(Operation *Loop) {
  if (InLoopKernel)
    Loop->setAttr("lathe.loop_kernel", getUnitAttr());
}

} // namespace lathe::lower
